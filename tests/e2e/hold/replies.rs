//! Answers that decide nothing, and edits that do not matter: none of them costs the lease.

use lease_harness::{Fault, Match, wait_gone};
use serde_json::json;

use super::scene::{SOON, Scene, measured, until};

#[test]
fn answers_that_decide_nothing_cost_nothing() {
    let busy = Fault::status(429, "TooManyRequests", "slow down").with_header("Retry-After", "32");
    let scene = Scene::new(3);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    let faults = [
        (busy, 1),
        (Fault::status(503, "ServiceUnavailable", "starting"), 2),
        (Fault::status_after_commit(504, "Timeout", "timed out"), 1),
        (Fault::DropReply, 2),
    ];
    for (fault, times) in faults {
        scene.proxy.fault(Match::put(), fault, times);
        scene.wait_renewals(1);
    }
    let transitions = scene.ns.get("job").expect("it is there")["spec"]["leaseTransitions"].clone();
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(transitions, json!(1));
    let met = scene.proxy.requests();
    assert_eq!(met.iter().filter(|r| r.fault.is_some()).count(), 6);
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
