//! PUT: compare-and-swap by resourceVersion and uid, creation by update, and what counts as no change.

use serde_json::{Value, json};

use crate::client::{Client, LEASES, lease, path};

const ANOTHER_UID: &str = "11111111-1111-1111-1111-111111111111";

fn changed(lease: &Value, spec: Value) -> Value {
    let mut lease = lease.clone();
    lease["spec"] = spec;
    lease
}

#[test]
fn a_replace_with_the_current_version_is_stored_under_the_next() {
    let client = Client::admin();
    let created = client.create("a", json!({"holderIdentity": "x"}));
    let answer = client.put(
        &path("a"),
        &changed(&created, json!({"holderIdentity": ""})),
    );
    assert_eq!(answer.code, 200);
    assert_eq!(answer.body["spec"], json!({"holderIdentity": ""}));
    let before: u64 = created["metadata"]["resourceVersion"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a number");
    assert_eq!(answer.version(), before + 1);
    assert_eq!(answer.body["metadata"]["uid"], created["metadata"]["uid"]);
}

#[test]
fn a_stale_version_is_a_conflict_and_none_is_invalid() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    client.put(
        &path("a"),
        &changed(&created, json!({"holderIdentity": "x"})),
    );
    let answer = client.put(
        &path("a"),
        &changed(&created, json!({"holderIdentity": "y"})),
    );
    assert_eq!(
        (answer.code, answer.body["reason"].as_str()),
        (409, Some("Conflict"))
    );
    assert_eq!(
        answer.message(),
        "Operation cannot be fulfilled on leases.coordination.k8s.io \"a\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
    let client = Client::admin();
    client.create("a", json!({}));
    let answer = client.put(&path("a"), &lease("a", json!({"holderIdentity": "x"})));
    assert_eq!(answer.code, 422);
    assert_eq!(
        answer.message(),
        "leases.coordination.k8s.io \"a\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
    );
}

#[test]
fn another_uid_is_a_conflict_before_anything_else() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    let mut sent = changed(&created, json!({"leaseDurationSeconds": 0}));
    sent["metadata"]["uid"] = ANOTHER_UID.into();
    sent["metadata"]["resourceVersion"] = "5".into();
    let answer = client.put(&path("a"), &sent);
    assert_eq!(
        (answer.code, answer.body["reason"].as_str()),
        (409, Some("Conflict"))
    );
    assert_eq!(
        answer.message(),
        format!(
            "Operation cannot be fulfilled on leases.coordination.k8s.io \"a\": StorageError: invalid object, Code: 4, \
             Key: /registry/leases/default/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
             UID in precondition: {ANOTHER_UID}, UID in object meta: {}",
            created["metadata"]["uid"].as_str().expect("a uid")
        )
    );
}

#[test]
fn a_missing_lease_is_created_whatever_version_is_sent_unless_a_uid_is() {
    let client = Client::admin();
    assert_eq!(client.put(&path("a"), &lease("a", json!({}))).code, 201);
    let mut sent = lease("b", json!({}));
    sent["metadata"]["resourceVersion"] = "5".into();
    assert_eq!(client.put(&path("b"), &sent).code, 201);
    let client = Client::admin();
    for version in [None, Some("5")] {
        let mut sent = lease("a", json!({}));
        sent["metadata"]["uid"] = ANOTHER_UID.into();
        if let Some(version) = version {
            sent["metadata"]["resourceVersion"] = version.into();
        }
        let answer = client.put(&path("a"), &sent);
        assert_eq!(answer.code, 409);
        let end = format!("UID in precondition: {ANOTHER_UID}, UID in object meta: ");
        assert!(answer.message().ends_with(&end), "{}", answer.message());
    }
    assert_eq!(client.get(&path("a")).code, 404);
}

#[test]
fn a_replace_that_changes_nothing_keeps_the_version() {
    let client = Client::admin();
    let created = client.create("a", json!({"holderIdentity": "x"}));
    let other = client.user("admin").header("user-agent", "other/1");
    let answer = other.put(&path("a"), &created);
    assert_eq!((answer.code, &answer.body), (200, &created));
}

#[test]
fn name_and_namespace_must_be_those_of_the_path() {
    let client = Client::admin();
    client.create("a", json!({}));
    let answer = client.put(&path("a"), &lease("b", json!({})));
    let message = "the name of the object (b) does not match the name on the URL (a)";
    assert_eq!((answer.code, answer.message()), (400, message));
    let answer = client.put(&path("a"), &json!({"metadata": {}}));
    let message =
        "the name of the object (a based on URL) was undeterminable: name must be provided";
    assert_eq!((answer.code, answer.message()), (400, message));
    let mut sent = lease("a", json!({}));
    sent["metadata"]["namespace"] = "kube-system".into();
    let answer = client.put(&path("a"), &sent);
    let message = "the namespace of the object (kube-system) does not match the namespace on the request (default)";
    assert_eq!((answer.code, answer.message()), (400, message));
}

#[test]
fn a_dry_run_changes_nothing_and_timeouts_are_accepted() {
    let client = Client::admin();
    let created = client.create("a", json!({"holderIdentity": "x"}));
    let sent = changed(&created, json!({"holderIdentity": "y"}));
    let answer = client.put(&format!("{}?dryRun=All&timeout=5s", path("a")), &sent);
    assert_eq!(
        (answer.code, answer.body["spec"]["holderIdentity"].as_str()),
        (200, Some("y"))
    );
    assert_eq!(client.get(&path("a")).body, created);
}

#[test]
fn labels_and_other_metadata_survive_a_round_trip() {
    let client = Client::admin();
    let mut sent = lease("a", json!({}));
    sent["metadata"]["labels"] = json!({"a": "1"});
    sent["metadata"]["annotations"] = json!({"b": "2"});
    sent["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]);
    let created = client.post(LEASES, &sent).body;
    let answer = client.put(
        &path("a"),
        &changed(&created, json!({"leaseTransitions": 1})),
    );
    for field in [
        "labels",
        "annotations",
        "ownerReferences",
        "creationTimestamp",
        "uid",
    ] {
        assert_eq!(
            answer.body["metadata"][field], created["metadata"][field],
            "{field}"
        );
    }
}
