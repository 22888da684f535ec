//! What proves an expiry, and what does not.

use serde_json::{Value, json};

use super::*;
use crate::lease::testing::{at, held, seconds, stamped, wall};

fn seen(record: Record) -> Observation {
    Observation::first(record, at(100.0), None)
}

/// Whether watching alone has proven it by then.
fn is_expired(seen: &Observation, seconds: f64) -> bool {
    matches!(
        seen.expiry(at(seconds), Stamps::Unknown),
        Expiry::Expired(_)
    )
}

#[test]
fn nil_and_empty_holders_are_free_whatever_the_times_say() {
    for holder in [Value::Null, json!("")] {
        let seen = seen(held("x", 15).with_spec("holderIdentity", holder));
        assert_eq!(seen.expiry(at(100.0), Stamps::Unknown), Expiry::Free);
    }
}

#[test]
fn an_unchanged_record_is_expired_after_its_recorded_duration() {
    let without_time = held("x", 15).with_spec("renewTime", Value::Null);
    for record in [held("x", 15), without_time] {
        let seen = seen(record);
        assert!(!is_expired(&seen, 114.999));
        let unchanged = seconds(15.0);
        let proven = Expiry::Expired(Proof::Observed { unchanged });
        assert_eq!(seen.expiry(at(115.0), Stamps::Unknown), proven);
    }
}

#[test]
fn a_renewal_starts_the_observation_anew() {
    let record = held("x", 15);
    let renewed = record.renewed(wall("2001-01-01T00:00:00Z"));
    let seen = seen(record).and(renewed, at(114.0), None);
    assert!(!is_expired(&seen, 128.9) && is_expired(&seen, 129.0));
}

#[test]
fn a_label_edit_does_not_keep_a_dead_holder_alive() {
    let record = held("x", 15);
    let edited = record.with(|object| object["metadata"]["labels"] = json!({ "a": "b" }));
    let seen = seen(record).and(edited, at(110.0), None);
    assert!(seen.since() == at(100.0) && is_expired(&seen, 115.0));
}

#[test]
fn a_lease_recreated_with_the_same_text_is_observed_anew() {
    let other = held("x", 15).with(|object| object["metadata"]["uid"] = "another".into());
    let seen = seen(held("x", 15)).and(other, at(110.0), None);
    assert_eq!(seen.since(), at(110.0));
}

#[test]
fn an_older_event_is_ignored() {
    let old = held("y", 15).with(|object| object["metadata"]["resourceVersion"] = "3".into());
    let seen = seen(held("x", 15)).and(old, at(110.0), None);
    assert_eq!(seen.record().holder(), Some("x"));
}

fn unproven(observed_at: Option<Instant>) -> Expiry {
    let ask = Ask::Nothing;
    Expiry::Unproven { observed_at, ask }
}

#[test]
fn a_lease_without_duration_never_expires_by_itself() {
    let record = stamped(held("x", 15), &["2020-01-01T00:00:00Z"]);
    let record = record.with_spec("leaseDurationSeconds", Value::Null);
    let late = wall("2030-01-01T00:00:00Z");
    let seen = Observation::first(record, at(0.0), Some(late)).told(late, at(0.0));
    assert_eq!(seen.expiry(at(1e9), Stamps::Trusted), unproven(None));
}

const WRITTEN: &str = "2026-01-01T00:00:00Z";

/// Written at midnight, seen at 100 s with this `Date`.
fn written(date: Option<&str>) -> Observation {
    Observation::first(
        stamped(held("x", 15), &[WRITTEN]),
        at(100.0),
        date.map(wall),
    )
}

fn ask(seen: &Observation, now: f64, stamps: Stamps) -> Ask {
    match seen.expiry(at(now), stamps) {
        Expiry::Unproven { ask, .. } => ask,
        proven @ (Expiry::Free | Expiry::Expired(_)) => panic!("{proven:?}"),
    }
}

#[test]
fn a_stamp_against_a_stamp_proves_expiry_at_duration_and_31_seconds_and_no_date_does() {
    for date in [None, Some(WRITTEN), Some("2026-01-02T00:00:00Z")] {
        let late = written(date).told(wall("2026-01-01T00:00:46Z"), at(100.0));
        assert_eq!(
            late.expiry(at(100.0), Stamps::Trusted),
            Expiry::Expired(Proof::ServerStamped { age: seconds(46.0) })
        );
        let early = written(date).told(wall("2026-01-01T00:00:45Z"), at(100.0));
        assert_eq!(
            ask(&early, 100.0, Stamps::Trusted),
            Ask::Later(at(101.0)),
            "{date:?}"
        );
        assert_eq!(ask(&written(date), 100.0, Stamps::Untrusted), Ask::Nothing);
    }
}

#[test]
fn a_date_only_tells_when_a_dry_run_is_worth_it() {
    for (date, expected) in [
        (Some("2026-01-01T00:00:46Z"), Ask::DryRun),
        (Some("2026-01-02T00:00:00Z"), Ask::DryRun),
        (Some("2026-01-01T00:00:45Z"), Ask::Later(at(101.0))),
        // Watching proves it as soon.
        (Some("2026-01-01T00:00:31Z"), Ask::Nothing),
        (Some(WRITTEN), Ask::Nothing),
        // From a cache, or of another clock.
        (Some("2025-12-31T23:59:57Z"), Ask::DryRun),
        (None, Ask::DryRun),
    ] {
        let seen = written(date);
        assert_eq!(ask(&seen, 100.0, Stamps::Trusted), expected, "{date:?}");
        let unknown = ask(&seen, 100.0, Stamps::Unknown);
        let version = expected == Ask::DryRun;
        assert_eq!(unknown == Ask::Version, version, "{date:?} {unknown:?}");
    }
}

