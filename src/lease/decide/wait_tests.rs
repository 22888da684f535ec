//! What is waited for on each state of a Lease, a test for each kind.

use super::*;
use crate::lease::testing::{at, free, held, stamped, wall};
use serde_json::{Value, json};

const RENEWED: &str = "2020-01-01T00:00:00Z";

fn now(seconds: f64) -> Now {
    Now {
        instant: at(seconds),
        wall: wall("2031-01-01T00:00:00Z"),
    }
}

fn who(holder: &str) -> HolderIdentity {
    holder.parse().expect("a holder")
}

/// Seen at 100 s, when the server's `Date` was this.
fn seen(record: &Record, date: &str) -> Seen {
    Seen::Lease(Observation::first(
        record.clone(),
        at(100.0),
        Some(wall(date)),
    ))
}

/// The step at 100 s for what was seen then.
fn step(awaited: &Awaited, record: &Record, date: &str, stamps: Stamps) -> WaitStep {
    let seen = seen(record, date);
    wait(awaited, Some(record), at(100.0), &seen, stamps, now(100.0))
}

#[test]
fn holders_are_compared_as_they_are_written_and_a_free_lease_has_none() {
    let (busy, free) = (held("ada", 15), free(15));
    for (awaited, of_busy, of_free) in [
        (Awaited::Free, false, true),
        (Awaited::Deleted, false, false),
        (Awaited::Holder(who("ada")), true, false),
        (Awaited::Holder(who("Ada")), false, false),
        (Awaited::NotHolder(who("ada")), false, true),
        (Awaited::NotHolder(who("ad")), true, true),
    ] {
        for (record, met) in [(&busy, of_busy), (&free, of_free)] {
            let step = step(&awaited, record, RENEWED, Stamps::Untrusted);
            let expected = if met {
                WaitStep::Met
            } else {
                WaitStep::Wait(None)
            };
            assert_eq!(step, expected, "{awaited:?}");
        }
    }
}

#[test]
fn what_was_never_there_is_not_found_and_what_is_gone_is_deleted_or_waited_for() {
    let record = held("ada", 15);
    let of = |awaited, first| {
        let read_at = at(100.0);
        wait(
            &awaited,
            first,
            read_at,
            &Seen::Absent,
            Stamps::Unknown,
            now(100.0),
        )
    };
    assert_eq!(of(Awaited::Deleted, None), WaitStep::Met);
    assert_eq!(of(Awaited::Deleted, Some(&record)), WaitStep::Met);
    assert_eq!(of(Awaited::Free, None), WaitStep::NotFound);
    let again = of(Awaited::NotHolder(who("ada")), Some(&record));
    assert_eq!(again, WaitStep::Wait(None));
    // Deleted and created again before anybody looked.
    let another = record.with(|object| object["metadata"]["uid"] = json!("uid-2"));
    let seen = seen(&another, RENEWED);
    let step = wait(
        &Awaited::Deleted,
        Some(&record),
        at(100.0),
        &seen,
        Stamps::Unknown,
        now(100.0),
    );
    assert_eq!(step, WaitStep::Met);
}

#[test]
fn an_expiry_is_proven_by_watching_or_by_the_servers_stamps_and_by_no_date() {
    let of = |record: &Record, stamps, seconds| {
        let seen = seen(record, "2020-06-01T00:00:00Z");
        let read_at = at(seconds);
        wait(
            &Awaited::Expired,
            Some(record),
            read_at,
            &seen,
            stamps,
            now(seconds),
        )
    };
    let record = held("ada", 15);
    assert_eq!(
        of(&record, Stamps::Unknown, 114.0),
        WaitStep::Wait(Some(at(115.0)))
    );
    assert_eq!(of(&record, Stamps::Unknown, 115.0), WaitStep::Met);
    // It was read when it had not yet stood still for so long, and what came since was the watch's silence.
    let seen_once = seen(&record, RENEWED);
    let silent = wait(
        &Awaited::Expired,
        Some(&record),
        at(114.9),
        &seen_once,
        Stamps::Unknown,
        now(130.0),
    );
    assert_eq!(silent, WaitStep::ReadAgain);
    let stamped = stamped(record, &[RENEWED]);
    assert_eq!(of(&stamped, Stamps::Unknown, 100.0), WaitStep::AskVersion);
    assert_eq!(
        of(&stamped, Stamps::Untrusted, 100.0),
        WaitStep::Wait(Some(at(115.0)))
    );
    let WaitStep::TryOut(renewal) = of(&stamped, Stamps::Trusted, 100.0) else {
        panic!("a dry run could prove it");
    };
    assert_eq!((renewal.holder(), renewal.transitions()), (Some("ada"), 4));
    assert_eq!(of(&free(15), Stamps::Trusted, 900.0), WaitStep::Wait(None));
    let endless = held("ada", 15).with_spec("leaseDurationSeconds", Value::Null);
    assert_eq!(of(&endless, Stamps::Trusted, 1e6), WaitStep::Wait(None));
}

