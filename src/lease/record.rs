//! The Lease's fields, read losslessly; nobody but this module and its part that changes them knows them.

use std::time::Duration;

use serde_json::{Value, json};

use super::values::{HolderIdentity, LeaseDuration};

mod alteration;
mod change;
mod lock_info;
mod stamps;

pub use alteration::Alteration;
pub use lock_info::LockInfo;

#[cfg(test)]
pub use change::micro_time;

/// The annotation that keeps `--reason`.
pub const REASON_ANNOTATION: &str = "kubectl-lease/reason";

/// The annotation of a Lease that was stolen from a holder that may still run: the transitions of the grant that it was stolen
/// by, for others may come after that and leave it, and the holder's identity. It goes when the holder must have stopped.
const VICTIM_ANNOTATION: &str = "kubectl-lease/victim";

/// The annotation of a Lease that recorded no duration before a grant of this tool: the transitions and the holder of the grant
/// that the recorded duration belongs to, and goes with.
pub const DURATION_ANNOTATION: &str = "kubectl-lease/duration-of-grant";

/// A Lease object as the server sent it, every field kept, known to this build or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Record(Value);

/// What tells one state of a grant from another. A holder that is alive changes it with every renewal; a label edit
/// does not, which is why `resourceVersion` is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedRecord {
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
    /// The times are so much earlier than the clock says, by chance and far less than a second: it tells a grant from another
    /// that the same identity writes at the same time by another clock.
    pub mark: Duration,
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
        self.recorded_duration()
            .filter(|_| !self.duration_is_anothers())
    }

    /// The recorded duration where it is not its holder's, who does not go by it.
    pub fn left_over_duration(&self) -> Option<LeaseDuration> {
        self.recorded_duration()
            .filter(|_| self.duration_is_anothers())
    }

    fn recorded_duration(&self) -> Option<LeaseDuration> {
        LeaseDuration::from_secs(self.spec("leaseDurationSeconds")?.as_i64()?)
    }

    fn duration_is_anothers(&self) -> bool {
        is_anothers(
            |key| self.annotation(key),
            self.transitions(),
            self.holder().unwrap_or_default(),
        )
    }

    /// Whether the recorded duration came with the present grant, or with one that this one follows: the Lease had none before.
    fn duration_is_of_grant(&self) -> bool {
        let of = self.annotation(DURATION_ANNOTATION).and_then(grant_of);
        of.is_some_and(|(transitions, _)| transitions == self.transitions())
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

    /// What `--reason` said of the present grant.
    pub fn reason(&self) -> Option<&str> {
        self.annotation(REASON_ANNOTATION)
            .filter(|_| self.reason_is_the_holders())
    }

    /// The name of the Node that owns it.
    pub fn owning_node(&self) -> Option<&str> {
        let owners = self.0.pointer("/metadata/ownerReferences")?.as_array()?;
        let node = owners.iter().find(|owner| owner["kind"] == "Node")?;
        node["name"].as_str()
    }

    /// `metadata.labels`.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts("labels")
    }

    /// `metadata.annotations`, without those that this program keeps for itself.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        let ours = [REASON_ANNOTATION, VICTIM_ANNOTATION];
        self.texts("annotations")
            .filter(move |(key, _)| !ours.contains(key))
    }

    fn texts(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = self.0.get("metadata").and_then(|meta| meta.get(field));
        map.and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// From whom it was stolen, as long as that holder may still run.
    pub fn victim(&self) -> Option<&str> {
        let (transitions, victim) = grant_of(self.annotation(VICTIM_ANNOTATION)?)?;
        (transitions == self.transitions()).then_some(victim)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.0
            .get("metadata")?
            .get("annotations")?
            .get(key)?
            .as_str()
    }

    /// What a live holder changes.
    pub fn observed_record(&self) -> ObservedRecord {
        ObservedRecord {
            uid: self.uid().to_owned(),
            holder: self.holder().unwrap_or_default().to_owned(),
            acquire_time: self.acquire_time().map(str::to_owned),
            renew_time: self.renew_time().map(str::to_owned),
            transitions: self.transitions(),
            duration: self.duration(),
        }
    }

    /// Whether `spec.renewTime` is this time, however it is written.
    pub fn renewed_at(&self, time: &str) -> bool {
        alteration::same_time(self.renew_time(), Some(time))
    }

    /// Whether this state is of the grant that `written` was to make, whoever is named as its holder.
    pub fn is_of_write(&self, written: &Self) -> bool {
        alteration::same_time(self.acquire_time(), written.acquire_time())
            && self.acquire_time().is_some()
            && self.transitions() == written.transitions()
    }

    /// Whether this state belongs to the same grant as `other`: same object, holder, transitions and acquire time.
    pub fn same_grant(&self, other: &Self) -> bool {
        self.uid() == other.uid()
            && self.holder().is_some()
            && self.holder() == other.holder()
            && self.transitions() == other.transitions()
            && self.acquire_time() == other.acquire_time()
    }
}

/// Whether a recorded duration is not the holder's, by the annotations: it was left behind by an earlier grant, or the holder is
/// a lock of Terraform's or OpenTofu's. Clients that record no duration do not count transitions either: they took the Lease
/// for good, and do not renew it, whatever is recorded.
pub fn is_anothers<'a>(
    annotation: impl Fn(&str) -> Option<&'a str>,
    transitions: i64,
    holder: &str,
) -> bool {
    match annotation(DURATION_ANNOTATION).and_then(grant_of) {
        Some((counted, whose)) if counted == transitions => whose != holder,
        Some(_) | None => is_terraforms_lock(annotation, holder),
    }
}

/// Whether the holder is a lock of Terraform's or OpenTofu's, by the annotations.
pub fn is_terraforms_lock<'a>(annotation: impl Fn(&str) -> Option<&'a str>, holder: &str) -> bool {
    annotation(lock_info::ANNOTATION).is_some_and(|text| lock_info::is_lock_of(text, holder))
}

/// Whether the annotations say that the present grant is one of this program's: where nobody keeps who wrote what.
pub fn is_our_grant<'a>(
    annotation: impl Fn(&str) -> Option<&'a str>,
    transitions: i64,
    holder: &str,
) -> bool {
    let of = annotation(DURATION_ANNOTATION).and_then(grant_of);
    !holder.is_empty() && of == Some((transitions, holder))
}

fn grant_of(text: &str) -> Option<(i64, &str)> {
    let (transitions, holder) = text.split_once(' ')?;
    Some((transitions.parse().ok()?, holder))
}

#[cfg(test)]
#[path = "record/handed_back_tests.rs"]
mod tests;
