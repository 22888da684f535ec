//! Create and replace: the rules that decide whether a write happens, and what is stored.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    clock::seconds,
    fields::{self, Fields, Writer},
    metadata,
    refusal::{self, Subject},
    state::Inner,
    status::{Cause, Status},
    store::Key,
    uid, validate,
};

/// How a write is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Writing {
    pub restamp: bool,
    /// Whether it is noted who wrote which field.
    pub tracked: bool,
    /// Whether coordinated elections are switched on.
    pub elections: bool,
    pub manager: String,
    pub dry_run: bool,
    /// The fields that are applied; `None` for any other write.
    pub applied: Option<Fields>,
}

impl Writing {
    fn writer(&self, inner: &Inner) -> Writer {
        Writer {
            manager: self.manager.clone(),
            time: seconds(inner.clock.now()),
            restamp: self.restamp,
            applied: self.applied.clone(),
        }
    }

    /// Where coordinated elections are switched off, what is new of them is left out without a word.
    fn keep_elections(&self, lease: &mut Value, old: Option<&Value>) {
        let Some(spec) = lease["spec"].as_object_mut().filter(|_| !self.elections) else {
            return;
        };
        for field in ["strategy", "preferredHolder"] {
            if old.is_none_or(|old| old["spec"][field].is_null()) {
                spec.remove(field);
            }
        }
    }
}

