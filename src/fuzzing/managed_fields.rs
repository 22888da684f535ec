//! `metadata.managedFields`: who wrote what and when, told again from the JSON by other means.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{halves, record};
use crate::lease::record::Record;

/// The entries, a NUL, and the spec and the annotations of their Lease.
pub fn fuzz(input: &[u8]) {
    let (entries, rest) = halves(input);
    let Ok(entries) = serde_json::from_slice::<Value>(entries) else {
        return;
    };
    let rest: Value = serde_json::from_slice(rest).unwrap_or_else(|_| usual());
    let object = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": "job", "namespace": "default", "uid": "u", "resourceVersion": "7",
            "annotations": rest["annotations"], "managedFields": entries,
        },
        "spec": rest["spec"],
    });
    let Ok(lease) = Record::new(object.clone()) else {
        return;
    };
    record::check(&object, &lease);
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(lease.spec_stamp(), newest(entries), "{object}");
    let times = entries.iter().filter_map(|entry| {
        let (_, _) = (entry["manager"].as_str()?, entry["operation"].as_str()?);
        entry["time"].as_str()
    });
    assert_eq!(lease.last_writer().map(|writer| writer.time), times.max());
    if let Some(alive) = lease.alive_stamp() {
        let mut stamps = entries.iter().filter_map(stamp);
        assert!(stamps.any(|stamp| stamp == alive), "{object}");
    }
}

fn usual() -> Value {
    json!({ "annotations": null, "spec": {
        "holderIdentity": "me", "leaseDurationSeconds": 60, "leaseTransitions": 4,
        "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2020-01-01T00:00:00.000000Z",
    }})
}

fn stamp(entry: &Value) -> Option<Timestamp> {
    entry["time"].as_str()?.parse().ok()
}

/// The newest stamp of the spec; none where one of them cannot be read.
fn newest(entries: &[Value]) -> Option<Timestamp> {
    let owners = entries.iter();
    let owners = owners.filter(|entry| entry["fieldsV1"].get("f:spec").is_some());
    let stamps: Option<Vec<Timestamp>> = owners.map(stamp).collect();
    stamps?.into_iter().max()
}
