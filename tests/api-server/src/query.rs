//! Query strings: decoded pairs, and the parameters that the API gives a meaning.

use crate::status::{Cause, Status};

/// The decoded parameters of a request, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true), percent_decode(value, true))
        });
        Self(pairs.collect())
    }

    /// The first value of this parameter, if it is there.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The value, or "" where the parameter is absent.
    pub fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    /// A flag as the API reads it: anything but `false`, `0` and absence is true (`watch=foo` watches, seen on 1.20).
    pub fn flag(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| !matches!(value, "false" | "0"))
    }

    pub fn number(&self, key: &str) -> Result<Option<u64>, Status> {
        match self.get(key).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => match value.parse::<i64>() {
                Ok(number) => Ok(Some(u64::try_from(number).unwrap_or(0))),
                Err(_) => Err(Status::bad_request(format!(
                    "strconv.ParseInt: parsing \"{value}\": invalid syntax"
                ))),
            },
        }
    }

    /// `resourceVersion` of a read: absent and "" are `None`.
    pub fn resource_version(&self) -> Result<Option<u64>, Status> {
        match self.get("resourceVersion").filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => value.parse().map(Some).map_err(|_| {
                Status::internal(format!(
                    "resourceVersion: Invalid value: \"{value}\": strconv.ParseUint: parsing \"{value}\": invalid syntax"
                ))
            }),
        }
    }

    /// Whether a write is to be tried only. `options` names the kind of options in the error.
    pub fn dry_run(&self, options: &str) -> Result<bool, Status> {
        let Some(value) = self.get("dryRun") else {
            return Ok(false);
        };
        // It is the only dry run there is.
        if value == "All" {
            return Ok(true);
        }
        let message =
            format!("Unsupported value: []string{{\"{value}\"}}: supported values: \"All\"");
        Err(Status::invalid_options(
            options,
            Cause {
                field: "dryRun".into(),
                reason: "FieldValueNotSupported",
                message,
            },
        ))
    }
}

/// Undoes percent-encoding; in queries `+` is a space.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (value, length) = match (byte, escaped) {
            (b'%', Some(value)) => (value, 3),
            (b'+', _) if plus_is_space => (b' ', 1),
            _ => (byte, 1),
        };
        decoded.push(value);
        at += length;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
