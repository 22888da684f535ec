//! Scenarios of a queue whose waiters die, stand still, give up or are cut off.

use lease_model::lease::api::Write;
use lease_model::lease::operate::{End, Progress};
use lease_model::lease::record::Record;

use super::scenarios::behind_a_holder;
use super::{stand_in_order, until_they_stand};
use crate::actor::{Actor, interrupted, patient};
use crate::faults::{Outage, WatchFault};
use crate::world::World;
use crate::{millis, secs, simulate, sleep};

#[test]
fn any_number_of_dead_waiters_costs_the_living_no_more_than_a_duration_and_three_seconds() {
    for (dead, old) in [(1, false), (1, true), (3, false), (9, true), (30, false)] {
        for died_before in [0.0, 2.0, 11.0] {
            simulate(7, async {
                let world = World::new(7);
                if old {
                    world.server().make_old();
                }
                let (holder, waiters) = behind_a_holder(&world, dead + 2).await;
                let grant = holder.take(None).await;
                let stays = holder.hold(grant, 40.0);
                let mut tasks = Vec::new();
                for waiter in &waiters {
                    let of = waiter.clone();
                    tasks.push(tokio::task::spawn_local(async move {
                        let grant = of.acquire(&of.terms(None), &patient()).await;
                        (grant, of.world.now())
                    }));
                    until_they_stand(&world, tasks.len()).await;
                }
                sleep(15.0).await;
                let alive = tasks.split_off(dead);
                tasks.iter().for_each(tokio::task::JoinHandle::abort);
                sleep(died_before).await;
                stays.abort();
                let record = world.record().expect("held");
                let freed = world.now();
                world.edit(|lease| lease["spec"]["holderIdentity"] = "".into());
                drop(record);
                let mut from = freed;
                for (waiter, task) in waiters[dead..].iter().zip(alive) {
                    let (grant, at) = task.await.expect("it ends");
                    let (case, idle) = ((dead, old, died_before), at - from);
                    assert!(idle < secs(6.0 + 3.0), "{case:?}: idle for {idle:?}");
                    waiter.release(grant.expect("a grant")).await;
                    from = world.now();
                }
                assert_eq!(world.server().line.standing().count(), 0, "all are deleted");
                world.assert_no_violations();
            });
        }
    }
}

#[test]
fn a_waiter_that_was_frozen_past_its_ticket_takes_another_and_overtakes_nobody() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 2).await;
        let stays = holder.hold(holder.take(None).await, 30.0);
        let first = waiters[0].wait();
        until_they_stand(&world, 1).await;
        let second = waiters[1].wait();
        until_they_stand(&world, 2).await;
        sleep(1.0).await;
        waiters[0].clock.freeze_until(world.now() + secs(12.0));
        sleep(11.0).await;
        stays.abort();
        let (grant, _) = second.granted().await;
        let until = world.now() + secs(10.0);
        let stays = waiters[1].hold(grant, 10.0);
        sleep(5.0).await;
        assert!(!first.is_finished());
        let said = waiters[0].said.borrow().clone();
        assert!(
            said.iter().any(|(_, said)| *said == Progress::PlaceLost),
            "{said:?}"
        );
        assert!(stays.await.expect("it ends"));
        assert!(first.granted().await.1 > until);
        assert_eq!(waiters[0].places(), [1, 2, 1]);
        world.assert_no_violations();
    });
}

#[test]
fn a_freeze_that_is_shorter_than_the_ticket_costs_nobody_its_place() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 3).await;
        let stays = holder.hold(holder.take(None).await, 60.0);
        let tasks: Vec<_> = waiters.iter().map(Actor::wait).collect();
        until_they_stand(&world, 3).await;
        for _ in 0..10 {
            sleep(2.0).await;
            for waiter in &waiters {
                waiter.clock.freeze_until(world.now() + secs(1.5));
            }
            sleep(2.0).await;
        }
        assert_eq!(world.server().line.drawn.len(), 3);
        assert_eq!(world.server().line.standing().count(), 3);
        stays.abort();
        for (waiter, task) in waiters.iter().zip(tasks) {
            waiter.release(task.granted().await.0).await;
        }
    });
}

