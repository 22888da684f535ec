//! Random simulations, each from a seed: actors get in again and again while requests, clocks and outsiders do what they
//! will; then all faults end, and everybody must get in once more.

use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;
use lease_model::clock::Clock;
use lease_model::lease::operate::Limits;

use crate::actor::{Actor, interrupted, patient};
use crate::checker::{Counts, Event};
use crate::clock::{TrueTime, Wall, epoch};
use crate::faults::{FaultRates, Outage};
use crate::histories::{Draw, played};
use crate::millis;
use crate::server::Date;
use crate::world::World;

#[test]
fn at_most_one_holder_is_ever_inside_whatever_clocks_and_requests_do() {
    let (total, _) = played(Draw::Whatever);
    assert!(
        seeds().is_some() || total.of(Event::Grant) > Draw::Whatever.seeds() * 5,
        "hardly anything happened: {total:?}"
    );
}

#[test]
fn at_most_one_command_ever_runs_whatever_becomes_of_supervisors_and_watchdogs() {
    let (total, _) = played(Draw::Holding);
    assert!(
        seeds().is_some() || total.of(Event::Stay) > Draw::Holding.seeds() * 2,
        "hardly anything happened: {total:?}"
    );
}

#[test]
fn nothing_goes_wrong_in_thousands_of_brief_histories() {
    let (total, _) = played(Draw::Brief);
    let (grants, stays) = (total.of(Event::Grant), total.of(Event::Stay));
    assert!(
        seeds().is_some() || grants.min(stays) > Draw::Brief.seeds(),
        "hardly anything happened: {total:?}"
    );
}

/// The seeds that were asked for by `KUBECTL_LEASE_MODEL_SEEDS`: so many, or `first..last`.
pub fn seeds() -> Option<std::ops::Range<u64>> {
    let asked = std::env::var("KUBECTL_LEASE_MODEL_SEEDS").ok()?;
    let number = |text: &str| {
        text.parse::<u64>()
            .expect("KUBECTL_LEASE_MODEL_SEEDS is a number or first..last")
    };
    Some(match asked.split_once("..") {
        None => 0..number(&asked),
        Some((first, last)) => number(first)..number(last),
    })
}

/// A seed, what happened in numbers, and what went wrong.
pub type Played = (u64, Counts, Result<(), String>);

/// Plays these seeds on all processors. None may go wrong.
#[expect(clippy::disallowed_macros, reason = "what a test has to say")]
pub fn play_all(seeds: std::ops::Range<u64>, play: fn(u64) -> Played) -> Counts {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let played: Vec<Played> = std::thread::scope(|scope| {
        let play_every = |first| {
            let seeds = seeds.clone().skip(first).step_by(threads);
            scope.spawn(move || seeds.map(play).collect::<Vec<_>>())
        };
        let threads: Vec<_> = (0..threads).map(play_every).collect();
        let played = threads.into_iter().map(|thread| thread.join());
        played
            .flat_map(|all| all.expect("no simulation panics"))
            .collect()
    });
    let mut total = Counts::default();
    let mut failed: Vec<u64> = Vec::new();
    for (seed, counts, result) in played {
        total.add_all(&counts);
        if let Err(story) = result {
            eprintln!("KUBECTL_LEASE_MODEL_SEEDS={seed}..{}:\n{story}\n", seed + 1);
            failed.push(seed);
        }
    }
    failed.sort_unstable();
    println!("{total:?}");
    assert!(failed.is_empty(), "the model fails for seeds {failed:?}");
    total
}

pub fn one_of<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())]
}

