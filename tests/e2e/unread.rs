//! `acquire` where its result cannot be written, or nobody reads it: no lease is left held that nobody knows of.

use crate::support::{
    SOON, VERBS, free, fresh, held, holder, said, said_like, set_free, stored, transitions, waiting,
};
use lease_harness::{Fault, Match, Namespace, Outlet, Proxy, Running, User};
use std::time::{Duration, Instant};

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";
const GIVEN_BACK: &str = "lease \"job\" was given back: it is not held\n";
const GONE: &str = "error: nobody read the result: the reader of stdout has gone\n";
const FULL: &str = "error: cannot write to stdout: No space left on device (os error 28)\n";
const TOO_LATE: &str =
    "error: nobody read the result in time: stdout is blocked, or was for long\n";
const INTERRUPTED: &str = "interrupted: lease \"job\" was not acquired\n";

const SIGINT: i32 = 2;
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
fn what_cannot_be_written_is_given_back() {
    for words in [
        ["--unique", "-o", "env"].as_slice(),
        &["-o", "json"],
        &["-o", "yaml"],
        &["-o", "name"],
        &[],
    ] {
        for (outlet, why) in [(full(), FULL), (Outlet::Broken, GONE)] {
            let (ns, user) = fresh();
            ns.create(&free("job"));
            let command = ["acquire", "job"].iter().chain(words);
            let output = ns.command(&user, command).stdout(outlet).run();
            said(&output, 1, "", &format!("{why}{GIVEN_BACK}"));
            was_had_and_is_free(&ns);
        }
    }
}

#[test]
fn a_lease_that_was_created_for_it_is_given_back_too() {
    let (ns, user) = fresh();
    let words = ["acquire", "job", "--create", "--holder=me"];
    let output = ns.command(&user, words).stdout(full()).run();
    said(&output, 1, "", &format!("{FULL}{GIVEN_BACK}"));
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("", 1));
}

/// As with `>/dev/null`: whoever closes stdout does not want to be told.
#[test]
fn a_closed_stdout_is_no_reason_to_give_it_back() {
    for closed in [">&-", ">&- 2>&-", "2>&-"] {
        let (ns, user) = fresh();
        ns.create(&free("job"));
        let script = format!("exec kubectl-lease acquire job --holder me {closed}");
        let output = ns.program(&user, "sh", ["-c", &script]).run();
        let stdout = if closed == "2>&-" { ACQUIRED } else { "" };
        said(&output, 0, stdout, "");
        assert_eq!(holder(&stored(&ns, "job")), "me");
    }
}

#[test]
fn neither_is_a_stderr_that_nobody_can_write_to() {
    for outlet in [full(), Outlet::Broken, Outlet::Full] {
        let (ns, user) = fresh();
        ns.create(&free("job"));
        let words = ["acquire", "job", "--holder=me", "-v"];
        let output = ns.command(&user, words).stderr(outlet).run();
        said(&output, 0, ACQUIRED, "");
        assert_eq!(holder(&stored(&ns, "job")), "me");
    }
}

#[test]
fn what_nobody_reads_in_time_is_given_back_before_anybody_else_can_have_it() {
    let (ns, _, running) = blocked("4s");
    let output = running.wait(SOON);
    said(&output, 123, "", &format!("{TOO_LATE}{GIVEN_BACK}"));
    assert!(output.elapsed < Duration::from_secs(4), "{output}");
    was_had_and_is_free(&ns);
}

