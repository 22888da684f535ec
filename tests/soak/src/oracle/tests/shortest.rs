//! The shortest history of a violation, planted among hundreds of events.

use std::time::Duration;

use super::generated::turns_of;
use crate::history::Exit;
use crate::oracle::Violation;
use crate::oracle::testing::{Scene, ms};

/// Forty grants one after the other, and many faults that met others.
fn long(seed: u64) -> Scene {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut scene = turns_of(40, &mut random);
    let run = &mut scene.history.run;
    run.faults_ended = ms(280_000);
    run.starts_ended = ms(290_000);
    run.ended = ms(300_000);
    for _ in 0..200 {
        let at = random.u64(1000..150_000);
        let fault = scene.fault("api", "put-delayed", at, at + 300);
        fault.contenders = vec![random.u32(60..70)];
    }
    scene.history.faults.sort_by_key(|fault| fault.begun);
    scene.is_clean();
    scene
}

/// The first violation of a rule, which is told by at most so many lines of hundreds of events.
fn told_in(scene: &Scene, rule: &str, most: usize) -> Violation {
    let found = scene.judged();
    let first = found.iter().find(|of| of.rule == rule);
    let first = first.unwrap_or_else(|| panic!("{rule} is broken"));
    let text = crate::report::text(&scene.history, &found);
    assert!(first.history.len() <= most, "{text}");
    assert!(first.out_of.is_some_and(|all| all > 400), "{first:?}");
    first.clone()
}

fn has(violation: &Violation, text: &str) -> bool {
    violation
        .history
        .iter()
        .any(|moment| moment.text.contains(text))
}

#[test]
fn of_two_at_work_their_calls_their_grants_and_their_work_are_told() {
    for seed in 0..5 {
        let mut scene = long(seed);
        let work = &mut scene.history.work;
        work[20].last = work[21].first + Duration::from_millis(1);
        let (one, other) = (work[20].token, work[21].token);
        // Two calls and two workers, each with a begin and an end; a grant, its last renewal and its end.
        let found = told_in(&scene, "I1", 14);
        for token in [one, other] {
            assert!(
                has(&found, &format!("revision {token}: granted")),
                "{found:?}"
            );
            assert!(
                has(&found, &format!("token {token}) is at work")),
                "{found:?}"
            );
        }
        assert!(!has(&found, "fault"), "{found:?}");
    }
}

#[test]
fn of_what_outlived_its_lease_only_its_own_is_told() {
    for seed in 0..5 {
        let mut scene = long(seed);
        let call = scene
            .history
            .calls
            .iter()
            .position(|call| call.exit == Some(Exit::Code(123)));
        let call = call.expect("some are cut off");
        let mut work = scene.history.work.iter_mut();
        let work = work.nth(call).expect("one each");
        work.last = work.last + Duration::from_millis(305);
        let found = told_in(&scene, "I4", 8);
        assert!(has(&found, "renewed, of"), "{found:?}");
    }
}

#[test]
fn of_a_loss_without_a_cause_the_outage_that_was_too_short_is_told() {
    let mut scene = long(1);
    let faults = &mut scene.history.faults;
    let outage = faults.iter_mut().find(|fault| fault.kind == "put-refused");
    let outage = outage.expect("some are cut off");
    outage.over = outage.begun + Duration::from_millis(400);
    let found = told_in(&scene, "I8", 10);
    assert!(has(&found, "fault put-refused"), "{found:?}");
    assert!(!has(&found, "put-delayed"), "{found:?}");
}

#[test]
fn of_a_code_that_does_not_tell_the_truth_the_call_is_told_and_how_it_held() {
    let mut scene = long(2);
    let ended = scene
        .history
        .calls
        .iter()
        .position(|call| call.exit == Some(Exit::Code(0)));
    let call = ended.expect("most end well");
    scene.history.calls[call].exit = Some(Exit::Code(125));
    told_in(&scene, "I7", 7);
}

#[test]
fn the_shortest_history_is_the_same_each_time() {
    let mut scene = long(3);
    let work = &mut scene.history.work;
    work[10].last = work[11].first + Duration::from_millis(1);
    assert_eq!(scene.judged(), scene.judged());
}
