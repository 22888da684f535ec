//! Pods, Nodes, Events and LeaseCandidates: what is kept of them, and how the server refuses.

use lease_api_server::{Options, Rule, User};
use serde_json::{Value, json};

use crate::client::{Answer, Client};

const PODS: &str = "/api/v1/namespaces/default/pods";
const NODES: &str = "/api/v1/nodes";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
const CANDIDATES: &str = "/apis/coordination.k8s.io/v1beta1/namespaces/default/leasecandidates";

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
}

fn event(name: &str, lease: &str) -> Value {
    json!({
        "metadata": {"name": name}, "eventTime": "2026-01-01T00:00:00.123456Z",
        "regarding": {"kind": "Lease", "namespace": "default", "name": lease, "uid": "u"},
        "reportingController": "kubectl-lease", "reportingInstance": "host", "action": "Acquire",
        "reason": "LeaseAcquired", "type": "Normal", "note": "taken",
    })
}

fn said(answer: &Answer) -> (u16, &str) {
    (answer.code, answer.message())
}

fn names(answer: &Answer) -> Vec<&str> {
    let items = answer.body["items"].as_array().expect("a list");
    let name = |item: &'_ Value| item["metadata"]["name"].as_str().map(str::len);
    assert!(items.iter().all(|item| name(item).is_some()));
    items
        .iter()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect()
}

#[test]
fn an_object_is_created_read_listed_and_deleted() {
    let client = Client::admin();
    let created = client.post(PODS, &pod("p"));
    assert_eq!(created.code, 201, "{}", created.body);
    assert_eq!(
        (
            created.body["kind"].as_str(),
            created.body["apiVersion"].as_str(),
            created.body["metadata"]["namespace"].as_str(),
            created.body["status"]["phase"].as_str()
        ),
        (Some("Pod"), Some("v1"), Some("default"), Some("Pending"))
    );
    assert_eq!(client.get(&format!("{PODS}/p")).body, created.body);
    assert_eq!(
        said(&client.post(PODS, &pod("p"))),
        (409, "pods \"p\" already exists")
    );
    let list = client.get(PODS);
    assert_eq!(
        (list.body["kind"].as_str(), names(&list)),
        (Some("PodList"), vec!["p"])
    );
    assert!(list.version() >= created.version());
    assert_eq!(names(&client.get("/api/v1/pods")), ["p"]);
    assert_eq!(
        names(&client.get("/api/v1/namespaces/kube-system/pods")),
        [""; 0]
    );
    assert_eq!(client.delete(&format!("{PODS}/p")).body["kind"], "Pod");
    assert_eq!(
        said(&client.get(&format!("{PODS}/p"))),
        (404, "pods \"p\" not found")
    );
    let node = client.post(NODES, &json!({"metadata": {"name": "n"}}));
    assert_eq!(
        (node.code, &node.body["metadata"]["namespace"]),
        (201, &Value::Null)
    );
    let gone = client.delete(&format!("{NODES}/n")).body;
    assert_eq!(
        gone["details"],
        json!({"name": "n", "kind": "nodes", "uid": node.body["metadata"]["uid"]})
    );
}

