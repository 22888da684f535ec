//! DELETE, at once or once the finalizers are gone.

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
fn finalizers_keep_a_lease_until_an_update_empties_them() {
    let client = Client::admin();
    let mut sent = lease("a", json!({}));
    sent["metadata"]["finalizers"] = json!(["x.io/f"]);
    client.post(LEASES, &sent);
    let mut kept = client.delete(&path("a")).body;
    assert_eq!(kept["metadata"]["deletionGracePeriodSeconds"], 0);
    assert!(kept["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(client.delete(&path("a")).body, kept);
    kept["metadata"]["finalizers"] = json!([]);
    assert_eq!(client.put(&path("a"), &kept).code, 200);
    assert_eq!(client.get(&path("a")).code, 404);
}

#[test]
fn a_deletion_is_of_the_uid_and_version_that_it_names() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    let text = |field: &str| {
        created["metadata"][field]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    let (uid, version) = (text("uid"), text("resourceVersion"));
    let delete = |body: serde_json::Value| {
        client.send("DELETE", &path("a"), "application/json", &body.to_string())
    };
    let answer = delete(json!({"preconditions": {"uid": "x", "resourceVersion": "1"}}));
    assert_eq!(
        (answer.code, answer.message()),
        (
            409,
            format!("Operation cannot be fulfilled on Lease.coordination.k8s.io \"a\": the UID in the precondition (x) does not match the UID in record ({uid}). The object might have been deleted and then recreated").as_str()
        )
    );
    assert_eq!(
        answer.body["details"],
        json!({"name": "a", "group": "coordination.k8s.io", "kind": "Lease"})
    );
    let answer = delete(json!({"preconditions": {"uid": uid, "resourceVersion": "1"}}));
    assert_eq!(
        (answer.code, answer.message()),
        (
            409,
            format!("Operation cannot be fulfilled on Lease.coordination.k8s.io \"a\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({version}). The object might have been modified").as_str()
        )
    );
    let meant = json!({"uid": uid, "resourceVersion": version});
    for (options, code) in [
        (json!({"preconditions": meant, "dryRun": ["All"]}), 200),
        (json!({"dryRun": ["Some"]}), 422),
        (json!({"propagationPolicy": "Sideways"}), 422),
        (json!({"kind": "Lease"}), 500),
        (json!({"preconditions": {"uid": 5}}), 500),
    ] {
        assert_eq!(delete(options.clone()).code, code, "{options}");
        assert_eq!(client.get(&path("a")).code, 200, "{options}");
    }
    assert_eq!(
        client.delete(&format!("{}?dryRun=All", path("a"))).code,
        200
    );
    assert_eq!(client.get(&path("a")).code, 200);
    let answer = delete(
        json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": meant, "propagationPolicy": "Background"}),
    );
    assert_eq!(
        (answer.code, &answer.body["status"]),
        (200, &"Success".into())
    );
    assert_eq!(delete(json!({"preconditions": meant})).code, 404);
}

#[test]
fn options_in_the_query_do_not_count_beside_a_body() {
    let client = Client::admin();
    client.create("a", json!({}));
    client.send(
        "DELETE",
        &format!("{}?dryRun=All", path("a")),
        "application/json",
        "{}",
    );
    assert_eq!(client.get(&path("a")).code, 404);
}
