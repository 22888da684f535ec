//! `steal` without a question: what is refused, what is written, and the wait for the victim.

use crate::support::{
    SOON, forbidden, free, fresh, fresh_in_process, held, holder, methods, not_found_as_held, said,
    said_like, stored, transitions, untouched,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Output, Proxy, Request, lease};
use serde_json::{Value, json};
use std::time::Duration;

const STOLEN: &str = "lease.coordination.k8s.io/job stolen\n";
const STEAL: [&str; 4] = ["steal", "job", "--holder=me", "--yes"];

/// What is shown of the victim.
fn shown(victim: &str, duration: &str) -> String {
    format!(
        "lease \"job\" is held by \"{victim}\"\n  Held…, acquired … ago, expires in … (renewed … ago, for {duration}): it may be alive\n"
    )
}

#[test]
fn a_held_lease_is_taken_at_once_when_asked_to() {
    let (ns, user) = fresh();
    ns.create(
        &lease("job")
            .holder("victim")
            .duration(60)
            .transitions(3)
            .acquired_ago(20, 0)
            .renewed_ago(1, 0)
            .label("a", "b")
            .annotation("kubectl-lease/reason", "nightly")
            .build(),
    );
    let output = ns
        .command(&user, STEAL)
        .arg("--now")
        .arg("--reason=stuck")
        .run();
    let expected = shown("victim", "60s") + "  reason: nightly\n";
    said_like(&output, 0, STOLEN, &expected);
    // In spans and in no times, which would be the holder's.
    assert!(!output.stderr.contains("Z"), "{output}");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
    assert_eq!(after["spec"]["acquireTime"], after["spec"]["renewTime"]);
    assert_eq!(after["spec"]["leaseDurationSeconds"], 60);
    assert_eq!(after["metadata"]["labels"], json!({ "a": "b" }));
    assert_eq!(
        after["metadata"]["annotations"],
        json!({ "kubectl-lease/reason": "stuck" })
    );
}

#[test]
fn a_free_lease_is_taken_without_a_question() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let output = ns.run(&user, ["steal", "job", "--holder=me"]);
    said(&output, 0, STOLEN, "");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
}

#[test]
fn an_absent_lease_is_not_found() {
    let (ns, user) = fresh();
    let absent = not_found_as_held(&ns, "job");
    said(&ns.run(&user, STEAL), 121, "", &absent);
    assert!(ns.get("job").is_none());
}

#[test]
fn without_a_terminal_and_without_yes_it_refuses() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "victim", 60));
    let output = ns.run(&user, ["steal", "job", "--holder=me"]);
    let refusal =
        "not confirmed: there is no terminal to ask on; give --yes; nothing was written\n";
    said_like(&output, 120, "", &(shown("victim", "60s") + refusal));
    untouched(&ns, &before);
}

#[test]
fn only_the_holder_that_was_named_is_robbed() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "victim", 60));
    let steal = |from: &str| {
        let command = ns.command(&user, STEAL).arg("--now");
        command.arg("--if-holder").arg(from).run()
    };
    let expected = format!(
        "error: lease \"job\" is not held by \"somebody\": it is held by \"victim\"\n\
         Nothing was written. To take it from \"victim\": kubectl lease steal job -n {} --holder me --if-holder victim\n",
        ns.name()
    );
    said(&steal("somebody"), 122, "", &expected);
    // Whoever steals is not who is asked for.
    said_like(
        &steal("me"),
        122,
        "",
        "error: lease \"job\" is not held by \"me\": it is held by \"victim\"\n…\n",
    );
    untouched(&ns, &before);
    said_like(&steal("victim"), 0, STOLEN, &shown("victim", "60s"));
    crate::support::set_free(&ns, "job");
    let free = "error: lease \"job\" is not held by \"victim\": it is free\nNothing was written.\n";
    said(&steal("victim"), 122, "", free);
}

