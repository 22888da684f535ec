//! Ctrl-C and its kin while acquiring: one line, nothing written, no ghost holders.

use crate::support::{
    ASKED_TO_END, SOON, each, ended, free, fresh, held, holder, said, stored, transitions,
    untouched, waiting,
};
use lease_harness::{Fault, Match, Proxy, lease};
use std::time::{Duration, Instant};

const INTERRUPTED: &str = "interrupted: lease \"job\" was not acquired\n";
const SETTLING: &str = "it is not known whether the last write took effect: checking (interrupt again to leave at once)\n";
const ACQUIRE: [&str; 3] = ["acquire", "job", "--holder=me"];

#[test]
fn a_waiter_ends_with_one_line_and_writes_nothing() {
    each(ASKED_TO_END, |(ask, code)| {
        let (ns, user) = fresh();
        let before = ns.create(&held("job", "other", 60));
        let running = ns.command(&user, ACQUIRE).own_console().spawn();
        running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
        ask(&running);
        let asked = Instant::now();
        let expected = waiting("job", "other", "60s") + INTERRUPTED;
        said(&running.wait(SOON), *code, "", &expected);
        assert!(asked.elapsed() < Duration::from_secs(2));
        untouched(&ns, &before);
    });
}

#[cfg(unix)] // a terminal
#[test]
fn a_waiter_on_a_terminal_ends_by_ctrl_c_and_says_so_there() {
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
fn neither_a_read_that_hangs_nor_a_pause_is_waited_for() {
    let busy = Fault::status(429, "TooManyRequests", "busy").with_header("Retry-After", "3600");
    let again = "Error from server (TooManyRequests): busy; trying again\n";
    for (fault, said_before) in [(Fault::Hang, ""), (busy, again)] {
        let (ns, user) = fresh();
        let before = ns.create(&free("job"));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::get(), fault, 1);
        let running = ns.command(&user, ACQUIRE).via(&proxy).own_console().spawn();
        proxy.wait_for(|all| !all.is_empty(), SOON);
        if !said_before.is_empty() {
            running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
        }
        running.interrupt();
        let asked = Instant::now();
        let expected = format!("{said_before}{INTERRUPTED}");
        said(&running.wait(SOON), 130, "", &expected);
        assert!(asked.elapsed() < Duration::from_secs(2));
        untouched(&ns, &before);
    }
}

#[test]
fn a_write_in_flight_is_settled_whatever_became_of_it() {
    let late = Fault::DelayReply(Duration::from_secs(1));
    for (fault, is_late) in [
        (Fault::HangAfterCommit, false),
        (Fault::Hang, false),
        (late, true),
    ] {
        let (ns, user) = fresh();
        let before = ns.create(&lease("job").duration(3).build());
        let proxy = Proxy::to(ns.cluster());
        let happens = !matches!(fault, Fault::Hang);
        proxy.fault(Match::put(), fault, 1);
        let running = ns.command(&user, ACQUIRE).via(&proxy).own_console().spawn();
        if happens {
            ns.wait_until("job", |lease| holder(lease) == "me", SOON);
        } else {
            proxy.wait_for(|all| all.len() == 2, SOON);
        }
        running.interrupt();
        let output = running.wait(SOON);
        ended(&output, 130, "");
        let unanswered = format!("no answer within 1s; trying again\n{SETTLING}");
        let expected = if is_late { "" } else { &unanswered };
        assert!(output.stderr.starts_with(expected), "{output}");
        assert!(output.stderr.ends_with(INTERRUPTED), "{output}");
        let after = stored(&ns, "job");
        assert_eq!(holder(&after), "");
        assert!(!happens || transitions(&after) == 1, "{output}");
        // Whatever is still under way is on top of a version that is gone.
        let version = |lease: &serde_json::Value| lease["metadata"]["resourceVersion"].clone();
        assert_ne!(version(&before), version(&after));
    }
}
