//! Scenarios of acquire and create whose writes go astray: recognised, or given back.

use super::super::actor::{Actor, interruptible, patient};
use super::super::clock::Wall;
use super::super::faults::{Mishap, Outage, Verb};
use super::super::ledger::Purpose;
use super::super::server::World;
use super::super::{millis, secs, simulate};
use super::{holder, lawful, sleep, taken, within, world};
use crate::clock::Clock;
use crate::lease::decide::Loss;
use crate::lease::operate::{Created, End, Limits};
use crate::lease::record::Lease;
use crate::lease::values::LeaseDuration;

#[test]
fn a_create_whose_reply_is_lost_is_recognised() {
    for mishap in [
        Mishap::LostReply,
        Mishap::ResetAfterDone(millis(20)),
        Mishap::ServerError { done: true },
        Mishap::DoneLate {
            done: millis(900),
            reset: Some(millis(3)),
        },
    ] {
        simulate(1, async {
            let world = World::new(1);
            let actor = Actor::exact(&world, 0);
            world.mishap(0, Verb::Create, mishap);
            let grant = taken(&actor, Some(15)).await;
            assert_eq!(
                (grant.record.holder(), grant.record.transitions()),
                (Some("actor-0"), 1)
            );
            assert_eq!(world.record().map(|record| record.transitions()), Some(1));
            lawful(&world);
        });
    }
}

#[test]
fn the_create_command_recognises_its_own_lease_after_a_lost_reply() {
    simulate(1, async {
        let world = World::new(1);
        let actor = Actor::exact(&world, 0);
        actor.api.begin(Purpose::Outsider);
        world.mishap(0, Verb::Create, Mishap::LostReply);
        let record = Lease::fresh("default", "my-lease", LeaseDuration::constant(60));
        let created = actor
            .operations
            .create(&record, &patient(), &|_| (), async |_| Ok::<_, ()>(()))
            .await;
        assert!(matches!(created, Ok(Created::New(()))), "{created:?}");
    });
}

#[test]
fn a_grant_that_something_holds_back_for_however_long_never_comes_after_the_acquire_has_ended() {
    for (verb, done) in [
        (Verb::Replace, 0.3),
        (Verb::Replace, 4.5),
        (Verb::Replace, 16.0),
        (Verb::Replace, 300.0),
        (Verb::Create, 0.3),
        (Verb::Create, 300.0),
    ] {
        simulate(1, async {
            let world = match verb {
                Verb::Create => World::new(1),
                _ => world(15),
            };
            let actor = Actor::exact(&world, 0);
            let (press, interrupt) = interruptible();
            world.mishap(
                0,
                verb,
                Mishap::DoneLate {
                    done: secs(done),
                    reset: Some(millis(50)),
                },
            );
            tokio::task::spawn_local(async move {
                sleep(0.1).await;
                press.send_modify(|all| all.push(2));
            });
            let limits = Limits {
                interrupt,
                ..patient()
            };
            let end = actor.acquire(&actor.terms(Some(15)), &limits).await;
            assert_eq!(end.err(), Some(End::Interrupted(2)), "{verb:?} {done}");
            assert!(world.now() < secs(2.0), "it waited: {verb:?} {done}");
            assert_eq!(holder(&world), None, "{verb:?} {done}");
            sleep(600.0).await;
            assert_eq!(holder(&world), None, "{verb:?} {done}");
            lawful(&world);
        });
    }
}

#[test]
fn an_acquire_interrupted_with_a_write_in_flight_leaves_no_ghost() {
    for mishap in [
        Mishap::LostRequest,
        Mishap::LostReply,
        Mishap::SlowReply(secs(3.0)),
        Mishap::DoneLate {
            done: secs(4.9),
            reset: None,
        },
    ] {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::exact(&world, 0);
            let (press, interrupt) = interruptible();
            world.mishap(0, Verb::Replace, mishap);
            tokio::task::spawn_local(async move {
                sleep(0.05).await;
                press.send_modify(|all| all.push(15));
            });
            let end = actor
                .acquire(
                    &actor.terms(None),
                    &Limits {
                        interrupt,
                        ..patient()
                    },
                )
                .await;
            assert_eq!(end.err(), Some(End::Interrupted(15)), "{mishap:?}");
            sleep(30.0).await;
            assert_eq!(holder(&world), None, "{mishap:?}");
            lawful(&world);
        });
    }
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_says_that_it_is_unsettled() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        let (press, interrupt) = interruptible();
        world.mishap(0, Verb::Replace, Mishap::LostReply);
        world
            .state
            .borrow_mut()
            .fates
            .outages
            .insert(0, (secs(600.0), Outage::BlackHole));
        world
            .state
            .borrow_mut()
            .fates
            .scripted
            .insert((0, Verb::Get), vec![Mishap::SlowReply(millis(1))]);
        tokio::task::spawn_local(async move {
            sleep(6.0).await;
            press.send_modify(|all| all.push(2));
            sleep(1.0).await;
            press.send_modify(|all| all.push(2));
        });
        let end = actor
            .acquire(
                &actor.terms(None),
                &Limits {
                    interrupt,
                    ..patient()
                },
            )
            .await;
        assert!(matches!(end, Err(End::Unsettled { .. })), "{end:?}");
        assert_eq!(world.now().as_secs(), 7);
    });
}

#[test]
fn a_timeout_with_a_lost_reply_ends_free() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        world.mishap(0, Verb::Replace, Mishap::LostReply);
        let end = actor
            .acquire(&actor.terms(None), &within(&actor, 1.0))
            .await;
        assert!(matches!(end, Err(End::TimedOut { .. })), "{end:?}");
        assert_eq!(holder(&world), None);
        assert!(world.now() < secs(8.0));
        lawful(&world);
    });
}

