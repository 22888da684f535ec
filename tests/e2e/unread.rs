//! `acquire` where its result cannot be written, or nobody reads it: no lease is left held that nobody knows of.

use crate::support::{
    SOON, free, fresh, held, holder, said, said_like, set_free, stored, transitions, waiting,
};
use lease_harness::{Namespace, Outlet, Running, User};
use std::time::{Duration, Instant};

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";
const GIVEN_BACK: &str = "lease \"job\" was released: nobody holds it\n";
const GONE: &str = "error: nobody read the result: the reader of stdout has gone\n";
const FULL: &str = "error: cannot write to stdout: No space left on device (os error 28)\n";
const TOO_LATE: &str =
    "error: nobody read the result in time: stdout is blocked, or was for too long\n";
const INTERRUPTED: &str = "interrupted: lease \"job\" was not acquired\n";

const SIGTERM: i32 = 15;

fn full() -> Outlet {
    Outlet::File("/dev/full".into())
}

/// A free Lease, and an `acquire` for `duration` whose stdout is full; it has the Lease by now.
#[track_caller]
fn blocked(duration: &str) -> (Namespace, User, Running) {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let words = ["acquire", "job", "--holder=me", "--duration", duration];
    let running = ns.command(&user, words).stdout(Outlet::Full).spawn();
    ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    running.wait_blocked(SOON);
    (ns, user, running)
}

/// The Lease was had, and is free again.
#[track_caller]
fn was_had_and_is_free(ns: &Namespace) {
    let lease = stored(ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("", 4));
}

#[test]
fn what_cannot_be_written_is_given_back_unless_somebody_may_run_under_it() {
    for (words, outlet, why) in [
        (&["--unique", "-o", "env"][..], full(), FULL),
        (&["-o", "json"], Outlet::Broken, GONE),
        (&["--create", "--holder=me"], full(), FULL),
        (&["--holder=me"], Outlet::Broken, GONE),
    ] {
        let (ns, user) = fresh();
        let creates = words[0] == "--create";
        let before = if creates {
            0
        } else {
            transitions(&ns.create(&free("job")))
        };
        let command = ["acquire", "job"].iter().chain(words);
        let output = ns.command(&user, command).stdout(outlet).run();
        said(&output, 1, "", &format!("{why}{GIVEN_BACK}"));
        let lease = stored(&ns, "job");
        assert_eq!((holder(&lease), transitions(&lease)), ("", before + 1));
    }
    let (ns, user) = fresh();
    // An earlier process of this identity may run.
    ns.create(&held("job", "me", 60));
    let words = ["acquire", "job", "--holder=me", "--reenter"];
    let output = ns.command(&user, words).stdout(full()).run();
    assert_eq!(output.code, Some(1), "{output}");
    let kept = "is held by \"me\" until it expires";
    assert!(output.stderr.contains(kept), "{output}");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
    let (ns, user) = fresh();
    let granted = |output: lease_harness::Output, stdout: &str| {
        said(&output, 0, stdout, "");
        assert_eq!(holder(&stored(&ns, "job")), "me");
        set_free(&ns, "job");
    };
    ns.create(&free("job"));
    for (closed, stdout) in [(">&-", ""), (">&- 2>&-", ""), ("2>&-", ACQUIRED)] {
        let script = format!("exec kubectl-lease acquire job --holder me {closed}");
        granted(ns.program(&user, "sh", ["-c", &script]).run(), stdout);
    }
    for outlet in [full(), Outlet::Broken, Outlet::Full] {
        let words = ["acquire", "job", "--holder=me", "-v"];
        granted(ns.command(&user, words).stderr(outlet).run(), ACQUIRED);
    }
}

#[test]
fn what_nobody_reads_is_kept_for_a_reader_and_given_back_without_one_by_a_signal_or_in_time() {
    let (ns, _, running) = blocked("60s");
    running.read_on();
    said(&running.wait(SOON), 0, ACQUIRED, "");
    assert_eq!(holder(&stored(&ns, "job")), "me");
    let (ns, _, running) = blocked("60s");
    running.hang_up();
    said(&running.wait(SOON), 1, "", &format!("{GONE}{GIVEN_BACK}"));
    was_had_and_is_free(&ns);
    let (ns, _, running) = blocked("60s");
    running.signal(SIGTERM);
    let signalled = Instant::now();
    said(&running.wait(SOON), 143, "", INTERRUPTED);
    assert!(signalled.elapsed() < Duration::from_secs(3));
    was_had_and_is_free(&ns);
    let (ns, _, running) = blocked("3s");
    let output = running.wait(SOON);
    said(&output, 123, "", &format!("{TOO_LATE}{GIVEN_BACK}"));
    assert!(output.elapsed < Duration::from_secs(3), "{output}");
    was_had_and_is_free(&ns);
}

