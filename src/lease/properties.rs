//! Laws that records, evidence and decisions keep over any record, told to a property-testing library.

mod any;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use any::{any_duration, any_record, any_sight, any_strings, any_terms, any_time};

use super::decide::{
    self, AcquireStep, AcquireTerms, Now, Ours, OursStep, Seen, StealStep, StealTerms, Waiting,
};
use super::evidence::{Expiry, Observation, Stamps};
use super::record::{
    DURATION_ANNOTATION, GrantTerms, MANAGER_ANNOTATION, PREVIOUS_ANNOTATION, REASON_ANNOTATION,
    REGRANTED_ANNOTATION, Record, field, micro_time,
};
use super::testing::{at, wall};
use super::values::LeaseDuration;
use crate::clock::Instant;

fn acquire_terms(grant: GrantTerms, reenter: bool) -> AcquireTerms {
    AcquireTerms {
        namespace: "default".into(),
        name: "my-lease".into(),
        grant,
        create: true,
        reenter,
        min_duration: None,
        deletes: false,
        ended: None,
        ancestors: Vec::new(),
    }
}

fn agreement(record: &Record) -> decide::Agreement {
    decide::Agreement {
        record: record.clone(),
        expired: true,
    }
}

/// The object without what a write may change: the spec fields named and what is said of the grant.
fn rest(record: &Record, changed: &[&str]) -> Value {
    let mut object = record.as_json().clone();
    if let Some(spec) = object["spec"].as_object_mut() {
        changed.iter().for_each(|field| {
            spec.remove(*field);
        });
    }
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        annotations.remove(REASON_ANNOTATION);
        annotations.remove(DURATION_ANNOTATION);
        annotations.remove(MANAGER_ANNOTATION);
        annotations.remove(PREVIOUS_ANNOTATION);
        annotations.remove(REGRANTED_ANNOTATION);
    }
    // A map made for the reason, and one that it left empty, are the same to the API server as none.
    if empty(&object["metadata"]["annotations"]) {
        object["metadata"]["annotations"] = Value::Null;
    }
    object
}

fn proven(expiry: &Expiry) -> bool {
    match expiry {
        Expiry::Free | Expiry::Expired(_) => true,
        Expiry::Unproven { .. } => false,
    }
}

fn addressed_alike(written: &Record, read: &Record) -> bool {
    written.uid() == read.uid() && written.resource_version() == read.resource_version()
}

/// What a step would do, without the times that it would write.
fn kind(step: &AcquireStep) -> String {
    match step {
        AcquireStep::Create(_) => "create".into(),
        AcquireStep::Replace(record) => {
            format!("replace {} {:?}", record.transitions(), record.duration())
        }
        AcquireStep::Wait(waiting) => format!("wait {waiting:?}"),
        AcquireStep::AskVersion => "ask".into(),
        AcquireStep::TryOut(record) => format!("try out {:?}", record.duration()),
        AcquireStep::Refuse(refusal) => format!("refuse {refusal:?}"),
    }
}

