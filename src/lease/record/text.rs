//! Text as it stands in an answer, and what counts as absent.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Deserializer};

/// Text that stays where the answer has it, unless it has escapes. (An `Option<Cow>` would be copied.)
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What is null is not there.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// What is empty is not there.
pub(super) fn filled<'t>(from: &'t Option<Text<'_>>) -> Option<&'t str> {
    from.as_deref().filter(|text| !text.is_empty())
}
