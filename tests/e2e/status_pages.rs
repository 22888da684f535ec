//! `status` over more than one page: every Lease once in the same columns, whatever happens between the pages.

use crate::support::{SOON, fresh, fresh_in_process};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Namespace, Output, Proxy, Request};
use serde_json::{Value, json};
use std::time::Duration;

/// The first page has 500, the next one the rest.
const MANY: usize = 620;

/// Leases of which the later ones have the longer names and holders.
fn seed(ns: &Namespace, count: usize) {
    let server = ns.cluster().api_server().expect("in-process");
    for number in 0..count {
        server.seed(one(ns.name(), &name(number, count)));
    }
}

fn name(number: usize, count: usize) -> String {
    format!("lease-{number:05}{}", "x".repeat(number * 40 / count))
}

fn one(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": format!("me-{name}"), "leaseDurationSeconds": 40, "renewTime": "2026-01-01T00:00:00.000000Z"},
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
    let expected = (0..MANY).map(|n| format!("lease.coordination.k8s.io/{}\n", name(n, MANY)));
    assert!(
        output.stdout == expected.collect::<String>(),
        "{:.2000}",
        output.stdout
    );
}

fn next_page() -> Match {
    Match::get().and(|request| request.query.contains("continue="))
}

#[test]
fn a_long_list_comes_in_pages_and_whole_even_where_the_server_forgets_it() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns, MANY);
    let server = ns.cluster().api_server().expect("in-process");
    for (chunk, pages) in [("500", 2), ("250", 3), ("0", 1)] {
        server.clear_requests();
        let words = ["status", "-o", "name", "--chunk-size", chunk];
        every_name_once(&ns.run(&user, words));
        let lists = server.requests();
        let lists = lists.iter().filter(|one| one.path.ends_with("/leases"));
        assert_eq!(lists.count(), pages, "{chunk}");
    }
    let output = ns.run(&user, ["status", "-o", "json"]);
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(MANY));
    let output = ns.run(&user, ["status"]);
    assert_eq!(output.stdout.lines().count(), MANY + 1);
    assert_eq!(output.stderr, format!("Of {MANY} leases: {MANY} expired\n"));
    assert_eq!(places(&output.stdout), 1, "{:.2000}", output.stdout);
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(next_page(), Fault::Delay(Duration::from_millis(500)), 1);
    let command = ns.command(&user, ["status", "-o", "name"]);
    let running = command.via(&proxy).spawn();
    let asked = |all: &[Request]| all.iter().any(|one| one.query.contains("continue="));
    proxy.wait_for(asked, SOON);
    server.seed(one(ns.name(), &name(3, MANY)));
    server.compact();
    every_name_once(&running.wait(SOON));
    let gone = |all: &[Request]| all.iter().any(|request| request.status == Some(410));
    proxy.wait_for(gone, SOON);
}

/// In how many places of its line the state stands.
fn places(text: &str) -> usize {
    let text = text.replace('…', ".");
    let lines = text.lines().filter(|line| line.contains("lease-"));
    let mut places: Vec<_> = lines.map(|line| line.find(" Expired ")).collect();
    places.dedup();
    places.len()
}

#[cfg(unix)] // terminals
#[test]
fn a_terminal_shows_a_long_list_in_line_and_what_has_come_of_a_longer_one_while_the_next_page_is_slow()
 {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns, MANY);
    let command = ns.command(&user, ["status"]).env("NO_COLOR", "1");
    let terminal = command.spawn_pty(24, 100);
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    assert_eq!(places(&raw), 1, "{raw:.2000}");
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns, 5100);
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(next_page(), Fault::Hang, usize::MAX);
    let command = ns.command(&user, ["status", "--no-headers"]).via(&proxy);
    let terminal = command.spawn_pty(24, 100);
    terminal.wait_screen(|screen| screen.contains("lease-00499"), SOON);
}

/// A list of few pages is shown as one, so what has come of it waits.
#[test]
fn what_has_come_is_shown_where_the_next_page_fails() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns, MANY);
    let proxy = Proxy::to(ns.cluster());
    let away = Fault::status(500, "InternalError", "etcd is away");
    proxy.fault(next_page(), away, usize::MAX);
    let output = ns.command(&user, ["status"]).via(&proxy).run();
    assert_eq!(output.code, Some(1), "{:.500}", output.stderr);
    let shown = output.stdout.contains("lease-00499");
    assert!(shown, "{:.500}", output.stdout);
    let says = output.stderr.contains("etcd is away");
    assert!(says, "{:.500}", output.stderr);
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
    let command = ns.command(&user, ["status", "-A", "--no-headers"]);
    let output = command.via(&proxy).run();
    let lines = output.stdout.lines();
    let places: Vec<&str> = lines
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(places, ["team-b", "team"], "{output}");
}

#[test]
fn a_page_that_is_to_be_followed_by_itself_ends_the_list_with_an_error() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let page = json!({
        "kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1",
        "metadata": { "resourceVersion": "7", "continue": "again" }, "items": [],
    });
    let answer = || Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: page.to_string(),
    };
    proxy.fault(
        Match::get().and(|request| request.path.ends_with("/leases")),
        answer(),
        usize::MAX,
    );
    let output = ns.command(&user, ["status"]).via(&proxy).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("LeaseList"), "{output}");
    let lists = proxy.requests().into_iter();
    let lists = lists.filter(|request| request.path.ends_with("/leases"));
    assert_eq!(lists.count(), 2);
}
