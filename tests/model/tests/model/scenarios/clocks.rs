//! Scenarios of clocks: the servers' stamps, `Date` that lies, hardware clocks that run at different rates.

use super::{holder, holding, lawful, sleep, taken, waiting, world};
use crate::actor::{Actor, patient};
use crate::clock::{Wall, epoch};
use crate::faults::{Mishap, Outage, Verb};
use crate::server::{Date, World};
use crate::{millis, secs, simulate};
use lease_model::lease::decide::Ours;
use lease_model::lease::operate::Limits;

fn asked(world: &World, client: usize) -> [u64; 4] {
    [Verb::Get, Verb::Version, Verb::DryRun, Verb::Replace].map(|verb| world.requests(client, verb))
}

#[test]
fn stamps_are_proof_at_once_from_1_25_and_never_before_and_never_without_a_dry_run() {
    for (version, refuses, trusted) in [
        (Some((1, 25)), false, true),
        (Some((2, 0)), false, true),
        (Some((1, 33)), true, false),
        (Some((1, 24)), false, false),
        (None, false, false),
    ] {
        simulate(1, async {
            let world = world(30);
            {
                let mut state = world.state.borrow_mut();
                state.version = version;
                state.restamps = trusted || refuses;
                state.refuses_dry_run = refuses;
            }
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            taken(&first, None).await;
            sleep(62.0).await;
            let began = world.now();
            let (result, at) = waiting(&second).await.expect("a result");
            result.expect("a grant");
            if trusted {
                assert!(at - began < secs(0.1), "{version:?}: {:?}", at - began);
                assert_eq!(asked(&world, 1), [1, 1, 1, 1]);
                assert_eq!(world.all_requests(1), 4);
            } else {
                let took = at - began;
                assert!(
                    took >= secs(30.0) && took < secs(31.0),
                    "{version:?}: {took:?}"
                );
                // It was quiet for 15 s in between, which is asked about.
                assert_eq!(asked(&world, 1), [2, 1, u64::from(refuses), 1]);
            }
            lawful(&world);
        });
    }
}

#[test]
fn a_dry_run_that_gets_no_answer_leaves_it_to_watching() {
    simulate(1, async {
        let world = world(30);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        taken(&first, None).await;
        sleep(62.0).await;
        world.mishap(1, Verb::DryRun, Mishap::LostReply);
        let began = world.now();
        let (result, at) = waiting(&second).await.expect("a result");
        result.expect("a grant");
        assert!(at - began >= secs(30.0) && at - began < secs(31.0));
        assert_eq!(asked(&world, 1), [2, 1, 1, 1]);
    });
}

#[test]
fn whatever_date_says_a_waiter_asks_for_one_dry_run_and_takes_from_no_live_holder() {
    for date in [
        Date::Missing,
        Date::Off(20),
        Date::Off(86_400),
        Date::Off(-86_400),
        Date::Cached(epoch()),
    ] {
        simulate(1, async {
            let world = world(6);
            world.state.borrow_mut().date = date;
            let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
            let grant = taken(&first, None).await;
            holding(&first, grant, 60.0);
            sleep(5.0).await;
            let waiter = waiting(&second);
            sleep(54.0).await;
            assert_eq!(holder(&world).as_deref(), Some("actor-0"), "{date:?}");
            waiter.await.expect("a result").0.expect("a grant");
            let [reads, versions, dry_runs, _] = asked(&world, 1);
            assert!(versions <= 1 && dry_runs <= 1 && reads == 1, "{date:?}");
            lawful(&world);
        });
    }
}

#[test]
fn a_holder_written_alone_by_another_client_is_as_young_as_that() {
    simulate(1, async {
        let world = world(15);
        let (first, second) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let grant = taken(&first, None).await;
        first.let_go(&Ours::Grant(grant.record)).await;
        sleep(60.0).await;
        world.claim();
        sleep(1.0).await;
        let began = world.now();
        let (result, at) = waiting(&second).await.expect("a result");
        result.expect("a grant");
        assert!(at - began >= secs(15.0), "{:?}", at - began);
        lawful(&world);
    });
}

/// One server stamps the last renewal, another the dry run, and their clocks are as far apart as they may be.
#[test]
fn api_servers_half_a_minute_apart_take_nothing_from_a_holder_that_may_be_inside() {
    for seed in 0..20 {
        simulate(seed, async move {
            let world = World::new(seed);
            world.create(15);
            world.state.borrow_mut().server_skew = secs(30.0);
            world.state.borrow_mut().date = Date::Missing;
            // It stops by a clock that is as slow as it may be.
            let first = Actor::new(&world, 0, 975_000, Wall::Skewed(0));
            let second = Actor::exact(&world, 1);
            let grant = taken(&first, None).await;
            let until = (secs(600.0), Outage::BlackHole);
            world.state.borrow_mut().fates.outages.insert(0, until);
            holding(&first, grant, 600.0);
            let once = Limits {
                once: true,
                insist: false,
                ..patient()
            };
            let mut tries = 0;
            while holder(&world).as_deref() == Some("actor-0") {
                tries += 1;
                assert!(tries < 500, "never taken");
                tokio::time::sleep(millis(170)).await;
                let second = second.restarted();
                if let Ok(grant) = second.acquire(&second.terms(None), &once).await {
                    let now = world.now();
                    let deadline = now + secs(1.0);
                    let token = &grant.fencing_token;
                    world
                        .state
                        .borrow_mut()
                        .ledger
                        .enter(now, 1, token, deadline);
                }
            }
            assert!(world.now() > secs(15.0));
            lawful(&world);
        });
    }
}

/// A holder that is cut off, and a waiter, on clocks of these rates; whether both were inside at once.
fn overlap(holders: u64, waiters: u64) -> bool {
    simulate(1, async move {
        let world = world(12);
        let first = Actor::new(&world, 0, holders, Wall::Skewed(0));
        let second = Actor::new(&world, 1, waiters, Wall::Skewed(0));
        let grant = taken(&first, None).await;
        let until = (secs(600.0), Outage::BlackHole);
        world.state.borrow_mut().fates.outages.insert(0, until);
        holding(&first, grant, 600.0);
        let (result, now) = waiting(&second).await.expect("a result");
        let grant = result.expect("a grant");
        let mut state = world.state.borrow_mut();
        let token = &grant.fencing_token;
        state.ledger.enter(now, 1, token, now + secs(1.0));
        (state.ledger.violations.iter()).any(|law| law.contains("is inside together"))
    })
}

#[test]
fn hardware_clocks_may_differ_by_five_percent_and_slewed_ones_would_show() {
    for (holders, waiters) in [
        (1_000_000, 1_000_000),
        (975_000, 1_025_000),
        (1_000_000, 1_050_000),
        (1_025_000, 975_000),
    ] {
        assert!(!overlap(holders, waiters), "{holders} {waiters}");
    }
    // CLOCK_BOOTTIME under chrony.
    assert!(overlap(916_667, 1_083_333), "the model would not notice");
    assert!(overlap(916_667, 1_000_000), "the model would not notice");
}
