//! Builds Lease JSON for tests, field by field, with nothing that the test did not ask for.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A Lease of this name with an empty spec: free, with no duration and no times.
pub fn lease(name: &str) -> LeaseBuilder {
    LeaseBuilder(json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name },
        "spec": {},
    }))
}

/// See [`lease`].
#[derive(Debug, Clone)]
pub struct LeaseBuilder(Value);

impl LeaseBuilder {
    /// `holderIdentity`.
    #[must_use]
    pub fn holder(self, identity: &str) -> LeaseBuilder {
        self.spec("holderIdentity", json!(identity))
    }

    /// `leaseDurationSeconds`.
    #[must_use]
    pub fn duration(self, seconds: i64) -> LeaseBuilder {
        self.spec("leaseDurationSeconds", json!(seconds))
    }

    /// `leaseTransitions`.
    #[must_use]
    pub fn transitions(self, count: i64) -> LeaseBuilder {
        self.spec("leaseTransitions", json!(count))
    }

    /// `renewTime`, written `seconds` ago by a clock that is `skew` seconds ahead (negative: behind).
    #[must_use]
    pub fn renewed_ago(self, seconds: i64, skew: i64) -> LeaseBuilder {
        self.spec("renewTime", json!(micro_time(skew - seconds)))
    }

    /// `acquireTime`, written `seconds` ago by a clock that is `skew` seconds ahead (negative: behind).
    #[must_use]
    pub fn acquired_ago(self, seconds: i64, skew: i64) -> LeaseBuilder {
        self.spec("acquireTime", json!(micro_time(skew - seconds)))
    }

    /// A label.
    #[must_use]
    pub fn label(self, key: &str, value: &str) -> LeaseBuilder {
        self.metadata("labels", key, value)
    }

    /// An annotation.
    #[must_use]
    pub fn annotation(self, key: &str, value: &str) -> LeaseBuilder {
        self.metadata("annotations", key, value)
    }

    /// Any field of the spec, as it is.
    #[must_use]
    pub fn spec(mut self, field: &str, value: Value) -> LeaseBuilder {
        self.0["spec"][field] = value;
        self
    }

    /// The object.
    #[must_use]
    pub fn build(self) -> Value {
        self.0
    }

    fn metadata(mut self, map: &str, key: &str, value: &str) -> LeaseBuilder {
        self.0["metadata"][map][key] = json!(value);
        self
    }
}

/// The wall clock `offset` seconds from now as a MicroTime, which has exactly six digits.
fn micro_time(offset: i64) -> String {
    let time = Timestamp::now() + SignedDuration::from_secs(offset);
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
