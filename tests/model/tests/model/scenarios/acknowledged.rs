//! Scenarios of a robbed holder's word that it has stopped: what it shortens, and what must not be taken for it.

use std::rc::Rc;

use lease_model::lease::operate::{End, Grant, Progress, Turns};

use super::scenario;
use crate::actor::{Actor, patient};
use crate::checker::{Event, Purpose};
use crate::clock::TrueTime;
use crate::faults::{Outage, RequestFault, Verb, WatchFault, Webhook};
use crate::stay::Leave;
use crate::world::World;
use crate::{millis, secs, sleep};

/// The victim is inside, on a lease of a minute, and takes half a second to stop.
async fn inside(victim: &Actor) -> Actor {
    let victim = Actor {
        lingers: millis(500),
        ..victim.clone()
    };
    let grant = victim.take(None).await;
    victim.spawn_stay(grant, 600.0, Leave::Release);
    sleep(1.0).await;
    victim
}

/// A thief robs it; when the thief begins, which the checker judges.
async fn robbed(world: &Rc<World>, thief: &Actor) -> (Grant, TrueTime) {
    let stolen = thief.steal(None, &patient()).await.expect("stolen");
    let now = world.now();
    let (thief, grant) = (thief.clone(), stolen.clone());
    thief.stay(grant, secs(0.5), Leave::Release).await;
    (stolen, now)
}

#[test]
fn a_thief_begins_as_soon_as_its_victim_has_stopped() {
    scenario(60, async |world, [victim, thief, _]| {
        inside(&victim).await;
        let (grant, begun) = robbed(&world, &thief).await;
        assert!(begun > secs(1.5) && begun < secs(1.7), "{begun:?}");
        let annotations = &grant.record.as_json()["metadata"]["annotations"];
        // From whom it was taken stays.
        let keys = annotations.as_object().into_iter().flatten();
        let keys: Vec<&str> = keys.map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["kubectl-lease/previous"]);
        assert_eq!(world.server().checker.counts.of(Event::Acknowledge), 1);
        let said = thief.said.borrow();
        assert!(matches!(
            &said[..],
            [(_, Progress::Outlasting { .. }), (_, Progress::Stopped(_))]
        ));
    });
}

#[test]
fn without_a_watch_the_word_is_heard_by_a_read_a_second() {
    scenario(60, async |world, [victim, thief, _]| {
        world.fail_watches(1, &[WatchFault::Denied]);
        inside(&victim).await;
        let (_, begun) = robbed(&world, &thief).await;
        assert!(begun > secs(1.5) && begun < secs(2.8), "{begun:?}");
        let writes = world.requests(1, Verb::Replace);
        assert_eq!(writes, 3, "the theft, its beginning in full and its end");
        assert!(world.requests(1, Verb::Get) < 5);
    });
}

#[test]
fn a_release_that_finds_the_lease_taken_says_that_all_has_stopped() {
    scenario(60, async |world, [mut victim, thief, _]| {
        victim.watches = false;
        let grant = victim.take(None).await;
        victim.spawn_stay(grant, 3.0, Leave::Release);
        sleep(1.0).await;
        let (_, begun) = robbed(&world, &thief).await;
        assert!(begun > secs(3.0) && begun < secs(3.3), "{begun:?}");
    });
}

#[test]
fn a_word_gets_through_whatever_becomes_of_its_first_sending() {
    for fault in [
        RequestFault::LostRequest,
        RequestFault::LostReply,
        RequestFault::ServerError { done: true },
        RequestFault::DoneThenRefused(5),
        RequestFault::DoneLate {
            done: secs(3.0),
            reset: Some(millis(20)),
        },
    ] {
        scenario(60, async |world, [victim, thief, _]| {
            inside(&victim).await;
            world.fail_replace(0, [fault]);
            let (_, begun) = robbed(&world, &thief).await;
            assert!(begun < secs(2.2), "{fault:?}: {begun:?}");
        });
    }
}

#[test]
fn a_thief_that_renews_and_somebody_who_edits_do_not_drown_the_word() {
    scenario(3, async |world, [victim, thief, _]| {
        world.edit_labels_every(0.03);
        inside(&victim).await;
        let (_, begun) = robbed(&world, &thief).await;
        assert!(begun < secs(2.3), "{begun:?}");
    });
}

/// A thief robs a victim under these circumstances, and waits for all of its time.
fn waits_to_the_end(what: &str, prepare: impl FnOnce(&Rc<World>)) {
    scenario(12, async |world, [victim, thief, _]| {
        inside(&victim).await;
        prepare(&world);
        let (_, begun) = robbed(&world, &thief).await;
        assert!(
            begun > secs(12.0) && begun < secs(16.0),
            "{what}: {begun:?}"
        );
    });
}

#[test]
fn what_keeps_the_word_back_costs_nothing_but_the_wait() {
    waits_to_the_end("no outage", |world| {
        world.cut_off(0, 600.0, Outage::BlackHole)
    });
    waits_to_the_end("stripped", |world| {
        world.interfere(
            0,
            Webhook::Alters(|lease| lease["metadata"]["annotations"] = serde_json::Value::Null),
        );
    });
    waits_to_the_end("echoed", |world| world.interfere(0, Webhook::Echoes));
    waits_to_the_end("a webhook's no", |world| {
        world.interfere(0, Webhook::SaysConflict)
    });
}

#[test]
fn a_victim_that_was_killed_says_nothing() {
    scenario(12, async |world, [victim, thief, _]| {
        let grant = victim.take(None).await;
        victim.hold(grant, 1.0);
        sleep(2.0).await;
        let (_, begun) = robbed(&world, &thief).await;
        assert!(begun > secs(12.0), "{begun:?}");
        assert_eq!(world.server().checker.counts.of(Event::Acknowledge), 0);
    });
}

