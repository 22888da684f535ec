//! One seed: actors in a loop, while requests, clocks and outsiders do what they will; then calm, in which all get on.

use std::rc::Rc;
use std::time::Duration;

use crate::actor::{Actor, Leave, interruptible, patient};
use jiff::SignedDuration;
use lease_model::lease::operate::Limits;

use crate::checker::Totals;
use crate::clock::{True, Wall, epoch};
use crate::faults::{Outage, Weather};
use crate::server::{Date, World};
use crate::{millis, secs, simulate};
use lease_model::clock::Clock;

/// Plays a seed.
///
/// # Errors
/// With the story of what went wrong.
pub fn play(seed: u64) -> Result<Totals, String> {
    simulate(seed, async move {
        let world = World::new(seed);
        let actors = cast(&world);
        // Where nobody watches for long, an expiry is proven by stamps.
        let sleepy = world.state.borrow_mut().rng.u8(0..4) == 0;
        let trouble_ends = secs(if sleepy { 240.0 } else { 30.0 });
        let nature = tokio::task::spawn_local(nature(world.clone(), actors.clone(), trouble_ends));
        let lives: Vec<_> = actors
            .iter()
            .map(|actor| tokio::task::spawn_local(live(actor.clone(), trouble_ends, sleepy)))
            .collect();
        for life in lives {
            // In calm each must get in once more: at worst after all the others, each with a crash before it.
            if tokio::time::timeout(secs(600.0), life)
                .await
                .map_or(true, |life| life.is_err())
            {
                world.blame("an actor makes no progress in calm weather");
            }
        }
        nature.abort();
        // What is still under way must not land any more.
        tokio::time::sleep(secs(20.0)).await;
        let state = world.state.borrow();
        if state.ledger.violations.is_empty() {
            Ok(state.ledger.totals.clone())
        } else {
            Err(state.ledger.story())
        }
    })
}

fn cast(world: &Rc<World>) -> Vec<Actor> {
    let number = {
        let mut state = world.state.borrow_mut();
        let rng = &mut state.rng;
        let number = rng.usize(3..=6);
        let trusted = rng.bool();
        (state.version, state.restamps) = match (trusted, state.rng.u8(0..3)) {
            (true, _) => (Some((1, 25 + state.rng.u32(0..9))), true),
            (false, 0) => (None, true),
            (false, _) => (Some((1, state.rng.u32(18..25))), false),
        };
        state.date = match state.rng.u8(0..6) {
            0 => Date::Missing,
            1 => Date::Off(state.rng.i64(-60..=60)),
            2 => Date::Off(state.rng.i64(-900_000_000..=900_000_000)),
            3 => Date::Cached(epoch() + SignedDuration::from_secs(state.rng.i64(-60..=60))),
            _ => Date::Off(0),
        };
        state.observed_only = state.rng.u8(0..6) == 0;
        let apart = match state.rng.usize(0..3) {
            _ if state.observed_only => 86_400_000,
            0 => 1,
            1 => 1000,
            _ => 30_000,
        };
        state.server_skew = millis(state.rng.u64(0..=apart));
        state.refuses_dry_run = state.rng.u8(0..5) == 0;
        state.fates.weather = Some(Weather {
            mishaps: [0, 20, 100, 300][state.rng.usize(0..4)],
            latency: [3, 20, 150, 600][state.rng.usize(0..4)],
            sick_watches: [0, 30, 100][state.rng.usize(0..3)],
            late: [0, 0, 400, 1200][state.rng.usize(0..4)],
        });
        number
    };
    if world.state.borrow_mut().rng.bool() {
        world.create(5);
    }
    (0..number)
        .map(|client| {
            let (rate, wall) = {
                let rng = &mut world.state.borrow_mut().rng;
                let wall = match rng.u8(0..6) {
                    0 => Wall::Skewed(rng.i64(-4..=4)),
                    1 => Wall::Skewed(rng.i64(-8000..=8000)),
                    2 => Wall::Skewed(rng.i64(-900_000_000..=900_000_000)),
                    3 => Wall::Jumping,
                    4 => Wall::Standing,
                    _ => Wall::Coarse,
                };
                (rng.u64(975_000..=1_025_000), wall)
            };
            Actor::new(world, client, rate, wall)
        })
        .collect()
}

