//! Requests for Leases: each method to its verb, permission, and operation.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    access::Attributes,
    apply,
    decode::{self, Decoded, Decoding, Unknown},
    delete::{self, Deleted},
    deletion::Deletion,
    differences::Difference,
    fields,
    http::{Call, Reply},
    list, patch,
    selector::Selector,
    state::State,
    status::{BODY, Cause, GROUP, Status},
    store::Key,
    watch,
    write::{self, Replaced, Writing},
};

/// A request for a collection: list, watch, create.
pub(crate) fn collection(
    state: &Arc<State>,
    call: &Call,
    namespace: Option<&str>,
) -> Result<Reply, Status> {
    match (call.method.as_str(), namespace) {
        ("GET", _) => read(state, call, namespace),
        ("POST", Some(namespace)) => create(state, call, namespace),
        _ => Err(Status::method_not_allowed()),
    }
}

/// A request for one Lease.
pub(crate) fn object(
    state: &Arc<State>,
    call: &Call,
    namespace: &str,
    name: &str,
) -> Result<Reply, Status> {
    let key = (namespace.to_owned(), name.to_owned());
    match call.method.as_str() {
        "GET" => get(state, call, &key),
        "PUT" => replace(state, call, &key),
        "PATCH" => merge(state, call, &key),
        "DELETE" => delete(state, call, &key),
        _ => Err(Status::method_not_allowed()),
    }
}

fn read(state: &Arc<State>, call: &Call, namespace: Option<&str>) -> Result<Reply, Status> {
    let watching = call.query.flag("watch");
    // As on the real server: a selector of one name is a name, so that a role for one Lease may watch it.
    let selector = Selector::parse("", call.query.text("fieldSelector")).unwrap_or_default();
    let verb = if watching { "watch" } else { "list" };
    call.user
        .check(&Attributes::leases(verb, namespace, selector.name()))?;
    if watching {
        let query = &call.query;
        let selector = Selector::parse(query.text("labelSelector"), query.text("fieldSelector"))?;
        let namespace = namespace.map(str::to_owned);
        return watch::start(state, None, namespace, query, selector).map(Reply::Lines);
    }
    list::list(&state.lock(), namespace, &call.query).map(|text| Reply::Json(200, text))
}

fn get(state: &Arc<State>, call: &Call, key: &Key) -> Result<Reply, Status> {
    call.user
        .check(&Attributes::leases("get", Some(&key.0), Some(&key.1)))?;
    let wanted = call.query.resource_version()?;
    let inner = state.lock();
    let current = inner.store.revision();
    if let Some(wanted) = wanted.filter(|wanted| *wanted > current) {
        return Err(Status::too_large_version(wanted, current));
    }
    let lease = inner
        .store
        .get(key)
        .ok_or_else(|| Status::lease_not_found(&key.1))?;
    Ok(Reply::Json(200, lease.to_string()))
}

fn create(state: &Arc<State>, call: &Call, namespace: &str) -> Result<Reply, Status> {
    call.user
        .check(&Attributes::leases("create", Some(namespace), None))?;
    let writing = writing(state, call, "CreateOptions")?;
    let Decoded { lease, warnings } = decode_body(state, call, "CreateOptions")?;
    let own = lease["metadata"]["namespace"].as_str().unwrap_or(namespace);
    if own != namespace {
        let message =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(message));
    }
    may_try(state, writing.dry_run)?;
    let created = state.write(Some(call), |inner| {
        write::create(inner, namespace, lease, &writing)
    })?;
    Ok(Reply::Warned(201, created.to_string(), warnings))
}

fn replace(state: &Arc<State>, call: &Call, key: &Key) -> Result<Reply, Status> {
    let (namespace, name) = (key.0.as_str(), key.1.as_str());
    call.user
        .check(&Attributes::leases("update", Some(namespace), Some(name)))?;
    let writing = writing(state, call, "UpdateOptions")?;
    let Decoded { lease, warnings } = decode_body(state, call, "UpdateOptions")?;
    check_name(&lease, key)?;
    may_try(state, writing.dry_run)?;
    // The uid is checked first, and the message is the real server's: it names no user and no verb (seen on 1.20).
    let may_create = || {
        let wanted = Attributes::leases("create", Some(namespace), Some(name));
        let told = format!("leases.{GROUP} \"{name}\" is forbidden: ");
        call.user
            .check(&wanted)
            .map_err(|status| status.worded(told))
    };
    let (code, lease) = match state.write(Some(call), |inner| {
        write::replace(inner, key, lease, &writing, may_create)
    })? {
        Replaced::Created(lease) => (201, lease),
        Replaced::Updated(lease) => (200, lease),
    };
    Ok(Reply::Warned(code, lease.to_string(), warnings))
}

