//! `steal` without a question: what is refused, what is written, and the wait for the victim.

use crate::support::{
    SOON, annotations, ended, fresh, held, holder, methods, not_found_as_held, pass_to, said,
    said_like, stored, transitions, untouched,
};
use lease_harness::{Fault, Match, Proxy, lease, resume_process, suspend_process};
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

/// Of what a steal writes down, from whom it was stolen stays.
fn only_the_victim_is_noted(lease: &Value) {
    assert_eq!(annotations(lease), ["kubectl-lease/previous"]);
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
    let annotations = &after["metadata"]["annotations"];
    assert_eq!(annotations["kubectl-lease/reason"], "stuck");
    let previous = annotations["kubectl-lease/previous"].as_str();
    let previous: Value = serde_json::from_str(previous.unwrap_or_default()).expect("JSON");
    assert_eq!(
        [
            &previous["holder"],
            &previous["taken"],
            &previous["by"],
            &previous["because"]
        ],
        [
            &json!("victim"),
            &json!("Stolen"),
            &json!("me"),
            &json!("stuck")
        ]
    );
}

#[test]
fn interrupted_while_it_waits_the_lease_stays_with_the_thief_and_a_loss_meanwhile_is_said() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 30));
    let running = ns.command(&user, STEAL).own_console().spawn();
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    ended(&output, 130, "");
    let n = ns.name();
    let last = format!(
        "interrupted: the lease stays yours until it expires; \"victim\" may still be running\n\
        To wait for that and acquire it again: kubectl lease acquire job -n {n} --holder me --reenter. If \"victim\" is known to have stopped: kubectl lease release job -n {n} --holder me --now\n"
    );
    assert!(output.stderr.ends_with(&last), "{output}");
    let before = stored(&ns, "job");
    assert_eq!(holder(&before), "me");
    // A script gives back what it has taken, on its way out.
    let release = ["release", "job", "--holder=me"];
    let refusal = "error: lease \"job\" was stolen from \"victim\", who may still run: the steal did not wait to the end\n\
        Nothing was written: it stays held and expires by itself. To wait for that and acquire it again: kubectl lease acquire job -n … --reenter. If \"victim\" is known to have stopped: kubectl lease release job -n … --now\n";
    said_like(&ns.command(&user, release).run(), 122, "", refusal);
    untouched(&ns, &before);
    let freed = ns.command(&user, release).arg("--now").run();
    assert_eq!(freed.code, Some(0), "{freed}");
    let after = stored(&ns, "job");
    assert_eq!(holder(&after), "");
    only_the_victim_is_noted(&after);
    // Lost to a third while it waits.
    ns.delete("job");
    ns.create(&held("job", "victim", 3));
    let running = ns.spawn(&user, STEAL);
    running.wait_stderr(|line| line.starts_with("waiting"), SOON);
    let taken = pass_to(&ns, "job", "third");
    let output = running.wait(SOON);
    ended(&output, 123, "");
    let last = "error: lease \"job\" lost: taken over by \"third\"\n";
    assert!(output.stderr.ends_with(last), "{output}");
    untouched(&ns, &taken);
}

#[test]
fn a_steal_that_was_stopped_until_somebody_else_had_the_lease_does_not_take_it_again() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 2));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
    let running = ns.command(&user, STEAL).via(&proxy).spawn();
    proxy.wait_for(|_| holder(&stored(&ns, "job")) == "me", SOON);
    suspend_process(running.pid());
    let taken = ns.edit("job", |lease| {
        lease["spec"]["leaseTransitions"] = 5.into();
        lease["spec"]["holderIdentity"] = "third".into();
    });
    resume_process(running.pid());
    let output = running.wait(SOON);
    let lost = "error: lease \"job\" lost: taken over by \"third\"\n";
    ended(&output, 123, "");
    assert!(output.stderr.ends_with(lost), "{output}");
    untouched(&ns, &taken);
}