/// Outages, freezes, label edits and deletions of a free Lease, until calm comes.
async fn nature(world: Rc<World>, actors: Vec<Actor>, ends: True) {
    let mut edits = 0;
    while world.now() < ends {
        let pause = millis(world.state.borrow_mut().rng.u64(10..3000));
        tokio::time::sleep(pause).await;
        let now = world.now();
        let (what, who, span) = {
            let rng = &mut world.state.borrow_mut().rng;
            (
                rng.u8(0..12),
                rng.usize(0..actors.len()),
                millis(rng.u64(50..12_000)),
            )
        };
        let until = (now + span).min(ends);
        match what {
            0..=2 => {
                let kind = if span.as_millis() % 2 == 0 {
                    Outage::Refused
                } else {
                    Outage::BlackHole
                };
                let hit = if what == 0 {
                    0..actors.len()
                } else {
                    who..who + 1
                };
                world.note(format!("outage for {hit:?} until {until:?}"));
                let mut state = world.state.borrow_mut();
                hit.for_each(|client| {
                    state.fates.outages.insert(client, (until, kind));
                });
            }
            3 | 4 => {
                world.note(format!("actor {who} is frozen until {until:?}"));
                actors[who].clock.freeze_until(until);
            }
            5 if world
                .record()
                .is_some_and(|record| record.holder().is_none()) =>
            {
                world.note("deleted while free");
                world.outsider(|_| None);
            }
            6 | 7
                if world
                    .record()
                    .is_some_and(|record| record.holder().is_none()) =>
            {
                world.claim();
            }
            8 => {
                // A storm of edits.
                for _ in 0..12 {
                    edits += 1;
                    world.edit_label(edits);
                    tokio::time::sleep(millis(15)).await;
                }
            }
            _ => {
                edits += 1;
                world.edit_label(edits);
            }
        }
    }
    let mut state = world.state.borrow_mut();
    if let Some(weather) = &mut state.fates.weather {
        weather.mishaps = 0;
        weather.sick_watches = 0;
        weather.late = 0;
    }
    state.ledger.note(ends, "calm");
}

/// Gets in again and again; once more in calm, and then it is content.
async fn live(actor: Actor, trouble_ends: True, sleepy: bool) {
    let mut actor = actor;
    loop {
        let calm = actor.world.now() >= trouble_ends;
        let (pause, duration, span, leave, steals, limited, interrupted) = {
            let rng = &mut actor.world.state.borrow_mut().rng;
            (
                millis(rng.u64(0..if sleepy && !calm { 150_000 } else { 1500 })),
                [None, Some(2), Some(3), Some(6), Some(12)][rng.usize(0..5)],
                millis(rng.u64(0..9000)),
                if rng.u8(0..4) == 0 {
                    Leave::Crash
                } else {
                    Leave::Release
                },
                // Only one of them is bold.
                actor.client == 0 && rng.u8(0..3) == 0,
                (rng.u8(0..2) == 0).then(|| millis(rng.u64(0..9000))),
                (rng.u8(0..4) == 0).then(|| millis(rng.u64(0..9000))),
            )
        };
        actor.clock.sleep_until(actor.clock.now() + pause).await;
        let (press, interrupt) = interruptible();
        let limits = if calm {
            patient()
        } else {
            if let Some(after) = interrupted {
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(after).await;
                    press.send_modify(|all| all.push(2));
                });
            }
            Limits {
                deadline: limited.map(|after| actor.clock.now() + after),
                once: limited.is_some_and(|after| after < Duration::from_millis(500)),
                insist: false,
                interrupt,
            }
        };
        actor = actor.restarted();
        let result = if steals && !calm && actor.world.record().is_some() {
            actor.steal(duration, &limits).await
        } else {
            actor.acquire(&actor.terms(duration), &limits).await
        };
        if let Ok(grant) = result {
            let (span, leave) = if calm {
                (millis(500), Leave::Release)
            } else {
                (span, leave)
            };
            if actor.stay(grant, span, leave).await && calm {
                return;
            }
        }
    }
}
