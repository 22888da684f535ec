//! What fails of one ticket, while the server does all else: nobody waits for that for long.

use lease_model::lease::api::Write;
use lease_model::lease::decide::Obstacle;
use lease_model::lease::operate::{End, Progress};
use lease_model::lease::record::{Lease, Record};
use serde_json::json;

use super::scenarios::behind_a_holder;
use super::{Place, until_they_stand};
use crate::actor::{Actor, patient};
use crate::clock::epoch;
use crate::world::World;
use crate::{secs, simulate, sleep};

/// Whoever waits behind a holder cannot do this with tickets, so many seconds after it has come, and the Lease is free so much later.
#[test]
fn who_cannot_draw_or_renew_its_ticket_for_fifteen_seconds_takes_what_is_free_without_a_place() {
    for (fails, after, freed_after) in [("create", 0.0, 4.0), ("update", 1.0, 8.0)] {
        simulate(7, async {
            let world = World::new(7);
            let (holder, waiters) = behind_a_holder(&world, 1).await;
            let stays = holder.hold(holder.take(None).await, 300.0);
            let waits = waiters[0].wait();
            sleep(after).await;
            world.server().line.fails = Some(fails);
            let failed = world.now();
            sleep(freed_after).await;
            stays.abort();
            world.edit_spec("holderIdentity", "");
            let (_, at) = waits.granted().await;
            let lasted = at - failed;
            assert!(lasted < secs(15.0 + 3.0), "{fails}: {lasted:?}");
            let said = waiters[0].said.borrow();
            let mut said = said.iter();
            let without = said.any(|(_, said)| matches!(said, Progress::NoPlace(_)));
            assert!(without, "{fails}");
        });
    }
}

#[test]
fn a_ticket_that_cannot_be_deleted_keeps_nobody_waiting() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 2).await;
        let grant = holder.take(None).await;
        let first = waiters[0].wait();
        until_they_stand(&world, 1).await;
        let second = waiters[1].wait();
        until_they_stand(&world, 2).await;
        world.server().line.fails = Some("delete");
        holder.release(grant).await;
        let (grant, _) = first.granted().await;
        sleep(2.0).await;
        assert_eq!(world.server().line.standing().count(), 1);
        waiters[0].release(grant).await;
        let freed = world.now();
        let (_, at) = second.granted().await;
        // Its own it tries to delete for a second.
        assert!(at - freed < secs(1.1), "{:?}", at - freed);
        world.assert_no_violations();
    });
}

/// A ticket of somebody who has never been seen, and who renewed it so long ago by its own clock.
fn some_ticket(world: &World, name: &str, ago: f64) {
    let wall = epoch() + world.now() - secs(ago);
    let ticket = Lease::new(json!({
        "metadata": { "namespace": "default", "name": name, "labels": { "kubectl-lease/queue-of": "my-lease" } },
        "spec": { "holderIdentity": name, "leaseDurationSeconds": 6, "renewTime": format!("{wall:.6}") },
    }));
    let now = world.now();
    let answer = world.server().draw(now, &ticket.expect("a ticket"));
    assert!(matches!(answer, Ok(Write::Done(_))));
}

#[test]
fn places_of_the_dead_do_not_make_a_line_full() {
    for (ago, refused) in [(60.0, false), (1.0, true)] {
        simulate(7, async {
            let world = World::new(7);
            let (_, mut waiters) = behind_a_holder(&world, 1).await;
            some_ticket(&world, "dead", ago);
            waiters[0].place = Some(Place {
                most: Some(1),
                ..Place::default()
            });
            let ended = waiters[0]
                .acquire(&waiters[0].terms(None), &patient())
                .await;
            match ended {
                Ok(_) => assert!(!refused && world.now() < secs(6.0 + 3.0)),
                Err(End::TimedOut { obstacle, .. }) => {
                    let full = Obstacle::LineIsFull {
                        waiters: 1,
                        most: 1,
                    };
                    assert_eq!((obstacle, refused), (Some(full), true));
                }
                Err(end) => panic!("{end:?}"),
            }
        });
    }
}

/// Nobody else could take what one has; what has expired anybody can.
#[test]
fn a_second_one_of_the_dead_holders_identity_goes_by_its_turn() {
    for seed in 0..20 {
        simulate(seed, async {
            let world = World::new(seed);
            let (holder, waiters) = behind_a_holder(&world, 2).await;
            holder.take(None).await;
            let first = waiters[0].wait();
            until_they_stand(&world, 1).await;
            let same = Actor {
                name: holder.name.clone(),
                ..waiters[1].clone()
            };
            let second = same.wait();
            until_they_stand(&world, 2).await;
            // Whose turn it is is late when the holder's time is over.
            sleep(5.0).await;
            waiters[0].clock.freeze_until(world.now() + secs(2.0));
            let (grant, _) = first.granted().await;
            assert!(!second.is_finished());
            waiters[0].release(grant).await;
            second.granted().await;
        });
    }
}

#[test]
fn who_alone_has_its_priority_changed_by_hand_stands_before_nobody_but_itself() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, waiters) = behind_a_holder(&world, 1).await;
        let grant = holder.take(None).await;
        let waits = waiters[0].wait();
        until_they_stand(&world, 1).await;
        let mut ticket = world.server().line.all()[0].as_json().clone();
        ticket["metadata"]["annotations"]["kubectl-lease/priority"] = "5".into();
        let (now, raised) = (world.now(), Record::new(ticket).expect("a record"));
        let answer = world.server().change(now, &raised);
        assert!(matches!(answer, Write::Done(_)));
        sleep(0.5).await;
        holder.release(grant).await;
        let freed = world.now();
        let (_, at) = waits.granted().await;
        assert!(at - freed < secs(0.5), "{:?}", at - freed);
        assert_eq!(waiters[0].places(), [1]);
    });
}

/// It has not watched the dead before it for long, and whoever stands behind it has.
#[test]
fn one_of_a_higher_priority_that_comes_behind_the_dead_does_not_begin_the_wait_for_them_anew() {
    simulate(7, async {
        let world = World::new(7);
        let (holder, mut waiters) = behind_a_holder(&world, 3).await;
        let grant = holder.take(None).await;
        let late = waiters.remove(2).of_priority(1);
        let first = waiters.remove(0).of_priority(1);
        let dies =
            tokio::task::spawn_local(
                async move { first.acquire(&first.terms(None), &patient()).await },
            );
        until_they_stand(&world, 1).await;
        let behind = waiters[0].wait();
        until_they_stand(&world, 2).await;
        sleep(1.0).await;
        dies.abort();
        holder.release(grant).await;
        let freed = world.now();
        sleep(4.0).await;
        let comes = late.wait();
        let (grant, at) = comes.granted().await;
        assert!(at - freed < secs(6.0 + 1.0), "{:?}", at - freed);
        late.release(grant).await;
        behind.granted().await;
        world.assert_no_violations();
    });
}
