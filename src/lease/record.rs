//! The Lease's fields, read losslessly; nobody but this module and its part that changes them knows them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::values::{HolderIdentity, LeaseDuration};

mod change;

#[cfg(test)]
pub use change::micro_time;

/// The annotation that keeps `--reason`.
pub const REASON_ANNOTATION: &str = "kubectl-lease/reason";

/// A Lease object as the server sent it, every field kept, known to this build or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Record(Value);

/// What tells one state of a grant from another. A holder that is alive changes it with every renewal; a label edit
/// does not, which is why `resourceVersion` is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuple {
    uid: String,
    holder: String,
    acquire_time: Option<String>,
    renew_time: Option<String>,
    transitions: i64,
    duration: Option<LeaseDuration>,
}

/// The terms of a new grant.
#[derive(Clone, Debug)]
pub struct GrantTerms {
    /// The new holder.
    pub holder: HolderIdentity,
    /// The duration to record; `None` keeps what the Lease has.
    pub duration: Option<LeaseDuration>,
    /// The duration to record when none is asked for and the Lease has none.
    pub default_duration: LeaseDuration,
    /// Why, for whoever looks; `None` clears what an earlier holder left.
    pub reason: Option<String>,
}

impl GrantTerms {
    /// The duration that a grant on these terms records in `lease`: what is asked for, else what the Lease records, else
    /// the default. Whatever is checked of a grant's duration is checked of this one.
    ///
    /// A free Lease that records one second records nothing: client-go writes that whenever it releases one
    /// (`LeaderElector.release` in its `tools/leaderelection`).
    pub fn duration_on(&self, lease: &Record) -> LeaseDuration {
        let recorded = lease.duration().filter(|recorded| {
            lease.holder().is_some() || *recorded != LeaseDuration::WRITTEN_BY_A_RELEASE
        });
        self.duration.or(recorded).unwrap_or(self.default_duration)
    }
}

/// Who wrote a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The client's name.
    pub manager: &'a str,
    /// `Update` or `Apply`.
    pub operation: &'a str,
    /// When, by the server's clock, as written.
    pub time: &'a str,
}

/// `spec.leaseTransitions` cannot grow any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionsExhausted;

impl Record {
    /// Takes a Lease object; `None` if it is not a JSON object.
    pub fn new(object: Value) -> Option<Self> {
        object.is_object().then_some(Self(object))
    }

