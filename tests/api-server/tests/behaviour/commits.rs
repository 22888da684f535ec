//! The log of committed writes.

use serde_json::{Value, json};

use crate::client::{Client, LEASES, lease, path};

#[test]
fn each_stored_write_is_logged_in_order_with_who_and_when_and_what_changed() {
    let client = Client::admin();
    let created = client.create("a", json!({"holderIdentity": "x"}));
    let mut next = created.clone();
    next["spec"]["holderIdentity"] = json!("y");
    let updated = client.put(&path("a"), &next).body;
    let patch = json!({"metadata": {"labels": {"k": "v"}}});
    let patched = client.merge(&path("a"), &patch).body;
    client.delete(&path("a"));

    let commits = client.server.commits();
    let told: Vec<_> = commits
        .iter()
        .map(|commit| (commit.verb, commit.user.as_deref(), commit.name.as_str()))
        .collect();
    assert_eq!(
        told,
        ["create", "update", "patch", "delete"].map(|verb| (verb, Some("admin"), "a"))
    );
    let after = [Some(created), Some(updated), Some(patched), None];
    let mut before: Option<Value> = None;
    for (commit, after) in commits.iter().zip(after) {
        assert_eq!(commit.before.as_deref(), before.as_ref());
        assert_eq!(commit.after.as_deref(), after.as_ref());
        let version = after
            .as_ref()
            .map(|lease| &lease["metadata"]["resourceVersion"]);
        let revision = json!(commit.revision.to_string());
        assert!(version.is_none_or(|version| *version == revision));
        assert!(
            commit
                .answered
                .is_some_and(|answered| commit.received <= answered)
        );
        before = after;
    }
    assert!(commits.is_sorted_by_key(|commit| (commit.revision, commit.received)));
}

#[test]
fn what_is_tried_refused_or_changes_nothing_is_not_logged_and_what_is_seeded_is_nobodys() {
    let client = Client::admin();
    let stored = client.server.seed(lease("a", json!({})));
    client.post(&format!("{LEASES}?dryRun=All"), &lease("b", json!({})));
    assert_eq!(client.put(&path("a"), &stored).code, 200);
    assert_eq!(client.post(LEASES, &stored).code, 400);
    let commits = client.server.commits();
    assert_eq!(commits.len(), 1);
    assert_eq!((commits[0].verb, &commits[0].user), ("seed", &None));
}