fn shifted(record: &Record, span: SignedDuration) -> Record {
    record.with(|object| {
        for field in ["acquireTime", "renewTime"] {
            if let Some(time) = object["spec"][field].as_str() {
                let time: Timestamp = time.parse().expect("a time");
                object["spec"][field] = json!(micro_time(
                    time.saturating_add(span).expect("not a calendar span")
                ));
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shifting_every_time_in_a_record_changes_no_decision(
        (seen, stamps, now) in any_sight(), terms in any_terms(), reenter: bool,
        seconds in -1_000_000_000_i64..1_000_000_000, date in prop::option::of(any_time()),
    ) {
        let terms = acquire_terms(terms, reenter);
        let step = |record: Record| {
            let seen = Observation::first(record, at(100.0), date);
            kind(&decide::acquire(&terms, &Seen::Lease(seen), stamps, now))
        };
        let moved = shifted(seen.record(), SignedDuration::from_secs(seconds));
        prop_assert_eq!(step(seen.record().clone()), step(moved));
    }

    #[test]
    fn the_local_wall_clock_changes_no_decision(
        (seen, stamps, now) in any_sight(), terms in any_terms(), wall in any_time(),
    ) {
        let terms = acquire_terms(terms, false);
        let seen = Seen::Lease(seen);
        let step = |wall| kind(&decide::acquire(&terms, &seen, stamps, Now { wall, ..now }));
        prop_assert_eq!(step(now.wall), step(wall));
    }

    #[test]
    fn acquire_never_replaces_anothers_record_without_proof(
        (seen, stamps, now) in any_sight(), terms in any_terms(), reenter: bool,
    ) {
        let proof = seen.expiry(now.instant, stamps);
        let holder = seen.record().holder().map(str::to_owned);
        let read = seen.record().clone();
        let own = holder.as_deref() == Some(terms.holder.as_str());
        if let AcquireStep::Replace(record) = decide::acquire(&acquire_terms(terms, reenter), &Seen::Lease(seen), stamps, now) {
            prop_assert!(proven(&proof) || (own && reenter), "{holder:?} {proof:?}");
            prop_assert!(addressed_alike(&record, &read));
        }
    }

    #[test]
    fn transitions_rise_by_one_with_every_new_grant_and_with_nothing_else(
        record in any_record(), terms in any_terms(), wall in any_time(), reenter: bool,
    ) {
        let before = record.transitions();
        let now = Now { instant: at(1e9), wall };
        let seen = Seen::Lease(Observation::first(record.clone(), at(100.0), None));
        if let AcquireStep::Replace(next) = decide::acquire(&acquire_terms(terms.clone(), reenter), &seen, Stamps::Unknown, now) {
            prop_assert_eq!(next.transitions(), before + 1);
        }
        let steal = StealTerms { grant: terms.clone(), if_holder: None, asks: true, waits: true, ancestors: Vec::new(), taken: crate::lease::record::Taken::Stolen };
        match decide::steal(&steal, &seen, Some(&agreement(&record)), now) {
            StealStep::Replace(next) => {
                prop_assert_eq!(next.transitions(), before + 1);
                prop_assert!(addressed_alike(&next, &record));
            }
            StealStep::Refuse(_) => prop_assert_eq!(before, i64::from(i32::MAX)),
            StealStep::Ask => prop_assert!(false, "asked again for what was agreed"),
        }
        prop_assert_eq!(record.renewed(wall).transitions(), before);
        prop_assert_eq!(record.released(wall).transitions(), before);
        if let Ok(granted) = record.granted(&terms, wall) {
            prop_assert_eq!(granted.transitions(), before + 1);
            let written = micro_time(wall - SignedDuration::try_from(terms.mark).expect("short"));
            prop_assert_eq!(granted.acquire_time(), Some(written.as_str()));
            prop_assert_eq!(granted.renew_time(), Some(written.as_str()));
            prop_assert!(granted.duration().is_some());
        }
    }

    #[test]
    fn no_grant_is_written_with_a_duration_shorter_than_the_least(
        (seen, stamps, now) in any_sight(), terms in any_terms(), least in 1..4000_i64, reenter: bool, absent: bool,
    ) {
        let mut terms = acquire_terms(terms, reenter);
        terms.min_duration = LeaseDuration::from_secs(least);
        let seen = if absent { Seen::Absent } else { Seen::Lease(seen) };
        let duration = match decide::acquire(&terms, &seen, stamps, now) {
            AcquireStep::Create(lease) => lease.duration(),
            AcquireStep::Replace(record) => record.duration(),
            AcquireStep::Wait(_) | AcquireStep::AskVersion | AcquireStep::TryOut(_) | AcquireStep::Refuse(_) => return Ok(()),
        };
        prop_assert!(duration >= terms.min_duration, "{duration:?}");
    }

    #[test]
    fn a_lock_of_terraform_is_waited_for_however_long_it_is_watched_and_whatever_is_recorded(
        (seen, stamps, now) in any_sight(), terms in any_terms(), wall in any_time(),
    ) {
        let mut object = seen.record().as_json().clone();
        object["spec"]["holderIdentity"] = json!("1111");
        object["metadata"]["annotations"] = json!({ "app.terraform.io/lock-info": "{\"ID\":\"1111\"}" });
        let seen = Observation::first(Record::new(object).expect("an object"), at(0.0), Some(wall));
        let step = decide::acquire(&acquire_terms(terms, true), &Seen::Lease(seen.clone()), stamps, now);
        let waits = matches!(&step, AcquireStep::Wait(Waiting { expired_at: None, try_out_at: None, .. }));
        prop_assert!(waits, "{step:?}");
        prop_assert_eq!(decide::victim_stops(&seen, stamps, now.instant), Err(decide::NeverExpires));
    }

    #[test]
    fn steal_writes_only_over_the_grant_that_was_agreed_to(
        record in any_record(), other in any_record(), terms in any_terms(), wall in any_time(), asks: bool,
    ) {
        let now = Now { instant: at(100.0), wall };
        let seen = Seen::Lease(Observation::first(record.clone(), at(100.0), None));
        let steal = StealTerms { grant: terms, if_holder: None, asks, waits: true, ancestors: Vec::new(), taken: crate::lease::record::Taken::Stolen };
        for agreed in [None, Some(agreement(&other))] {
            let first = agreed.is_none();
            match decide::steal(&steal, &seen, agreed.as_ref(), now) {
                StealStep::Replace(_) => {
                    prop_assert!(record.holder().is_none() || agreed.is_some_and(|agreed| agreed.record.same_grant(&record)));
                }
                StealStep::Ask => prop_assert!(asks || first, "there is nobody to ask again"),
                StealStep::Refuse(_) => {}
            }
        }
    }

    #[test]
    fn a_write_keeps_everything_but_the_fields_it_is_about(
        record in any_record(), terms in any_terms(), wall in any_time(),
    ) {
        prop_assert_eq!(&Record::new(record.as_json().clone()).expect("an object"), &record);
        if let Ok(granted) = record.granted(&terms, wall) {
            prop_assert_eq!(rest(&granted, &field::OF_GRANT), rest(&record, &field::OF_GRANT));
            prop_assert_eq!(granted.reason(), terms.reason.as_deref().filter(|text| !text.is_empty()));
            prop_assert_eq!(granted.duration(), Some(terms.duration_on(&record)));
        }
        let renewed = record.renewed(wall);
        prop_assert_eq!(rest(&renewed, &["renewTime"]), rest(&record, &["renewTime"]));
        prop_assert_eq!(&renewed.as_json()["metadata"], &record.as_json()["metadata"]);
        let released = record.released(wall);
        let fields = ["renewTime", "holderIdentity"];
        prop_assert_eq!(rest(&released, &fields), rest(&record, &fields));
        prop_assert!(released.as_json()["spec"].get("holderIdentity").is_none());
        if let Ok(granted) = record.granted(&terms, wall) {
            let after = granted.renewed(wall).released(wall);
            // Who calls itself as an old lock of Terraform's leaves no duration that its next lock could be judged by.
            let named = record.lock_info().is_some_and(|lock| lock.id == terms.holder.as_str());
            prop_assert_eq!(after.duration().is_some(), record.duration().is_some() && !named);
        }
        prop_assert_eq!((released.holder(), released.reason()), (None, None));
    }

    #[test]
    fn a_renewal_always_changes_the_renew_time(record in any_record(), wall in any_time()) {
        let renewed = record.renewed(wall);
        prop_assert_ne!(renewed.renew_time(), record.renew_time());
        let (again, released) = (renewed.renewed(wall), record.released(wall));
        prop_assert_ne!(again.renew_time(), renewed.renew_time());
        prop_assert_ne!(released.renew_time(), record.renew_time());
    }

    /// Otherwise somebody who reads only now and then sees the same record twice, and takes a live holder for dead.
    #[test]
    fn a_standing_clock_never_writes_the_same_renew_time_twice(record in any_record(), wall in any_time()) {
        let mut renewed = record.granted(&GrantTerms {
            holder: "me".parse().expect("a holder"), duration: None,
            default_duration: LeaseDuration::constant(60), reason: None, mark: std::time::Duration::ZERO,
            manager: Default::default(),
        }, wall);
        let mut all = std::collections::BTreeSet::new();
        for _ in 0..6 {
            let Ok(record) = renewed else { return Ok(()) };
            prop_assert!(all.insert(record.renew_time().map(str::to_owned)), "{:?} again", record.renew_time());
            renewed = Ok(record.renewed(wall));
        }
    }

    #[test]
    fn a_micro_time_has_exactly_six_digits_and_reads_back(time in any_time()) {
        let text = micro_time(time);
        let (_, fraction) = text.split_once('.').expect("a fraction");
        prop_assert_eq!(fraction.len(), 7, "{}", text);
        prop_assert!(fraction.ends_with('Z') && fraction.as_bytes()[..6].iter().all(u8::is_ascii_digit));
        prop_assert_eq!(text.parse::<Timestamp>().expect("a time"), time);
    }

    #[test]
    fn release_and_renew_never_write_on_anothers_record(
        record in any_record(), grant in any_record(), wall in any_time(), other_uid: bool, granted in any_duration(),
    ) {
        let read = record.with(|object| if other_uid { object["metadata"]["uid"] = json!("uid-2") });
        let seen = Seen::Lease(Observation::first(read.clone(), at(100.0), None));
        let identity = Ours::Identity("me".parse().expect("a holder"));
        for (step, mine) in [
            (decide::release(&identity, &seen, wall), read.holder() == Some("me")),
            (decide::renew_ours(&identity, &seen, wall), read.holder() == Some("me")),
            (decide::release(&Ours::Grant(grant.clone()), &seen, wall), read.same_grant(&grant)),
            (decide::release(&Ours::Grant(record.clone()), &seen, wall), read.same_grant(&record)),
        ] {
            match step {
                OursStep::Replace(next) => prop_assert!(mine && addressed_alike(&next, &read)),
                OursStep::Refuse(_) => prop_assert!(!mine),
            }
        }
        for grant in [&grant, &record] {
            let shorter = read.duration().is_some_and(|recorded| recorded < granted);
            let lost = decide::lost(grant, granted, &seen);
            prop_assert_eq!(lost.is_none(), read.same_grant(grant) && !shorter);
            if lost.is_none() {
                let next = read.renewed_for(granted, wall);
                prop_assert!(addressed_alike(&next, &read) && next.duration() >= Some(granted));
            }
        }
    }

    #[test]
    fn nothing_is_written_where_there_is_no_lease(wall in any_time(), grant in any_record(), granted in any_duration()) {
        let ours = Ours::Grant(grant.clone());
        prop_assert!(matches!(decide::release(&ours, &Seen::Absent, wall), OursStep::Refuse(_)));
        prop_assert!(decide::lost(&grant, granted, &Seen::Absent).is_some());
    }

    #[test]
    fn the_observed_time_never_moves_back_and_only_a_change_of_the_tuple_moves_it(
        first in any_record(),
        sights in prop::collection::vec((any::<u8>(), 0.0..100.0_f64, any_record(), any_strings()), 1..8),
    ) {
        let mut seen = Observation::first(first, at(0.0), None);
        let mut clock = 0.0;
        let first_version: u64 = seen.record().resource_version().parse().expect("a number");
        for (version, (what, step, other, labels)) in (first_version + 1..).zip(sights) {
            clock += step;
            let now: Instant = at(clock);
            let (before, observed) = (seen.since(), seen.record().observed_record());
            let next = seen.record().with(|object| {
                object["metadata"]["resourceVersion"] = json!(version.to_string());
                match what % 8 {
                    0 => object["metadata"]["labels"] = labels,
                    1 => object["spec"]["renewTime"] = other.as_json()["spec"]["renewTime"].clone(),
                    2 => object["spec"]["holderIdentity"] = other.as_json()["spec"]["holderIdentity"].clone(),
                    3 => object["spec"]["leaseTransitions"] = json!(version),
                    4 => object["spec"]["leaseDurationSeconds"] = other.as_json()["spec"]["leaseDurationSeconds"].clone(),
                    5 => object["spec"]["acquireTime"] = other.as_json()["spec"]["acquireTime"].clone(),
                    6 => object["metadata"]["uid"] = json!(version.to_string()),
                    _ => object["x-unknown"] = other.as_json()["x-unknown"].clone(),
                }
            });
            let changed = next.observed_record() != observed;
            seen = seen.and(next, now, None);
            prop_assert!(seen.since() >= before);
            prop_assert_eq!(seen.since(), if changed { now } else { before });
            match what % 8 {
                3 | 6 => prop_assert_eq!(seen.since(), now, "a grant or an object of its own"),
                0 | 7 => prop_assert_eq!(seen.since(), before, "nobody's sign of life"),
                _ => {}
            }
        }
    }

    #[test]
    fn an_older_state_is_never_believed_over_a_newer_one(record in any_record(), other in any_record(), later in 0.0..100.0_f64) {
        let seen = Observation::first(record.clone(), at(0.0), None).and(other.clone(), at(later), None);
        let expected = if other.older_than(&record) { &record } else { &other };
        prop_assert_eq!(seen.record(), expected);
    }

    #[test]
    fn expiry_once_proven_by_watching_stays_proven_and_needs_the_whole_duration(
        (seen, stamps, now) in any_sight(), more in 0.0..1000.0_f64,
    ) {
        let Some(duration) = seen.record().duration() else { return Ok(()) };
        if seen.record().holder().is_none() { return Ok(()) }
        let untrusted = if stamps == Stamps::Trusted { Stamps::Unknown } else { stamps };
        let enough = now.instant.since(seen.since()) >= duration.as_duration();
        prop_assert_eq!(proven(&seen.expiry(now.instant, untrusted)), enough);
        let later = now.instant + std::time::Duration::from_secs_f64(more);
        prop_assert!(!enough || proven(&seen.expiry(later, untrusted)));
    }
}

#[test]
fn the_times_that_the_properties_draw_are_what_they_say() {
    assert_eq!(
        micro_time(wall("1971-01-01T00:00:00Z")),
        "1971-01-01T00:00:00.000000Z"
    );
}