#[test]
fn whoever_gives_up_leaves_the_line_at_once() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 3).await;
        let stays = holder.hold(holder.take(None).await, 60.0);
        let late = waiters[0].wait_for(5.0);
        until_they_stand(&world, 1).await;
        let asked = waiters[1].spawn_acquire(waiters[1].terms(None), interrupted(2, &[6.0]));
        until_they_stand(&world, 2).await;
        let last = waiters[2].wait();
        until_they_stand(&world, 3).await;
        sleep(5.5).await;
        assert_eq!(world.server().line.standing().count(), 2);
        assert!(matches!(late.ended().await.0, Err(End::TimedOut { .. })));
        sleep(1.5).await;
        assert_eq!(world.server().line.standing().count(), 1);
        assert!(matches!(asked.ended().await.0, Err(End::Interrupted(2))));
        // Of one who stood further ahead it hears later, with the next look at the whole line.
        assert_eq!(waiters[2].places(), [3, 1]);
        stays.abort();
        last.granted().await;
    });
}

#[test]
fn a_place_that_somebody_has_freed_by_hand_leaves_no_ticket_behind() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 1).await;
        let stays = holder.hold(holder.take(None).await, 60.0);
        let waiting = waiters[0].wait();
        until_they_stand(&world, 1).await;
        let mut ticket = world.server().line.all()[0].as_json().clone();
        ticket["spec"]["holderIdentity"] = "".into();
        let (now, freed) = (world.now(), Record::new(ticket).expect("a record"));
        let answer = world.server().change(now, &freed);
        assert!(matches!(answer, Write::Done(_)));
        sleep(16.0).await;
        assert_eq!(waiters[0].places(), [1, 1]);
        assert_eq!(
            world.server().line.all().len(),
            1,
            "the one of its new place"
        );
        stays.abort();
        world.edit_spec("holderIdentity", "");
        waiters[0].release(waiting.granted().await.0).await;
        assert_eq!(world.server().line.all().len(), 0);
    });
}

#[test]
fn nobody_loses_its_place_to_watches_that_fail() {
    for fault in [
        WatchFault::Denied,
        WatchFault::Silent,
        WatchFault::NeverOpens,
        WatchFault::Gone,
        WatchFault::Dropping,
        WatchFault::Shuffling,
        WatchFault::EndsAfter(millis(300)),
        WatchFault::BreaksAfter(millis(300)),
    ] {
        simulate(7, async {
            let world = World::new(7);
            let (holder, waiters) = behind_a_holder(&world, 4).await;
            (1..=4).for_each(|client| world.fail_watches(client, &[fault]));
            let grant = holder.take(None).await;
            let stays = holder.hold(grant, 60.0);
            let tasks = stand_in_order(&world, &waiters).await;
            sleep(30.0).await;
            assert_eq!(world.server().line.drawn.len(), 4, "{fault:?}");
            stays.abort();
            world.edit_spec("holderIdentity", "");
            let mut from = world.now();
            for (waiter, task) in waiters.iter().zip(tasks) {
                let (grant, at) = task.granted().await;
                assert!(at - from < secs(20.0), "{fault:?}: {:?}", at - from);
                waiter.release(grant).await;
                from = world.now();
            }
            world.assert_no_violations();
        });
    }
}

#[test]
fn an_outage_costs_nobody_its_place_and_a_lease_that_is_made_anew_has_the_same_line() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 3).await;
        let stays = holder.hold(holder.take(None).await, 90.0);
        let tasks = stand_in_order(&world, &waiters).await;
        for client in 1..=3 {
            world.cut_off(client, 25.0, Outage::BlackHole);
        }
        sleep(60.0).await;
        assert_eq!(world.server().line.drawn.len(), 3);
        stays.abort();
        world.delete();
        for (waiter, task) in waiters.iter().zip(tasks) {
            let (grant, _) = task.granted().await;
            sleep(3.0).await;
            waiter.release(grant).await;
        }
        world.assert_no_violations();
    });
}

#[test]
fn the_first_in_line_that_wakes_up_with_the_lease_free_looks_after_its_place_before_it_takes_it() {
    for seed in 0..40 {
        simulate(seed, async {
            let world = World::new(seed);
            let (holder, waiters) = behind_a_holder(&world, 2).await;
            let grant = holder.take(None).await;
            let stays = holder.hold(grant, 60.0);
            let first = waiters[0].wait();
            until_they_stand(&world, 1).await;
            let second = waiters[1].wait();
            until_they_stand(&world, 2).await;
            sleep(1.0).await;
            waiters[0].clock.freeze_until(world.now() + secs(15.0));
            sleep(15.0).await;
            assert_eq!(
                world.server().line.standing().count(),
                1,
                "its place is over"
            );
            stays.abort();
            // Whose turn it is by now takes its time.
            waiters[1].clock.freeze_until(world.now() + secs(0.5));
            world.edit_spec("holderIdentity", "");
            let (grant, _) = second.granted().await;
            assert!(!first.is_finished());
            waiters[1].release(grant).await;
            first.granted().await;
            world.assert_no_violations();
        });
    }
}
