//! Random simulations of a queue, each from a seed: waiters come, die, freeze and give up in any order.

use std::cell::Cell;
use std::rc::Rc;

use fastrand::Rng;
use lease_model::lease::operate::End;
use tokio::task::{JoinHandle, spawn_local};

use super::{longest_idle, to_be_had_since};
use crate::actor::{Actor, interrupted, patient};
use crate::checker::Event;
use crate::clock::TrueTime;
use crate::random::{
    Played, any_wall, one_of, outside_events, play_all, random_limits, randomize, seeds,
};
use crate::stay::Leave;
use crate::world::World;
use crate::{secs, simulate, sleep};

/// How many of each kind are played.
const SEEDS: u64 = 150;

/// The duration of the Lease.
const DURATION: u32 = 5;

#[test]
fn nobody_is_overtaken_and_the_lease_is_not_idle_while_waiters_come_die_freeze_and_give_up() {
    let asked = seeds();
    let total = play_all(asked.clone().unwrap_or(0..SEEDS), |seed| {
        play(seed, Sky::Clear)
    });
    assert!(
        asked.is_some() || total.of(Event::Grant) > SEEDS * 20,
        "hardly anything happened: {total:?}"
    );
}

#[test]
fn nobody_is_overtaken_and_all_get_in_whatever_clocks_requests_and_watches_do() {
    let asked = seeds();
    let total = play_all(asked.clone().unwrap_or(0..SEEDS), |seed| {
        play(seed, Sky::Any)
    });
    assert!(
        asked.is_some() || total.of(Event::Grant) > SEEDS * 10,
        "hardly anything happened: {total:?}"
    );
}

/// What goes wrong beside the waiters themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sky {
    /// Nothing.
    Clear,
    /// Requests, watches and clocks, and outsiders edit and delete.
    Any,
}

/// What all of a simulation share.
struct Street {
    world: Rc<World>,
    sky: Sky,
    faults_end: TrueTime,
    /// When a waiter was last kept from going on: by its death, a freeze, or by giving up.
    disturbed: Cell<TrueTime>,
    /// So many wait in line who are alive.
    waiting: Cell<usize>,
}

impl Street {
    fn disturb(&self, until: TrueTime) {
        self.disturbed.set(self.disturbed.get().max(until));
    }
}

fn play(seed: u64, sky: Sky) -> Played {
    simulate(seed, async move {
        let mut rng = Rng::with_seed(seed);
        let world = World::new(seed);
        match sky {
            Sky::Any => randomize(&world),
            Sky::Clear if rng.bool() => world.server().make_old(),
            Sky::Clear => {}
        }
        world.create(DURATION);
        world.server().line.told_within = secs(60.0);
        let street = Rc::new(Street {
            world: world.clone(),
            sky,
            faults_end: secs(60.0),
            disturbed: Cell::default(),
            waiting: Cell::default(),
        });
        let number = rng.usize(3..=9);
        let actors: Vec<Actor> = (0..number)
            .map(|client| {
                let (rate, wall) = (rng.u64(975_000..=1_025_000), any_wall(&mut rng));
                Actor::new(&world, client, rate, wall)
            })
            .collect();
        let outside = match sky {
            Sky::Any => spawn_local(outside_events(
                world.clone(),
                actors.clone(),
                street.faults_end,
            )),
            Sky::Clear => spawn_local(watch_idle(street.clone())),
        };
        let lives: Vec<JoinHandle<()>> = actors
            .into_iter()
            .map(|actor| spawn_local(live(street.clone(), actor, rng.fork())))
            .collect();
        for life in lives {
            let ended = tokio::time::timeout(secs(900.0), life).await;
            if !matches!(ended, Ok(Ok(()))) {
                world.violation("a waiter makes no progress though nothing fails");
            }
        }
        outside.abort();
        sleep(20.0).await;
        let checker = &world.server().checker;
        let result = match checker.violations.is_empty() {
            true => Ok(()),
            false => Err(checker.story()),
        };
        (seed, checker.counts.clone(), result)
    })
}

