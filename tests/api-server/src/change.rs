//! Create, update and delete of the objects beside Leases: whether a write happens, and what is stored.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    clock::seconds,
    deletion::Deletion,
    event,
    kind::{Kind, Storage},
    metadata,
    refusal::{self, Subject},
    state::Inner,
    status::{Cause, Status},
    uid,
};

/// Where a write goes and how it is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Change<'a> {
    pub kind: &'static Kind,
    pub namespace: Option<&'a str>,
    /// Of its status alone; otherwise of all but its status.
    pub status: bool,
    pub dry_run: bool,
}

/// Seconds that a pod has to end in, where nothing says another number.
const GRACE: i64 = 30;

/// Creates an object, which is in the stored form. Returns it as stored.
pub(crate) fn create(
    inner: &mut Inner,
    change: &Change<'_>,
    mut object: Value,
) -> Result<Value, Status> {
    let (kind, namespace) = (change.kind, change.namespace);
    if let Some(missing) = namespace.filter(|name| !inner.store.namespaces.contains_key(*name)) {
        return Err(Status::core_not_found("namespaces", missing));
    }
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let versioned =
        matches!(&object["metadata"]["resourceVersion"], Value::String(text) if !text.is_empty());
    let own = &mut object["metadata"];
    metadata::name(own);
    if let Some(fields) = own.as_object_mut() {
        for field in [
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
        ] {
            fields.remove(field);
        }
    }
    if let Some(namespace) = namespace {
        own["namespace"] = namespace.into();
    }
    own["uid"] = uid::fresh().into();
    own["creationTimestamp"] = seconds(inner.clock.now()).into();
    if kind.storage == Storage::Pods {
        object["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"});
    }
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let subject = Subject::of(kind, &name);
    // In the order in which a real server tells them.
    let mut causes = Vec::new();
    if kind.storage == Storage::Events {
        causes.extend(event::check(&object, kind));
    }
    causes.extend(metadata::check(&object["metadata"]));
    causes.extend(check(&object, kind));
    if !causes.is_empty() {
        return Err(subject.invalid(&causes));
    }
    if versioned {
        return Err(Status::internal(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    if inner.store.object(kind.storage, namespace, &name).is_some() {
        return Err(subject.already_exists());
    }
    Ok(store(inner, change, &name, object))
}

/// Stores a changed object over `old`. A resourceVersion that it has must be that of `old`.
pub(crate) fn update(
    inner: &mut Inner,
    change: &Change<'_>,
    old: &Arc<Value>,
    mut object: Value,
) -> Result<Value, Status> {
    let kind = change.kind;
    let before = &old["metadata"];
    let name = before["name"].as_str().unwrap_or_default();
    let subject = Subject::of(kind, name);
    let sent = |field: &str| {
        object["metadata"][field]
            .as_str()
            .filter(|text| !text.is_empty())
    };
    match sent("resourceVersion").or((kind.unconditional_update).then_some("")) {
        Some("") => {}
        None => {
            let message = "Invalid value: 0x0: must be specified for an update".to_owned();
            let field = "metadata.resourceVersion".to_owned();
            let reason = "FieldValueInvalid";
            return Err(subject.invalid(&[Cause {
                field,
                reason,
                message,
            }]));
        }
        Some(version) if before["resourceVersion"] != version => {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            return Err(subject.conflict(why));
        }
        Some(_) => {}
    }
    let mut causes = Vec::new();
    if sent("uid").is_some_and(|uid| before["uid"] != uid) {
        causes.push(refusal::immutable_uid(&object["metadata"]["uid"]));
    }
    causes.extend(metadata::check(&object["metadata"]));
    if !causes.is_empty() {
        return Err(subject.invalid(&causes));
    }
    for field in [
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        keep(&mut object["metadata"], before, field);
    }
    for empty in ["labels", "annotations", "finalizers"] {
        let none = [json!({}), json!([]), Value::Null].contains(&object["metadata"][empty]);
        if let (true, Some(fields)) = (none, object["metadata"].as_object_mut()) {
            fields.remove(empty);
        }
    }
    if change.status {
        let status = object["status"].take();
        let metadata = object["metadata"].take();
        object = (**old).clone();
        object["status"] = status;
        object["metadata"] = metadata;
    } else if !kind.status.is_empty() {
        keep(&mut object, old, "status");
    }
    for named in ["kind", "apiVersion"] {
        keep(&mut object, old, named);
    }
    if object == **old {
        return Ok(object);
    }
    let finalized =
        !before["deletionTimestamp"].is_null() && object["metadata"]["finalizers"].is_null();
    let waits = before["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) > 0;
    if finalized && !waits && !change.dry_run {
        inner
            .store
            .remove_object(kind.storage, change.namespace, name);
        return Ok(object);
    }
    Ok(store(inner, change, name, object))
}

/// Deletes an object. Returns whether it is gone, and it as it last was.
pub(crate) fn delete(
    inner: &mut Inner,
    kind: &'static Kind,
    namespace: Option<&str>,
    name: &str,
    deletion: &Deletion,
) -> Result<(bool, Value), Status> {
    let subject = Subject::of(kind, name);
    let old = inner
        .store
        .object(kind.storage, namespace, name)
        .cloned()
        .ok_or_else(|| subject.not_found())?;
    deletion.check(&subject, &old)?;
    let grace = grace(&old, kind, deletion);
    let mut object = (*old).clone();
    let gone = grace == 0 && old["metadata"]["finalizers"].is_null();
    if !gone || kind.storage == Storage::Pods {
        let known = old["metadata"]["deletionGracePeriodSeconds"].as_i64();
        // A second deletion may shorten the time, never prolong it.
        if known.is_none_or(|known| grace < known) {
            let now = inner.clock.now();
            let end = now
                .checked_add(jiff::SignedDuration::from_secs(grace))
                .unwrap_or(now);
            object["metadata"]["deletionTimestamp"] = seconds(end).into();
            object["metadata"]["deletionGracePeriodSeconds"] = grace.into();
        }
    }
    if gone {
        if !deletion.dry_run {
            inner.store.remove_object(kind.storage, namespace, name);
        }
    } else if object != *old {
        let change = Change {
            kind,
            namespace,
            status: false,
            dry_run: deletion.dry_run,
        };
        object = store(inner, &change, name, object);
    }
    Ok((gone, object))
}

/// A pod that runs on a node has time to end: only its kubelet, which tests do not have, says that it has.
fn grace(object: &Value, kind: &Kind, deletion: &Deletion) -> i64 {
    let scheduled = object["spec"]["nodeName"]
        .as_str()
        .is_some_and(|node| !node.is_empty());
    let over = matches!(
        object["status"]["phase"].as_str(),
        Some("Failed" | "Succeeded")
    );
    if kind.storage != Storage::Pods || !scheduled || over {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_i64();
    deletion.grace.or(own).unwrap_or(GRACE).max(0)
}

fn check(object: &Value, kind: &Kind) -> Vec<Cause> {
    let missing = |field: &str| Cause {
        field: field.to_owned(),
        reason: "FieldValueRequired",
        message: "Required value".to_owned(),
    };
    let absent = |field: &&str| object["spec"][*field].as_str().is_none_or(str::is_empty);
    match kind.storage {
        Storage::Pods
            if object["spec"]["containers"]
                .as_array()
                .is_none_or(Vec::is_empty) =>
        {
            vec![missing("spec.containers")]
        }
        Storage::Pods | Storage::Nodes => Vec::new(),
        Storage::Events => event::check_newer(object, kind),
        Storage::LeaseCandidates => ["leaseName", "binaryVersion", "strategy"]
            .iter()
            .filter(|field| absent(field))
            .map(|field| missing(&format!("spec.{field}")))
            .collect(),
    }
}

fn keep(object: &mut Value, old: &Value, field: &str) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    match old.get(field) {
        Some(value) => drop(fields.insert(field.to_owned(), value.clone())),
        None => drop(fields.remove(field)),
    }
}

fn store(inner: &mut Inner, change: &Change<'_>, name: &str, mut object: Value) -> Value {
    if !change.dry_run {
        object["metadata"]["resourceVersion"] = inner.store.advance().to_string().into();
        inner.store.put_object(
            change.kind.storage,
            change.namespace,
            name,
            Arc::new(object.clone()),
        );
    }
    object
}
