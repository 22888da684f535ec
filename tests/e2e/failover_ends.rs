//! A failover that ends half-way, end to end.

use std::time::Duration;

use lease_harness::{Fault, Match, Proxy, TERMINATED};
use serde_json::Value;

use crate::failover::{FAILOVER, is_waiting};
use crate::outcomes::read;
use crate::support::{SOON, ended, fresh, held, holder, marks, stored, untouched};

#[test]
fn interrupted_once_it_frees_what_it_took_and_twice_it_leaves_it_held_until_it_expires() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 3));
    let running = ns.command(&user, FAILOVER).own_console().spawn();
    running.wait_stderr(is_waiting, SOON);
    running.interrupt();
    running.wait_stderr(
        |line| line.starts_with("interrupted: lease \"job\" is released first"),
        SOON,
    );
    assert_eq!(holder(&stored(&ns, "job")), "me", "not beside the victim");
    let output = running.wait(SOON);
    ended(&output, 130, "");
    let last = "interrupted: lease \"job\" was released; who takes it over was not waited for\n";
    assert!(output.stderr.ends_with(last), "{output}");
    assert!(output.elapsed > Duration::from_millis(2900), "{output}");
    let freed = stored(&ns, "job");
    assert_eq!((holder(&freed), marks(&freed)), ("", Vec::new()));
    // Twice.
    ns.delete("job");
    ns.create(&held("job", "first", 60));
    let running = ns.command(&user, FAILOVER).own_console().spawn();
    running.wait_stderr(is_waiting, SOON);
    running.terminate();
    running.wait_stderr(|line| line.starts_with("interrupted: "), SOON);
    running.terminate();
    let output = running.wait(SOON);
    ended(&output, TERMINATED, "");
    assert!(output.elapsed < Duration::from_secs(10), "{output}");
    assert!(output.stderr.contains("It expires at 20"), "{output}");
    let kept = stored(&ns, "job");
    assert_eq!(holder(&kept), "me");
    let release = ns.run(&user, ["release", "job", "--holder=me"]);
    assert_eq!(release.code, Some(122), "{release}");
    untouched(&ns, &kept);
}

/// bash sends HUP to its jobs and the kernel to the group in the foreground; systemd may send it right after TERM.
#[cfg(unix)] // SIGHUP
#[test]
fn the_end_of_a_terminal_is_not_a_second_signal_so_that_what_was_taken_is_freed() {
    for (signals, code) in [([1, 1, 1], 129), ([15, 1, 1], 143), ([1, 2, 1], 129)] {
        let (ns, user) = fresh();
        ns.create(&held("job", "first", 3));
        let running = ns.spawn(&user, FAILOVER);
        running.wait_stderr(is_waiting, SOON);
        running.signal(signals[0]);
        running.wait_stderr(|line| line.starts_with("interrupted: "), SOON);
        running.signal(signals[1]);
        running.signal(signals[2]);
        let output = running.wait(SOON);
        ended(&output, code, "");
        assert!(output.stderr.contains(" was released; "), "{output}");
        assert_eq!(holder(&stored(&ns, "job")), "", "{signals:?} {output}");
    }
}

#[test]
fn who_does_not_wait_for_the_next_one_is_told_so_and_nobody_takes_over_from_oneself() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "first", 1));
    let words = [
        "failover",
        "job",
        "--yes",
        "--if-holder=first",
        "--to=first",
    ];
    let output = ns.run(&user, words);
    ended(&output, 2, "");
    assert!(
        output.stderr.contains("cannot be who takes over"),
        "{output}"
    );
    untouched(&ns, &before);
    let words = ["failover", "job", "--yes", "--if-holder=other"];
    let output = ns.run(&user, words);
    ended(&output, 122, "");
    let again = format!(
        "kubectl lease failover job -n {} --if-holder first",
        ns.name()
    );
    assert!(output.stderr.contains(&again), "{output}");
    untouched(&ns, &before);
    let output = ns.run(&user, ["failover", "job", "--yes", "--timeout=0"]);
    ended(&output, 124, "");
    assert!(
        output.stderr.contains("was not waited for (--timeout 0)"),
        "{output}"
    );
    assert!(
        !output.stderr.contains("waiting for who takes it over"),
        "{output}"
    );
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn interrupted_while_it_waits_for_the_next_one_it_leaves_the_lease_free() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 1));
    let running = ns.command(&user, FAILOVER).own_console().spawn();
    running.wait_stderr(|line| line.ends_with("waiting for who takes it over"), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    ended(&output, 130, "");
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn what_a_third_takes_while_it_waits_is_lost_and_left_alone() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 20));
    let running = ns.spawn(&user, FAILOVER);
    running.wait_stderr(is_waiting, SOON);
    let taken = ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "third".into();
        lease["spec"]["leaseTransitions"] = 5.into();
    });
    let output = running.wait(SOON);
    ended(&output, 123, "");
    assert!(
        output
            .stderr
            .ends_with("error: lease \"job\" lost: taken over by \"third\"\n"),
        "{output}"
    );
    untouched(&ns, &taken);
}

