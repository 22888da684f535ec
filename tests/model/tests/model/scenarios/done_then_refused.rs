//! Scenarios of a write that was carried out and answered with a refusal: something on the way sent it twice.

use lease_model::clock::Clock;
use lease_model::lease::api::Fault;
use lease_model::lease::operate::{End, Returned};

use super::scenario;
use crate::actor::{once, patient};
use crate::checker::Purpose;
use crate::faults::{RequestFault, Verb};
use crate::stay::Leave;
use crate::{secs, sleep};

/// By the numbers that [`RequestFault::DoneThenRefused`] goes by.
const ALL: std::ops::Range<u8> = 0..6;

/// 429 and 409 may be better the next time.
fn is_transient(which: u8) -> bool {
    matches!(which, 0 | 5)
}

#[test]
fn a_grant_is_kept_where_it_may_be_tried_again_and_given_back_else() {
    for which in ALL {
        for (tries_once, creates) in [(false, false), (false, true), (true, false), (true, true)] {
            scenario(20, async |world, [actor, ..]| {
                let verb = if creates { Verb::Create } else { Verb::Replace };
                if creates {
                    world.delete();
                }
                world.fail(0, verb, [RequestFault::DoneThenRefused(which)]);
                let limits = if tries_once {
                    once()
                } else {
                    actor.within(10.0)
                };
                let case = (which, tries_once, creates);
                let kept = is_transient(which) && !tries_once;
                match actor.acquire(&actor.terms(Some(20)), &limits).await {
                    Ok(_) if kept => {
                        assert_eq!(world.holder().as_deref(), Some("actor-0"), "{case:?}");
                    }
                    Err(End::Fault(Fault::Rejected(_))) if !kept => {
                        assert_eq!(world.holder(), None, "{case:?}: a ghost");
                    }
                    other => panic!("{case:?}: {other:?}"),
                }
            });
        }
    }
}

#[test]
fn what_was_stolen_is_known_to_be() {
    for which in ALL {
        scenario(4, async |world, [victim, thief, _]| {
            victim.take(None).await;
            world.fail_replace(1, [RequestFault::DoneThenRefused(which)]);
            thief.steal(None, &patient()).await.expect("stolen");
            assert_eq!(world.holder().as_deref(), Some("actor-1"));
        });
    }
}

#[test]
fn a_release_that_happened_is_one() {
    for which in ALL {
        scenario(20, async |world, [actor, ..]| {
            let grant = actor.take(None).await;
            world.fail_replace(0, [RequestFault::DoneThenRefused(which)]);
            let (operations, limits) = (&actor.operations, actor.within(10.0));
            let returned = operations.give_grant_back(&grant, &limits, &|_| ()).await;
            assert!(
                matches!(returned, Returned::Freed(_)),
                "{which} {returned:?}"
            );
            actor.take(None).await;
            world.fail_replace(0, [RequestFault::DoneThenRefused(which)]);
            actor.api.begin(Purpose::Keep);
            let ours = actor.identity();
            let released = operations.release(&ours, false, &once(), &|_| ()).await;
            released.unwrap_or_else(|end| panic!("{which} {end:?}"));
            assert_eq!(world.holder(), None);
        });
    }
}

#[test]
fn a_renewal_that_happened_costs_no_grant() {
    for which in ALL {
        scenario(6, async |world, [actor, ..]| {
            let grant = actor.take(None).await;
            world.fail_replace(0, [RequestFault::DoneThenRefused(which)]);
            let inside = actor.clock.now();
            assert!(actor.stay(grant, secs(20.0), Leave::Crash).await, "{which}");
            assert!(actor.clock.now().since(inside) >= secs(19.0));
        });
    }
}

#[test]
fn a_release_that_happened_is_one_though_a_waiter_was_faster_than_the_look() {
    // A conflict may be somebody else's doing, and then it was lost.
    for which in ALL.take(5) {
        scenario(20, async |world, [actor, second, _]| {
            let grant = actor.take(None).await;
            let waiter = second.wait();
            sleep(1.0).await;
            world.fail_replace(0, [RequestFault::DoneThenRefused(which)]);
            // The look comes when the waiter is in.
            world.fail(0, Verb::Get, [RequestFault::TooMany(None); 2]);
            let (operations, limits) = (&actor.operations, actor.within(10.0));
            let returned = operations.give_grant_back(&grant, &limits, &|_| ()).await;
            waiter.granted().await;
            assert!(
                matches!(returned, Returned::Freed(_)),
                "{which} {returned:?}"
            );
            assert_eq!(world.holder().as_deref(), Some("actor-1"));
        });
    }
}
