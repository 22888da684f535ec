//! Scenarios of a grant that nobody has a use for: whatever comes in between is made to happen, one after the other.

use lease_model::clock::Clock;
use lease_model::lease::operate::{Ended, Failure, Fate, GivingBack, Held, Interrupt, Limits};

use super::scenario;
use crate::actor::{Actor, interrupted, patient};
use crate::checker::Purpose;
use crate::faults::{Outage, RequestFault};
use crate::{secs, sleep};

/// Something that comes in between the grant and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    /// A step that fails.
    Failure(u32),
    /// A bug, at a step.
    Bug(u32),
}

/// The command takes so many steps with its grant, a tenth of a second each.
const STEPS: u32 = 4;

/// Between the write of the grant and the first step's end.
const GRANTED: f64 = 0.09;

fn all() -> impl Iterator<Item = Between> {
    (0..STEPS).flat_map(|step| [Between::Failure(step), Between::Bug(step)])
}

async fn steps(between: Option<Between>) -> Result<(), &'static str> {
    for step in 0..STEPS {
        sleep(0.1).await;
        match between {
            // As an index or an arithmetic would.
            Some(Between::Bug(at)) if at == step => std::panic::panic_any("out of bounds"),
            Some(Between::Failure(at)) if at == step => return Err("no space left"),
            _ => {}
        }
    }
    Ok(())
}

/// Acquires, and takes the steps; what became of the grant, if it was given up.
async fn fate(
    actor: &Actor,
    limits: &Limits,
    between: Option<Between>,
    answers: bool,
) -> Option<Fate> {
    actor.api.begin(Purpose::Acquire);
    let then = async |held: Held<'_>| {
        if answers {
            let _ = held.answer_for();
        }
        steps(between).await
    };
    let terms = actor.terms(None);
    let ended = actor
        .operations
        .acquire(&terms, None, limits, &|_| (), then)
        .await;
    actor.api.begin(Purpose::Keep);
    match (ended, between) {
        (Ok(()), None) => None,
        (Err(Ended::GivenUp { why, fate }), Some(between)) => {
            match (&why, between) {
                (Failure::Failed("no space left"), Between::Failure(_)) => {}
                (Failure::Panicked(text), Between::Bug(_)) if text == "out of bounds" => {}
                _ => panic!("{between:?} ended in {why:?}"),
            }
            Some(fate)
        }
        (ended, _) => panic!("{between:?} ended in {ended:?}"),
    }
}

#[test]
fn a_grant_is_kept_only_if_every_step_after_it_went_well() {
    scenario(15, async |world, [actor, ..]| {
        assert_eq!(fate(&actor, &patient(), None, false).await, None);
        assert_eq!(world.holder().as_deref(), Some("actor-0"));
    });
    for between in all() {
        scenario(15, async |world, [actor, ..]| {
            let fate = fate(&actor, &patient(), Some(between), false).await;
            assert_eq!(fate, Some(Fate::Free), "{between:?}");
            assert_eq!(world.holder(), None, "{between:?}");
            let transitions = world.record().map(|record| record.transitions());
            assert_eq!(transitions, Some(1), "it was granted, and given back");
        });
    }
}

#[test]
fn it_is_given_back_over_faults() {
    for fault in [
        RequestFault::LostRequest,
        RequestFault::LostReply,
        RequestFault::ServerError { done: false },
        RequestFault::ServerError { done: true },
        RequestFault::TooMany(None),
        RequestFault::Refused,
        RequestFault::DoneLate {
            done: secs(2.0),
            reset: Some(secs(0.002)),
        },
    ] {
        for between in all() {
            scenario(15, async |world, [actor, ..]| {
                world.after(GRANTED, move |world| world.fail_replace(0, [fault]));
                let fate = fate(&actor, &patient(), Some(between), false).await;
                assert_eq!(fate, Some(Fate::Free), "{between:?} {fault:?}");
                assert_eq!(world.holder(), None, "{between:?} {fault:?}");
            });
        }
    }
}

#[test]
fn what_another_has_taken_meanwhile_is_left_alone() {
    scenario(15, async |world, [actor, ..]| {
        world.after(GRANTED, |world| {
            world.edit(|object| {
                object["spec"]["holderIdentity"] = "thief".into();
                object["spec"]["leaseTransitions"] = 2.into();
            });
        });
        let last = Between::Failure(STEPS - 1);
        let fate = fate(&actor, &patient(), Some(last), false).await;
        assert_eq!(fate, Some(Fate::Gone));
        assert_eq!(world.holder().as_deref(), Some("thief"));
    });
}

#[test]
fn it_is_said_where_it_cannot_be_given_back() {
    for between in all() {
        scenario(15, async |world, [actor, ..]| {
            world.after(GRANTED, |world| world.cut_off(0, 600.0, Outage::BlackHole));
            let fate = fate(&actor, &patient(), Some(between), false).await;
            assert!(
                matches!(fate, Some(Fate::Open(Some(_)))),
                "{between:?}: {fate:?}"
            );
            let late = "there was nothing left to give back";
            assert!(world.now() < secs(30.0), "{late}");
        });
    }
}

/// Who asked for the end is answered in 15 s, and in 2 s more for each of several: also where each request is waited for in vain.
#[test]
fn the_time_in_which_several_are_given_back_is_that_of_the_end_that_was_asked_for() {
    for (spent, latest) in [(0.0, 15.1), (10.0, 15.1), (15.0, 17.1), (40.0, 42.1)] {
        scenario(15, async |world, [actor, ..]| {
            let grant = actor.take(Some(60)).await;
            world.cut_off(0, 600.0, Outage::BlackHole);
            let asked = actor.operations.clock().now();
            sleep(spent).await;
            let mut patience = GivingBack::since(asked);
            for more in 0..3 {
                let interrupt = Interrupt::never();
                let giving =
                    (actor.operations).give_up_ended(&grant.record, &interrupt, &mut patience);
                assert!(matches!(giving.await, Fate::Open(Some(_))));
                let took = actor.operations.clock().now().since(asked).as_secs_f64();
                let latest = latest + 2.0 * f64::from(more);
                assert!(took <= latest, "{spent} {more}: {took} s, not {latest}");
            }
        });
    }
}

#[test]
fn a_second_signal_ends_the_giving_back() {
    scenario(15, async |world, [actor, ..]| {
        world.after(GRANTED, |world| world.cut_off(0, 600.0, Outage::BlackHole));
        let limits = interrupted(15, &[GRANTED, 1.0]);
        let fate = fate(&actor, &limits, Some(Between::Failure(0)), false).await;
        assert_eq!(fate, Some(Fate::Open(None)));
        assert!(world.now() < secs(2.0));
    });
}

/// A hold that broke off may have a command that runs.
#[test]
fn what_somebody_answers_for_is_not_given_back_behind_their_back() {
    for between in all() {
        scenario(15, async |world, [actor, ..]| {
            let expected = match between {
                Between::Failure(_) => Fate::None,
                Between::Bug(_) => Fate::Kept,
            };
            let fate = fate(&actor, &patient(), Some(between), true).await;
            assert_eq!(fate, Some(expected), "{between:?}");
            assert_eq!(world.holder().as_deref(), Some("actor-0"));
        });
    }
}
