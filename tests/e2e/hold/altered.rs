//! What a server makes of a hold's writes: another holder, a shorter duration, nothing at all; and a loss that only the
//! release finds.

use std::time::Duration;

use lease_harness::{Fault, Match, Namespace, Request, lease, wait_gone};
use serde_json::{Value, json};

use super::scene::{SOON, Scene, is_release, until};

fn renewals() -> Match {
    Match::when(|request| request.method == "PUT" && !is_release(request))
}

fn prefixed(object: &mut Value) {
    let holder = object["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default();
    if !holder.is_empty() {
        object["spec"]["holderIdentity"] = json!(format!("team-{holder}"));
    }
}

fn shortened(object: &mut Value) {
    object["spec"]["leaseDurationSeconds"] = json!(2);
}

fn free(ns: &Namespace) -> bool {
    ns.holder("job").as_deref().unwrap_or("").is_empty()
}

/// The command is stopped, and the lease is given back.
#[track_caller]
fn ends(change: fn(&mut Value), words: &str) {
    let scene = Scene::new(6);
    let held = scene.start("trap '' TERM; while :; do sleep 1; done");
    scene
        .proxy
        .fault(renewals(), Fault::Alter(change), usize::MAX);
    wait_gone(held.child, SOON);
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    assert!(output.stderr.contains(words), "{output}");
    assert!(free(&scene.ns), "{output}");
}

#[test]
fn a_renewal_that_is_stored_for_a_shorter_time_is_a_loss() {
    ends(shortened, "2");
}

#[test]
fn a_renewal_that_is_stored_for_another_holder_is_a_loss() {
    // By its answer, or by the watch if that is faster.
    ends(prefixed, "\"team-");
}

#[test]
fn a_grant_that_is_stored_for_another_holder_starts_nothing_and_is_given_back() {
    let scene = Scene::new(6);
    scene
        .proxy
        .fault(Match::put(), Fault::Alter(prefixed), usize::MAX);
    let output = scene.hold(&["--", "echo", "ran"]).run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    assert!(
        output.stderr.contains("(an admission webhook?)"),
        "{output}"
    );
    assert!(free(&scene.ns), "{output}");
}

#[test]
fn a_grant_that_is_stored_for_a_shorter_time_is_renewed_by_that() {
    let scene = Scene::new(6);
    scene
        .proxy
        .fault(Match::put(), Fault::Alter(shortened), usize::MAX);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    // Far more often than at 6 s.
    scene.proxy.wait_for(
        |all| all.iter().filter(|r| r.method == "PUT").count() >= 5,
        Duration::from_secs(5),
    );
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output
            .stderr
            .contains("leaseDurationSeconds 2 instead of 6"),
        "{output}"
    );
}

#[test]
fn a_server_that_says_409_to_every_renewal_is_asked_a_few_times_and_quoted() {
    let scene = Scene::new(6);
    let held = scene.start("exec sleep 600");
    let says = Fault::status(409, "Conflict", "the policy says no");
    scene.proxy.fault(Match::put(), says, usize::MAX);
    scene.proxy.clear();
    wait_gone(held.child, SOON);
    let sent = scene.proxy.requests().len();
    scene.proxy.clear_faults();
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    assert!(output.stderr.contains("the policy says no"), "{output}");
    assert!(sent < 80, "{sent} requests in 6 s");
}

/// Without a watch and before a renewal, only the release can find out.
#[track_caller]
fn found_by_the_release(act: fn(&Namespace), words: &str) {
    let scene = Scene::without_watch(60);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    act(&scene.ns);
    let left = scene.ns.get("job");
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    let lost = output.stderr.lines().find(|line| line.contains("lost"));
    assert!(lost.is_some_and(|line| line.contains(words)), "{output}");
    assert_eq!(scene.ns.get("job"), left, "{output}");
}

#[test]
fn a_steal_just_before_the_command_ends_is_a_loss() {
    found_by_the_release(
        |ns| {
            let words = ["steal", "job", "--holder", "thief", "--yes", "--now"];
            assert_eq!(ns.run(&ns.admin(), words).code, Some(0));
        },
        "taken over by \"thief\"",
    );
}

#[test]
fn a_delete_just_before_the_command_ends_is_a_loss() {
    found_by_the_release(|ns| ns.delete("job"), "deleted");
}

#[test]
fn a_lease_recreated_just_before_the_command_ends_is_lost() {
    found_by_the_release(
        |ns| {
            ns.delete("job");
            ns.create(
                &lease("job")
                    .duration(15)
                    .holder("next")
                    .transitions(1)
                    .build(),
            );
        },
        "created anew, held by \"next\"",
    );
}

#[test]
fn a_lease_freed_by_somebody_just_before_the_command_ends_is_lost() {
    found_by_the_release(
        |ns| {
            ns.edit("job", |lease| lease["spec"]["holderIdentity"] = json!(""));
        },
        "somebody released it",
    );
}

#[test]
fn a_new_grant_to_the_same_name_just_before_the_command_ends_is_a_loss() {
    found_by_the_release(
        |ns| {
            ns.edit("job", |lease| lease["spec"]["leaseTransitions"] = json!(9));
        },
        "granted anew",
    );
}

#[test]
fn a_release_whose_reply_is_lost_is_no_loss() {
    released(Fault::DropReply);
}

#[test]
fn a_release_that_a_proxy_sent_twice_is_no_loss() {
    released(Fault::status_after_commit(409, "Conflict", "modified"));
}

#[track_caller]
fn released(fault: Fault) {
    let scene = Scene::without_watch(60);
    let gate = scene.gate();
    let held = scene.start(&format!("{}; exit 7", until(&gate)));
    let release = Match::when(|request: &Request| is_release(request));
    scene.proxy.fault(release, fault, 1);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(7), "{output}");
    assert!(free(&scene.ns), "{output}");
}
