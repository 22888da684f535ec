//! Histories by chance: those that keep the rules are clean, and whatever is spoilt in them is found.

use crate::history::{Exit, Role};
use crate::oracle::testing::{D, Scene};

/// Some grants one after the other, each ended in some way that is right.
fn course(random: &mut fastrand::Rng) -> Scene {
    let turns = random.u32(3..9);
    turns_of(turns, random)
}

/// So many of them.
pub fn turns_of(turns: u32, random: &mut fastrand::Rng) -> Scene {
    let mut scene = Scene::new();
    let mut now = 1000;
    let mut expires: Option<usize> = None;
    for _ in 0..turns {
        now += random.u64(50..400);
        let call = scene.history.calls.len();
        let turn = random.u8(0..4);
        match turn {
            0 | 1 => {
                let length = random.u64(100..5000);
                scene.hold(now, now + length);
                now += length + 30;
            }
            2 => now = killed(&mut scene, now, random),
            _ => now = cut_off(&mut scene, now, random),
        }
        // Who takes what has expired has watched it.
        if let Some(before) = expires {
            scene.history.calls[call].started = scene.history.calls[before].started;
        }
        expires = (turn > 1).then_some(call);
    }
    scene
}

/// Its supervisor is killed; the lease expires.
fn killed(scene: &mut Scene, now: u64, random: &mut fastrand::Rng) -> u64 {
    let call = scene.call(Role::Hold, now - 40);
    let token = scene.grant(now, call);
    let end = now + random.u64(60..900);
    scene.work(call, token, now + 20, end + 10);
    scene.fault("process", "supervisor-killed", end, end).call = Some(call);
    scene.end(call, end + 5, Exit::Signal(9));
    now + D + 10
}

/// It cannot reach the server any more, stops, and says so.
fn cut_off(scene: &mut Scene, now: u64, random: &mut fastrand::Rng) -> u64 {
    let call = scene.call(Role::Hold, now - 40);
    let token = scene.grant(now, call);
    let renewed = now + random.u64(500..1200);
    scene.renew(renewed, call);
    scene.work(call, token, now + 20, renewed + D * 9 / 10);
    let outage = scene.fault("api", "put-refused", renewed + 10, renewed + D);
    outage.contenders = vec![call];
    scene.end(call, renewed + D * 95 / 100, Exit::Code(123));
    scene.of(call).stderr = "lease \"job\" could not be released; it expires by itself".to_owned();
    renewed + D + 10
}

fn seeds() -> impl Iterator<Item = (u64, fastrand::Rng)> {
    (0..100).map(|seed| (seed, fastrand::Rng::with_seed(seed)))
}

#[test]
fn a_history_that_keeps_the_rules_is_clean() {
    for (seed, mut random) in seeds() {
        let scene = course(&mut random);
        let found = scene.judged();
        let text = || crate::report::text(&scene.history, &found);
        assert!(found.is_empty(), "seed {seed}: {}", text());
    }
}

#[test]
fn work_that_moves_to_anothers_time_is_found() {
    for (seed, mut random) in seeds() {
        let mut scene = course(&mut random);
        let count = scene.history.work.len();
        let (one, other) = (random.usize(0..count), random.usize(0..count));
        if one == other {
            continue;
        }
        let work = &mut scene.history.work;
        let times = (work[one].first, work[one].last);
        (work[one].first, work[one].last) = (work[other].first, work[other].last);
        (work[other].first, work[other].last) = times;
        let broken = scene.broken();
        assert!(!broken.is_empty(), "seed {seed}: {one} and {other}");
    }
}

#[test]
fn work_that_goes_on_into_the_next_ones_is_an_overlap() {
    for (seed, mut random) in seeds() {
        let mut scene = course(&mut random);
        let count = scene.history.work.len();
        let one = random.usize(0..count - 1);
        scene.history.work[one].last =
            scene.history.work[one + 1].first + std::time::Duration::from_millis(1);
        assert!(scene.broken().contains(&"I1"), "seed {seed}: {one}");
    }
}

#[test]
fn a_takeover_that_comes_sooner_is_found() {
    let mut tried = 0;
    for (seed, mut random) in seeds() {
        let mut scene = course(&mut random);
        // A takeover of what had not been released, and not the first: its times go back by a second.
        let taken = scene.history.commits.iter().position(|commit| {
            let holder = |of: &Option<serde_json::Value>| {
                let of = of.as_ref()?.pointer("/spec/holderIdentity")?;
                of.as_str().map(str::to_owned)
            };
            let (before, after) = (holder(&commit.before), holder(&commit.after));
            before.is_some() && after.is_some() && before != after
        });
        let Some(taken) = taken else { continue };
        tried += 1;
        let commit = &mut scene.history.commits[taken];
        let since = commit.received.expect("these have one") - std::time::Duration::from_secs(1);
        commit.received = Some(since);
        commit.answered = None;
        for sent in &mut scene.history.requests {
            if sent.at > since && sent.at <= since + std::time::Duration::from_secs(1) {
                sent.at = since;
            }
        }
        let broken = scene.broken();
        assert!(broken.contains(&"I3"), "seed {seed}: {broken:?}");
    }
    assert!(tried > 30, "{tried}");
}
