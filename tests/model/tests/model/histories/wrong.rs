//! Worlds that are wrong on purpose: the rules notice, and the shortest history that shows it is short.

use super::play::{Broken, play};
use super::shrink::shortest_of;
use super::{ActorChoices, History, holding, told, whatever};
use crate::server::Wrong;

/// The shortest history like those that break a rule with one of these words in it.
#[track_caller]
fn found(draw: impl Fn(u64) -> History, rule: &str) -> (History, Broken) {
    let broken = (0..400).map(draw).filter_map(|history| {
        let broken = play(&history).broken?;
        broken.rule().contains(rule).then_some((history, broken))
    });
    let (shortest, again) = shortest_of(broken).expect("what is wrong is noticed");
    assert!(again.rule().contains(rule), "{}", again.violation);
    // What is told plays the same again.
    let json = serde_json::to_string(&shortest).expect("JSON");
    let replayed = play(&serde_json::from_str(&json).expect("a history"));
    let story = replayed.broken.map(|broken| broken.story);
    assert_eq!(story.as_deref(), Some(again.story.as_str()));
    let told = told::tell(&shortest, &again);
    assert!(told.contains("VIOLATION") && told.contains(&json), "{told}");
    (shortest, again)
}

/// Actors, and all that they do and that happens to them.
#[track_caller]
fn assert_short(history: &History, actors: usize, choices: usize) {
    assert!(
        history.actors.len() <= actors && history.choices() - history.actors.len() <= choices,
        "{history:#?}"
    );
}

#[test]
fn a_server_that_ignores_resource_versions_is_noticed_in_a_short_history() {
    let draw = |seed| {
        let mut history = whatever(seed);
        history.server.wrong = Some(Wrong::IgnoresVersions);
        history
    };
    let (history, _) = found(draw, "");
    assert_short(&history, 2, 4);
}

#[test]
fn a_server_that_ignores_uids_is_noticed_in_a_short_history() {
    let draw = |seed| {
        let mut history = whatever(seed);
        history.server.wrong = Some(Wrong::IgnoresUids);
        history
    };
    let (history, _) = found(draw, "");
    assert_short(&history, 3, 5);
}

#[test]
fn a_holder_whose_clock_is_a_fifth_too_slow_is_noticed_in_a_short_history() {
    let draw = |seed| {
        let mut history = holding(seed);
        history.unprotected = false;
        let slow = |actor: &mut ActorChoices| actor.rate = 800_000;
        history.actors.first_mut().map(slow).expect("an actor");
        history
    };
    let (history, _) = found(draw, "is inside together with");
    assert_short(&history, 2, 4);
}
