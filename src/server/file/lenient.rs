//! A kubeconfig as Go reads one, where kube's types are stricter: of two keys of one name the last, `null` for nothing, and
//! entries that say little.

use kube::config::Kubeconfig;
use serde_json::{Map, Value, json};
use serde_saphyr::DuplicateKeyPolicy;

use crate::server::yaml::options;

/// What each document says; `None` where Go would not read it either.
pub fn read(text: &str) -> Option<Vec<Kubeconfig>> {
    let options = options(DuplicateKeyPolicy::LastWins);
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).ok()?;
    let config = |mut document: Value| {
        forget_nulls(&mut document);
        complete(document.as_object_mut()?);
        serde_json::from_value(document).ok()
    };
    documents.into_iter().map(config).collect()
}

/// Go leaves a field as it is where it reads `null`. In a list the entry stays, and is an empty one.
fn forget_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(forget_nulls);
        }
        Value::Array(entries) => entries.iter_mut().for_each(forget_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Gives the fields that kube's types have to have the empty text that they have in Go.
fn complete(config: &mut Map<String, Value>) {
    for (list, body, text) in [
        ("clusters", "cluster", None),
        ("users", "user", None),
        ("contexts", "context", Some("cluster")),
    ] {
        let entries = config.get_mut(list).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            if entry.is_null() {
                *entry = json!({});
            }
            let Some(entry) = entry.as_object_mut() else {
                continue;
            };
            entry.entry("name").or_insert_with(|| json!(""));
            let body = entry.get_mut(body).and_then(Value::as_object_mut);
            if let (Some(body), Some(text)) = (body, text) {
                body.entry(text).or_insert_with(|| json!(""));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<Value> {
        let config = read(text)?.into_iter().next()?;
        serde_json::to_value(config).ok()
    }

    #[test]
    fn of_two_keys_of_one_name_the_last_counts() {
        let text = "current-context: a\nusers:\n- name: u\n  user:\n    token: a\n    token: b\nusers:\n- name: v\n  user: { token: c, token: d }\ncurrent-context: b\n";
        let config = told(text).expect("it is one");
        assert_eq!(config["current-context"], "b");
        let users = json!([{ "name": "v", "user": { "token": "d" } }]);
        assert_eq!(config["users"], users);
    }

    #[test]
    fn what_is_null_or_nameless_is_nothing() {
        let nameless = json!([{ "name": "" }]);
        let served = json!([{ "name": "", "cluster": { "server": "s" } }]);
        let context = json!([{ "name": "c", "context": { "user": "u", "cluster": "" } }]);
        let exec = json!({ "command": "x", "args": [], "provideClusterInfo": false });
        let exec = json!([{ "name": "u", "user": { "exec": exec } }]);
        for (text, wanted) in [
            (
                "users:\n-\n- name: u\n",
                json!([{ "name": "" }, { "name": "u" }]),
            ),
            ("clusters: [{ name: , cluster: }]", nameless),
            ("clusters: [{ cluster: { server: s } }]", served),
            ("users:", json!([])),
            (
                "contexts: [{ name: c, context: { user: u, cluster: } }]",
                context,
            ),
            (
                "users: [{ name: u, user: { exec: { command: x, provideClusterInfo: , args: [ ] } } }]",
                exec,
            ),
        ] {
            let list = text.split(':').next().unwrap_or_default();
            let config = told(text).unwrap_or_else(|| panic!("it is one: {text}"));
            assert_eq!(config[list], wanted, "{text}");
        }
    }

    #[test]
    fn what_go_does_not_read_is_none() {
        for text in ["users: x", "users: [x]", "[", "x", "users:\n- name: [u]\n"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
