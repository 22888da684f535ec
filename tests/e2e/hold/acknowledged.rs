//! A hold that was robbed says that it has stopped, and whoever has robbed it waits no longer; what is no such word changes nothing.

use std::time::{Duration, Instant};

use lease_harness::{Fault, Match, Output, Rule, Running, wait_gone};
use serde_json::{Value, json};

use super::scene::{Held, SOON, Scene, measured, stops_at, until};
use crate::support::{ended, fresh, held, holder, in_time_once, marks, stored};

const STEAL: [&str; 4] = ["steal", "job", "--holder=thief", "--yes"];
const STOPPED: &str = "kubectl-lease/stopped";

/// Robs the hold, and waits until the thief waits.
#[track_caller]
fn rob(scene: &Scene) -> Running {
    let running = scene.ns.spawn(&scene.ns.admin(), STEAL);
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    running
}

/// Whether this is the word, on its way.
fn is_word(body: &Value) -> bool {
    body["metadata"]["annotations"][STOPPED].is_string()
}

/// How long the theft took; it was done, and the Lease tells nothing more of the victim.
#[track_caller]
fn done(scene: &Scene, thief: Running) -> (Duration, Output) {
    let output = thief.wait(SOON);
    ended(&output, 0, "lease.coordination.k8s.io/job stolen\n");
    let lease = stored(&scene.ns, "job");
    assert_eq!(holder(&lease), "thief");
    assert_eq!(marks(&lease), [""; 0], "{output}");
    (output.elapsed, output)
}

#[test]
fn a_steal_returns_as_soon_as_the_tree_of_the_hold_that_it_robs_is_gone() {
    let scene = Scene::new(60);
    let gate = scene.gate();
    let held = scene.start(&format!("sleep 600 & {}", stops_at(&gate)));
    let thief = rob(&scene);
    let held = held.end_at(&gate);
    assert_eq!(held.code, Some(123), "{held}");
    let (_, output) = done(&scene, thief);
    let last = "says that it has stopped\n";
    assert!(output.stderr.ends_with(last), "{output}");
}

#[test]
fn a_steal_of_several_returns_as_soon_as_the_last_of_them_has_said_so() {
    let scene = Scene::new(60);
    scene.ns.create(&held("other", "", 60));
    let held = scene.start("exec sleep 600");
    let steal = ["steal", "job", "other", "--holder=thief", "--yes"];
    let thief = scene.ns.spawn(&scene.ns.admin(), steal);
    let output = thief.wait(SOON);
    let names = ["job", "other"].map(|name| format!("lease.coordination.k8s.io/{name} stolen\n"));
    ended(&output, 0, &names.concat());
    assert!(output.elapsed < Duration::from_secs(20), "{output}");
    assert!(
        output.stderr.contains("says that it has stopped\n"),
        "{output}"
    );
    let lease = stored(&scene.ns, "job");
    let noted = |key: &str| lease["metadata"]["annotations"].get(key).cloned();
    assert_eq!(
        (noted(STOPPED), noted("kubectl-lease/victim")),
        (None, None)
    );
    let held = held.end();
    assert_eq!(held.code, Some(123), "{held}");
}

/// How long the theft takes from the end of the tree on.
#[cfg(unix)]
fn takes_after_the_trees_end() -> Duration {
    let scene = Scene::new(60);
    let gate = scene.gate();
    // The last of the tree is a daemon in a session of its own, which is asked to stop as well.
    let daemon = format!(
        "trap '{}; exit' TERM; while :; do sleep 0.02; done",
        until(&gate)
    );
    let script = format!("#!/bin/sh\n{daemon}\n");
    let script = scene.ns.script("daemon", &script);
    let held = scene.start(&format!("setsid {} & exec sleep 600", script.display()));
    let thief = rob(&scene);
    wait_gone(held.child, SOON);
    let early = &stored(&scene.ns, "job")["metadata"]["annotations"][STOPPED];
    assert!(early.is_null(), "the daemon still runs: {early}");
    std::fs::write(&gate, "").expect("the folder is ours");
    held.wait_tree_gone(&[held.running.pid(), held.watchdog], SOON);
    let gone = Instant::now();
    done(&scene, thief);
    let took = gone.elapsed();
    measured("a steal, after the tree's end", took);
    assert_eq!(held.end().code, Some(123));
    took
}

#[cfg(unix)] // a daemon in a session of its own
#[test]
fn a_steal_waits_no_longer_than_300_ms_after_the_last_process_has_gone() {
    in_time_once(Duration::from_millis(300), 2, |_| {
        takes_after_the_trees_end()
    });
}

/// What it protects is stopped by somebody else, and nobody here sees it.
#[test]
fn a_hold_without_a_command_acknowledges_nothing_and_is_waited_for() {
    let scene = Scene::new(3);
    let running = scene.hold(&[]).spawn();
    running.wait_stdout(|line| line.ends_with("acquired"), SOON);
    let (took, _) = done(&scene, rob(&scene));
    assert!(took > Duration::from_secs(1), "{took:?}");
    assert_eq!(running.wait(SOON).code, Some(123));
}

