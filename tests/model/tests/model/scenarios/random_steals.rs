//! Storms: everybody steals from everybody, hundreds of times, on short durations.

use std::rc::Rc;

use super::{sleep, within, world};
use crate::actor::{Actor, Leave, patient};
use crate::clock::Wall;
use crate::faults::{Mishap, Verb, Weather};
use crate::server::World;
use crate::{millis, secs, simulate};
use lease_model::clock::Clock;
use lease_model::lease::decide::{Ours, StealTerms};

const ACTORS: usize = 4;
const ROUNDS: usize = 12;

/// What a round may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Acquire,
    Steal,
}

async fn rounds(actor: Actor) -> u64 {
    let mut stolen = 0;
    for _ in 0..ROUNDS {
        let (how, duration, span, leave) = {
            let rng = &mut actor.world.state.borrow_mut().rng;
            let how = if rng.u8(0..3) == 0 {
                How::Acquire
            } else {
                How::Steal
            };
            let leave = if rng.u8(0..4) == 0 {
                Leave::Crash
            } else {
                Leave::Release
            };
            (how, 2 + rng.u32(0..2), millis(rng.u64(0..5000)), leave)
        };
        let actor = actor.restarted();
        let limits = within(&actor, 30.0);
        let taken = match how {
            How::Acquire => actor.acquire(&actor.terms(Some(duration)), &limits).await,
            How::Steal => actor.steal(Some(duration), &limits).await,
        };
        if let Ok(grant) = taken {
            stolen += u64::from(how == How::Steal);
            actor.stay(grant, span, leave).await;
        }
    }
    stolen
}

fn cast(world: &Rc<World>) -> Vec<Actor> {
    (0..ACTORS)
        .map(|client| {
            let (rate, wall) = {
                let rng = &mut world.state.borrow_mut().rng;
                let wall = if rng.bool() {
                    Wall::Jumping
                } else {
                    Wall::Skewed(rng.i64(-9000..=9000))
                };
                (rng.u64(990_000..=1_010_000), wall)
            };
            let mut actor = Actor::new(world, client, rate, wall);
            actor.watches = world.state.borrow_mut().rng.bool();
            actor
        })
        .collect()
}

#[test]
fn whoever_steals_from_whoever_steals_never_are_two_inside() {
    let (mut stolen, mut stays) = (0, 0);
    for seed in 0..60 {
        simulate(seed, async {
            let world = World::new(seed);
            world.create(2);
            {
                let mut state = world.state.borrow_mut();
                state.fates.weather = Some(Weather {
                    mishaps: [0, 30, 100][state.rng.usize(0..3)],
                    latency: [3, 20, 100][state.rng.usize(0..3)],
                    sick_watches: [0, 50][state.rng.usize(0..2)],
                    late: [0, 0, 500][state.rng.usize(0..3)],
                });
            }
            let lives: Vec<_> = cast(&world)
                .into_iter()
                .map(|actor| tokio::task::spawn_local(rounds(actor)))
                .collect();
            for life in lives {
                stolen += life.await.expect("a result");
            }
            let state = world.state.borrow();
            stays += state.ledger.totals.stays;
            assert!(
                state.ledger.violations.is_empty(),
                "seed {seed}:\n{}",
                state.ledger.story()
            );
        });
    }
    assert!(
        stolen > 500 && stays > 800,
        "{stolen} stolen, {stays} stays"
    );
}

/// What a person does to a lease that is held.
async fn meddle(world: Rc<World>, thief: Actor) {
    loop {
        let (pause, what) = {
            let rng = &mut world.state.borrow_mut().rng;
            (millis(rng.u64(50..2500)), rng.u8(0..6))
        };
        tokio::time::sleep(pause).await;
        let holder = world.record().and_then(|r| r.holder().map(str::to_owned));
        let Some(holder) = holder else { continue };
        match what {
            // steal --now, and freed soon after.
            0 | 1 => {
                let thief = thief.restarted();
                thief.api.begin(crate::checker::Purpose::Steal);
                let terms = StealTerms {
                    grant: thief.terms(Some(2)).grant,
                    if_holder: None,
                    asks: true,
                    waits: true,
                };
                let limits = within(&thief, 5.0);
                let agree = async |_: &_, _: &_| Ok(());
                let operations = thief.operations.clone();
                if let Ok(stolen) = operations.steal(&terms, &limits, &|_| (), agree).await {
                    sleep(0.2).await;
                    thief.let_go(&Ours::Grant(stolen.grant.record)).await;
                }
            }
            // release --holder
            2 => world.outsider(|object| {
                object.map(|mut object| {
                    if object["spec"]["holderIdentity"] == holder.as_str() {
                        object["spec"]["holderIdentity"] = "".into();
                    }
                    object
                })
            }),
            3 => world.outsider(|_| None),
            // kubectl edit
            4 => world.outsider(|object| {
                object.map(|mut object| {
                    object["spec"]["leaseDurationSeconds"] = 1.into();
                    object
                })
            }),
            _ => world.edit_label(u64::from(what)),
        }
    }
}

#[test]
fn whatever_a_person_does_to_a_held_lease_its_holder_leaves_and_the_next_gets_in() {
    let (mut stays, mut losses) = (0, 0);
    for seed in 0..60 {
        simulate(seed, async {
            let world = world(2);
            world.state.borrow_mut().rng = fastrand::Rng::with_seed(seed);
            world.state.borrow_mut().ledger.lawless = true;
            let actors = cast(&world);
            let thief = Actor::exact(&world, ACTORS);
            for client in 0..ACTORS {
                for _ in 0..5 {
                    world.mishap(client, Verb::Replace, Mishap::LostReply);
                }
            }
            let meddling = tokio::task::spawn_local(meddle(world.clone(), thief));
            let lives: Vec<_> = actors
                .into_iter()
                .map(|actor| {
                    tokio::task::spawn_local(async move {
                        let begun = actor.clock.now();
                        while actor.clock.now().since(begun) < secs(60.0) {
                            let taken = actor.acquire(&actor.terms(Some(2)), &patient()).await;
                            if let Ok(grant) = taken {
                                let span = millis(actor.world.state.borrow_mut().rng.u64(0..4000));
                                actor.stay(grant, span, Leave::Release).await;
                            }
                        }
                    })
                })
                .collect();
            for life in lives {
                let life = tokio::time::timeout(secs(120.0), life).await;
                life.expect("it goes on").expect("a result");
            }
            meddling.abort();
            let state = world.state.borrow();
            stays += state.ledger.totals.stays;
            losses += state.ledger.totals.losses;
            let requests = state.ledger.totals.requests;
            assert!(
                requests < 5000,
                "seed {seed}: {requests} requests in a minute"
            );
        });
    }
    assert!(
        stays > 1000 && losses > 200,
        "{stays} stays, {losses} losses"
    );
}
