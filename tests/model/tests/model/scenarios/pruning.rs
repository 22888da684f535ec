//! Scenarios of pruning: whoever renews keeps its Lease, whatever its clock says, and what is dead goes.

use lease_model::lease::decide::Ours;
use lease_model::lease::operate::{CleanedUp, Pruned};

use super::scenario;
use crate::actor::{Actor, patient};
use crate::checker::Purpose;
use crate::clock::Wall;
use crate::faults::{RequestFault, Verb};
use crate::{millis, secs};

/// A holder stays for a minute, by this clock; somebody prunes all the time. When the Lease was deleted.
async fn deleted_at(
    world: &std::rc::Rc<crate::world::World>,
    wall: Wall,
    case: &str,
) -> crate::clock::TrueTime {
    let first = Actor::new(world, 0, 975_000, wall);
    let second = Actor::new(world, 1, 1_025_000, Wall::Skewed(0));
    let grant = first.take(None).await;
    first.hold(grant, 60.0);
    let mut rounds = 0;
    loop {
        rounds += 1;
        match second.prune(3600.0).await {
            Ok(Pruned::Renewed) => {}
            Ok(Pruned::Done) => break,
            other => panic!("{case}: {other:?}"),
        }
        let holder = world.holder();
        assert_eq!(holder.as_deref(), Some("actor-0"), "{case}");
        assert!(world.now() < secs(90.0), "{case}: it is never pruned");
    }
    assert!(rounds > 5, "{case}: {rounds}");
    world.now()
}

#[test]
fn a_live_holder_keeps_its_lease_whatever_its_clock_says_and_a_dead_one_loses_it_soon() {
    let year = 31_536_000;
    let walls = [
        Wall::Skewed(3600),
        Wall::Skewed(-3600),
        Wall::Skewed(-20 * year),
        Wall::Standing,
        Wall::Jumping,
        Wall::Coarse,
    ];
    for wall in walls {
        for (stamps, edits) in [(true, false), (false, false), (true, true), (false, true)] {
            scenario(6, async |world, _| {
                if !stamps {
                    world.server().make_old();
                }
                if edits {
                    world.edit_labels_every(0.7);
                }
                let case = format!("{wall:?} {stamps} {edits}");
                let at = deleted_at(&world, wall, &case).await;
                // It renews every 2 s by a slow clock, and is dead 6 s after the last time.
                assert!(at > secs(63.0) && at < secs(80.0), "{case}: {at:?}");
            });
        }
    }
}

#[test]
fn what_takes_longer_to_prove_than_there_is_time_is_left_at_once() {
    scenario(600, async |world, [first, second, _]| {
        world.server().make_old();
        first.take(None).await;
        let pruned = second.prune(60.0).await;
        assert!(
            matches!(pruned, Ok(Pruned::Unproven(span)) if span == secs(600.0)),
            "{pruned:?}"
        );
        assert!(world.now() < secs(5.0));
        assert_eq!(world.holder().as_deref(), Some("actor-0"));
    });
}

#[test]
fn a_lease_that_somebody_edits_all_the_time_is_left_after_a_few_tries_to_clean_it_up() {
    scenario(6, async |world, [actor, ..]| {
        let grant = actor.take(None).await.record;
        let (ours, limits) = (Ours::Grant(grant.clone()), patient());
        let released = (actor.operations).release(&ours, true, &limits, &|_| ());
        released.await.expect("released");
        world.edit_labels_every(0.001);
        actor.api.begin(Purpose::Outsider);
        world.fail(0, Verb::Get, [RequestFault::SlowReply(millis(5)); 20]);
        let queue = actor.queue(false);
        let cleaned = (actor.operations).clean_up(&grant, &queue, &limits, &|_| ());
        assert_eq!(cleaned.await, Ok(CleanedUp::Edited));
        assert_eq!(world.requests(0, Verb::Delete), 5);
        assert!(world.record().is_some());
    });
}
