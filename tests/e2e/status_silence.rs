//! `status -w` whose connection hangs: it asks, says since when nothing is known, and no state changes by silence.

use crate::status_schema::fits;
use crate::support::{SOON, VERBS, free, fresh, held, methods, renew, watching};
use lease_harness::{Fault, Match, Namespace, Proxy, Running, User};
use serde_json::Value;

/// Two leases, one of which is soon due to be renewed, and a proxy.
fn due() -> (Namespace, User, Proxy) {
    let (ns, user) = fresh();
    ns.create(&held("a", "x", 2));
    ns.create(&free("b"));
    let proxy = Proxy::to(ns.cluster());
    (ns, user, proxy)
}

/// Lets the connection hang just after a renewal; how often the lease has expired by then, on a slow machine.
fn freeze(ns: &Namespace, proxy: &Proxy, running: &Running) -> usize {
    watching(proxy);
    renew(ns, "a", 0);
    proxy.freeze();
    running.stdout().matches("Expired").count()
}

#[test]
fn a_pipe_is_told_when_nothing_is_known_and_no_lease_expires_by_silence() {
    let (ns, user, proxy) = due();
    let running = ns.command(&user, ["status", "-w"]).via(&proxy).spawn();
    let expired = freeze(&ns, &proxy, &running);
    running.wait_stderr(|line| line.starts_with("Nothing is known since 2"), SOON);
    renew(&ns, "a", 600);
    proxy.thaw();
    running.wait_stderr(|line| line.starts_with("The server is heard again."), SOON);
    let text = running.stdout();
    assert_eq!(text.matches("Expired").count(), expired, "{text}");
    // What is true afterwards is told.
    renew(&ns, "a", -600);
    running.wait_stdout(|line| line.contains("Expired"), SOON);
}

#[test]
fn a_json_reader_is_told_too() {
    let (ns, user, proxy) = due();
    let command = ns.command(&user, ["status", "-w", "-o", "json"]);
    let running = command.via(&proxy).spawn();
    let expired = freeze(&ns, &proxy, &running);
    running.wait_stdout(|line| line.contains("\"known\":false"), SOON);
    renew(&ns, "a", 600);
    proxy.thaw();
    running.wait_stdout(|line| line.contains("\"known\":true"), SOON);
    let text = running.stdout();
    assert_eq!(text.matches("Expired").count(), expired, "{text}");
    let documents: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let silences = documents.iter().filter(|one| one["kind"] == "WatchStatus");
    let mut since = Vec::new();
    for silence in silences {
        fits("WatchStatus", silence);
        since.push(silence["unknownSince"].as_str().map(str::to_owned));
    }
    let since: Vec<jiff::Timestamp> = since
        .iter()
        .map(|since| {
            since
                .as_deref()
                .and_then(|time| time.parse().ok())
                .expect("a time")
        })
        .collect();
    assert_eq!(since.len(), 2, "{text}");
    // A server tells whole seconds, and a slow machine hears of them late.
    let apart = since[1].duration_since(since[0]).as_secs().abs();
    assert!(apart <= 2, "{text}");
}

#[test]
fn a_screen_shows_what_was_known_and_since_when_nothing_is() {
    let (ns, user) = fresh();
    ns.create(&held("a", "x", 10));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, ["status", "-w"]).via(&proxy);
    let terminal = command.spawn_pty(24, 60);
    terminal.wait_screen(|screen| screen.contains("Held"), SOON);
    watching(&proxy);
    proxy.freeze();
    let later = |screen: &str| screen.contains("Nothing is known since 2");
    terminal.wait_screen(later, SOON);
    // It counts on, in its place below the table.
    let screen = terminal.wait_screen(|screen| screen.contains("(14s ago)"), SOON);
    assert!(
        screen.contains("Held") && !screen.contains("Expired"),
        "{screen}"
    );
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("The states are as of then; trying again."),
        "{screen}"
    );
    assert_eq!(screen.matches("Nothing is known").count(), 1, "{screen}");
    proxy.thaw();
    terminal.wait_screen(|screen| !screen.contains("Nothing is known"), SOON);
}

