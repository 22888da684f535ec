//! `status --holder-gone`: the leases whose holder's Pod or Node is gone, and none of which that is not known.

use crate::support::{free, fresh, said_like, shared};
use lease_harness::{Fault, Match, Namespace, Output, Proxy, Rule, lease};
use serde_json::{Value, json};

const UUID: &str = "2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10";

/// Held for a second, long ago by the holder's clock and, once a server stamps it, soon by the server's.
fn dead(name: &str, holder: &str) -> Value {
    lease(name)
        .holder(holder)
        .duration(1)
        .renewed_ago(600, 0)
        .build()
}

fn expire(ns: &Namespace, name: &str) {
    let deadline = std::time::Instant::now() + crate::support::SOON;
    while ns.run(&ns.admin(), ["status", name, "--exit-code"]).code != Some(3) {
        assert!(
            std::time::Instant::now() < deadline,
            "{name} does not expire"
        );
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

fn names(output: &Output) -> String {
    let lines = output.stdout.lines();
    let names = lines.map(|line| line.trim_start_matches("lease.coordination.k8s.io/"));
    names.collect::<Vec<_>>().join(" ")
}

/// Of the Leases of this namespace, those of which nothing is left.
const GONE: &str = "endless-pod pod-gone replica-gone";

fn some(ns: &Namespace) {
    ns.create_pod("here-0");
    let node = format!("{}-node", ns.name());
    ns.cluster().create_node(&node);
    let run = |name: &str| format!("{name}_{UUID}");
    for (name, holder) in [
        ("pod-here", run("here-0")),
        ("node-here", run(&node)),
        ("pod-gone", run("gone-0")),
        ("replica-gone", "web-6d8f7c9b5-x2x9k".to_owned()),
        ("person", run("ada@laptop")),
        ("plain", "ci-7".to_owned()),
    ] {
        ns.create(&dead(name, &holder));
    }
    ns.create(
        &lease("alive")
            .holder(&run("elsewhere"))
            .duration(600)
            .renewed_ago(0, 0)
            .build(),
    );
    ns.create(&free("free"));
    ns.create(&lease("endless-pod").holder("nightly-28391-x7k2p").build());
    ns.create(&lease("endless-person").holder("ci-12").build());
    for name in ["pod-gone", "plain", "replica-gone"] {
        expire(ns, name);
    }
}

fn finish(ns: &Namespace) {
    ns.cluster().delete_node(&format!("{}-node", ns.name()));
}

#[test]
fn what_is_not_known_is_not_gone() {
    let ns = shared().namespace();
    some(&ns);
    let lists = ["get", "list"];
    let pods = || Rule::leases(&lists).on(&["pods"]);
    let nodes = || Rule::leases(&lists).on(&["nodes"]).everywhere();
    let user = ns.user_with(&[Rule::leases(&lists), pods(), nodes()]);
    let gone = |words: &[&str]| {
        let words = ["status", "--holder-gone"].iter().chain(words);
        ns.run(&user, words)
    };
    let proxy = Proxy::to(ns.cluster());
    let words = ["status", "--holder-gone", "-o", "name"];
    let output = ns.command(&user, words).via(&proxy).run();
    assert_eq!(
        (output.code, &*names(&output), &*output.stderr),
        (Some(0), GONE, ""),
        "{output}"
    );
    // One list of each kind, however many Leases there are; the Pods elsewhere for what never expires.
    let paths = proxy.requests().into_iter().map(|request| request.path);
    let mut paths: Vec<String> = paths.filter(|path| path.starts_with("/api/v1/")).collect();
    paths.sort();
    let here = format!("/api/v1/namespaces/{}/pods", ns.name());
    assert_eq!(paths, [&*here, "/api/v1/nodes", "/api/v1/pods"]);
    // With other filters and in other formats.
    for (words, expected) in [
        (&["--state=expired", "-oname"][..], "pod-gone replica-gone"),
        (&["--holder=*-0_*", "-oname"], "pod-gone"),
        (&["--field-selector=metadata.name=plain", "-oname"], ""),
        (&["-oname", "--sort-by=.metadata.name"], GONE),
    ] {
        let output = gone(words);
        assert_eq!(
            (output.code, &*names(&output)),
            (Some(0), expected),
            "{output}"
        );
    }
    let list: Value = serde_json::from_str(&gone(&["-ojson"]).stdout).expect("JSON");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(list["items"][1]["metadata"]["managedFields"], Value::Null);
    let table = gone(&[]);
    assert_eq!(table.stdout.lines().count(), 4, "{table}");
    // A Pod that comes back is there.
    ns.create_pod("gone-0");
    assert_eq!(names(&gone(&["-oname"])), "endless-pod replica-gone");
    ns.delete_pod("gone-0");
    assert_eq!(names(&gone(&["-oname"])), GONE);

    // Some run in another namespace than their Lease is in.
    let elsewhere = shared().namespace();
    let far = "far-6d8f7c9b5-z2z9k";
    ns.create(&dead("far", far));
    expire(&ns, "far");
    elsewhere.create_pod(far);
    elsewhere.create_pod("gone-0");
    let unseen = format!("endless-pod far {}", &GONE["endless-pod ".len()..]);
    assert_eq!(names(&gone(&["-oname"])), unseen);
    let rules = [
        Rule::leases(&lists),
        nodes(),
        Rule::leases(&lists).on(&["pods"]).everywhere(),
    ];
    let output = ns.run(&ns.user_with(&rules), words);
    assert_eq!(names(&output), GONE, "{output}");
    elsewhere.delete_pod(far);
    elsewhere.delete_pod("gone-0");
    // What may not be listed may be there.
    for (rules, kind) in [
        (
            vec![Rule::leases(&lists), nodes()],
            format!("pods in namespace {}", ns.name()),
        ),
        (
            vec![Rule::leases(&lists), pods()],
            "nodes in the cluster".to_owned(),
        ),
    ] {
        let user = ns.user_with(&rules);
        let output = ns.run(&user, ["status", "--holder-gone", "-oname"]);
        let said = format!(
            "error: no permission to list {kind}: leases whose holders may be among them are left out\n\
             The verb \"list\" on … is missing. A cluster admin grants it: kubectl create …\n"
        );
        said_like(&output, 1, "", &said);
    }
    // Nor is anything gone that a server does not have, or that does not answer.
    for fault in [
        Fault::status(
            404,
            "NotFound",
            "the server could not find the requested resource",
        ),
        Fault::Respond {
            status: 200,
            headers: Vec::new(),
            body: "{}".to_owned(),
        },
        Fault::Refuse,
    ] {
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::get().path("/pods"), fault, usize::MAX);
        let output = ns.command(&user, words).via(&proxy).run();
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{output}");
    }
    finish(&ns);
}

#[test]
fn all_namespaces_are_looked_at_by_one_list_of_each_kind_and_heartbeats_by_their_nodes() {
    let ns = shared().namespace();
    some(&ns);
    let heartbeat = |name: &str, node: &str| {
        let mut lease = dead(name, "kubelet");
        lease["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": "v1", "kind": "Node", "name": node, "uid": "u" }]);
        ns.create(&lease);
        expire(&ns, name);
    };
    heartbeat("beat-here", &format!("{}-node", ns.name()));
    heartbeat("beat-gone", &format!("{}-no-node", ns.name()));
    let proxy = Proxy::to(ns.cluster());
    let of_here =
        "-o=jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}";
    let words = ["status", "-A", "--holder-gone", of_here];
    let output = ns.command(&ns.admin(), words).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
    let here = format!("{}/", ns.name());
    let found: Vec<&str> = (output.stdout.lines())
        .filter_map(|line| line.strip_prefix(&here))
        .collect();
    assert_eq!(found.join(" "), format!("beat-gone {GONE}"));
    let paths = proxy.requests().into_iter().map(|request| request.path);
    let mut paths: Vec<String> = paths.filter(|path| path.starts_with("/api/v1/")).collect();
    paths.sort();
    assert_eq!(paths, ["/api/v1/nodes", "/api/v1/pods"]);
    finish(&ns);
}

#[test]
fn nothing_is_listed_where_no_holder_needs_it_and_a_watch_is_refused() {
    let (ns, user) = fresh();
    ns.create(&free("free"));
    let proxy = Proxy::to(ns.cluster());
    let words = ["status", "--holder-gone", "-oname"];
    let output = ns.command(&user, words).via(&proxy).run();
    assert_eq!(
        (output.code, &*output.stdout, &*output.stderr),
        (Some(0), "", "")
    );
    assert!(
        proxy
            .requests()
            .iter()
            .all(|request| request.path.contains("/leases"))
    );
    crate::usage::refused(&[
        (
            &["status", "--holder-gone", "-w"],
            "error: --holder-gone looks once at the cluster's Pods and Nodes: leave -w out, or --holder-gone".into(),
        ),
        (&["status", "job", "--holder-gone"], "error: … cannot be used with …".into()),
    ]);
}
