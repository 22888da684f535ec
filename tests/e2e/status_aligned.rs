//! The columns of a table that comes in pages.

use std::time::Duration;

use crate::support::{SOON, fresh_in_process};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Namespace, Proxy};
use serde_json::json;

/// Leases of which the later ones have the longer names and holders.
fn seed(ns: &Namespace, count: usize) {
    let server = ns.cluster().api_server().expect("in-process");
    for number in 0..count {
        let more = "x".repeat(number * 40 / count);
        server.seed(json!({
            "metadata": {"name": format!("lease-{number:05}{more}"), "namespace": ns.name()},
            "spec": {"holderIdentity": format!("me{more}"), "leaseDurationSeconds": 40},
        }));
    }
}

/// Where the states stand in the lines of a table, each place once.
#[track_caller]
fn places(table: &str, count: usize) -> Vec<usize> {
    let lines: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("lease-"))
        .collect();
    assert_eq!(lines.len(), count, "{table:.1000}");
    let mut places: Vec<usize> = lines
        .iter()
        .filter_map(|line| line.find(" Held "))
        .collect();
    places.dedup();
    places
}

#[test]
fn a_list_of_a_few_pages_has_the_same_columns_throughout() {
    for (count, words) in [(5, &["status", "--chunk-size=1"][..]), (620, &["status"])] {
        let (ns, user) = fresh_in_process(Options::default());
        seed(&ns, count);
        let piped = ns.run(&user, words);
        assert_eq!(
            places(&piped.stdout, count).len(),
            1,
            "{:.2000}",
            piped.stdout
        );
        for columns in [60, 100] {
            let terminal = ns
                .command(&user, words)
                .env("NO_COLOR", "1")
                .spawn_pty(24, columns);
            assert_eq!(terminal.wait(SOON).code(), Some(0));
            let raw =
                String::from_utf8_lossy(&terminal.raw()).replace("\x1b[32mHeld\x1b[39m", "Held");
            let ascii: String = raw
                .chars()
                .map(|c| if c.is_ascii() { c } else { '.' })
                .collect();
            assert_eq!(places(&ascii, count).len(), 1, "{raw:.2000}");
        }
    }
}

#[test]
fn a_long_list_shows_its_first_page_before_the_others_have_come() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns, 5100);
    let proxy = Proxy::to(ns.cluster());
    let next = Match::get().and(|request| request.query.contains("continue="));
    proxy.fault(next, Fault::Delay(Duration::from_secs(600)), usize::MAX);
    let terminal = ns
        .command(&user, ["status", "--no-headers"])
        .via(&proxy)
        .spawn_pty(24, 100);
    terminal.wait_screen(|screen| screen.contains("lease-00499"), SOON);
}

#[test]
fn what_waited_for_the_next_page_is_shown_when_that_fails() {
    let (ns, user) = fresh_in_process(Options::default());
    seed(&ns, 620);
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
        output.stdout.contains("lease-00499"),
        "{:.500}",
        output.stdout
    );
}
