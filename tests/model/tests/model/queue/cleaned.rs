//! `hold --cleanup`, and who stands in line for what it would delete.

use lease_model::lease::decide::Ours;
use lease_model::lease::operate::{CleanedUp, End};

use lease_model::clock::Clock;

use super::scenarios::behind_a_holder;
use super::until_they_stand;
use crate::actor::{Actor, Waiter, patient};
use crate::faults::{RequestFault, Verb};
use crate::world::World;
use crate::{secs, simulate, sleep};

const FAILS: RequestFault = RequestFault::ServerError { done: false };

/// Releases what the holder has, and cleans up.
async fn cleaned(holder: &Actor, world: &World) -> Result<CleanedUp, End> {
    let record = world.record().expect("held");
    let (ours, mut limits) = (Ours::Grant(record.clone()), patient());
    let released = (holder.operations).release(&ours, true, &limits, &|_| ());
    released.await.expect("released");
    limits.deadline = Some(holder.clock.now() + secs(6.5));
    let queue = holder.queue(false);
    let cleaned = (holder.operations).clean_up(&record, &queue, &limits, &|_| ());
    cleaned.await
}

/// A holder, behind it one that dies, and those who live.
async fn behind_the_dead(
    world: &std::rc::Rc<World>,
    living: usize,
) -> (Actor, Vec<(Actor, Waiter)>) {
    let (holder, waiters) = behind_a_holder(world, living + 1).await;
    holder.take(None).await;
    let first = waiters[0].clone();
    let dies =
        tokio::task::spawn_local(
            async move { first.acquire(&first.terms(None), &patient()).await },
        );
    until_they_stand(world, 1).await;
    let mut all = Vec::new();
    for waiter in waiters.into_iter().skip(1) {
        let waits = waiter.wait();
        all.push((waiter, waits));
        until_they_stand(world, 1 + all.len()).await;
    }
    dies.abort();
    (holder, all)
}

#[test]
fn a_lease_is_left_to_who_lives_behind_the_dead() {
    for faults in [0, 3] {
        simulate(7, async {
            let world = World::new(7);
            let (holder, mut living) = behind_the_dead(&world, 1).await;
            // That it cannot be read who is there does not mean that nobody is.
            world.fail(0, Verb::List, vec![FAILS; faults]);
            let left = cleaned(&holder, &world).await;
            assert!(
                matches!(left, Ok(CleanedUp::InLine(1 | 2) | CleanedUp::Taken(_))),
                "{left:?}"
            );
            let (waiter, waits) = living.remove(0);
            waiter.release(waits.granted().await.0).await;
            world.assert_no_violations();
        });
    }
}

#[test]
fn who_cannot_read_the_line_leaves_the_lease() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, _living) = behind_the_dead(&world, 1).await;
        world.fail(0, Verb::List, vec![FAILS; 10_000]);
        let left = cleaned(&holder, &world).await;
        assert!(
            matches!(left, Err(End::TimedOut { .. } | End::Fault(_))),
            "{left:?}"
        );
        assert_eq!(world.requests(0, Verb::Delete), 0);
    });
}

#[test]
fn the_places_of_the_dead_go_with_the_lease() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, _) = behind_the_dead(&world, 0).await;
        let began = world.now();
        assert_eq!(cleaned(&holder, &world).await, Ok(CleanedUp::Deleted));
        assert!(world.now() - began < secs(1.5 + 15.0 + 3.0));
        assert_eq!(world.server().line.all().len(), 0);
        assert!(world.record().is_none());
    });
}

#[test]
fn looks_that_are_far_apart_prove_nobody_dead() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 1).await;
        holder.take(None).await;
        let waits = waiters[0].wait();
        until_they_stand(&world, 1).await;
        // Whoever waits and whoever cleans up do not run for as long as a ticket lasts, and then a little, at the same time.
        waiters[0].clock.freeze_until(world.now() + secs(20.0));
        let frozen = holder.clock.clone();
        let now = world.now();
        let freezes = tokio::task::spawn_local(async move {
            sleep(2.2).await;
            frozen.freeze_until(now + secs(19.0));
        });
        let left = cleaned(&holder, &world).await;
        freezes.await.expect("it ends");
        assert!(!matches!(left, Ok(CleanedUp::Deleted)), "{left:?}");
        waiters[0].release(waits.granted().await.0).await;
    });
}