    /// A Lease that does not exist yet: no holder, no transitions.
    pub fn fresh(namespace: &str, name: &str, duration: LeaseDuration) -> Self {
        Self(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "namespace": namespace, "name": name },
            "spec": {
                "holderIdentity": "",
                "leaseDurationSeconds": duration.as_secs(),
                "leaseTransitions": 0,
            },
        }))
    }

    /// The whole object.
    pub fn as_json(&self) -> &Value {
        &self.0
    }

    fn meta(&self, field: &str) -> Option<&str> {
        self.0.get("metadata")?.get(field)?.as_str()
    }

    fn spec(&self, field: &str) -> Option<&Value> {
        self.0.get("spec")?.get(field)
    }

    fn spec_text(&self, field: &str) -> Option<&str> {
        self.spec(field)?.as_str().filter(|text| !text.is_empty())
    }

    /// `metadata.name`, empty if absent.
    pub fn name(&self) -> &str {
        self.meta("name").unwrap_or_default()
    }

    /// `metadata.namespace`, empty if absent.
    pub fn namespace(&self) -> &str {
        self.meta("namespace").unwrap_or_default()
    }

    /// `metadata.uid`, empty if absent.
    pub fn uid(&self) -> &str {
        self.meta("uid").unwrap_or_default()
    }

    /// `metadata.resourceVersion`, empty if absent.
    pub fn resource_version(&self) -> &str {
        self.meta("resourceVersion").unwrap_or_default()
    }

    /// Whether this state is older than `other`, as far as resourceVersions can tell (they grow, and compare as
    /// numbers on every API server backed by etcd).
    pub fn older_than(&self, other: &Self) -> bool {
        match (
            self.resource_version().parse::<u64>(),
            other.resource_version().parse::<u64>(),
        ) {
            (Ok(mine), Ok(others)) => mine < others,
            _ => false,
        }
    }

    /// The holder identity; `None` means free, be the field absent, null or empty.
    pub fn holder(&self) -> Option<&str> {
        self.spec_text("holderIdentity")
    }

    /// The recorded lease duration; `None` means that the lease never expires by itself.
    pub fn duration(&self) -> Option<LeaseDuration> {
        LeaseDuration::from_secs(self.spec("leaseDurationSeconds")?.as_i64()?)
    }

    /// `spec.acquireTime` as written.
    pub fn acquire_time(&self) -> Option<&str> {
        self.spec_text("acquireTime")
    }

    /// `spec.renewTime` as written.
    pub fn renew_time(&self) -> Option<&str> {
        self.spec_text("renewTime")
    }

    /// `spec.leaseTransitions`; absent counts as 0.
    pub fn transitions(&self) -> i64 {
        self.spec("leaseTransitions")
            .and_then(Value::as_i64)
            .unwrap_or(0)
    }

    /// `spec.strategy`, set where the API server elects the holder (coordinated leader election).
    pub fn strategy(&self) -> Option<&str> {
        self.spec_text("strategy")
    }

    /// Whether the Lease is being deleted and only waits for its finalizers.
    pub fn is_terminating(&self) -> bool {
        self.meta("deletionTimestamp").is_some()
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> Vec<&str> {
        self.0
            .get("metadata")
            .and_then(|meta| meta.get("finalizers")?.as_array())
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    /// Who wrote it last, by the server's clock.
    pub fn last_writer(&self) -> Option<Writer<'_>> {
        self.0
            .get("metadata")?
            .get("managedFields")?
            .as_array()?
            .iter()
            .filter_map(|entry| {
                Some(Writer {
                    manager: entry.get("manager")?.as_str()?,
                    operation: entry.get("operation")?.as_str()?,
                    time: entry.get("time")?.as_str()?,
                })
            })
            // RFC 3339 in UTC sorts as text.
            .max_by_key(|writer| writer.time)
    }

    /// The object that owns it, as `Kind/name`.
    pub fn owner(&self) -> Option<String> {
        let owner = self
            .0
            .get("metadata")?
            .get("ownerReferences")?
            .as_array()?
            .first()?;
        Some(format!(
            "{}/{}",
            owner.get("kind")?.as_str()?,
            owner.get("name")?.as_str()?
        ))
    }

    /// What `--reason` said.
    pub fn reason(&self) -> Option<&str> {
        self.0
            .get("metadata")?
            .get("annotations")?
            .get(REASON_ANNOTATION)?
            .as_str()
    }

    /// When the API server itself, by its own clock, last saw `spec.renewTime` change: the time of the managedFields
    /// entry that owns the field, the latest if several do.
    pub fn renew_stamp(&self) -> Option<Timestamp> {
        self.managed_fields()
            .filter(|entry| entry.pointer("/fieldsV1/f:spec/f:renewTime").is_some())
            .map(stamp)
            // One owner whose time cannot be read makes the latest unknown.
            .collect::<Option<Vec<Timestamp>>>()?
            .into_iter()
            .max()
    }

    /// When the API server itself, by its own clock, last saw anything in the spec change: the newest time of the
    /// managedFields entries that own a field of it, whoever their manager. `None` if there is no such entry, or one of
    /// them whose time cannot be read: it could be the newest.
    pub fn spec_stamp(&self) -> Option<Timestamp> {
        self.managed_fields()
            .filter(|entry| entry.pointer("/fieldsV1/f:spec").is_some())
            .map(stamp)
            .collect::<Option<Vec<Timestamp>>>()?
            .into_iter()
            .max()
    }

    /// The time that the server gives the write of `sent` over `read`, of which this is the reply: that of `manager`'s
    /// entry, if it owns every field of the spec that the write changes. `None` if this is no reply to that write.
    pub fn stamp_of_write(&self, read: &Self, sent: &Self, manager: &str) -> Option<Timestamp> {
        let about_it = self.uid() == sent.uid()
            && self.holder() == sent.holder()
            && self.transitions() == sent.transitions();
        let before = read.0.get("spec").and_then(Value::as_object);
        let changed: Vec<&String> = (sent.0.get("spec")?.as_object()?.iter())
            .filter(|(key, value)| before.and_then(|before| before.get(*key)) != Some(value))
            .map(|(key, _)| key)
            .collect();
        if !about_it || changed.is_empty() {
            return None;
        }
        self.managed_fields()
            .filter(|entry| {
                let text = |field: &str| entry.get(field).and_then(Value::as_str);
                text("manager") == Some(manager)
                    && text("operation") == Some("Update")
                    && text("subresource").is_none_or(str::is_empty)
            })
            .find(|entry| {
                let owned = entry.pointer("/fieldsV1/f:spec").and_then(Value::as_object);
                owned.is_some_and(|owned| {
                    (changed.iter()).all(|key| owned.contains_key(&format!("f:{key}")))
                })
            })
            .and_then(stamp)
    }

    fn managed_fields(&self) -> impl Iterator<Item = &Value> {
        self.0
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    /// What a live holder changes.
    pub fn tuple(&self) -> Tuple {
        Tuple {
            uid: self.uid().to_owned(),
            holder: self.holder().unwrap_or_default().to_owned(),
            acquire_time: self.acquire_time().map(str::to_owned),
            renew_time: self.renew_time().map(str::to_owned),
            transitions: self.transitions(),
            duration: self.duration(),
        }
    }

    /// Whether this state belongs to the same grant as `other`: same object, holder, transitions and acquire time.
    pub fn same_grant(&self, other: &Self) -> bool {
        self.uid() == other.uid()
            && self.holder().is_some()
            && self.holder() == other.holder()
            && self.transitions() == other.transitions()
            && self.acquire_time() == other.acquire_time()
    }

    /// Whether every spec field, label and annotation of `asked` is here with the same value.
    pub fn holds_all_of(&self, asked: &Self) -> bool {
        ["/spec", "/metadata/labels", "/metadata/annotations"]
            .iter()
            .all(|place| {
                let theirs = asked.0.pointer(place).and_then(Value::as_object);
                let ours = self.0.pointer(place).and_then(Value::as_object);
                theirs.is_none_or(|theirs| {
                    theirs
                        .iter()
                        .all(|(key, value)| ours.and_then(|ours| ours.get(key)) == Some(value))
                })
            })
    }
}

/// The time of a managedFields entry: whole seconds, by the server's clock.
fn stamp(entry: &Value) -> Option<Timestamp> {
    entry.get("time")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::testing::{held, wall};

    /// A read, a takeover and the reply to it with one entry of managedFields, changed by `edit`.
    fn reply(edit: impl FnOnce(&mut Value)) -> (Record, Record, Record) {
        let read = held("x", 15);
        let terms = GrantTerms {
            holder: "me".parse().expect("a holder"),
            duration: None,
            default_duration: LeaseDuration::constant(60),
            reason: None,
        };
        let sent = read
            .granted(&terms, wall("2026-01-01T00:00:00Z"))
            .expect("a grant");
        let mut reply = sent.as_json().clone();
        reply["metadata"]["managedFields"] = json!([{
            "manager": "other", "operation": "Update", "time": "2026-01-01T00:00:00Z",
            "fieldsV1": { "f:spec": { "f:leaseDurationSeconds": {} } },
        }, {
            "manager": "kubectl-lease", "operation": "Update", "time": "2026-01-01T01:00:00Z",
            "fieldsV1": { "f:spec": { "f:acquireTime": {}, "f:holderIdentity": {}, "f:leaseTransitions": {}, "f:renewTime": {} } },
        }]);
        edit(&mut reply);
        (read, sent, Record::new(reply).expect("an object"))
    }

    #[test]
    fn the_stamp_of_a_write_is_that_of_our_own_entry_in_the_reply_to_it() {
        let stamp = |edit: fn(&mut Value)| {
            let (read, sent, reply) = reply(edit);
            reply.stamp_of_write(&read, &sent, "kubectl-lease")
        };
        assert_eq!(stamp(|_| ()), Some(wall("2026-01-01T01:00:00Z")));
        let others: [fn(&mut Value); 9] = [
            |reply| reply["metadata"]["uid"] = json!("another"),
            |reply| reply["spec"]["holderIdentity"] = json!("prefix-me"),
            |reply| reply["spec"]["leaseTransitions"] = json!(4),
            |reply| reply["metadata"]["managedFields"][1]["manager"] = json!("kubectl"),
            |reply| reply["metadata"]["managedFields"][1]["operation"] = json!("Apply"),
            |reply| reply["metadata"]["managedFields"][1]["subresource"] = json!("status"),
            |reply| reply["metadata"]["managedFields"][1]["time"] = json!("now"),
            |reply| reply["metadata"]["managedFields"] = Value::Null,
            // Not stamped by this write: it does not own what this write changes.
            |reply| {
                reply["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"] =
                    json!({ "f:renewTime": {}, "f:holderIdentity": {} });
            },
        ];
        for other in others {
            assert_eq!(stamp(other), None);
        }
        let (read, _, reply) = reply(|_| ());
        assert_eq!(
            reply.stamp_of_write(&read, &read, "kubectl-lease"),
            None,
            "a write that changes nothing is not stamped"
        );
    }
}
