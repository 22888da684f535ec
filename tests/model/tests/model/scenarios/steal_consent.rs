//! Scenarios of what a yes to a steal covers, and for how long: replies go astray, and the thief stands still.

use std::cell::Cell;
use std::rc::Rc;

use lease_model::clock::Clock;
use lease_model::lease::decide::{Change, Loss, Refusal, StealTerms};
use lease_model::lease::keeper::{Nature, Other};
use lease_model::lease::operate::{End, Grant, Limits};
use serde_json::json;

use super::scenario;
use crate::actor::{Actor, patient};
use crate::checker::Purpose;
use crate::faults::{RequestFault, Verb};
use crate::world::World;
use crate::{millis, secs, sleep};

/// The reply to the write of a steal gets lost, or not.
const REPLIES: [Option<RequestFault>; 2] = [Some(RequestFault::LostReply), None];

/// As [`scenario`], with a thief, a victim that has fallen silent, and a third.
fn with_silent_victim<T>(
    duration: u32,
    script: impl AsyncFnOnce(&Rc<World>, Actor, Actor) -> T,
) -> T {
    scenario(duration, async |world, [thief, victim, third]| {
        victim.take(None).await;
        sleep(1.0).await;
        script(&world, thief, third).await
    })
}

/// Steals; how it ended, and how often the thief was asked.
async fn steal(thief: &Actor, asks: bool, limits: &Limits) -> (Result<Grant, End>, u32) {
    thief.api.begin(Purpose::Steal);
    let terms = StealTerms {
        asks,
        ..thief.stealing(None)
    };
    let asked = Cell::new(0);
    let agree = async |_: &_, _: &_| {
        asked.set(asked.get() + 1);
        Ok(())
    };
    let operations = &thief.operations;
    let stolen = operations.steal(&terms, limits, &|_| (), agree).await;
    (stolen.map(|stolen| stolen.grant), asked.get())
}

/// The thief stands still until a minute has passed, from when something has happened.
fn freeze_once(world: &Rc<World>, thief: &Actor, happened: impl Fn(&World) -> bool + 'static) {
    let (world, clock) = (world.clone(), thief.clock.clone());
    tokio::task::spawn_local(async move {
        while !happened(&world) {
            tokio::time::sleep(millis(1)).await;
        }
        clock.freeze_until(secs(60.0));
    });
}

fn is_stolen(world: &World) -> bool {
    world.holder().as_deref() == Some("actor-0")
}

#[test]
fn an_old_yes_is_not_for_whoever_took_it_from_the_thief_that_stood_still() {
    for (reply, asks) in REPLIES.into_iter().flat_map(|r| [(r, false), (r, true)]) {
        with_silent_victim(6, async |world, thief, third| {
            world.fail_replace(0, reply);
            freeze_once(world, &thief, is_stolen);
            let waiter = third.wait();
            let stolen = steal(&thief, asks, &patient()).await;
            waiter.granted().await;
            match (stolen, asks && reply.is_some()) {
                // Shown anew, and agreed to again.
                ((Ok(_), 2), true) => {}
                ((Err(End::Lost(Loss::TakenBy { holder: by, .. })), 1), false)
                    if by == "actor-2" =>
                {
                    assert_eq!(world.holder(), Some(by));
                }
                (other, _) => panic!("{reply:?} {asks}: {other:?}"),
            }
        });
    }
}

#[test]
fn an_old_yes_is_not_for_whoever_came_before_the_write() {
    with_silent_victim(6, async |world, thief, third| {
        // The request lies somewhere until long after the client has given up on it.
        thief.clock.freeze_until(secs(1.0));
        world.fail_replace(0, [RequestFault::LostRequest]);
        let waiter = third.wait();
        freeze_once(world, &thief, |world| world.requests(0, Verb::Replace) > 0);
        let (stolen, _) = steal(&thief, false, &patient()).await;
        waiter.granted().await;
        let expected = Refusal::NotAsShown {
            change: Change::Holder(Some("actor-1".into())),
            now: Other {
                holder: "actor-2".into(),
                nature: Nature::Lock,
            },
        };
        assert_eq!(stolen.err(), Some(End::Refused(expected)));
        assert_eq!(world.holder().as_deref(), Some("actor-2"));
    });
}

#[test]
fn a_thief_that_stood_still_and_finds_it_still_its_own_begins_with_a_full_duration() {
    for reply in REPLIES {
        with_silent_victim(6, async |world, thief, _| {
            world.fail_replace(0, reply);
            freeze_once(world, &thief, is_stolen);
            // Even where no time is left for anything else.
            let (stolen, _) = steal(&thief, false, &thief.within(30.0)).await;
            let expires_at = stolen.expect("still ours").expires_at();
            assert!(expires_at > thief.clock.now() + secs(5.0));
            assert!(is_stolen(world));
        });
    }
}

#[test]
fn the_time_to_answer_counts_against_nothing() {
    with_silent_victim(600, async |world, thief, _| {
        world.fail_replace(0, [RequestFault::LostReply]);
        let soon = RequestFault::SlowReply(millis(1));
        world.fail(0, Verb::Get, [soon, RequestFault::Refused]);
        thief.api.begin(Purpose::Steal);
        let clock = &thief.clock;
        let agree = async |_: &_, _: &_| {
            clock.sleep_until(clock.now() + secs(3600.0)).await;
            Ok(())
        };
        let (terms, limits) = (thief.stealing(None), thief.within(30.0));
        let operations = &thief.operations;
        let stolen = operations.steal(&terms, &limits, &|_| (), agree).await;
        assert!(stolen.is_ok(), "{stolen:?}");
    });
}

#[test]
fn a_victim_that_may_not_know_of_a_shorter_duration_is_waited_for_by_the_longer_one() {
    for edited in [json!(2), json!(null)] {
        with_silent_victim(60, async |world, thief, _| {
            thief.api.begin(Purpose::Steal);
            let asked = Cell::new(0);
            let agree = async |_: &_, _: &_| {
                asked.set(asked.get() + 1);
                if asked.get() == 1 {
                    world.edit_spec("leaseDurationSeconds", edited.clone());
                }
                Ok(())
            };
            let (terms, limits) = (thief.stealing(Some(3)), patient());
            let operations = &thief.operations;
            let stolen = operations.steal(&terms, &limits, &|_| (), agree).await;
            assert_eq!(asked.get(), 2);
            let stops = stolen.expect("stolen").stops();
            assert!(stops > thief.clock.now() + secs(58.0));
            assert_eq!(world.recorded_secs(), Some(60));
        });
    }
}
