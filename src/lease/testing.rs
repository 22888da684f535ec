//! Records and times for the unit tests of this module.

use std::time::Duration;

use serde_json::{Value, json};

use super::keeper::{Nature, Other};
use super::record::{GrantTerms, Record};
use super::values::{LeaseDuration, Manager};
use crate::clock::Instant;

/// An instant `seconds` after the simulated clock's origin.
pub fn at(seconds: f64) -> Instant {
    Instant::from_origin(Duration::from_secs_f64(seconds))
}

/// A span in seconds.
pub fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A wall time.
pub fn wall(text: &str) -> jiff::Timestamp {
    text.parse().expect("a timestamp")
}

impl Record {
    /// The same object, edited by anybody.
    pub fn with(&self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut object = self.as_json().clone();
        edit(&mut object);
        Self::new(object).expect("a Lease")
    }

    /// The same with this in a field of the spec.
    pub fn with_spec(&self, field: &str, value: Value) -> Self {
        self.with(|object| object["spec"][field] = value)
    }
}

/// A Lease that `holder` holds for `duration` seconds, with everything a server would have set.
pub fn held(holder: &str, duration: u32) -> Record {
    Record::new(json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": "my-lease", "namespace": "default", "uid": "uid-1", "resourceVersion": "7",
            "creationTimestamp": "2020-01-01T00:00:00Z",
        },
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": duration,
            "acquireTime": "2020-01-01T00:00:00.000000Z",
            "renewTime": "2020-01-01T00:00:00.000000Z",
            "leaseTransitions": 4,
        },
    }))
    .expect("an object")
}

/// The same, free.
pub fn free(duration: u32) -> Record {
    held("", duration)
}

/// The same, with one managedFields entry per time that owns renewTime.
pub fn stamped(record: Record, times: &[&str]) -> Record {
    let entry = |time: &&str| {
        json!({
            "manager": format!("m-{time}"), "operation": "Update", "apiVersion": "coordination.k8s.io/v1",
            "time": time, "fieldsType": "FieldsV1",
            "fieldsV1": { "f:spec": { "f:renewTime": {}, "f:holderIdentity": {} } },
        })
    };
    record.with(|object| object["metadata"]["managedFields"] = times.iter().map(entry).collect())
}

/// Who has a Lease of this nature.
pub fn other(holder: &str, nature: Nature) -> Other {
    Other {
        holder: holder.into(),
        nature,
    }
}

/// A grant for 60 s where the Lease records nothing.
pub fn grant_terms(holder: &str) -> GrantTerms {
    GrantTerms {
        holder: holder.parse().expect("a holder"),
        duration: None,
        default_duration: LeaseDuration::constant(60),
        reason: None,
        mark: Duration::ZERO,
        manager: Manager::default(),
    }
}
