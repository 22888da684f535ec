//! Conditions as a versioned document, whose schema is `docs/status.schema.json`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::output::Failure;
use crate::output::document::{self, API_VERSION};
use crate::output::format::{DocumentFormat, ValueFormat};

use super::{Row, class, in_line, state};
use crate::lease::events::Recorded;
use crate::lease::record::{self, Previous};
use crate::lease::report::{Basis, State};
use crate::words::duration;

/// One Lease.
pub fn one(row: &Row) -> Value {
    let mut document = item(row);
    document["apiVersion"] = json!(API_VERSION);
    document["kind"] = json!("LeaseStatus");
    document
}

/// A list.
pub fn list(rows: &[Row]) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "LeaseStatusList",
        "items": rows.iter().map(item).collect::<Vec<_>>(),
    })
}

/// In a watch: nothing has been known since the server was last heard, by its clock, for so long; or that is over.
pub fn silence(
    since: Option<Timestamp>,
    silent: Duration,
    unknown: bool,
    fault: Option<&str>,
) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "WatchStatus",
        "known": !unknown,
        "unknownSince": since.map(whole_seconds),
        "unknownSeconds": silent.as_secs(),
        "detail": fault,
    })
}

/// The same for people.
pub fn silence_words(since: Option<Timestamp>, silent: Duration, fault: Option<&str>) -> String {
    let since = since.map_or_else(String::new, |since| {
        format!("since {} ", whole_seconds(since))
    });
    let why = fault.map_or_else(String::new, |fault| format!(": {fault}"));
    let silent = duration(silent);
    format!(
        "Nothing is known {since}({silent} ago), when the server was last heard{why}. The states are as of then; trying again."
    )
}

fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The document for a format: templates take what is null for what is not there.
pub fn for_format(row: &Row, format: &ValueFormat) -> Value {
    match format {
        ValueFormat::Document(_) => one(row),
        ValueFormat::JsonPath(_) | ValueFormat::JsonPathAsJson(_) => for_templates(row),
    }
}

/// What there is beside one Lease, where it is known.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The newest Events about it.
    pub events: Option<Vec<Recorded>>,
    /// Who waits for it in line, the first to be served first.
    pub waiters: Option<Vec<Row>>,
}

/// What was asked for, or why it is not known; `None` where nothing is to be said of it.
type Told<T> = Option<Result<Vec<T>, String>>;

impl Beside {
    /// What is known of it. A document does not say why something is not.
    pub fn of(events: Told<Recorded>, waiters: Told<Row>) -> Self {
        Self {
            events: events.and_then(Result::ok),
            waiters: waiters.and_then(Result::ok),
        }
    }
}

/// One Lease with what there is beside it.
pub fn of_one(row: &Row, beside: &Beside, format: &ValueFormat) -> Value {
    match format {
        ValueFormat::Document(_) => with(one(row), beside),
        ValueFormat::JsonPath(_) | ValueFormat::JsonPathAsJson(_) => {
            of_one_for_templates(row, beside)
        }
    }
}

/// The same as templates and columns see it.
pub fn of_one_for_templates(row: &Row, beside: &Beside) -> Value {
    without_nulls(with(one(row), beside))
}

fn with(mut document: Value, Beside { events, waiters }: &Beside) -> Value {
    let events = events.as_ref().map(|all| all.iter().map(event));
    document["events"] = json!(events.map(Iterator::collect::<Vec<_>>));
    document["waiters"] = json!(waiters.as_deref().map(in_line::array));
    document
}

/// In a watch: who waits for the Lease of this name in line, where that is known.
pub fn waiters(namespace: &str, name: &str, waiters: Option<&[Row]>) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "LeaseWaiters",
        "metadata": { "name": name, "namespace": namespace },
        "waiters": waiters.map(in_line::array),
    })
}

fn event(event: &Recorded) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "lastSeen": time(event.last),
        "eventTime": time(event.time),
        "count": event.count,
        "type": event.kind,
        "reason": event.reason,
        "action": event.action,
        "note": event.note,
        "reportingController": event.controller,
        "reportingInstance": event.instance,
    })
}

fn previous(previous: &Previous) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "holder": previous.holder,
        "reason": previous.reason,
        "acquireTime": time(previous.acquired),
        "taken": previous.taken.word(),
        "takenBy": previous.by,
        "takenReason": previous.because,
        "takenTime": time(previous.at),
        "transitions": previous.transitions,
    })
}

/// One Lease as templates and columns see it: what this tool has nothing to say of is not there.
pub fn for_templates(row: &Row) -> Value {
    without_nulls(one(row))
}

