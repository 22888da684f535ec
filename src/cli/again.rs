//! What was typed of the subcommand, for hints that do the same once more.

/// A subcommand, and those of its flags that change what it does.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// Its name.
    pub subcommand: String,
    /// The flags, in the order of their help.
    pub flags: Vec<TypedFlag>,
}

/// A flag as it is typed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedFlag {
    /// Its name, without the hyphens.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// Whether a value is part of the same word.
    pub in_one_word: bool,
}
