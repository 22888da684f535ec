//! Renewals whose replies are late or never come, and watches that are refused: the lease is kept, and a loss is noticed.

use std::time::{Duration, Instant};

use lease_harness::{Fault, Match, Request, wait_gone};

use super::scene::{SOON, Scene, measured, until};

#[test]
fn renewals_that_are_never_answered_count_when_the_watch_shows_them() {
    let scene = Scene::new(3);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    let put = Match::put();
    scene.proxy.fault(put, Fault::HangAfterCommit, usize::MAX);
    let renewed = |all: &[Request]| {
        let carried_out = |r: &&Request| r.method == "PUT" && r.upstream_status == Some(200);
        all.iter().filter(carried_out).count() >= 5
    };
    scene.proxy.wait_for(renewed, 6 * scene.duration + SOON);
    scene.proxy.clear_faults();
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(scene.ns.holder("job").as_deref().unwrap_or(""), "");
}

#[test]
fn a_watch_that_is_refused_once_is_tried_again_and_notices_a_steal() {
    let scene = Scene::new(60);
    let forbidden = Fault::status(403, "Forbidden", "not now");
    scene.proxy.fault(Match::watch(), forbidden, 1);
    let held = scene.start("exec sleep 600");
    let again = |line: &str| line.contains("can be watched again");
    held.running.wait_stderr(again, SOON);
    let words = ["steal", "job", "--holder", "thief", "--yes", "--now"];
    assert_eq!(scene.ns.run(&scene.ns.admin(), words).code, Some(0));
    let acted = Instant::now();
    wait_gone(held.child, SOON);
    let took = acted.elapsed();
    measured("a steal after a watch was refused once, dead after", took);
    // A tenth of what a renewal would take to notice.
    assert!(took < Duration::from_secs(2), "{took:?}");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    let said = output.stderr.matches("cannot be watched").count();
    assert_eq!(said, 1, "{output}");
}