/// Creates a decoded Lease. Returns it as stored.
pub(crate) fn create(
    inner: &mut Inner,
    namespace: &str,
    mut lease: Value,
    writing: &Writing,
) -> Result<Value, Status> {
    check_namespace(inner, namespace)?;
    let sent = lease["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    metadata::name(&mut lease["metadata"]);
    let name = lease["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let key: Key = (namespace.to_owned(), name.clone());
    let versioned = lease["metadata"].get("resourceVersion").is_some();

    let created = seconds(inner.clock.now());
    if let Some(metadata) = lease["metadata"].as_object_mut() {
        for field in [
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
        ] {
            metadata.remove(field);
        }
        metadata.insert("namespace".into(), namespace.into());
        metadata.insert("uid".into(), uid::fresh().into());
        metadata.insert("creationTimestamp".into(), created.into());
    }
    writing.keep_elections(&mut lease, None);
    if writing.tracked {
        let entries = fields::update(&sent, None, &lease, &writing.writer(inner));
        set_managed_fields(&mut lease, entries);
    }
    let mut causes = metadata::check(&lease["metadata"]);
    causes.extend(validate::spec(&lease["spec"]));
    if !causes.is_empty() {
        return Err(Status::invalid("Lease", &name, &causes));
    }
    if versioned {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(Status::bad_request(message));
    }
    if inner.store.get(&key).is_some() {
        return Err(Status::already_exists(&name));
    }
    if !writing.dry_run {
        lease["metadata"]["resourceVersion"] = inner.store.advance().to_string().into();
        inner.store.put(key, Arc::new(lease.clone()));
    }
    Ok(lease)
}

/// The outcome of a replace.
pub(crate) enum Replaced {
    Created(Value),
    Updated(Value),
}

/// Replaces a Lease by a decoded one. `may_create` is asked when the Lease does not exist.
pub(crate) fn replace(
    inner: &mut Inner,
    key: &Key,
    lease: Value,
    writing: &Writing,
    may_create: impl FnOnce() -> Result<(), Status>,
) -> Result<Replaced, Status> {
    check_namespace(inner, &key.0)?;
    let uid = lease["metadata"]["uid"].as_str();
    let Some(old) = inner.store.get(key).cloned() else {
        // Leases may be created by an update, whatever resourceVersion it carries, but not with a uid.
        if let Some(uid) = uid {
            return Err(uid_conflict(key, uid, ""));
        }
        may_create()?;
        let mut lease = lease;
        if let Some(metadata) = lease["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        return create(inner, &key.0, lease, writing).map(Replaced::Created);
    };
    let stored = old["metadata"]["uid"].as_str().unwrap_or_default();
    if let Some(uid) = uid.filter(|uid| *uid != stored) {
        return Err(uid_conflict(key, uid, stored));
    }
    update(inner, key, &old, lease, writing).map(Replaced::Updated)
}

/// Stores a changed Lease over `old`. Its resourceVersion must be that of `old`; one is required.
pub(crate) fn update(
    inner: &mut Inner,
    key: &Key,
    old: &Arc<Value>,
    mut lease: Value,
    writing: &Writing,
) -> Result<Value, Status> {
    let name = key.1.as_str();
    check_version(old, &lease, name)?;
    let before = &old["metadata"];
    let sent = lease["metadata"]["managedFields"]
        .as_array()
        .filter(|sent| !sent.is_empty())
        .cloned();
    if let Some(metadata) = lease["metadata"].as_object_mut() {
        metadata.insert("namespace".into(), key.0.clone().into());
        metadata.remove("managedFields");
        metadata.insert("resourceVersion".into(), before["resourceVersion"].clone());
        if let Some(uid) = before.get("uid") {
            metadata.entry("uid").or_insert_with(|| uid.clone());
        }
        // Seen on 1.20: other values of these are put right silently.
        for field in [
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
        ] {
            match before.get(field) {
                Some(value) => metadata.insert(field.into(), value.clone()),
                None => metadata.remove(field),
            };
        }
    }
    writing.keep_elections(&mut lease, Some(old));
    let mut causes = metadata::check(&lease["metadata"]);
    // A PUT with another uid never comes here; a patch does.
    if lease["metadata"]["uid"] != before["uid"] {
        causes.push(refusal::immutable_uid(&lease["metadata"]["uid"]));
    }
    causes.extend(validate::spec(&lease["spec"]));
    if !causes.is_empty() {
        return Err(Status::invalid("Lease", name, &causes));
    }
    let unchanged = |sent: &Vec<Value>| Some(sent) == before["managedFields"].as_array();
    if sent.as_ref().is_none_or(unchanged) && lease == without_managed_fields(old) {
        return Ok((**old).clone());
    }
    let reset = sent
        .as_ref()
        .is_some_and(|sent| sent.len() == 1 && sent[0] == json!({}));
    if !reset && writing.tracked {
        let entries = sent
            .or_else(|| before["managedFields"].as_array().cloned())
            .unwrap_or_default();
        let entries = fields::update(&entries, Some(old), &lease, &writing.writer(inner));
        set_managed_fields(&mut lease, entries);
    }
    let finalized =
        !before["deletionTimestamp"].is_null() && lease["metadata"]["finalizers"].is_null();
    if writing.dry_run {
        return Ok(lease);
    }
    if finalized {
        inner.store.remove(key);
        return Ok(lease);
    }
    lease["metadata"]["resourceVersion"] = inner.store.advance().to_string().into();
    inner.store.put(key.clone(), Arc::new(lease.clone()));
    Ok(lease)
}

fn check_namespace(inner: &Inner, namespace: &str) -> Result<(), Status> {
    let exists = inner.store.namespaces.contains_key(namespace);
    if exists {
        Ok(())
    } else {
        Err(Status::core_not_found("namespaces", namespace))
    }
}

/// Leases may not be updated unconditionally: an absent resourceVersion is invalid, another one a conflict.
fn check_version(old: &Value, lease: &Value, name: &str) -> Result<(), Status> {
    let sent = lease["metadata"]["resourceVersion"].as_str().unwrap_or("0");
    let Ok(number) = sent.parse::<u64>() else {
        return Err(Status::internal(format!(
            "strconv.ParseUint: parsing \"{sent}\": invalid syntax"
        )));
    };
    if number == 0 {
        let cause = Cause {
            field: "metadata.resourceVersion".into(),
            reason: "FieldValueInvalid",
            message: "Invalid value: 0x0: must be specified for an update".into(),
        };
        return Err(Status::invalid("leases", name, &[cause]));
    }
    if old["metadata"]["resourceVersion"].as_str() != Some(sent) {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(Status::conflict(name, why));
    }
    Ok(())
}

fn uid_conflict((namespace, name): &Key, wanted: &str, stored: &str) -> Status {
    Subject::lease(name).uid_conflict(&format!("{namespace}/{name}"), wanted, stored)
}

fn without_managed_fields(lease: &Value) -> Value {
    let mut lease = lease.clone();
    if let Some(metadata) = lease["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    lease
}

fn set_managed_fields(lease: &mut Value, entries: Vec<Value>) {
    if let Some(metadata) = lease["metadata"].as_object_mut()
        && !entries.is_empty()
    {
        metadata.insert("managedFields".into(), entries.into());
    }
}
