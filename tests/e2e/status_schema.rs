//! The documents that `status` prints satisfy docs/status.schema.json, checked by the keywords that schema uses.

use crate::support::schema::faults;
use crate::support::{SOON, free, fresh, held};
use lease_harness::{Fault, Match, Proxy, lease};
use serde_json::{Value, json};

fn schema() -> Value {
    let text = include_str!("../../docs/status.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

#[track_caller]
pub fn fits(kind: &str, document: &Value) {
    let root = schema();
    assert_eq!(
        faults(&root, &root["$defs"][kind], document, "$"),
        [""; 0],
        "{document:#}"
    );
    assert_eq!(faults(&root, &root, document, "$"), [""; 0]);
}

#[test]
fn every_document_fits_the_schema() {
    let (ns, user) = fresh();
    let empty = ns.run(&user, ["status", "-o", "json"]).stdout;
    fits(
        "LeaseStatusList",
        &serde_json::from_str(&empty).expect("JSON"),
    );
    ns.create(&held("held", "x", 600));
    ns.create(&free("free"));
    ns.create(&lease("empty").build());
    ns.create(&lease("endless").holder("x").build());
    ns.create(
        &lease("old")
            .holder("x")
            .duration(1)
            .renewed_ago(86_400, 0)
            .build(),
    );
    ns.create(
        &lease("skewed")
            .holder("x\u{1b}[2J")
            .duration(15)
            .renewed_ago(0, 3600)
            .build(),
    );
    let reason = lease("reason").holder("x").duration(15).renewed_ago(0, 0);
    ns.create(&reason.annotation("kubectl-lease/reason", "why").build());
    let list = ns.run(&user, ["status", "-o", "json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    fits("LeaseStatusList", &list);
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), 7);
    for item in items {
        let name = item["metadata"]["name"].as_str().expect("a name");
        let one = ns.run(&user, ["status", name, "-o", "json"]).stdout;
        fits("LeaseStatus", &serde_json::from_str(&one).expect("JSON"));
    }
    let watch = ns.spawn(&user, ["status", "-w", "-o", "json"]);
    watch.wait_stdout(|line| line.contains("\"skewed\""), SOON);
    ns.delete("free");
    watch.wait_stdout(|line| line.contains("\"Deleted\""), SOON);
    for line in watch.stdout().lines() {
        fits("LeaseStatus", &serde_json::from_str(line).expect("JSON"));
    }
    let good = ns.run(&user, ["status", "held", "-o", "json"]).stdout;
    let good: Value = serde_json::from_str(&good).expect("JSON");
    let root = schema();
    for (key, wrong) in [
        ("state", json!("Lost")),
        ("holder", json!(7)),
        ("durationSeconds", json!(0)),
        ("renewTime", json!("yesterday")),
        ("more", json!(true)),
        ("metadata", json!({})),
    ] {
        let mut bad = good.clone();
        bad[key] = wrong;
        assert!(
            !faults(&root, &root["$defs"]["LeaseStatus"], &bad, "$").is_empty(),
            "{key}"
        );
    }
    // Those that other clients leave.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/leases/found");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let items: Vec<Value> = files
        .map(|file| {
            let text = std::fs::read_to_string(file.expect("a file").path());
            serde_json::from_str(&text.expect("it can be read")).expect("JSON")
        })
        .collect();
    let proxy = Proxy::to(ns.cluster());
    let list =
        json!({ "kind": "LeaseList", "metadata": { "resourceVersion": "7" }, "items": items });
    let answer = Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: list.to_string(),
    };
    proxy.fault(Match::get().path("/leases"), answer, 1);
    let command = ns.command(&user, ["status", "-A", "-o", "json"]);
    let list = command.via(&proxy).run().stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(items.len()));
    fits("LeaseStatusList", &list);
}
