//! Scenarios of slots: each makes one thing go wrong, or none, and says what must come of it.

use lease_model::lease::operate::{End, Ended, Progress};
use tokio::task::spawn_local;

use super::{Contender, Pool};
use crate::actor::{interrupted, patient};
use crate::faults::{RequestFault, Verb, WatchFault};
use crate::stay::Leave;
use crate::{millis, secs, simulate, sleep};

#[test]
fn of_one_contender_more_than_slots_all_get_in_500_times_and_each_slot_has_one_at_a_time() {
    simulate(7, async {
        let pool = Pool::new(7, 3);
        pool.create_all(5);
        let lives = (0..4).map(|client| {
            let pool = pool.clone();
            spawn_local(async move {
                let contender = Contender::exact(&pool, client, &format!("actor-{client}"));
                for _ in 0..125 {
                    let terms = contender.terms(None);
                    let granted = contender.acquire(&terms, &patient()).await;
                    let (slot, grant) = granted.expect("a slot");
                    assert!(contender.stay(slot, grant, 2.0, Leave::Release).await);
                }
            })
        });
        let lives: Vec<_> = lives.collect();
        for life in lives {
            life.await.expect("it ends");
        }
        assert_eq!(pool.holders(), [None, None, None]);
        assert!(pool.inside.borrow().1 >= 3, "they were never all in use");
        pool.assert_no_violations();
    });
}

#[test]
fn a_slot_whose_holder_is_dead_is_taken_by_proof_while_all_are_waited_for_by_one_watch_each() {
    simulate(3, async {
        let pool = Pool::new(3, 3);
        pool.create_all(6);
        let mut others = Vec::new();
        for client in 0..3 {
            let contender = Contender::exact(&pool, client, &format!("other-{client}"));
            let (slot, grant) = contender
                .acquire(&contender.terms(None), &patient())
                .await
                .expect("one is free");
            // The first of them is silent from now on, the others are renewed.
            let (span, leave) = match client {
                0 => (0.0, Leave::Crash),
                _ => (60.0, Leave::Release),
            };
            others.push((
                slot,
                spawn_local(async move { contender.stay(slot, grant, span, leave).await }),
            ));
        }
        let waiter = Contender::exact(&pool, 9, "waiter").spawn();
        sleep(0.5).await;
        assert!(!waiter.is_finished());
        let (waiter, granted, at) = waiter.await.expect("a result");
        let (slot, _) = granted.expect("a slot");
        assert_eq!(slot, others[0].0);
        let at = at.as_secs_f64();
        assert!((6.0..6.5).contains(&at), "{at}");
        // Their servers are three here; what changed was not asked for.
        assert_eq!(pool.requests(9, Verb::Watch), 3);
        assert_eq!(pool.requests(9, Verb::Get), 3);
        let said = waiter.said.borrow();
        assert!(matches!(said[..], [Progress::Waiting { .. }]), "{said:?}");
        pool.assert_no_violations();
    });
}

#[test]
fn a_grant_whose_reply_is_lost_or_late_is_recognised_and_no_other_slot_is_written_meanwhile() {
    for fault in [
        RequestFault::LostReply,
        RequestFault::LostRequest,
        RequestFault::ResetAfterDone(millis(20)),
        RequestFault::ServerError { done: true },
        RequestFault::DoneThenRefused(0),
        RequestFault::DoneLate {
            done: millis(900),
            reset: Some(millis(3)),
        },
        RequestFault::DoneLate {
            done: secs(7.0),
            reset: None,
        },
    ] {
        for there in [true, false] {
            simulate(5, async {
                let pool = Pool::new(5, 3);
                if there {
                    pool.create_all(15);
                }
                for world in &pool.worlds {
                    for verb in [Verb::Create, Verb::Replace] {
                        world.fail(0, verb, [fault]);
                    }
                }
                let contender = Contender::exact(&pool, 0, "actor");
                let granted = contender.acquire(&contender.terms(None), &patient()).await;
                let (slot, _) = granted.expect("a slot");
                sleep(30.0).await;
                let held: Vec<usize> = (0..3)
                    .filter(|slot| pool.worlds[*slot].holder().is_some())
                    .collect();
                assert_eq!(held, [slot], "{fault:?} {there}");
                pool.assert_no_violations();
            });
        }
    }
}

