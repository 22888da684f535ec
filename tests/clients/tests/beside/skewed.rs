//! Wrong clocks of theirs: what they take from a live hold of ours is noticed at once, and we take nothing of theirs early.

use std::time::{Duration, Instant};

use lease_harness::{Request, wait_gone};
use serde_json::Value;

use crate::candidate::{Candidate, Client, Terms, beside, beside_each};
use crate::handover::begins_after_their_death;
use crate::python::{self, Election};
use crate::scene::{Hold, SOON, Scene, THEM, Work, measured, writes};

/// From the write to the death of the command, where watching is allowed.
const AT_ONCE: Duration = Duration::from_millis(500);
const HOUR: i64 = 3600;

/// Our hold of half a minute, whose watch is answered: nothing else could notice in time.
pub fn watched(scene: &Scene, flags: &[&str]) -> (Hold, Work) {
    let hold = scene.hold(flags);
    let work = hold.wait_runs();
    let watches = |all: &[Request]| {
        all.iter()
            .any(|request| request.is_watch() && request.status == Some(200))
    };
    scene.ours.wait_for(watches, SOON);
    (hold, work)
}

/// What became of a grant of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    To(&'static str),
    Released,
    /// It is ours still, and given back once nothing runs.
    Shortened,
}

impl Lost {
    fn says(self) -> String {
        match self {
            Self::To(holder) => format!("taken over by \"{holder}\""),
            Self::Released => "released".to_owned(),
            Self::Shortened => "shortened its duration to 6s".to_owned(),
        }
    }
}

/// How long after their last write the command was dead; the hold says who has it, and leaves it so.
#[track_caller]
pub fn fenced(client: &str, scene: &Scene, hold: Hold, work: Work, lost: Lost) -> Duration {
    wait_gone(work.pid, SOON);
    let dead = Instant::now();
    let done = |request: &Request| request.took.map(|took| request.at + took);
    let is_it = |request: &Request| done(request).is_some_and(|done| done > work.since);
    let wrote = |all: &[Request]| writes(all).any(is_it);
    let requests = scene.theirs.wait_for(wrote, SOON);
    let stored = writes(&requests)
        .find(|request| is_it(request))
        .and_then(done);
    let took = dead.saturating_duration_since(stored.expect("waited for"));
    measured(client, "their write to our command's death", took);
    let output = hold.0.wait(SOON);
    assert_eq!(output.code, Some(123), "{client} {output}");
    let line = output.stderr.lines().find(|line| line.contains("lost"));
    let says = lost.says();
    assert!(
        line.is_some_and(|line| line.contains(&says)),
        "{client} {output}"
    );
    // Nothing is taken back, and what is another's is not released.
    let requests = scene.ours.requests();
    let since = writes(&requests).filter(|request| Some(request.at) > stored);
    let since: Vec<_> = since
        .map(|request| request.json()["spec"]["holderIdentity"].clone())
        .collect();
    let released = usize::from(lost == Lost::Shortened);
    assert_eq!(since, vec![Value::Null; released], "{client} {output}");
    took
}

/// Does this until it has once taken no longer than it may on a machine that does nothing else.
pub fn at_once(round: impl Fn() -> Duration) {
    let mut all = Vec::new();
    while all.len() < 8 {
        all.push(round());
        if all.last().is_some_and(|took| *took <= AT_ONCE) {
            return;
        }
    }
    panic!("never within {AT_ONCE:?}: {all:?}");
}

/// They have it now, as if we had been dead. The next grant of ours is after their death, and has a greater token.
fn taken_from_us(
    client: &Client,
    scene: &Scene,
    hold: Hold,
    work: Work,
    them: Box<dyn Candidate>,
    terms: Terms,
) -> Duration {
    them.wait_leads();
    let took = fenced(client.name, scene, hold, work, Lost::To(THEM));
    let output = scene.us(&["acquire", "job", "--timeout=0"]).run();
    assert_eq!(output.code, Some(124), "{client:?} {output}");
    let hold = scene.hold(&[]);
    hold.wait_waits();
    scene.wait_writes(&scene.theirs, 2);
    scene.ours.clear();
    them.die();
    let next = begins_after_their_death(client, scene, &hold, terms);
    assert!(next.token > work.token, "{work:?} {next:?}");
    took
}

#[test]
fn who_compares_with_a_clock_that_is_ahead_takes_a_live_lease_and_our_command_is_dead_at_once() {
    let by_the_clock = [crate::kubert::CLIENT, crate::election::CLIENT];
    beside(&by_the_clock, |client| {
        at_once(|| {
            let scene = Scene::new();
            let (hold, work) = watched(&scene, &["--duration=30s"]);
            let terms = Terms::of(6).ahead(HOUR);
            let them = (client.start)(&scene, terms);
            taken_from_us(client, &scene, hold, work, them, terms)
        });
    });
}

#[test]
fn who_goes_by_a_duration_of_its_own_or_a_clock_that_is_set_takes_a_live_lease_and_our_command_is_dead_at_once()
 {
    if let Err(why) = python::interpreter() {
        eprintln!("skipped: {}: {why}", python::CLIENT.name);
        return;
    }
    // We renew every 10 s, which is in time.
    let ours = ["--duration=30s"];
    at_once(|| {
        let scene = Scene::new();
        let (hold, work) = watched(&scene, &ours);
        let terms = Terms::of(6);
        let them = (python::CLIENT.start)(&scene, terms);
        them.wait_follows(1);
        taken_from_us(&python::CLIENT, &scene, hold, work, them, terms)
    });
    at_once(|| {
        let scene = Scene::new();
        let (hold, work) = watched(&scene, &ours);
        let them = Election::start(&scene, Terms::of(20));
        them.wait_follows(2);
        them.set_ahead(HOUR);
        them.wait_leads();
        fenced(python::CLIENT.name, &scene, hold, work, Lost::To(THEM))
    });
}

#[test]
fn whatever_their_clock_says_we_take_nothing_before_they_have_been_silent_for_their_duration() {
    for ahead in [-HOUR, HOUR] {
        beside_each(|client| {
            let scene = Scene::new();
            let terms = Terms::of(6).ahead(ahead);
            let them = (client.start)(&scene, terms);
            them.wait_leads();
            let output = scene.us(&["acquire", "job", "--timeout=0"]).run();
            assert_eq!(output.code, Some(124), "{client:?} {output}");
            let hold = scene.hold(&[]);
            hold.wait_waits();
            scene.wait_writes(&scene.theirs, 3);
            assert_eq!(writes(&scene.ours.requests()).count(), 0, "{client:?}");
            them.die();
            begins_after_their_death(client, &scene, &hold, terms);
        });
    }
}

/// What their records show of a wrong clock must not be what ends a hold of theirs.
#[test]
fn the_clients_times_are_as_wrong_as_their_clocks() {
    beside_each(|client| {
        let scene = Scene::new();
        let them = (client.start)(&scene, Terms::of(30).ahead(HOUR));
        them.wait_leads();
        let renewed = scene.stored()["spec"]["renewTime"].to_string();
        let renewed: jiff::Timestamp = renewed.trim_matches('"').parse().expect("a time");
        let ahead = renewed.duration_since(jiff::Timestamp::now()).as_secs();
        assert!((HOUR - 60..=HOUR).contains(&ahead), "{client:?}: {ahead}");
        them.die();
    });
}