#[test]
fn a_word_about_another_grant_is_not_taken_for_the_victims() {
    for which in 0..5 {
        scenario(12, async |world, [victim, thief, _]| {
            inside(&victim).await;
            world.cut_off(0, 600.0, Outage::BlackHole);
            for seconds in 1..8 {
                world.after(f64::from(seconds), move |world| world.forge_word(which));
            }
            let (_, begun) = robbed(&world, &thief).await;
            assert!(begun > secs(12.0), "{which}: {begun:?}");
        });
    }
}

#[test]
fn who_is_robbed_while_it_waits_does_not_speak_for_its_own_victim() {
    scenario(12, async |world, [victim, second, third]| {
        inside(&victim).await;
        world.cut_off(0, 600.0, Outage::BlackHole);
        let between = second.clone();
        let waiting =
            tokio::task::spawn_local(async move { between.steal(None, &patient()).await });
        sleep(2.0).await;
        let (_, begun) = robbed(&world, &third).await;
        assert!(begun > secs(12.0), "{begun:?}");
        waiting.await.expect("a result").expect_err("robbed");
        assert_eq!(world.server().checker.counts.of(Event::Acknowledge), 0);
    });
}

#[test]
fn who_is_robbed_before_it_has_begun_says_that_nothing_runs() {
    scenario(12, async |world, [first, thief, _]| {
        let mut grant = first.steal(None, &patient()).await.expect("it was free");
        let (turns, limits) = (Turns::new(1, 1), patient());
        let waiting = async {
            let over = sleep(60.0);
            let kept = (first.operations).keep_until(&mut grant, over, &turns, &limits, &|_| ());
            kept.await
        };
        let robbing = async {
            sleep(1.0).await;
            robbed(&world, &thief).await
        };
        let (kept, (_, begun)) = tokio::join!(waiting, robbing);
        assert!(matches!(kept, Err(End::Lost(_))), "{kept:?}");
        // At its next renewal, and not when its time is over.
        assert!(begun < secs(6.0), "{begun:?}");
    });
}

#[test]
fn who_runs_beside_its_victim_on_request_speaks_only_once_that_must_have_stopped() {
    for (stays, early) in [(2.0, true), (12.0, false)] {
        scenario(12, async |world, [victim, second, third]| {
            world.server().checker.holders_are_fair_game = true;
            inside(&victim).await;
            world.cut_off(0, 600.0, Outage::BlackHole);
            let grant = second.steal_now(None).await;
            second.spawn_stay(grant, 600.0, Leave::Release);
            sleep(stays).await;
            let robbed_at = world.now();
            let (_, begun) = robbed(&world, &third).await;
            let waited = begun - robbed_at;
            match early {
                true => assert!(waited > secs(11.0), "{waited:?}"),
                false => assert!(waited < secs(1.0), "{waited:?}"),
            }
        });
    }
}

#[test]
fn a_word_stays_with_the_grant_that_it_is_about() {
    scenario(6, async |world, [victim, thief, third]| {
        inside(&victim).await;
        // The thief dies as soon as it has taken the lease, and the word stands there.
        thief.api.begin(Purpose::Steal);
        let terms = thief.stealing(None);
        let agree = async |_: &_, _: &_| Ok(());
        let operations = &thief.operations;
        let stolen = operations.steal(&terms, &patient(), &|_| (), agree).await;
        stolen.expect("stolen");
        sleep(1.0).await;
        assert_eq!(world.server().checker.counts.of(Event::Acknowledge), 1);
        // It says nothing of the thief.
        let robbed_at = world.now();
        let (_, begun) = robbed(&world, &third).await;
        assert!(begun - robbed_at > secs(5.9), "{begun:?}");
    });
}

#[test]
fn a_theft_whose_answer_is_lost_is_adopted_with_the_word_of_its_victim() {
    for fault in [RequestFault::LostReply, RequestFault::DoneThenRefused(0)] {
        scenario(60, async |world, [victim, thief, _]| {
            inside(&victim).await;
            world.fail_replace(1, [fault]);
            let (_, begun) = robbed(&world, &thief).await;
            assert!(begun < secs(12.0), "{fault:?}: {begun:?}");
        });
    }
}

#[test]
fn whom_an_unanswered_write_has_robbed_is_waited_for_though_another_held_it_meanwhile() {
    scenario(12, async |world, [victim, thief, _]| {
        world.server().checker.holders_are_fair_game = true;
        inside(&victim).await;
        world.cut_off(0, 600.0, Outage::BlackHole);
        world.fail_replace(1, [RequestFault::LostReply]);
        // Somebody hands it on by hand, for a second at a time, before the thief knows that it had it.
        world.after(1.0, |world| {
            world.edit_spec("leaseTransitions", 9);
            world.edit_spec("leaseDurationSeconds", 1);
            world.edit_spec("holderIdentity", "third");
        });
        thief.api.begin(Purpose::Steal);
        let (terms, limits) = (thief.stealing(None), patient());
        let operations = &thief.operations;
        let agree = async |_: &_, _: &_| Ok(());
        let stolen = operations.steal(&terms, &limits, &|_| (), agree).await;
        thief.api.begin(Purpose::Keep);
        let stolen = stolen.expect("stolen");
        assert_eq!(stolen.victim.as_deref(), Some("third"));
        let outlasted = operations.outlast(stolen, None, &limits, &|_| ()).await;
        let (grant, begun) = (outlasted.expect("kept"), world.now());
        thief.stay(grant, secs(0.5), Leave::Release).await;
        assert!(begun > secs(11.9), "{begun:?}");
    });
}
