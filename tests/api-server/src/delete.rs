//! Deletion, and finalizers that keep an object until an update empties them.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    clock::seconds, deletion::Deletion, refusal::Subject, state::Inner, status::Status, store::Key,
};

/// The outcome of a deletion: the Lease is gone, or finalizers keep it.
pub(crate) enum Deleted {
    Gone { uid: String },
    Kept(Value),
}

/// Deletes a Lease, if it is the one that is meant.
pub(crate) fn delete(inner: &mut Inner, key: &Key, deletion: &Deletion) -> Result<Deleted, Status> {
    let name = key.1.as_str();
    let old = inner
        .store
        .get(key)
        .cloned()
        .ok_or_else(|| Status::lease_not_found(name))?;
    deletion.check(&Subject::lease(name), &old)?;
    if old["metadata"]["finalizers"].is_null() {
        if !deletion.dry_run {
            inner.store.remove(key);
        }
        let uid = old["metadata"]["uid"].as_str().unwrap_or_default();
        return Ok(Deleted::Gone {
            uid: uid.to_owned(),
        });
    }
    let mut lease = (*old).clone();
    if lease["metadata"]["deletionTimestamp"].is_null() {
        lease["metadata"]["deletionTimestamp"] = seconds(inner.clock.now()).into();
        lease["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        if !deletion.dry_run {
            lease["metadata"]["resourceVersion"] = inner.store.advance().to_string().into();
            inner.store.put(key.clone(), Arc::new(lease.clone()));
        }
    }
    Ok(Deleted::Kept(lease))
}