/// A list as templates see it.
pub fn list_for_templates(rows: &[Row]) -> Value {
    let mut document = list(&[]);
    let items = rows.iter().map(|row| without_nulls(item(row)));
    document["items"] = items.collect();
    document
}

fn without_nulls(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    document
}

/// A document as JSON in one line.
pub fn line(document: &Value) -> String {
    document::escaped(format!("{document}\n"))
}

/// Writes a list item by item, as the same document that [`list`] makes.
pub struct ListWriter {
    format: DocumentFormat,
    items: usize,
}

impl ListWriter {
    /// Nothing is written yet.
    pub fn new(format: DocumentFormat) -> Self {
        Self { format, items: 0 }
    }

    /// The next items, and before the first ones the head.
    ///
    /// # Errors
    /// When they cannot be written down.
    pub fn page(&mut self, rows: &[Row]) -> Result<String, Failure> {
        let mut out = String::new();
        for row in rows {
            let first = self.items == 0;
            self.items += 1;
            let item = document::text(&item(row), self.format)?;
            match self.format {
                DocumentFormat::Json => {
                    out.push_str(if first { JSON_HEAD } else { "," });
                    for line in item.lines() {
                        out.push_str("\n        ");
                        out.push_str(line);
                    }
                }
                DocumentFormat::Yaml => {
                    out.push_str(if first { YAML_HEAD } else { "" });
                    for (index, line) in item.lines().enumerate() {
                        out.push_str(if index == 0 { "- " } else { "  " });
                        out.push_str(line);
                        out.push('\n');
                    }
                }
            }
        }
        Ok(out)
    }

    /// The end of the document; the whole of it, if there were no items.
    pub fn end(&self) -> &'static str {
        match (self.format, self.items) {
            (DocumentFormat::Json, 0) => {
                "{\n    \"apiVersion\": \"kubectl-lease/v1\",\n    \"items\": [],\n    \"kind\": \"LeaseStatusList\"\n}\n"
            }
            (DocumentFormat::Json, _) => "\n    ],\n    \"kind\": \"LeaseStatusList\"\n}\n",
            (DocumentFormat::Yaml, 0) => {
                "apiVersion: kubectl-lease/v1\nitems: []\nkind: LeaseStatusList\n"
            }
            (DocumentFormat::Yaml, _) => "kind: LeaseStatusList\n",
        }
    }
}

const JSON_HEAD: &str = "{\n    \"apiVersion\": \"kubectl-lease/v1\",\n    \"items\": [";
const YAML_HEAD: &str = "apiVersion: kubectl-lease/v1\nitems:\n";

fn item(row: &Row) -> Value {
    let (lease, condition) = (&row.lease, &row.condition);
    let seconds = |span: Option<SignedDuration>| span.map(|span| span.as_millis() as f64 / 1000.0);
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    let object = lease.object.as_deref();
    let own = |field: &str| object.and_then(|object| object.get(field));
    let mut metadata = own("metadata").cloned().unwrap_or_else(|| json!({}));
    for (field, value) in [
        ("name", json!(lease.name)),
        ("namespace", json!(lease.namespace)),
        ("uid", json!(lease.uid)),
        ("resourceVersion", json!(lease.resource_version)),
        ("creationTimestamp", json!(time(lease.created))),
    ] {
        if metadata.get(field).is_none() {
            metadata[field] = value;
        }
    }
    let mut document = json!({
        "metadata": metadata,
        "state": match condition.state {
            State::HeldWithoutExpiry => "HeldWithoutExpiry",
            other => state(other),
        },
        "proof": match condition.basis {
            Basis::ServerStamp => Some("ServerStamp"),
            Basis::RenewTime => Some("RenewTime"),
            Basis::None => None,
        },
        "observedAt": time(row.date),
        "class": class(lease.class),
        "holder": lease.holder,
        "acquireTime": time(lease.acquired),
        "renewTime": time(lease.renewed),
        "durationSeconds": lease.duration.map(|duration| duration.as_secs()),
        "transitions": lease.transitions,
        "renewedSecondsAgo": seconds(condition.renewed_ago),
        "expiresInSeconds": seconds(condition.expires_in),
        "skewSeconds": seconds(condition.skew),
        "reason": lease.reason,
        "strategy": lease.strategy,
        "preferredHolder": lease.preferred,
        "previousHolder": object.and_then(record::previous).as_ref().map(previous),
    });
    // The Lease's own paths are what runbooks have.
    if let Some(spec) = own("spec") {
        document["spec"] = spec.clone();
    }
    document
}
