//! Scenarios of a queue: each makes one thing go wrong, or none, and says what must come of it.

use lease_model::lease::decide::Obstacle;
use lease_model::lease::operate::{End, Progress};

use super::{stand_in_order, until_they_stand};
use crate::actor::{Actor, once, patient};
use crate::clock::Wall;
use crate::faults::Verb;
use crate::stay::Leave;
use crate::world::World;
use crate::{millis, secs, simulate, sleep};

/// So many that stand in line one after the other, behind somebody who holds the Lease.
pub async fn behind_a_holder(world: &std::rc::Rc<World>, count: usize) -> (Actor, Vec<Actor>) {
    world.create(6);
    world.server().line.told_within = secs(0.5);
    let holder = Actor::exact(world, 0);
    let waiters: Vec<Actor> = (1..=count)
        .map(|client| Actor::exact(world, client).in_line())
        .collect();
    (holder, waiters)
}

#[test]
fn a_handover_costs_three_writes_however_long_the_queue_is() {
    for count in [2, 20, 100] {
        simulate(5, async {
            let world = World::new(5);
            let (holder, waiters) = behind_a_holder(&world, count).await;
            let grant = holder.take(None).await;
            let _stays = holder.hold(grant.clone(), 0.0);
            let writes = |world: &World| {
                let of_lease = world.server().history.len() as u64;
                of_lease + world.server().line.writes
            };
            let mut tasks = Vec::new();
            for waiter in waiters {
                let of = waiter.clone();
                tasks.push(tokio::task::spawn_local(async move {
                    let grant = of
                        .acquire(&of.terms(None), &patient())
                        .await
                        .expect("a grant");
                    of.release(grant).await;
                    of.world.now()
                }));
                until_they_stand(&world, tasks.len()).await;
            }
            // Each has its place, and none is to renew it soon.
            sleep(0.1).await;
            let (before, began) = (writes(&world), world.now());
            let renewals = world.server().line.writes;
            holder.release(grant).await;
            for task in tasks {
                task.await.expect("it ends");
            }
            let spent = writes(&world) - before;
            let handovers = count as u64;
            let tickets = world.server().line.writes - renewals;
            let took = world.now() - began;
            // A release, a grant and a ticket less for each; whoever waits for longer than that renews its ticket.
            let renewed = tickets - handovers;
            assert_eq!(
                spent - renewed,
                2 * handovers + handovers + 1,
                "{count}: {tickets} {took:?}"
            );
            let rounds = took.as_secs_f64() / 2.0 + 1.0;
            assert!(
                (renewed as f64) < rounds * count as f64,
                "{count}: {renewed} in {took:?}"
            );
            assert!(
                took < millis(100) * u32::try_from(count).expect("few"),
                "{count}: {took:?}"
            );
            world.assert_no_violations();
        });
    }
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_came_and_hear_where_they_stand() {
    simulate(8, async {
        let world = World::new(8);
        let (holder, waiters) = behind_a_holder(&world, 5).await;
        let stays = holder.hold(holder.take(None).await, 20.0);
        let tasks = stand_in_order(&world, &waiters).await;
        sleep(1.0).await;
        assert_eq!(waiters[4].places(), [5]);
        stays.abort();
        let mut last = secs(0.0);
        for (waiter, task) in waiters.iter().zip(tasks) {
            let (grant, at) = task.granted().await;
            assert!(at > last);
            last = at;
            waiter.release(grant).await;
        }
        assert_eq!(waiters[4].places(), [5, 4, 3, 2, 1]);
        world.assert_no_violations();
        assert_eq!(world.server().line.standing().count(), 0);
    });
}

#[test]
fn one_who_finds_nobody_in_line_and_the_lease_free_draws_no_ticket() {
    simulate(8, async {
        let world = World::new(8);
        let (_, waiters) = behind_a_holder(&world, 1).await;
        let grant = waiters[0].take(None).await;
        assert_eq!(world.server().line.drawn.len(), 0);
        assert_eq!(world.requests(1, Verb::List), 1);
        assert_eq!(world.all_requests(1), 3);
        waiters[0].release(grant).await;
        // Nor where there is none yet.
        world.delete();
        waiters[0].take(None).await;
        assert_eq!(world.server().line.drawn.len(), 0);
    });
}

#[test]
fn whoever_does_not_queue_shares_the_lease_and_the_line_goes_on_behind_it() {
    simulate(9, async {
        let world = World::new(9);
        let (holder, waiters) = behind_a_holder(&world, 2).await;
        let grant = holder.take(None).await;
        let stranger = Actor::exact(&world, 9);
        let tasks: Vec<_> = waiters.iter().map(Actor::wait).collect();
        until_they_stand(&world, 2).await;
        let jumps = stranger.wait();
        sleep(1.0).await;
        holder.release(grant).await;
        sleep(1.0).await;
        // Whoever of the two was quicker has it, and gives it back.
        if jumps.is_finished() {
            stranger.release(jumps.granted().await.0).await;
        }
        for (waiter, task) in waiters.iter().zip(tasks) {
            waiter.release(task.granted().await.0).await;
        }
        world.assert_no_violations();
    });
}

#[test]
fn a_higher_priority_goes_before_those_who_wait_already_and_not_before_who_holds() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, mut waiters) = behind_a_holder(&world, 4).await;
        for (waiter, priority) in waiters.iter_mut().zip([0, -2, 5, 5]) {
            *waiter = waiter.clone().of_priority(priority);
        }
        let grant = holder.take(None).await;
        let mut tasks = Vec::new();
        for waiter in &waiters {
            tasks.push(Some(waiter.wait()));
            until_they_stand(&world, tasks.len()).await;
        }
        sleep(1.0).await;
        assert_eq!(
            waiters[0].places(),
            [1, 2],
            "one went before it, and then another before that one's"
        );
        holder.release(grant).await;
        for next in [2, 3, 0, 1] {
            let task = tasks[next].take().expect("a task");
            let (grant, _) = task.granted().await;
            waiters[next].release(grant).await;
        }
        world.assert_no_violations();
    });
}

