//! `status NAME` on what a holder's identity names: a Pod, a Node, one that is gone, one that may not be seen.

use crate::support::{SOON, fresh};
use lease_harness::{Fault, Match, Namespace, Proxy, Rule, lease};
use serde_json::{Value, json};

const UUID: &str = "2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10";

fn held_by(ns: &Namespace, name: &str) {
    let holder = format!("{name}_{UUID}");
    ns.create(
        &lease("job")
            .holder(&holder)
            .duration(600)
            .renewed_ago(0, 0)
            .build(),
    );
}

fn answer(object: &Value) -> Fault {
    Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: object.to_string(),
    }
}

/// The line "Holder is" for a user who may see Pods and Nodes, with these answers of the server.
fn line(objects: &[(&str, Value)], allowed: bool) -> String {
    let (ns, _) = fresh();
    held_by(&ns, "pod-1");
    let mut rules = vec![Rule::leases(&["get"])];
    if allowed {
        rules.push(Rule::leases(&["get"]).on(&["pods", "nodes"]).everywhere());
    }
    let user = ns.user_with(&rules);
    let proxy = Proxy::to(ns.cluster());
    for (path, object) in objects {
        proxy.fault(Match::get().path(path), answer(object), 1);
    }
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    let found = output
        .stdout
        .lines()
        .find(|line| line.starts_with("Holder is:"));
    found.unwrap_or_default().replace("Holder is:   ", "")
}