#[test]
fn a_watch_that_hangs_alone_is_found_out_and_replaced() {
    let (ns, user, proxy) = due();
    let running = ns.command(&user, ["status", "-w"]).via(&proxy).spawn();
    watching(&proxy);
    proxy.pause_watches();
    ns.edit("b", |lease| lease["spec"]["holderIdentity"] = "y".into());
    running.wait_stdout(|line| line.contains(" y "), SOON);
    assert_eq!(running.stderr(), "");
}

#[test]
fn a_name_is_watched_with_the_permission_to_get_it_alone() {
    let (ns, _) = fresh();
    ns.create(&free("a"));
    for (verbs, watches) in [(&["get", "watch"][..], true), (&["get"], false)] {
        let user = ns.user(verbs);
        let proxy = Proxy::to(ns.cluster());
        let command = ns.command(&user, ["status", "a", "-w", "--no-headers"]);
        let running = command.via(&proxy).spawn();
        running.wait_stdout(|line| line.contains("Free"), SOON);
        if watches {
            watching(&proxy);
        } else {
            running.wait_stderr(
                |line| line.ends_with("; reading it every 2 s instead"),
                SOON,
            );
        }
        ns.edit("a", |lease| lease["spec"]["holderIdentity"] = "x".into());
        running.wait_stdout(|line| line.contains("Held"), SOON);
        ns.delete("a");
        running.wait_stdout(|line| line.contains("Deleted"), SOON);
        ns.create(&free("a"));
        let again = |all: &[lease_harness::Request]| all.len() > 2;
        proxy.wait_for(again, SOON);
        let lists = |request: &&lease_harness::Request| {
            !request.is_watch() && request.path.ends_with("/leases")
        };
        let requests = proxy.requests();
        assert_eq!(requests.iter().filter(lists).count(), 0, "{requests:?}");
        assert!(methods(&requests).contains(&"WATCH"), "it is tried");
    }
}

#[test]
fn a_server_that_answers_with_errors_says_nothing_about_leases() {
    assert!(VERBS.contains(&"list"));
    let (ns, user, proxy) = due();
    let running = ns.command(&user, ["status", "-w"]).via(&proxy).spawn();
    watching(&proxy);
    renew(&ns, "a", 0);
    let broken = || Fault::status(503, "ServiceUnavailable", "etcd is away");
    proxy.fault(Match::get(), broken(), usize::MAX);
    proxy.fault(Match::watch(), broken(), usize::MAX);
    let expired = running.stdout().matches("Expired").count();
    running.wait_stderr(|line| line.starts_with("Nothing is known since "), SOON);
    assert!(running.stderr().contains("etcd is away"));
    let text = running.stdout();
    assert_eq!(text.matches("Expired").count(), expired, "{text}");
    proxy.clear_faults();
    let ends = |line: &str| line.starts_with("The server is heard again.");
    running.wait_stderr(ends, SOON);
    running.wait_stdout(|line| line.contains("Expired"), SOON);
}

#[test]
fn where_only_watches_hang_it_reads_and_knows() {
    let (ns, user, proxy) = due();
    proxy.fault(Match::watch(), Fault::Hang, usize::MAX);
    let running = ns.command(&user, ["status", "-w"]).via(&proxy).spawn();
    running.wait_stdout(|line| line.contains("Held"), SOON);
    running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
    ns.edit("b", |lease| lease["spec"]["holderIdentity"] = "y".into());
    running.wait_stdout(|line| line.contains(" y "), SOON);
    assert!(
        !running.stderr().contains("Nothing is known"),
        "{}",
        running.stderr()
    );
}

#[test]
fn on_a_small_screen_trouble_keeps_its_end() {
    let (ns, user) = fresh();
    ns.create(&held("a", "x", 600));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, ["status", "-w"]).via(&proxy);
    let terminal = command.spawn_pty(14, 40);
    terminal.wait_screen(|screen| screen.contains("Held"), SOON);
    watching(&proxy);
    proxy.freeze();
    let words = |screen: &str| screen.split_whitespace().collect::<Vec<_>>().join(" ");
    terminal.wait_screen(
        |screen| words(screen).contains("The states are as of then; trying again."),
        SOON,
    );
}
