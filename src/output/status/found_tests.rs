//! Leases as other clients leave them, and others like them: each described and all listed, as snapshots.
//!
//! Those in `tests/leases/found` are as they were found, details replaced.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::describe::{Surroundings, describe};
use super::document;
use super::samples::{layout, record};
use super::table::Printer;
use crate::lease::evidence::Stamps;
use crate::lease::report::Row;
use crate::lease::summary::{self, Summary};
use crate::lease::testing::wall;

/// The server's time in all of it.
const DATE: &str = "2026-11-25T07:22:00Z";

/// Every Lease by the name of its snapshot.
fn leases() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/leases/found");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let found = files.map(|file| {
        let path = file.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let lease = serde_json::from_str(&text).expect("JSON");
        (name.into_owned(), lease)
    });
    let mut all: Vec<(String, Value)> = found.collect();
    assert!(all.len() >= 27, "{} were found", all.len());
    all.extend(invented());
    for (_, lease) in &mut all {
        lease["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
        lease["metadata"]["resourceVersion"] = json!("77");
        lease["metadata"]["creationTimestamp"] = json!("2026-11-24T07:22:00Z");
    }
    // As a server lists them.
    all.sort_by_key(|(_, lease)| {
        let part = |field: &str| lease["metadata"][field].as_str().unwrap_or_default();
        format!("{}/{}", part("namespace"), part("name"))
    });
    all
}

/// A live lock, changed by `edit`.
fn lock(name: &str, edit: impl FnOnce(&mut Value)) -> (String, Value) {
    let mut lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name, "namespace": "made-up" },
        "spec": {
            "holderIdentity": "me@host", "leaseDurationSeconds": 60, "leaseTransitions": 3,
            "acquireTime": "2026-11-25T07:00:00.000000Z", "renewTime": "2026-11-25T07:21:50.000000Z",
        },
    });
    edit(&mut lease);
    (format!("made-up-{name}"), lease)
}

/// The server's stamp of the last renewal, by this manager.
fn stamp(lease: &mut Value, manager: &str, time: &str) {
    lease["metadata"]["managedFields"] = json!([{
        "manager": manager, "operation": "Update", "apiVersion": "coordination.k8s.io/v1", "time": time, "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:renewTime": {}, "f:holderIdentity": {}}},
    }]);
}

