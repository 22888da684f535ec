//! The documents that `status` prints satisfy docs/status.schema.json, checked by the keywords that schema uses.

use crate::support::{SOON, free, fresh, held};
use lease_harness::{Fault, Match, Proxy, lease};
use serde_json::{Value, json};

fn schema() -> Value {
    let text = include_str!("../../docs/status.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

/// What is wrong with a value, by JSON Schema 2020-12 as far as the schema uses it; an unknown keyword is wrong too. A
/// library for it brings 35 packages, one of them under a licence that nothing else here has.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let texts = |list: &Value| -> Vec<String> {
        let all = list
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![list.clone()]);
        all.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let keys = |value: &Value| -> Vec<String> {
        let all = value.as_object().map(|map| map.keys().cloned().collect());
        all.unwrap_or_default()
    };
    let inside = |schema: &Value, value: &Value, at: String| faults(root, schema, value, &at);
    let number = value.as_i64();
    let broken = |(keyword, rule): (&String, &Value)| -> Vec<String> {
        let holds = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let path = rule.as_str().and_then(|text| text.strip_prefix('#'));
                let target = path.and_then(|path| root.pointer(path));
                return inside(target.expect("a definition"), value, at.to_owned());
            }
            "oneOf" => {
                let all = rule.as_array().expect("alternatives").iter();
                all.filter(|one| inside(one, value, at.to_owned()).is_empty())
                    .count()
                    == 1
            }
            "type" => texts(rule).iter().any(|name| is(value, name)),
            "const" => rule == value,
            "enum" => rule.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => number.is_none_or(|number| Some(number) >= rule.as_i64()),
            "maximum" => number.is_none_or(|number| Some(number) <= rule.as_i64()),
            "format" => {
                let time = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
                rule == "date-time" && value.as_str().is_none_or(time)
            }
            "required" => texts(rule).iter().all(|key| value.get(key).is_some()),
            "additionalProperties" => {
                let known = &schema["properties"];
                keys(value).iter().all(|key| known.get(key).is_some())
            }
            "properties" => {
                let present = keys(rule)
                    .into_iter()
                    .filter(|key| value.get(key).is_some());
                let each = |key: String| inside(&rule[&key], &value[&key], format!("{at}.{key}"));
                return present.flat_map(each).collect();
            }
            "items" => {
                let all = value.as_array().into_iter().flatten().enumerate();
                return all
                    .flat_map(|(n, one)| inside(rule, one, format!("{at}[{n}]")))
                    .collect();
            }
            other => panic!("the schema uses {other}, which this test does not know"),
        };
        let fault = || format!("{at}: not of {keyword} {rule}: {value}");
        (!holds).then(fault).into_iter().collect()
    };
    schema
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(broken)
        .collect()
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        other => panic!("no such type: {other}"),
    }
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
