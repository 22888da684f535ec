//! `status NAME` on what a holder's identity names: a Pod, a Node, one that is gone, one that may not be seen.

use crate::support::fresh;
use lease_harness::{Fault, Match, Proxy, Rule, lease};
use serde_json::{Value, json};

const UUID: &str = "2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10";
const FRESH: &str = "2099-01-01T00:00:00Z";
const OLD: &str = "2020-01-01T00:00:00Z";

fn answer(object: &Value) -> Fault {
    Fault::Respond {
        status: 200,
        headers: vec![(
            "Date".to_owned(),
            "Thu, 01 Jan 2026 00:00:00 GMT".to_owned(),
        )],
        body: object.to_string(),
    }
}

/// A Lease in this namespace with this holder.
fn held_by(namespace: &str, holder: &str, renewed: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "job", "namespace": namespace, "uid": "u", "resourceVersion": "1" },
        "spec": { "holderIdentity": holder, "leaseDurationSeconds": 40, "renewTime": renewed },
    })
}

#[test]
fn a_holder_is_what_the_object_says_that_its_identity_names() {
    let (ns, _) = fresh();
    let sees = ns.user_with(&[
        Rule::leases(&["get"]),
        Rule::leases(&["get"]).on(&["pods", "nodes"]).everywhere(),
    ]);
    let blind = ns.user(&["get"]);
    let proxy = Proxy::to(ns.cluster());
    let here = ns.name();
    let ready = |status: &str| json!([{ "type": "Ready", "status": status }]);
    let run = format!("pod-1_{UUID}");
    let pod = json!({
        "metadata": { "name": "pod-1", "ownerReferences": [{ "kind": "Job", "name": "nightly" }] },
        "status": { "phase": "Running", "conditions": ready("False") },
    });
    let well = json!({ "status": { "phase": "Running", "conditions": ready("True") } });
    let hostile = json!({ "metadata": {}, "status": { "phase": "Run\u{1b}[2J\nning\u{202e}" } });
    let node = json!({ "status": { "conditions": ready("True") } });
    let heartbeat = |renewed: &str| {
        let mut lease = held_by("kube-node-lease", "kwok-east", renewed);
        lease["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": "v1", "kind": "Node", "name": "kwok-1", "uid": "u" }]);
        lease
    };
    let id = "apiserver-07a5ea9b9b072c4a5f3d1c3702";
    let server = |labels: Value| {
        let mut lease = held_by("kube-system", &format!("{id}_{UUID}"), FRESH);
        lease["metadata"]["name"] = json!(id);
        lease["metadata"]["labels"] = labels;
        lease
    };
    let identity = json!({ "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": "cp-1" });
    let mine = |holder: &str| held_by(here, holder, FRESH);
    let gone = format!(
        "gone: there is no Pod pod-1 in namespace {here} and no such Node, and nobody renews"
    );
    let absent = format!(
        "not found in this cluster: there is no Pod pod-1 in namespace {here} and no such Node"
    );
    let (elsewhere, none) = ("/no-such-path", "");
    for (lease, user, path, object, expected, requests) in [
        (
            mine(&run),
            &sees,
            "/pods/pod-1",
            &pod,
            "Pod pod-1: Running, not ready, of Job nightly",
            2,
        ),
        (
            mine(&run),
            &sees,
            "/nodes/pod-1",
            &node,
            "Node pod-1: ready",
            3,
        ),
        (mine(&run), &sees, elsewhere, &pod, absent.as_str(), 3),
        (held_by(here, &run, OLD), &sees, elsewhere, &pod, &gone, 3),
        (
            mine(&run),
            &blind,
            elsewhere,
            &pod,
            "perhaps Pod pod-1: no permission to get it",
            3,
        ),
        (
            mine(&run),
            &sees,
            "/pods/pod-1",
            &hostile,
            "Pod pod-1: Run\\u{1b}[2J\\nning\\u{202e}, readiness unknown",
            2,
        ),
        // An identity that is a whole object's name may be anything else.
        (
            mine("kured-abcde"),
            &sees,
            "/pods/kured-abcde",
            &well,
            "Pod kured-abcde: Running, ready",
            2,
        ),
        (
            mine("node1.lan"),
            &blind,
            "/nodes/node1.lan",
            &node,
            "Node node1.lan: ready",
            3,
        ),
        (mine("ada-lovelace"), &sees, elsewhere, &well, none, 3),
        // These are no object's, and cost nothing.
        (mine("ada@laptop"), &sees, "/pods/", &well, none, 1),
        (mine("a-/../b"), &sees, "/pods/", &well, none, 1),
        (
            mine(&format!("../nodes/x?y_{UUID}")),
            &sees,
            "/pods/",
            &well,
            none,
            1,
        ),
        (
            heartbeat(FRESH),
            &sees,
            "/nodes/kwok-1",
            &node,
            "the heartbeat of Node kwok-1: ready, written by kwok-east",
            2,
        ),
        (
            heartbeat(FRESH),
            &sees,
            elsewhere,
            &node,
            "the heartbeat of Node kwok-1, which is not found in this cluster, written by kwok-east",
            2,
        ),
        (
            heartbeat(OLD),
            &sees,
            elsewhere,
            &node,
            "gone: there is no Node kwok-1, and its heartbeat has stopped, written by kwok-east",
            2,
        ),
        (
            server(identity),
            &sees,
            elsewhere,
            &node,
            "an API server on host cp-1: this is its identity",
            1,
        ),
        (
            server(json!({})),
            &sees,
            elsewhere,
            &node,
            "an API server: this is its identity",
            1,
        ),
    ] {
        let text = |field: &str| lease["metadata"][field].as_str().expect("text");
        let (name, namespace) = (text("name"), text("namespace"));
        proxy.clear_faults();
        proxy.clear();
        proxy.fault(
            Match::get().path(&format!("/leases/{name}")),
            answer(&lease),
            1,
        );
        proxy.fault(Match::get().path(path), answer(object), 1);
        let status = ["status", name, "-n", namespace];
        let output = ns.command(user, status).via(&proxy).run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{lease} {output}"
        );
        let mut lines = output.stdout.lines();
        let line = lines.find_map(|line| line.strip_prefix("Holder is:   "));
        assert_eq!(line.unwrap_or_default(), expected, "{lease} {output}");
        let asked = crate::support::methods(&proxy.requests()).len();
        assert_eq!(asked, requests, "{lease} {output}");
        assert!(!output.stdout.contains("steal"), "{lease} {output}");
    }
    let (ns, _) = fresh();
    if !ns.cluster().is_real() {
        println!("SKIPPED: the in-process server has no nodes");
        return;
    }
    let admin = ns.cluster().admin();
    let name = format!("node-{}", ns.name());
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    let created = admin.call("POST", "/api/v1/nodes", Some(&node));
    assert_eq!(created.expect("a server").status, 201);
    let held = lease("job").holder(&format!("{name}_{UUID}")).duration(600);
    ns.create(&held.renewed_ago(0, 0).build());
    let output = ns.run(&ns.admin(), ["status", "job"]);
    let expected = format!("Holder is:   Node {name}: ");
    assert!(output.stdout.contains(&expected), "{output}");
}

