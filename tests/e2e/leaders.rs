//! Leaders of elections as clients leave them: nobody is advised to steal from one, whoever else has written to the Lease.

use crate::support::{fresh, stored};
use lease_harness::Namespace;
use serde_json::{Value, json};
use std::path::Path;

/// In the namespace of the test.
fn found(name: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("tests/leases/found").join(name);
    let text = std::fs::read_to_string(file.with_extension("json")).expect("it can be read");
    let mut lease: Value = serde_json::from_str(&text).expect("JSON");
    lease["metadata"]["namespace"] = Value::Null;
    lease["spec"]["acquireTime"] = json!("2026-11-25T07:20:09.461816Z");
    renewed_now(&mut lease);
    lease
}

fn renewed_now(lease: &mut Value) {
    let now = jiff::Timestamp::now();
    lease["spec"]["renewTime"] = json!(now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
    // So that it does not run out while it is tried.
    lease["spec"]["leaseDurationSeconds"] = json!(600);
}

fn name(lease: &Value) -> &str {
    lease["metadata"]["name"].as_str().unwrap_or_default()
}

/// Writes it as this field manager.
#[track_caller]
fn written(ns: &Namespace, manager: &str, lease: &Value) {
    let base = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
        ns.name()
    );
    let (method, path) = match lease["metadata"]["uid"].is_string() {
        true => (
            "PUT",
            format!("{base}/{}?fieldManager={manager}", name(lease)),
        ),
        false => ("POST", format!("{base}?fieldManager={manager}")),
    };
    let api = ns.cluster().api(&ns.admin());
    let answer = api.call(method, &path, Some(lease)).expect("an answer");
    assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
}

#[track_caller]
fn is_not_to_be_stolen(ns: &Namespace, lease: &str, what: &str) {
    let user = ns.user(&crate::support::VERBS);
    for (call, code) in [
        (&["acquire", lease, "--holder=me", "--timeout=0"][..], 124),
        (&["release", lease, "--holder=me"], 122),
        (&["renew", lease, "--holder=me"], 122),
        (&["check", lease, "--holder=me"], 122),
        (&["steal", lease, "--if-holder=other", "--yes"], 122),
    ] {
        let output = ns.run(&user, call);
        assert_eq!(output.code, Some(code), "{what} {output}");
        assert!(!output.stderr.contains("lease steal"), "{what} {output}");
        assert!(output.stderr.contains("kubectl scale"), "{what} {output}");
    }
    is_a_leaders(ns, lease, what);
}

#[track_caller]
fn is_a_leaders(ns: &Namespace, lease: &str, what: &str) {
    let shown = ns.run(&ns.admin(), ["status", lease]);
    assert!(shown.stdout.contains("Class:       election"), "{shown}");
    assert!(!shown.stdout.contains("steal"), "{what} {shown}");
}

/// What each class is told by is in the tables of `src/lease/record/summary_tests.rs`; here with the stamps that a server makes.
#[test]
fn advice_is_what_the_lease_is_for_whoever_has_written_to_it() {
    for (fixture, manager) in [
        ("kube-scheduler", "kubectl-create"),
        ("keda", "keda"),
        ("cilium-l2", "cilium-agent"),
    ] {
        let (ns, _) = fresh();
        let lease = found(fixture);
        let name = name(&lease);
        written(&ns, manager, &lease);
        is_a_leaders(&ns, name, fixture);
        for (by, change) in [
            ("kubectl-label", "labels"),
            ("kubectl-annotate", "annotations"),
        ] {
            let mut lease = stored(&ns, name);
            lease["metadata"][change] = json!({ "team": "blue" });
            written(&ns, by, &lease);
            is_a_leaders(&ns, name, &format!("{fixture}, {by}"));
        }
        let mut lease = stored(&ns, name);
        lease["spec"]["leaseDurationSeconds"] = json!(900);
        written(&ns, "kubectl-edit", &lease);
        is_not_to_be_stolen(&ns, name, &format!("{fixture}, edited"));
    }
    // After a grant of ours a leader is one again.
    let (ns, user) = fresh();
    let made = ns.run(&user, ["create", "job", "--duration=600s"]);
    assert_eq!(made.code, Some(0), "{made}");
    let held = ns.run(&user, ["hold", "job", "--", "true"]);
    assert_eq!(held.code, Some(0), "{held}");
    let mut lease = stored(&ns, "job");
    lease["spec"]["holderIdentity"] = found("autoscaler")["spec"]["holderIdentity"].clone();
    lease["spec"]["acquireTime"] = json!("2026-11-25T07:20:09.461816Z");
    renewed_now(&mut lease);
    written(&ns, "cluster-autoscaler", &lease);
    is_not_to_be_stolen(&ns, "job", "autoscaler");
    for spec in [
        json!(null),
        json!({}),
        json!({ "leaseDurationSeconds": 60 }),
    ] {
        let (ns, user) = fresh();
        let made = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "job" }, "spec": spec,
        });
        written(&ns, "kubectl-create", &made);
        let acquired = ns.command(&user, ["acquire", "job", "--unique"]);
        let acquired = acquired.env("POD_NAME", "worker-0").run();
        assert_eq!(acquired.code, Some(0), "{acquired}");
        let holder = stored(&ns, "job")["spec"]["holderIdentity"].clone();
        assert!(
            holder
                .as_str()
                .is_some_and(|holder| holder.starts_with("worker-0_")),
            "{holder}"
        );
        let output = ns.run(&user, ["release", "job", "--holder=me"]);
        assert!(
            output.stderr.contains("kubectl lease steal job"),
            "{spec} {output}"
        );
        assert!(!output.stderr.contains("kubectl scale"), "{spec} {output}");
    }
}
