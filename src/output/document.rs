//! One object as JSON or YAML, laid out as kubectl lays it out.

use std::fmt::Write;
use std::ops::Deref;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Value, json};

use super::{Failure, terminal, yaml};
use crate::jsonpath;
use crate::jsonpath::Template;
use crate::lease::record::{Lease, hide_managed_fields};
use crate::output::format::{DocumentFormat, ObjectFormat, ValueFormat};
use crate::words::shown::{is_safe, judged};

/// The version of the documents that are of this tool's own.
pub const API_VERSION: &str = "kubectl-lease/v1";

/// `lease.coordination.k8s.io/NAME`, as kubectl names an object.
pub fn object_name(name: &str) -> String {
    format!("lease.coordination.k8s.io/{name}")
}

/// A document in the format asked for, with a final newline.
///
/// # Errors
/// When it cannot be written down.
pub fn text(document: &impl Serialize, format: DocumentFormat) -> Result<String, Failure> {
    match format {
        DocumentFormat::Json => json(document).map(escaped),
        DocumentFormat::Yaml => yaml::text(document).map_err(Failure::Unformatted),
    }
}

fn json(document: &impl Serialize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    document
        .serialize(&mut serializer)
        .map_err(|error| Failure::Unformatted(error.to_string()))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| Failure::Unformatted(error.to_string()))
}

/// The same JSON with every character escaped that could change a terminal's state: they stand in strings only.
pub fn escaped(json: String) -> String {
    if is_safe(&json) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for (c, may_be_shown) in judged(&json) {
        if may_be_shown || c == '\n' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// A document in the format asked for. A template's text ends as the template does.
///
/// # Errors
/// When it cannot be written down, or the template asks for what is out of range.
pub fn value(document: &Value, format: &ValueFormat) -> Result<String, Failure> {
    match format {
        ValueFormat::Document(format) => text(document, *format),
        ValueFormat::JsonPath(template) => template
            .render(document, terminal::is_there())
            .map_err(failed),
        ValueFormat::JsonPathAsJson(template) => as_json(document, template),
    }
}

fn as_json(document: &Value, template: &Template) -> Result<String, Failure> {
    let lists = template.lists(document).map_err(failed)?;
    let texts = lists
        .iter()
        .map(|list| json(list).map(jsonpath::json).map(escaped));
    texts.collect()
}

/// What a template or a column could not find out.
pub fn failed(why: String) -> Failure {
    Failure::Unformatted(format!("the template cannot be filled in: {why}"))
}

/// What to print after something was done to a Lease: the sentence, or the object in the format asked for.
///
/// # Errors
/// When it cannot be written down.
pub fn done(
    lease: &Lease,
    verb: &str,
    format: Option<&ObjectFormat>,
    managed_fields: bool,
) -> Result<String, Failure> {
    let name = object_name(lease.name());
    match format {
        None => Ok(format!("{name} {verb}\n")),
        Some(ObjectFormat::Name) => Ok(format!("{name}\n")),
        Some(ObjectFormat::Value(format)) => value(&object(lease, format, managed_fields), format),
    }
}

/// Several objects as kubectl prints those that were named: in a `List`.
///
/// # Errors
/// As [`value`].
pub fn list(
    records: &[impl Deref<Target = Lease>],
    format: &ValueFormat,
    managed_fields: bool,
) -> Result<String, Failure> {
    let items = records.iter();
    let items = items.map(|record| object(record, format, managed_fields));
    let list = json!({
        "apiVersion": "v1",
        "items": items.collect::<Vec<Value>>(),
        "kind": "List",
        "metadata": { "resourceVersion": "" },
    });
    value(&list, format)
}

fn object(lease: &Lease, format: &ValueFormat, managed_fields: bool) -> Value {
    let mut object = lease.as_json().clone();
    // As in kubectl, a template finds them in any case.
    if matches!(format, ValueFormat::Document(_)) && !managed_fields {
        hide_managed_fields(&mut object);
    }
    object
}
