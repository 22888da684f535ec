//! DELETE: preconditions, dry runs, finalizers, whole collections.

use serde_json::json;

use crate::client::{Client, LEASES, lease, path};

#[test]
fn a_deletion_answers_with_a_status_that_names_the_uid() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    let answer = client.delete(&path("a"));
    assert_eq!(
        answer.body,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "a", "group": "coordination.k8s.io", "kind": "leases", "uid": created["metadata"]["uid"]}})
    );
    assert_eq!(
        client.delete(&path("a")).message(),
        "leases.coordination.k8s.io \"a\" not found"
    );
}

#[test]
fn preconditions_that_are_not_met_are_conflicts() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    let text = |field: &str| {
        created["metadata"][field]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let answer = client.delete_with(&path("a"), &json!({"preconditions": {"uid": "zz"}}));
    assert_eq!(
        (answer.code, answer.message().to_owned()),
        (
            409,
            format!(
                "Operation cannot be fulfilled on Lease.coordination.k8s.io \"a\": the UID in the precondition (zz) does not match \
             the UID in record ({}). The object might have been deleted and then recreated",
                text("uid")
            )
        )
    );
    let answer = client.delete_with(
        &path("a"),
        &json!({"preconditions": {"resourceVersion": "3"}}),
    );
    assert_eq!(
        (answer.code, answer.message().to_owned()),
        (
            409,
            format!(
                "Operation cannot be fulfilled on Lease.coordination.k8s.io \"a\": the ResourceVersion in the precondition (3) does \
             not match the ResourceVersion in record ({}). The object might have been modified",
                text("resourceVersion")
            )
        )
    );
    let met =
        json!({"preconditions": {"uid": text("uid"), "resourceVersion": text("resourceVersion")}});
    assert_eq!(client.delete_with(&path("a"), &met).code, 200);
}

#[test]
fn a_dry_run_deletes_nothing() {
    let client = Client::admin();
    client.create("a", json!({}));
    assert_eq!(
        client.delete(&format!("{}?dryRun=All", path("a"))).code,
        200
    );
    assert_eq!(
        client
            .delete_with(&path("a"), &json!({"dryRun": ["All"]}))
            .code,
        200
    );
    let answer = client.delete_with(&path("a"), &json!({"dryRun": ["Foo"]}));
    assert!(
        answer
            .message()
            .starts_with("DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value")
    );
    assert_eq!(client.get(&path("a")).code, 200);
}

#[test]
fn finalizers_keep_a_lease_until_an_update_empties_them() {
    let client = Client::admin();
    let mut sent = lease("a", json!({}));
    sent["metadata"]["finalizers"] = json!(["x.io/f"]);
    client.post(LEASES, &sent);
    let mut kept = client.delete(&path("a")).body;
    assert_eq!(kept["metadata"]["deletionGracePeriodSeconds"], 0);
    assert!(kept["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(client.delete(&path("a")).body, kept);
    let mut more = kept.clone();
    more["metadata"]["finalizers"] = json!(["x.io/f", "x.io/g"]);
    let answer = client.put(&path("a"), &more);
    assert!(
        answer
            .message()
            .contains("found new finalizers []string{\"x.io/g\"}"),
        "{}",
        answer.message()
    );
    kept["metadata"]["finalizers"] = json!([]);
    assert_eq!(client.put(&path("a"), &kept).code, 200);
    assert_eq!(client.get(&path("a")).code, 404);
}
