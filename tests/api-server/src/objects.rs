//! Requests for the objects beside Leases: each method to its verb, permission, and operation.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    access::Attributes,
    change::{self, Change},
    deletion::Deletion,
    event,
    http::{Call, Reply},
    kind::{Kind, Storage},
    patch,
    refusal::Subject,
    selector::Selector,
    state::State,
    status::{BODY, Status},
    store, watch,
};

/// What a request is about, but for the name.
pub(crate) struct Place<'a> {
    pub kind: &'static Kind,
    pub namespace: Option<&'a str>,
    /// Its `status` alone.
    pub status: bool,
}

/// Answers a request for an object, or for the collection where there is no name.
pub(crate) fn answer(
    state: &Arc<State>,
    call: &Call,
    place: &Place<'_>,
    name: Option<&str>,
) -> Result<Reply, Status> {
    let watching = call.query.flag("watch");
    let verb = match (call.method.as_str(), name) {
        ("GET", Some(_)) => "get",
        ("GET", None) if watching => "watch",
        ("GET", None) => "list",
        ("POST", None) => "create",
        ("PUT", Some(_)) => "update",
        ("PATCH", Some(_)) => "patch",
        ("DELETE", Some(_)) => "delete",
        _ => return Err(Status::method_not_allowed()),
    };
    // As on the real server: a selector of one name is a name.
    let selector = selector(call, place.kind);
    let selected = selector.as_ref().ok().and_then(Selector::name);
    call.user.check(&Attributes {
        verb,
        group: place.kind.group,
        resource: if place.status {
            place.kind.status
        } else {
            place.kind.plural
        },
        namespace: place.namespace,
        name: name.or(selected),
    })?;
    if !state.behaviour().does_all(place.kind.needs) {
        return Err(Status::no_such_resource());
    }
    match (verb, name) {
        ("get", Some(name)) => get(state, place, name),
        ("watch", _) => {
            let namespace = place.namespace.map(str::to_owned);
            watch::start(state, Some(place.kind), namespace, &call.query, selector?)
                .map(Reply::Lines)
        }
        ("list", _) => selector.map(|selector| list(state, place, &selector)),
        ("create", _) => create(state, call, place),
        ("update", Some(name)) => replace(state, call, place, name),
        ("patch", Some(name)) => merge(state, call, place, name),
        ("delete", Some(name)) if !place.status => delete(state, call, place, name),
        _ => Err(Status::method_not_allowed()),
    }
}

fn selector(call: &Call, kind: &Kind) -> Result<Selector, Status> {
    let (labels, fields) = (
        call.query.text("labelSelector"),
        call.query.text("fieldSelector"),
    );
    Selector::among(labels, fields, kind.fields)
}

fn get(state: &State, place: &Place<'_>, name: &str) -> Result<Reply, Status> {
    let inner = state.lock();
    let object = inner
        .store
        .object(place.kind.storage, place.namespace, name)
        .ok_or_else(|| Subject::of(place.kind, name).not_found())?;
    Ok(reply(200, place.kind, (**object).clone()))
}

fn list(state: &State, place: &Place<'_>, selector: &Selector) -> Reply {
    let inner = state.lock();
    let items: Vec<Value> = inner
        .store
        .objects(place.kind.storage, place.namespace)
        .filter(|object| selector.matches(object))
        .map(|object| event::shown((**object).clone(), place.kind))
        .collect();
    let list = json!({
        "kind": format!("{}List", place.kind.kind), "apiVersion": place.kind.api_version(),
        "metadata": {"resourceVersion": inner.store.revision().to_string()}, "items": items,
    });
    Reply::Json(200, list.to_string())
}

fn create(state: &State, call: &Call, place: &Place<'_>) -> Result<Reply, Status> {
    let change = of(call, place, "CreateOptions")?;
    let object = decode(call, place)?;
    let created = state.change(|inner| change::create(inner, &change, object))?;
    Ok(reply(201, place.kind, created))
}

