//! The documents that `status` prints satisfy docs/status.schema.json, checked by the keywords that schema uses.

use crate::support::{SOON, free, fresh, held};
use lease_harness::lease;
use serde_json::{Value, json};

fn schema() -> Value {
    let text = include_str!("../../docs/status.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

/// What is wrong with a value, by JSON Schema 2020-12 as far as the schema uses it; an unknown keyword is wrong too.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let fault = |what: String| vec![format!("{at}: {what}: {value}")];
    let keys = |value: &Value| -> Vec<String> {
        value
            .as_object()
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default()
    };
    for keyword in keys(schema) {
        let rule = &schema[&keyword];
        match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let path = rule
                    .as_str()
                    .and_then(|text| text.strip_prefix('#'))
                    .expect("a local reference");
                let target = root
                    .pointer(path)
                    .unwrap_or_else(|| panic!("{path} is not defined"));
                faults.extend(self::faults(root, target, value, at));
                return faults;
            }
            "oneOf" => {
                let all = rule.as_array().expect("alternatives");
                let fitting = all
                    .iter()
                    .filter(|one| self::faults(root, one, value, at).is_empty());
                let count = fitting.count();
                if count != 1 {
                    faults.extend(fault(format!("fits {count} of {} alternatives", all.len())));
                }
            }
            "type" => {
                let known = rule
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![rule.clone()]);
                if !known
                    .iter()
                    .filter_map(Value::as_str)
                    .any(|name| is(value, name))
                {
                    faults.extend(fault(format!("is not {rule}")));
                }
            }
            "const" if rule == value => {}
            "enum" if rule.as_array().is_some_and(|all| all.contains(value)) => {}
            "const" | "enum" => faults.extend(fault(format!("is not of {rule}"))),
            "minimum" | "maximum" => {
                let (number, bound) = (value.as_i64(), rule.as_i64().expect("a bound"));
                let outside = |number| {
                    if keyword == "minimum" {
                        number < bound
                    } else {
                        number > bound
                    }
                };
                if number.is_some_and(outside) {
                    faults.extend(fault(format!("{keyword} is {rule}")));
                }
            }
            "format" => {
                let time = value
                    .as_str()
                    .is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok());
                if rule != "date-time" || !time {
                    faults.extend(fault(format!("is no {rule}")));
                }
            }
            "required" => {
                for key in rule
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    if value.get(key).is_none() {
                        faults.extend(fault(format!("{key} is missing")));
                    }
                }
            }
            "properties" => {
                for key in keys(rule) {
                    if let Some(inner) = value.get(&key) {
                        faults.extend(self::faults(
                            root,
                            &rule[&key],
                            inner,
                            &format!("{at}.{key}"),
                        ));
                    }
                }
                continue;
            }
            "additionalProperties" => {
                for key in keys(value) {
                    if schema["properties"].get(&key).is_none() {
                        faults.extend(fault(format!("{key} is not in the schema")));
                    }
                }
            }
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    faults.extend(self::faults(root, rule, inner, &format!("{at}[{index}]")));
                }
                continue;
            }
            other => panic!("the schema uses {other}, which this test does not know"),
        }
    }
    faults
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
}

#[test]
fn the_empty_list_fits_too() {
    let (ns, user) = fresh();
    let list = ns.run(&user, ["status", "-o", "json"]).stdout;
    fits(
        "LeaseStatusList",
        &serde_json::from_str(&list).expect("JSON"),
    );
}

#[test]
fn the_check_finds_what_is_wrong() {
    let (ns, user) = fresh();
    ns.create(&held("held", "x", 600));
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
}
