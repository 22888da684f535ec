//! Scenarios of a queue whose server answers some requests as nobody would like it to, and of tickets that somebody has made.

use lease_model::lease::api::Write;
use lease_model::lease::operate::Progress;
use lease_model::lease::record::Lease;
use serde_json::json;

use super::scenarios::behind_a_holder;
use super::{stand_in_order, until_they_stand};
use crate::actor::Actor;
use crate::faults::{Outage, RequestFault, Verb, WatchFault};
use crate::world::World;
use crate::{secs, simulate, sleep};

/// Whatever is asked.
const FAILS: RequestFault = RequestFault::ServerError { done: false };

fn is_told(actor: &Actor, told: fn(&Progress) -> bool) -> bool {
    actor.said.borrow().iter().any(|(_, said)| told(said))
}

#[test]
fn a_waiter_that_cannot_read_the_line_for_long_goes_on_without_a_place_and_says_so() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 3).await;
        let grant = holder.take(None).await;
        let stays = holder.hold(grant, 60.0);
        let mut tasks = stand_in_order(&world, &waiters).await;
        sleep(1.0).await;
        world.fail(2, Verb::List, vec![FAILS; 10_000]);
        let first = tasks.remove(0);
        // It has to look who stands before it, once the first is served.
        stays.abort();
        world.edit_spec("holderIdentity", "");
        waiters[0].release(first.granted().await.0).await;
        let freed = world.now();
        let second = tasks.remove(0);
        let (grant, at) = second.granted().await;
        assert!(at - freed < secs(15.0 + 6.0), "{:?}", at - freed);
        waiters[1].release(grant).await;
        let (grant, at) = tasks.remove(0).granted().await;
        assert!(at - freed < secs(15.0 + 6.0), "{:?}", at - freed);
        assert!(is_told(&waiters[1], |said| matches!(
            said,
            Progress::Retrying(_)
        )));
        assert!(is_told(&waiters[1], |said| matches!(
            said,
            Progress::NoPlace(_)
        )));
        waiters[2].release(grant).await;
        world.assert_no_violations();
    });
}

#[test]
fn a_free_lease_is_taken_though_the_line_cannot_be_read() {
    simulate(7, async {
        let world = World::new(7);
        let (_, waiters) = behind_a_holder(&world, 1).await;
        world.fail(1, Verb::List, vec![FAILS; 10_000]);
        let (_, at) = waiters[0].wait().granted().await;
        assert!(at < secs(25.0), "{at:?}");
        assert!(is_told(&waiters[0], |said| matches!(
            said,
            Progress::Retrying(_)
        )));
        assert_eq!(world.server().line.standing().count(), 0);
    });
}

/// However long after each other: each is over as soon as anything is heard of the line.
#[test]
fn moments_in_which_the_ticket_before_cannot_be_read_cost_nobody_its_place() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 3).await;
        let stays = holder.hold(holder.take(None).await, 300.0);
        for waiter in 1..=waiters.len() {
            world.fail_watches(waiter, &[WatchFault::BreaksAfter(secs(17.0))]);
        }
        let tasks = stand_in_order(&world, &waiters).await;
        for waiter in 1..=waiters.len() {
            world.fail(waiter, Verb::Get, vec![FAILS; 10_000]);
        }
        sleep(60.0).await;
        stays.abort();
        world.edit_spec("holderIdentity", "");
        for (waiter, task) in waiters.iter().zip(tasks) {
            let (grant, _) = task.granted().await;
            assert!(!is_told(waiter, |said| matches!(
                said,
                Progress::NoPlace(_)
            )));
            waiter.release(grant).await;
        }
        world.assert_no_violations();
    });
}

#[test]
fn who_may_not_renew_its_ticket_any_more_says_so_and_takes_what_is_free_without_a_place() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 1).await;
        let stays = holder.hold(holder.take(None).await, 300.0);
        let mut tasks = stand_in_order(&world, &waiters).await;
        sleep(1.0).await;
        world.server().line.forbidden = Some("update");
        // Until its place is none any more.
        sleep(16.0).await;
        stays.abort();
        world.edit_spec("holderIdentity", "");
        let freed = world.now();
        let first = tasks.remove(0);
        tokio::select! {
            _ = first.granted() => {}
            () = sleep(15.0 + 3.0) => panic!("it is idle since {freed:?}"),
        }
        assert!(is_told(&waiters[0], |said| matches!(
            said,
            Progress::NoPlace(_)
        )));
    });
}

#[test]
fn a_server_that_is_away_for_long_and_then_knows_nobody_for_a_moment_costs_nobody_its_place() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 3).await;
        let stays = holder.hold(holder.take(None).await, 300.0);
        let tasks = stand_in_order(&world, &waiters).await;
        for waiter in 1..=waiters.len() {
            world.cut_off(waiter, 19.0, Outage::Refused);
        }
        sleep(18.0).await;
        world.server().line.forbidden = Some("update");
        sleep(4.0).await;
        world.server().line.forbidden = None;
        sleep(10.0).await;
        stays.abort();
        world.edit_spec("holderIdentity", "");
        for (waiter, task) in waiters.iter().zip(tasks) {
            let (grant, _) = task.granted().await;
            assert!(!is_told(waiter, |said| matches!(
                said,
                Progress::NoPlace(_)
            )));
            waiter.release(grant).await;
        }
        world.assert_no_violations();
    });
}