#[test]
fn a_line_that_is_full_and_a_single_try_behind_others_end_at_once_and_leave_nothing() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, mut waiters) = behind_a_holder(&world, 4).await;
        let stays = holder.hold(holder.take(None).await, 60.0);
        let tasks: Vec<_> = waiters[..2].iter().map(Actor::wait).collect();
        until_they_stand(&world, 2).await;
        let place = waiters[2].place.as_mut().expect("a place");
        place.most = Some(2);
        let full = waiters[2]
            .acquire(&waiters[2].terms(None), &patient())
            .await;
        let Err(End::TimedOut { obstacle, .. }) = full else {
            panic!("{full:?}");
        };
        let full = Obstacle::LineIsFull {
            waiters: 2,
            most: 2,
        };
        assert_eq!(obstacle, Some(full));
        // One place is left.
        let place = waiters[2].place.as_mut().expect("a place");
        place.most = Some(3);
        let third = waiters[2].wait();
        until_they_stand(&world, 3).await;
        // Held by somebody is told as always; nobody waits for the line.
        let tried = waiters[3].acquire(&waiters[3].terms(None), &once()).await;
        assert!(
            matches!(
                &tried,
                Err(End::TimedOut {
                    obstacle: Some(Obstacle::HeldBy(_)),
                    ..
                })
            ),
            "{tried:?}"
        );
        stays.abort();
        tasks.iter().for_each(|task| assert!(!task.is_finished()));
        world.edit_spec("holderIdentity", "");
        let tried = waiters[3].acquire(&waiters[3].terms(None), &once()).await;
        assert!(
            matches!(
                &tried,
                Err(End::TimedOut {
                    obstacle: Some(Obstacle::InLine(_)),
                    ..
                })
            ),
            "{tried:?}"
        );
        drop(third);
        world.assert_no_violations();
    });
}

#[test]
fn without_permission_it_waits_without_a_place_and_leaves_no_ticket() {
    for forbidden in ["list", "create", "delete"] {
        simulate(7, async {
            let world = World::new(7);
            let (holder, waiters) = behind_a_holder(&world, 1).await;
            world.server().line.forbidden = Some(forbidden);
            let grant = holder.take(None).await;
            let waiter = waiters[0].wait();
            sleep(3.0).await;
            let said = waiters[0].said.borrow().clone();
            let told = said
                .iter()
                .any(|(_, said)| matches!(said, Progress::NoPlace(_)));
            assert!(told, "{forbidden}: {said:?}");
            let standing: Vec<_> = world.server().line.all();
            let standing = standing.iter().filter(|one| one.stands_in_line()).count();
            assert_eq!(standing, 0, "{forbidden}");
            holder.release(grant).await;
            waiter.granted().await;
        });
    }
}

#[test]
fn a_waiter_costs_two_watches_and_one_renewal_in_a_third_of_its_tickets_duration() {
    simulate(7, async {
        let world = World::new(7);
        world.create(15);
        let holder = Actor::exact(&world, 0);
        let waiters: Vec<Actor> = (1..=6)
            .map(|client| Actor::new(&world, client, 1_000_000, Wall::Skewed(0)).in_line())
            .collect();
        let stays = holder.hold(holder.take(None).await, 600.0);
        let _tasks = stand_in_order(&world, &waiters).await;
        sleep(5.0).await;
        let cost =
            |verb| -> Vec<u64> { (1..=6).map(|client| world.requests(client, verb)).collect() };
        let before = [Verb::Watch, Verb::Replace, Verb::List, Verb::Get].map(cost);
        sleep(150.0).await;
        let after = [Verb::Watch, Verb::Replace, Verb::List, Verb::Get].map(cost);
        for client in 0..6 {
            let of = |number: usize| after[number][client] - before[number][client];
            assert_eq!(of(0), 0, "no new watch");
            assert!((29..=31).contains(&of(1)), "{} renewals", of(1));
            assert!(of(2) <= 8, "{} lists", of(2));
            assert!(of(3) <= 10, "{} reads", of(3));
        }
        assert_eq!(before[0], [2; 6], "the lease, and one of the line");
        stays.abort();
    });
}

#[test]
fn a_ticket_that_anybody_edits_keeps_its_place() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 2).await;
        let grant = holder.take(None).await;
        let first = waiters[0].wait();
        until_they_stand(&world, 1).await;
        sleep(0.5).await;
        let ticket = world.server().line.all().remove(0);
        let mut object = ticket.as_json().clone();
        object["metadata"]["labels"]["team"] = "a".into();
        let edited = lease_model::lease::record::Record::new(object).expect("a ticket");
        let now = world.now();
        world.server().change(now, &edited);
        world.announce();
        let second = waiters[1].wait();
        until_they_stand(&world, 2).await;
        sleep(0.5).await;
        assert_eq!(waiters[1].places(), [2]);
        holder.release(grant).await;
        let (grant, _) = first.granted().await;
        waiters[0].stay(grant, secs(5.0), Leave::Release).await;
        second.granted().await;
        world.assert_no_violations();
    });
}