#[test]
fn what_is_sent_is_checked_before_it_is_stored() {
    let client = Client::admin();
    let refused = |path: &str, body: Value, told: (u16, &str)| {
        assert_eq!(said(&client.post(path, &body)), told);
    };
    refused(
        "/api/v1/namespaces/nope/pods",
        pod("p"),
        (404, "namespaces \"nope\" not found"),
    );
    refused(
        PODS,
        json!({}),
        (
            422,
            "Pod \"\" is invalid: [metadata.name: Required value: name or generateName is required, spec.containers: Required value]",
        ),
    );
    let mut elsewhere = pod("p");
    elsewhere["metadata"]["namespace"] = "other".into();
    refused(
        PODS,
        elsewhere,
        (
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    );
    let mut labelled = pod("p");
    labelled["metadata"]["labels"] = json!({"a": "b c"});
    let answer = client.post(PODS, &labelled);
    assert!(
        answer.message().starts_with(
            "Pod \"p\" is invalid: metadata.labels: Invalid value: \"b c\": a valid label must be"
        ),
        "{}",
        answer.message()
    );
    assert_eq!(names(&client.get(PODS)), [""; 0]);
}

#[test]
fn a_patch_changes_labels_of_the_version_that_it_demands() {
    let client = Client::admin();
    let created = client.post(PODS, &pod("p"));
    let path = format!("{PODS}/p");
    let patched = client.merge(&path, &json!({"metadata": {"labels": {"a": "b"}}}));
    assert_eq!(
        (patched.code, &patched.body["metadata"]["labels"]),
        (200, &json!({"a": "b"}))
    );
    let again = client.merge(&path, &json!({"metadata": {"labels": {"a": "b"}}}));
    assert_eq!(again.version(), patched.version(), "nothing changed");
    let old = json!({"metadata": {"resourceVersion": created.version().to_string(), "labels": {"a": "c"}}});
    assert_eq!(
        said(&client.merge(&path, &old)),
        (
            409,
            "Operation cannot be fulfilled on pods \"p\": the object has been modified; please apply your changes to the latest version and try again"
        )
    );
    let other = json!({"metadata": {"uid": "1", "labels": {"a": "c"}}});
    assert_eq!(
        said(&client.merge(&path, &other)),
        (
            422,
            "Pod \"p\" is invalid: metadata.uid: Invalid value: \"1\": field is immutable"
        )
    );
    let tried = client.merge(
        &format!("{path}?dryRun=All"),
        &json!({"metadata": {"labels": {"a": "c"}}}),
    );
    assert_eq!(tried.body["metadata"]["labels"], json!({"a": "c"}));
    let strategic = client.send(
        "PATCH",
        &path,
        "application/strategic-merge-patch+json",
        "{\"metadata\":{\"labels\":{\"a\":null}}}",
    );
    assert_eq!(
        (strategic.code, &strategic.body["metadata"]["labels"]),
        (200, &Value::Null)
    );
    assert_eq!(
        said(&client.merge(&path, &json!({"metadata": {"name": "q"}}))),
        (
            400,
            "the name of the object (q) does not match the name on the URL (p)"
        )
    );
    let phase = json!({"status": {"phase": "Failed"}});
    assert_eq!(
        client.merge(&path, &phase).body["status"]["phase"],
        "Pending"
    );
    assert_eq!(
        client.merge(&format!("{path}/status"), &phase).body["status"]["phase"],
        "Failed"
    );
    assert_eq!(
        names(&client.get(&format!("{PODS}?fieldSelector=status.phase%3DFailed"))),
        ["p"]
    );
}

#[test]
fn a_put_replaces_the_object_of_the_uid_and_version_that_it_names() {
    let client = Client::admin();
    let created = client.post(PODS, &pod("p")).body;
    let path = format!("{PODS}/p");
    let mut sent = created.clone();
    sent["metadata"]["annotations"] = json!({"x": "y"});
    assert_eq!(client.put(&path, &sent).code, 200);
    assert_eq!(client.put(&path, &sent).code, 409);
    let mut other = pod("p");
    other["metadata"]["uid"] = "1".into();
    let uid = created["metadata"]["uid"].as_str().expect("a uid");
    assert_eq!(
        said(&client.put(&path, &other)),
        (
            409,
            format!("Operation cannot be fulfilled on pods \"p\": StorageError: invalid object, Code: 4, Key: /registry/pods/default/p, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: 1, UID in object meta: {uid}").as_str()
        )
    );
    assert_eq!(
        said(&client.put(&format!("{PODS}/q"), &pod("q"))),
        (404, "pods \"q\" not found")
    );
}

#[test]
fn a_pod_on_a_node_is_deleted_in_time() {
    let client = Client::admin();
    let mut running = pod("p");
    running["spec"]["nodeName"] = "n".into();
    client.post(PODS, &running);
    let path = format!("{PODS}/p");
    let leaving = client.delete(&path).body;
    assert_eq!(leaving["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(client.get(&path).body, leaving);
    let now = r#"{"gracePeriodSeconds":0}"#;
    assert_eq!(
        client.send("DELETE", &path, "application/json", now).code,
        200
    );
    assert_eq!(client.get(&path).code, 404);
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

#[test]
fn lease_candidates_are_there_in_the_versions_that_have_them() {
    let client = Client::admin();
    let candidate = json!({
        "metadata": {"name": "c", "labels": {"app": "x"}},
        "spec": {"leaseName": "a", "binaryVersion": "1.0.0", "strategy": "OldestEmulationVersion"},
    });
    assert_eq!(client.post(CANDIDATES, &candidate).code, 201);
    let older = client.get(&CANDIDATES.replace("v1beta1", "v1alpha2"));
    assert_eq!(
        (names(&older), &older.body["kind"]),
        (vec!["c"], &"LeaseCandidateList".into())
    );
    let same = client.get(&format!("{CANDIDATES}/c")).body;
    assert_eq!(same["apiVersion"], "coordination.k8s.io/v1beta1");
    let client = Client::with(Options {
        tls: false,
        version: (1, 32),
        ..Options::default()
    });
    assert_eq!(client.get(CANDIDATES).code, 404);
    assert_eq!(
        client.get(&CANDIDATES.replace("v1beta1", "v1alpha2")).code,
        200
    );
}

#[test]
fn each_resource_needs_a_permission_of_its_own() {
    let admin = Client::admin();
    let rules = vec![
        Rule::new(&["get", "patch"], &["pods"]).within("default"),
        Rule::new(&["create"], &["events"]).within("default"),
    ];
    admin.server.add_user(User::new("dev", rules));
    let client = admin.user("dev");
    admin.post(PODS, &pod("p"));
    assert_eq!(client.get(&format!("{PODS}/p")).code, 200);
    assert_eq!(client.merge(&format!("{PODS}/p"), &json!({})).code, 200);
    assert_eq!(client.post(EVENTS, &event("e", "a")).code, 201);
    assert_eq!(
        said(&client.get(PODS)),
        (
            403,
            "pods is forbidden: User \"dev\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
        )
    );
    assert_eq!(
        said(&client.get(EVENTS)),
        (
            403,
            "events.events.k8s.io is forbidden: User \"dev\" cannot list resource \"events\" in API group \"events.k8s.io\" in the namespace \"default\""
        )
    );
    assert_eq!(
        said(&client.get(&format!("{NODES}/n"))),
        (
            403,
            "nodes \"n\" is forbidden: User \"dev\" cannot get resource \"nodes\" in API group \"\" at the cluster scope"
        )
    );
}
