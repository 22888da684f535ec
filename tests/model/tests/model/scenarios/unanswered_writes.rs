//! Scenarios of acquire and create whose writes go astray: recognised, or given back.

use std::time::Duration;

use lease_model::clock::Clock;
use lease_model::lease::decide::Loss;
use lease_model::lease::operate::{Created, End};

use super::scenario;
use crate::actor::{Actor, interrupted, patient};
use crate::clock::Wall;
use crate::faults::{Outage, RequestFault, Verb};
use crate::{millis, secs, sleep};

#[test]
fn a_create_whose_reply_is_lost_is_recognised() {
    for fault in [
        RequestFault::LostReply,
        RequestFault::ResetAfterDone(millis(20)),
        RequestFault::ServerError { done: true },
        RequestFault::DoneLate {
            done: millis(900),
            reset: Some(millis(3)),
        },
    ] {
        scenario(15, async |world, [actor, ..]| {
            world.delete();
            world.fail(0, Verb::Create, [fault]);
            let grant = actor.take(Some(15)).await.record;
            assert_eq!((grant.holder(), grant.transitions()), (Some("actor-0"), 1));
            assert_eq!(world.record(), Some(grant));
        });
    }
}

#[test]
fn the_create_command_recognises_its_own_lease_after_a_lost_reply() {
    scenario(15, async |world, [actor, ..]| {
        world.delete();
        world.fail(0, Verb::Create, [RequestFault::LostReply]);
        let created = actor.create("", &patient()).await;
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
        scenario(15, async |world, [actor, ..]| {
            if verb == Verb::Create {
                world.delete();
            }
            let late = RequestFault::DoneLate {
                done: secs(done),
                reset: Some(millis(50)),
            };
            world.fail(0, verb, [late]);
            let limits = interrupted(2, &[0.1]);
            let end = actor.acquire(&actor.terms(Some(15)), &limits).await;
            assert_eq!(end.err(), Some(End::Interrupted(2)), "{verb:?} {done}");
            assert!(world.now() < secs(2.0), "it waited: {verb:?} {done}");
            assert_eq!(world.holder(), None, "{verb:?} {done}");
            sleep(600.0).await;
            assert_eq!(world.holder(), None, "{verb:?} {done}");
        });
    }
}

#[test]
fn a_creation_that_is_held_back_until_the_lease_is_deleted_is_carried_out_then_and_expires() {
    scenario(15, async |world, [actor, other, _]| {
        world.delete();
        let late = RequestFault::DoneLate {
            done: secs(300.0),
            reset: Some(millis(50)),
        };
        world.fail(0, Verb::Create, [late]);
        let limits = interrupted(2, &[0.1]);
        let end = actor.acquire(&actor.terms(Some(15)), &limits).await;
        assert_eq!(end.err(), Some(End::Interrupted(2)));
        sleep(200.0).await;
        world.delete();
        sleep(101.0).await;
        assert_eq!(world.holder().as_deref(), Some("actor-0"));
        let (_, waited) = other.wait_for(20.0).granted().await;
        assert!(waited < secs(317.0), "{waited:?}");
    });
}

#[test]
fn an_acquire_interrupted_with_a_write_in_flight_leaves_no_ghost() {
    for fault in [
        RequestFault::LostRequest,
        RequestFault::LostReply,
        RequestFault::SlowReply(secs(3.0)),
        RequestFault::DoneLate {
            done: secs(4.9),
            reset: None,
        },
    ] {
        scenario(15, async |world, [actor, ..]| {
            world.fail_replace(0, [fault]);
            let limits = interrupted(15, &[0.05]);
            let end = actor.acquire(&actor.terms(None), &limits).await;
            assert_eq!(end.err(), Some(End::Interrupted(15)), "{fault:?}");
            sleep(30.0).await;
            assert_eq!(world.holder(), None, "{fault:?}");
        });
    }
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_says_that_it_is_unsettled() {
    scenario(15, async |world, [actor, ..]| {
        world.fail_replace(0, [RequestFault::LostReply]);
        world.cut_off(0, 600.0, Outage::BlackHole);
        world.fail(0, Verb::Get, [RequestFault::SlowReply(millis(1))]);
        let limits = interrupted(2, &[6.0, 1.0]);
        let end = actor.acquire(&actor.terms(None), &limits).await;
        assert!(matches!(end, Err(End::Unsettled { .. })), "{end:?}");
        assert_eq!(world.now().as_secs(), 7);
    });
}

#[test]
fn a_timeout_with_a_lost_reply_ends_free() {
    scenario(15, async |world, [actor, ..]| {
        world.fail_replace(0, [RequestFault::LostReply]);
        let end = actor.acquire(&actor.terms(None), &actor.within(1.0)).await;
        assert!(matches!(end, Err(End::TimedOut { .. })), "{end:?}");
        assert_eq!(world.holder(), None);
        assert!(world.now() < secs(8.0));
    });
}

#[test]
fn an_outage_longer_than_the_lease_just_after_the_grant_does_not_end_the_acquire() {
    scenario(3, async |world, [actor, ..]| {
        world.fail_replace(0, [RequestFault::ResetAfterDone(millis(20))]);
        world.after(0.03, |world| world.cut_off(0, 9.97, Outage::Refused));
        let grant = actor.take(None).await;
        let left = Actor::deadline(&grant).since(actor.clock.now());
        assert!(left > secs(1.0), "it begins with most of its time");
        assert_eq!(world.record().map(|record| record.transitions()), Some(1));
    });
}

#[test]
fn a_grant_that_cannot_be_renewed_before_it_is_handed_out_is_given_back() {
    scenario(3, async |world, [actor, ..]| {
        world.fail_replace(0, [RequestFault::ResetAfterDone(millis(20))]);
        let slow = [millis(1), secs(2.0)].map(RequestFault::SlowReply);
        world.fail(0, Verb::Get, slow);
        world.fail_replace(0, [RequestFault::TooMany(None); 10]);
        let end = actor.acquire(&actor.terms(None), &patient()).await;
        assert!(
            matches!(end, Err(End::Lost(Loss::Deadline { .. }))),
            "{end:?}"
        );
        assert_eq!(world.holder(), None);
    });
}

#[test]
fn an_older_grant_of_ones_own_is_not_taken_for_a_write_that_went_astray() {
    for wall in [Wall::Skewed(0), Wall::Standing] {
        scenario(15, async |world, _| {
            let actor = Actor::new(&world, 0, 1_000_000, wall);
            actor.take(None).await;
            // That process dies; the next, with the same identity, waits until its lease has expired.
            world.fail_replace(0, [RequestFault::LostRequest]);
            let (grant, _) = actor.restarted().wait().granted().await;
            assert_eq!(grant.record.transitions(), 2, "{wall:?}");
            assert_eq!(world.record(), Some(grant.record));
        });
    }
}

#[test]
fn a_grant_that_another_process_of_the_same_name_has_written_at_the_same_time_is_not_taken_for_ones_own()
 {
    scenario(15, async |world, _| {
        world.server().checker.writes_are_altered = true;
        let process = |number: usize| {
            let actor = Actor::new(&world, number, 1_000_000, Wall::Standing);
            let mut terms = actor.terms(None);
            terms.grant.holder = "the-pod".parse().expect("a holder");
            terms.grant.mark = Duration::from_micros(number as u64);
            (actor, terms)
        };
        let ((first, its), (second, others)) = (process(0), process(1));
        // Both find it free; the second's conflict is not heard.
        world.fail_replace(0, [RequestFault::SlowReply(millis(1))]);
        let unheard = RequestFault::DoneLate {
            done: millis(20),
            reset: Some(millis(30)),
        };
        world.fail_replace(1, [unheard]);
        let (limits, patient) = (second.within(5.0), patient());
        let (taken, waited) = tokio::join!(
            first.obtain(&its, &patient),
            second.obtain(&others, &limits)
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
    // The second may have happened, and is found out too late: it is not given back.
    for fault in [RequestFault::LostRequest, RequestFault::LostReply] {
        scenario(15, async |world, [actor, ..]| {
            actor.take(None).await;
            let before = world.record();
            world.server().checker.reenters = true;
            world.fail_replace(0, [fault]);
            let (terms, limits) = (actor.reentering(None), interrupted(2, &[0.1]));
            let end = actor.restarted().acquire(&terms, &limits).await;
            assert!(matches!(end, Err(End::Kept(_))), "{end:?}");
            match fault {
                RequestFault::LostRequest => assert_eq!(world.record(), before),
                _ => assert_eq!(world.holder().as_deref(), Some("actor-0")),
            }
        });
    }
}
