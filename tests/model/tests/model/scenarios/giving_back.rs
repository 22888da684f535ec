//! Scenarios of a grant that nobody has a use for: whatever comes in between is made to happen, one after the other.

use super::{holder, lawful, sleep, world};
use crate::actor::{Actor, interruptible, patient};
use crate::checker::Purpose;
use crate::faults::{Mishap, Outage, Verb};
use crate::{millis, secs, simulate};
use lease_model::lease::operate::{Ended, Failure, Fate, Held, Limits};

/// Something that comes in between the grant and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    /// A step that fails.
    Failure(u32),
    /// A bug, at a step.
    Bug(u32),
}

/// What a command does with a grant: steps of which any may fail.
async fn steps(between: Option<Between>, count: u32) -> Result<u32, &'static str> {
    for step in 0..count {
        sleep(0.1).await;
        if between == Some(Between::Bug(step)) {
            // As an index or an arithmetic would.
            std::panic::panic_any("out of bounds");
        }
        if between == Some(Between::Failure(step)) {
            Err("no space left")?;
        }
    }
    Ok(count)
}

const STEPS: u32 = 4;

fn all() -> impl Iterator<Item = Between> {
    (0..STEPS).flat_map(|step| [Between::Failure(step), Between::Bug(step)])
}

/// Acquires, takes those steps, and says how it ended.
async fn act(
    actor: &Actor,
    limits: &Limits,
    between: Option<Between>,
    answering: bool,
) -> Result<u32, Ended<&'static str>> {
    actor.api.begin(Purpose::Acquire);
    let ended = actor
        .operations
        .acquire(
            &actor.terms(None),
            limits,
            &|_| (),
            async |held: Held<'_>| {
                if answering {
                    let _ = held.answer_for();
                }
                steps(between, STEPS).await
            },
        )
        .await;
    actor.api.begin(Purpose::Keep);
    ended
}

fn fate(ended: Result<u32, Ended<&'static str>>, between: Between) -> Fate {
    match (ended, between) {
        (
            Err(Ended::GivenUp {
                why: Failure::Failed("no space left"),
                fate,
            }),
            Between::Failure(_),
        ) => fate,
        (
            Err(Ended::GivenUp {
                why: Failure::Panicked(text),
                fate,
            }),
            Between::Bug(_),
        ) if text == "out of bounds" => fate,
        (ended, _) => panic!("{between:?} ended in {ended:?}"),
    }
}

#[test]
fn a_grant_is_kept_only_if_every_step_after_it_went_well() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        let ended = act(&actor, &patient(), None, false).await;
        assert!(matches!(ended, Ok(STEPS)), "{ended:?}");
        assert_eq!(holder(&world).as_deref(), Some("actor-0"));
    });
    for between in all() {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::exact(&world, 0);
            let ended = act(&actor, &patient(), Some(between), false).await;
            assert_eq!(fate(ended, between), Fate::Free, "{between:?}");
            assert_eq!(holder(&world), None, "{between:?}");
            let transitions = world.record().map(|record| record.transitions());
            assert_eq!(transitions, Some(1), "it was granted, and given back");
            lawful(&world);
        });
    }
}

#[test]
fn it_is_given_back_over_faults() {
    for (between, mishap) in all().flat_map(|between| {
        [
            Mishap::LostRequest,
            Mishap::LostReply,
            Mishap::ServerError { done: false },
            Mishap::ServerError { done: true },
            Mishap::TooMany(None),
            Mishap::Refused,
            Mishap::DoneLate {
                done: secs(2.0),
                reset: Some(millis(2)),
            },
        ]
        .map(|mishap| (between, mishap))
    }) {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::exact(&world, 0);
            let scripted = world.clone();
            // After the write of the grant, before that of the release.
            tokio::task::spawn_local(async move {
                sleep(0.09).await;
                scripted.mishap(0, Verb::Replace, mishap);
            });
            let ended = act(&actor, &patient(), Some(between), false).await;
            assert_eq!(fate(ended, between), Fate::Free, "{between:?} {mishap:?}");
            assert_eq!(holder(&world), None, "{between:?} {mishap:?}");
            lawful(&world);
        });
    }
}

#[test]
fn what_another_has_taken_meanwhile_is_left_alone() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        let taken = world.clone();
        tokio::task::spawn_local(async move {
            sleep(0.09).await;
            taken.outsider(|object| {
                object.map(|mut object| {
                    object["spec"]["holderIdentity"] = "thief".into();
                    object["spec"]["leaseTransitions"] = 2.into();
                    object
                })
            });
        });
        let between = Between::Failure(STEPS - 1);
        let ended = act(&actor, &patient(), Some(between), false).await;
        assert_eq!(fate(ended, between), Fate::Gone);
        assert_eq!(holder(&world).as_deref(), Some("thief"));
    });
}

#[test]
fn it_is_said_where_it_cannot_be_given_back() {
    for between in all() {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::exact(&world, 0);
            let cut_off = world.clone();
            tokio::task::spawn_local(async move {
                sleep(0.09).await;
                let mut state = cut_off.state.borrow_mut();
                state
                    .fates
                    .outages
                    .insert(0, (secs(600.0), Outage::BlackHole));
            });
            let ended = act(&actor, &patient(), Some(between), false).await;
            let fate = fate(ended, between);
            assert!(matches!(fate, Fate::Open(Some(_))), "{between:?}: {fate:?}");
            assert!(
                world.now() < secs(30.0),
                "there was nothing left to give back"
            );
        });
    }
}

#[test]
fn a_second_signal_ends_the_giving_back() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        let (press, interrupt) = interruptible();
        let cut_off = world.clone();
        tokio::task::spawn_local(async move {
            sleep(0.09).await;
            let outage = (secs(600.0), Outage::BlackHole);
            cut_off.state.borrow_mut().fates.outages.insert(0, outage);
            press.send_modify(|all| all.push(15));
            sleep(1.0).await;
            press.send_modify(|all| all.push(15));
        });
        let limits = Limits {
            interrupt,
            ..patient()
        };
        let between = Between::Failure(0);
        let ended = act(&actor, &limits, Some(between), false).await;
        assert_eq!(fate(ended, between), Fate::Open(None));
        assert!(world.now() < secs(2.0));
    });
}

/// A hold that broke off may have a command that runs.
#[test]
fn what_somebody_answers_for_is_not_given_back_behind_their_back() {
    for between in all() {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::exact(&world, 0);
            let ended = act(&actor, &patient(), Some(between), true).await;
            let expected = match between {
                Between::Failure(_) => Fate::None,
                Between::Bug(_) => Fate::Kept,
            };
            assert_eq!(fate(ended, between), expected, "{between:?}");
            assert_eq!(holder(&world).as_deref(), Some("actor-0"));
        });
    }
}
