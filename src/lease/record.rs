//! A Lease, read losslessly; nobody outside this room knows its fields.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

use super::values::{HolderIdentity, LeaseDuration, Manager};

mod alteration;
mod class;
mod ended;
mod entry;
pub mod field;
mod keep;
mod lock_info;
mod managed;
mod object;
mod previous;
mod read;
mod stopped;
pub mod summary;
mod text;
mod ticket;
mod write;

pub use alteration::Alteration;
pub use field::QUEUE_OF_LABEL;
pub use field::{CLOCK_MANAGER, FIELD_MANAGER, SLOT_OF_LABEL};
pub use keep::{Keep, hide_managed_fields};
pub use lock_info::LockInfo;
pub use managed::Writer;
pub use object::Fields;
pub use previous::{Previous, Taken, beginning, previous};

#[cfg(test)]
pub use field::{
    DURATION_ANNOTATION, MANAGER_ANNOTATION, PREVIOUS_ANNOTATION, REASON_ANNOTATION,
    REGRANTED_ANNOTATION,
};
pub use ticket::{OwningLease, Standing};
pub use write::micro_time;

/// A Lease object with every field, known to this build or not: one that is to be created, or what a server says that a write
/// has made of one.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    object: Arc<Value>,
    fields: Arc<Fields<'static>>,
    /// What was read, where this is a change to that.
    read: Option<Arc<Lease>>,
}

impl PartialEq for Lease {
    fn eq(&self, other: &Self) -> bool {
        self.object == other.object
    }
}

/// A Lease as the server has it, or with a change to that: it carries the uid and the resourceVersion that were read, so that
/// it can be written over nothing else. Without the uid the API server would make a deleted Lease anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Record(Lease);

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
    /// As whom it is written.
    pub manager: Manager,
}

impl GrantTerms {
    /// The duration that a grant on these terms records in `lease`: what is asked for, else what the Lease records, else
    /// the default. Whatever is checked of a grant's duration is checked of this one.
    ///
    /// A free Lease that records one second records nothing: client-go writes that whenever it releases one
    /// (`LeaderElector.release` in its `tools/leaderelection`).
    pub fn duration_on(&self, lease: &Lease) -> LeaseDuration {
        let recorded = lease.duration().filter(|recorded| {
            lease.holder().is_some() || *recorded != LeaseDuration::WRITTEN_BY_A_RELEASE
        });
        self.duration.or(recorded).unwrap_or(self.default_duration)
    }

    /// The same of one that is not there yet.
    pub fn duration_by_default(&self) -> LeaseDuration {
        self.duration.unwrap_or(self.default_duration)
    }
}

/// `spec.leaseTransitions` cannot grow any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionsExhausted;

impl Lease {
    /// Reads a Lease object.
    ///
    /// # Errors
    /// When a field is not of its type.
    pub fn new(object: Value) -> Result<Self, serde_json::Error> {
        let fields = Arc::new(Fields::deserialize(object.clone())?);
        Ok(Self {
            object: Arc::new(object),
            fields,
            read: None,
        })
    }

    /// The Lease that this is written over, as it was read: the server takes the write over nothing else. `None` for one that
    /// is to be created, and for what a server says.
    pub fn replaced(&self) -> Option<Arc<Self>> {
        self.read.clone()
    }

    /// The whole object.
    pub fn as_json(&self) -> &Value {
        &self.object
    }

    /// The same, if it is one that the server has: such a one has a uid and a resourceVersion.
    pub fn into_record(self) -> Option<Record> {
        let is_stored = !self.uid().is_empty() && !self.resource_version().is_empty();
        is_stored.then_some(Record(self))
    }

    /// The same as if the server had it, where that is only tried: nothing can be written over it.
    pub fn as_if_stored(&self) -> Option<Record> {
        let mut object = self.as_json().clone();
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        metadata.insert("uid".to_owned(), "tried".into());
        metadata.insert("resourceVersion".to_owned(), "0".into());
        Record::new(object).ok()
    }
}

impl Record {
    /// Reads a Lease object that a server has.
    ///
    /// # Errors
    /// When a field is not of its type, or the object has no uid or no resourceVersion.
    pub fn new(object: Value) -> Result<Self, serde_json::Error> {
        Lease::new(object)?
            .into_record()
            .ok_or_else(|| serde_json::Error::custom("no uid or no resourceVersion"))
    }

    /// Reads one out of a list, in which a server leaves out what kind each is.
    ///
    /// # Errors
    /// As [`Record::new`].
    pub fn listed(mut object: Value) -> Result<Self, serde_json::Error> {
        if let Some(fields) = object.as_object_mut() {
            for (field, value) in field::KIND {
                fields.entry(field).or_insert_with(|| value.into());
            }
        }
        Self::new(object)
    }
}

impl Deref for Lease {
    type Target = Fields<'static>;

    fn deref(&self) -> &Self::Target {
        &self.fields
    }
}

impl Deref for Record {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.0
    }
}

#[cfg(test)]
#[path = "record/handed_back_tests.rs"]
mod handed_back_tests;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Lease, Record};
    use crate::lease::values::LeaseDuration;

    #[test]
    fn one_that_is_only_tried_looks_like_one_that_is_stored() {
        let fresh = Lease::fresh("default", "a", LeaseDuration::constant(15));
        assert_eq!(fresh.clone().into_record(), None);
        let tried = fresh.as_if_stored().expect("it could be");
        assert_eq!((tried.uid(), tried.resource_version()), ("tried", "0"));
        assert_eq!((tried.name(), tried.duration()), ("a", fresh.duration()));
        assert_eq!(Lease::default().as_if_stored(), None, "it is no object");
    }

    #[test]
    fn a_record_has_a_uid_and_a_resource_version_and_each_field_its_type() {
        let read = |uid, version, holder| {
            Record::new(json!({
                "metadata": { "uid": uid, "resourceVersion": version },
                "spec": { "holderIdentity": holder },
            }))
        };
        let text = |text: &str| json!(text);
        assert!(read(text("u"), text("7"), json!(null)).is_ok());
        assert!(read(text("u"), text("7"), json!({})).is_err());
        for absent in [json!(null), text("")] {
            assert!(read(absent.clone(), text("7"), json!(null)).is_err());
            assert!(read(text("u"), absent, json!(null)).is_err());
        }
    }
}
