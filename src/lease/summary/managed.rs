//! What a list reads of `metadata.managedFields`: who wrote what, and when by the server's clock.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Meta, Text, time};
use crate::lease::api::FIELD_MANAGER;

/// Beginnings of managers that name no program of their own: a person's kubectl, and what scripts ask with.
const ANYBODYS: [&str; 10] = [
    "kubectl",
    "before-first-apply",
    "unknown",
    "curl",
    "Wget",
    "python-requests",
    "OpenAPI-Generator",
    "Go-http-client",
    "node-fetch",
    "Mozilla",
];

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Managed<'a> {
    #[serde(borrow)]
    pub manager: Option<Text<'a>>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(rename = "fieldsV1")]
    fields: Option<Fields>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields {
    #[serde(rename = "f:spec")]
    spec: Option<SpecFields>,
    #[serde(rename = "f:metadata")]
    metadata: Option<MetaFields>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct SpecFields {
    #[serde(rename = "f:renewTime")]
    pub renew_time: Option<IgnoredAny>,
    #[serde(rename = "f:holderIdentity")]
    holder: Option<IgnoredAny>,
    #[serde(rename = "f:acquireTime")]
    acquire_time: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MetaFields {
    #[serde(rename = "f:annotations")]
    annotations: Option<AnnotationFields>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AnnotationFields {
    #[serde(rename = "f:kubectl-lease/reason")]
    reason: Option<IgnoredAny>,
}

/// The newest time of the entries that own such a field; one that cannot be read could be the newest.
pub(super) fn newest(meta: &Meta<'_>, owns: fn(&SpecFields) -> bool) -> Option<Timestamp> {
    meta.managed_fields
        .iter()
        .flatten()
        .filter(|entry| {
            let fields = entry.fields.as_ref();
            fields.is_some_and(|fields| fields.spec.as_ref().is_some_and(owns))
        })
        .map(|entry| time(entry.time.as_ref()))
        .collect::<Option<Vec<_>>>()
        .and_then(|times| times.into_iter().max())
}

/// Whether this program wrote the holder, or where there is none, something of the spec.
pub(super) fn is_ours(meta: &Meta<'_>, is_held: bool) -> bool {
    by_managers(meta, |manager, spec| {
        manager == FIELD_MANAGER && (spec.holder.is_some() || !is_held)
    })
}

/// Whether one such program wrote the holder, and since when it is that, and renews it, as client-go's elections do.
pub(super) fn renewed_by_program(meta: &Meta<'_>, is_such: impl Fn(&str) -> bool) -> bool {
    by_managers(meta, |manager, spec| {
        let renews = spec.holder.is_some() && spec.acquire_time.is_some();
        let named = !manager.is_empty() && !ANYBODYS.iter().any(|any| manager.starts_with(any));
        renews && spec.renew_time.is_some() && named && is_such(manager)
    })
}

/// How exact a stamp is.
const STAMPS: SignedDuration = SignedDuration::from_secs(1);

/// A time in the spec.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    Acquired,
    Renewed,
}

/// Whether a time was there before the present holder, who wrote another than that: the owner of the time is not that of the
/// holder, and wrote it no later. Two writes of one second are told apart by what the holder's owner writes else: one that says
/// since when it is the holder may be renewed by somebody else. Where nobody is known to have written one of them, it is not.
///
/// Before Kubernetes 1.25 a stamp does not move when its owner writes another value: what is later than the holder's stamp is a
/// renewal of the present grant whatever its own stamp says.
pub(super) fn is_older_than_the_holder(
    meta: &Meta<'_>,
    time: Time,
    value: Option<Timestamp>,
) -> bool {
    let is_owned = |spec: &SpecFields| match time {
        Time::Acquired => spec.acquire_time.is_some(),
        Time::Renewed => spec.renew_time.is_some(),
    };
    let mut newest_holder = None;
    let mut newest_time = None;
    let mut says_since_when = false;
    for entry in meta.managed_fields.iter().flatten() {
        let fields = entry.fields.as_ref();
        let Some(spec) = fields.and_then(|fields| fields.spec.as_ref()) else {
            continue;
        };
        let stamp = super::time(entry.time.as_ref());
        match (spec.holder.is_some(), is_owned(spec)) {
            (true, true) => return false,
            (true, false) => {
                says_since_when |= spec.acquire_time.is_some();
                newest_holder = newest_holder.max(stamp);
            }
            (false, true) => newest_time = newest_time.max(stamp),
            (false, false) => {}
        }
    }
    if let (Time::Renewed, Some(value), Some(holder)) = (time, value, newest_holder)
        && value >= holder + STAMPS
    {
        return false;
    }
    match (newest_time, newest_holder) {
        (Some(time), Some(holder)) => time < holder || (time == holder && !says_since_when),
        _ => false,
    }
}

fn by_managers(meta: &Meta<'_>, is: impl Fn(&str, &SpecFields) -> bool) -> bool {
    let mut entries = meta.managed_fields.iter().flatten();
    entries.any(|entry| {
        let spec = entry
            .fields
            .as_ref()
            .and_then(|fields| fields.spec.as_ref());
        let manager = entry.manager.as_ref().map(|manager| &*manager.0);
        (manager.zip(spec)).is_some_and(|(manager, spec)| is(manager, spec))
    })
}

/// As [`super::Record::reason`] tells it.
pub(super) fn reason_is_the_holders(meta: &Meta<'_>) -> bool {
    let managers = |owns: fn(&Fields) -> bool| -> Vec<&str> {
        let entries = meta.managed_fields.iter().flatten();
        entries
            .filter(|entry| entry.fields.as_ref().is_some_and(owns))
            .filter_map(|entry| Some(entry.manager.as_ref()?.0.as_ref()))
            .collect()
    };
    let of_reason = managers(|fields| {
        let owned = fields.metadata.as_ref();
        owned.is_some_and(|owned| {
            (owned.annotations.as_ref()).is_some_and(|owned| owned.reason.is_some())
        })
    });
    let of_holder =
        managers(|fields| (fields.spec.as_ref()).is_some_and(|owned| owned.holder.is_some()));
    let told = !of_reason.is_empty() && !of_holder.is_empty();
    !told || of_reason.iter().any(|manager| of_holder.contains(manager))
}
