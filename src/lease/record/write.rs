//! What a grant, a renewal and a release write into a Lease; everything else in it stays as it was read.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::field::{
    self, DURATION_ANNOTATION, MANAGER_ANNOTATION, PREVIOUS_ANNOTATION, REASON_ANNOTATION,
    REGRANTED_ANNOTATION, SLOT_OF_LABEL, SLOTS_ANNOTATION, STOPPED_ANNOTATION, VICTIM_ANNOTATION,
};
use super::{GrantTerms, Lease, LeaseDuration, Record, TransitionsExhausted, lock_info};
use crate::lease::values::Slots;

/// A clock that is behind the last renewal by less counts as standing still.
const STANDSTILL: SignedDuration = SignedDuration::from_secs(60);

impl Lease {
    /// A Lease that does not exist yet: no holder, no transitions.
    pub fn fresh(namespace: &str, name: &str, duration: LeaseDuration) -> Self {
        Self::default().edited(|lease| {
            lease.0 = json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": { "namespace": namespace, "name": name },
                "spec": { field::DURATION: duration.as_secs(), field::TRANSITIONS: 0 },
            });
        })
    }

    /// The same object, granted to a new holder at `at` (wall time).
    ///
    /// # Errors
    /// When the transitions cannot be counted any further.
    pub fn granted(&self, terms: &GrantTerms, at: Timestamp) -> Result<Self, TransitionsExhausted> {
        if self.transitions_are_exhausted() {
            return Err(TransitionsExhausted);
        }
        let marked = SignedDuration::try_from(terms.mark).and_then(|mark| at.checked_sub(mark));
        let now = micro_time(marked.unwrap_or(at));
        let transitions = self.transitions() + 1;
        let had_no_duration = self.duration().is_none()
            || self.duration_is_of_grant()
            // The grant must be told from the lock that it is named after.
            || self.tells_of_lock(terms.holder.as_str());
        Ok(self.edited(|lease| {
            lease.set(field::HOLDER, terms.holder.as_str());
            lease.set(field::ACQUIRE_TIME, &*now);
            lease.set(field::RENEW_TIME, &*now);
            lease.set(field::TRANSITIONS, transitions);
            lease.set(field::DURATION, terms.duration_on(self).as_secs());
            let of = had_no_duration.then(|| format!("{transitions} {}", terms.holder));
            lease.annotate(DURATION_ANNOTATION, of.as_deref());
            lease.annotate(REASON_ANNOTATION, said(terms.reason.as_deref()));
            lease.annotate(VICTIM_ANNOTATION, None);
            lease.annotate(STOPPED_ANNOTATION, None);
            let manager = terms.manager.named();
            let manager = manager.map(|manager| format!("{transitions} {manager}"));
            lease.annotate(MANAGER_ANNOTATION, manager.as_deref());
            let again = self.holder() == Some(terms.holder.as_str());
            let again = again.then(|| transitions.to_string());
            lease.annotate(REGRANTED_ANNOTATION, again.as_deref());
            if let Some(noted) = self.noted(terms, at, transitions) {
                lease.annotate(PREVIOUS_ANNOTATION, Some(&noted));
            }
        }))
    }

    /// Sets labels and annotations of a Lease that is to be created.
    #[must_use]
    pub fn with_metadata(
        &self,
        labels: &[(String, String)],
        annotations: &[(String, String)],
    ) -> Self {
        self.edited(|lease| {
            for (field, pairs) in [("labels", labels), ("annotations", annotations)] {
                for (key, value) in pairs {
                    lease.insert(&["metadata", field], key, value.as_str());
                }
            }
        })
    }

    /// Sets who elects the holder of a Lease that is to be created, and by what; as far as it is given.
    #[must_use]
    pub fn with_election(&self, strategy: Option<&str>, preferred: Option<&str>) -> Self {
        self.edited(|lease| {
            for (field, value) in [("strategy", strategy), ("preferredHolder", preferred)] {
                if let Some(value) = value {
                    lease.set(field, value);
                }
            }
        })
    }

    /// Sets the reason of a Lease that is to be created.
    #[must_use]
    pub fn with_reason(&self, reason: Option<&str>) -> Self {
        self.edited(|lease| lease.annotate(REASON_ANNOTATION, said(reason)))
    }

    /// The same, which says that it is one of these slots. A later release leaves that, and so does every renewal.
    #[must_use]
    pub fn as_slot(&self, of: &Slots) -> Self {
        self.edited(|lease| {
            lease.annotate(SLOTS_ANNOTATION, Some(&of.count().to_string()));
            if let Some(value) = of.label() {
                lease.insert(&["metadata", "labels"], SLOT_OF_LABEL, value);
            }
        })
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

    pub(super) fn edited(&self, edit: impl FnOnce(&mut Edit)) -> Self {
        let mut object = Edit(self.as_json().clone());
        edit(&mut object);
        object.fit();
        // What is written has the type of its field, so that it can be read; a write of what was read would store nothing.
        Self::new(object.0).unwrap_or_else(|_| self.clone())
    }
}

