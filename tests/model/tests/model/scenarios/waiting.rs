//! Scenarios of a waiter: watches that fail it, clocks that lie, and when it may take over.

use std::time::Duration;

use super::{holder, holding, lawful, sleep, taken, waiting, within, world};
use crate::actor::{Actor, Leave, patient};
use crate::clock::Wall;
use crate::faults::{Ailment, Outage, Verb};
use crate::{millis, secs, simulate};
use lease_model::lease::decide::{Ours, Refusal};
use lease_model::lease::operate::{End, Grant, Progress};

#[test]
fn a_lease_deleted_under_a_waiter_is_refused_or_created_as_asked() {
    for create in [false, true] {
        simulate(1, async {
            let world = world(15);
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            taken(&first, None).await;
            let mut terms = second.terms(Some(15));
            terms.create = create;
            let waiter =
                tokio::task::spawn_local(async move { second.acquire(&terms, &patient()).await });
            sleep(1.0).await;
            world.outsider(|_| None);
            sleep(0.2).await;
            assert!(waiter.is_finished());
            let result = waiter.await.expect("a result");
            match (create, result) {
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
    for wall in [
        Wall::Skewed(3600),
        Wall::Skewed(-3600),
        Wall::Skewed(20 * year),
        Wall::Skewed(-20 * year),
        Wall::Standing,
        Wall::Jumping,
        Wall::Coarse,
    ] {
        for (ailment, stamps) in [
            Ailment::Well,
            Ailment::Silent,
            Ailment::Denied,
            Ailment::Dropping,
        ]
        .into_iter()
        .flat_map(|ailment| [(ailment, true), (ailment, false)])
        {
            simulate(7, async {
                let world = world(6);
                if !stamps {
                    world.state.borrow_mut().version = Some((1, 20));
                    world.state.borrow_mut().restamps = false;
                }
                let (first, second) = (
                    Actor::new(&world, 0, 975_000, wall),
                    Actor::new(&world, 1, 1_025_000, Wall::Skewed(0)),
                );
                world.ailments(1, &[ailment]);
                let grant = taken(&first, None).await;
                holding(&first, grant, 120.0);
                let waiter = waiting(&second);
                sleep(119.0).await;
                assert_eq!(
                    holder(&world).as_deref(),
                    Some("actor-0"),
                    "{wall:?} {ailment:?}"
                );
                let (result, at) = waiter.await.expect("a result");
                result.expect("a grant");
                let stopped = world.state.borrow().ledger.totals.renewals;
                assert!(stopped > 40, "it was renewed {stopped} times");
                assert!(
                    at < secs(124.0 + 6.0 + 3.0),
                    "{wall:?} {ailment:?}: taken only at {at:?}"
                );
                lawful(&world);
            });
        }
    }
}

#[test]
fn without_watch_permission_a_free_lease_is_taken_within_a_poll() {
    simulate(1, async {
        let world = world(60);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        world.ailments(1, &[Ailment::Denied]);
        let grant = taken(&first, None).await;
        let waiter = waiting(&second);
        sleep(10.0).await;
        first.let_go(&Ours::Grant(grant.record)).await;
        let freed = world.now();
        let (result, at) = waiter.await.expect("a result");
        result.expect("a grant");
        assert!(at - freed < secs(1.3), "{:?}", at - freed);
        // After 1, 2, 4 and 8 seconds it is tried again.
        assert!((3..=5).contains(&world.requests(1, Verb::Watch)));
        assert!(
            (8..=16).contains(&world.requests(1, Verb::Get)),
            "{}",
            world.requests(1, Verb::Get)
        );
        lawful(&world);
    });
}

#[test]
fn a_silent_watch_still_hands_over() {
    for ailment in [Ailment::Silent, Ailment::NeverOpens] {
        simulate(1, async {
            let world = world(15);
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            world.ailments(1, &[ailment]);
            let grant = taken(&first, None).await;
            let waiter = waiting(&second);
            sleep(2.0).await;
            first.let_go(&Ours::Grant(grant.record)).await;
            let (result, at) = waiter.await.expect("a result");
            result.expect("a grant");
            assert!(at < secs(16.0), "{ailment:?}: {at:?}");
            lawful(&world);
        });
    }
}

#[test]
fn a_watch_that_ends_or_breaks_at_once_does_not_make_a_waiter_hammer() {
    for ailment in [
        Ailment::EndsAfter(Duration::ZERO),
        Ailment::BreaksAfter(Duration::ZERO),
        Ailment::Gone,
        Ailment::EndsAfter(millis(100)),
        Ailment::BreaksAfter(millis(100)),
    ] {
        simulate(1, async {
            let world = world(60);
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            world.ailments(1, &[ailment]);
            let grant = taken(&first, None).await;
            let waiter = waiting(&second);
            sleep(30.0).await;
            let requests = world.all_requests(1);
            assert!(requests < 80, "{ailment:?}: {requests} requests in 30 s");
            first.let_go(&Ours::Grant(grant.record)).await;
            let freed = world.now();
            let (result, at) = waiter.await.expect("a result");
            result.expect("a grant");
            assert!(at - freed < secs(6.0), "{ailment:?}: {:?}", at - freed);
        });
    }
}

#[test]
fn a_storm_of_label_edits_starves_neither_a_waiter_nor_a_renewal() {
    simulate(1, async {
        let world = world(6);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let storm = world.clone();
        tokio::task::spawn_local(async move {
            for edit in 0.. {
                storm.edit_label(edit);
                tokio::time::sleep(millis(10)).await;
            }
        });
        let grant = taken(&first, None).await;
        let holder_stays = holding(&first, grant, 20.0);
        let waiter = waiting(&second);
        let (result, at) = waiter.await.expect("a result");
        result.expect("a grant");
        assert!(holder_stays.await.expect("a result"), "the holder lost it");
        assert!(at > secs(23.0) && at < secs(22.0 + 6.0 + 3.0), "{at:?}");
        lawful(&world);
    });
}

#[test]
fn a_timeout_ends_a_waiter_that_others_are_always_faster_than() {
    simulate(1, async {
        let world = world(6);
        let actor = Actor::exact(&world, 0);
        // A hundred edits between every read and the write that follows it.
        let storm = world.clone();
        tokio::task::spawn_local(async move {
            for edit in 0.. {
                storm.edit_label(edit);
                tokio::time::sleep(millis(1)).await;
            }
        });
        let end = actor
            .acquire(&actor.terms(None), &within(&actor, 5.0))
            .await;
        if end.is_err() {
            assert!(matches!(end, Err(End::TimedOut { .. })), "{end:?}");
        }
        assert!(world.now() < secs(7.0), "{:?}", world.now());
    });
}

#[test]
fn on_an_old_server_a_live_holder_that_looks_dead_by_its_stamp_is_left_alone() {
    simulate(1, async {
        let world = world(6);
        world.state.borrow_mut().version = Some((1, 20));
        world.state.borrow_mut().restamps = false;
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let grant = taken(&first, None).await;
        holding(&first, grant, 60.0);
        sleep(30.0).await;
        let waiter = waiting(&second);
        sleep(25.0).await;
        assert_eq!(holder(&world).as_deref(), Some("actor-0"));
        waiter.await.expect("a result").0.expect("a grant");
        lawful(&world);
    });
}

#[test]
fn a_waiter_sends_one_read_one_watch_and_one_write() {
    simulate(1, async {
        let world = world(15);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let grant = taken(&first, None).await;
        assert_eq!(world.all_requests(0), 2, "a free one: read, write");
        let stays = {
            let first = first.clone();
            tokio::task::spawn_local(
                async move { first.stay(grant, secs(120.0), Leave::Release).await },
            )
        };
        let (result, at) = waiting(&second).await.expect("a result");
        result.expect("a grant");
        assert!(stays.await.expect("a result"));
        assert!(at < secs(121.0));
        let counts = [Verb::Get, Verb::Watch, Verb::Replace].map(|verb| world.requests(1, verb));
        assert_eq!((counts, world.all_requests(1)), ([1, 1, 1], 3));
        lawful(&world);
    });
}

#[test]
fn forty_waiters_of_one_lease_all_get_in_one_after_the_other() {
    simulate(1, async {
        let world = world(15);
        let lives: Vec<_> = (0..40)
            .map(|client| {
                let actor = Actor::exact(&world, client);
                tokio::task::spawn_local(async move {
                    let grant = actor
                        .acquire(&actor.terms(None), &patient())
                        .await
                        .expect("a grant");
                    actor.stay(grant, millis(50), Leave::Release).await
                })
            })
            .collect();
        for life in lives {
            assert!(life.await.expect("a result"));
        }
        assert!(world.now() < secs(120.0), "{:?}", world.now());
        lawful(&world);
    });
}

#[test]
fn a_version_that_went_back_does_not_hide_the_lease_from_a_waiter() {
    // etcd restored from a backup: resourceVersions go on from an older one.
    simulate(1, async {
        let world = world(6);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        taken(&first, None).await;
        let waiter = waiting(&second);
        sleep(1.0).await;
        world.restore(50);
        let result = tokio::time::timeout(secs(30.0), waiter).await;
        let (result, _) = result.expect("it got in").expect("a result");
        result.expect("a grant");
    });
}

#[test]
fn a_watch_that_is_refused_for_a_while_is_said_once_and_said_again_when_it_works() {
    simulate(1, async {
        let world = world(60);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let refused = [Ailment::Denied; 3];
        world.ailments(1, &[&refused[..], &[Ailment::Well]].concat());
        let grant = taken(&first, None).await;
        holding(&first, grant, 600.0);
        let waiter = waiting_for(&second, 100.0);
        sleep(90.0).await;
        // After pauses of 1, 2 and 4 seconds it works; from then on nothing is read.
        let reads = world.requests(1, Verb::Get);
        assert!((5..=12).contains(&reads), "{reads} reads");
        assert_eq!(world.requests(1, Verb::Watch), 4);
        waiter.await.expect("a result").expect_err("it is held");
        let said = second.said.borrow();
        assert!(
            matches!(
                said[..],
                [
                    (_, Progress::Waiting { .. }),
                    (_, Progress::Polling),
                    (_, Progress::Watching)
                ]
            ),
            "{said:?}"
        );
    });
}

#[test]
fn a_watch_that_is_refused_for_ever_is_tried_again_after_pauses_that_grow_to_half_a_minute() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        world.ailments(0, &[Ailment::Denied]);
        let grant = taken(&actor, None).await;
        assert!(actor.stay(grant, secs(600.0), Leave::Crash).await);
        let watches = world.requests(0, Verb::Watch);
        assert!((20..=32).contains(&watches), "{watches} watches in 10 min");
        // A holder's renewals notice a loss: it reads nothing meanwhile.
        assert_eq!(world.requests(0, Verb::Get), 1);
    });
}

/// Waits for `seconds` at most.
fn waiting_for(actor: &Actor, seconds: f64) -> tokio::task::JoinHandle<Result<Grant, End>> {
    let actor = actor.clone();
    tokio::task::spawn_local(async move {
        let (terms, limits) = (actor.terms(None), within(&actor, seconds));
        actor.acquire(&terms, &limits).await
    })
}

#[test]
fn a_server_that_does_not_answer_is_noticed_and_said_once_and_its_answer_too() {
    simulate(1, async {
        let world = world(600);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let grant = taken(&first, None).await;
        let waiter = waiting_for(&second, 300.0);
        sleep(2.0).await;
        let hangs = (world.now() + secs(60.0), Outage::BlackHole);
        world.state.borrow_mut().fates.outages.insert(1, hangs);
        sleep(30.0).await;
        first.let_go(&Ours::Grant(grant.record)).await;
        waiter.await.expect("a result").expect("a grant");
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
        lawful(&world);
    });
}

#[test]
fn a_wait_that_ends_while_nothing_is_known_says_since_when() {
    for (hangs_after, timeout) in [(2.0, 55.0), (6.0, 17.0), (2.0, 10.0)] {
        simulate(1, async {
            let world = world(600);
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            taken(&first, None).await;
            let waiter = waiting_for(&second, timeout);
            sleep(hangs_after).await;
            let hangs = (world.now() + secs(600.0), Outage::BlackHole);
            world.state.borrow_mut().fates.outages.insert(1, hangs);
            let end = waiter.await.expect("a result").expect_err("it is held");
            let End::TimedOut {
                obstacle,
                at_most,
                since,
                ..
            } = &end
            else {
                panic!("{end:?}");
            };
            assert!(
                obstacle.is_some() && since.is_some() && at_most.is_none(),
                "{end:?}"
            );
            assert!(world.now() < secs(timeout + 1.0), "{:?}", world.now());
        });
    }
}

#[test]
fn a_quiet_server_that_answers_is_asked_rarely_and_nothing_is_said() {
    simulate(1, async {
        let world = world(3600);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        taken(&first, None).await;
        let waiter = waiting_for(&second, 600.0);
        let end = waiter.await.expect("a result").expect_err("it is held");
        assert!(
            matches!(
                end,
                End::TimedOut {
                    since: None,
                    at_most: Some(_),
                    ..
                }
            ),
            "{end:?}"
        );
        let reads = world.requests(1, Verb::Get);
        assert!((30..=41).contains(&reads), "{reads} reads in 10 min");
        assert!(world.requests(1, Verb::Watch) <= 3);
        let said = second.said.borrow();
        assert_eq!(said.len(), 1, "{said:?}");
    });
}

#[test]
fn a_release_that_a_hanging_watch_hides_is_found_by_asking() {
    simulate(1, async {
        let world = world(3600);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        world.ailments(1, &[Ailment::Silent]);
        let grant = taken(&first, None).await;
        let waiter = waiting(&second);
        sleep(2.0).await;
        first.let_go(&Ours::Grant(grant.record)).await;
        let (result, at) = waiter.await.expect("a result");
        result.expect("a grant");
        assert!(at < secs(17.0), "{at:?}");
        lawful(&world);
    });
}