#[test]
fn a_holder_that_a_terminal_must_not_be_shown_can_be_named_as_the_hint_says() {
    let (ns, user) = fresh();
    ns.create(&held("job", "a\u{1b}[2J'b\u{202e}", 60));
    let output = ns.command(&user, STEAL).arg("--if-holder=other").run();
    let (_, hint) = output
        .stderr
        .split_once(": kubectl lease ")
        .expect("a hint");
    let script = format!("exec kubectl-lease {} --yes --now", hint.trim_end());
    let output = ns.program(&user, "bash", ["-c", &script]).run();
    assert_eq!(output.code, Some(0), "{script}: {output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

#[test]
fn transitions_at_their_limit_are_refused() {
    let (ns, user) = fresh();
    let mut lease = held("job", "victim", 60);
    lease["spec"]["leaseTransitions"] = json!(i32::MAX);
    let before = ns.create(&lease);
    let output = ns.command(&user, STEAL).arg("--now").run();
    let expected = format!(
        "{}error: lease \"job\" has counted 2147483647 transitions, the most there can be\n\
         When nobody holds it, delete it and create it anew: kubectl delete lease job -n {}\n",
        shown("victim", "60s"),
        ns.name()
    );
    said_like(&output, 1, "", &expected);
    untouched(&ns, &before);
}

#[test]
fn without_permission_to_update_the_role_is_named() {
    let (ns, _) = fresh();
    let user = ns.user(&["get"]);
    let before = ns.create(&held("job", "victim", 60));
    let output = ns.command(&user, STEAL).arg("--now").run();
    let expected = shown("victim", "60s") + &forbidden(&ns, &user, "update", Some("job"), "steal");
    said_like(&output, 1, "", &expected);
    untouched(&ns, &before);
}

#[test]
fn the_victim_is_waited_for_while_the_lease_is_kept_renewed() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 5));
    let proxy = Proxy::to(ns.cluster());
    let output = ns.command(&user, STEAL).via(&proxy).run();
    let waits = "waiting 5s until \"victim\" must have stopped; the lease is kept renewed (--now skips this)\n";
    said_like(&output, 0, STOLEN, &(shown("victim", "5s") + waits));
    assert!(
        output.elapsed >= Duration::from_millis(4900),
        "{:?}",
        output.elapsed
    );
    assert!(
        output.elapsed < Duration::from_secs(15),
        "{:?}",
        output.elapsed
    );
    let puts = |all: &[Request]| all.iter().filter(|request| request.method == "PUT").count();
    assert!(
        puts(&proxy.requests()) >= 3,
        "{:?}",
        methods(&proxy.requests())
    );
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 4));
    assert_ne!(lease["spec"]["acquireTime"], lease["spec"]["renewTime"]);
}

#[test]
fn a_shorter_duration_is_recorded_only_after_the_victim_must_have_stopped() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 3));
    let running = ns.command(&user, STEAL).arg("--duration=2").spawn();
    running.wait_stderr(|line| line.starts_with("waiting 3s"), SOON);
    assert_eq!(stored(&ns, "job")["spec"]["leaseDurationSeconds"], 3);
    assert_eq!(running.wait(SOON).code, Some(0));
    assert_eq!(stored(&ns, "job")["spec"]["leaseDurationSeconds"], 2);
}

#[test]
fn a_victim_without_duration_is_not_waited_for_but_named() {
    let (ns, user) = fresh();
    ns.create(&lease("job").holder("victim").build());
    let expected = "lease \"job\" is held by \"victim\"\n  \
        Held, acquired at an unknown time, expires never: it has no duration; only release or steal ends it\n\
        the lease of \"victim\" had no duration, so nothing tells when it stops: make sure that it has\n";
    said(&ns.run(&user, STEAL), 0, STOLEN, expected);
    assert_eq!(stored(&ns, "job")["spec"]["leaseDurationSeconds"], 60);
}