#[test]
fn a_holder_who_looks_dead_is_none_until_it_writes_again() {
    let record = held("ada", 15);
    let at_date = |date| step(&Awaited::Held, &record, date, Stamps::Untrusted);
    assert_eq!(at_date("2020-01-01T00:00:14Z"), WaitStep::Met);
    assert_eq!(at_date("2020-01-01T00:00:15Z"), WaitStep::Wait(None));
    // Its clock may be ahead, and it may have died.
    assert_eq!(at_date("2019-12-31T00:00:00Z"), WaitStep::Wait(None));
    let renewed = record.with_spec("renewTime", json!("2019-01-01T00:00:01.000000Z"));
    let taken = held("eve", 15);
    for record_now in [&renewed, &taken] {
        let seen = seen(record_now, "2020-06-01T00:00:00Z");
        let of = |seconds| {
            wait(
                &Awaited::Held,
                Some(&record),
                at(100.0),
                &seen,
                Stamps::Untrusted,
                now(seconds),
            )
        };
        assert_eq!(of(100.0), WaitStep::Met);
        assert_eq!(of(115.0), WaitStep::Wait(None), "nothing was written since");
    }
    let endless = record.with_spec("leaseDurationSeconds", Value::Null);
    assert_eq!(
        step(&Awaited::Held, &endless, RENEWED, Stamps::Unknown),
        WaitStep::Met
    );
    assert_eq!(
        step(&Awaited::Held, &free(15), RENEWED, Stamps::Unknown),
        WaitStep::Wait(None)
    );
    let silent = record.with_spec("renewTime", Value::Null);
    assert_eq!(
        step(&Awaited::Held, &silent, RENEWED, Stamps::Unknown),
        WaitStep::Met
    );
}

#[test]
fn a_holder_whose_clock_is_wrong_is_told_alive_by_the_servers_stamp() {
    let record = stamped(held("ada", 15), &["2020-01-01T01:00:00Z"]);
    let of = |stamps| step(&Awaited::Held, &record, "2020-01-01T01:00:05Z", stamps);
    assert_eq!(of(Stamps::Unknown), WaitStep::AskVersion);
    assert_eq!(of(Stamps::Trusted), WaitStep::Met);
    assert_eq!(of(Stamps::Untrusted), WaitStep::Wait(None));
    let leaving = record.with(|object| {
        object["metadata"]["deletionTimestamp"] = json!("2020-01-01T01:00:01Z");
    });
    let date = "2020-01-01T01:00:05Z";
    assert_eq!(
        step(&Awaited::Held, &leaving, date, Stamps::Trusted),
        WaitStep::Met
    );
}

/// Taken over from its holder, by this program.
fn taken(record: &Record, by: &str, taken: Taken) -> Record {
    let terms = crate::lease::record::GrantTerms {
        holder: who(by),
        duration: None,
        default_duration: crate::lease::values::LeaseDuration::constant(60),
        reason: None,
        mark: std::time::Duration::ZERO,
        manager: Default::default(),
    };
    let granted = record.granted(&terms, wall(RENEWED)).expect("countable");
    granted.taken_as(taken)
}

#[test]
fn a_grant_that_was_taken_over_after_its_expiry_has_expired_and_one_that_was_stolen_has_not() {
    let first = held("ada", 600);
    let met = |first: &Record, record: &Record| {
        let seen = seen(record, RENEWED);
        let step = wait(
            &Awaited::Expired,
            Some(first),
            at(100.0),
            &seen,
            Stamps::Untrusted,
            now(100.0),
        );
        step == WaitStep::Met
    };
    let next = taken(&first, "bob", Taken::Expired);
    assert!(met(&first, &next));
    assert!(met(&first, &next.renewed(wall(RENEWED))));
    // Whatever came after that.
    let freed = next.released(wall(RENEWED));
    assert!(met(&first, &freed));
    assert!(met(&first, &taken(&freed, "eve", Taken::Expired)));
    for other in [Taken::Stolen, Taken::FailedOver, Taken::ForceReleased] {
        assert!(!met(&first, &taken(&first, "bob", other)), "{other:?}");
    }
    // That was before.
    assert!(!met(&next, &next));
    assert!(!met(&next, &taken(&freed, "eve", Taken::Expired)));
    let another = next.with(|object| object["metadata"]["uid"] = json!("uid-2"));
    assert!(!met(&first, &another));
}
