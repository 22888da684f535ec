//! Under which name a write is noted in managedFields.

use std::fmt;
use std::str::FromStr;

use crate::lease::record::{CLOCK_MANAGER, FIELD_MANAGER};

/// A field manager: at most 128 bytes of printable characters, as the API server validates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager(String);

impl Manager {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, if it is not this program's own.
    pub fn named(&self) -> Option<&str> {
        Some(self.as_str()).filter(|name| *name != FIELD_MANAGER)
    }
}

impl Default for Manager {
    fn default() -> Self {
        Self(FIELD_MANAGER.to_owned())
    }
}

impl FromStr for Manager {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let printable = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
        if text == CLOCK_MANAGER {
            // It must own nothing: what it is stamped with is the time of now.
            Err("that name only asks for the server's time: nothing is stored under it".to_owned())
        } else if text.trim().is_empty() || text.len() > 128 || !text.chars().all(printable) {
            Err("a field manager is a name of at most 128 printable characters".to_owned())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_manager_is_what_an_api_server_takes_for_one() {
        let long = "x".repeat(128);
        for good in ["ci", "kubectl-lease", "my tool/v1", "ümlaut", &long] {
            assert!(good.parse::<Manager>().is_ok(), "{good}");
        }
        let longer = format!("{long}x");
        for bad in ["", " ", "a\nb", "a\u{202e}b", CLOCK_MANAGER, &longer] {
            assert!(bad.parse::<Manager>().is_err(), "{bad:?}");
        }
        assert_eq!(Manager::default().named(), None);
    }
}
