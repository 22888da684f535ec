//! Scenarios of clocks: the servers' stamps, `Date` that lies, hardware clocks that run at different rates.

use std::rc::Rc;

use super::scenario;
use crate::actor::{Actor, once};
use crate::clock::{Wall, epoch};
use crate::faults::{Outage, RequestFault, Verb};
use crate::server::Date;
use crate::world::World;
use crate::{secs, simulate, sleep};

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
        scenario(30, async |world, [first, second, _]| {
            {
                let server = &mut *world.server();
                server.version = version;
                server.restamps = trusted || refuses;
                server.refuses_dry_run = refuses;
            }
            first.take(None).await;
            sleep(62.0).await;
            let began = world.now();
            let took = second.wait().granted().await.1 - began;
            if trusted {
                assert!(took < secs(0.1), "{version:?}: {took:?}");
                assert_eq!(asked(&world, 1), [1, 1, 1, 1]);
                assert_eq!(world.all_requests(1), 4);
            } else {
                let watched = secs(30.0)..secs(31.0);
                assert!(watched.contains(&took), "{version:?}: {took:?}");
                // It was quiet for 15 s in between, which is asked about.
                assert_eq!(asked(&world, 1), [2, 1, u64::from(refuses), 1]);
            }
        });
    }
}

#[test]
fn a_dry_run_that_gets_no_answer_leaves_it_to_watching() {
    scenario(30, async |world, [first, second, _]| {
        first.take(None).await;
        sleep(62.0).await;
        world.fail(1, Verb::DryRun, [RequestFault::LostReply]);
        let began = world.now();
        let took = second.wait().granted().await.1 - began;
        assert!((secs(30.0)..secs(31.0)).contains(&took), "{took:?}");
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
        scenario(6, async |world, [first, second, _]| {
            world.server().date = date;
            let grant = first.take(None).await;
            first.hold(grant, 60.0);
            sleep(5.0).await;
            let waiter = second.wait();
            sleep(54.0).await;
            assert_eq!(world.holder().as_deref(), Some("actor-0"), "{date:?}");
            waiter.granted().await;
            let [reads, versions, dry_runs, _] = asked(&world, 1);
            assert!(versions <= 1 && dry_runs <= 1 && reads == 1, "{date:?}");
        });
    }
}

#[test]
fn a_holder_written_alone_by_another_client_is_as_young_as_that() {
    scenario(15, async |world, [first, second, _]| {
        let grant = first.take(None).await;
        first.release(grant).await;
        sleep(60.0).await;
        world.claim();
        sleep(1.0).await;
        let began = world.now();
        let took = second.wait().granted().await.1 - began;
        assert!(took >= secs(15.0), "{took:?}");
    });
}

/// A world in which a first actor, on a clock of this rate, was cut off as soon as it had the Lease. Two API servers'
/// clocks are so many seconds apart.
async fn cut_off_holder(seed: u64, duration: u32, rate: u64, apart: f64) -> Rc<World> {
    let world = World::new(seed);
    world.create(duration);
    world.server().skew = secs(apart);
    let first = Actor::new(&world, 0, rate, Wall::Skewed(0));
    let grant = first.take(None).await;
    world.cut_off(0, 600.0, Outage::BlackHole);
    first.hold(grant, 600.0);
    world
}

/// The second actor begins to work.
fn enter(world: &World, token: &str) {
    let now = world.now();
    let checker = &mut world.server().checker;
    checker.enter(now, 1, token, now + secs(1.0));
}

/// One server stamps the last renewal, another the dry run, and their clocks are as far apart as they may be.
#[test]
fn api_servers_half_a_minute_apart_take_nothing_from_a_holder_that_may_be_inside() {
    for seed in 0..20 {
        simulate(seed, async move {
            // It stops by a clock that is as slow as it may be.
            let world = cut_off_holder(seed, 15, 975_000, 30.0).await;
            world.server().date = Date::Missing;
            let second = Actor::exact(&world, 1);
            let mut tries = 0;
            while world.holder().as_deref() == Some("actor-0") {
                tries += 1;
                assert!(tries < 500, "never taken");
                sleep(0.17).await;
                let second = second.restarted();
                if let Ok(grant) = second.acquire(&second.terms(None), &once()).await {
                    enter(&world, &grant.fencing_token);
                }
            }
            assert!(world.now() > secs(15.0));
            world.assert_no_violations();
        });
    }
}

/// A holder that is cut off, and a waiter, on clocks of these rates; whether both were inside at once.
fn overlap(holders: u64, waiters: u64) -> bool {
    simulate(1, async move {
        let world = cut_off_holder(1, 12, holders, 0.0).await;
        let second = Actor::new(&world, 1, waiters, Wall::Skewed(0));
        let (grant, _) = second.wait().granted().await;
        enter(&world, &grant.fencing_token);
        let violations = &world.server().checker.violations;
        (violations.iter()).any(|what| what.contains("is inside together"))
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
