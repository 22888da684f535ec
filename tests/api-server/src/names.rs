//! Qualified names: the keys of labels and annotations, and the values of labels.

use serde_json::Value;

use crate::{metadata, status::Cause};

const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
    must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
    validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Everything wrong with a qualified name: `name` or `prefix.example/name`.
pub(crate) fn qualified(field: &str, text: &str) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if prefix == Some("") {
        wrong.push("prefix part must be non-empty".to_owned());
    } else if prefix.is_some_and(|prefix| !metadata::is_subdomain(prefix)) {
        wrong.push(format!("prefix part {}", metadata::SUBDOMAIN));
    }
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 characters".to_owned());
    }
    if !is_name_part(name) {
        wrong.push(NAME_PART.to_owned());
    }
    let cause = |why| Cause::invalid(field, &Value::from(text), why);
    wrong.into_iter().map(cause).collect()
}

/// Everything wrong with the labels and annotations of an object.
pub(crate) fn check(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let pairs = |field: &str| metadata[field].as_object().cloned().unwrap_or_default();
    for (key, value) in pairs("labels") {
        causes.extend(qualified("metadata.labels", &key));
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            let why = "must be no more than 63 characters";
            causes.push(Cause::invalid("metadata.labels", &value, why));
        }
        if !text.is_empty() && !is_name_part(text) {
            causes.push(Cause::invalid("metadata.labels", &value, LABEL_VALUE));
        }
    }
    for key in pairs("annotations").keys() {
        causes.extend(qualified("metadata.annotations", &key.to_lowercase()));
    }
    causes
}

fn is_name_part(text: &str) -> bool {
    let good = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    good(bytes.first())
        && good(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
