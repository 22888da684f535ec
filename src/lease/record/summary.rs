//! What a list shows of a Lease, decoded without building the rest: a cluster has a Lease for each of its nodes.

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use super::class::{Class, instance, may_be_an_objects_name};
pub use super::managed::LeftBehind;
use super::object::Fields;
use super::text::{Text, filled, or_default};
use super::ticket::Standing;
use crate::lease::values::LeaseDuration;

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
    /// How many slots there are, as this one says; `None` where it does not say to be one.
    pub slots: Option<String>,
    /// Where it stands in line, if it is a ticket.
    pub standing: Option<Standing>,
    /// The kind of use.
    pub class: Class,
    /// The object itself, where what is printed needs more than these facts.
    pub object: Option<Arc<Value>>,
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
        from: filled(&head.next)?.to_owned(),
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
        metadata: Head<'a>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Head<'a> {
        #[serde(borrow)]
        resource_version: Option<Text<'a>>,
    }
    // Once for all, instead of for each string.
    let body = std::str::from_utf8(body).map_err(serde_json::Error::custom)?;
    let list: List<'_> = serde_json::from_str(body)?;
    if list.kind.as_deref() != Some("LeaseList") {
        return Err(serde_json::Error::custom("not a LeaseList"));
    }
    Ok(SummaryPage {
        items: list.items,
        resource_version: list
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
    })
}

/// Decodes one Lease.
///
/// # Errors
/// When it is not one.
pub fn one(body: &[u8]) -> Result<Summary, serde_json::Error> {
    serde_json::from_slice(body)
}

/// Item by item, so that what is not kept of one makes room for the next.
impl<'de> Deserialize<'de> for Summary {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Fields::deserialize(from).map(|fields| Self::from(&fields))
    }
}

impl From<&Fields<'_>> for Summary {
    fn from(lease: &Fields<'_>) -> Self {
        let left_behind = lease.left_behind();
        let time = |text: Option<&str>| text?.parse().ok();
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            namespace: lease.namespace().to_owned(),
            name: lease.name().to_owned(),
            uid: lease.uid().to_owned(),
            resource_version: lease.resource_version().to_owned(),
            created: lease.created(),
            terminating: lease.is_terminating(),
            holder: text(lease.holder()),
            duration: lease.duration(),
            acquired: time(lease.acquire_time()).filter(|_| !left_behind.acquired),
            renewed: time(lease.renew_time()).filter(|_| !left_behind.renewed),
            stamp: lease.spec_stamp(),
            renew_stamp: lease.renew_stamp().filter(|_| !left_behind.renewed),
            left_behind,
            transitions: lease.transitions(),
            strategy: text(lease.strategy()),
            preferred: text(lease.preferred_holder()),
            reason: text(lease.reason()),
            slots: text(lease.slots()),
            standing: lease.standing(),
            class: lease.class(),
            object: None,
        }
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
