//! Documents against a JSON Schema, by the keywords that the schemas in `docs` use.

use serde_json::Value;

/// What is wrong with a value, by JSON Schema 2020-12 as far as the schema uses it; an unknown keyword is wrong too. A
/// library for it brings 35 packages, one of them under a licence that nothing else here has.
pub fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
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
        "boolean" => value.is_boolean(),
        other => panic!("no such type: {other}"),
    }
}
