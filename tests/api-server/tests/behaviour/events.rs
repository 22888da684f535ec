//! Events, in both their API groups: how they are found, and what is demanded of them.

use serde_json::{Value, json};

use crate::client::{Answer, Client};

pub const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

pub fn event(name: &str, lease: &str) -> Value {
    json!({
        "metadata": {"name": name}, "eventTime": "2026-01-01T00:00:00.123456Z",
        "regarding": {"kind": "Lease", "namespace": "default", "name": lease, "uid": "u"},
        "reportingController": "kubectl-lease", "reportingInstance": "host", "action": "Acquire",
        "reason": "LeaseAcquired", "type": "Normal", "note": "taken",
    })
}

pub fn said(answer: &Answer) -> (u16, &str) {
    (answer.code, answer.message())
}

pub fn names(answer: &Answer) -> Vec<&str> {
    let items = answer.body["items"].as_array().expect("a list");
    let name = |item: &Value| item["metadata"]["name"].is_string();
    assert!(items.iter().all(name), "{items:?}");
    items
        .iter()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect()
}

#[test]
fn events_are_found_by_what_they_are_about_in_both_their_faces() {
    let client = Client::admin();
    for (name, lease) in [("e1", "a"), ("e2", "b")] {
        let created = client.post(EVENTS, &event(name, lease));
        assert_eq!(created.code, 201, "{}", created.body);
    }
    let found = |selector: &str| client.get(&format!("{EVENTS}?fieldSelector={selector}"));
    assert_eq!(
        names(&found(
            "regarding.name%3Da%2Cregarding.kind%3DLease%2Cregarding.uid%3Du"
        )),
        ["e1"]
    );
    assert_eq!(
        names(&found(
            "reason%3DLeaseAcquired%2Cregarding.namespace%3Ddefault"
        )),
        ["e1", "e2"]
    );
    assert_eq!(
        said(&found("involvedObject.name%3Da")),
        (400, "field label not supported: involvedObject.name")
    );
    let core =
        client.get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da");
    let older = &core.body["items"][0];
    assert_eq!(
        (
            &older["involvedObject"]["name"],
            &older["message"],
            &older["reportingComponent"]
        ),
        (&"a".into(), &"taken".into(), &"kubectl-lease".into())
    );
    assert_eq!(
        client.delete(&format!("{EVENTS}/e1")).body["details"]["group"],
        "events.k8s.io"
    );
}

#[test]
fn an_event_without_what_the_newer_face_demands_is_invalid() {
    let client = Client::admin();
    let without = |field: &str| {
        let mut event = event("e", "a");
        event[field] = Value::Null;
        client.post(EVENTS, &event)
    };
    for (field, told) in [
        (
            "eventTime",
            "Event \"e\" is invalid: eventTime: Required value",
        ),
        (
            "reportingInstance",
            "Event \"e\" is invalid: reportingInstance: Required value",
        ),
        ("action", "Event \"e\" is invalid: action: Required value"),
        ("reason", "Event \"e\" is invalid: reason: Required value"),
        (
            "type",
            "Event \"e\" is invalid: type: Invalid value: \"\": has invalid value: ",
        ),
        (
            "regarding",
            "Event \"e\" is invalid: involvedObject.namespace: Invalid value: \"\": does not match event.namespace",
        ),
    ] {
        assert_eq!(said(&without(field)), (422, told));
    }
    assert!(
        without("reportingController").message().starts_with(
            "Event \"e\" is invalid: [reportingController: Required value, reportingController: Invalid value: \"\": name part must be non-empty,"
        )
    );
    let mut long = event("e", "a");
    long["note"] = "x".repeat(1025).into();
    assert_eq!(
        said(&client.post(EVENTS, &long)),
        (
            422,
            "Event \"e\" is invalid: message: Invalid value: \"\": can have at most 1024 characters"
        )
    );
    let mut coarse = event("e", "a");
    coarse["eventTime"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(client.post(EVENTS, &coarse).code, 400);
}

#[test]
fn a_generated_name_begins_as_asked() {
    let client = Client::admin();
    let mut sent = event("", "a");
    sent["metadata"] = json!({"generateName": "a-"});
    let name = client.post(EVENTS, &sent).body["metadata"]["name"].clone();
    let name = name.as_str().expect("a name");
    assert!(name.starts_with("a-") && name.len() == 7, "{name}");
    sent["metadata"] = json!({"generateName": "a."});
    assert_eq!(client.post(EVENTS, &sent).code, 422);
    let tried = client.post(&format!("{EVENTS}?dryRun=All"), &event("tried", "a"));
    assert_eq!(
        (tried.code, &tried.body["metadata"]["resourceVersion"]),
        (201, &Value::Null)
    );
    assert_eq!(client.get(&format!("{EVENTS}/tried")).code, 404);
}
