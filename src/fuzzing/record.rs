//! A Lease from any JSON: read, written back unchanged, and changed by each write in what that is about and nothing else.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::alike;
use crate::clock::Instant;
use crate::lease::decide::{self, AcquireStep, AcquireTerms, Now, Seen};
use crate::lease::evidence::{Expiry, Observation, Stamps, alive_for};
use crate::lease::record::{GrantTerms, Keep, Record, Taken, field, micro_time, previous};
use crate::lease::values::{LeaseDuration, Manager};

/// No time comes after it.
const END: Timestamp = Timestamp::MAX;

pub fn fuzz(input: &[u8]) {
    let Ok(object) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    if let Ok(record) = Record::new(object.clone()) {
        check(&object, &record);
    }
}

/// All that is promised of a record that was read from this object.
pub fn check(object: &Value, record: &Record) {
    lossless(object, record);
    read(object, record);
    for wall in [
        "2026-01-02T00:00:10.5Z",
        "1970-01-01T00:00:00Z",
        "9999-12-30T22:00:00Z",
    ] {
        let wall = wall.parse().expect("a time");
        written(record, wall);
        decided(record, wall);
    }
}

fn lossless(object: &Value, record: &Record) {
    assert_eq!(record.as_json(), object);
    let sent = serde_json::to_vec(record.as_json()).expect("JSON can be written");
    let again: Value = serde_json::from_slice(&sent).expect("what is written is JSON");
    assert!(alike(&again, object), "{again} is not {object}");
}

fn read(object: &Value, record: &Record) {
    assert_eq!(
        record.holder(),
        object["spec"]["holderIdentity"]
            .as_str()
            .filter(|it| !it.is_empty())
    );
    assert_eq!(Some(record.uid()), object["metadata"]["uid"].as_str());
    let shown = record.annotations().count() + record.other_annotations().count();
    assert!(
        shown
            <= 2 * object["metadata"]["annotations"]
                .as_object()
                .map_or(0, Map::len)
    );
    let _ = (
        record.owner(),
        record.slots(),
        record.slot_of(),
        record.finalizers(),
    );
    let _ = (
        record.created(),
        record.class(),
        record.lock_info(),
        record.reason(),
    );
    assert_eq!(previous(object), record.previous());
    assert!(!record.older_than(record));
    assert_eq!(record.same_grant(record), record.holder().is_some());
    assert_eq!(record.observed_record(), record.observed_record());
    assert_eq!(record.alteration(record), None);
    assert!(!record.is_another_write(record));
    if let Some(slot) = record.slot() {
        assert!(record.name().ends_with(&format!("-{slot}")));
    }
    let summary = Keep::ObjectsWhole.of(record);
    assert_eq!(summary.object.as_deref(), Some(object));
    assert_eq!(summary.holder.as_deref(), record.holder());
}

fn written(record: &Record, wall: Timestamp) {
    let kept = rest(record.as_json());
    let minute = LeaseDuration::constant(60);
    let renewed = record.renewed(wall);
    if !record.renewed_at(&micro_time(END)) {
        assert_ne!(
            renewed.renew_time(),
            record.renew_time(),
            "it is no renewal"
        );
    }
    let granted = record.granted(&terms(Some("why")), wall);
    assert_eq!(granted.is_err(), record.transitions_are_exhausted());
    let mut all = vec![
        renewed.clone(),
        record.renewed_for(minute, wall),
        record.renewed_beside(minute, wall),
        record.released(wall),
        record.with_duration(minute),
        record.with_victim(Some("victim")),
        record.with_stopped(record),
        record.taken_as(Taken::Stolen),
        record.taken_from_holder(record, Taken::ForceReleased, "by", None, wall),
    ];
    if let Ok(granted) = granted {
        assert_eq!(granted.holder(), Some("fuzz"));
        assert_eq!(granted.transitions(), record.transitions() + 1);
        assert_eq!(granted.duration(), Some(LeaseDuration::constant(30)));
        let released = granted.released(wall);
        assert_eq!(released.holder(), None);
        assert_eq!(released.transitions(), granted.transitions());
        assert_eq!(released.reason(), None);
        all.extend([
            granted.taken_as(Taken::Stolen).with_victim(Some("victim")),
            released,
            granted,
        ]);
    }
    for written in &all {
        assert_eq!(written.uid(), record.uid());
        assert_eq!(written.resource_version(), record.resource_version());
        assert_eq!(rest(written.as_json()), kept);
        let again = Record::new(written.as_json().clone()).expect("what is written can be read");
        assert_eq!(again.observed_record(), written.observed_record());
        assert_eq!(written.alteration(&again), None);
        let over = written.replaced();
        assert!(written == record || over.as_deref() == Some(&**record));
    }
    assert_eq!(record.freed(wall).holder(), None);
}

fn decided(record: &Record, wall: Timestamp) {
    let seen_at = Instant::from_origin(Duration::from_secs(1_000_000));
    for (date, stamps, passed) in [
        (None, Stamps::Unknown, 0),
        (Some(wall), Stamps::Trusted, 30),
        (Some(wall), Stamps::Untrusted, 1 << 40),
    ] {
        let now = Now {
            instant: seen_at + Duration::from_secs(passed),
            wall,
        };
        let seen = Observation::first(record.clone(), seen_at, date);
        let expiry = seen.expiry(now.instant, stamps);
        let free = record.holder().is_none();
        assert_eq!(expiry == Expiry::Free, free);
        let proven = matches!(expiry, Expiry::Free | Expiry::Expired(_));
        assert!(
            free || record.duration().is_some() || !proven,
            "what is endless expired"
        );
        let told = date.map(|date| seen.clone().told(date, seen_at));
        let _ = told.map(|told| told.expiry(now.instant, stamps));
        let _ = alive_for(record, wall);
        let step = decide::acquire(&wanted(), &Seen::Lease(seen), stamps, now);
        if let AcquireStep::Replace(record) = step {
            assert!(proven, "taken without a proof: {record:?}");
        }
    }
}

fn terms(reason: Option<&str>) -> GrantTerms {
    GrantTerms {
        holder: "fuzz".parse().expect("a holder"),
        duration: Some(LeaseDuration::constant(30)),
        default_duration: LeaseDuration::constant(60),
        reason: reason.map(str::to_owned),
        mark: Duration::from_micros(5),
        manager: Manager::default(),
    }
}

fn wanted() -> AcquireTerms {
    AcquireTerms {
        namespace: "default".to_owned(),
        name: "job".to_owned(),
        grant: terms(None),
        create: true,
        reenter: false,
        min_duration: None,
        deletes: false,
        ancestors: Vec::new(),
        ended: None,
    }
}

/// An object without what a write may change: the fields of a grant, and this program's annotations.
fn rest(object: &Value) -> Value {
    let mut object = object.clone();
    let no_map = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|name, _| !field::OF_GRANT.contains(&name.as_str()));
    }
    let annotations = object.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.retain(|name, _| !name.starts_with(field::OWN));
    }
    // A map that was made for what is written, and one that is left empty, are the same to an API server as none.
    if object.pointer("/metadata/annotations").is_some_and(no_map)
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("annotations");
    }
    if object.get("spec").is_some_and(no_map)
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("spec");
    }
    object
}
