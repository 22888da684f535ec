//! What was typed of a subcommand, for a hint that does the same once more: all its flags but those that are listed here, so
//! that no flag is forgotten.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

use crate::cli::{Again, SELECTING, TypedFlag};

/// What changes only what is printed, or was agreed to once; and the identity, which hints have by other means.
const NOT_AGAIN: [&str; 7] = [
    "holder",
    "unique",
    "yes",
    "output",
    "show_managed_fields",
    "template",
    "allow_missing_template_keys",
];

/// The flags that the command line has for its subcommand.
pub fn of(root: &clap::Command, matches: &ArgMatches) -> Again {
    let Some((name, given)) = matches.subcommand() else {
        return Again::default();
    };
    let command = root.find_subcommand(name);
    let all = command.into_iter().flat_map(clap::Command::get_arguments);
    let flags = all
        .filter(|arg| is_repeated(arg))
        .flat_map(|arg| typed(arg, given));
    Again {
        subcommand: name.to_owned(),
        flags: flags.collect(),
    }
}

fn is_repeated(arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    !(arg.is_global_set() || NOT_AGAIN.contains(&id) || SELECTING.contains(&id))
}

fn typed(arg: &Arg, given: &ArgMatches) -> Vec<TypedFlag> {
    let (Some(name), id) = (arg.get_long(), arg.get_id().as_str()) else {
        return Vec::new();
    };
    // What clap adds itself is no argument of ours.
    let source = given
        .try_contains_id(id)
        .ok()
        .and_then(|_| given.value_source(id));
    if source != Some(ValueSource::CommandLine) {
        return Vec::new();
    }
    let flag = |value| TypedFlag {
        name: name.to_owned(),
        value,
        in_one_word: arg.is_require_equals_set(),
    };
    if !arg.get_action().takes_values() {
        return vec![flag(None)];
    }
    let values = given.get_raw(id).into_iter().flatten();
    values
        .map(|value| flag(Some(value.to_string_lossy().into_owned())))
        .collect()
}

#[cfg(test)]
#[path = "again_tests.rs"]
mod tests;
