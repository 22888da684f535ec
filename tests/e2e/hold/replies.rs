//! Answers that decide nothing, and edits that do not matter: none of them costs the lease.

use std::time::{Duration, Instant};

use lease_harness::{Fault, Match, wait_gone};
use serde_json::json;

use super::scene::{Held, SOON, Scene, measured, until};

#[track_caller]
fn survives(scene: &Scene, fault: Fault, times: usize) {
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    scene.proxy.fault(Match::put(), fault, times);
    scene.wait_renewals(2);
    ends_well(scene, held, &gate);
    let met = scene.proxy.requests();
    assert_eq!(met.iter().filter(|r| r.fault.is_some()).count(), times);
}

#[track_caller]
fn ends_well(scene: &Scene, held: Held, gate: &std::path::Path) {
    let transitions = scene.ns.get("job").expect("it is there")["spec"]["leaseTransitions"].clone();
    std::fs::write(gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(transitions, json!(1));
}

#[test]
fn a_429_with_retry_after_32_is_not_waited_out() {
    let fault = Fault::status(429, "TooManyRequests", "slow down").with_header("Retry-After", "32");
    survives(&Scene::new(3), fault, 2);
}

#[test]
fn a_503_is_tried_again() {
    survives(
        &Scene::new(3),
        Fault::status(503, "ServiceUnavailable", "starting"),
        2,
    );
}

#[test]
fn a_503_after_the_commit_is_read_again() {
    let fault = Fault::status_after_commit(503, "ServiceUnavailable", "stopping");
    survives(&Scene::new(3), fault, 2);
}

#[test]
fn a_504_is_tried_again() {
    survives(
        &Scene::new(3),
        Fault::status(504, "Timeout", "request timed out"),
        2,
    );
}

#[test]
fn a_504_after_the_commit_is_read_again() {
    let fault = Fault::status_after_commit(504, "Timeout", "request timed out");
    survives(&Scene::new(3), fault, 2);
}

#[test]
fn etcds_leader_changed_is_tried_again() {
    let fault = Fault::status(500, "InternalError", "etcdserver: leader changed");
    survives(&Scene::new(3), fault, 2);
}

#[test]
fn etcds_leader_changed_after_the_commit_is_read_again() {
    let fault = Fault::status_after_commit(500, "InternalError", "etcdserver: leader changed");
    survives(&Scene::new(3), fault, 2);
}

#[test]
fn answers_of_429_for_ever_have_the_command_dead_by_the_deadline() {
    let scene = Scene::new(2);
    let held = scene.start("exec sleep 600");
    let fault = Fault::status(429, "TooManyRequests", "slow down").with_header("Retry-After", "32");
    scene.proxy.fault(Match::put(), fault, usize::MAX);
    wait_gone(held.child, SOON);
    let took = scene.last_acknowledged().elapsed();
    measured(
        "429 for ever, dead after the last acknowledgement, D = 2 s",
        took,
    );
    assert!(took <= scene.duration, "{took:?}");
    scene.proxy.clear_faults();
    assert_eq!(held.end().code, Some(123));
}

#[test]
fn an_answer_that_comes_after_the_deadline_is_no_renewal() {
    let scene = Scene::new(2);
    let held = scene.start("exec sleep 600");
    // Else the watch shows in time that the renewal was stored.
    scene.proxy.pause_watches();
    scene.proxy.fault(
        Match::put(),
        Fault::DelayReply(2 * scene.duration),
        usize::MAX,
    );
    wait_gone(held.child, SOON);
    let took = scene.last_acknowledged().elapsed();
    assert!(took <= scene.duration, "{took:?}");
    scene.proxy.clear_faults();
    assert_eq!(held.end().code, Some(123));
}

#[test]
fn label_edits_ten_times_a_second_neither_cost_the_lease_nor_are_lost() {
    let scene = Scene::new(4);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    let began = Instant::now();
    let mut edits = 0;
    while began.elapsed() < 2 * scene.duration {
        edits += 1;
        scene.ns.edit("job", |lease| {
            lease["metadata"]["labels"]["edit"] = json!(format!("n{edits}"));
            lease["metadata"]["annotations"][format!("edit-{}", edits % 5)] = json!("x");
        });
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(held.running.is_running(), "{}", held.running.stderr());
    let lease = scene.ns.get("job").expect("it is there");
    assert_eq!(
        lease["metadata"]["labels"]["edit"],
        json!(format!("n{edits}"))
    );
    ends_well(&scene, held, &gate);
}

#[test]
fn every_renewal_is_a_write() {
    let scene = Scene::new(2);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    let mut seen = Vec::new();
    for _ in 0..4 {
        let version =
            scene.ns.get("job").expect("it is there")["metadata"]["resourceVersion"].clone();
        scene.wait_renewals(1);
        let next = scene.ns.get("job").expect("it is there")["metadata"]["resourceVersion"].clone();
        assert_ne!(version, next);
        seen.push(next);
    }
    ends_well(&scene, held, &gate);
}
