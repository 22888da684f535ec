//! One object as JSON or YAML, laid out as kubectl lays it out.

use std::fmt::Write;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::words::safe;
use super::yaml;
use crate::cli::{DocumentFormat, GrantFormat, ObjectFormat};
use crate::error::Error;
use crate::lease::record::Record;

/// `lease.coordination.k8s.io/NAME`, as kubectl names an object.
pub fn object_name(name: &str) -> String {
    format!("lease.coordination.k8s.io/{name}")
}

/// A document in the format asked for, with a final newline.
///
/// # Errors
/// When it cannot be written down.
pub fn text(document: &impl Serialize, format: DocumentFormat) -> Result<String, Error> {
    match format {
        DocumentFormat::Json => {
            let mut bytes = Vec::new();
            let mut serializer =
                Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
            document
                .serialize(&mut serializer)
                .map_err(|error| Error::Local(error.to_string()))?;
            bytes.push(b'\n');
            String::from_utf8(bytes)
                .map(escaped)
                .map_err(|error| Error::Local(error.to_string()))
        }
        DocumentFormat::Yaml => yaml::text(document).map_err(Error::Local),
    }
}

/// The same JSON with every character escaped that could change a terminal's state: they stand in strings only.
pub fn escaped(json: String) -> String {
    if json.chars().all(safe) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if safe(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// What to print after something was done to a Lease: the sentence, or the object in the format asked for.
///
/// # Errors
/// When it cannot be written down.
pub fn done(record: &Record, verb: &str, format: Option<ObjectFormat>) -> Result<String, Error> {
    let name = object_name(record.name());
    match format {
        None => Ok(format!("{name} {verb}\n")),
        Some(ObjectFormat::Name) => Ok(format!("{name}\n")),
        Some(ObjectFormat::Json) => text(record.as_json(), DocumentFormat::Json),
        Some(ObjectFormat::Yaml) => text(record.as_json(), DocumentFormat::Yaml),
    }
}

impl From<GrantFormat> for Option<ObjectFormat> {
    fn from(format: GrantFormat) -> Self {
        match format {
            GrantFormat::Name => Some(ObjectFormat::Name),
            GrantFormat::Json => Some(ObjectFormat::Json),
            GrantFormat::Yaml => Some(ObjectFormat::Yaml),
            GrantFormat::Env => None,
        }
    }
}