#[test]
fn an_outage_longer_than_the_lease_just_after_the_grant_does_not_end_the_acquire() {
    simulate(1, async {
        let world = world(3);
        let actor = Actor::exact(&world, 0);
        world.mishap(0, Verb::Replace, Mishap::ResetAfterDone(millis(20)));
        let outage = world.clone();
        tokio::task::spawn_local(async move {
            sleep(0.03).await;
            outage
                .state
                .borrow_mut()
                .fates
                .outages
                .insert(0, (secs(10.0), Outage::Refused));
        });
        let grant = taken(&actor, None).await;
        assert!(
            Actor::deadline(&grant) > actor.clock.now() + secs(1.0),
            "it begins with most of its time"
        );
        assert_eq!(world.record().map(|record| record.transitions()), Some(1));
        lawful(&world);
    });
}

#[test]
fn a_grant_that_cannot_be_renewed_before_it_is_handed_out_is_given_back() {
    simulate(1, async {
        let world = world(3);
        let actor = Actor::exact(&world, 0);
        world.mishap(0, Verb::Replace, Mishap::ResetAfterDone(millis(20)));
        world.mishap(0, Verb::Get, Mishap::SlowReply(millis(1)));
        world.mishap(0, Verb::Get, Mishap::SlowReply(secs(2.0)));
        for _ in 0..10 {
            world.mishap(0, Verb::Replace, Mishap::TooMany(None));
        }
        let end = actor.acquire(&actor.terms(None), &patient()).await;
        assert!(
            matches!(end, Err(End::Lost(Loss::Deadline { .. }))),
            "{end:?}"
        );
        assert_eq!(holder(&world), None);
        lawful(&world);
    });
}

#[test]
fn an_older_grant_of_ones_own_is_not_taken_for_a_write_that_went_astray() {
    for wall in [Wall::Skewed(0), Wall::Standing] {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::new(&world, 0, 1_000_000, wall);
            taken(&actor, None).await;
            // That process dies; the next, with the same identity, waits until its lease has expired.
            world.mishap(0, Verb::Replace, Mishap::LostRequest);
            let grant = actor
                .restarted()
                .acquire(&actor.terms(None), &patient())
                .await
                .expect("a grant");
            assert_eq!(grant.record.transitions(), 2, "{wall:?}");
            assert_eq!(world.record(), Some(grant.record));
            lawful(&world);
        });
    }
}

#[test]
fn a_grant_that_another_process_of_the_same_name_has_written_at_the_same_time_is_not_taken_for_ones_own()
 {
    simulate(1, async {
        let world = world(15);
        let grant = |number: usize| {
            let actor = Actor::new(&world, number, 1_000_000, Wall::Standing);
            let mut terms = actor.terms(None);
            terms.grant.holder = "the-pod".parse().expect("a holder");
            terms.grant.mark = std::time::Duration::from_micros(number as u64);
            (actor, terms)
        };
        let (first, its) = grant(0);
        let (second, others) = grant(1);
        // Both find it free; the second's conflict is not heard.
        world.mishap(0, Verb::Replace, Mishap::SlowReply(millis(1)));
        world.mishap(
            1,
            Verb::Replace,
            Mishap::DoneLate {
                done: millis(20),
                reset: Some(millis(30)),
            },
        );
        let limits = within(&second, 5.0);
        let patient = patient();
        let (taken, waited) = tokio::join!(
            first.operations.obtain(&its, &patient, &|_| ()),
            second.operations.obtain(&others, &limits, &|_| ()),
        );
        let taken = taken.expect("a grant").record;
        assert!(
            matches!(waited, Err(End::TimedOut { .. })),
            "{waited:?} beside {taken:?}"
        );
        assert_eq!(world.record(), Some(taken));
    });
}

#[test]
fn a_re_entry_that_is_interrupted_lets_nobody_in_beside_the_earlier_process() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        taken(&actor, None).await;
        let before = world.record();
        let (press, interrupt) = interruptible();
        world.mishap(0, Verb::Replace, Mishap::LostRequest);
        tokio::task::spawn_local(async move {
            sleep(0.1).await;
            press.send_modify(|all| all.push(2));
        });
        let mut terms = actor.terms(None);
        terms.reenter = true;
        let limits = Limits {
            interrupt,
            ..patient()
        };
        let end = actor.restarted().acquire(&terms, &limits).await;
        assert!(matches!(end, Err(End::Kept(_))), "{end:?}");
        assert_eq!(world.record(), before, "the earlier process has it still");
        lawful(&world);
    });
}

#[test]
fn a_re_entry_that_turns_out_to_have_happened_too_late_is_not_given_back() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        taken(&actor, None).await;
        let (press, interrupt) = interruptible();
        world.mishap(0, Verb::Replace, Mishap::LostReply);
        tokio::task::spawn_local(async move {
            sleep(0.1).await;
            press.send_modify(|all| all.push(2));
        });
        let mut terms = actor.terms(None);
        terms.reenter = true;
        let limits = Limits {
            interrupt,
            ..patient()
        };
        let end = actor.restarted().acquire(&terms, &limits).await;
        assert!(matches!(end, Err(End::Kept(_))), "{end:?}");
        let record = world.record().expect("a Lease");
        assert!(
            record.holder().is_some(),
            "nobody else comes in beside the earlier process"
        );
    });
}
