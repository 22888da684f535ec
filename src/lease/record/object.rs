//! Which fields of a Lease this build reads, and of which type each is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::entry::Managed;
use super::text::{Text, or_default};

/// What is read of a Lease, out of the answer or out of the whole object; the rest is skipped.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fields<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) metadata: Meta<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) spec: Spec<'a>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta<'a> {
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) resource_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) creation_timestamp: Option<Text<'a>>,
    pub(super) deletion_timestamp: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) finalizers: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) labels: Option<Pairs<'a>>,
    #[serde(borrow)]
    pub(super) annotations: Option<Pairs<'a>>,
    #[serde(borrow)]
    pub(super) owner_references: Option<Vec<Owner<'a>>>,
    #[serde(borrow)]
    pub(super) managed_fields: Option<Vec<Managed<'a>>>,
}

pub(super) type Pairs<'a> = BTreeMap<Text<'a>, Text<'a>>;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    pub(super) holder_identity: Option<Text<'a>>,
    pub(super) lease_duration_seconds: Option<i64>,
    #[serde(borrow)]
    pub(super) acquire_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) renew_time: Option<Text<'a>>,
    pub(super) lease_transitions: Option<i64>,
    #[serde(borrow)]
    pub(super) strategy: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) preferred_holder: Option<Text<'a>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Owner<'a> {
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}