#[test]
fn a_lease_that_is_lost_during_the_wait_is_said_to_be_lost() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 3));
    let running = ns.spawn(&user, STEAL);
    running.wait_stderr(|line| line.starts_with("waiting"), SOON);
    let taken = ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!("third")
    });
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(123), ""),
        "{output}"
    );
    let last = "error: lease \"job\" lost: taken over by \"third\"\n";
    assert!(output.stderr.ends_with(last), "{output}");
    untouched(&ns, &taken);
}

#[test]
fn interrupted_while_it_waits_the_lease_stays_with_the_thief() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 30));
    let running = ns.spawn(&user, STEAL);
    running.wait_stderr(|line| line.starts_with("waiting 30s"), SOON);
    running.signal(2);
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(130), ""),
        "{output}"
    );
    let last =
        "interrupted: the lease stays yours until it expires; \"victim\" may still be running\n";
    assert!(output.stderr.ends_with(last), "{output}");
    let before = stored(&ns, "job");
    assert_eq!(holder(&before), "me");
    // A script gives back what it has taken, on its way out.
    let release = ["release", "job", "--holder=me"];
    let refusal = "error: lease \"job\" was stolen from \"victim\", who may still run, and nobody waited until that was over\n\
        Nothing was written: it stays held and expires by itself. To wait for that and have it anew: kubectl lease acquire job -n … --reenter. If \"victim\" is known to have stopped: kubectl lease release job -n … --now\n";
    said_like(&ns.command(&user, release).run(), 122, "", refusal);
    untouched(&ns, &before);
    let freed = ns.command(&user, release).arg("--now").run();
    assert_eq!(freed.code, Some(0), "{freed}");
    let after = stored(&ns, "job");
    assert_eq!(holder(&after), "");
    assert_eq!(after["metadata"].get("annotations"), None);
}

#[test]
fn what_was_stolen_is_given_back_once_the_victim_must_have_stopped() {
    // With a short wait, and with one after which the duration is another too.
    for flag in ["--duration=4s", "--duration=6s"] {
        let (ns, user) = fresh();
        ns.create(&held("job", "victim", 4));
        let stolen = ns.command(&user, STEAL).arg(flag).run();
        assert_eq!(stolen.code, Some(0), "{stolen}");
        assert_eq!(stored(&ns, "job")["metadata"].get("annotations"), None);
        let freed = ns.command(&user, ["release", "job", "--holder=me"]).run();
        assert_eq!(freed.code, Some(0), "{freed}");
        assert_eq!(holder(&stored(&ns, "job")), "");
    }
}

/// A steal whose PUT is on its way to a lease that is edited meanwhile.
fn overtaken(flags: &[&str], edit: impl Fn(&mut Value)) -> (Output, Value, Value) {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 60));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::Delay(Duration::from_millis(500)), 1);
    let command = ns.command(&user, STEAL).arg("--now").via(&proxy);
    let command = flags
        .iter()
        .fold(command, |command, flag| command.arg(flag));
    let running = command.spawn();
    proxy.wait_for(|all| methods(all) == ["GET", "PUT"], SOON);
    let edited = ns.edit("job", edit);
    (running.wait(SOON), edited, stored(&ns, "job"))
}

#[test]
fn a_yes_in_advance_is_for_the_grant_that_is_shown_and_no_other() {
    let (output, edited, after) = overtaken(&[], |lease| {
        lease["spec"]["leaseTransitions"] = 9.into();
        lease["spec"]["holderIdentity"] = "third".into();
    });
    let refusal = "error: lease \"job\" is held by \"third\" now, not by \"victim\", who was shown\n\
        It was not taken from \"third\": --yes is for what is shown. Look, and steal it again: kubectl lease steal job -n …\n";
    said_like(&output, 122, "", &(shown("victim", "60s") + refusal));
    assert_eq!(edited, after);
    let (output, edited, after) =
        overtaken(&[], |lease| lease["spec"]["leaseTransitions"] = 9.into());
    assert_eq!(output.code, Some(122), "{output}");
    let refusal = "lease \"job\" is not as it was shown any more: \"victim\" renewed it";
    assert!(output.stderr.contains(refusal), "{output}");
    assert_eq!(edited, after);
}