#[test]
fn what_is_read_in_time_is_kept() {
    let (ns, _, running) = blocked("60s");
    running.read_on();
    said(&running.wait(SOON), 0, ACQUIRED, "");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

#[test]
fn a_signal_ends_what_nobody_reads_and_gives_it_back() {
    for (signal, code) in [(SIGTERM, 143), (SIGINT, 130)] {
        let (ns, _, running) = blocked("60s");
        running.signal(signal);
        let signalled = Instant::now();
        said(&running.wait(SOON), code, "", INTERRUPTED);
        assert!(signalled.elapsed() < Duration::from_secs(3));
        was_had_and_is_free(&ns);
    }
}

#[test]
fn a_reader_that_goes_away_late_gets_it_given_back_as_well() {
    let (ns, _, running) = blocked("60s");
    running.hang_up();
    said(&running.wait(SOON), 1, "", &format!("{GONE}{GIVEN_BACK}"));
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

#[test]
fn what_cannot_be_given_back_is_said() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).stdout(Outlet::Full).spawn();
    ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    running.wait_blocked(SOON);
    let forbidden = Fault::status(403, "Forbidden", "no more writes");
    proxy.fault(Match::put(), forbidden, usize::MAX);
    running.signal(SIGTERM);
    let expected = format!(
        "interrupted before the result was read\n\
         error: lease \"job\" could not be given back: Error from server (Forbidden): no more writes\n\
         It may be held by \"me\". Look: kubectl lease status job -n {ns}; free it: kubectl lease release job -n {ns} --holder me\n",
        ns = ns.name()
    );
    said(&running.wait(SOON), 143, "", &expected);
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

#[test]
fn a_second_signal_does_not_wait_for_the_giving_back() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).stdout(Outlet::Full).spawn();
    ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    running.wait_blocked(SOON);
    proxy.clear();
    proxy.fault(Match::put(), Fault::Hang, usize::MAX);
    running.signal(SIGTERM);
    proxy.wait_for(
        |all| all.iter().any(|request| request.method == "PUT"),
        SOON,
    );
    running.signal(SIGINT);
    let output = running.wait(SOON);
    let expected = "interrupted before the result was read\n\
                    error: lease \"job\" was not given back\nIt may be held by \"me\". …\n";
    said_like(&output, 143, "", expected);
}

/// Ctrl-S, as typed.
#[test]
fn a_stopped_terminal_blocks_neither_the_end_of_a_grant_nor_a_signal() {
    for (duration, signal, code) in [("4s", None, 123), ("60s", Some(SIGTERM), 143)] {
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
}

#[test]
fn a_terminal_that_goes_on_shows_how_much_is_left() {
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
fn a_waiter_that_nobody_hears_obeys_its_timeout_and_signals() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    for flags in [[].as_slice(), &["-v"]] {
        let waiter = |timeout: &str| {
            let words = ["acquire", "job", "--holder=me", "--timeout", timeout];
            let command = ns.command(&user, words.iter().chain(flags));
            command.stderr(Outlet::Full).spawn()
        };
        said(&waiter("1s").wait(SOON), 124, "", "");
        let waiting = waiter("60s");
        let watches =
            |pid: u32| std::fs::read_dir(format!("/proc/{pid}/task")).map(Iterator::count);
        // It listens to signals once its threads are there.
        while cfg!(target_os = "linux") && watches(waiting.pid()).is_ok_and(|count| count < 3) {
            std::thread::yield_now();
        }
        waiting.signal(SIGTERM);
        let output = waiting.wait(SOON);
        assert!(
            output.code == Some(143) || output.signal == Some(SIGTERM),
            "{output}"
        );
    }
}

#[test]
fn a_waiter_is_heard_once_somebody_reads() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let words = ["acquire", "job", "--holder=me"];
    let command = ns.command(&user, words);
    let waiter = command.stderr(Outlet::Full).stdout(Outlet::Full).spawn();
    waiter.read_on();
    waiter.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    set_free(&ns, "job");
    said(
        &waiter.wait(SOON),
        0,
        ACQUIRED,
        &waiting("job", "other", "60s"),
    );
}

#[test]
fn a_release_that_is_not_allowed_leaves_a_created_holder_and_says_so() {
    let (ns, _) = fresh();
    let only = VERBS.into_iter().filter(|verb| *verb != "update");
    let user = ns.user(&only.collect::<Vec<_>>());
    let words = ["create", "job", "--holder=me"];
    let output = ns.command(&user, words).stdout(full()).run();
    let expected = format!(
        "{FULL}lease \"job\" was created all the same\n\
         error: lease \"job\" could not be given back: Error from server (Forbidden): …\n\
         It may be held by \"me\". …\n"
    );
    said_like(&output, 1, "", &expected);
    assert_eq!(holder(&stored(&ns, "job")), "me");
}
