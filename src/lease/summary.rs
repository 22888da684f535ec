//! What a list shows of a Lease, decoded without building the rest: a cluster has a Lease for each of its nodes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

mod class;
mod keep;
mod managed;

pub use class::{Class, instance, may_be_an_objects_name};
pub use keep::Keep;
use managed::Managed;

use super::record::{self, REASON_ANNOTATION, Record};
use super::values::LeaseDuration;

/// The facts of one Lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// `metadata.namespace`
    pub namespace: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.uid`
    pub uid: String,
    /// `metadata.resourceVersion`
    pub resource_version: String,
    /// `metadata.creationTimestamp`, by the server's clock.
    pub created: Option<Timestamp>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The holder; `None` means free.
    pub holder: Option<String>,
    /// The recorded duration; `None` means that it never expires by itself.
    pub duration: Option<LeaseDuration>,
    /// `spec.acquireTime`, by the holder's clock; `None` if absent, unreadable or another's.
    pub acquired: Option<Timestamp>,
    /// `spec.renewTime`, by the holder's clock; `None` if absent, unreadable or another's.
    pub renewed: Option<Timestamp>,
    /// Which of them an earlier grant has left behind: the holder writes no such time.
    pub left_behind: LeftBehind,
    /// When the server last saw anything in the spec change, if its stamps can be trusted.
    pub stamp: Option<Timestamp>,
    /// When the server last saw `spec.renewTime` change, if its stamps can be trusted.
    pub renew_stamp: Option<Timestamp>,
    /// `spec.leaseTransitions`
    pub transitions: i64,
    /// `spec.strategy`
    pub strategy: Option<String>,
    /// `spec.preferredHolder`
    pub preferred: Option<String>,
    /// What `--reason` said of the present grant.
    pub reason: Option<String>,
    /// The kind of use.
    pub class: Class,
    /// The object itself, where what is printed needs more than these facts.
    pub object: Option<Arc<Value>>,
}

/// Which times in the spec are not the present holder's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// `spec.acquireTime`
    pub acquired: bool,
    /// `spec.renewTime`
    pub renewed: bool,
}

/// A page of a list.
#[derive(Debug)]
pub struct SummaryPage {
    /// The Leases, in the server's order: by namespace and name.
    pub items: Vec<Summary>,
    /// The resourceVersion of the list.
    pub resource_version: String,
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Next {
    /// Where the next page begins.
    pub from: String,
    /// How many Leases are left; servers do not tell where a selector chooses among them.
    pub left: Option<u32>,
}

/// What comes after this page, read from the head of the body: the items need not be decoded for it.
pub fn next_page(body: &[u8]) -> Option<Next> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head<'a> {
        #[serde(borrow, default, rename = "continue")]
        next: Option<Text<'a>>,
        // Whatever it is: a list must not end early for it.
        #[serde(default)]
        remaining_item_count: serde_json::Value,
    }
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow, default)]
        metadata: Option<Head<'a>>,
    }
    let metadata = find(body, b"\"metadata\":");
    let items = find(body, b"\"items\":").unwrap_or(usize::MAX);
    let head = match metadata.filter(|at| *at < items) {
        Some(at) => {
            let rest = body.get(at + "\"metadata\":".len()..)?;
            let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<Head<'_>>();
            stream.next()?.ok()?
        }
        // Something between us and the server wrote the list anew, in another order.
        None => serde_json::from_slice::<Whole<'_>>(body).ok()?.metadata?,
    };
    Some(Next {
        from: filled(head.next)?,
        left: head
            .remaining_item_count
            .as_u64()
            .and_then(|left| u32::try_from(left).ok()),
    })
}

fn find(body: &[u8], what: &[u8]) -> Option<usize> {
    // API servers write the list's own metadata before its items.
    let head = &body[..body.len().min(4096)];
    head.windows(what.len()).position(|window| window == what)
}

/// Decodes a page.
///
/// # Errors
/// When it is not a list of Leases.
pub fn page(body: &[u8]) -> Result<SummaryPage, serde_json::Error> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow, default)]
        kind: Option<Text<'a>>,
        #[serde(default, deserialize_with = "or_default")]
        items: Vec<Summary>,
        #[serde(borrow, default)]
        metadata: Meta<'a>,
    }
    // Once for all, instead of for each string.
    let body = std::str::from_utf8(body).map_err(serde_json::Error::custom)?;
    let list: List<'_> = serde_json::from_str(body)?;
    if list.kind.is_none_or(|kind| kind.0 != "LeaseList") {
        return Err(serde_json::Error::custom("not a LeaseList"));
    }
    Ok(SummaryPage {
        items: list.items,
        resource_version: text(list.metadata.resource_version),
    })
}

/// Decodes one Lease.
///
/// # Errors
/// When it is not one.
pub fn one(body: &[u8]) -> Result<Summary, serde_json::Error> {
    serde_json::from_slice(body)
}

/// The facts of a Lease that was read whole.
///
/// # Errors
/// When a field is not of its type.
pub fn of(record: &Record) -> Result<Summary, serde_json::Error> {
    Summary::deserialize(record.as_json())
}

/// Text that stays where the answer has it, unless it has escapes. (An `Option<Cow>` would be copied.)
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Lease<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    metadata: Meta<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    spec: Spec<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Meta<'a> {
    #[serde(borrow)]
    namespace: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    uid: Option<Text<'a>>,
    #[serde(borrow)]
    resource_version: Option<Text<'a>>,
    #[serde(borrow)]
    creation_timestamp: Option<Text<'a>>,
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(borrow)]
    labels: Option<BTreeMap<Text<'a>, Text<'a>>>,
    #[serde(borrow)]
    annotations: Option<BTreeMap<Text<'a>, Text<'a>>>,
    #[serde(borrow)]
    owner_references: Option<Vec<Owner<'a>>>,
    #[serde(borrow)]
    managed_fields: Option<Vec<Managed<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec<'a> {
    #[serde(borrow)]
    holder_identity: Option<Text<'a>>,
    lease_duration_seconds: Option<i64>,
    #[serde(borrow)]
    acquire_time: Option<Text<'a>>,
    #[serde(borrow)]
    renew_time: Option<Text<'a>>,
    lease_transitions: Option<i64>,
    #[serde(borrow)]
    strategy: Option<Text<'a>>,
    #[serde(borrow)]
    preferred_holder: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Owner<'a> {
    #[serde(borrow)]
    kind: Option<Text<'a>>,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

fn text(from: Option<Text<'_>>) -> String {
    from.map(|text| text.0.into_owned()).unwrap_or_default()
}

fn filled(from: Option<Text<'_>>) -> Option<String> {
    from.map(|text| text.0)
        .filter(|text| !text.is_empty())
        .map(Cow::into_owned)
}

fn time(from: Option<&Text<'_>>) -> Option<Timestamp> {
    from?.0.parse().ok()
}

/// Item by item, so that what is not kept of one makes room for the next.
impl<'de> Deserialize<'de> for Summary {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Lease::deserialize(from).map(Self::from)
    }
}

impl From<Lease<'_>> for Summary {
    fn from(lease: Lease<'_>) -> Self {
        let Lease {
            metadata: meta,
            spec,
        } = lease;
        let annotation = |key: &str| {
            let all = meta.annotations.as_ref()?;
            all.get(key).map(|value| value.0.as_ref())
        };
        let transitions = spec.lease_transitions.unwrap_or(0);
        let holder = spec.holder_identity.as_ref().map_or("", |text| &*text.0);
        let is_anothers = record::is_anothers(annotation, transitions, holder);
        let left_behind = left_behind(&meta, annotation, holder, &spec);
        Self {
            left_behind,
            class: class::of(&meta, &spec),
            object: None,
            stamp: managed::newest(&meta, |_| true),
            renew_stamp: managed::newest(&meta, |fields| fields.renew_time.is_some())
                .filter(|_| !left_behind.renewed),
            reason: annotation(REASON_ANNOTATION)
                .filter(|_| !holder.is_empty() && managed::reason_is_the_holders(&meta))
                .map(str::to_owned),
            created: time(meta.creation_timestamp.as_ref()),
            terminating: meta.deletion_timestamp.is_some(),
            namespace: text(meta.namespace),
            name: text(meta.name),
            uid: text(meta.uid),
            resource_version: text(meta.resource_version),
            duration: spec
                .lease_duration_seconds
                .filter(|_| !is_anothers)
                .and_then(LeaseDuration::from_secs),
            acquired: time(spec.acquire_time.as_ref()).filter(|_| !left_behind.acquired),
            renewed: time(spec.renew_time.as_ref()).filter(|_| !left_behind.renewed),
            transitions,
            holder: filled(spec.holder_identity),
            strategy: filled(spec.strategy),
            preferred: filled(spec.preferred_holder),
        }
    }
}

/// Clients that write a holder alone leave the times of whoever was there before them.
fn left_behind<'a>(
    meta: &'a Meta<'_>,
    annotation: impl Fn(&str) -> Option<&'a str>,
    holder: &str,
    spec: &Spec<'_>,
) -> LeftBehind {
    if holder.is_empty() || managed::is_ours(meta, true) {
        return LeftBehind::default();
    }
    let terraforms = record::is_terraforms_lock(annotation, holder);
    let is = |which, value: &Option<Text<'_>>| {
        terraforms || managed::is_older_than_the_holder(meta, which, time(value.as_ref()))
    };
    LeftBehind {
        acquired: is(managed::Time::Acquired, &spec.acquire_time),
        renewed: is(managed::Time::Renewed, &spec.renew_time),
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
