//! The objects beside Leases, asked of the server that the suite runs on: both answer alike.

use lease_harness::{Answer, Cluster, Namespace, Rule, lease, pod};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn admin(ns: &Namespace, method: &str, path: &str, body: &Value) -> Answer {
    let body = Some(body).filter(|body| !body.is_null());
    let answer = ns.cluster().admin().call(method, path, body);
    answer.expect("the server answers")
}

fn said(answer: &Answer) -> (u16, &str, &str) {
    let text = |field: &str| answer.body[field].as_str().unwrap_or_default();
    (answer.status, text("reason"), text("message"))
}

fn lease_path(ns: &Namespace, name: &str) -> String {
    format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}",
        ns.name()
    )
}

fn events_path(ns: &Namespace) -> String {
    format!("/apis/events.k8s.io/v1/namespaces/{}/events", ns.name())
}

fn event(ns: &Namespace, name: &str) -> Value {
    json!({
        "metadata": { "name": name }, "eventTime": "2026-01-01T00:00:00.123456Z",
        "regarding": {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "namespace": ns.name(), "name": "job", "uid": "u",
        },
        "reportingController": "kubectl-lease", "reportingInstance": "host", "action": "Acquire",
        "reason": "LeaseAcquired", "type": "Normal", "note": "taken",
    })
}

#[test]
fn a_pod_is_made_labelled_and_deleted() {
    let ns = Cluster::shared().namespace();
    assert_eq!(ns.pod("p"), None);
    let created = ns.create_pod("p");
    assert_eq!(created["status"]["phase"], "Pending");
    ns.patch_pod(
        "p",
        &json!({ "metadata": { "labels": { "role": "active" } } }),
    );
    assert_eq!(ns.pod_label("p", "role").as_deref(), Some("active"));
    assert_eq!(ns.set_pod_phase("p", "Failed")["status"]["phase"], "Failed");
    ns.delete_pod("p");
    ns.wait_pod("p", |pod| pod.is_none(), SOON);
    ns.delete_pod("p");
    let mut running = pod("q");
    running["spec"]["nodeName"] = "n".into();
    ns.create_pod_as(&running);
    let path = format!("/api/v1/namespaces/{}/pods/q", ns.name());
    let leaving = admin(&ns, "DELETE", &path, &Value::Null).body;
    assert_eq!(leaving["metadata"]["deletionGracePeriodSeconds"], 30);
    let there = ns.pod("q").expect("only its kubelet ends it");
    assert!(there["metadata"]["deletionTimestamp"].is_string());
    ns.delete_pod("q");
    assert_eq!(ns.pod("q"), None);
}