/// What follows a read: the uid and the resourceVersion stay.
impl Record {
    /// As [`Lease::granted`].
    ///
    /// # Errors
    /// When the transitions cannot be counted any further.
    pub fn granted(&self, terms: &GrantTerms, at: Timestamp) -> Result<Self, TransitionsExhausted> {
        self.0.granted(terms, at).map(|lease| self.changed(lease))
    }

    /// The same grant, renewed at `at`, or a microsecond after the last renewal if that has the same time: a PUT
    /// that changes no byte is answered 200 and writes nothing.
    #[must_use]
    pub fn renewed(&self, at: Timestamp) -> Self {
        let now = self.unlike_last_renewal(at);
        self.edited(|lease| lease.set(field::RENEW_TIME, now))
    }

    /// As [`Record::renewed`], a grant of `duration`: somebody who removed the recorded one, or made it unreadable, has
    /// made a lease that outlives its holder, so it is recorded again. Any other that is recorded stays.
    #[must_use]
    pub fn renewed_for(&self, duration: LeaseDuration, at: Timestamp) -> Self {
        let renewed = self.renewed(at);
        if self.duration().is_some() {
            return renewed;
        }
        let holder = self.holder().filter(|holder| self.tells_of_lock(holder));
        let of = holder.map(|holder| format!("{} {holder}", self.transitions()));
        renewed.edited(|lease| {
            lease.set(field::DURATION, duration.as_secs());
            if of.is_some() {
                lease.annotate(DURATION_ANNOTATION, of.as_deref());
            }
        })
    }

    /// As [`Record::renewed_for`], of a grant under which nothing has begun, because its victim may run for `duration`: a shorter one
    /// that somebody recorded does not stay either, for whoever goes by it would come in beside the victim.
    #[must_use]
    pub fn renewed_beside(&self, duration: LeaseDuration, at: Timestamp) -> Self {
        match self.duration() {
            Some(recorded) if recorded < duration => self.renewed(at).with_duration(duration),
            Some(_) | None => self.renewed_for(duration, at),
        }
    }

    /// The same object, free; the transitions stay, and the duration that it had before the grant.
    ///
    /// The holder is absent, and not empty: Terraform takes one that is present for a lock, and client-go reads both alike. A
    /// duration that came with the grant would let others take the Lease from whoever records none.
    #[must_use]
    pub fn released(&self, at: Timestamp) -> Self {
        let now = self.unlike_last_renewal(at);
        self.edited(|lease| {
            lease.unset(field::HOLDER);
            if self.duration_is_of_grant() {
                lease.unset(field::DURATION);
            }
            lease.set(field::RENEW_TIME, now);
            for ours in [
                DURATION_ANNOTATION,
                REASON_ANNOTATION,
                VICTIM_ANNOTATION,
                STOPPED_ANNOTATION,
                MANAGER_ANNOTATION,
                REGRANTED_ANNOTATION,
            ] {
                lease.annotate(ours, None);
            }
        })
    }

