//! Scenarios of replies that come late, or never: a renewal counts from its sending, however it is learned.

use super::{holder, lawful, sleep, taken, waiting, within, world};
use crate::actor::{Actor, Leave};
use crate::faults::{Ailment, Mishap, Verb, Weather};
use crate::{millis, secs, simulate};
use lease_model::clock::Clock;
use lease_model::lease::decide::{Loss, Ours};
use lease_model::lease::operate::End;

/// Whether a hold of 3 s lives on for half a minute while this befalls every renewal.
fn lives_on(watches: bool, mishap: Option<Mishap>, late: u64) -> bool {
    simulate(1, async {
        let world = world(3);
        let (mut first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        first.watches = watches;
        let grant = taken(&first, None).await;
        for _ in 0..200 {
            if let Some(mishap) = mishap {
                world.mishap(0, Verb::Replace, mishap);
            }
        }
        world.state.borrow_mut().fates.weather = Some(Weather {
            mishaps: 0,
            latency: 5,
            sick_watches: 0,
            late,
        });
        let waiter = waiting(&second);
        let stayed = first.stay(grant, secs(30.0), Leave::Release).await;
        world.state.borrow_mut().fates.scripted.clear();
        world.state.borrow_mut().fates.weather = None;
        waiter.await.expect("a result").0.expect("a grant");
        assert_eq!(holder(&world).as_deref(), Some("actor-1"));
        lawful(&world);
        stayed
    })
}

#[test]
fn a_hold_lives_on_replies_that_come_after_the_time_of_their_attempt() {
    for watches in [true, false] {
        for late in [400, 600, 1000, 1400] {
            assert!(
                lives_on(watches, None, late),
                "{late} ms, watches: {watches}"
            );
        }
    }
}

#[test]
fn a_hold_whose_renewals_are_never_answered_lives_on_what_the_watch_shows() {
    for mishap in [
        Mishap::LostReply,
        Mishap::ServerError { done: true },
        Mishap::ResetAfterDone(millis(50)),
        Mishap::SlowReply(secs(60.0)),
    ] {
        assert!(lives_on(true, Some(mishap), 0), "{mishap:?}");
    }
}

#[test]
fn a_hold_without_a_watch_learns_by_the_conflict_of_its_next_attempt_what_became_of_the_last() {
    simulate(1, async {
        let world = world(6);
        let mut actor = Actor::exact(&world, 0);
        actor.watches = false;
        let grant = taken(&actor, None).await;
        for _ in 0..20 {
            world.mishap(0, Verb::Replace, Mishap::LostReply);
            // The next attempt is in conflict with it.
            world.mishap(0, Verb::Replace, Mishap::SlowReply(millis(1)));
            world.mishap(0, Verb::Replace, Mishap::SlowReply(millis(1)));
        }
        assert!(actor.stay(grant, secs(30.0), Leave::Release).await);
        lawful(&world);
    });
}

#[test]
fn replies_that_overtake_each_other_and_edits_in_between_do_not_end_a_hold() {
    for watches in [true, false] {
        simulate(1, async {
            let world = world(3);
            let mut actor = Actor::exact(&world, 0);
            actor.watches = watches;
            world.ailments(0, &[Ailment::Shuffling]);
            let grant = taken(&actor, None).await;
            for late in [900, 30, 650, 1, 1100, 20, 600, 10, 5, 800].repeat(5) {
                world.mishap(0, Verb::Replace, Mishap::SlowReply(millis(late)));
            }
            let edits = world.clone();
            tokio::task::spawn_local(async move {
                for edit in 0.. {
                    edits.edit_label(edit);
                    sleep(2.7).await;
                }
            });
            let stayed = actor.stay(grant, secs(40.0), Leave::Release).await;
            assert!(stayed, "watches: {watches}");
            lawful(&world);
        });
    }
}

#[test]
fn a_hold_that_has_met_late_replies_waits_longer_and_sends_no_more_than_it_must() {
    simulate(1, async {
        let world = world(3);
        let actor = Actor::exact(&world, 0);
        let grant = taken(&actor, None).await;
        world.state.borrow_mut().fates.weather = Some(Weather {
            mishaps: 0,
            latency: 5,
            sick_watches: 0,
            late: 700,
        });
        let before = world.requests(0, Verb::Replace);
        assert!(actor.stay(grant, secs(30.0), Leave::Crash).await);
        let sent = world.requests(0, Verb::Replace) - before;
        assert!(
            (25..=45).contains(&sent),
            "{sent} renewals in 30 s at D = 3 s"
        );
    });
}

#[test]
fn an_attempt_never_goes_out_on_a_version_that_is_known_to_be_old() {
    simulate(1, async {
        let world = world(3);
        let actor = Actor::exact(&world, 0);
        let grant = taken(&actor, None).await;
        for _ in 0..100 {
            world.mishap(0, Verb::Replace, Mishap::LostReply);
        }
        assert!(actor.stay(grant, secs(30.0), Leave::Crash).await);
        let (sent, renewed) = {
            let state = world.state.borrow();
            let sent = state.requests.get(&(0, Verb::Replace)).copied();
            (sent.unwrap_or(0), state.ledger.totals.renewals)
        };
        // All but the grant were stored: none met a conflict.
        assert_eq!(sent, renewed + 1);
    });
}

#[test]
fn a_renewal_from_a_script_counts_from_its_sending() {
    for (frozen, in_time) in [(2.5, true), (3.1, false), (60.0, false)] {
        simulate(1, async {
            let world = world(3);
            let actor = Actor::exact(&world, 0);
            taken(&actor, None).await;
            let ours = Ours::Identity("actor-0".parse().expect("a holder"));
            world.mishap(0, Verb::Get, Mishap::SlowReply(millis(0)));
            world.mishap(0, Verb::Replace, Mishap::SlowReply(millis(500)));
            let begun = actor.clock.now();
            let (clock, until) = (actor.clock.clone(), world.now() + secs(frozen));
            tokio::task::spawn_local(async move {
                sleep(0.1).await;
                clock.freeze_until(until);
            });
            let limits = within(&actor, 90.0);
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
    simulate(1, async {
        let world = world(60);
        let actor = Actor::exact(&world, 0);
        let grant = taken(&actor, None).await;
        let wish = Some(secs(60.0));
        world.mishap(0, Verb::Replace, Mishap::TooMany(wish));
        world.mishap(0, Verb::Replace, Mishap::TooMany(wish));
        actor.let_go(&Ours::Grant(grant.record.clone())).await;
        assert_eq!(holder(&world), None);
        assert!(world.now() < secs(10.0));
        lawful(&world);
    });
}
