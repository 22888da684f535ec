//! The one place that knows the YAML library. serde_yaml is no longer maintained; to replace it, replace this file.

use serde::Serialize;

/// A document as YAML.
///
/// # Errors
/// When the document has something YAML cannot say; a JSON value never has.
pub fn text(document: &impl Serialize) -> Result<String, String> {
    serde_yaml::to_string(document).map_err(|error| error.to_string())
}