fn invented() -> Vec<(String, Value)> {
    let set =
        |name: &str, field: &str, value: Value| lock(name, |lease| lease["spec"][field] = value);
    let renewed = |name: &str, time: &str| set(name, "renewTime", json!(time));
    let info = "app.terraform.io/lock-info";
    vec![
        renewed("time-without-fraction", "2026-11-25T07:21:50Z"),
        renewed("time-with-offset", "2026-11-25T08:21:50.5+01:00"),
        renewed("time-of-nanoseconds", "2026-11-25T07:21:50.123456789Z"),
        renewed("time-in-small-letters", "2026-11-25t07:21:50z"),
        renewed("time-of-a-leap-second", "2016-12-31T23:59:60Z"),
        renewed("time-an-hour-ahead", "2026-11-25T08:22:00.000000Z"),
        renewed("time-at-the-end", "9999-12-31T23:59:59.999999Z"),
        renewed("time-at-the-beginning", "0001-01-01T00:00:00Z"),
        renewed("time-unreadable", "yesterday"),
        renewed("time-empty", ""),
        set("duration-negative", "leaseDurationSeconds", json!(-5)),
        set("duration-zero", "leaseDurationSeconds", json!(0)),
        set("duration-huge", "leaseDurationSeconds", json!(1_i64 << 32)),
        set("transitions-negative", "leaseTransitions", json!(-1)),
        set("transitions-huge", "leaseTransitions", json!(i64::MAX)),
        set("holder-of-blanks", "holderIdentity", json!("   ")),
        set(
            "holder-quoted",
            "holderIdentity",
            json!("it's \"mine\" $HOME\\"),
        ),
        set("holder-long", "holderIdentity", json!("h".repeat(100))),
        set(
            "holder-hostile",
            "holderIdentity",
            json!("a\u{1b}[2J\u{202e}b\r\nState: Free"),
        ),
        set("field-unknown", "later", json!({"x": [1, "2", null]})),
        lock("spec-empty", |lease| lease["spec"] = json!({})),
        lock("spec-null", |lease| lease["spec"] = Value::Null),
        lock("holder-absent-but-times", |lease| {
            lease["spec"]
                .as_object_mut()
                .map(|spec| spec.remove("holderIdentity"));
        }),
        lock("duration-alone", |lease| {
            lease["spec"] = json!({"leaseDurationSeconds": 60})
        }),
        lock("holder-empty-of-terraform", |lease| {
            lease["metadata"]["labels"] = json!({"tfstate": "true"});
            lease["spec"] = json!({"holderIdentity": ""});
        }),
        lock("deleted-and-held", |lease| {
            lease["metadata"]["deletionTimestamp"] = json!("2026-11-25T07:21:00Z");
            lease["metadata"]["finalizers"] = json!(["example.com/wait", "example.com/\u{1b}[2J"]);
        }),
        lock("deleted-and-free", |lease| {
            lease["metadata"]["deletionTimestamp"] = json!("2026-11-25T07:21:00Z");
            lease["spec"]["holderIdentity"] = json!("");
        }),
        lock("finalizers-alone", |lease| {
            lease["metadata"]["finalizers"] = json!(["example.com/wait"]);
        }),
        lock("labels-many", |lease| {
            let labels = (0..400).map(|number| (format!("l{number:03}"), json!("v")));
            lease["metadata"]["labels"] = Value::Object(labels.collect::<Map<_, _>>());
        }),
        lock("labels-null", |lease| {
            lease["metadata"]["labels"] = Value::Null;
            lease["metadata"]["annotations"] = Value::Null;
            lease["metadata"]["ownerReferences"] = Value::Null;
            lease["metadata"]["managedFields"] = Value::Null;
        }),
        lock("annotations-hostile", |lease| {
            lease["metadata"]["annotations"] = json!({
                "a\u{1b}]0;x\u{7}": "b\nState: Free\u{202e}", "long": "漢".repeat(3000),
                "kubectl-lease/reason": "night\nrun", "kubectl-lease/victim": "2 other",
                "kubectl.kubernetes.io/last-applied-configuration": "{\"kind\":\"Lease\"}",
            });
        }),
        lock("lock-info-unreadable", |lease| {
            lease["metadata"]["annotations"] = json!({info: "{\"ID\":"});
        }),
        lock("lock-info-left-behind", |lease| {
            lease["metadata"]["annotations"] = json!({info: "{\"ID\":\"1\",\"Who\":\"a@b\",\"Created\":\"then\",\"Info\":\"x\\u001b[2J\",\"Later\":{}}"});
            lease["spec"]["leaseDurationSeconds"] = Value::Null;
        }),
        lock("stamped", |lease| {
            stamp(lease, "agent", "2026-11-25T07:21:50Z")
        }),
        lock("stamped-and-expired", |lease| {
            lease["spec"]["renewTime"] = json!("2026-11-25T07:20:00.000000Z");
            stamp(lease, "agent", "2026-11-25T07:20:00Z");
        }),
        lock("stamped-and-skewed", |lease| {
            lease["spec"]["renewTime"] = json!("2026-11-25T06:21:50.000000Z");
            stamp(lease, "agent", "2026-11-25T07:21:50Z");
        }),
        lock("stamped-without-a-time-to-renew", |lease| {
            lease["spec"]["renewTime"] = json!("never");
            stamp(lease, "agent", "2026-11-25T07:21:50Z");
        }),
        lock("stamped-and-endless", |lease| {
            lease["spec"] = json!({"holderIdentity": "kured"});
            stamp(lease, "kured", "2026-11-25T07:00:00Z");
        }),
        lock("reason-of-another", |lease| {
            lease["metadata"]["annotations"] = json!({"kubectl-lease/reason": "old"});
            stamp(lease, "agent", "2026-11-25T07:21:50Z");
            let entries = lease["metadata"]["managedFields"].as_array_mut();
            entries.expect("entries").push(json!({
                "manager": "kubectl-lease", "operation": "Update", "time": "2026-11-25T07:00:00Z",
                "fieldsV1": {"f:metadata": {"f:annotations": {"f:kubectl-lease/reason": {}}}},
            }));
        }),
        lock("election-flapping", |lease| {
            lease["spec"]["holderIdentity"] = json!("pod-1_9ca3a9c7-610d-4b47-91bb-2d916d1307ed");
            lease["spec"]["leaseTransitions"] = json!(1000);
        }),
    ]
}

/// What a server of 1.30 makes of it.
fn row(lease: Summary) -> Row {
    let date = Some(wall(DATE));
    Row::new(lease, date, Stamps::Trusted)
}

fn alone(lease: &Value) -> Row {
    row(summary::one(lease.to_string().as_bytes()).expect("a lease"))
}

/// All of them, from one list.
fn listed() -> Vec<Row> {
    let items: Vec<Value> = leases().into_iter().map(|(_, lease)| lease).collect();
    let list = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "LeaseList",
        "metadata": { "resourceVersion": "100" }, "items": items,
    });
    let page = summary::page(list.to_string().as_bytes()).expect("a list");
    page.items.into_iter().map(row).collect()
}

#[test]
fn each_is_described() {
    let mut all = String::new();
    for (name, lease) in leases() {
        let text = describe(&alone(&lease), &record(&lease), &Surroundings::default());
        let odd = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
        assert_eq!(text.chars().find(odd), None, "{name}: {text}");
        all += &format!("## {name}\n{text}\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn all_are_listed() {
    let list = |wide| {
        // As in a pipe.
        let layout = layout(|it| (it.namespaces, it.words, it.wide) = (true, true, wide));
        Printer::new(layout).page(&listed(), &[])
    };
    insta::assert_snapshot!(list(false));
    insta::assert_snapshot!("wide", list(true));
}

#[test]
fn each_reads_the_same_alone_and_in_the_list() {
    let list = document::list(&listed());
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), leases().len());
    for ((name, lease), item) in leases().into_iter().zip(items) {
        let mut alone = document::one(&alone(&lease));
        let document = alone.as_object_mut().expect("an object");
        document.retain(|key, _| key != "apiVersion" && key != "kind");
        assert_eq!(&alone, item, "{name}");
    }
}
