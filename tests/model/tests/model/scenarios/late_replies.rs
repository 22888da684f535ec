//! Scenarios of replies that come late, or never: a renewal counts from its sending, however it is learned.

use lease_model::clock::Clock;
use lease_model::lease::decide::Loss;
use lease_model::lease::operate::End;

use super::scenario;
use crate::faults::{FaultRates, RequestFault, Verb, WatchFault};
use crate::stay::Leave;
use crate::{millis, secs};

/// Replies to writes come so many milliseconds late.
fn late(late: u64) -> FaultRates {
    FaultRates {
        late,
        ..FaultRates::default()
    }
}

/// Whether a hold of 3 s lives on for half a minute while this befalls every renewal.
fn lives_on(watches: bool, fault: Option<RequestFault>, late_by: u64) -> bool {
    scenario(3, async |world, [mut first, second, _]| {
        first.watches = watches;
        let grant = first.take(None).await;
        world.fail_replace(0, [fault; 200].into_iter().flatten());
        world.server().plan.rates = late(late_by);
        let waiter = second.wait();
        let stayed = first.stay(grant, secs(30.0), Leave::Release).await;
        world.server().plan.requests.clear();
        world.server().plan.rates = FaultRates::default();
        waiter.granted().await;
        assert_eq!(world.holder().as_deref(), Some("actor-1"));
        stayed
    })
}

#[test]
fn a_hold_lives_on_replies_that_come_after_the_time_of_their_attempt() {
    for watches in [true, false] {
        for late in [400, 600, 1000, 1400] {
            let lives = lives_on(watches, None, late);
            assert!(lives, "{late} ms, watches: {watches}");
        }
    }
}

#[test]
fn a_hold_whose_renewals_are_never_answered_lives_on_what_the_watch_shows() {
    for fault in [
        RequestFault::LostReply,
        RequestFault::ServerError { done: true },
        RequestFault::ResetAfterDone(millis(50)),
        RequestFault::SlowReply(secs(60.0)),
    ] {
        assert!(lives_on(true, Some(fault), 0), "{fault:?}");
    }
}

#[test]
fn a_hold_without_a_watch_learns_by_the_conflict_of_its_next_attempt_what_became_of_the_last() {
    scenario(6, async |world, [mut actor, ..]| {
        actor.watches = false;
        let grant = actor.take(None).await;
        // The next attempt is in conflict with the one whose reply is lost.
        let soon = RequestFault::SlowReply(millis(1));
        world.fail_replace(0, [RequestFault::LostReply, soon, soon].repeat(20));
        assert!(actor.stay(grant, secs(30.0), Leave::Release).await);
    });
}

#[test]
fn replies_that_overtake_each_other_and_edits_in_between_do_not_end_a_hold() {
    for watches in [true, false] {
        scenario(3, async |world, [mut actor, ..]| {
            actor.watches = watches;
            world.fail_watches(0, &[WatchFault::Shuffling]);
            let grant = actor.take(None).await;
            let late = [900, 30, 650, 1, 1100, 20, 600, 10, 5, 800].repeat(5);
            let late = late
                .into_iter()
                .map(|by| RequestFault::SlowReply(millis(by)));
            world.fail_replace(0, late);
            world.edit_labels_every(2.7);
            let stayed = actor.stay(grant, secs(40.0), Leave::Release).await;
            assert!(stayed, "watches: {watches}");
        });
    }
}

#[test]
fn a_hold_that_has_met_late_replies_waits_longer_and_sends_no_more_than_it_must() {
    scenario(3, async |world, [actor, ..]| {
        let grant = actor.take(None).await;
        world.server().plan.rates = late(700);
        let before = world.requests(0, Verb::Replace);
        assert!(actor.stay(grant, secs(30.0), Leave::Crash).await);
        let sent = world.requests(0, Verb::Replace) - before;
        assert!((25..=45).contains(&sent), "{sent} renewals in 30 s");
    });
}

#[test]
fn an_attempt_never_goes_out_on_a_version_that_is_known_to_be_old() {
    scenario(3, async |world, [actor, ..]| {
        let grant = actor.take(None).await;
        world.fail_replace(0, [RequestFault::LostReply; 100]);
        assert!(actor.stay(grant, secs(30.0), Leave::Crash).await);
        let sent = world.requests(0, Verb::Replace);
        let stored = world.server().history.len() as u64 - 1;
        // All but the creation of the free Lease: none met a conflict.
        assert_eq!(sent, stored);
    });
}

#[test]
fn a_renewal_from_a_script_counts_from_its_sending() {
    for (frozen, in_time) in [(2.5, true), (3.1, false), (60.0, false)] {
        scenario(3, async |world, [actor, ..]| {
            actor.take(None).await;
            world.fail(0, Verb::Get, [RequestFault::SlowReply(millis(0))]);
            world.fail_replace(0, [RequestFault::SlowReply(millis(500))]);
            let begun = actor.clock.now();
            let (clock, until) = (actor.clock.clone(), world.now() + secs(frozen));
            world.after(0.1, move |_| clock.freeze_until(until));
            let (ours, limits) = (actor.identity(), actor.within(90.0));
            let done = actor.operations.renew_ours(&ours, &limits, &|_| ()).await;
            assert!(actor.clock.now() >= begun + secs(frozen));
            if in_time {
                let expires_at = done.expect("renewed").expires_at.expect("a duration");
                assert!(expires_at < begun + secs(3.1), "not from the reply");
            } else {
                let end = done.expect_err("nothing to rely on");
                assert_eq!(end, End::Lost(Loss::Deadline { last: None }), "{frozen}");
            }
        });
    }
}

#[test]
fn a_release_is_tried_again_before_its_deadline_however_long_the_server_asks_to_wait() {
    scenario(60, async |world, [actor, ..]| {
        let grant = actor.take(None).await;
        world.fail_replace(0, [RequestFault::TooMany(Some(secs(60.0))); 2]);
        actor.release(grant).await;
        assert_eq!(world.holder(), None);
        assert!(world.now() < secs(10.0));
    });
}
