//! Arguments of `release` and `steal` that choose leases otherwise than by their names.

use clap::Args;

use super::status::StateArg;

/// The arguments of [`SelectionArgs`]: with one of them no name is needed, or possible.
pub const SELECTING: [&str; 5] = [
    "all_namespaces",
    "selector",
    "field_selector",
    "state",
    "held_by",
];

/// Which leases, where they are not named.
#[derive(Args, Debug, Default)]
pub struct SelectionArgs {
    /// Choose among the leases of all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Choose by labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Choose by fields (metadata.name, metadata.namespace)
    #[arg(long, value_name = "SELECTOR")]
    pub field_selector: Option<String>,
    /// Choose those in these states
    #[arg(
        long,
        value_enum,
        value_name = "STATE",
        value_delimiter = ',',
        ignore_case = true
    )]
    pub state: Vec<StateArg>,
    /// Choose those whose holder matches; * and ? as in a shell
    #[arg(long, value_name = "PATTERN")]
    pub held_by: Option<String>,
}

impl SelectionArgs {
    /// Whether leases are chosen by any of these.
    pub fn chooses(&self) -> bool {
        self.all_namespaces || self.narrows()
    }

    /// Whether not simply all of a namespace, or of the cluster, are meant.
    pub fn narrows(&self) -> bool {
        let texts = [&self.selector, &self.field_selector, &self.held_by];
        texts.iter().any(|text| text.is_some()) || !self.state.is_empty()
    }

    /// The flag that was given with nothing: a script's variable that is not set, and without it more would be chosen.
    pub fn empty(&self) -> Option<&'static str> {
        let texts = [
            ("--selector", &self.selector),
            ("--field-selector", &self.field_selector),
            ("--held-by", &self.held_by),
        ];
        let blank = |text: &Option<String>| text.as_ref().is_some_and(|it| it.trim().is_empty());
        let found = texts.into_iter().find(|(_, text)| blank(text));
        found.map(|(flag, _)| flag)
    }
}
