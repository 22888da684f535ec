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