/// Somebody who waits in line again and again, each time as another process; once more after the faults.
async fn live(street: Rc<Street>, actor: Actor, mut rng: Rng) {
    let world = &street.world;
    for life in 0.. {
        let calm = world.now() >= street.faults_end;
        sleep(rng.f64() * 4.0).await;
        let place = if rng.u8(0..4) == 0 {
            rng.i32(-1..=2)
        } else {
            0
        };
        let process = actor.reborn(life).of_priority(place);
        // Some do not queue.
        let queues = calm || rng.u8(0..8) > 0;
        let process = if queues {
            process
        } else {
            Actor {
                place: None,
                ..process
            }
        };
        let limits = match (calm, street.sky) {
            (true, _) => patient(),
            (false, Sky::Any) => random_limits(&process, &mut rng),
            (false, Sky::Clear) => match rng.u8(0..6) {
                0 => process.within(rng.f64() * 20.0),
                1 => interrupted(2, &[rng.f64() * 20.0]),
                _ => patient(),
            },
        };
        street
            .waiting
            .set(street.waiting.get() + usize::from(queues));
        if place > 0 {
            // Whoever goes before all others has to watch a dead holder for itself, for as long as they have.
            street.disturb(world.now() + secs(1.0));
        }
        let fate = if calm { 9 } else { rng.u8(0..10) };
        let acquiring = {
            let process = process.clone();
            spawn_local(async move { process.acquire(&process.terms(None), &limits).await })
        };
        let abort = acquiring.abort_handle();
        let after = secs(rng.f64() * 15.0);
        let (clock, of) = (process.clock.clone(), street.clone());
        let fated = spawn_local(async move {
            tokio::time::sleep(after).await;
            let now = of.world.now();
            match fate {
                // Killed: what it has sent may still arrive.
                0 | 1 => {
                    abort.abort();
                    of.disturb(now);
                }
                2 | 3 => {
                    let span = secs(
                        Rng::with_seed(u64::from(fate) + now.subsec_nanos() as u64).f64() * 9.0,
                    );
                    clock.freeze_until(now + span);
                    of.disturb(now + span + secs(f64::from(DURATION)));
                }
                _ => {}
            }
        });
        let acquired = acquiring.await;
        street
            .waiting
            .set(street.waiting.get() - usize::from(queues));
        fated.abort();
        match acquired {
            // It was killed.
            Err(_) => {
                world.note(format!("{} is dead", process.name));
                street.disturb(world.now());
            }
            Ok(Ok(grant)) => {
                let leave = one_of(
                    &mut rng,
                    &[Leave::Release, Leave::Release, Leave::Release, Leave::Crash],
                );
                let leave = if calm { Leave::Release } else { leave };
                let stayed = process.stay(grant, secs(rng.f64() * 3.0), leave).await;
                if leave == Leave::Crash {
                    street.disturb(world.now());
                }
                if stayed && calm {
                    return;
                }
            }
            Ok(Err(end)) => {
                street.disturb(world.now());
                let by_design = matches!(
                    end,
                    End::TimedOut { .. } | End::Interrupted(_) | End::Lost(_)
                );
                if !by_design && street.sky == Sky::Clear {
                    world.violation(format!("{}: {end:?}", process.name));
                }
            }
        }
    }
}

/// Watches that the Lease is not idle for too long while somebody who is alive waits in line.
async fn watch_idle(street: Rc<Street>) {
    let world = &street.world;
    let (mut last, mut renewed, mut told) = (None, world.now(), false);
    loop {
        sleep(0.05).await;
        let observed = world.record().map(|record| record.observed_record());
        if last != observed {
            (last, renewed, told) = (observed, world.now(), false);
        }
        let Some(since) = to_be_had_since(world, renewed) else {
            continue;
        };
        if street.waiting.get() == 0 {
            street.disturb(world.now());
        }
        let since = since.max(street.disturbed.get());
        let idle = world.now().saturating_sub(since);
        if idle > longest_idle(f64::from(DURATION)) && !told {
            told = true;
            let waiting = street.waiting.get();
            world.violation(format!("idle since {since:?} while {waiting} wait in line"));
        }
    }
}