#[test]
fn a_release_that_finds_the_lease_stolen_says_it_too() {
    // It learns of the theft by nothing else.
    let scene = Scene::without_watch(60);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    let thief = rob(&scene);
    let output = held.end_at(&gate);
    assert_eq!(output.code, Some(123), "{output}");
    let (took, _) = done(&scene, thief);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// The thief waits for the whole of the victim's time.
#[track_caller]
fn waits(scene: &Scene, thief: Running) {
    let (took, output) = done(scene, thief);
    assert!(
        took >= scene.duration - Duration::from_millis(1500),
        "{output}"
    );
    assert!(!output.stderr.contains("says that"), "{output}");
}

#[test]
fn a_missing_permission_costs_nothing_but_the_wait_and_changes_no_exit_code() {
    let scene = Scene::new(4);
    let held = scene.start("exec sleep 600");
    let only = |verbs: &[&str]| scene.ns.set_rules(&scene.user, &[Rule::leases(verbs)]);
    only(&["get", "watch"]);
    let thief = rob(&scene);
    assert_eq!(held.end().code, Some(123));
    waits(&scene, thief);
}

#[test]
fn a_server_that_does_not_take_the_word_delays_the_end_of_the_hold_by_a_second_at_most() {
    for fault in [
        Fault::Hang,
        Fault::Echo,
        Fault::status(409, "Conflict", "the webhook says no"),
    ] {
        let scene = Scene::new(4);
        let held = scene.start("exec sleep 600");
        scene
            .proxy
            .fault(Match::put().body(is_word), fault.clone(), usize::MAX);
        let thief = rob(&scene);
        wait_gone(held.child, SOON);
        let gone = Instant::now();
        assert_eq!(held.end().code, Some(123), "{fault:?}");
        let took = gone.elapsed();
        assert!(took < Duration::from_millis(2000), "{fault:?} {took:?}");
        let tried = scene.proxy.requests();
        let tried = tried
            .iter()
            .filter(|request| request.method == "PUT" && is_word(&request.json()));
        let tried = tried.count();
        assert!((1..12).contains(&tried), "{fault:?}: {tried}");
        waits(&scene, thief);
    }
}

#[test]
fn whoever_was_killed_says_nothing() {
    let scene = Scene::new(4);
    let held = scene.start("exec sleep 600");
    held.running.kill();
    wait_gone(held.child, SOON);
    let thief = rob(&scene);
    waits(&scene, thief);
    let Held { running, .. } = held;
    assert!(running.wait(SOON).was_killed());
}

#[test]
fn a_word_that_is_forged_for_another_grant_is_ignored() {
    let (ns, user) = fresh();
    let victim = ns.create(&held("job", "victim", 3));
    let uid = victim["metadata"]["uid"]
        .as_str()
        .expect("a uid")
        .to_owned();
    let acquired = victim["spec"]["acquireTime"]
        .as_str()
        .expect("a time")
        .to_owned();
    let running = ns.spawn(&user, STEAL);
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    for word in [
        format!("2 {acquired} {uid}"),
        format!("4 {acquired} {uid}"),
        format!("3 2020-01-01T00:00:00.000000Z {uid}"),
        format!("3 {acquired} 00000000-0000-4000-8000-000000000000"),
        format!("3 {acquired}"),
    ] {
        let said = ns.edit("job", |lease| {
            lease["metadata"]["annotations"][STOPPED] = json!(word);
        });
        assert_eq!(holder(&said), "thief", "{word} came too late");
    }
    let output = running.wait(SOON);
    ended(&output, 0, "lease.coordination.k8s.io/job stolen\n");
    assert!(output.elapsed >= Duration::from_millis(2900), "{output}");
    assert_eq!(marks(&stored(&ns, "job")), [""; 0]);
}

#[test]
fn without_the_verb_watch_a_takeover_returns_within_3_s_of_the_trees_end_by_a_read_a_second() {
    let steal = &STEAL[..];
    let several = &["steal", "job", "other", "--holder=thief", "--yes"][..];
    let failover = &["failover", "job", "--yes", "--timeout=0"][..];
    for (command, code) in [(steal, 0), (several, 0), (failover, 124)] {
        let scene = Scene::new(60);
        scene.ns.create(&held("other", "", 60));
        let gate = scene.gate();
        let held = scene.start(&stops_at(&gate));
        let user = scene.ns.user(&["get", "update"]);
        let thief = scene.ns.spawn(&user, command);
        thief.wait_stderr(|line| line.contains("waiting "), SOON);
        let held = held.end_at(&gate);
        let gone = Instant::now();
        assert_eq!(held.code, Some(123), "{held}");
        let output = thief.wait(SOON);
        assert_eq!(output.code, Some(code), "{output}");
        let took = gone.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?} {output}");
        let polls = output.stderr.contains("so the lease is read every second");
        assert_eq!(polls, command != several, "{output}");
    }
}