#[test]
fn a_release_whose_answer_is_lost_is_known_to_have_happened() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 1));
    let proxy = Proxy::to(ns.cluster());
    let freed = |body: &Value| body["spec"].get("holderIdentity").is_none();
    proxy.fault(Match::put().body(freed), Fault::DropReply, 1);
    let output = ns
        .command(&user, FAILOVER)
        .arg("--timeout=0")
        .via(&proxy)
        .run();
    assert_eq!(output.code, Some(124), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn interrupted_while_the_answer_to_its_first_write_is_late_or_lost_it_frees_what_it_took() {
    for (fault, seconds) in [
        (Fault::HangAfterCommit, 4),
        (Fault::DelayReply(Duration::from_millis(900)), 4),
        // Half of the duration and more.
        (Fault::DelayReply(Duration::from_millis(700)), 1),
        (Fault::DropReply, 4),
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "first", seconds));
        let proxy = Proxy::to(ns.cluster());
        let takes = |body: &Value| body["spec"]["holderIdentity"] == "me";
        let case = format!("{fault:?}");
        proxy.fault(Match::put().body(takes), fault, 1);
        let running = ns
            .command(&user, FAILOVER)
            .via(&proxy)
            .own_console()
            .spawn();
        let taken = |lease: &Value| holder(lease) == "me";
        ns.wait_until("job", taken, SOON);
        running.terminate();
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(TERMINATED), "{case} {output}");
        let last =
            "interrupted: lease \"job\" was released; who takes it over was not waited for\n";
        assert!(output.stderr.ends_with(last), "{case} {output}");
        assert_eq!(holder(&stored(&ns, "job")), "", "{case} {output}");
    }
}

#[test]
fn interrupted_twice_while_nothing_is_answered_it_says_how_to_free_what_it_may_have() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 60));
    let proxy = Proxy::to(ns.cluster());
    let takes = |body: &Value| body["spec"]["holderIdentity"] == "me";
    proxy.fault(Match::put().body(takes), Fault::HangAfterCommit, 9);
    let running = ns
        .command(&user, FAILOVER)
        .via(&proxy)
        .own_console()
        .spawn();
    ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    running.terminate();
    running.wait_stderr(
        |line| line.starts_with("it is not known whether the last write took effect"),
        SOON,
    );
    running.terminate();
    let output = running.wait(SOON);
    ended(&output, TERMINATED, "");
    let advice = format!(
        "free it: kubectl lease release job -n {} --holder me --now\n",
        ns.name()
    );
    assert!(output.stderr.contains(&advice), "{output}");
    assert!(output.stderr.contains("It expires at 20"), "{output}");
    let release = ["release", "job", "--holder=me"];
    assert_eq!(ns.run(&user, release).code, Some(122));
    let release = ["release", "job", "--holder=me", "--now"];
    assert_eq!(ns.run(&user, release).code, Some(0));
}

/// By reads alone a moment is missed; the transitions count it.
#[test]
fn what_somebody_had_for_a_moment_is_not_told_as_what_nobody_has_taken() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "update"]);
    ns.create(&held("job", "first", 3));
    let running = ns.command(&user, FAILOVER).arg("--timeout=2m").spawn();
    running.wait_stderr(|line| line.contains(" has stepped down: "), SOON);
    ns.edit("job", |lease| {
        let had = lease["spec"]["leaseTransitions"].as_i64();
        lease["spec"]["leaseTransitions"] = had.map(|had| had + 1).into();
    });
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(124), "{output}");
    let said = "error: lease \"job\" was taken over and released again before it was seen by whom: it is free\n";
    assert!(output.stderr.contains(said), "{output}");
}

#[test]
fn who_has_stepped_down_is_told_in_a_document_without_a_grant_whoever_follows() {
    for (to, next, code) in [("", "", 124), ("--to=third", "second", 122)] {
        let (ns, user) = fresh();
        ns.create(&held("job", "first", 1));
        let command = ns.command(&user, FAILOVER).arg("-ojson");
        let command = match to {
            "" => command.arg("--timeout=0"),
            to => command.arg(to),
        };
        let running = command.spawn();
        if !next.is_empty() {
            running.wait_stderr(|line| line.contains("has stepped down"), SOON);
            ns.edit("job", |lease| {
                lease["spec"]["holderIdentity"] = next.into();
                lease["spec"]["leaseTransitions"] = 9.into();
            });
        }
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(code), "{output}");
        let done = read("Outcome", &output.stdout);
        assert_eq!(done["action"], "failedOver", "{output}");
        assert_eq!(done["previous"]["holder"], "first", "{output}");
        assert_eq!((done.get("grant"), holder(&done["after"])), (None, ""));
    }
}
