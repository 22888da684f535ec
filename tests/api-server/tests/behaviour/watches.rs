//! Watches: what they begin with, what they tell, and how they end.

use serde_json::{Value, json};

use crate::client::{Client, LEASES, lease, path, told};

fn version(lease: &Value) -> &str {
    lease["metadata"]["resourceVersion"]
        .as_str()
        .expect("a resourceVersion")
}

#[test]
fn without_a_version_a_watch_begins_with_what_is_there_and_tells_of_no_other_namespace() {
    let client = Client::admin();
    client.create("a", json!({}));
    for query in ["", "resourceVersion=0", "resourceVersion="] {
        let mut events = client.watch(query);
        assert_eq!(
            events.next().as_ref().map(told),
            Some(("ADDED", "a")),
            "{query}"
        );
    }
    let client = Client::admin();
    let mut events = client.watch("");
    client
        .server
        .seed(json!({"metadata": {"name": "a", "namespace": "kube-system"}}));
    client.server.seed(json!({"metadata": {"name": "b"}}));
    assert_eq!(events.next().as_ref().map(told), Some(("ADDED", "b")));
}

#[test]
fn from_a_version_a_watch_replays_what_came_after_and_goes_on() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    client.create("b", json!({}));
    let mut events = client.watch(&format!("resourceVersion={}", version(&created)));
    assert_eq!(events.next().as_ref().map(told), Some(("ADDED", "b")));
    client.merge(&path("a"), &json!({"spec": {"holderIdentity": "x"}}));
    let event = events.next().expect("an event");
    assert_eq!(
        (told(&event), &event["object"]["spec"]),
        (("MODIFIED", "a"), &json!({"holderIdentity": "x"}))
    );
    client.delete(&path("a"));
    let event = events.next().expect("an event");
    assert_eq!(told(&event), ("DELETED", "a"));
    assert_eq!(
        version(&event["object"]),
        client.get(LEASES).version().to_string()
    );
}

#[test]
fn a_selector_turns_changes_into_additions_and_deletions() {
    let client = Client::admin();
    client.create("a", json!({}));
    client.create("b", json!({}));
    let mut by_label = client.watch("labelSelector=on");
    let mut by_name = client.watch("fieldSelector=metadata.name%3Da");
    assert_eq!(by_name.next().as_ref().map(told), Some(("ADDED", "a")));
    client.merge(&path("b"), &json!({"metadata": {"labels": {"on": "1"}}}));
    assert_eq!(by_label.next().as_ref().map(told), Some(("ADDED", "b")));
    client.merge(&path("b"), &json!({"metadata": {"labels": null}}));
    assert_eq!(by_label.next().as_ref().map(told), Some(("DELETED", "b")));
    client.merge(&path("a"), &json!({"spec": {"leaseTransitions": 1}}));
    assert_eq!(by_name.next().as_ref().map(told), Some(("MODIFIED", "a")));
}

#[test]
fn a_watch_from_before_a_compaction_is_told_that_it_is_too_old() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    let later = client.create("b", json!({}));
    let mut open = client.watch(&format!("resourceVersion={}", version(&later)));
    client.server.compact();
    let events: Vec<Value> = client
        .watch(&format!("resourceVersion={}", version(&created)))
        .collect();
    let message = format!(
        "too old resource version: {} ({})",
        version(&created),
        version(&later)
    );
    assert_eq!(
        events,
        [
            json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": "Expired", "code": 410}})
        ]
    );
    client.create("c", json!({}));
    assert_eq!(open.next().as_ref().map(told), Some(("ADDED", "c")));
}

#[test]
fn a_watch_ends_after_its_timeout_with_a_bookmark_if_wanted() {
    let client = Client::admin();
    let created = client.create("a", json!({}));
    let query = format!("timeoutSeconds=1&resourceVersion={}", version(&created));
    assert_eq!(client.watch(&query).count(), 0);
    let events: Vec<Value> = client
        .watch(&format!("{query}&allowWatchBookmarks=true"))
        .collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "BOOKMARK");
    assert_eq!(version(&events[0]["object"]), version(&created));
}

#[test]
fn an_update_that_empties_the_finalizers_is_told_as_a_deletion() {
    let client = Client::admin();
    let mut sent = lease("a", json!({}));
    sent["metadata"]["finalizers"] = json!(["x.io/f"]);
    let created = client.post(LEASES, &sent).body;
    client.delete(&path("a"));
    client.merge(&path("a"), &json!({"metadata": {"finalizers": null}}));
    let mut events = client.watch(&format!("resourceVersion={}", version(&created)));
    assert_eq!(events.next().as_ref().map(told), Some(("MODIFIED", "a")));
    assert_eq!(events.next().as_ref().map(told), Some(("DELETED", "a")));
}