/// Stopped between the grant and its print, and continued when another has the lease: `acquire && deploy` must not deploy.
#[test]
fn what_was_said_after_its_time_is_no_success() {
    let (ns, user, running) = blocked("2s");
    running.signal(libc::SIGSTOP);
    let other = ["acquire", "job", "--holder=other", "--duration=60s"];
    said_like(&ns.run(&user, other), 0, ACQUIRED, "…\n");
    running.read_on();
    running.signal(libc::SIGCONT);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    let expected = format!("{TOO_LATE}lease \"job\" is not yours any more\n");
    assert_eq!(output.stderr, expected);
    assert_eq!(holder(&stored(&ns, "job")), "other");
}

/// Ctrl-S, as typed.
#[test]
fn a_stopped_terminal_blocks_neither_the_end_of_a_grant_nor_a_signal() {
    for (duration, signal, code) in [("3s", None, 123), ("60s", Some(SIGTERM), 143)] {
        let (ns, user) = fresh();
        ns.create(&free("job"));
        let script = format!(
            "echo ready; read go; exec kubectl-lease acquire job --holder me --duration {duration}"
        );
        let terminal = ns.program(&user, "sh", ["-c", &script]).spawn_pty(24, 100);
        terminal.wait_screen(|text| text.contains("ready"), SOON);
        terminal.send(b"\x13");
        terminal.send(b"go\r");
        ns.wait_until("job", |lease| holder(lease) == "me", SOON);
        if let Some(signal) = signal {
            terminal.signal(signal);
        }
        assert_eq!(terminal.wait(SOON).code(), Some(code));
        assert!(!terminal.screen().contains("acquired"));
        was_had_and_is_free(&ns);
    }
    // One that goes on shows how much is left.
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let script = "echo ready; read go; exec kubectl-lease acquire job --holder me --duration 60s";
    let terminal = ns.program(&user, "sh", ["-c", script]).spawn_pty(24, 200);
    terminal.wait_screen(|text| text.contains("ready"), SOON);
    terminal.send(b"\x13");
    terminal.send(b"go\r");
    let granted = ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    let begun = Instant::now();
    // Time that the terminal stood still, so that there is something to be honest about.
    std::thread::sleep(Duration::from_secs(2));
    terminal.send(b"\x11");
    let screen = terminal.wait_screen(|text| text.contains("yours for"), SOON);
    let left = screen
        .split_once("yours for ")
        .and_then(|(_, rest)| rest.split_once('s'))
        .and_then(|(left, _)| left.parse::<u64>().ok());
    let left = left.expect("a number of seconds");
    assert!(left <= 58, "{granted}\n{screen}");
    assert!(left + begun.elapsed().as_secs() >= 57, "{screen}");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
}

#[test]
fn a_waiter_that_nobody_hears_obeys_its_timeout_and_signals_and_is_heard_once_somebody_reads() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let waiter = |flags: &[&str]| {
        let words = ["acquire", "job", "--holder=me"].iter().chain(flags);
        let command = ns.command(&user, words).stderr(Outlet::Full);
        command.stdout(Outlet::Full).spawn()
    };
    said(&waiter(&["--timeout=1s", "-v"]).wait(SOON), 124, "", "");
    let unheard = waiter(&[]);
    let threads = |pid: u32| std::fs::read_dir(format!("/proc/{pid}/task")).map(Iterator::count);
    // It listens to signals once its threads are there.
    while cfg!(target_os = "linux") && threads(unheard.pid()).is_ok_and(|count| count < 3) {
        std::thread::yield_now();
    }
    unheard.signal(SIGTERM);
    let output = unheard.wait(SOON);
    let ended = output.code == Some(143) || output.signal == Some(SIGTERM);
    assert!(ended, "{output}");
    let heard = waiter(&[]);
    heard.read_on();
    heard.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    set_free(&ns, "job");
    let waits = waiting("job", "other", "60s");
    said(&heard.wait(SOON), 0, ACQUIRED, &waits);
}
