//! PATCH as server-side apply: who owns what afterwards, what is refused without force, and what is left out again.

use serde_json::{Value, json};

use crate::client::{Answer, Client, path};

fn apply(client: &Client, query: &str, spec: &Value) -> Answer {
    let body = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec });
    let path = format!("{}?{query}", path("a"));
    client.send(
        "PATCH",
        &path,
        "application/apply-patch+yaml",
        &body.to_string(),
    )
}

/// Manager, operation, and what of the spec it owns.
fn owners(answer: &Answer) -> Vec<(&str, &str, &Value)> {
    let entries = answer.body["metadata"]["managedFields"].as_array();
    let entries = entries.into_iter().flatten().map(|entry| {
        let text = |key| Value::as_str(&entry[key]).unwrap_or_default();
        (
            text("manager"),
            text("operation"),
            &entry["fieldsV1"]["f:spec"],
        )
    });
    entries.collect()
}

#[test]
fn what_is_applied_is_owned_and_taken_from_others_only_by_force() {
    let client = Client::admin();
    client.create(
        "a",
        json!({"holderIdentity": "x", "leaseDurationSeconds": 15}),
    );
    let spec = json!({"holderIdentity": "y", "leaseDurationSeconds": 15, "leaseTransitions": 1});
    let refused = apply(&client, "fieldManager=m", &spec);
    assert_eq!(
        (refused.code, refused.message()),
        (
            409,
            "Apply failed with 1 conflict: conflict with \"tester\" using coordination.k8s.io/v1: .spec.holderIdentity"
        )
    );
    let forced = apply(&client, "fieldManager=m&force=true", &spec);
    assert_eq!((forced.code, &forced.body["spec"]), (200, &spec));
    let all =
        json!({"f:holderIdentity": {}, "f:leaseDurationSeconds": {}, "f:leaseTransitions": {}});
    // A value that both want is both's.
    let shared = json!({"f:leaseDurationSeconds": {}});
    assert_eq!(
        owners(&forced),
        [("m", "Apply", &all), ("tester", "Update", &shared)]
    );
    // Left out: the other's stays, its own goes.
    let less = apply(&client, "fieldManager=m", &json!({"holderIdentity": "y"}));
    assert_eq!(
        less.body["spec"],
        json!({"holderIdentity": "y", "leaseDurationSeconds": 15})
    );
    let of_update = client.merge(&path("a"), &json!({"spec": {"holderIdentity": "z"}}));
    let both = json!({"f:holderIdentity": {}, "f:leaseDurationSeconds": {}});
    assert_eq!(owners(&of_update), [("tester", "Update", &both)]);
}

#[test]
fn an_apply_creates_names_its_manager_and_heeds_a_version() {
    let client = Client::admin();
    let made = apply(&client, "fieldManager=m", &json!({"holderIdentity": "x"}));
    let holder = json!({"f:holderIdentity": {}});
    assert_eq!(
        (made.code, owners(&made)),
        (201, vec![("m", "Apply", &holder)])
    );
    let nobody = apply(&client, "force=true", &json!({}));
    assert_eq!(
        (nobody.code, nobody.message()),
        (
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
        )
    );
    let body = r#"{"metadata":{"resourceVersion":"3"},"spec":{"holderIdentity":"y"}}"#;
    let at = format!("{}?fieldManager=m", path("a"));
    let stale = client.send("PATCH", &at, "application/apply-patch+yaml", body);
    assert_eq!(stale.code, 409);
    assert!(stale.message().contains("the object has been modified"));
}