#[test]
fn who_is_interrupted_with_a_write_on_its_way_leaves_nothing_in_any_slot() {
    for done in [0.3, 4.5, 16.0, 300.0] {
        simulate(6, async {
            let pool = Pool::new(6, 2);
            pool.create_all(15);
            for world in &pool.worlds {
                let late = RequestFault::DoneLate {
                    done: secs(done),
                    reset: None,
                };
                world.fail_replace(0, [late]);
            }
            let contender = Contender::exact(&pool, 0, "actor");
            let limits = interrupted(2, &[1.0]);
            let granted = contender.acquire(&contender.terms(None), &limits).await;
            // Answered in time, it was a grant before the signal.
            let ended = granted.map(|(slot, _)| slot).map_err(|ended| ended.ended);
            assert!(
                done < 1.0 && ended.is_ok()
                    || matches!(ended, Err(Ended::Ungranted(End::Interrupted(2)))),
                "{ended:?}"
            );
            sleep(400.0).await;
            if ended.is_err() {
                assert_eq!(pool.holders(), [None, None]);
            }
            pool.assert_no_violations();
        });
    }
}

#[test]
fn a_slot_that_is_released_is_noticed_whatever_is_wrong_with_the_watch() {
    for (fault, within) in [
        (WatchFault::None, 0.3),
        (WatchFault::Silent, 17.0),
        (WatchFault::NeverOpens, 17.0),
        (WatchFault::Denied, 1.5),
        (WatchFault::Doubling, 0.3),
        (WatchFault::Dropping, 17.0),
        (WatchFault::EndsAfter(millis(200)), 1.5),
        (WatchFault::BreaksAfter(millis(200)), 1.5),
        (WatchFault::Gone, 1.5),
    ] {
        simulate(4, async {
            let pool = Pool::new(4, 3);
            pool.create_all(60);
            for client in 0..3 {
                let contender = Contender::exact(&pool, client, &format!("other-{client}"));
                let terms = contender.terms(None);
                let granted = contender.acquire(&terms, &patient()).await;
                let (slot, grant) = granted.expect("one is free");
                spawn_local(async move {
                    let span = if slot == 1 { 5.0 } else { 50.0 };
                    contender.stay(slot, grant, span, Leave::Release).await
                });
            }
            for world in &pool.worlds {
                world.fail_watches(9, &[fault]);
            }
            let waiter = Contender::exact(&pool, 9, "waiter").spawn();
            let (_, granted, at) = waiter.await.expect("a result");
            assert_eq!(granted.expect("a slot").0, 1);
            let late = at.as_secs_f64() - 5.0;
            assert!((0.0..within).contains(&late), "{fault:?}: {late}");
            pool.assert_no_violations();
        });
    }
}

#[test]
fn no_second_slot_is_written_while_a_write_to_the_first_may_still_be_carried_out() {
    simulate(8, async {
        let pool = Pool::new(8, 2);
        pool.create_all(3);
        let contender = Contender::exact(&pool, 0, "actor");
        let holder = "actor".parse().expect("a holder");
        let order: Vec<usize> = pool.slots.order(&holder).collect();
        // The one that it would rather have is a dead holder's, and expires while the write to the other hangs.
        let times = ["acquireTime", "renewTime"];
        for time in times {
            pool.worlds[order[0]].edit_spec(time, "2026-01-01T00:00:00.000000Z");
        }
        pool.worlds[order[0]].edit_spec("holderIdentity", "dead");
        let late = RequestFault::DoneLate {
            done: secs(8.0),
            reset: Some(secs(4.0)),
        };
        pool.worlds[order[1]].fail_replace(0, [late]);
        let terms = contender.terms(Some(15));
        let granted = contender.acquire(&terms, &patient()).await;
        let (slot, _) = granted.expect("a slot");
        sleep(9.0).await;
        let all = pool.worlds.iter();
        let own = all.filter(|world| world.holder().as_deref() == Some("actor"));
        assert_eq!((slot, own.count()), (order[1], 1));
        pool.assert_no_violations();
    });
}
