//! Random simulations of what is rare elsewhere: everybody steals from everybody, and people meddle with a held Lease.

use std::rc::Rc;

use fastrand::Rng;
use lease_model::clock::Clock;
use tokio::task::spawn_local;

use crate::actor::{Actor, patient};
use crate::checker::{Counts, Event, Purpose};
use crate::clock::Wall;
use crate::faults::RequestFault;
use crate::histories::{Draw, played};
use crate::random::{one_of, seeds};
use crate::stay::Leave;
use crate::world::World;
use crate::{millis, secs, simulate, sleep};

const ACTORS: usize = 4;

fn random_actors(world: &Rc<World>) -> Vec<Actor> {
    (0..ACTORS)
        .map(|client| {
            let mut rng = world.server().rng.fork();
            let skewed = Wall::Skewed(rng.i64(-9000..=9000));
            let wall = one_of(&mut rng, &[Wall::Jumping, skewed]);
            Actor {
                watches: rng.bool(),
                lingers: millis(rng.u64(0..1500)),
                ..Actor::new(world, client, rng.u64(990_000..=1_010_000), wall)
            }
        })
        .collect()
}

#[test]
fn whoever_steals_from_whoever_steals_never_are_two_inside() {
    let (counts, _) = played(Draw::Stealing);
    if seeds().is_some() {
        return;
    }
    assert!(counts.of(Event::Steal) > 500, "{counts:?}");
    assert!(counts.of(Event::Acknowledge) > 100, "{counts:?}");
    assert!(counts.of(Event::Stay) > 800, "{counts:?}");
}

/// What a person does to a lease that is held.
async fn meddle(world: Rc<World>, thief: Actor) {
    loop {
        let mut rng = world.server().rng.fork();
        tokio::time::sleep(millis(rng.u64(50..2500))).await;
        if world.holder().is_none() {
            continue;
        }
        match rng.u8(0..6) {
            0 | 1 => steal_now_and_release(&thief.restarted()).await,
            2 => world.edit_spec("holderIdentity", ""),
            3 => world.delete(),
            4 => world.edit_spec("leaseDurationSeconds", 1),
            edit => world.edit_label(edit.into()),
        }
    }
}

async fn steal_now_and_release(thief: &Actor) {
    thief.api.begin(Purpose::Steal);
    let (terms, limits) = (thief.stealing(Some(2)), thief.within(5.0));
    let agree = async |_: &_, _: &_| Ok(());
    let operations = &thief.operations;
    if let Ok(stolen) = operations.steal(&terms, &limits, &|_| (), agree).await {
        sleep(0.2).await;
        thief.release(stolen.grant).await;
    }
}

/// Gets in again and again for a minute.
async fn acquire_again_and_again(actor: Actor, mut rng: Rng) {
    let begun = actor.clock.now();
    while actor.clock.now().since(begun) < secs(60.0) {
        if let Ok(grant) = actor.acquire(&actor.terms(Some(2)), &patient()).await {
            let span = millis(rng.u64(0..4000));
            actor.stay(grant, span, Leave::Release).await;
        }
    }
}

#[test]
fn whatever_a_person_does_to_a_held_lease_its_holder_leaves_and_the_next_gets_in() {
    let mut counts = Counts::default();
    for seed in 0..60 {
        simulate(seed, async {
            let world = World::new(seed);
            world.create(2);
            world.server().checker.holders_are_fair_game = true;
            let thief = Actor::exact(&world, ACTORS);
            let meddling = spawn_local(meddle(world.clone(), thief));
            let lives = random_actors(&world).into_iter().map(|actor| {
                world.fail_replace(actor.client, [RequestFault::LostReply; 5]);
                let rng = world.server().rng.fork();
                spawn_local(acquire_again_and_again(actor, rng))
            });
            for life in lives.collect::<Vec<_>>() {
                let life = tokio::time::timeout(secs(120.0), life).await;
                life.expect("it goes on").expect("a result");
            }
            meddling.abort();
            let of_seed = &world.server().checker.counts;
            let requests = of_seed.of(Event::Request);
            assert!(requests < 5000, "seed {seed}: {requests} in a minute");
            counts.add_all(of_seed);
        });
    }
    assert!(counts.of(Event::Stay) > 1000, "{counts:?}");
    assert!(counts.of(Event::Loss) > 200, "{counts:?}");
}
