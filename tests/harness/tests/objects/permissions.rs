//! What a user is told that they may do, and what a role as it is printed grants.

use crate::{event, events_path, lease_path, said};
use lease_harness::{Cluster, Rule, lease};
use serde_json::{Value, json};

#[test]
fn a_user_is_told_what_they_may_do() {
    let ns = Cluster::shared().namespace();
    let user = ns.user_with(&[
        Rule::leases(&["get"]),
        Rule::leases(&["update"]).named(&["x"]),
        Rule::leases(&["create"]).on(&["events"]),
        Rule::leases(&["patch"]).on(&["pods"]),
    ]);
    let api = ns.cluster().api(&user);
    let review = |spec: Value| {
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec,
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        api.call("POST", path, Some(&body))
            .expect("the server answers")
    };
    let may = |verb: &str, group: &str, resource: &str, name: &str| {
        let answer = review(json!({ "resourceAttributes": {
            "namespace": ns.name(), "verb": verb, "group": group, "resource": resource, "name": name,
        }}));
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["status"]["allowed"] == true
    };
    let leases = "coordination.k8s.io";
    assert!(may("get", leases, "leases", ""));
    assert!(may("update", leases, "leases", "x"));
    assert!(!may("update", leases, "leases", ""));
    assert!(!may("update", leases, "leases", "y"));
    assert!(!may("get", "", "leases", ""));
    assert!(!may("get", leases, "leases/status", ""));
    assert!(may("create", "events.k8s.io", "events", ""));
    assert!(may("patch", "", "pods", "p"));
    assert!(!may("get", "", "pods", "p"));
    for (path, allowed) in [("/version", true), ("/foo", false)] {
        let answer = review(json!({ "nonResourceAttributes": { "verb": "get", "path": path } }));
        assert_eq!(answer.body["status"]["allowed"], allowed, "{path}");
    }
    assert_eq!(
        said(&review(json!({}))),
        (
            422,
            "Invalid",
            ".authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: \"null\": exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    );
    // And what they are told is so.
    let event = event(&ns, "e");
    let created = api.call("POST", &events_path(&ns), Some(&event));
    assert_eq!(created.expect("the server answers").status, 201);
    let listed = api
        .call("GET", &events_path(&ns), None)
        .expect("the server answers");
    assert_eq!(
        said(&listed).2,
        format!(
            "events.events.k8s.io is forbidden: User \"{}\" cannot list resource \"events\" in API group \"events.k8s.io\" in the namespace \"{}\"",
            user.name,
            ns.name()
        )
    );
}

#[test]
fn a_role_as_it_is_printed_grants_what_it_says() {
    let ns = Cluster::shared().namespace();
    let role = json!({ "kind": "Role", "rules": [
        { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get"], "resourceNames": ["job"] },
        { "apiGroups": [""], "resources": ["leases"], "verbs": ["list"] },
        { "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"] },
    ]});
    let user = ns.user_with(&Rule::of_role(&role));
    ns.create(&lease("job").build());
    let api = ns.cluster().api(&user);
    let status = |method: &str, path: &str, body: Option<&Value>| {
        api.call(method, path, body)
            .expect("the server answers")
            .status
    };
    assert_eq!(status("GET", &lease_path(&ns, "job"), None), 200);
    assert_eq!(status("GET", &lease_path(&ns, "other"), None), 403);
    let all = lease_path(&ns, "").trim_end_matches('/').to_owned();
    assert_eq!(
        status("GET", &all, None),
        403,
        "leases are in no other group"
    );
    assert_eq!(
        status("POST", &events_path(&ns), Some(&event(&ns, "e"))),
        201
    );
}