/// The line "Candidates" of a Lease with a strategy, on a server that has them in this version.
fn candidates(version: &str, answer_to_list: Fault) -> String {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let elected = lease("job").holder("a").duration(600).renewed_ago(0, 0);
    let mut elected = elected
        .spec("strategy", json!("OldestEmulationVersion"))
        .spec("preferredHolder", json!("b"))
        .build();
    let stored =
        json!({ "name": "job", "namespace": ns.name(), "uid": "u", "resourceVersion": "1" });
    elected["metadata"] = stored;
    let group = "/apis/coordination.k8s.io";
    let versions = ["v1", "v9", version].map(|version| json!({"version": version}));
    let (leases, both) = (
        json!({"name": "leases"}),
        json!({"name": "leasecandidates"}),
    );
    let of = |resources: &[&Value]| answer(&json!({"resources": resources}));
    // The first that matches counts.
    let list = format!("{group}/{version}/namespaces/{}/leasecandidates", ns.name());
    for (path, told) in [
        ("/leases/job".to_owned(), answer(&elected)),
        (list, answer_to_list),
        (format!("{group}/{version}"), of(&[&leases, &both])),
        (format!("{group}/v9"), of(&[])),
        (format!("{group}/v1"), of(&[&leases])),
        (group.to_owned(), answer(&json!({"versions": versions}))),
    ] {
        proxy.fault(Match::get().path(&path), told, 1);
    }
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    assert!(output.stdout.contains("\nPreferred:   b\n"), "{output}");
    let found = output
        .stdout
        .lines()
        .find(|line| line.starts_with("Candidates:"));
    found.unwrap_or_default().replace("Candidates:  ", "")
}

#[test]
fn the_candidates_of_an_election_are_asked_for_in_the_version_that_the_server_has() {
    let of =
        |name: &str, lease: &str| json!({"metadata": {"name": name}, "spec": {"leaseName": lease}});
    let list = json!({"items": [of("a", "job"), of("x", "other"), of("b", "job")]});
    for version in ["v1beta1", "v2"] {
        assert_eq!(candidates(version, answer(&list)), "a, b", "{version}");
    }
    let forbidden = Fault::status(403, "Forbidden", "leasecandidates is forbidden");
    assert_eq!(
        candidates("v1beta1", forbidden),
        "unknown: no permission to list leasecandidates"
    );
}

#[test]
fn the_token_is_shown_to_the_command_of_the_grant_and_to_nobody_else() {
    let (ns, user) = fresh();
    ns.create(&crate::support::free("job"));
    let script = "kubectl lease status job; unset KUBECTL_LEASE_UID; kubectl lease status job";
    let hold = ns.command(&user, ["hold", "job", "--"]);
    let output = hold.args(crate::hold::scene::shell(script)).run();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout.matches("Holder:").count(), 2, "{output}");
    let tokens = output
        .stdout
        .lines()
        .filter(|line| line.starts_with("Token:"));
    let tokens: Vec<&str> = tokens.collect();
    assert_eq!(tokens.len(), 1, "{output}");
    assert!(
        tokens[0].ends_with(" (of the grant that this runs under)"),
        "{output}"
    );
}
