//! Events: what the API refuses in one, and its older face in the core group.

use serde_json::{Map, Value};

use crate::{
    kind::Kind,
    names,
    status::{Cause, Status},
};

/// How the core group calls the fields of `events.k8s.io/v1`: theirs, then the core group's.
const NAMES: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];

/// An Event as `kind` has it, out of the stored form.
pub(crate) fn shown(stored: Value, kind: &Kind) -> Value {
    if kind.group.is_empty() {
        renamed(stored, |(new, old)| (new, old))
    } else {
        stored
    }
}

/// An Event in the stored form, from what was sent as `kind`.
pub(crate) fn stored(sent: Value, kind: &Kind) -> Value {
    if kind.group.is_empty() {
        renamed(sent, |(new, old)| (old, new))
    } else {
        sent
    }
}

fn renamed(
    event: Value,
    way: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> Value {
    let Value::Object(fields) = event else {
        return event;
    };
    let other = |field: String| {
        NAMES
            .iter()
            .map(|pair| way(*pair))
            .find(|(from, _)| *from == field)
            .map_or(field, |(_, to)| to.to_owned())
    };
    fields
        .into_iter()
        .map(|(field, value)| (other(field), value))
        .collect::<Map<_, _>>()
        .into()
}

/// `eventTime` is a MicroTime, which has exactly six digits.
pub(crate) fn decode(event: &Value) -> Result<(), Status> {
    match &event["eventTime"] {
        Value::Null => Ok(()),
        Value::String(time) => crate::microtime::normalise(time).map(drop).map_err(|error| {
            Status::bad_request(format!(
                "Event in version \"v1\" cannot be handled as a Event: v1.Event.EventTime: unmarshalerDecoder: {error}"
            ))
        }),
        other => Err(Status::bad_request(format!(
            "Event in version \"v1\" cannot be handled as a Event: json: cannot unmarshal {other} into Go struct field .eventTime"
        ))),
    }
}

/// What is wrong with a new Event in the stored form, whatever face it was sent to.
pub(crate) fn check(event: &Value, kind: &Kind) -> Vec<Cause> {
    let mut causes = Vec::new();
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (own, regarding) = (text("/metadata/namespace"), text("/regarding/namespace"));
    let timed = event["eventTime"].is_string();
    let elsewhere = if regarding.is_empty() {
        // What belongs to no namespace is told of in one of these two: a new event, on 1.20, in kube-system only.
        own != "kube-system" && (timed || own != "default")
    } else {
        !timed && own != regarding
    };
    if elsewhere {
        causes.push(invalid(
            "involvedObject.namespace",
            regarding,
            "does not match event.namespace",
        ));
    }
    if timed {
        causes.extend(fields(&text, kind));
    }
    causes
}

/// What the newer face demands besides: told after what is wrong with the metadata.
pub(crate) fn check_newer(event: &Value, kind: &Kind) -> Vec<Cause> {
    let mut causes = Vec::new();
    if kind.group.is_empty() {
        return causes;
    }
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if let Some(series) = event["series"].as_object() {
        if series.get("count").and_then(Value::as_i64).unwrap_or(0) < 2 {
            causes.push(invalid("series.count", "", "should be at least 2"));
        }
        if text("/series/lastObservedTime").is_empty() {
            causes.push(required("series.lastObservedTime"));
        }
    }
    if !event["eventTime"].is_string() {
        causes.push(required("eventTime"));
    }
    if !matches!(text("/type"), "Normal" | "Warning") {
        causes.push(invalid(
            "type",
            "",
            &format!("has invalid value: {}", text("/type")),
        ));
    }
    for (field, told) in [
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
    ] {
        if !event[field].is_null() && event[field] != 0 {
            causes.push(invalid(told, "", "needs to be unset"));
        }
    }
    causes
}

/// The fields that every event of the newer form has.
fn fields<'a>(text: &impl Fn(&str) -> &'a str, kind: &Kind) -> Vec<Cause> {
    let mut causes = Vec::new();
    let controller = text("/reportingController");
    let field = if kind.group.is_empty() {
        "reportingComponent"
    } else {
        "reportingController"
    };
    if controller.is_empty() {
        causes.push(required(field));
    }
    causes.extend(names::qualified(field, controller));
    for field in ["reportingInstance", "action", "reason"] {
        let value = text(&format!("/{field}"));
        if value.is_empty() {
            causes.push(required(field));
        } else if value.len() > 128 {
            causes.push(invalid(field, "", "can have at most 128 characters"));
        }
    }
    if text("/note").len() > 1024 {
        causes.push(invalid("message", "", "can have at most 1024 characters"));
    }
    causes
}

fn invalid(field: &str, value: &str, why: &str) -> Cause {
    Cause::invalid(field, &Value::from(value), why)
}

fn required(field: &str) -> Cause {
    let message = "Required value".to_owned();
    Cause {
        field: field.into(),
        reason: "FieldValueRequired",
        message,
    }
}
