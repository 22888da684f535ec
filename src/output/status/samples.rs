//! Rows for the tests of the views: Leases as an API server answers them, seen at one moment of its clock.

use serde_json::{Value, json};

use super::Row;
use super::table::Layout;
use crate::lease::evidence::Stamps;
use crate::lease::record::Record;
use crate::lease::summary;
use crate::lease::testing::wall;

/// The server's `Date` in all these tests.
pub const NOW: &str = "2026-01-01T12:00:00Z";

/// A Lease of this name that a server made an hour ago.
pub fn object(name: &str, spec: Value) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "default", "uid": format!("uid-{name}"), "resourceVersion": "77",
            "creationTimestamp": "2026-01-01T11:00:00Z",
        },
        "spec": spec,
    })
}

/// The same Lease with `value` at this place, as in `spec/strategy`.
pub fn with(mut lease: Value, place: &str, value: Value) -> Value {
    let (part, field) = place.split_once('/').expect("a part and a field");
    lease[part][field] = value;
    lease
}

fn named(lease: Value, name: &str) -> Value {
    with(lease, "metadata/name", json!(name))
}

/// Renewed five seconds ago for 15 s.
pub fn held() -> Value {
    let spec = json!({
        "holderIdentity": "me@host", "leaseDurationSeconds": 15, "leaseTransitions": 3,
        "acquireTime": "2026-01-01T11:50:00.000000Z", "renewTime": "2026-01-01T11:59:55.000000Z",
    });
    object("held", spec)
}

/// Renewed ten minutes ago for 15 s.
pub fn expired() -> Value {
    let spec = json!({
        "holderIdentity": "gone-7", "leaseDurationSeconds": 15, "leaseTransitions": 0,
        "acquireTime": "2026-01-01T11:30:00.000000Z", "renewTime": "2026-01-01T11:50:00.000000Z",
    });
    object("expired", spec)
}

/// Released.
pub fn free() -> Value {
    let spec = json!({
        "holderIdentity": "", "leaseDurationSeconds": 60, "leaseTransitions": 12,
        "renewTime": "2026-01-01T11:00:30.000000Z",
    });
    object("free", spec)
}

/// Held as Terraform holds.
pub fn endless() -> Value {
    object("endless", json!({"holderIdentity": "terraform"}))
}

/// Held, and its deletion waits for a finalizer.
pub fn terminating() -> Value {
    let since = json!("2026-01-01T11:59:00Z");
    let lease = with(
        named(held(), "terminating"),
        "metadata/deletionTimestamp",
        since,
    );
    with(lease, "metadata/finalizers", json!(["example.com/wait"]))
}

/// Held by someone whose clock is an hour behind; the server's stamp says that it lives.
pub fn skewed() -> Value {
    let an_hour_ago = json!("2026-01-01T10:59:55.000000Z");
    let mut lease = with(named(held(), "skewed"), "spec/renewTime", an_hour_ago);
    stamp(&mut lease, "2026-01-01T11:59:55Z");
    lease
}

/// Held through a coordinated election.
pub fn elected() -> Value {
    let strategy = json!("OldestEmulationVersion");
    with(named(held(), "elected"), "spec/strategy", strategy)
}

/// Lets the server have seen the last renewal at `time`.
pub fn stamp(lease: &mut Value, time: &str) {
    lease["metadata"]["managedFields"] = json!([{
        "manager": "agent", "operation": "Update", "time": time, "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:renewTime": {}}},
    }]);
}

/// Leases of every kind of hostile content: fields, times and texts that no honest holder writes.
pub fn hostile() -> Vec<Value> {
    let odd = |name: &str, field: &str, value: Value| {
        let mut lease = named(held(), name);
        lease["spec"][field] = value;
        lease
    };
    let by = |name: &str, holder: &str| odd(name, "holderIdentity", json!(holder));
    let mut bare = object("no-spec", json!({}));
    bare.as_object_mut().map(|lease| lease.remove("spec"));
    let because = format!("a\nb\u{1b}[2J{}", "r".repeat(70_000));
    let because = json!({ "kubectl-lease/reason": because });
    let nulls = json!({
        "holderIdentity": null, "leaseDurationSeconds": null, "acquireTime": null, "renewTime": null,
        "leaseTransitions": null, "strategy": null,
    });
    vec![
        by(
            "control",
            "a\u{1b}[2J\u{1b}]0;x\u{7}b\r\nc\td\u{9b}31m\u{0}",
        ),
        by("marks", "a\u{202e}b\u{200f}\u{feff}\u{2066}c"),
        by("long", &"h".repeat(10_240)),
        by("longest", &"h".repeat(70_000)),
        by("wide", &"漢".repeat(200)),
        bare,
        object("null-spec", Value::Null),
        object("nulls", nulls),
        odd("future", "renewTime", json!("9999-12-30T00:00:00.000000Z")),
        odd("past", "renewTime", json!("0001-01-01T00:00:00.000000Z")),
        odd("no-time", "renewTime", json!("yesterday\u{1b}[2J")),
        odd("for-ever", "leaseDurationSeconds", json!(i32::MAX)),
        odd("negative", "leaseDurationSeconds", json!(-5)),
        odd("many", "leaseTransitions", json!(i64::MAX)),
        odd("strategy", "strategy", json!("x\u{1b}c\ny")),
        with(named(held(), "reason"), "metadata/annotations", because),
    ]
}

/// The row of a Lease, with the server's stamps trusted.
pub fn row(lease: &Value) -> Row {
    let lease = summary::one(lease.to_string().as_bytes()).expect("a lease");
    Row::new(lease, Some(wall(NOW)), Stamps::Trusted)
}

/// The plain layout, changed by `edit`.
pub fn layout(edit: impl FnOnce(&mut Layout)) -> Layout {
    let mut layout = Layout::default();
    edit(&mut layout);
    layout
}

/// The Lease as it was read.
pub fn record(lease: &Value) -> Record {
    Record::new(lease.clone()).expect("an object")
}

/// Asserts that a text moves no cursor and turns no direction: line ends are its only control characters.
#[track_caller]
pub fn assert_safe(text: &str) {
    let odd =
        |c: &char| c.is_control() && *c != '\n' || "\u{202e}\u{200f}\u{feff}\u{2066}".contains(*c);
    assert_eq!(text.chars().find(odd), None, "{text:.2000}");
}
