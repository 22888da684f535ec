//! The Lease's fields, read and written losslessly; the only file that knows them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::values::{HolderIdentity, LeaseDuration};

/// `spec.leaseTransitions` is an int32; at its end no further grant can be counted.
const MAX_TRANSITIONS: i64 = i32::MAX as i64;

/// A clock that is behind the last renewal by less counts as standing still.
const STANDSTILL: SignedDuration = SignedDuration::from_secs(60);

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
        self.0
            .get("metadata")?
            .get("managedFields")?
            .as_array()?
            .iter()
            .filter(|entry| entry.pointer("/fieldsV1/f:spec/f:renewTime").is_some())
            .map(|entry| entry.get("time")?.as_str()?.parse().ok())
            // One owner whose time cannot be read makes the latest unknown.
            .collect::<Option<Vec<Timestamp>>>()?
            .into_iter()
            .max()
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

    /// The same object, granted to a new holder at `at` (wall time).
    ///
    /// # Errors
    /// When the transitions cannot be counted any further.
    pub fn granted(&self, terms: &GrantTerms, at: Timestamp) -> Result<Self, TransitionsExhausted> {
        if self.transitions() >= MAX_TRANSITIONS {
            return Err(TransitionsExhausted);
        }
        let mut next = self.clone();
        let now = micro_time(at);
        next.set("holderIdentity", json!(terms.holder.as_str()));
        next.set("acquireTime", json!(now));
        next.set("renewTime", json!(now));
        next.set("leaseTransitions", json!(self.transitions() + 1));
        if let Some(duration) = terms
            .duration
            .or(self.duration().is_none().then_some(terms.default_duration))
        {
            next.set("leaseDurationSeconds", json!(duration.as_secs()));
        }
        next.set_reason(terms.reason.as_deref());
        Ok(next)
    }

    /// The same grant, renewed at `at`, or a microsecond after the last renewal if that has the same time: a PUT
    /// that changes no byte is answered 200 and writes nothing.
    #[must_use]
    pub fn renewed(&self, at: Timestamp) -> Self {
        let mut next = self.clone();
        next.set("renewTime", json!(self.unlike_last_renewal(at)));
        next
    }

    /// The same object, free; the duration and the transitions stay.
    #[must_use]
    pub fn released(&self, at: Timestamp) -> Self {
        let mut next = self.clone();
        next.set("holderIdentity", json!(""));
        next.set("renewTime", json!(self.unlike_last_renewal(at)));
        next.set_reason(None);
        next
    }

    /// A later time than the last renewal's even where the clock stands still or was set back a little: with two times in
    /// turn, somebody who reads only now and then could see the same one twice, and take a live holder for dead. A
    /// clock that was set back further is followed, so that the record does not claim a far future for ever.
    fn unlike_last_renewal(&self, at: Timestamp) -> String {
        let last = self.renew_time().and_then(|text| text.parse().ok());
        let next = match last {
            Some(last) if at <= last && last.duration_since(at) < STANDSTILL => {
                last.saturating_add(SignedDuration::from_micros(1))
            }
            Some(_) | None => Ok(at),
        };
        micro_time(next.unwrap_or(at))
    }

    /// Sets labels and annotations of a record that is to be created.
    #[must_use]
    pub fn with_metadata(
        mut self,
        labels: &[(String, String)],
        annotations: &[(String, String)],
    ) -> Self {
        for (field, pairs) in [("labels", labels), ("annotations", annotations)] {
            for (key, value) in pairs {
                if let Some(map) = self.section("metadata", Some(field)) {
                    map.insert(key.clone(), json!(value));
                }
            }
        }
        self
    }

    /// Sets a spec field of a record that is to be created.
    #[must_use]
    pub fn with_spec(mut self, field: &str, value: Value) -> Self {
        self.set(field, value);
        self
    }

    /// Sets the reason of a record that is to be created.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<&str>) -> Self {
        self.set_reason(reason);
        self
    }

    fn set(&mut self, field: &str, value: Value) {
        if let Some(spec) = self.section("spec", None) {
            spec.insert(field.to_owned(), value);
        }
    }

    fn set_reason(&mut self, reason: Option<&str>) {
        match reason {
            Some(text) => {
                if let Some(all) = self.section("metadata", Some("annotations")) {
                    all.insert(REASON_ANNOTATION.to_owned(), json!(text));
                }
            }
            None => {
                if self.reason().is_some()
                    && let Some(all) = self.section("metadata", Some("annotations"))
                {
                    all.remove(REASON_ANNOTATION);
                }
            }
        }
    }

    /// A map inside the object, made where it is absent or null.
    fn section(&mut self, outer: &str, inner: Option<&str>) -> Option<&mut Map<String, Value>> {
        let outer = map_in(self.0.as_object_mut()?, outer)?;
        match inner {
            Some(inner) => map_in(outer, inner),
            None => Some(outer),
        }
    }
}

fn map_in<'a>(parent: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let slot = parent.entry(key).or_insert_with(|| json!({}));
    if slot.is_null() {
        *slot = json!({});
    }
    slot.as_object_mut()
}

/// A MicroTime: RFC 3339 in UTC with exactly six digits, the only form every API server reads.
pub fn micro_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
