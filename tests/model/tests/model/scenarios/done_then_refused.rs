//! Scenarios of a write that was carried out and answered with a refusal: something on the way sent it twice.

use super::{holder, lawful, sleep, taken, waiting, within, world};
use crate::actor::{Actor, Leave, patient};
use crate::checker::Purpose;
use crate::faults::{Mishap, Verb};
use crate::{secs, simulate};
use lease_model::clock::Clock;
use lease_model::lease::api::Fault;
use lease_model::lease::decide::Ours;
use lease_model::lease::operate::{End, Interrupt, Limits, Returned};

const ALL: std::ops::Range<u8> = 0..6;

/// 429 and 409 may be better the next time.
fn is_transient(which: u8) -> bool {
    matches!(which, 0 | 5)
}

fn once() -> Limits {
    Limits {
        deadline: None,
        once: true,
        insist: false,
        interrupt: Interrupt::never(),
    }
}

#[test]
fn a_grant_is_kept_where_it_may_be_tried_again_and_given_back_else() {
    for which in ALL {
        for (tries_once, creates) in [(false, false), (false, true), (true, false), (true, true)] {
            simulate(1, async {
                let world = world(20);
                let actor = Actor::exact(&world, 0);
                let terms = actor.terms(Some(20));
                let verb = if creates {
                    world.outsider(|_| None);
                    Verb::Create
                } else {
                    Verb::Replace
                };
                world.mishap(0, verb, Mishap::DoneThenRefused(which));
                let limits = if tries_once {
                    once()
                } else {
                    within(&actor, 10.0)
                };
                let case = (which, tries_once, creates);
                match actor.acquire(&terms, &limits).await {
                    Ok(_) => {
                        assert!(is_transient(which) && !tries_once, "{case:?}");
                        assert_eq!(holder(&world).as_deref(), Some("actor-0"), "{case:?}");
                    }
                    Err(end) => {
                        assert!(tries_once || !is_transient(which), "{case:?} {end:?}");
                        assert!(
                            matches!(end, End::Fault(Fault::Rejected(_))),
                            "{case:?} {end:?}"
                        );
                        assert_eq!(holder(&world), None, "{case:?}: a ghost");
                    }
                }
                lawful(&world);
            });
        }
    }
}

#[test]
fn what_was_stolen_is_known_to_be() {
    for which in ALL {
        simulate(1, async {
            let world = world(4);
            let (victim, thief) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            taken(&victim, None).await;
            world.mishap(1, Verb::Replace, Mishap::DoneThenRefused(which));
            thief.steal(None, &patient()).await.expect("stolen");
            assert_eq!(holder(&world).as_deref(), Some("actor-1"));
            lawful(&world);
        });
    }
}

#[test]
fn a_release_that_happened_is_one() {
    for which in ALL {
        simulate(1, async {
            let world = world(20);
            let actor = Actor::exact(&world, 0);
            let grant = taken(&actor, None).await;
            world.mishap(0, Verb::Replace, Mishap::DoneThenRefused(which));
            let returned = (actor
                .operations
                .give_grant_back(&grant, &within(&actor, 10.0)))
            .await;
            assert!(matches!(returned, Returned::Freed), "{which} {returned:?}");
            taken(&actor, None).await;
            world.mishap(0, Verb::Replace, Mishap::DoneThenRefused(which));
            actor.api.begin(Purpose::Keep);
            let ours = Ours::Identity("actor-0".parse().expect("a holder"));
            let released = (actor.operations)
                .release(&ours, false, &once(), &|_| ())
                .await;
            released.unwrap_or_else(|end| panic!("{which} {end:?}"));
            assert_eq!(holder(&world), None);
            lawful(&world);
        });
    }
}

#[test]
fn a_renewal_that_happened_costs_no_grant() {
    for which in ALL {
        simulate(1, async {
            let world = world(6);
            let actor = Actor::exact(&world, 0);
            let grant = taken(&actor, None).await;
            world.mishap(0, Verb::Replace, Mishap::DoneThenRefused(which));
            let inside = actor.clock.now();
            assert!(actor.stay(grant, secs(20.0), Leave::Crash).await, "{which}");
            assert!(actor.clock.now().since(inside) >= secs(19.0));
            lawful(&world);
        });
    }
}

#[test]
fn a_release_that_happened_is_one_though_a_waiter_was_faster_than_the_look() {
    // A conflict may be somebody else's doing, and then it was lost.
    for which in ALL.take(5) {
        simulate(1, async {
            let world = world(20);
            let (actor, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            let grant = taken(&actor, None).await;
            let waiter = waiting(&second);
            sleep(1.0).await;
            world.mishap(0, Verb::Replace, Mishap::DoneThenRefused(which));
            // The look comes when the waiter is in.
            world.mishap(0, Verb::Get, Mishap::TooMany(None));
            world.mishap(0, Verb::Get, Mishap::TooMany(None));
            let returned = (actor
                .operations
                .give_grant_back(&grant, &within(&actor, 10.0)))
            .await;
            waiter.await.expect("a result").0.expect("a grant");
            assert!(matches!(returned, Returned::Freed), "{which} {returned:?}");
            assert_eq!(holder(&world).as_deref(), Some("actor-1"));
            lawful(&world);
        });
    }
}
