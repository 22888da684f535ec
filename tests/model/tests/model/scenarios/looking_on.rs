//! Scenarios of who waits for a state and takes nothing: what is told, and when, whatever the watch does.

use std::time::Duration;

use lease_model::lease::decide::Awaited;
use lease_model::lease::operate::End;
use tokio::task::spawn_local;

use super::scenario;
use crate::actor::{Actor, patient};
use crate::clock::{TrueTime, Wall};
use crate::faults::{Verb, WatchFault};
use crate::{secs, sleep};

/// Waits in the background; when it was so.
fn waits(actor: &Actor, awaited: Awaited) -> tokio::task::JoinHandle<TrueTime> {
    let actor = actor.clone();
    spawn_local(async move {
        let limits = patient();
        let waited = (actor.operations)
            .wait(&awaited, &limits, &|_| (), &|_| ())
            .await;
        waited.expect("it is so at some time");
        actor.world.now()
    })
}

#[test]
fn a_live_holder_has_not_expired_and_a_dead_one_has_soon_whatever_its_clock_says() {
    for wall in [
        Wall::Skewed(3600),
        Wall::Skewed(-3600),
        Wall::Standing,
        Wall::Jumping,
    ] {
        for fault in [
            WatchFault::None,
            WatchFault::Silent,
            WatchFault::Denied,
            WatchFault::Dropping,
        ] {
            for stamps in [true, false] {
                scenario(6, async |world, _| {
                    if !stamps {
                        world.server().make_old();
                    }
                    world.fail_watches(1, &[fault]);
                    let first = Actor::new(&world, 0, 975_000, wall);
                    let second = Actor::new(&world, 1, 1_025_000, Wall::Skewed(0));
                    let grant = first.take(None).await;
                    first.hold(grant, 60.0);
                    let expired = waits(&second, Awaited::Expired);
                    let at = expired.await.expect("a result");
                    let case = format!("{wall:?} {fault:?} {stamps}: {at:?}");
                    assert!(
                        at > secs(63.0) && at < secs(60.0 + 2.0 + 6.0 + 17.0),
                        "{case}"
                    );
                    assert_eq!(world.requests(1, Verb::Replace), 0, "{case}");
                    assert_eq!(world.holder().as_deref(), Some("actor-0"), "{case}");
                });
            }
        }
    }
}

#[test]
fn a_release_is_told_at_once_by_a_watch_and_soon_without_one() {
    for (fault, within) in [
        (WatchFault::None, 0.2),
        (WatchFault::Denied, 1.3),
        (WatchFault::Silent, 15.0),
        (WatchFault::EndsAfter(Duration::ZERO), 6.0),
        (WatchFault::Gone, 6.0),
    ] {
        scenario(3600, async |world, [first, second, _]| {
            world.fail_watches(1, &[fault]);
            let grant = first.take(None).await;
            let free = waits(&second, Awaited::Free);
            sleep(10.0).await;
            first.release(grant).await;
            let freed = world.now();
            // Its event may come before the reply.
            let took = free.await.expect("a result").saturating_sub(freed);
            assert!(took < secs(within), "{fault:?}: {took:?}");
            let requests = world.all_requests(1);
            assert!(requests < 80, "{fault:?}: {requests} requests");
        });
    }
}

#[test]
fn a_time_that_is_over_ends_it_with_what_was_last_known() {
    scenario(3600, async |world, [first, second, _]| {
        first.take(None).await;
        let limits = second.within(5.0);
        let waited = second
            .operations
            .wait(&Awaited::Free, &limits, &|_| (), &|_| ());
        let end = waited.await.expect_err("it is held");
        assert!(matches!(end, End::TimedOut { fault: None, .. }), "{end:?}");
        assert!(world.now() > secs(4.9) && world.now() < secs(6.0));
    });
}