#[test]
fn what_the_server_told_once_is_not_asked_again_before_it_can_be_otherwise() {
    // A proxy sets Date a day ahead; the server told once what its time is. The holder goes on renewing.
    let ahead = Some(wall("2026-01-02T00:00:00Z"));
    let mut seen = Observation::first(stamped(held("x", 15), &[WRITTEN]), at(100.0), ahead)
        .told(wall("2026-01-01T00:00:02Z"), at(100.0));
    for (version, (passed, time)) in (8..).zip([
        (5.0, "2026-01-01T00:00:07Z"),
        (10.0, "2026-01-01T00:00:12Z"),
        (15.0, "2026-01-01T00:00:17Z"),
    ]) {
        let renewed = stamped(held("x", 15).renewed(wall(time)), &[time])
            .with(|object| object["metadata"]["resourceVersion"] = version.to_string().into());
        for date in [ahead, None] {
            seen = seen.confirmed(renewed.clone(), at(100.0 + passed), date);
            assert_eq!(ask(&seen, 100.0 + passed, Stamps::Trusted), Ask::Nothing);
        }
    }
    // It had stopped long before it was seen first.
    let long = written(None).told(wall("2026-01-01T00:00:40Z"), at(100.0));
    assert_eq!(ask(&long, 105.9, Stamps::Trusted), Ask::Later(at(106.0)));
    assert_eq!(ask(&long, 106.0, Stamps::Trusted), Ask::DryRun);
}

#[test]
fn an_event_without_a_date_is_no_reason_to_ask() {
    let seen = written(Some(WRITTEN));
    let renewed = held("x", 15).renewed(wall("2026-01-01T00:00:05Z"));
    let renewed = stamped(renewed, &["2026-01-01T00:00:05Z"]);
    let seen = seen.and(renewed, at(105.0), None);
    assert_eq!(ask(&seen, 105.0, Stamps::Unknown), Ask::Nothing);
}

#[test]
fn the_newest_stamp_of_any_field_of_the_spec_counts_and_each_must_be_readable() {
    let record = |others: Value| {
        stamped(held("x", 15), &[WRITTEN]).with(|object| {
            let entries = object["metadata"]["managedFields"].as_array_mut();
            entries
                .expect("entries")
                .extend(others.as_array().cloned().expect("a list"));
        })
    };
    let entry = |time: &str, fields: Value| json!({ "manager": "m", "operation": "Apply", "subresource": "status", "time": time, "fieldsV1": fields });
    let holder = json!({ "f:spec": { "f:holderIdentity": {} } });
    for (entries, proven) in [
        (json!([]), true),
        (
            json!([entry(
                "2026-01-01T00:00:30Z",
                json!({ "f:metadata": { "f:labels": {} } })
            )]),
            true,
        ),
        (
            json!([entry("2026-01-01T00:00:01Z", holder.clone())]),
            false,
        ),
        (
            json!([entry("2026-01-01T00:00:30Z", json!({ "f:spec": {} }))]),
            false,
        ),
        (json!([entry("yesterday", holder.clone())]), false),
        (
            json!([{ "manager": "m", "operation": "Update", "fieldsV1": holder }]),
            false,
        ),
    ] {
        let seen = Observation::first(record(entries.clone()), at(100.0), None)
            .told(wall("2026-01-01T00:00:46Z"), at(100.0));
        let expired = matches!(seen.expiry(at(100.0), Stamps::Trusted), Expiry::Expired(_));
        assert_eq!(expired, proven, "{entries}");
    }
}

#[test]
fn without_a_stamp_only_watching_proves_anything() {
    let told = wall("2030-01-01T00:00:00Z");
    let seen = Observation::first(held("x", 15), at(100.0), None).told(told, at(100.0));
    let by_watching = unproven(Some(at(115.0)));
    assert_eq!(seen.expiry(at(100.0), Stamps::Trusted), by_watching);
}

#[test]
fn a_holder_is_alive_by_stamps_for_its_duration_less_what_they_are_cut_by() {
    let record = stamped(held("me", 3), &[WRITTEN]);
    let at = |second: u32| alive_for(&record, wall(&format!("2026-01-01T00:00:{second:02}Z")));
    assert_eq!((at(0), at(1)), (Some(seconds(2.0)), Some(seconds(1.0))));
    // It may be nearly three seconds old.
    assert_eq!(at(2), Some(Duration::ZERO));
    assert_eq!(at(30), None);
    let unstamped = alive_for(&held("me", 3), wall(WRITTEN));
    assert_eq!(unstamped, None);
    // A stamp from before the last one is of a server whose clock is another.
    let before = |second: u32| alive_for(&record, wall(&format!("2025-12-31T23:59:{second:02}Z")));
    assert_eq!((before(59), before(58)), (Some(seconds(2.0)), None));
}

#[test]
fn stamps_are_worth_something_from_1_25_on_and_nothing_where_the_version_is_not_known() {
    for (version, expected) in [
        (Ok(Some((1, 24))), Stamps::Untrusted),
        (Ok(Some((1, 25))), Stamps::Trusted),
        (Ok(Some((1, 33))), Stamps::Trusted),
        (Ok(Some((2, 0))), Stamps::Trusted),
        (Ok(Some((0, 99))), Stamps::Untrusted),
        (Ok(None), Stamps::Untrusted),
        (Err(()), Stamps::Untrusted),
    ] {
        assert_eq!(Stamps::by_version(version), expected, "{version:?}");
    }
}
