//! Ctrl-C and its kin while acquiring: one line, nothing written, no ghost holders.

use crate::support::{
    SOON, free, fresh, held, holder, said, stored, transitions, untouched, waiting,
};
use lease_harness::{Fault, Match, Proxy, Request};
use std::time::{Duration, Instant};

const INTERRUPTED: &str = "interrupted: lease \"job\" was not acquired\n";
const SETTLING: &str = "the last write was not answered: checking whether it took effect (interrupt again to leave at once)\n";
const ACQUIRE: [&str; 3] = ["acquire", "job", "--holder=me"];

/// Ctrl-C, as a signal.
const SIGINT: i32 = 2;
/// The terminal went away.
const SIGHUP: i32 = 1;
/// What `kill` and a stopping pod send.
const SIGTERM: i32 = 15;

fn written(requests: &[Request]) -> bool {
    requests
        .iter()
        .any(|request| request.method == "PUT" && request.upstream_status.is_some())
}

#[test]
fn a_waiter_ends_with_one_line_and_writes_nothing() {
    for (signal, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] {
        let (ns, user) = fresh();
        let before = ns.create(&held("job", "other", 60));
        let running = ns.spawn(&user, ACQUIRE);
        running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
        running.signal(signal);
        let signalled = Instant::now();
        let expected = waiting("job", "other", "60s") + INTERRUPTED;
        said(&running.wait(SOON), code, "", &expected);
        assert!(signalled.elapsed() < Duration::from_secs(2));
        untouched(&ns, &before);
    }
}

#[test]
fn ctrl_c_on_a_terminal_ends_a_waiter() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 60));
    let terminal = ns.command(&user, ACQUIRE).spawn_pty(24, 100);
    terminal.wait_screen(|text| text.contains("waiting for"), SOON);
    terminal.send(b"\x03");
    assert_eq!(terminal.wait(SOON).code(), Some(130));
    assert!(terminal.screen().contains(INTERRUPTED.trim()));
    untouched(&ns, &before);
}

#[test]
fn a_second_signal_leaves_at_once_and_says_what_is_open() {
    let (ns, user) = fresh();
    ns.create(&lease_harness::lease("job").duration(3).build());
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
    let running = ns.command(&user, ACQUIRE).via(&proxy).spawn();
    proxy.wait_for(written, SOON);
    proxy.fault(Match::get(), Fault::Hang, usize::MAX);
    running.signal(SIGINT);
    running.wait_stderr(
        |line| line.starts_with("the last write was not answered"),
        SOON,
    );
    running.signal(SIGTERM);
    let expected = format!(
        "no answer within 1s; trying again\n{SETTLING}\
         error: a write to lease \"job\" was sent and its outcome is not known\n\
         It may be held by \"me\". Look: kubectl lease status job -n {ns}; free it: kubectl lease release job -n {ns} --holder me\n",
        ns = ns.name()
    );
    said(&running.wait(SOON), 130, "", &expected);
}

#[test]
fn neither_a_read_that_hangs_nor_a_pause_is_waited_for() {
    let busy = Fault::status(429, "TooManyRequests", "busy").with_header("Retry-After", "3600");
    let again = "Error from server (TooManyRequests): busy; trying again\n";
    for (fault, said_before) in [(Fault::Hang, ""), (busy, again)] {
        let (ns, user) = fresh();
        let before = ns.create(&free("job"));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::get(), fault, 1);
        let running = ns.command(&user, ACQUIRE).via(&proxy).spawn();
        proxy.wait_for(|all| !all.is_empty(), SOON);
        if !said_before.is_empty() {
            running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
        }
        running.signal(SIGINT);
        let signalled = Instant::now();
        let expected = format!("{said_before}{INTERRUPTED}");
        said(&running.wait(SOON), 130, "", &expected);
        assert!(signalled.elapsed() < Duration::from_secs(2));
        untouched(&ns, &before);
    }
}

#[test]
fn a_write_in_flight_is_settled_whatever_became_of_it() {
    let late = Fault::DelayReply(Duration::from_secs(1));
    for (create, fault, is_late) in [
        (false, Fault::HangAfterCommit, false),
        (true, Fault::HangAfterCommit, false),
        (false, Fault::Hang, false),
        (false, late, true),
    ] {
        let (ns, user) = fresh();
        let before = (!create).then(|| ns.create(&lease_harness::lease("job").duration(3).build()));
        let proxy = Proxy::to(ns.cluster());
        let matching = if create { Match::post() } else { Match::put() };
        let happens = !matches!(fault, Fault::Hang);
        proxy.fault(matching, fault, 1);
        let words = ACQUIRE
            .iter()
            .chain(&["--create", "--duration=3"][..if create { 2 } else { 0 }]);
        let running = ns.command(&user, words).via(&proxy).spawn();
        if happens {
            ns.wait_until("job", |lease| holder(lease) == "me", SOON);
        } else {
            proxy.wait_for(|all| all.len() == 2, SOON);
        }
        running.signal(SIGINT);
        let output = running.wait(SOON);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(130), ""),
            "{output}"
        );
        let unanswered = format!("no answer within 1s; trying again\n{SETTLING}");
        let expected = if is_late { "" } else { &unanswered };
        assert!(output.stderr.starts_with(expected), "{output}");
        assert!(output.stderr.ends_with(INTERRUPTED), "{output}");
        let after = stored(&ns, "job");
        assert_eq!(holder(&after), "");
        assert!(!happens || transitions(&after) == 1, "{output}");
        // Whatever is still under way is on top of a version that is gone.
        let version = |lease: &serde_json::Value| lease["metadata"]["resourceVersion"].clone();
        assert_ne!(before.as_ref().map(version), Some(version(&after)));
    }
}