#[test]
fn a_free_lease_that_somebody_else_was_faster_to_take_is_not_taken_from_it() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::Delay(Duration::from_millis(500)), 1);
    let running = ns.command(&user, STEAL).via(&proxy).spawn();
    proxy.wait_for(|all| methods(all) == ["GET", "PUT"], SOON);
    let taken = ns.edit("job", |lease| {
        lease["spec"]["leaseTransitions"] = 4.into();
        lease["spec"]["holderIdentity"] = "third".into();
    });
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(122), "{output}");
    let refusal = "error: lease \"job\" was free, and is held by \"third\" now\n";
    assert!(output.stderr.starts_with(refusal), "{output}");
    untouched(&ns, &taken);
}

#[test]
fn whoever_names_the_holder_is_shown_its_new_grant_and_takes_it() {
    let (output, _, after) = overtaken(&["--if-holder=victim"], |lease| {
        lease["spec"]["leaseTransitions"] = 9.into()
    });
    let twice = shown("victim", "60s").repeat(2);
    said_like(&output, 0, STOLEN, &twice);
    assert_eq!((holder(&after), transitions(&after)), ("me", 10));
    let (output, edited, after) = overtaken(&["--if-holder=victim"], |lease| {
        lease["spec"]["leaseTransitions"] = 9.into();
        lease["spec"]["holderIdentity"] = "third".into();
    });
    assert_eq!(output.code, Some(122), "{output}");
    assert_eq!(edited, after);
}

#[test]
fn a_steal_that_was_stopped_until_somebody_else_had_the_lease_does_not_take_it_again() {
    for waits in [true, false] {
        let (ns, user) = fresh();
        ns.create(&held("job", "victim", 2));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
        let command = ns.command(&user, STEAL).via(&proxy);
        let command = if waits { command } else { command.arg("--now") };
        let running = command.spawn();
        proxy.wait_for(|_| holder(&stored(&ns, "job")) == "me", SOON);
        running.signal(libc::SIGSTOP);
        let taken = ns.edit("job", |lease| {
            lease["spec"]["leaseTransitions"] = 5.into();
            lease["spec"]["holderIdentity"] = "third".into();
        });
        running.signal(libc::SIGCONT);
        let output = running.wait(SOON);
        let lost = "error: lease \"job\" lost: taken over by \"third\"\n";
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(123), ""),
            "{output}"
        );
        assert!(output.stderr.ends_with(lost), "{output}");
        untouched(&ns, &taken);
    }
}

#[test]
fn a_victim_that_goes_on_renewing_is_what_was_agreed_to() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 60));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::Delay(Duration::from_millis(500)), 1);
    let running = ns.command(&user, STEAL).arg("--now").via(&proxy).spawn();
    proxy.wait_for(|all| methods(all) == ["GET", "PUT"], SOON);
    crate::support::renew(&ns, "job", 5);
    said_like(&running.wait(SOON), 0, STOLEN, &shown("victim", "60s"));
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET", "PUT"]);
}

/// In-process only: this server's clock is moved.
#[test]
fn an_expired_victim_is_not_waited_for_where_the_server_proves_it() {
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "victim", 60));
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(jiff::SignedDuration::from_secs(100));
    let output = ns.run(&user, STEAL);
    let expected = "lease \"job\" is held by \"victim\"\n  Expired…, acquired … ago, expired … ago (renewed … ago, for 60s)\n  the server's own stamps prove it: nothing of it has changed for …\n";
    said_like(&output, 0, STOLEN, expected);
    assert!(output.elapsed < Duration::from_secs(5));
}