#[test]
fn a_pod_with_its_phase_readiness_and_owner() {
    let pod = json!({
        "metadata": {"name": "pod-1", "ownerReferences": [{"kind": "Job", "name": "nightly"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]},
    });
    assert_eq!(
        line(&[("/pods/pod-1", pod)], true),
        "Pod pod-1: Running, not ready, of Job nightly"
    );
}

#[test]
fn a_node_where_there_is_no_such_pod() {
    let node = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    assert_eq!(line(&[("/nodes/pod-1", node)], true), "Node pod-1: ready");
}

#[test]
fn neither_is_not_found_and_gone_only_where_nobody_renews() {
    let shown = line(&[], true);
    assert!(
        shown.starts_with("not found in this cluster: there is no Pod pod-1 in namespace ")
            && shown.ends_with(" and no such Node"),
        "{shown}"
    );
    let (ns, _) = fresh();
    let holder = format!("pod-1_{UUID}");
    let expired = lease("job").holder(&holder).duration(1);
    ns.create(&expired.renewed_ago(3600, -3600).build());
    let user = ns.user_with(&[
        Rule::leases(&["get"]),
        Rule::leases(&["get"]).on(&["pods", "nodes"]).everywhere(),
    ]);
    // Stamps are whole seconds.
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let text = ns.run(&user, ["status", "job"]).stdout;
        if text.contains("State:       Expired") {
            assert!(
                text.contains("Holder is:   gone: there is no Pod pod-1 in"),
                "{text}"
            );
            assert!(!text.contains("steal"), "{text}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// The whole description of a Lease that the server answers with.
fn described(lease: &Value, objects: &[(&str, Value)]) -> String {
    let (ns, _) = fresh();
    let user = ns.user_with(&[
        Rule::leases(&["get"]),
        Rule::leases(&["get"]).on(&["pods", "nodes"]).everywhere(),
    ]);
    let proxy = Proxy::to(ns.cluster());
    let mut lease = lease.clone();
    lease["apiVersion"] = json!("coordination.k8s.io/v1");
    lease["kind"] = json!("Lease");
    let meta = &mut lease["metadata"];
    let name = meta["name"].as_str().expect("a name").to_owned();
    if meta["namespace"].is_null() {
        meta["namespace"] = json!(ns.name());
    }
    let namespace = meta["namespace"].as_str().expect("text").to_owned();
    let date = "Thu, 01 Jan 2026 00:00:00 GMT".to_owned();
    let told = Fault::Respond {
        status: 200,
        headers: vec![("Date".to_owned(), date)],
        body: lease.to_string(),
    };
    proxy.fault(Match::get().path(&format!("/leases/{name}")), told, 1);
    for (path, object) in objects {
        proxy.fault(Match::get().path(path), answer(object), 1);
    }
    let status = ["status", &name, "-n", &namespace];
    let output = ns.command(&user, status).via(&proxy).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    output.stdout
}

#[test]
fn an_api_server_is_what_its_label_or_its_name_says_and_no_object_is_asked_for() {
    let name = "apiserver-07a5ea9b9b072c4a5f3d1c3702";
    let lease = |labels: Value| {
        json!({
            "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
            "spec": {"holderIdentity": format!("{name}_{UUID}"), "leaseDurationSeconds": 3600, "renewTime": "2099-01-01T00:00:00Z"},
        })
    };
    let host = "kubernetes.io/hostname";
    for (labels, on) in [
        (
            json!({"apiserver.kubernetes.io/identity": "kube-apiserver", host: "cp-1"}),
            " on host cp-1",
        ),
        (json!({"k8s.io/component": "kube-apiserver"}), ""),
        (json!({}), ""),
    ] {
        let text = described(&lease(labels), &[]);
        let expected = format!("\nHolder is:   an API server{on}: this is its identity\n");
        assert!(text.contains(&expected), "{text}");
        assert!(!text.contains("steal") && !text.contains("gone"), "{text}");
    }
}

#[test]
fn a_nodes_heartbeat_is_of_the_node_that_owns_it_or_that_it_is_named_after() {
    let lease = |renewed: &str| {
        json!({
            "metadata": {"name": "job", "namespace": "kube-node-lease", "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "kwok-1", "uid": "u"}]},
            "spec": {"holderIdentity": "kwok-east", "leaseDurationSeconds": 40, "renewTime": renewed},
        })
    };
    let node = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let (fresh, old) = ("2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
    for (lease, objects, expected) in [
        (
            lease(fresh),
            vec![("/nodes/kwok-1", node)],
            "the heartbeat of Node kwok-1: ready, written by kwok-east",
        ),
        (
            lease(fresh),
            vec![],
            "the heartbeat of Node kwok-1, which is not found in this cluster, written by kwok-east",
        ),
        (
            lease(old),
            vec![],
            "gone: there is no Node kwok-1, and its heartbeat has stopped, written by kwok-east",
        ),
    ] {
        let text = described(&lease, &objects);
        assert!(
            text.contains(&format!("\nHolder is:   {expected}\n")),
            "{text}"
        );
        assert!(!text.contains("kubectl lease"), "{text}");
    }
}

#[test]
fn an_identity_that_is_a_whole_objects_name_is_asked_for_and_may_be_anything_else() {
    let (ns, _) = fresh();
    let user = ns.user_with(&[
        Rule::leases(&["get"]),
        Rule::leases(&["get"]).on(&["pods", "nodes"]).everywhere(),
    ]);
    let nobody = ns.user(&["get"]);
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let pod = json!({"status": {"phase": "Running", "conditions": ready}});
    let node = json!({"status": {"conditions": ready}});
    for (holder, path, object, user, expected, requests) in [
        (
            "kured-abcde",
            "/pods/kured-abcde",
            &pod,
            &user,
            "Pod kured-abcde: Running, ready",
            2,
        ),
        (
            "worker-9",
            "/nodes/worker-9",
            &node,
            &user,
            "Node worker-9: ready",
            3,
        ),
        (
            "node1.lan",
            "/nodes/node1.lan",
            &node,
            &nobody,
            "Node node1.lan: ready",
            3,
        ),
        ("ada-lovelace", "/no-such-path", &pod, &user, "", 3),
        ("ada-lovelace", "/no-such-path", &pod, &nobody, "", 3),
        ("ada@laptop", "/pods/", &pod, &user, "", 1),
        ("ada", "/pods/", &pod, &user, "", 1),
        ("a-/../b", "/pods/", &pod, &user, "", 1),
    ] {
        let proxy = Proxy::to(ns.cluster());
        ns.create(
            &lease("job")
                .holder(holder)
                .duration(600)
                .renewed_ago(0, 0)
                .build(),
        );
        proxy.fault(Match::get().path(path), answer(object), 1);
        let output = ns.command(user, ["status", "job"]).via(&proxy).run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output}"
        );
        let line = output
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("Holder is:   "));
        assert_eq!(line.unwrap_or_default(), expected, "{output}");
        assert_eq!(proxy.requests().len(), requests, "{output}");
        ns.delete("job");
    }
}

#[test]
fn without_permission_that_is_said_and_no_failure() {
    assert_eq!(
        line(&[], false),
        "perhaps Pod pod-1: no permission to get it"
    );
}

#[test]
fn what_an_object_says_of_itself_cannot_change_the_terminal() {
    let pod = json!({"metadata": {}, "status": {"phase": "Run\u{1b}[2J\nning\u{202e}"}});
    let shown = line(&[("/pods/pod-1", pod)], true);
    assert_eq!(
        shown,
        "Pod pod-1: Run\\u{1b}[2J\\nning\\u{202e}, readiness unknown"
    );
}

#[test]
fn a_holder_that_names_nothing_costs_no_further_request() {
    let (ns, user) = fresh();
    ns.create(
        &lease("job")
            .holder("../../secrets")
            .duration(600)
            .renewed_ago(0, 0)
            .build(),
    );
    let proxy = Proxy::to(ns.cluster());
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(proxy.requests().len(), 1, "{output}");
    held_odd(&ns);
    proxy.clear();
    let output = ns.command(&user, ["status", "odd"]).via(&proxy).run();
    assert_eq!(proxy.requests().len(), 1, "{output}");
}

/// As an instance names itself, but not by the name of any object.
fn held_odd(ns: &Namespace) {
    let holder = format!("../nodes/x?y_{UUID}");
    ns.create(
        &lease("odd")
            .holder(&holder)
            .duration(600)
            .renewed_ago(0, 0)
            .build(),
    );
}

#[test]
fn a_real_node_is_found() {
    let (ns, _) = fresh();
    if !ns.cluster().is_real() {
        return;
    }
    let admin = ns.cluster().admin();
    let name = format!("node-{}", ns.name());
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    let created = admin
        .call("POST", "/api/v1/nodes", Some(&node))
        .expect("a server");
    assert_eq!(created.status, 201, "{}", created.body);
    held_by(&ns, &name);
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
    elected["metadata"]["namespace"] = ns.name().into();
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
    for version in ["v1beta1", "v1alpha2", "v2"] {
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
    let tool = lease_harness::binary();
    let script = format!(
        "{} status job; env -u KUBECTL_LEASE_UID {} status job",
        tool.display(),
        tool.display()
    );
    let output = ns.run(&user, ["hold", "job", "--", "sh", "-c", &script]);
    assert_eq!(output.code, Some(0), "{output}");
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

#[test]
fn a_reason_ends_with_the_grant_that_it_was_given_for() {
    let (ns, user) = fresh();
    ns.create(&crate::support::free("job"));
    let acquire = ["acquire", "job", "--holder=me", "--reason=night run"];
    assert_eq!(ns.run(&user, acquire).code, Some(0));
    let shown = || {
        let alone = ns.run(&user, ["status", "job"]).stdout;
        let list = ns.run(&user, ["status", "-o", "wide"]).stdout;
        let reason = ["status", "job", "-o", "jsonpath={.reason}"];
        let document = ns.run(&user, reason).stdout;
        [alone, list, document].map(|text| text.contains("night run"))
    };
    assert_eq!(shown(), [true; 3]);
    // A renewal by somebody else's hands changes no holder.
    crate::support::renew(&ns, "job", 0);
    assert_eq!(shown(), [true; 3]);
    ns.edit("job", |lease| lease["spec"]["holderIdentity"] = "x".into());
    assert_eq!(shown(), [false; 3]);
    crate::support::set_free(&ns, "job");
    assert_eq!(shown(), [false; 3]);
}
