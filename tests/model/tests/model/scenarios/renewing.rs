//! Scenarios of a holder: renewals and releases over faults.

use std::time::Duration;

use lease_model::lease::decide::{Loss, Ours};
use lease_model::lease::operate::{Renewal, Renewals};
use serde_json::json;

use super::scenario;
use crate::actor::Actor;
use crate::checker::Purpose;
use crate::faults::RequestFault;
use crate::stay::Leave;
use crate::{secs, sleep};

const DONE_LATE: RequestFault = RequestFault::DoneLate {
    done: Duration::from_secs(3),
    reset: Some(Duration::from_millis(2)),
};

#[test]
fn a_throttled_renewal_tries_again_before_its_deadline() {
    scenario(15, async |world, [actor, ..]| {
        let grant = actor.take(None).await;
        sleep(5.0).await;
        world.fail_replace(0, [RequestFault::TooMany(Some(secs(3600.0)))]);
        let deadline = Actor::deadline(&grant);
        let renewed = actor.operations.renew_until(&grant, deadline).await;
        assert!(renewed.is_ok(), "{renewed:?}");
    });
}

#[test]
fn a_renewal_over_a_lost_reply_keeps_the_grant_and_its_token() {
    for fault in [
        RequestFault::LostReply,
        RequestFault::LostRequest,
        DONE_LATE,
    ] {
        scenario(15, async |world, [actor, ..]| {
            let grant = actor.take(None).await;
            world.fail_replace(0, [fault]);
            let deadline = Actor::deadline(&grant);
            let renewed = actor.operations.renew_until(&grant, deadline).await;
            let renewed = renewed.expect("renewed");
            assert_eq!(renewed.fencing_token, grant.fencing_token);
            assert!(renewed.sent_at > grant.sent_at);
        });
    }
}

#[test]
fn a_renewal_that_is_answered_after_the_deadline_is_lost_all_the_same() {
    scenario(2, async |world, [actor, ..]| {
        let grant = actor.take(None).await;
        sleep(1.0).await;
        world.fail_replace(0, [RequestFault::SlowReply(secs(1.5))]);
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
        scenario(15, async |world, [first, second, _]| {
            world.server().checker.holders_are_fair_game = true;
            let grant = first.take(None).await;
            world.delete();
            if recreated {
                second.take(None).await;
            }
            let deadline = grant.expires_at();
            match first.operations.renew_until(&grant, deadline).await {
                Err(Loss::Deleted) if !recreated => assert_eq!(world.holder(), None),
                Err(Loss::Recreated { .. }) if recreated => {
                    assert_eq!(world.holder().as_deref(), Some("actor-1"));
                }
                other => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn a_frozen_holder_wakes_to_a_lost_lease_and_writes_nothing() {
    scenario(3, async |_, [first, second, _]| {
        let grant = first.take(None).await;
        let stays = first.hold(grant, 60.0);
        let waiter = second.wait();
        sleep(1.0).await;
        first.clock.freeze_until(secs(20.0));
        let (grant, _) = waiter.granted().await;
        second.stay(grant, secs(30.0), Leave::Release).await;
        assert!(!stays.await.expect("a result"));
    });
}

#[test]
fn a_release_whose_reply_is_lost_is_done_once() {
    let done = RequestFault::ServerError { done: true };
    for fault in [RequestFault::LostReply, done, DONE_LATE] {
        scenario(15, async |world, [first, second, _]| {
            let grant = first.take(None).await;
            world.fail_replace(0, [fault]);
            let waiter = second.wait();
            first.api.begin(Purpose::Keep);
            let (ours, limits) = (Ours::Grant(grant.record), first.within(30.0));
            let operations = &first.operations;
            let result = operations.release(&ours, false, &limits, &|_| ()).await;
            assert!(result.is_ok(), "{fault:?} {result:?}");
            waiter.granted().await;
            sleep(10.0).await;
            assert_eq!(world.holder().as_deref(), Some("actor-1"));
        });
    }
}

#[test]
fn a_grant_whose_duration_is_edited_meanwhile_is_kept_by_the_duration_it_was_granted_with() {
    for (edited, recorded) in [
        (json!(null), 15),
        (json!(0), 15),
        (json!(-15), 15),
        (json!(600), 600),
    ] {
        scenario(15, async |world, [actor, ..]| {
            let grant = actor.take(None).await;
            let stays = actor.spawn_stay(grant, 60.0, Leave::Release);
            for _ in 0..3 {
                sleep(7.0).await;
                world.edit_spec("leaseDurationSeconds", edited.clone());
            }
            sleep(7.0).await;
            assert_eq!(world.recorded_secs(), Some(recorded));
            assert!(stays.await.expect("a result"), "lost after {edited}");
        });
    }
}
