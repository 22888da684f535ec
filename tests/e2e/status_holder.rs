//! `status NAME` on what a holder's identity names: a Pod, a Node, one that is gone, one that may not be seen.

use crate::support::fresh;
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
fn neither_is_gone() {
    assert_eq!(line(&[], true), "gone: there is no Pod or Node pod-1");
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

/// The line "Candidates" of a Lease with a strategy, which servers before 1.31 do not store.
fn candidates(answer_to_list: Fault) -> String {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let elected = lease("job").holder("a").duration(600).renewed_ago(0, 0);
    let mut elected = elected
        .spec("strategy", json!("OldestEmulationVersion"))
        .build();
    elected["metadata"]["namespace"] = ns.name().into();
    proxy.fault(Match::get().path("/leases/job"), answer(&elected), 1);
    proxy.fault(Match::get().path("/leasecandidates"), answer_to_list, 1);
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    let found = output
        .stdout
        .lines()
        .find(|line| line.starts_with("Candidates:"));
    found.unwrap_or_default().replace("Candidates:  ", "")
}

#[test]
fn the_candidates_of_an_election_are_named_where_they_can_be_listed() {
    let of =
        |name: &str, lease: &str| json!({"metadata": {"name": name}, "spec": {"leaseName": lease}});
    let list = json!({"items": [of("a", "job"), of("x", "other"), of("b", "job")]});
    assert_eq!(candidates(answer(&list)), "a, b");
    let forbidden = Fault::status(403, "Forbidden", "leasecandidates is forbidden");
    assert_eq!(
        candidates(forbidden),
        "unknown: no permission to list leasecandidates"
    );
}
