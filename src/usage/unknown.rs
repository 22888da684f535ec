//! What to say of a flag that the subcommand does not have, and of a word too many.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::subcommand::NEAR;
use super::typed::{Typed, long, short};
use crate::lease::values::{LeaseName, is_lease};
use crate::words::pasted;

/// Whether the subcommand has the argument of this id.
pub fn may_have(typed: &Typed<'_>, id: &str) -> bool {
    typed.command.get_arguments().any(|arg| arg.get_id() == id)
}

/// What `word` is that clap does not expect among `words`.
pub fn line(root: &Command, typed: &Typed<'_>, words: &[OsString], word: &str) -> String {
    let mut ours = words.iter().take_while(|word| *word != "--");
    let is = |typed: &OsString| {
        let rest = typed.to_str().and_then(|typed| typed.strip_prefix(word));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    match word.starts_with('-') && (!word.starts_with("--") || ours.any(is)) {
        true => flag(root, typed.command, word),
        false => too_many(typed, word),
    }
}

fn flag(root: &Command, command: &Command, word: &str) -> String {
    let all = root.get_subcommands().filter(|one| !one.is_hide_set());
    let having = all.filter(|one| match word.strip_prefix("--") {
        Some(name) => long(one, name).is_some(),
        None => (word.chars().nth(1)).is_some_and(|letter| short(one, letter).is_some()),
    });
    let having: Vec<&str> = having.map(Command::get_name).collect();
    let here = command.get_name();
    let what = match having.as_slice() {
        // Known further down, so it was typed too early.
        [_, ..] if having.contains(&here) => {
            format!(": it goes after the subcommand, as in: {here} {word}")
        }
        [first, ..] if here == root.get_name() => {
            format!(": it goes after the subcommand, as in: {first} {word}")
        }
        [only] => format!(" of {here}: {only} has it"),
        [all @ .., last] => {
            format!(" of {here}: {} and {last} have it", all.join(", "))
        }
        [] => nearest(command, word),
    };
    format!("error: unknown flag '{word}'{what} (see --help)")
}

fn nearest(command: &Command, word: &str) -> String {
    let Some(word) = word.strip_prefix("--") else {
        return String::new();
    };
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let likeness = |name: &str| match word.len() >= 3 && name.starts_with(word) {
        true => 1.0,
        false => {
            strsim::normalized_damerau_levenshtein(word, name).max(strsim::jaro(word, name) - 0.1)
        }
    };
    let near = shown
        .filter_map(Arg::get_long)
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    near.map_or_else(String::new, |(_, name)| format!(": did you mean --{name}?"))
}

/// What to say where the first of several names is kubectl's word for the kind. A lease may have that name, so which of
/// both was meant is not guessed.
pub fn kind_before_names(typed: &Typed<'_>) -> Option<String> {
    let mut names = typed.values("name");
    let first = names.next().filter(|first| is_lease(first))?;
    let rest: Vec<&str> = names.collect();
    (!rest.is_empty()).then(|| kind_is_known(typed.command, first, &rest.join(" ")))
}

fn kind_is_known(command: &Command, kind: &str, names: &str) -> String {
    let command = command.get_name();
    format!(
        "error: {kind:?} is what kubectl calls the kind; here the name is enough, as in: {command} {names} (a lease of that name is lease/{kind})"
    )
}

fn too_many(typed: &Typed<'_>, word: &str) -> String {
    let name = typed.command.get_name();
    let Some(first) = typed.values("name").next() else {
        return format!("error: unexpected argument {word:?} (see --help)");
    };
    let (lease, other) = (pasted(first), pasted(word));
    let is_name = word.parse::<LeaseName>().is_ok();
    if is_lease(first) && is_name {
        return kind_is_known(typed.command, first, word);
    }
    let many = format!("error: {name} takes one lease, and {word:?} is a word too many");
    match name {
        "hold" => format!("{many}: a command goes after '--', as in: hold {lease} -- {other}"),
        "acquire" if !is_name => {
            format!("{many}: to run a command with it: hold {lease} -- {other}")
        }
        _ if is_name => format!("{many}: do it once for each, as in: {name} {lease}"),
        _ => format!("{many} (see --help)"),
    }
}