#[test]
fn a_patch_of_a_pod_is_refused_for_another_version_or_uid() {
    let ns = Cluster::shared().namespace();
    let created = ns.create_pod("p");
    ns.patch_pod("p", &json!({ "metadata": { "labels": { "a": "b" } } }));
    let path = format!("/api/v1/namespaces/{}/pods/p", ns.name());
    let patch = |metadata: Value| admin(&ns, "PATCH", &path, &json!({ "metadata": metadata }));
    let old = patch(
        json!({ "resourceVersion": created["metadata"]["resourceVersion"], "labels": { "a": "c" } }),
    );
    assert_eq!(
        said(&old),
        (
            409,
            "Conflict",
            "Operation cannot be fulfilled on pods \"p\": the object has been modified; please apply your changes to the latest version and try again"
        )
    );
    let other = patch(json!({ "uid": "1", "labels": { "a": "c" } }));
    assert_eq!(
        said(&other),
        (
            422,
            "Invalid",
            "Pod \"p\" is invalid: metadata.uid: Invalid value: \"1\": field is immutable"
        )
    );
    let labelled = patch(json!({ "labels": { "a b": "c" } }));
    assert_eq!(
        said(&labelled),
        (
            422,
            "Invalid",
            "Pod \"p\" is invalid: metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )
    );
    assert_eq!(
        patch(json!({ "uid": "", "resourceVersion": "" })).status,
        200
    );
    assert_eq!(ns.pod_label("p", "a").as_deref(), Some("b"));
}

#[test]
fn a_node_is_made_and_deleted() {
    let ns = Cluster::shared().namespace();
    let name = format!("{}-node", ns.name());
    ns.cluster().create_node(&name);
    let user = ns.user_with(&[Rule::leases(&["get"]).on(&["nodes"]).everywhere()]);
    let path = format!("/api/v1/nodes/{name}");
    let get = || {
        ns.cluster()
            .api(&user)
            .call("GET", &path, None)
            .expect("an answer")
    };
    assert_eq!(get().status, 200);
    ns.cluster().delete_node(&name);
    assert_eq!(
        said(&get()),
        (
            404,
            "NotFound",
            format!("nodes \"{name}\" not found").as_str()
        )
    );
}

#[test]
fn events_of_a_lease_are_found_and_are_checked_before_they_are_kept() {
    let ns = Cluster::shared().namespace();
    let path = events_path(&ns);
    for name in ["e1", "e2"] {
        let created = admin(&ns, "POST", &path, &event(&ns, name));
        assert_eq!(created.status, 201, "{}", created.body);
    }
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired", "LeaseAcquired"]);
    assert_eq!(ns.wait_event("job", "LeaseAcquired", SOON)["note"], "taken");
    assert_eq!(ns.events("other"), [Value::Null; 0]);
    assert_eq!(
        said(&admin(&ns, "POST", &path, &event(&ns, "e1"))),
        (
            409,
            "AlreadyExists",
            "events.events.k8s.io \"e1\" already exists"
        )
    );
    let refused = |change: &dyn Fn(&mut Value), told: &str| {
        let mut sent = event(&ns, "e3");
        change(&mut sent);
        let answer = admin(&ns, "POST", &path, &sent);
        assert_eq!(
            said(&answer),
            (
                422,
                "Invalid",
                format!("Event \"e3\" is invalid: {told}").as_str()
            )
        );
    };
    let name_part = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    for field in ["eventTime", "reportingInstance", "action", "reason"] {
        let without = move |sent: &mut Value| sent[field] = Value::Null;
        refused(&without, &format!("{field}: Required value"));
    }
    refused(
        &|sent| sent["type"] = "Strange".into(),
        "type: Invalid value: \"\": has invalid value: Strange",
    );
    refused(
        &|sent| sent["reportingController"] = "kubectl lease".into(),
        &format!("reportingController: Invalid value: \"kubectl lease\": {name_part}"),
    );
    refused(
        &|sent| sent["reportingController"] = Value::Null,
        &format!(
            "[reportingController: Required value, reportingController: Invalid value: \"\": name part must be non-empty, reportingController: Invalid value: \"\": {name_part}]"
        ),
    );
    refused(
        &|sent| sent["regarding"]["namespace"] = Value::Null,
        "involvedObject.namespace: Invalid value: \"\": does not match event.namespace",
    );
    refused(
        &|sent| sent["note"] = "x".repeat(1025).into(),
        "message: Invalid value: \"\": can have at most 1024 characters",
    );
    refused(
        &|sent| sent["reportingInstance"] = "x".repeat(129).into(),
        "reportingInstance: Invalid value: \"\": can have at most 128 characters",
    );
    refused(
        &|sent| sent["deprecatedCount"] = 1.into(),
        "count: Invalid value: \"\": needs to be unset",
    );
    refused(
        &|sent| sent["series"] = json!({ "count": 1 }),
        "[series.count: Invalid value: \"\": should be at least 2, series.lastObservedTime: Required value]",
    );
    let core = format!(
        "/api/v1/namespaces/{}/events?fieldSelector=involvedObject.name%3Djob",
        ns.name()
    );
    let older = &admin(&ns, "GET", &core, &Value::Null).body["items"][0];
    assert_eq!(
        (&older["message"], &older["involvedObject"]["name"]),
        (&"taken".into(), &"job".into())
    );
    let generated = |prefix: &str| {
        let mut sent = event(&ns, "");
        sent["metadata"] = json!({ "generateName": prefix });
        admin(&ns, "POST", &path, &sent)
    };
    let name = generated("job-").body["metadata"]["name"].clone();
    assert!(
        name.as_str()
            .is_some_and(|name| name.len() == "job-".len() + 5),
        "{name}"
    );
    assert_eq!(generated("job.").status, 422);
}

#[test]
fn a_deletion_of_a_lease_heeds_its_options() {
    let ns = Cluster::shared().namespace();
    let stored = ns.create(&lease("job").build());
    let text = |field: &str| {
        stored["metadata"][field]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    let (uid, version) = (text("uid"), text("resourceVersion"));
    let delete = |options: Value| admin(&ns, "DELETE", &lease_path(&ns, "job"), &options);
    let refused = |preconditions: Value, told: &str| {
        let answer = delete(json!({ "preconditions": preconditions }));
        let message =
            format!("Operation cannot be fulfilled on Lease.coordination.k8s.io \"job\": {told}");
        assert_eq!(said(&answer), (409, "Conflict", message.as_str()));
    };
    refused(
        json!({ "uid": "x", "resourceVersion": "1" }),
        &format!(
            "the UID in the precondition (x) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        ),
    );
    refused(
        json!({ "uid": uid, "resourceVersion": "1" }),
        &format!(
            "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({version}). The object might have been modified"
        ),
    );
    refused(
        json!({ "resourceVersion": "" }),
        &format!(
            "the ResourceVersion in the precondition () does not match the ResourceVersion in record ({version}). The object might have been modified"
        ),
    );
    let meant = json!({ "uid": uid, "resourceVersion": version });
    for (options, status) in [
        (json!({ "preconditions": meant, "dryRun": ["All"] }), 200),
        (json!({ "dryRun": ["Some"] }), 422),
        (json!({ "propagationPolicy": "Sideways" }), 422),
        (json!({ "kind": "Foo", "apiVersion": "v1" }), 500),
    ] {
        assert_eq!(delete(options.clone()).status, status, "{options}");
        assert!(ns.get("job").is_some(), "{options}");
    }
    let gone = delete(json!({ "preconditions": meant, "propagationPolicy": "Background" }));
    assert_eq!(
        (gone.status, &gone.body["status"]),
        (200, &"Success".into())
    );
    assert_eq!(gone.body["details"]["uid"], uid);
    assert_eq!(
        said(&delete(json!({ "preconditions": meant }))),
        (
            404,
            "NotFound",
            "leases.coordination.k8s.io \"job\" not found"
        )
    );
    // With a body, the query does not count.
    ns.create(&lease("job").build());
    let path = format!("{}?dryRun=All", lease_path(&ns, "job"));
    assert_eq!(admin(&ns, "DELETE", &path, &Value::Null).status, 200);
    assert!(ns.get("job").is_some());
    admin(&ns, "DELETE", &path, &json!({}));
    assert!(ns.get("job").is_none());
}

#[test]
fn a_lease_keeps_its_uid_through_a_patch() {
    let ns = Cluster::shared().namespace();
    ns.create(&lease("job").build());
    let other = json!({ "metadata": { "uid": "1" } });
    assert_eq!(
        said(&admin(&ns, "PATCH", &lease_path(&ns, "job"), &other)),
        (
            422,
            "Invalid",
            "Lease.coordination.k8s.io \"job\" is invalid: metadata.uid: Invalid value: \"1\": field is immutable"
        )
    );
}

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

#[test]
fn a_candidate_is_for_a_lease() {
    let ns = Cluster::in_process(lease_harness::lease_api_server::Options::default()).namespace();
    let candidate = ns.create_candidate("c", "job");
    assert_eq!(
        (
            &candidate["spec"]["leaseName"],
            &candidate["metadata"]["namespace"]
        ),
        (&"job".into(), &ns.name().into())
    );
}
