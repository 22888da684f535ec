//! Deletion: preconditions, and finalizers that keep an object until an update empties them.

use std::sync::Arc;

use serde_json::Value;

use crate::{clock::seconds, state::Inner, status::Status, store::Key};

/// What a deletion demands of the object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preconditions {
    pub uid: Option<String>,
    pub resource_version: Option<String>,
}

/// The outcome of a deletion: the Lease is gone, or finalizers keep it.
pub(crate) enum Deleted {
    Gone { uid: String },
    Kept(Value),
}

/// Deletes a Lease.
pub(crate) fn delete(
    inner: &mut Inner,
    key: &Key,
    demands: &Preconditions,
    dry_run: bool,
) -> Result<Deleted, Status> {
    let name = key.1.as_str();
    let old = inner
        .store
        .get(key)
        .cloned()
        .ok_or_else(|| Status::lease_not_found(name))?;
    let text = |field: &str| {
        old["metadata"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(wanted) = demands
        .uid
        .as_ref()
        .filter(|wanted| **wanted != text("uid"))
    {
        return Err(Status::delete_conflict(
            name,
            &format!(
                "the UID in the precondition ({wanted}) does not match the UID in record ({}). \
                 The object might have been deleted and then recreated",
                text("uid")
            ),
        ));
    }
    if let Some(wanted) = demands
        .resource_version
        .as_ref()
        .filter(|wanted| **wanted != text("resourceVersion"))
    {
        return Err(Status::delete_conflict(
            name,
            &format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({}). \
                 The object might have been modified",
                text("resourceVersion")
            ),
        ));
    }
    if old["metadata"]["finalizers"].is_null() {
        if !dry_run {
            inner.store.remove(key);
        }
        return Ok(Deleted::Gone { uid: text("uid") });
    }
    let mut lease = (*old).clone();
    if lease["metadata"]["deletionTimestamp"].is_null() {
        lease["metadata"]["deletionTimestamp"] = seconds(inner.clock.now()).into();
        lease["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        if !dry_run {
            lease["metadata"]["resourceVersion"] = inner.store.advance().to_string().into();
            inner.store.put(key.clone(), Arc::new(lease.clone()));
        }
    }
    Ok(Deleted::Kept(lease))
}
