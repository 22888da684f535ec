//! Scenarios of a waiter: watches that fail it, clocks that lie, and when it may take over.

use std::time::Duration;

use lease_model::lease::decide::Refusal;
use lease_model::lease::operate::{End, Progress};

use super::scenario;
use crate::actor::{Actor, patient};
use crate::clock::Wall;
use crate::faults::{Outage, Verb, WatchFault};
use crate::stay::Leave;
use crate::{millis, secs, sleep};

#[test]
fn a_lease_deleted_under_a_waiter_is_refused_or_created_as_asked() {
    for create in [false, true] {
        scenario(15, async |world, [first, second, _]| {
            first.take(None).await;
            let mut terms = second.terms(Some(15));
            terms.create = create;
            let waiter = second.spawn_acquire(terms, patient());
            sleep(1.0).await;
            world.delete();
            sleep(0.2).await;
            assert!(waiter.is_finished());
            match (create, waiter.ended().await.0) {
                (true, Ok(grant)) => assert_eq!(grant.record.transitions(), 1),
                (false, Err(end)) => assert_eq!(end, End::Refused(Refusal::NotFound)),
                (_, other) => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn a_holder_is_never_taken_while_it_renews_and_soon_when_it_stops_whatever_its_clock_says() {
    let year = 31_536_000;
    let walls = [
        Wall::Skewed(3600),
        Wall::Skewed(-3600),
        Wall::Skewed(20 * year),
        Wall::Skewed(-20 * year),
        Wall::Standing,
        Wall::Jumping,
        Wall::Coarse,
    ];
    let faults = [
        WatchFault::None,
        WatchFault::Silent,
        WatchFault::Denied,
        WatchFault::Dropping,
    ];
    for wall in walls {
        for (fault, stamps) in faults.into_iter().flat_map(|f| [(f, true), (f, false)]) {
            scenario(6, async |world, _| {
                if !stamps {
                    world.server().make_old();
                }
                let first = Actor::new(&world, 0, 975_000, wall);
                let second = Actor::new(&world, 1, 1_025_000, Wall::Skewed(0));
                world.fail_watches(1, &[fault]);
                let grant = first.take(None).await;
                first.hold(grant, 120.0);
                let waiter = second.wait();
                sleep(119.0).await;
                let case = format!("{wall:?} {fault:?} {stamps}");
                assert_eq!(world.holder().as_deref(), Some("actor-0"), "{case}");
                let (_, at) = waiter.granted().await;
                let renewals = world.requests(0, Verb::Replace);
                assert!(renewals > 40, "it was renewed {renewals} times");
                assert!(at < secs(124.0 + 6.0 + 3.0), "{case}: only at {at:?}");
            });
        }
    }
}

#[test]
fn a_release_is_noticed_whatever_the_watch_does_and_without_hammering() {
    // Held for so long; then the waiter must get in within so many seconds.
    for (fault, held, within) in [
        (WatchFault::None, 10.0, 0.2),
        (WatchFault::Denied, 10.0, 1.3),
        (WatchFault::Silent, 2.0, 15.0),
        (WatchFault::NeverOpens, 2.0, 15.0),
        (WatchFault::EndsAfter(Duration::ZERO), 30.0, 6.0),
        (WatchFault::BreaksAfter(Duration::ZERO), 30.0, 6.0),
        (WatchFault::Gone, 30.0, 6.0),
        (WatchFault::EndsAfter(millis(100)), 30.0, 6.0),
        (WatchFault::BreaksAfter(millis(100)), 30.0, 6.0),
    ] {
        scenario(3600, async |world, [first, second, _]| {
            world.fail_watches(1, &[fault]);
            let grant = first.take(None).await;
            let waiter = second.wait();
            sleep(held).await;
            let requests = world.all_requests(1);
            assert!(requests < 80, "{fault:?}: {requests} requests");
            first.release(grant).await;
            let freed = world.now();
            let took = waiter.granted().await.1 - freed;
            assert!(took < secs(within), "{fault:?}: {took:?}");
            if matches!(fault, WatchFault::Denied) {
                // After 1, 2, 4 and 8 seconds it is tried again.
                let (watches, reads) =
                    (world.requests(1, Verb::Watch), world.requests(1, Verb::Get));
                assert!((3..=5).contains(&watches), "{watches} watches");
                assert!((8..=16).contains(&reads), "{reads} reads");
            }
        });
    }
}

#[test]
fn a_storm_of_label_edits_starves_neither_a_waiter_nor_a_renewal() {
    scenario(6, async |world, [first, second, _]| {
        world.edit_labels_every(0.01);
        let grant = first.take(None).await;
        let stays = first.hold(grant, 20.0);
        let (_, at) = second.wait().granted().await;
        assert!(stays.await.expect("a result"), "the holder lost it");
        assert!(at > secs(23.0) && at < secs(22.0 + 6.0 + 3.0), "{at:?}");
    });
}

#[test]
fn a_timeout_ends_a_waiter_that_others_are_always_faster_than() {
    scenario(6, async |world, [actor, ..]| {
        // Several edits between every read and the write that follows it.
        world.edit_labels_every(0.001);
        let end = actor.acquire(&actor.terms(None), &actor.within(5.0)).await;
        if end.is_err() {
            assert!(matches!(end, Err(End::TimedOut { .. })), "{end:?}");
        }
        assert!(world.now() < secs(7.0), "{:?}", world.now());
    });
}

#[test]
fn on_an_old_server_a_live_holder_that_looks_dead_by_its_stamp_is_left_alone() {
    scenario(6, async |world, [first, second, _]| {
        world.server().make_old();
        let grant = first.take(None).await;
        first.hold(grant, 60.0);
        sleep(30.0).await;
        let waiter = second.wait();
        sleep(25.0).await;
        assert_eq!(world.holder().as_deref(), Some("actor-0"));
        waiter.granted().await;
    });
}

#[test]
fn a_waiter_sends_one_read_one_watch_and_one_write() {
    scenario(15, async |world, [first, second, _]| {
        let grant = first.take(None).await;
        assert_eq!(world.all_requests(0), 2, "a free one: read, write");
        let stays = first.spawn_stay(grant, 120.0, Leave::Release);
        let (_, at) = second.wait().granted().await;
        assert!(stays.await.expect("a result"));
        assert!(at < secs(121.0));
        let counts = [Verb::Get, Verb::Watch, Verb::Replace].map(|verb| world.requests(1, verb));
        assert_eq!((counts, world.all_requests(1)), ([1, 1, 1], 3));
    });
}

#[test]
fn forty_waiters_of_one_lease_all_get_in_one_after_the_other() {
    scenario(15, async |world, _| {
        let lives: Vec<_> = (0..40)
            .map(|client| {
                let actor = Actor::exact(&world, client);
                tokio::task::spawn_local(async move {
                    let grant = actor.take(None).await;
                    actor.stay(grant, millis(50), Leave::Release).await
                })
            })
            .collect();
        for life in lives {
            assert!(life.await.expect("a result"));
        }
        assert!(world.now() < secs(120.0), "{:?}", world.now());
    });
}

#[test]
fn a_version_that_went_back_does_not_hide_the_lease_from_a_waiter() {
    // etcd restored from a backup: resourceVersions go on from an older one.
    scenario(6, async |world, [first, second, _]| {
        first.take(None).await;
        let waiter = second.wait();
        sleep(1.0).await;
        world.server().restore(50);
        let granted = tokio::time::timeout(secs(30.0), waiter.granted()).await;
        granted.expect("it got in");
    });
}

#[test]
fn a_watch_that_is_refused_for_a_while_is_said_once_and_said_again_when_it_works() {
    scenario(60, async |world, [first, second, _]| {
        let [refused, works] = [WatchFault::Denied, WatchFault::None];
        world.fail_watches(1, &[refused, refused, refused, works]);
        let grant = first.take(None).await;
        first.hold(grant, 600.0);
        let waiter = second.wait_for(100.0);
        sleep(90.0).await;
        // After pauses of 1, 2 and 4 seconds it works; from then on nothing is read.
        let reads = world.requests(1, Verb::Get);
        assert!((5..=12).contains(&reads), "{reads} reads");
        assert_eq!(world.requests(1, Verb::Watch), 4);
        waiter.ended().await.0.expect_err("it is held");
        let said = second.said.borrow();
        let [
            (_, Progress::Waiting { .. }),
            (_, Progress::Polling),
            (_, Progress::Watching),
        ] = said[..]
        else {
            panic!("{said:?}");
        };
    });
}

#[test]
fn a_watch_that_is_refused_for_ever_is_tried_again_after_pauses_that_grow_to_half_a_minute() {
    scenario(15, async |world, [actor, ..]| {
        world.fail_watches(0, &[WatchFault::Denied]);
        let grant = actor.take(None).await;
        assert!(actor.stay(grant, secs(600.0), Leave::Crash).await);
        let watches = world.requests(0, Verb::Watch);
        assert!((20..=32).contains(&watches), "{watches} watches in 10 min");
        // A holder's renewals notice a loss: it reads nothing meanwhile.
        assert_eq!(world.requests(0, Verb::Get), 1);
    });
}

#[test]
fn a_server_that_does_not_answer_is_noticed_and_said_once_and_its_answer_too() {
    scenario(600, async |world, [first, second, _]| {
        let grant = first.take(None).await;
        let waiter = second.wait_for(300.0);
        sleep(2.0).await;
        world.cut_off(1, 60.0, Outage::BlackHole);
        sleep(30.0).await;
        first.release(grant).await;
        waiter.granted().await;
        assert!(world.now() < secs(75.0), "{:?}", world.now());
        let said = second.said.borrow();
        let [
            (_, Progress::Waiting { .. }),
            (at, Progress::Silent(_)),
            (again, Progress::Heard),
        ] = said[..]
        else {
            panic!("{said:?}");
        };
        assert!(at < secs(2.0 + 15.0 + 6.0), "{at:?}");
        assert!(again > secs(60.0), "{again:?}");
    });
}

#[test]
fn a_wait_that_ends_while_nothing_is_known_says_since_when() {
    for (hangs_after, timeout) in [(2.0, 55.0), (6.0, 17.0), (2.0, 10.0)] {
        scenario(600, async |world, [first, second, _]| {
            first.take(None).await;
            let waiter = second.wait_for(timeout);
            sleep(hangs_after).await;
            world.cut_off(1, 600.0, Outage::BlackHole);
            let end = waiter.ended().await.0.expect_err("it is held");
            let End::TimedOut {
                obstacle: Some(_),
                at_most: None,
                since: Some(_),
                ..
            } = end
            else {
                panic!("{end:?}");
            };
            assert!(world.now() < secs(timeout + 1.0), "{:?}", world.now());
        });
    }
}

#[test]
fn a_quiet_server_that_answers_is_asked_rarely_and_nothing_is_said() {
    scenario(3600, async |world, [first, second, _]| {
        first.take(None).await;
        let end = second.wait_for(600.0).ended().await.0;
        let Err(End::TimedOut {
            since: None,
            at_most: Some(_),
            ..
        }) = end
        else {
            panic!("{end:?}");
        };
        let reads = world.requests(1, Verb::Get);
        assert!((30..=41).contains(&reads), "{reads} reads in 10 min");
        assert!(world.requests(1, Verb::Watch) <= 3);
        let said = second.said.borrow();
        assert_eq!(said.len(), 1, "{said:?}");
    });
}