#[test]
fn one_refusal_after_many_answers_costs_nobody_its_place() {
    for verb in ["list", "create", "delete"] {
        simulate(7, async {
            let world = World::new(7);
            let (holder, waiters) = behind_a_holder(&world, 4).await;
            let grant = holder.take(None).await;
            let tasks = stand_in_order(&world, &waiters).await;
            sleep(1.0).await;
            world.server().line.forbidden = Some(verb);
            holder.release(grant).await;
            sleep(2.0).await;
            world.server().line.forbidden = None;
            for (waiter, task) in waiters.iter().zip(tasks) {
                let (grant, _) = task.granted().await;
                assert!(
                    !is_told(waiter, |said| matches!(said, Progress::NoPlace(_))),
                    "{verb}"
                );
                waiter.release(grant).await;
            }
            world.assert_no_violations();
        });
    }
}

#[test]
fn stale_tickets_however_many_and_whatever_is_written_into_them_are_gone_after_fifteen_seconds() {
    for (stale, duration) in [
        (300, json!(6)),
        (5, json!(i32::MAX)),
        (5, json!(86_400)),
        (3, json!(null)),
    ] {
        simulate(7, async {
            let world = World::new(7);
            let (_, waiters) = behind_a_holder(&world, 2).await;
            for number in 0..stale {
                let ticket = Lease::new(json!({
                    "metadata": {
                        "namespace": "default", "name": format!("my-lease.waiter-{number}"),
                        "labels": { "kubectl-lease/queue-of": "my-lease" },
                    },
                    "spec": { "holderIdentity": "dead", "leaseDurationSeconds": duration },
                }));
                let now = world.now();
                let answer = world.server().draw(now, &ticket.expect("a ticket"));
                assert!(matches!(answer, Ok(Write::Done(_))));
            }
            let began = world.now();
            let lists = |client| world.requests(client, Verb::List);
            let mut tasks = Vec::new();
            for waiter in &waiters {
                tasks.push(waiter.wait());
                until_they_stand(&world, stale + tasks.len()).await;
            }
            for (waiter, task) in waiters.iter().zip(tasks) {
                let (grant, at) = task.granted().await;
                assert!(
                    at - began < secs(15.0 + 3.0),
                    "{duration}: {:?}",
                    at - began
                );
                waiter.release(grant).await;
            }
            assert!(
                lists(1) < 10 && lists(2) < 10,
                "{} and {} lists",
                lists(1),
                lists(2)
            );
            assert!(waiters[0].places().len() < 5, "{:?}", waiters[0].places());
            assert_eq!(world.server().line.standing().count(), 0);
        });
    }
}

#[test]
fn a_server_that_is_away_for_longer_than_tickets_last_costs_nobody_its_place() {
    for seed in 0..12 {
        simulate(seed, async {
            let world = World::new(seed);
            let (holder, waiters) = behind_a_holder(&world, 6).await;
            let stays = holder.hold(holder.take(None).await, 90.0);
            let tasks = stand_in_order(&world, &waiters).await;
            sleep(3.0).await;
            for client in 0..=6 {
                let how = if seed % 2 == 0 {
                    Outage::Refused
                } else {
                    Outage::BlackHole
                };
                world.cut_off(client, 40.0, how);
            }
            sleep(70.0).await;
            assert_eq!(world.server().line.drawn.len(), 6, "seed {seed}");
            stays.abort();
            world.edit_spec("holderIdentity", "");
            for (waiter, task) in waiters.iter().zip(tasks) {
                waiter.release(task.granted().await.0).await;
            }
            world.assert_no_violations();
        });
    }
}

#[test]
fn the_first_in_line_whose_writes_are_refused_does_not_keep_others_waiting_for_ever() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 2).await;
        let grant = holder.take(None).await;
        let first = waiters[0].wait();
        until_they_stand(&world, 1).await;
        let second = waiters[1].wait();
        until_they_stand(&world, 2).await;
        sleep(1.0).await;
        world.interfere(1, crate::faults::Webhook::SaysConflict);
        holder.release(grant).await;
        let freed = world.now();
        let (_, at) = second.granted().await;
        assert!(at - freed < secs(15.0 + 6.0 + 3.0), "{:?}", at - freed);
        drop(first);
    });
}

#[test]
fn a_bug_of_the_line_costs_the_place_and_nothing_else() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, mut waiters) = behind_a_holder(&world, 2).await;
        let place = waiters[1].place.as_mut().expect("a place");
        place.is_broken = true;
        let grant = holder.take(None).await;
        let tasks = stand_in_order(&world, &waiters[..1]).await;
        let broken = waiters[1].wait();
        sleep(2.0).await;
        assert!(is_told(&waiters[1], |said| matches!(
            said,
            Progress::NoPlace(_)
        )));
        assert_eq!(
            world.server().line.standing().count(),
            1,
            "it leaves no ticket"
        );
        holder.release(grant).await;
        for (waiter, task) in waiters.iter().zip(tasks.into_iter().chain([broken])) {
            waiter.release(task.granted().await.0).await;
        }
        world.assert_no_violations();
    });
}

#[test]
fn whoever_comes_while_the_server_is_away_gets_its_place_once_it_is_back() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 2).await;
        let stays = holder.hold(holder.take(None).await, 300.0);
        let first = waiters[0].wait();
        until_they_stand(&world, 1).await;
        // It has read the lease, and then reaches nobody for a while.
        world.fail(2, Verb::Create, vec![RequestFault::Refused; 30]);
        let second = waiters[1].wait();
        sleep(250.0).await;
        assert!(!is_told(&waiters[1], |said| matches!(
            said,
            Progress::NoPlace(_)
        )));
        assert_eq!(waiters[1].places(), [2]);
        stays.abort();
        world.edit_spec("holderIdentity", "");
        for (waiter, task) in waiters.iter().zip([first, second]) {
            waiter.release(task.granted().await.0).await;
        }
    });
}
