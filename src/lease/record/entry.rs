//! One entry of `metadata.managedFields`: who owns which fields of a Lease, and since when.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::field::{self, REASON_ANNOTATION};
use super::text::Text;

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Managed<'a> {
    #[serde(borrow)]
    pub(super) manager: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) operation: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) subresource: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) time: Option<Text<'a>>,
    #[serde(rename = "fieldsV1")]
    owned: Option<Owned>,
}

/// Which fields an entry owns, as far as it matters: a set of the flags below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owned(pub(super) u16);

impl Owned {
    /// The spec, or anything in it.
    pub(super) const SPEC: Self = Self(1);
    pub(super) const HOLDER: Self = Self(1 << 1);
    pub(super) const DURATION: Self = Self(1 << 2);
    pub(super) const ACQUIRE_TIME: Self = Self(1 << 3);
    pub(super) const RENEW_TIME: Self = Self(1 << 4);
    pub(super) const TRANSITIONS: Self = Self(1 << 5);
    /// Any other field of the spec.
    pub(super) const OTHER: Self = Self(1 << 6);
    /// Anything beside the spec, but for annotations of this program.
    pub(super) const BESIDE: Self = Self(1 << 7);
    pub(super) const REASON: Self = Self(1 << 8);
    /// Annotations, whosever.
    pub(super) const ANNOTATIONS: Self = Self(1 << 9);

    fn of_spec(name: &str) -> Self {
        match name {
            field::HOLDER => Self::HOLDER,
            field::DURATION => Self::DURATION,
            field::ACQUIRE_TIME => Self::ACQUIRE_TIME,
            field::RENEW_TIME => Self::RENEW_TIME,
            field::TRANSITIONS => Self::TRANSITIONS,
            _ => Self::OTHER,
        }
    }
}

impl<'de> Deserialize<'de> for Owned {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut owned = Self::default();
        Walk(Map::Top, &mut owned).deserialize(from)?;
        Ok(owned)
    }
}

/// The maps of `fieldsV1`, whose keys are the names of fields after `f:`, and a `.` for the map itself.
#[derive(Clone, Copy)]
enum Map {
    Top,
    Spec,
    Metadata,
    Annotations,
}

struct Walk<'o>(Map, &'o mut Owned);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of fields")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self(at, owned) = self;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let (owns, inner) = match (at, key.strip_prefix("f:")) {
                (Map::Top, Some("spec")) => (Owned::SPEC, Some(Map::Spec)),
                (Map::Top, Some("metadata")) => (Owned::default(), Some(Map::Metadata)),
                (Map::Top, _) => (Owned::BESIDE, None),
                (Map::Spec, Some(name)) => (Owned::of_spec(name), None),
                (Map::Spec, None) if &*key == "." => (Owned::SPEC, None),
                (Map::Spec, None) => (Owned::OTHER, None),
                (Map::Metadata, Some("annotations")) => {
                    (Owned::ANNOTATIONS, Some(Map::Annotations))
                }
                (Map::Annotations, Some(REASON_ANNOTATION)) => (Owned::REASON, None),
                (Map::Annotations, Some(name)) if name.starts_with(field::OWN) => {
                    (Owned::ANNOTATIONS, None)
                }
                (Map::Annotations, None) if &*key == "." => (Owned::ANNOTATIONS, None),
                (Map::Metadata | Map::Annotations, _) => (Owned::BESIDE, None),
            };
            owned.0 |= owns.0;
            match inner {
                Some(inner) => map.next_value_seed(Walk(inner, owned))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

impl Managed<'_> {
    pub(super) fn owns(&self, all: Owned) -> bool {
        self.owned.is_some_and(|owned| owned.0 & all.0 == all.0)
    }

    pub(super) fn is_of(&self, manager: &str) -> bool {
        self.manager.as_deref() == Some(manager)
    }

    pub(super) fn is_update(&self) -> bool {
        self.operation.as_deref() == Some("Update")
    }

    /// The time of the entry: whole seconds, by the server's clock.
    pub(super) fn stamp(&self) -> Option<Timestamp> {
        self.time.as_deref()?.parse().ok()
    }
}
