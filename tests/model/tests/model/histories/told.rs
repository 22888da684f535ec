//! Plays many histories on all processors, and tells of one that broke a rule: the shortest of its kind, as a story and as what
//! plays it again.

use super::History;
use super::play::{Broken, Ended, play};
use super::shrink::shortest_of;
use crate::checker::Counts;
use crate::reached::Reached;

#[expect(clippy::disallowed_macros, reason = "what a test has to say")]
/// Plays the histories of these seeds. None may break a rule: the first that does is told.
pub fn play_seeds(
    seeds: std::ops::Range<u64>,
    draw: impl Fn(u64) -> History + Copy + Send,
) -> (Counts, Reached) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let played: Vec<(u64, Ended)> = std::thread::scope(|scope| {
        let play_every = |first| {
            let seeds = seeds.clone().skip(first).step_by(threads);
            let play_one = move |seed| (seed, play(&draw(seed)));
            scope.spawn(move || seeds.map(play_one).collect::<Vec<_>>())
        };
        let threads: Vec<_> = (0..threads).map(play_every).collect();
        let played = threads.into_iter().map(|thread| thread.join());
        played
            .flat_map(|all| all.expect("no simulation panics"))
            .collect()
    });
    let (mut counts, mut reached) = (Counts::default(), Reached::default());
    let mut failed = Vec::new();
    for (seed, ended) in played {
        counts.add_all(&ended.counts);
        reached.add_all(&ended.reached);
        failed.extend(ended.broken.map(|broken| (seed, broken)));
    }
    failed.sort_by_key(|(seed, _)| *seed);
    let all: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    for (seed, broken) in &failed {
        eprintln!("seed {seed}: {}", broken.violation);
    }
    let histories = failed
        .into_iter()
        .map(|(seed, broken)| (draw(seed), broken));
    if let Some((shortest, broken)) = shortest_of(histories) {
        panic!(
            "seeds {all:?} break a rule; the shortest history like that of the first:\n{}",
            tell(&shortest, &broken)
        );
    }
    (counts, reached)
}

/// A history in which a rule was broken, for a person and for a test.
pub fn tell(history: &History, broken: &Broken) -> String {
    let mut lines = vec![format!("{:?}", history.server)];
    for actor in &history.actors {
        lines.push(format!(
            "actor {}: rate {}, {:?}, watches {}, lingers {}",
            actor.client, actor.rate, actor.wall, actor.watches, actor.lingers
        ));
        let lives = actor.lives.iter();
        lines.extend(lives.map(|life| format!("    {life:?}")));
    }
    for fault in &history.faults {
        lines.push(format!(
            "client {}, {:?} number {}: {:?}",
            fault.client, fault.verb, fault.nth, fault.fault
        ));
    }
    for watch in &history.watches {
        lines.push(format!(
            "client {}, watch number {}: {:?}",
            watch.client, watch.nth, watch.fault
        ));
    }
    for event in &history.events {
        lines.push(format!("at {} ms: {:?}", event.at, event.what));
    }
    lines.push(format!("calm from {} ms", history.calm_from));
    let again = serde_json::to_string(history).expect("it is JSON");
    format!(
        "{}\n\n{}\n\nagain: KUBECTL_LEASE_MODEL_HISTORY='{again}' cargo test -p lease-model a_history_that_was_told\n",
        lines.join("\n"),
        broken.story,
    )
}

#[test]
#[expect(clippy::disallowed_macros, reason = "what a test has to say")]
fn a_history_that_was_told_is_played_again() {
    let Ok(told) = std::env::var("KUBECTL_LEASE_MODEL_HISTORY") else {
        return;
    };
    let history: History = serde_json::from_str(&told).expect("a history");
    match play(&history).broken {
        Some(broken) => panic!("{}", tell(&history, &broken)),
        None => println!("no rule is broken"),
    }
}