#[test]
fn only_the_holder_that_was_named_is_robbed_and_nobody_without_a_yes() {
    let (ns, user) = fresh();
    let absent = not_found_as_held(&ns, "job");
    said(&ns.run(&user, STEAL), 121, "", &absent);
    assert!(ns.get("job").is_none());
    let before = ns.create(&held("job", "victim", 60));
    let refusal =
        "not confirmed: there is no terminal to ask on; give --yes; nothing was written\n";
    let output = ns.run(&user, ["steal", "job", "--holder=me"]);
    said_like(&output, 120, "", &(shown("victim", "60s") + refusal));
    let steal = |from: &str| {
        let command = ns.command(&user, STEAL).arg("--now");
        command.arg("--if-holder").arg(from).run()
    };
    let expected = format!(
        "error: lease \"job\" is not held by \"somebody\": it is held by \"victim\"\n\
         Nothing was written. To take it from \"victim\": kubectl lease steal job -n {} --holder me --now --if-holder victim\n",
        ns.name()
    );
    said(&steal("somebody"), 122, "", &expected);
    untouched(&ns, &before);
    said_like(&steal("victim"), 0, STOLEN, &shown("victim", "60s"));
    // One's own identity may be another process.
    let own = ns.command(&user, STEAL).arg("--now").run();
    let yours = "lease \"job\" is held by \"me\", which is your own identity\n  Held…: what you run under it may be alive\n";
    said_like(&own, 0, STOLEN, yours);
    crate::support::set_free(&ns, "job");
    let free = "error: lease \"job\" is not held by \"victim\": it is free\nNothing was written.\n";
    said(&steal("victim"), 122, "", free);
    // A free one is taken without a question.
    said(
        &ns.run(&user, ["steal", "job", "--holder=me"]),
        0,
        STOLEN,
        "",
    );
    assert_eq!(holder(&stored(&ns, "job")), "me");
    // Nothing tells when a holder without a duration stops.
    ns.delete("job");
    ns.create(&lease("job").holder("victim").build());
    let expected = "lease \"job\" is held by \"victim\"\n  \
        Held, acquired at an unknown time, expires never: it has no duration; only release or steal ends it\n\
        the lease of \"victim\" had no duration, so its holder may still run: make sure that it has stopped\n";
    said(&ns.run(&user, STEAL), 0, STOLEN, expected);
    assert_eq!(stored(&ns, "job")["spec"]["leaseDurationSeconds"], 60);
}

#[test]
fn the_victim_is_waited_for_while_the_lease_is_kept_renewed_and_then_it_can_be_given_back() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 3));
    let proxy = Proxy::to(ns.cluster());
    let running = ns
        .command(&user, STEAL)
        .arg("--duration=2")
        .via(&proxy)
        .spawn();
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    // A shorter duration is recorded only after the victim must have stopped.
    assert_eq!(stored(&ns, "job")["spec"]["leaseDurationSeconds"], 3);
    let output = running.wait(SOON);
    let waits = "waiting … until \"victim\" must have stopped; the lease is kept renewed (--now skips this)\n";
    said_like(&output, 0, STOLEN, &(shown("victim", "3s") + waits));
    let took = output.elapsed;
    assert!(
        took >= Duration::from_millis(2900) && took < SOON,
        "{took:?}"
    );
    let requests = proxy.requests();
    let puts = methods(&requests)
        .iter()
        .filter(|method| **method == "PUT")
        .count();
    assert!(puts >= 3, "{:?}", methods(&requests));
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 4));
    assert_ne!(lease["spec"]["acquireTime"], lease["spec"]["renewTime"]);
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 2);
    only_the_victim_is_noted(&lease);
    let freed = ns.run(&user, ["release", "job", "--holder=me"]);
    assert_eq!(freed.code, Some(0), "{freed}");
    assert_eq!(holder(&stored(&ns, "job")), "");
}

/// Until then a minute is: whoever ends the wait is not kept out for an hour, and a slow server does not end it.
#[test]
fn a_longer_duration_is_recorded_once_the_victim_has_stopped() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 2));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::Delay(Duration::from_millis(1500)), 9);
    let running = ns.command(&user, STEAL).arg("--duration=1h").via(&proxy);
    let running = running.spawn();
    let lease = ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 60);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(stored(&ns, "job")["spec"]["leaseDurationSeconds"], 3600);
}
