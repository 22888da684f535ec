//! Scenarios of a holder: renewals and releases over faults.

use serde_json::json;

use super::super::actor::{Actor, Leave};
use super::super::faults::{Mishap, Verb};
use super::super::ledger::Purpose;
use super::super::{millis, secs, simulate};
use super::{holder, holding, lawful, sleep, taken, waiting, within, world};
use crate::lease::decide::{Loss, Ours};
use crate::lease::operate::{Renewal, Renewals};

#[test]
fn a_throttled_renewal_tries_again_before_its_deadline() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        let grant = taken(&actor, None).await;
        sleep(5.0).await;
        world.mishap(0, Verb::Replace, Mishap::TooMany(Some(secs(3600.0))));
        let renewed = actor
            .operations
            .renew_until(&grant, Actor::deadline(&grant))
            .await;
        assert!(renewed.is_ok(), "{renewed:?}");
        lawful(&world);
    });
}

#[test]
fn a_renewal_over_a_lost_reply_keeps_the_grant_and_its_token() {
    for mishap in [
        Mishap::LostReply,
        Mishap::LostRequest,
        Mishap::DoneLate {
            done: secs(3.0),
            reset: Some(millis(2)),
        },
    ] {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::exact(&world, 0);
            let grant = taken(&actor, None).await;
            world.mishap(0, Verb::Replace, mishap);
            let renewed = actor
                .operations
                .renew_until(&grant, Actor::deadline(&grant))
                .await
                .expect("renewed");
            assert_eq!(renewed.fencing_token, grant.fencing_token);
            assert!(renewed.sent_at > grant.sent_at);
            lawful(&world);
        });
    }
}

#[test]
fn a_renewal_that_is_answered_after_the_deadline_is_lost_all_the_same() {
    simulate(1, async {
        let world = world(2);
        let actor = Actor::exact(&world, 0);
        let grant = taken(&actor, None).await;
        sleep(1.0).await;
        world.mishap(0, Verb::Replace, Mishap::SlowReply(secs(1.5)));
        let mut renewals = Renewals::new(&*actor.operations, grant.clone(), None);
        renewals.begin(secs(5.0), grant.expires_at() + secs(5.0));
        let renewal = renewals.next().await;
        assert!(
            matches!(renewal, Renewal::Lost(Loss::Deadline { .. })),
            "{renewal:?}"
        );
    });
}

#[test]
fn a_renewal_never_brings_a_deleted_lease_back_nor_takes_a_stolen_one() {
    for recreated in [false, true] {
        simulate(1, async {
            let world = world(15);
            world.state.borrow_mut().ledger.lawless = true;
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            let grant = taken(&first, None).await;
            world.outsider(|_| None);
            if recreated {
                taken(&second, None).await;
            }
            let renewed = first
                .operations
                .renew_until(&grant, grant.expires_at())
                .await;
            match (recreated, renewed) {
                (false, Err(Loss::Deleted)) => assert_eq!(holder(&world), None),
                (true, Err(Loss::Recreated { .. })) => {
                    assert_eq!(holder(&world).as_deref(), Some("actor-1"))
                }
                (_, other) => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn a_frozen_holder_wakes_to_a_lost_lease_and_writes_nothing() {
    simulate(1, async {
        let world = world(3);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let grant = taken(&first, None).await;
        let stays = holding(&first, grant, 60.0);
        let waiter = waiting(&second);
        sleep(1.0).await;
        first.clock.freeze_until(secs(20.0));
        let grant = waiter.await.expect("a result").0.expect("a grant");
        second.stay(grant, secs(30.0), Leave::Release).await;
        assert!(!stays.await.expect("a result"));
        lawful(&world);
    });
}

#[test]
fn a_release_whose_reply_is_lost_is_done_once() {
    for mishap in [
        Mishap::LostReply,
        Mishap::ServerError { done: true },
        Mishap::DoneLate {
            done: secs(2.0),
            reset: Some(millis(1)),
        },
    ] {
        simulate(1, async {
            let world = world(15);
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            let grant = taken(&first, None).await;
            world.mishap(0, Verb::Replace, mishap);
            let waiter = waiting(&second);
            let ours = Ours::Grant(grant.record);
            first.api.begin(Purpose::Keep);
            let result = first
                .operations
                .release(&ours, false, &within(&first, 30.0), &|_| ())
                .await;
            assert!(result.is_ok(), "{mishap:?} {result:?}");
            waiter.await.expect("a result").0.expect("a grant");
            sleep(10.0).await;
            assert_eq!(holder(&world).as_deref(), Some("actor-1"));
            lawful(&world);
        });
    }
}

#[test]
fn a_grant_whose_duration_is_edited_meanwhile_is_kept_by_the_duration_it_was_granted_with() {
    for edited in [json!(null), json!(0), json!(-15), json!(600)] {
        simulate(1, async {
            let world = world(15);
            let actor = Actor::exact(&world, 0);
            let grant = taken(&actor, None).await;
            let stays = {
                let actor = actor.clone();
                tokio::task::spawn_local(async move {
                    actor.stay(grant, secs(60.0), Leave::Release).await
                })
            };
            for _ in 0..3 {
                sleep(7.0).await;
                let value = edited.clone();
                world.outsider(|object| {
                    object.map(|mut object| {
                        object["spec"]["leaseDurationSeconds"] = value;
                        object
                    })
                });
            }
            sleep(7.0).await;
            let recorded = world.record().and_then(|record| record.duration());
            let expected = edited.as_u64().filter(|longer| *longer > 0).unwrap_or(15);
            assert_eq!(recorded.map(|d| u64::from(d.as_secs())), Some(expected));
            assert!(stays.await.expect("a result"), "lost after {edited}");
            lawful(&world);
        });
    }
}