    /// As [`Record::released`], of a lock that somebody else has: what Terraform and OpenTofu note beside a lock of theirs goes
    /// too, as with their own `force-unlock` (`RemoteClient.Unlock` in their `backend/remote-state/kubernetes`).
    #[must_use]
    pub fn freed(&self, at: Timestamp) -> Self {
        let is_theirs = self.is_held_by_terraform()
            || self.is_locked_by_nobody()
            || (self.is_terraforms() && self.holder().is_some() && self.duration().is_none());
        let freed = self.released(at);
        if !is_theirs {
            return freed;
        }
        freed.edited(|lease| lease.annotate(lock_info::ANNOTATION, None))
    }

    /// As [`Lease::as_slot`].
    #[must_use]
    pub fn as_slot(&self, of: &Slots) -> Self {
        self.changed(self.0.as_slot(of))
    }

    /// The same, with this duration.
    #[must_use]
    pub fn with_duration(&self, duration: LeaseDuration) -> Self {
        self.edited(|lease| lease.set(field::DURATION, duration.as_secs()))
    }

    /// The same, and who is to hold it next in a coordinated election.
    #[must_use]
    pub fn with_preferred_holder(&self, candidate: &str) -> Self {
        self.edited(|lease| lease.set("preferredHolder", candidate))
    }

    /// The same grant, and from whom it was stolen who may still run; `None` when that one must have stopped, whether it has
    /// said so or not.
    #[must_use]
    pub fn with_victim(&self, victim: Option<&str>) -> Self {
        let text = victim.map(|victim| format!("{} {victim}", self.transitions()));
        self.edited(|lease| {
            lease.annotate(VICTIM_ANNOTATION, text.as_deref());
            if text.is_none() {
                lease.annotate(STOPPED_ANNOTATION, None);
            }
        })
    }

    /// The same with this annotation, or without it.
    #[must_use]
    pub(super) fn annotated(&self, key: &str, text: Option<&str>) -> Self {
        self.edited(|lease| lease.annotate(key, text))
    }

    pub(super) fn edited(&self, edit: impl FnOnce(&mut Edit)) -> Self {
        self.changed(self.0.edited(edit))
    }

    /// A change to this, or to what this is a change to.
    pub(super) fn changed(&self, mut lease: Lease) -> Self {
        let read = || Arc::new(self.0.clone());
        lease.read = Some(self.0.replaced().unwrap_or_else(read));
        Self(lease)
    }
}

/// A reason; an empty one is none, as of a variable that is not set.
fn said(reason: Option<&str>) -> Option<&str> {
    reason.filter(|text| !text.is_empty())
}

/// A Lease object that is being changed.
pub(super) struct Edit(Value);

impl Edit {
    /// Sets a field of the spec.
    fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.insert(&["spec"], field, value);
    }

    fn unset(&mut self, field: &str) {
        self.remove("/spec", field);
    }

    pub(super) fn annotate(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.insert(&["metadata", "annotations"], key, text),
            None => self.remove("/metadata/annotations", key),
        }
    }

    /// What the annotations take, keys included.
    pub(super) fn annotations_size(&self) -> usize {
        let all = self.0.pointer("/metadata/annotations");
        let all = all.and_then(Value::as_object).into_iter().flatten();
        all.map(|(key, text)| key.len() + text.as_str().map_or(0, str::len))
            .sum()
    }

    /// Inserts into a map inside the object, which is made where it is absent or null.
    pub(super) fn insert(&mut self, path: &[&str], key: &str, value: impl Into<Value>) {
        let inner = path.iter().try_fold(&mut self.0, |outer, name| {
            let slot = outer.as_object_mut()?.entry(*name).or_insert(Value::Null);
            if slot.is_null() {
                *slot = Map::new().into();
            }
            Some(slot)
        });
        if let Some(map) = inner.and_then(Value::as_object_mut) {
            map.insert(key.to_owned(), value.into());
        }
    }

    fn remove(&mut self, path: &str, key: &str) {
        if let Some(map) = self.0.pointer_mut(path).and_then(Value::as_object_mut) {
            map.remove(key);
        }
    }
}

/// A MicroTime: RFC 3339 in UTC with exactly six digits, the only form every API server reads.
pub fn micro_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