fn replace(state: &State, call: &Call, place: &Place<'_>, name: &str) -> Result<Reply, Status> {
    let change = of(call, place, "UpdateOptions")?;
    let object = decode(call, place)?;
    named(&object, name)?;
    let subject = Subject::of(place.kind, name);
    let uid = object["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (code, stored) = state.change(|inner| {
        let old = inner
            .store
            .object(place.kind.storage, place.namespace, name)
            .cloned();
        let stored = old
            .as_ref()
            .and_then(|old| old["metadata"]["uid"].as_str())
            .unwrap_or_default();
        if !uid.is_empty() && uid != stored {
            let key = store::other_path(place.namespace, name);
            return Err(subject.uid_conflict(&key, &uid, stored));
        }
        match old {
            Some(old) => change::update(inner, &change, &old, object).map(|stored| (200, stored)),
            None if !place.kind.create_by_update || place.status => Err(subject.not_found()),
            None => {
                call.user.check(&Attributes {
                    verb: "create",
                    group: place.kind.group,
                    resource: place.kind.plural,
                    namespace: place.namespace,
                    name: None,
                })?;
                change::create(inner, &change, object).map(|stored| (201, stored))
            }
        }
    })?;
    Ok(reply(code, place.kind, stored))
}

fn merge(state: &State, call: &Call, place: &Place<'_>, name: &str) -> Result<Reply, Status> {
    let change = of(call, place, "PatchOptions")?;
    if !patch::is_merge(&call.content_type) {
        return Err(Status::unsupported_media_type(
            "415: Unsupported Media Type",
        ));
    }
    let subject = Subject::of(place.kind, name);
    let stored = state.change(|inner| {
        let old = inner
            .store
            .object(place.kind.storage, place.namespace, name)
            .cloned()
            .ok_or_else(|| subject.not_found())?;
        let patch: Value = serde_json::from_slice(&call.body)
            .map_err(|_| Status::internal("Invalid JSON Patch"))?;
        let mut patched = event::shown((*old).clone(), place.kind);
        patch::merge(&mut patched, &patch);
        if patched["metadata"]["resourceVersion"] == "" {
            patched["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
        }
        named(&patched, name)?;
        change::update(inner, &change, &old, event::stored(patched, place.kind))
    })?;
    Ok(reply(200, place.kind, stored))
}

fn delete(state: &State, call: &Call, place: &Place<'_>, name: &str) -> Result<Reply, Status> {
    let deletion = Deletion::of(call)?;
    let (gone, object) = state
        .change(|inner| change::delete(inner, place.kind, place.namespace, name, &deletion))?;
    // A pod's deletion answers with the pod, as it last was.
    if !gone || place.kind.storage == Storage::Pods {
        return Ok(reply(200, place.kind, object));
    }
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    let status = Status::deleted(place.kind.group, place.kind.plural, name, uid);
    Ok(Reply::Json(200, status.to_string()))
}

fn of<'a>(call: &Call, place: &Place<'a>, options: &str) -> Result<Change<'a>, Status> {
    Ok(Change {
        kind: place.kind,
        namespace: place.namespace,
        status: place.status,
        dry_run: call.query.dry_run(options)?,
    })
}

/// The body as an object in the stored form; what its fields are is not looked at.
fn decode(call: &Call, place: &Place<'_>) -> Result<Value, Status> {
    let kind = place.kind.kind;
    if !matches!(call.content_type.as_str(), "" | "application/json") {
        return Err(Status::unsupported_media_type(BODY));
    }
    let unrecognized = |why: &str| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {why}"
        ))
    };
    let object: Value =
        serde_json::from_slice(&call.body).map_err(|error| unrecognized(&error.to_string()))?;
    if !object.is_object() {
        return Err(unrecognized("json: cannot unmarshal into Go value"));
    }
    let other = object["kind"]
        .as_str()
        .filter(|sent| !sent.is_empty() && *sent != kind);
    if let Some(other) = other {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "{other} in version \"{version}\" cannot be handled as a {kind}: converting ({other}) to ({kind}): unknown conversion"
        )));
    }
    if place.kind.storage == Storage::Events {
        event::decode(&object)?;
    }
    let own = object["metadata"]["namespace"]
        .as_str()
        .filter(|own| !own.is_empty());
    if own.is_some_and(|own| place.namespace != Some(own)) {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(event::stored(object, place.kind))
}

fn named(object: &Value, name: &str) -> Result<(), Status> {
    match object["metadata"]["name"].as_str().unwrap_or_default() {
        own if own == name => Ok(()),
        "" => Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        own => Err(Status::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        ))),
    }
}

fn reply(code: u16, kind: &Kind, object: Value) -> Reply {
    Reply::Json(code, event::whole(object, kind).to_string())
}
