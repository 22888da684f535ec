//! What a grant, a renewal and a release write into a Lease; everything else in it stays as it was read.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    DURATION_ANNOTATION, GrantTerms, LeaseDuration, REASON_ANNOTATION, Record,
    TransitionsExhausted, VICTIM_ANNOTATION,
};

/// `spec.leaseTransitions` is an int32; at its end no further grant can be counted.
const MAX_TRANSITIONS: i64 = i32::MAX as i64;

/// A clock that is behind the last renewal by less counts as standing still.
const STANDSTILL: SignedDuration = SignedDuration::from_secs(60);

impl Record {
    /// Whether the transitions cannot be counted any further, so that nobody can be granted it any more.
    pub fn transitions_are_exhausted(&self) -> bool {
        self.transitions() >= MAX_TRANSITIONS
    }

    /// The same object, granted to a new holder at `at` (wall time).
    ///
    /// # Errors
    /// When the transitions cannot be counted any further.
    pub fn granted(&self, terms: &GrantTerms, at: Timestamp) -> Result<Self, TransitionsExhausted> {
        if self.transitions_are_exhausted() {
            return Err(TransitionsExhausted);
        }
        let mut next = self.clone();
        let marked = SignedDuration::try_from(terms.mark).and_then(|mark| at.checked_sub(mark));
        let now = micro_time(marked.unwrap_or(at));
        next.set("holderIdentity", json!(terms.holder.as_str()));
        next.set("acquireTime", json!(now));
        next.set("renewTime", json!(now));
        next.set("leaseTransitions", json!(self.transitions() + 1));
        let duration = terms.duration_on(self);
        next.set("leaseDurationSeconds", json!(duration.as_secs()));
        let had_none = self.duration().is_none()
            || self.duration_is_of_grant()
            // The grant must be told from the lock that it is named after.
            || self.tells_of_lock(terms.holder.as_str());
        let of = had_none.then(|| format!("{} {}", next.transitions(), terms.holder));
        next.set_annotation(DURATION_ANNOTATION, of.as_deref());
        next.set_reason(terms.reason.as_deref());
        Ok(next.with_victim(None))
    }

    /// The same grant, renewed at `at`, or a microsecond after the last renewal if that has the same time: a PUT
    /// that changes no byte is answered 200 and writes nothing.
    #[must_use]
    pub fn renewed(&self, at: Timestamp) -> Self {
        let mut next = self.clone();
        next.set("renewTime", json!(self.unlike_last_renewal(at)));
        next
    }

    /// As [`Record::renewed`], a grant of `duration`: somebody who removed the recorded one, or made it unreadable, has
    /// made a lease that outlives its holder, so it is recorded again. Any other that is recorded stays.
    #[must_use]
    pub fn renewed_for(&self, duration: LeaseDuration, at: Timestamp) -> Self {
        let mut next = self.renewed(at);
        if self.duration().is_none() {
            next.set("leaseDurationSeconds", json!(duration.as_secs()));
            let holder = self.holder().unwrap_or_default();
            if self.tells_of_lock(holder) {
                let of = format!("{} {holder}", self.transitions());
                next.set_annotation(DURATION_ANNOTATION, Some(&of));
            }
        }
        next
    }

    /// The same object, free; the transitions stay, and the duration that it had before the grant.
    ///
    /// The holder is absent, and not empty: Terraform takes one that is present for a lock, and client-go reads both alike. A
    /// duration that came with the grant would let others take the Lease from whoever records none.
    #[must_use]
    pub fn released(&self, at: Timestamp) -> Self {
        let mut next = self.clone();
        next.unset("holderIdentity");
        if self.duration_is_of_grant() {
            next.unset("leaseDurationSeconds");
        }
        next.set_annotation(DURATION_ANNOTATION, None);
        next.set("renewTime", json!(self.unlike_last_renewal(at)));
        next.set_reason(None);
        next.with_victim(None)
    }

    /// A later time than the last renewal's even where the clock stands still or was set back a little: with two times in
    /// turn, somebody who reads only now and then could see the same one twice, and take a live holder for dead. A
    /// clock that was set back further is followed, so that the record does not claim a far future for ever.
    fn unlike_last_renewal(&self, at: Timestamp) -> String {
        // What is written has whole microseconds: two times in the same one are the same.
        let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
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

    /// The same, with this duration.
    #[must_use]
    pub fn with_duration(&self, duration: LeaseDuration) -> Self {
        let mut next = self.clone();
        next.set("leaseDurationSeconds", json!(duration.as_secs()));
        next
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

    fn unset(&mut self, field: &str) {
        if let Some(spec) = self.section("spec", None) {
            spec.remove(field);
        }
    }

    /// The same grant, and from whom it was stolen who may still run; `None` when that one must have stopped.
    #[must_use]
    pub fn with_victim(mut self, victim: Option<&str>) -> Self {
        let text = victim.map(|victim| format!("{} {victim}", self.transitions()));
        self.set_annotation(VICTIM_ANNOTATION, text.as_deref());
        self
    }

    fn set_reason(&mut self, reason: Option<&str>) {
        self.set_annotation(REASON_ANNOTATION, reason);
    }

    fn set_annotation(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(text) => {
                if let Some(all) = self.section("metadata", Some("annotations")) {
                    all.insert(key.to_owned(), json!(text));
                }
            }
            None => {
                if self.annotation(key).is_some()
                    && let Some(all) = self.section("metadata", Some("annotations"))
                {
                    all.remove(key);
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
