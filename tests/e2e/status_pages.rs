//! `status` over more than one page: every Lease once, whatever happens between the pages.

use crate::support::{SOON, fresh, fresh_in_process};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Namespace, Output, Proxy};
use serde_json::{Value, json};
use std::time::Duration;

/// The first page has 500, the next two the rest.
const MANY: usize = 6100;

fn seed(ns: &Namespace) {
    let server = ns.cluster().api_server().expect("in-process");
    for number in 0..MANY {
        server.seed(one(ns.name(), &name(number)));
    }
}

fn name(number: usize) -> String {
    format!("lease-{number:05}")
}

fn one(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": "x", "leaseDurationSeconds": 40, "renewTime": "2026-01-01T00:00:00.000000Z"},
    })
}

#[track_caller]
fn every_name_once(output: &Output) {
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{:.2000}",
        output.stderr
    );
    let found: Vec<&str> = output.stdout.lines().collect();
    let expected: Vec<String> = (0..MANY)
        .map(|number| format!("lease.coordination.k8s.io/{}", name(number)))
        .collect();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "another order");
}

#[test]
fn a_long_list_comes_in_pages_and_whole() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns);
    let server = ns.cluster().api_server().expect("in-process");
    server.clear_requests();
    every_name_once(&ns.run(&user, ["status", "-o", "name"]));
    let lists = server.requests();
    let lists = lists
        .iter()
        .filter(|request| request.path.ends_with("/leases"));
    assert_eq!(lists.count(), 3);

    let output = ns.run(&user, ["status", "-o", "json"]);
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(MANY));
    let output = ns.run(&user, ["status"]);
    assert_eq!(output.stdout.lines().count(), MANY + 1);
    assert_eq!(output.stderr, format!("Of {MANY} leases: {MANY} expired\n"));
}

#[test]
fn an_output_that_takes_no_more_ends_a_list_at_once() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns);
    let shell = |script: &str| {
        ns.program(&user, "/bin/sh", ["-c", script])
            .limit(SOON)
            .run()
    };
    let full = shell("kubectl-lease status -o name >/dev/full");
    let why = "error: cannot write to stdout: No space left on device (os error 28)\n";
    assert_eq!((full.code, full.stderr.as_str()), (Some(1), why), "{full}");
    let head = shell("(kubectl-lease status -o name; echo $? >&2) | true");
    assert_eq!(
        (head.code, head.stderr.as_str()),
        (Some(0), "0\n"),
        "{head}"
    );
}

#[test]
fn a_list_that_the_server_forgot_goes_on_where_it_was() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns);
    let proxy = Proxy::to(ns.cluster());
    let next = || Match::get().and(|request| request.query.contains("continue="));
    proxy.fault(next(), Fault::Delay(Duration::from_secs(1)), 1);
    let running = ns
        .command(&user, ["status", "-o", "name"])
        .via(&proxy)
        .spawn();
    proxy.wait_for(
        |all| {
            all.iter()
                .any(|request| request.query.contains("continue="))
        },
        SOON,
    );
    let server = ns.cluster().api_server().expect("in-process");
    server.seed(one(ns.name(), &name(3)));
    server.compact();
    every_name_once(&running.wait(SOON));
    let gone =
        |all: &[lease_harness::Request]| all.iter().any(|request| request.status == Some(410));
    proxy.wait_for(gone, SOON);
}

#[test]
fn namespaces_whose_names_begin_alike_are_in_the_servers_order() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let page = |namespace: &str, next: &str| {
        // The items come first here, as they may where something between us and the server writes lists anew.
        let list = json!({
            "kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"resourceVersion": "7", "continue": next},
            "items": [one(namespace, "job")],
        });
        Fault::Respond {
            status: 200,
            headers: Vec::new(),
            body: list.to_string(),
        }
    };
    // In etcd "team-b/job" comes before "team/job".
    let first = Match::get().and(|request| !request.query.contains("continue="));
    proxy.fault(first, page("team-b", "more"), 1);
    proxy.fault(Match::get(), page("team", ""), 1);
    let output = ns
        .command(&user, ["status", "-A", "--no-headers"])
        .via(&proxy)
        .run();
    let places: Vec<&str> = output
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(places, ["team-b", "team"], "{output}");
}

#[test]
fn an_error_on_a_later_page_is_an_error() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns);
    let proxy = Proxy::to(ns.cluster());
    let next = Match::get().and(|request| request.query.contains("continue="));
    proxy.fault(
        next,
        Fault::status(500, "InternalError", "etcd is away"),
        usize::MAX,
    );
    let output = ns.command(&user, ["status"]).via(&proxy).run();
    assert_eq!(output.code, Some(1), "{:.500}", output.stderr);
    assert!(
        output.stderr.contains("etcd is away"),
        "{:.500}",
        output.stderr
    );
}
