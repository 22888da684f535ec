//! Renewals whose replies are late or never come, and watches that are refused: the lease is kept, and a loss is noticed.

use std::time::{Duration, Instant};

use lease_harness::{Fault, Match, Request, wait_gone};

use super::scene::{SOON, Scene, measured, until};

/// A hold through half a dozen renewals that this fault meets, and a command that ends well after them.
#[track_caller]
fn lives_on(scene: &Scene, fault: Fault) {
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    scene.proxy.fault(Match::put(), fault, usize::MAX);
    let renewed = |all: &[Request]| {
        let carried_out = |r: &&Request| r.method == "PUT" && r.upstream_status == Some(200);
        all.iter().filter(carried_out).count() >= 6
    };
    scene.proxy.wait_for(renewed, 6 * scene.duration + SOON);
    scene.proxy.clear_faults();
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(scene.ns.holder("job").as_deref().unwrap_or(""), "");
}

#[test]
fn replies_six_tenths_of_a_second_late_do_not_cost_a_lease_of_three_seconds() {
    lives_on(
        &Scene::new(3),
        Fault::DelayReply(Duration::from_millis(600)),
    );
}

#[test]
fn nor_do_they_without_a_watch() {
    lives_on(
        &Scene::without_watch(3),
        Fault::DelayReply(Duration::from_millis(600)),
    );
}

#[test]
fn renewals_that_are_never_answered_count_when_the_watch_shows_them() {
    lives_on(&Scene::new(3), Fault::HangAfterCommit);
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

#[test]
fn a_watch_that_is_refused_for_ever_is_tried_again_less_and_less_and_said_once() {
    let scene = Scene::without_watch(60);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    let watches = |all: &[Request]| all.iter().filter(|r| r.is_watch()).count();
    let all = scene.proxy.wait_for(|all| watches(all) >= 4, SOON);
    let at: Vec<Instant> = all.iter().filter(|r| r.is_watch()).map(|r| r.at).collect();
    let pauses: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] > Duration::from_millis(700), "{pauses:?}");
    assert!(pauses[2] > pauses[0] * 2, "{pauses:?}");
    // No reads meanwhile: the renewals notice.
    assert!(
        all.iter()
            .all(|r| r.is_watch() || r.method == "PUT" || r.at < at[0]),
        "{all:?}"
    );
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    let said = output.stderr.matches("cannot be watched").count();
    assert_eq!(said, 1, "{output}");
}
