//! PATCH: merge patches, and the strategic ones that kubectl sends.

use serde_json::json;

use crate::client::{Client, path};

#[test]
fn a_merge_patch_changes_what_it_names_of_the_version_that_it_demands() {
    let client = Client::admin();
    client.create(
        "a",
        json!({"holderIdentity": "x", "leaseDurationSeconds": 15}),
    );
    let patch = json!({"metadata": {"annotations": {"q": "1"}}, "spec": {"holderIdentity": null, "leaseTransitions": 3}});
    let answer = client.merge(&path("a"), &patch);
    assert_eq!(answer.code, 200);
    assert_eq!(
        answer.body["spec"],
        json!({"leaseDurationSeconds": 15, "leaseTransitions": 3})
    );
    assert_eq!(answer.body["metadata"]["annotations"], json!({"q": "1"}));
    let client = Client::admin();
    client.create("a", json!({}));
    let answer = client.merge(
        &path("a"),
        &json!({"metadata": {"resourceVersion": "3", "annotations": {"q": "1"}}}),
    );
    assert!(
        answer.message().contains("the object has been modified"),
        "{}",
        answer.message()
    );
    let other = client.merge(&path("a"), &json!({"metadata": {"uid": "1"}}));
    assert_eq!(
        (other.code, other.message()),
        (
            422,
            "Lease.coordination.k8s.io \"a\" is invalid: metadata.uid: Invalid value: \"1\": field is immutable"
        )
    );
}

#[test]
fn a_missing_lease_is_not_found_and_other_patches_are_unsupported() {
    let client = Client::admin();
    let answer = client.merge(&path("a"), &json!({}));
    assert_eq!(
        (answer.code, answer.message()),
        (404, "leases.coordination.k8s.io \"a\" not found")
    );
    let answer = client.send("PATCH", &path("a"), "application/json", "{}");
    assert_eq!(
        (answer.code, answer.message()),
        (415, "415: Unsupported Media Type")
    );
}
