//! Histories that cannot be right, and what is told of violations.

use crate::history::{History, Role};
use crate::oracle::judge;
use crate::oracle::testing::{Scene, ms};
use crate::report;

#[test]
fn an_oracle_that_is_told_nothing_does_not_say_that_all_is_well() {
    let found = judge(&History::default());
    assert!(found.iter().all(|of| of.rule == "history"));
    assert_eq!(found.len(), 5);
    for take in [
        |history: &mut History| history.work.clear(),
        |history: &mut History| history.requests.clear(),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        take(&mut scene.history);
        assert!(scene.broken().contains(&"history"));
    }
}

#[test]
fn a_write_that_is_missing_or_twice_there_is_found() {
    for spoil in [
        |history: &mut History| drop(history.commits.remove(2)),
        |history: &mut History| history.commits.insert(2, history.commits[2].clone()),
        |history: &mut History| history.commits[2].revision += 1000,
        |history: &mut History| {
            if let Some(after) = &mut history.commits[2].after {
                after["metadata"]["uid"] = "another".into();
            }
        },
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        scene.is_clean();
        spoil(&mut scene.history);
        assert!(scene.broken().contains(&"history"));
    }
}

#[test]
fn two_clocks_that_differ_are_found() {
    let mut scene = Scene::new();
    scene.hold(1000, 3500);
    scene.history.commits[1].answered = Some(ms(700));
    assert!(scene.broken().contains(&"history"));
}

#[test]
fn work_and_grants_of_nobody_are_found() {
    let mut scene = Scene::new();
    scene.hold(1000, 3500);
    scene.history.work[0].holder = "somebody".to_owned();
    assert!(scene.broken().contains(&"history"));
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.of(call).holder = Some("renamed".to_owned());
    assert!(scene.broken().contains(&"history"));
}

#[test]
fn holds_that_ended_well_and_were_never_at_work_make_a_history_suspect() {
    let mut scene = Scene::new();
    for turn in 0..3 {
        scene.hold(1000 + turn * 3000, 3500 + turn * 3000);
    }
    scene.history.work.truncate(1);
    assert!(scene.broken().contains(&"history"));
}

#[test]
fn a_violation_is_told_with_what_led_to_it_in_order_and_in_a_hundred_columns() {
    let mut scene = Scene::new();
    let one = scene.call(Role::Hold, 900);
    scene.hold(1000, 3500);
    let other = scene.call(Role::Hold, 3000);
    let token = scene.grant(4000, other);
    scene.work(other, token, 3200, 4400);
    scene.fault("api", "put-delayed", 3300, 3900);
    let found = scene.judged();
    let overlap = found.iter().find(|of| of.rule == "I1");
    let overlap = overlap.expect("they were at work together");
    assert_eq!(overlap.calls.len(), 2);
    assert!(!overlap.calls.contains(&one));
    let text = report::text(&scene.history, &found);
    assert!(overlap.history.is_sorted_by_key(|moment| moment.at));
    for told in [
        "freed, from c01.0",
        "granted to c02.0",
        "put-delayed",
        "is at work",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let long = text
        .lines()
        .find(|line| line.chars().count() > 100 && !line.starts_with('|'));
    assert_eq!(long, None, "{text}");
}

#[test]
fn a_report_has_the_figures_of_its_run() {
    let mut scene = Scene::new();
    scene.history.run.seed = 7;
    scene.history.run.server = "in-process".to_owned();
    for turn in 0..3 {
        let call = scene.hold(1000 + turn * 3000, 3900 + turn * 3000);
        scene.of(call).started = ms(900);
    }
    scene.fault("people", "labelled", 20_000, 20_000);
    scene.fault("api", "put-delayed", 20_000, 20_100).detail = "met=0".to_owned();
    scene.fault("surroundings", "machine-stalled", 30_000, 30_400);
    scene.fault("surroundings", "machine-stalled", 31_000, 31_100);
    let over = scene.fault("process", "supervisor-signalled", 51_000, 51_000);
    (over.call, over.detail) = (Some(0), "signal 15: the soak is over".to_owned());
    let text = report::text(&scene.history, &scene.judged());
    for told in [
        "Seed 7 on in-process: 4 contenders",
        "3 calls, 3 grants, 1 faults of 1 kinds, 0 violations;",
        "handovers after a release took 0.130 s (p50) and 0.130 s (p99);",
        "the machine stood still 2 times, 0.4 s at most and 0.5 s together.",
        "| job | 3 | 3 | 0 |",
        "| after a release | 2 | 0.130 s",
        "| people | 1 | labelled 1 |",
        "| Hold | 3 | 0: 3 |",
        "No violation.",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&text).contains(told), "{told}: {text}");
    }
}
