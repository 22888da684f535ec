//! Scenarios of failover: whoever is next begins once the holder must have stopped, however the failover ends.

use lease_model::lease::operate::{End, Limits};

use super::scenario;
use crate::actor::{interrupted, patient};
use crate::clock::TrueTime;
use crate::faults::{Outage, RequestFault, Verb};
use crate::stay::Leave;
use crate::{millis, secs, sleep};

/// A holder that hears of nothing has to step down, and another waits; when that one gets in, which the checker judges.
fn next_begins(
    limits: fn() -> Limits,
    faults: &[RequestFault],
    ends: impl FnOnce(Result<Option<i32>, End>),
) -> TrueTime {
    scenario(12, async |world, [victim, operator, next]| {
        let grant = victim.take(None).await;
        world.cut_off(0, 600.0, Outage::BlackHole);
        victim.hold(grant, 600.0);
        sleep(1.0).await;
        let waiter = next.wait();
        world.fail_replace(1, faults.iter().copied());
        let down = operator.fail_over(&limits()).await;
        ends(down.map(|down| down.signal));
        let (grant, begun) = waiter.granted().await;
        assert!(next.stay(grant, secs(1.0), Leave::Release).await);
        begun
    })
}

#[test]
fn the_next_one_begins_when_the_holder_must_have_stopped() {
    let begun = next_begins(patient, &[], |ended| assert_eq!(ended, Ok(None)));
    assert!(begun > secs(12.9) && begun < secs(13.5), "{begun:?}");
}

#[test]
fn lost_replies_do_not_leave_it_held() {
    let lost = RequestFault::LostReply;
    let late = RequestFault::DoneLate {
        done: secs(2.0),
        reset: Some(millis(30)),
    };
    for faults in [[lost; 6], [late; 6], [RequestFault::DoneThenRefused(0); 6]] {
        let begun = next_begins(patient, &faults, |ended| {
            assert_eq!(ended, Ok(None), "{faults:?}");
        });
        assert!(
            begun > secs(12.9) && begun < secs(40.0),
            "{faults:?} {begun:?}"
        );
    }
}

#[test]
fn interrupted_once_it_goes_on_until_the_lease_may_be_free() {
    let begun = next_begins(
        || interrupted(2, &[2.0]),
        &[],
        |ended| assert_eq!(ended, Ok(Some(2))),
    );
    assert!(begun > secs(12.9) && begun < secs(13.5), "{begun:?}");
}

#[test]
fn interrupted_twice_it_leaves_the_lease_held_until_nobody_can_run_any_more() {
    let begun = next_begins(
        || interrupted(15, &[2.0, 0.5]),
        &[],
        |ended| assert_eq!(ended, Err(End::Kept(Box::new(End::Interrupted(15))))),
    );
    assert!(begun > secs(12.9) && begun < secs(30.0), "{begun:?}");
}

#[test]
fn interrupted_once_while_its_write_is_unanswered_it_frees_what_it_has_taken() {
    let lost = RequestFault::LostReply;
    let late = RequestFault::DoneLate {
        done: secs(3.0),
        reset: None,
    };
    let never = RequestFault::LostRequest;
    let slow = RequestFault::SlowReply(secs(3.5));
    for faults in [
        &[lost][..],
        &[lost; 3],
        &[late],
        &[never],
        &[never, lost],
        &[slow],
        &[RequestFault::DoneThenRefused(0)],
    ] {
        for gets in [&[][..], &[slow]] {
            scenario(12, async |world, [victim, operator, next]| {
                let grant = victim.take(None).await;
                world.cut_off(0, 600.0, Outage::BlackHole);
                victim.hold(grant, 600.0);
                sleep(1.0).await;
                let waiter = next.wait();
                world.fail_replace(1, faults.iter().copied());
                world.fail(1, Verb::Get, [RequestFault::SlowReply(secs(0.001))]);
                world.fail(1, Verb::Get, gets.iter().copied());
                let down = operator.fail_over(&interrupted(2, &[1.0])).await;
                let down = down.unwrap_or_else(|end| panic!("{faults:?} {gets:?}: {end:?}"));
                assert!(down.record.holder() != Some("actor-1"), "{faults:?}");
                let (grant, begun) = waiter.granted().await;
                assert!(begun > secs(12.9), "{faults:?} {gets:?}: {begun:?}");
                assert!(next.stay(grant, secs(1.0), Leave::Release).await);
            });
        }
    }
}

#[test]
fn interrupted_once_before_a_write_or_where_the_write_cannot_happen_any_more_it_takes_nothing() {
    for (faults, renews) in [(None, false), (Some(RequestFault::LostRequest), true)] {
        scenario(12, async |world, [victim, operator, _]| {
            let grant = victim.take(None).await;
            if renews {
                victim.hold(grant, 600.0);
            }
            sleep(1.0).await;
            world.fail_replace(1, faults);
            let slow = RequestFault::SlowReply(secs(2.0));
            world.fail(1, Verb::Get, [slow].into_iter().filter(|_| !renews));
            let ended = operator.fail_over(&interrupted(2, &[1.0])).await;
            assert_eq!(ended.err(), Some(End::Interrupted(2)), "{faults:?}");
            assert_eq!(world.holder().as_deref(), Some("actor-0"), "{faults:?}");
        });
    }
}

#[test]
fn interrupted_twice_while_its_write_is_unanswered_it_ends_at_once_and_leaves_what_it_may_have() {
    scenario(12, async |world, [victim, operator, _]| {
        victim.take(None).await;
        world.fail_replace(1, [RequestFault::LostReply; 9]);
        let ended = operator.fail_over(&interrupted(2, &[1.0, 1.0])).await;
        assert!(
            matches!(ended, Err(End::Unsettled { ref end, .. }) if **end == End::Interrupted(2)),
            "{ended:?}"
        );
        assert_eq!(world.holder().as_deref(), Some("actor-1"));
        assert!(world.now() < secs(5.0));
    });
}