/// A server of any kind, and a network as bad as any.
pub fn randomize(world: &World) {
    {
        let server = &mut *world.server();
        let rng = &mut server.rng;
        (server.version, server.restamps) = match rng.u8(0..6) {
            0..3 => (Some((1, 25 + rng.u32(0..9))), true),
            3 => (None, true),
            _ => (Some((1, rng.u32(18..25))), false),
        };
        server.date = match rng.u8(0..6) {
            0 => Date::Missing,
            1 => Date::Off(rng.i64(-60..=60)),
            2 => Date::Off(rng.i64(-900_000_000..=900_000_000)),
            3 => Date::Cached(epoch() + SignedDuration::from_secs(rng.i64(-60..=60))),
            _ => Date::Off(0),
        };
        server.observed_only = rng.u8(0..6) == 0;
        let apart = match server.observed_only {
            true => 86_400_000,
            false => one_of(rng, &[1, 1000, 30_000]),
        };
        server.skew = millis(rng.u64(0..=apart));
        server.refuses_dry_run = rng.u8(0..5) == 0;
        server.plan.rates = FaultRates {
            requests: one_of(rng, &[0, 20, 100, 300]),
            latency: one_of(rng, &[3, 20, 150, 600]),
            watches: one_of(rng, &[0, 30, 100]),
            late: one_of(rng, &[0, 0, 400, 1200]),
        };
    }
}

pub fn random_actors(world: &Rc<World>) -> Vec<Actor> {
    let number = world.server().rng.usize(3..=6);
    (0..number)
        .map(|client| {
            let rng = &mut world.server().rng.fork();
            let wall = any_wall(rng);
            Actor {
                lingers: millis(rng.u64(0..2000)),
                ..Actor::new(world, client, rng.u64(975_000..=1_025_000), wall)
            }
        })
        .collect()
}

pub fn any_wall(rng: &mut Rng) -> Wall {
    match rng.u8(0..6) {
        0 => Wall::Skewed(rng.i64(-4..=4)),
        1 => Wall::Skewed(rng.i64(-8000..=8000)),
        2 => Wall::Skewed(rng.i64(-900_000_000..=900_000_000)),
        3 => Wall::Jumping,
        4 => Wall::Standing,
        _ => Wall::Coarse,
    }
}

/// Outages, freezes, label edits, and deletions and claims of a free Lease, until all faults end.
pub async fn outside_events(world: Rc<World>, actors: Vec<Actor>, faults_end: TrueTime) {
    let mut edits = 0;
    while world.now() < faults_end {
        let pause = world.server().rng.u64(10..3000);
        tokio::time::sleep(millis(pause)).await;
        let now = world.now();
        let (what, who, span, outage) = {
            let rng = &mut world.server().rng;
            let outage = one_of(rng, &[Outage::Refused, Outage::BlackHole]);
            let who = rng.usize(0..actors.len());
            (rng.u8(0..12), who, millis(rng.u64(50..12_000)), outage)
        };
        let until = (now + span).min(faults_end);
        let is_free = world
            .record()
            .is_some_and(|record| record.holder().is_none());
        match what {
            0..=2 => {
                let all = what == 0;
                let hit = (0..actors.len()).filter(|client| all || *client == who);
                let hit: Vec<usize> = hit.collect();
                world.note(format!("outage for {hit:?} until {until:?}"));
                for client in hit {
                    world.server().plan.outages.insert(client, (until, outage));
                }
            }
            3 | 4 => {
                world.note(format!("actor {who} is frozen until {until:?}"));
                actors[who].clock.freeze_until(until);
            }
            5 if is_free => {
                world.note("deleted while free");
                world.delete();
            }
            6 | 7 if is_free => world.claim(),
            _ => {
                // Now and then many in a row.
                for _ in 0..if what == 8 { 12 } else { 1 } {
                    edits += 1;
                    world.edit_label(edits);
                    tokio::time::sleep(millis(15)).await;
                }
            }
        }
    }
    let server = &mut *world.server();
    server.plan.rates = FaultRates {
        latency: server.plan.rates.latency,
        ..FaultRates::default()
    };
    server.checker.note(faults_end, "no more faults");
}

/// Every second has a deadline, every fourth is interrupted.
pub fn random_limits(actor: &Actor, rng: &mut Rng) -> Limits {
    let limits = match rng.u8(0..4) {
        0 => interrupted(2, &[rng.f64() * 9.0]),
        _ => patient(),
    };
    let limited = rng.bool().then(|| millis(rng.u64(0..9000)));
    Limits {
        deadline: limited.map(|after| actor.clock.now() + after),
        once: limited.is_some_and(|after| after < Duration::from_millis(500)),
        ..limits
    }
}
