//! Scenarios of steal and re-entry: a victim that may still run is shielded.

use lease_model::lease::decide::Loss;
use lease_model::lease::operate::{End, Progress};
use serde_json::{Value, json};

use super::scenario;
use crate::actor::{Actor, Waiter, interrupted, patient};
use crate::checker::{Event, Purpose};
use crate::faults::{Outage, RequestFault, Verb, WatchFault};
use crate::stay::Leave;
use crate::{secs, sleep};

/// The third gets in, which the checker judges.
async fn comes_in(third: &Actor, waiter: Waiter) {
    let (grant, _) = waiter.granted().await;
    third.stay(grant, secs(1.0), Leave::Release).await;
}

#[test]
fn steal_waits_until_the_victim_must_have_stopped_and_keeps_the_lease_renewed() {
    scenario(12, async |world, [victim, thief, third]| {
        let grant = victim.take(None).await;
        // The victim hears of nothing.
        world.cut_off(0, 600.0, Outage::BlackHole);
        victim.hold(grant, 600.0);
        sleep(1.0).await;
        let waiter = third.wait();
        let stolen = thief.steal(Some(3), &patient()).await.expect("stolen");
        let now = world.now();
        assert!(now > secs(12.0) && now < secs(14.0), "{now:?}");
        assert!(world.server().checker.counts.of(Event::Renewal) >= 2);
        let asked_for = stolen.duration().as_secs();
        assert_eq!(asked_for, 3, "it is recorded in the end");
        assert!(thief.stay(stolen, secs(5.0), Leave::Release).await);
        comes_in(&third, waiter).await;
    });
}

#[test]
fn the_duration_asked_for_is_recorded_after_a_steal_though_a_label_edit_comes_between() {
    scenario(6, async |world, [victim, thief, _]| {
        victim.take(None).await;
        world.edit_labels_every(0.1);
        let stolen = thief.steal(Some(3), &patient()).await.expect("stolen");
        assert_eq!(stolen.duration().as_secs(), 3);
        assert_eq!(world.recorded_secs(), Some(3));
    });
}

#[test]
fn a_thief_that_dies_while_it_waits_shields_the_victim() {
    scenario(12, async |world, [victim, thief, third]| {
        let grant = victim.take(None).await;
        world.cut_off(0, 600.0, Outage::BlackHole);
        victim.hold(grant, 600.0);
        let waiter = third.wait();
        sleep(0.5).await;
        thief.api.begin(Purpose::Steal);
        let (terms, limits) = (thief.stealing(Some(2)), patient());
        let agree = async |_: &_, _: &_| Ok(());
        let operations = &thief.operations;
        let stolen = operations.steal(&terms, &limits, &|_| (), agree).await;
        stolen.expect("stolen");
        comes_in(&third, waiter).await;
    });
}

/// Whoever goes by what is recorded would come in beside the victim.
#[test]
fn a_thief_that_waits_records_its_duration_again_whoever_edits_it() {
    // It learns of the edit from a watch, or where it looks for its own write.
    let refused = RequestFault::ServerError { done: true };
    for (edited_at, fault) in [(1.5, None), (1.04, Some(refused)), (1.1, Some(refused))] {
        for edited in [json!(2), json!(1), Value::Null] {
            for second_thief in [false, true] {
                scenario(12, async |world, [victim, thief, third]| {
                    let grant = victim.take(None).await;
                    world.cut_off(0, 600.0, Outage::BlackHole);
                    victim.hold(grant, 600.0);
                    world.fail_replace(1, fault);
                    world.after(edited_at, {
                        let edited = edited.clone();
                        move |world| world.edit_spec("leaseDurationSeconds", edited)
                    });
                    sleep(1.0).await;
                    if second_thief {
                        let robbing = async {
                            sleep(2.0).await;
                            third.steal(None, &patient()).await.expect("stolen")
                        };
                        let limits = patient();
                        let waiting = thief.steal(None, &limits);
                        let (lost, grant) = tokio::join!(waiting, robbing);
                        assert!(matches!(lost, Err(End::Lost(_))), "{edited} {lost:?}");
                        third.stay(grant, secs(1.0), Leave::Release).await;
                    } else {
                        let waiter = third.wait();
                        let stolen = thief.steal(None, &patient()).await;
                        let stolen = stolen.unwrap_or_else(|end| panic!("{edited}: {end:?}"));
                        let now = world.now();
                        assert!(now > secs(12.0) && now < secs(14.0), "{edited} {now:?}");
                        assert_eq!(world.recorded_secs(), Some(12), "{edited}");
                        assert!(thief.stay(stolen, secs(5.0), Leave::Release).await);
                        comes_in(&third, waiter).await;
                    }
                });
            }
        }
    }
}