fn merge(state: &Arc<State>, call: &Call, key: &Key) -> Result<Reply, Status> {
    call.user
        .check(&Attributes::leases("patch", Some(&key.0), Some(&key.1)))?;
    if apply::is_apply(&call.content_type) {
        return server_side_apply(state, call, key);
    }
    if !patch::is_merge(&call.content_type) {
        let message = "415: Unsupported Media Type";
        return Err(Status::unsupported_media_type(message));
    }
    let writing = writing(state, call, "PatchOptions")?;
    may_try(state, writing.dry_run)?;
    let patch: Value = serde_json::from_slice(&call.body)
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    let decoding = decoding(state, call, "PatchOptions")?;
    let mut warnings = Vec::new();
    let lease = state.write(Some(call), |inner| {
        let old = inner
            .store
            .get(key)
            .cloned()
            .ok_or_else(|| Status::lease_not_found(&key.1))?;
        let mut patched = (*old).clone();
        patch::merge(&mut patched, &patch);
        let decoded = decode::lease_value(&patched, decoding)?;
        warnings = decoded.warnings;
        check_name(&decoded.lease, key)?;
        write::update(inner, key, &old, decoded.lease, &writing)
    })?;
    Ok(Reply::Warned(200, lease.to_string(), warnings))
}

fn server_side_apply(state: &Arc<State>, call: &Call, key: &Key) -> Result<Reply, Status> {
    let manager = call.query.text("fieldManager");
    if manager.is_empty() {
        return Err(Status::invalid_options(
            "PatchOptions",
            Cause {
                field: "fieldManager".into(),
                reason: "FieldValueRequired",
                message: "Required value: is required for apply patch".into(),
            },
        ));
    }
    let mut writing = writing(state, call, "PatchOptions")?;
    may_try(state, writing.dry_run)?;
    let body: Value = serde_json::from_slice(&call.body)
        .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
    let decoding = decoding(state, call, "PatchOptions")?;
    let applied = decode::lease_value(&body, decoding)?.lease;
    // Its manager owns these afterwards, whether it changes them or not.
    writing.applied = Some(fields::of(&applied));
    let force = call.query.flag("force");
    let may_create = || {
        call.user
            .check(&Attributes::leases("create", Some(&key.0), Some(&key.1)))
    };
    let (code, lease) = state.change(|inner| {
        let Some(old) = inner.store.get(key).cloned() else {
            may_create()?;
            let mut lease = applied;
            lease["metadata"]["name"] = key.1.clone().into();
            return write::create(inner, &key.0, lease, &writing).map(|lease| (201, lease));
        };
        let merged = apply::applied(&old, &applied, manager, force)?;
        let lease = decode::lease_value(&merged, decoding)?.lease;
        check_name(&lease, key)?;
        write::update(inner, key, &old, lease, &writing).map(|lease| (200, lease))
    })?;
    Ok(Reply::Json(code, lease.to_string()))
}

fn delete(state: &Arc<State>, call: &Call, key: &Key) -> Result<Reply, Status> {
    call.user
        .check(&Attributes::leases("delete", Some(&key.0), Some(&key.1)))?;
    let deletion = Deletion::of(call)?;
    may_try(state, deletion.dry_run)?;
    match state.write(Some(call), |inner| delete::delete(inner, key, &deletion))? {
        Deleted::Gone { uid } => {
            let status = Status::deleted(GROUP, "leases", &key.1, &uid);
            Ok(Reply::Json(200, status.to_string()))
        }
        Deleted::Kept(kept) => Ok(Reply::Json(200, kept.to_string())),
    }
}

/// Refuses a dry run where admission webhooks do.
fn may_try(state: &State, dry_run: bool) -> Result<(), Status> {
    match state.refuse_dry_run.filter(|_| dry_run) {
        Some(code) => Err(Status::no_dry_run(code)),
        None => Ok(()),
    }
}

fn writing(state: &State, call: &Call, options: &str) -> Result<Writing, Status> {
    let dry_run = call.query.dry_run(options)?;
    Ok(Writing {
        restamp: state.does(Difference::Restamps),
        tracked: state.does(Difference::ManagedFields),
        elections: state.does(Difference::CoordinatedElections),
        manager: call.manager(),
        dry_run,
        applied: None,
    })
}

fn decoding(state: &State, call: &Call, options: &str) -> Result<Decoding, Status> {
    let known = state.does(Difference::FieldValidation);
    Ok(Decoding {
        elections: state.does(Difference::ElectionFields),
        unknown: match call.query.text("fieldValidation") {
            _ if !known => Unknown::Dropped,
            "" | "Warn" => Unknown::Told,
            "Ignore" => Unknown::Dropped,
            "Strict" => Unknown::Refused,
            other => {
                let cause = Cause {
                    field: "fieldValidation".into(),
                    reason: "FieldValueNotSupported",
                    message: format!(
                        "Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
                    ),
                };
                return Err(Status::invalid_options(options, cause));
            }
        },
    })
}

fn decode_body(state: &State, call: &Call, options: &str) -> Result<Decoded, Status> {
    if !matches!(call.content_type.as_str(), "" | "application/json") {
        return Err(Status::unsupported_media_type(BODY));
    }
    decode::lease(&call.body, decoding(state, call, options)?)
}

/// The object's name and namespace must be those of the path.
fn check_name(lease: &Value, (namespace, name): &Key) -> Result<(), Status> {
    let own = |field: &str| lease["metadata"][field].as_str();
    match own("name") {
        None => Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        Some(other) if other != name => Err(Status::bad_request(format!(
            "the name of the object ({other}) does not match the name on the URL ({name})"
        ))),
        Some(_) => match own("namespace").filter(|own| own != namespace) {
            Some(other) => Err(Status::bad_request(format!(
                "the namespace of the object ({other}) does not match the namespace on the request ({namespace})"
            ))),
            None => Ok(()),
        },
    }
}
