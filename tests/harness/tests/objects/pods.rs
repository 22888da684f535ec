//! Pods and Nodes: made, labelled, awaited, deleted, and patches that are refused.

use crate::{SOON, admin, event, events_path, said};
use lease_harness::{Cluster, Rule, pod};
use serde_json::{Value, json};

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
    ns.patch_pod("q", &json!({ "metadata": { "labels": { "a": "b" } } }));
    assert_eq!(ns.pod_label("q", "a").as_deref(), Some("b"));
    ns.delete_pod("q");
    assert_eq!(ns.pod("q"), None);
}

#[test]
fn what_becomes_of_a_pod_and_what_is_told_of_a_lease_is_awaited() {
    let ns = Cluster::shared().namespace();
    ns.create_pod("p");
    let labelled =
        |pod: Option<&Value>| pod.is_some_and(|pod| pod["metadata"]["labels"]["role"] == "active");
    let mut lost = event(&ns, "e2");
    lost["reason"] = "LeaseLost".into();
    std::thread::scope(|scope| {
        let active = scope.spawn(|| ns.wait_pod("p", labelled, SOON));
        let told = scope.spawn(|| ns.wait_event("job", "LeaseLost", SOON));
        admin(&ns, "POST", &events_path(&ns), &event(&ns, "e1"));
        ns.patch_pod(
            "p",
            &json!({ "metadata": { "labels": { "role": "active" } } }),
        );
        admin(&ns, "POST", &events_path(&ns), &lost);
        assert!(active.join().expect("it is seen").is_some());
        assert_eq!(told.join().expect("it is told")["metadata"]["name"], "e2");
        let gone = scope.spawn(|| ns.wait_pod("p", |pod| pod.is_none(), SOON));
        ns.delete_pod("p");
        assert_eq!(gone.join().expect("it is seen"), None);
    });
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
