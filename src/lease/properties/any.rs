//! Any record, terms, time and sight: what the properties are told over.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lease::decide::Now;
use crate::lease::evidence::{Observation, Stamps};
use crate::lease::record::{GrantTerms, REASON_ANNOTATION, Record, micro_time};
use crate::lease::testing::{at, stamped};
use crate::lease::values::LeaseDuration;

/// Any time from 1971 to 9000, in microseconds.
pub fn any_time() -> impl Strategy<Value = Timestamp> {
    (31_536_000_000_000_i64..221_845_392_000_000_000)
        .prop_map(|micros| Timestamp::from_microsecond(micros).expect("in range"))
}

/// JSON of all kinds, null and nested ones included.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-zA-Z:./-]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

pub fn any_strings() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        prop::collection::btree_map("[a-z./-]{1,12}", ".{0,12}", 0..4).prop_map(|map| {
            Value::Object(
                map.into_iter()
                    .map(|(key, value)| (key, Value::from(value)))
                    .collect(),
            )
        }),
    ]
}

/// A duration that a grant may have.
pub fn any_duration() -> impl Strategy<Value = LeaseDuration> {
    (1..4000_i64).prop_map(|seconds| LeaseDuration::from_secs(seconds).expect("in range"))
}

pub fn any_holder() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!("")),
        Just(json!("me")),
        Just(json!("other")),
        "[a-zA-Z0-9@_-]{1,12}".prop_map(Value::from),
    ]
}

pub fn any_written_time() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        6 => any_time().prop_map(|time| json!(micro_time(time))),
    ]
}

prop_compose! {
    /// A Lease as a server may send it: known fields odd or null, and fields this build does not know.
    pub fn any_record()(
        holder in any_holder(),
        duration in prop_oneof![4 => (1..4000_i64).prop_map(Value::from), 1 => Just(Value::Null), 1 => Just(json!(0)), 1 => Just(json!(1))],
        acquired in any_written_time(),
        renewed in any_written_time(),
        transitions in prop_oneof![4 => (0..1000_i64).prop_map(Value::from), 1 => Just(Value::Null), 1 => Just(json!(i32::MAX))],
        labels in any_strings(),
        annotations in any_strings(),
        finalizers in prop::collection::vec("[a-z./]{1,12}", 0..3),
        unknown_meta in any_json(),
        unknown_spec in any_json(),
        unknown in any_json(),
        reason in prop::option::of(".{0,12}"),
        lock in prop::option::weighted(0.3, prop_oneof![Just("me"), Just("other"), Just("gone")]),
        version in 1..1_000_000_u64,
        owners in prop::collection::vec(any_time(), 0..3),
    ) -> Record {
        let mut object = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": "my-lease", "namespace": "default", "uid": "uid-1", "resourceVersion": version.to_string(),
                "labels": labels, "annotations": annotations, "finalizers": finalizers, "x-unknown": unknown_meta,
            },
            "spec": {
                "holderIdentity": holder, "leaseDurationSeconds": duration, "acquireTime": acquired,
                "renewTime": renewed, "leaseTransitions": transitions, "x-unknown": unknown_spec,
            },
            "x-unknown": unknown,
        });
        if object["metadata"]["annotations"].is_null() && (reason.is_some() || lock.is_some()) {
            object["metadata"]["annotations"] = json!({});
        }
        if let Some(id) = lock {
            object["metadata"]["annotations"]["app.terraform.io/lock-info"] = json!(format!(r#"{{"ID":"{id}"}}"#));
        }
        if let Some(reason) = reason {
            object["metadata"]["annotations"][REASON_ANNOTATION] = json!(reason);
        }
        let owners: Vec<String> = owners.iter().map(ToString::to_string).collect();
        let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
        stamped(Record::new(object).expect("an object"), &owners)
    }
}

prop_compose! {
    pub fn any_terms()(
        holder in prop_oneof![Just("me"), Just("other"), Just("third")],
        duration in prop::option::of(1..4000_i64),
        reason in prop::option::of(".{0,12}"),
        mark in 0..1_000_000_u64,
        manager in prop_oneof![Just("kubectl-lease"), Just("ci")],
    ) -> GrantTerms {
        GrantTerms {
            holder: holder.parse().expect("a holder"),
            duration: duration.and_then(LeaseDuration::from_secs),
            default_duration: LeaseDuration::constant(60),
            reason,
            mark: std::time::Duration::from_micros(mark),
            manager: manager.parse().expect("a name"),
        }
    }
}

prop_compose! {
    /// A record, first seen at `since`, looked at later, by whatever is known of the server.
    pub fn any_sight()(
        record in any_record(),
        date in prop::option::of(any_time()),
        told in prop::option::of(any_time()),
        passed in prop_oneof![0.0..5000.0_f64, Just(0.0)],
        stamps in prop_oneof![Just(Stamps::Unknown), Just(Stamps::Trusted), Just(Stamps::Untrusted)],
        wall in any_time(),
    ) -> (Observation, Stamps, Now) {
        let now = Now { instant: at(100.0 + passed), wall };
        let seen = Observation::first(record, at(100.0), date);
        let seen = told.into_iter().fold(seen, |seen, stamp| seen.told(stamp, at(100.0)));
        (seen, stamps, now)
    }
}