/// What is recorded while it waits is its own doing, and no reason to end.
#[test]
fn an_edit_while_the_longer_duration_is_recorded_costs_nothing() {
    for seconds in [9.9, 9.99, 10.0, 10.005, 10.01, 10.02] {
        scenario(9, async |world, [victim, thief, _]| {
            victim.take(None).await;
            world.cut_off(0, 600.0, Outage::BlackHole);
            sleep(1.0).await;
            world.after(seconds - 1.0, |world| world.edit_label(7));
            let stolen = thief.steal(Some(3600), &patient()).await;
            let stolen = stolen.unwrap_or_else(|end| panic!("{seconds}: {end:?}"));
            assert_eq!(stolen.duration().as_secs(), 3600);
            assert_eq!(world.recorded_secs(), Some(3600));
        });
    }
}

/// The answer to its last renewal is still awaited then.
#[test]
fn interrupted_when_the_victim_must_have_stopped_a_thief_gives_back_what_it_has_taken() {
    scenario(4, async |world, [victim, thief, third]| {
        victim.take(None).await;
        world.cut_off(0, 600.0, Outage::BlackHole);
        sleep(0.5).await;
        world.after(1.0, |world| world.cut_off(1, 10.0, Outage::BlackHole));
        let limits = interrupted(15, &[8.0]);
        let ended = thief.steal(Some(60), &limits).await;
        assert_eq!(ended.map(drop), Err(End::Interrupted(15)));
        assert_eq!(world.holder(), None);
        comes_in(&third, third.wait()).await;
    });
}

#[test]
fn one_who_reenters_for_a_shorter_time_and_dies_shields_the_earlier_process() {
    scenario(12, async |world, [first, _, third]| {
        let grant = first.take(None).await;
        // Its process cannot reach the server; another with the same identity can, and takes it anew.
        let again = first.restarted();
        world.server().checker.reenters = true;
        let waiter = third.wait();
        sleep(0.2).await;
        let terms = again.reentering(Some(2));
        again.acquire(&terms, &patient()).await.expect("reentered");
        world.cut_off(0, 600.0, Outage::BlackHole);
        first.hold(grant, 600.0);
        comes_in(&third, waiter).await;
    });
}

#[test]
fn a_thief_that_waits_says_when_the_server_does_not_answer() {
    scenario(90, async |world, [victim, thief, _]| {
        victim.take(None).await;
        world.after(1.0, |world| world.cut_off(1, 50.0, Outage::BlackHole));
        thief.steal(None, &patient()).await.expect("stolen");
        let said = thief.said.borrow();
        let [
            (_, Progress::Outlasting { .. }),
            (_, Progress::Silent(_)),
            (again, Progress::Heard),
        ] = said[..]
        else {
            panic!("{said:?}");
        };
        assert!(again > secs(51.0), "{again:?}");
    });
}

#[test]
fn a_thief_that_hears_nothing_for_its_whole_time_gives_back_what_it_has_taken() {
    // Nothing arrives, or all of it, and no reply to it comes.
    for stored in [false, true] {
        scenario(12, async |world, [victim, thief, third]| {
            victim.take(None).await;
            world.cut_off(0, 600.0, Outage::BlackHole);
            world.fail_watches(1, &[WatchFault::NeverOpens]);
            world.after(1.0, move |world| match stored {
                false => world.cut_off(1, 14.0, Outage::BlackHole),
                true => {
                    world.fail(1, Verb::Get, [RequestFault::LostReply; 99]);
                    world.fail_replace(1, [RequestFault::LostReply; 99]);
                }
            });
            world.after(14.0, |world| world.server().plan.requests.clear());
            let ended = thief.steal(None, &patient()).await;
            let deadline = matches!(&ended, Err(End::Lost(Loss::Deadline { .. })));
            assert!(deadline, "{stored} {ended:?}");
            assert_eq!(world.holder(), None, "{stored}");
            comes_in(&third, third.wait()).await;
        });
    }
}

#[test]
fn a_thief_whose_renewals_show_in_the_watch_alone_does_not_lose_what_it_has_taken() {
    scenario(12, async |world, [victim, thief, _]| {
        victim.take(None).await;
        world.cut_off(0, 600.0, Outage::BlackHole);
        world.after(1.0, |world| {
            world.fail_replace(1, [RequestFault::LostReply; 2]);
        });
        let stolen = thief.steal(None, &patient()).await.expect("stolen");
        assert!(world.now() < secs(16.0), "{:?}", world.now());
        assert!(thief.stay(stolen, secs(1.0), Leave::Release).await);
    });
}
