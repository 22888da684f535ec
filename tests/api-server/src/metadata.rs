//! The names that the API refuses, and those that it makes.

use serde_json::Value;

use crate::{names, status::Cause, uid};

pub(crate) const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Everything wrong with the metadata of a new or changed object.
pub(crate) fn check(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let prefix = metadata["generateName"].as_str().unwrap_or_default();
    if !prefix.is_empty() && !is_subdomain(prefix.strip_suffix('-').unwrap_or(prefix)) {
        let field = "metadata.generateName";
        causes.push(Cause::invalid(field, &metadata["generateName"], SUBDOMAIN));
    }
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
    causes.extend(names::check(metadata));
    causes
}

/// Gives an object without a name one that begins with its `generateName`.
pub(crate) fn name(metadata: &mut Value) {
    let text = |field: &str| metadata[field].as_str().filter(|text| !text.is_empty());
    if let (None, Some(prefix)) = (text("name"), text("generateName")) {
        metadata["name"] = format!("{prefix}{}", uid::suffix()).into();
    }
}

pub(crate) fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = label.as_bytes();
        bytes.first().is_some_and(|byte| inner(*byte))
            && bytes.last().is_some_and(|byte| inner(*byte))
            && bytes.iter().all(|byte| inner(*byte) || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
