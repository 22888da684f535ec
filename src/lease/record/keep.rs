//! The objects beside the facts of them, for what prints more than a table has.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::Record;
use super::summary::{Summary, SummaryPage, one, page};
use super::text::or_default;

/// Whether the objects are kept beside their facts: a list of a large cluster is decoded several times as fast without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The facts alone.
    #[default]
    Facts,
    /// The objects, without who wrote which of their fields.
    Objects,
    /// The objects, whole.
    ObjectsWhole,
}

impl Keep {
    /// As much of an object as is kept.
    fn kept(self, mut object: Value) -> Option<Arc<Value>> {
        if self == Self::Facts {
            return None;
        }
        if self == Self::Objects {
            hide_managed_fields(&mut object);
        }
        Some(Arc::new(object))
    }

    /// The facts of a Lease that was read whole, and as much of it as is kept.
    pub fn of(self, record: &Record) -> Summary {
        let object = self.kept(record.as_json().clone());
        Summary {
            object,
            ..Summary::from(&***record)
        }
    }

    /// Decodes one Lease.
    ///
    /// # Errors
    /// When it is not one.
    pub fn one(self, body: &[u8]) -> Result<Summary, serde_json::Error> {
        let summary = one(body)?;
        match self {
            Self::Facts => Ok(summary),
            Self::Objects | Self::ObjectsWhole => {
                let object = self.kept(serde_json::from_slice(body)?);
                Ok(Summary { object, ..summary })
            }
        }
    }

    /// Decodes a page.
    ///
    /// # Errors
    /// When it is not a list of Leases.
    pub fn page(self, body: &[u8]) -> Result<SummaryPage, serde_json::Error> {
        #[derive(Deserialize)]
        struct Objects {
            #[serde(default, deserialize_with = "or_default")]
            items: Vec<Value>,
        }
        let mut facts = page(body)?;
        if self != Self::Facts {
            let objects: Objects = serde_json::from_slice(body)?;
            for (summary, object) in facts.items.iter_mut().zip(objects.items) {
                summary.object = self.kept(object);
            }
        }
        Ok(facts)
    }
}

/// Takes out what servers note on who wrote which field, as kubectl does: it is long, and an apply with it is refused.
pub fn hide_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lease::testing::{held, stamped};

    #[test]
    fn the_facts_are_the_same_whatever_is_kept_beside_them_and_no_more_is_kept_than_is_asked_for() {
        let record = stamped(held("me", 15), &["2020-01-01T00:00:00Z"]);
        let whole = record.as_json().clone();
        let mut without = whole.clone();
        let metadata = without["metadata"].as_object_mut().expect("a map");
        assert!(metadata.remove("managedFields").is_some());
        let body = whole.to_string();
        let list = json!({ "kind": "LeaseList", "items": [whole] }).to_string();
        let facts = Keep::Facts.of(&record);
        assert_eq!(facts.holder.as_deref(), Some("me"));
        for (keep, kept) in [
            (Keep::Facts, None),
            (Keep::Objects, Some(without)),
            (Keep::ObjectsWhole, Some(whole)),
        ] {
            let expected = Summary {
                object: kept.map(Arc::new),
                ..facts.clone()
            };
            assert_eq!(keep.of(&record), expected, "{keep:?}");
            assert_eq!(keep.one(body.as_bytes()).expect("one"), expected);
            let page = keep.page(list.as_bytes()).expect("a page");
            assert_eq!(page.items, [expected], "{keep:?}");
        }
    }
}
