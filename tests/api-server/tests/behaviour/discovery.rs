//! What is not a Lease: versions, discovery, namespaces, and what does not exist.

use lease_api_server::Options;
use serde_json::json;

use crate::client::Client;

#[test]
fn the_version_is_as_configured() {
    let client = Client::with(Options {
        tls: false,
        version: (1, 20),
        ..Options::default()
    });
    let version = client.get("/version").body;
    assert_eq!(
        [&version["major"], &version["minor"], &version["gitVersion"]],
        ["1", "20", "v1.20.0"]
    );
    for path in ["/healthz", "/readyz", "/livez"] {
        assert_eq!(client.get(path).body, "ok");
    }
}

#[test]
fn leases_are_discovered() {
    let client = Client::admin();
    assert_eq!(client.get("/api").body["versions"], json!(["v1"]));
    assert_eq!(
        client.get("/apis").body["groups"][0]["preferredVersion"]["version"],
        "v1"
    );
    assert_eq!(
        client.get("/apis/coordination.k8s.io").body["kind"],
        "APIGroup"
    );
    let leases = &client.get("/apis/coordination.k8s.io/v1").body["resources"][0];
    assert_eq!(
        (leases["name"].as_str(), leases["namespaced"].as_bool()),
        (Some("leases"), Some(true))
    );
    let names: Vec<_> = client.get("/api/v1").body["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .map(|r| r["name"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "namespaces",
            "pods",
            "pods/status",
            "nodes",
            "nodes/status",
            "events"
        ]
    );
}

#[test]
fn groups_and_versions_are_those_that_the_server_has() {
    let client = Client::admin();
    let body = client.get("/apis").body;
    let groups: Vec<_> = body["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| group["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        groups,
        [
            "coordination.k8s.io",
            "events.k8s.io",
            "authentication.k8s.io",
            "authorization.k8s.io"
        ]
    );
    let versions = |version| {
        let client = Client::with(Options {
            tls: false,
            version,
            ..Options::default()
        });
        let group = client.get("/apis/coordination.k8s.io").body;
        let beta = client.get("/apis/coordination.k8s.io/v1beta1").code;
        (group["versions"].as_array().map(Vec::len), beta)
    };
    assert_eq!(versions((1, 33)), (Some(3), 200));
    assert_eq!(versions((1, 32)), (Some(2), 404));
    assert_eq!(versions((1, 20)), (Some(1), 404));
    let events = client.get("/apis/events.k8s.io/v1").body;
    assert_eq!(events["resources"][0]["kind"], "Event");
}

#[test]
fn namespaces_are_there_once_they_are_added() {
    let client = Client::admin();
    client.server.add_namespace("new");
    let found = client.get("/api/v1/namespaces/new").body;
    assert_eq!(
        (found["kind"].as_str(), found["status"]["phase"].as_str()),
        (Some("Namespace"), Some("Active"))
    );
    let missing = client.get("/api/v1/namespaces/other");
    assert_eq!(missing.message(), "namespaces \"other\" not found");
    let list = client.get("/api/v1/namespaces").body;
    assert_eq!(
        (
            list["kind"].as_str(),
            list["items"].as_array().map(Vec::len)
        ),
        (Some("NamespaceList"), Some(5))
    );
}

#[test]
fn nothing_else_exists() {
    let client = Client::admin();
    let answer = client.get("/api/v1/namespaces/default/pods/x");
    assert_eq!(
        (answer.code, answer.message()),
        (404, "pods \"x\" not found")
    );
    assert_eq!(answer.body["details"], json!({"name": "x", "kind": "pods"}));
    assert_eq!(
        client.get("/api/v1/nodes/x").message(),
        "nodes \"x\" not found"
    );
    assert_eq!(
        client.get("/api/v1/namespaces/default/pods").body["items"],
        json!([])
    );
    for path in [
        "/foo",
        "/apis/foo.io/v1/bars",
        "/apis/coordination.k8s.io/v1/foos",
    ] {
        let answer = client.get(path);
        assert_eq!(
            (answer.code, answer.message()),
            (404, "the server could not find the requested resource"),
            "{path}"
        );
    }
    let answer = client.post(
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/a",
        &json!({}),
    );
    assert_eq!(
        (answer.code, answer.body["reason"].as_str()),
        (405, Some("MethodNotAllowed"))
    );
}
