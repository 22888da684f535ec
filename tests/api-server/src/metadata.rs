//! What the API refuses in an object's `metadata`: names, labels, annotations, and changes to what cannot change.

use serde_json::Value;

use crate::status::Cause;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
    an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
    validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
/// All annotations of an object together, in bytes.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Everything wrong with the metadata of a new or changed object.
pub(crate) fn check(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = metadata["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if name.len() > 253 {
        causes.push(Cause::invalid(
            "metadata.name",
            &metadata["name"],
            "must be no more than 253 characters",
        ));
    } else if !is_subdomain(name) {
        causes.push(Cause::invalid(
            "metadata.name",
            &metadata["name"],
            SUBDOMAIN,
        ));
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        qualified_name(key, "metadata.labels", &mut causes);
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(
                "metadata.labels",
                value,
                "must be no more than 63 characters",
            ));
        }
        if !text.is_empty() && !is_name_part(text) {
            causes.push(Cause::invalid("metadata.labels", value, LABEL_VALUE));
        }
    }
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        qualified_name(&key.to_lowercase(), "metadata.annotations", &mut causes);
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_LIMIT {
        let message = format!("Too long: must have at most {ANNOTATIONS_LIMIT} bytes");
        causes.push(Cause {
            field: "metadata.annotations".into(),
            reason: "FieldValueTooLong",
            message,
        });
    }
    for finalizer in metadata["finalizers"].as_array().into_iter().flatten() {
        if !finalizer.as_str().unwrap_or_default().contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid("metadata.finalizers[0]", finalizer, why));
        }
    }
    causes
}

/// What is wrong with a change of these fields of an existing object.
pub(crate) fn check_change(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if old["uid"] != new["uid"] {
        causes.push(Cause::invalid(
            "metadata.uid",
            &new["uid"],
            "field is immutable",
        ));
    }
    let list = |metadata: &Value| {
        metadata["finalizers"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let had = list(old);
    let added: Vec<String> = list(new)
        .iter()
        .filter(|finalizer| !had.contains(finalizer))
        .map(Value::to_string)
        .collect();
    if !old["deletionTimestamp"].is_null() && !added.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        );
        causes.push(Cause::forbidden("metadata.finalizers", &why));
    }
    causes
}

/// `prefix/name` or `name`, as label and annotation keys are.
fn qualified_name(key: &str, field: &str, causes: &mut Vec<Cause>) {
    let value = Value::from(key);
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    match prefix {
        Some("") => causes.push(Cause::invalid(
            field,
            &value,
            "prefix part must be non-empty",
        )),
        Some(prefix) if !is_subdomain(prefix) => {
            causes.push(Cause::invalid(
                field,
                &value,
                format!("prefix part {SUBDOMAIN}"),
            ));
        }
        Some(_) | None => {}
    }
    if name.is_empty() {
        causes.push(Cause::invalid(field, &value, "name part must be non-empty"));
    } else if name.len() > 63 {
        causes.push(Cause::invalid(
            field,
            &value,
            "name part must be no more than 63 characters",
        ));
    }
    if !is_name_part(name) {
        causes.push(Cause::invalid(field, &value, NAME_PART));
    }
}

fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = label.as_bytes();
        bytes.first().is_some_and(|byte| inner(*byte))
            && bytes.last().is_some_and(|byte| inner(*byte))
            && bytes.iter().all(|byte| inner(*byte) || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn is_name_part(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
