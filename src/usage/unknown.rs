//! What was meant by a subcommand, a flag or a word that is not expected.

use std::ffi::OsString;

use clap::{Arg, Command};
use strsim::{jaro, normalized_damerau_levenshtein};

use super::typed::{Typed, long, short};
use crate::lease::values::{LeaseName, is_lease};
use crate::words::pasted;

/// Below this two words have little in common.
const NEAR: f64 = 0.7;

/// What kubectl, flock and others call it, and what it is here.
const ELSEWHERE: [(&[&str], &str); 10] = [
    (
        &[
            "get", "list", "ls", "describe", "show", "info", "lease", "leases",
        ],
        "kubectl lease status",
    ),
    (&["watch", "follow"], "kubectl lease status -w"),
    (&["lock", "take", "wait"], "kubectl lease acquire"),
    (&["run", "exec", "with", "flock"], "kubectl lease hold"),
    (&["unlock", "free", "drop"], "kubectl lease release"),
    (
        &["takeover", "force", "seize", "break"],
        "kubectl lease steal",
    ),
    (&["extend", "keep", "refresh"], "kubectl lease renew"),
    (&["new", "add", "apply"], "kubectl lease create"),
    (&["delete", "remove", "rm"], "kubectl delete lease"),
    (&["docs", "concepts"], "kubectl lease explain"),
];

/// The names of our subcommands that help shows; clap's own is `help`.
pub fn subcommands(root: &Command) -> Vec<&str> {
    let shown = root.get_subcommands().filter(|it| !it.is_hide_set());
    let names = shown.map(Command::get_name);
    names.filter(|name| *name != "help").collect()
}

/// What to say after a word that is no subcommand: the one it is like, or where a lease's name goes; empty if nothing
/// comes to mind.
pub fn subcommand(root: &Command, word: &str) -> String {
    let elsewhere = ELSEWHERE.iter().find(|(words, _)| words.contains(&word));
    if let Some((_, here)) = elsewhere {
        return format!(": use {here}");
    }
    match nearest(word, subcommands(root), normalized_damerau_levenshtein) {
        Some(name) => format!(": did you mean {name}?"),
        None if word.parse::<LeaseName>().is_ok() => {
            format!(": a lease's name goes after a subcommand, as in kubectl lease status {word}")
        }
        None => String::new(),
    }
}

/// The name that `word` begins, or is most like.
fn nearest<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
    likeness: impl Fn(&str, &str) -> f64,
) -> Option<&'a str> {
    /// Nothing here has so long a name, and to compare two takes the product of their lengths, in memory too.
    const LONGEST: usize = 256;
    let likeness = |name: &str| match word.len() {
        3.. if name.starts_with(word) => 1.0,
        ..=LONGEST => likeness(word, name),
        _ => 0.0,
    };
    let all = names.into_iter().map(|name| (likeness(name), name));
    let near = all.filter(|(likeness, _)| *likeness >= NEAR);
    let nearest = near.max_by(|(one, _), (other, _)| one.total_cmp(other));
    nearest.map(|(_, name)| name)
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
            // Of those that have it, the one that only looks.
            let looks = having.iter().find(|name| **name == "status");
            let first = looks.unwrap_or(first);
            format!(": it goes after the subcommand, as in: {first} {word}")
        }
        [only] => format!(" of {here}: {only} has it"),
        [all @ .., last] => {
            format!(" of {here}: {} and {last} have it", all.join(", "))
        }
        [] => {
            let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
            let both = |one: &str, other: &str| {
                normalized_damerau_levenshtein(one, other).max(jaro(one, other) - 0.1)
            };
            // A letter is like any other.
            let word = word.strip_prefix("--").unwrap_or_default();
            let meant = nearest(word, shown.filter_map(Arg::get_long), both);
            meant.map_or_else(String::new, |name| format!(": did you mean --{name}?"))
        }
    };
    format!("error: unknown flag '{word}'{what} (see --help)")
}

/// What to say where the first of several names is kubectl's word for the kind. A lease may have that name, so which of
/// both was meant is not guessed.
pub fn kind_before_names(typed: &Typed<'_>) -> Option<String> {
    let mut names = typed.values("name");
    let first = names.next().filter(|first| is_lease(first))?;
    let rest: Vec<&str> = names.collect();
    (!rest.is_empty()).then(|| kind_is_known(typed.command, first, &rest.join(" ")))
}

/// What to say where a word behind a lease's name can be no other lease's: a command that lacks its `--`.
pub fn command_among_names(typed: &Typed<'_>, words: &[OsString]) -> Option<String> {
    let subcommand = typed.command.get_name();
    let ended = words.iter().any(|word| word == "--");
    let names: Vec<&str> = typed.values("name").collect();
    let is_none = |word: &&str| word.parse::<LeaseName>().is_err();
    let at = 1 + names.get(1..)?.iter().position(is_none)?;
    // The program may be called as a lease may be: of `hold a sh -c x`, `-c` is what is none.
    let is_program = |number: &usize| which::which(names[*number]).is_ok();
    let (leases, command) = names.split_at((1..at).find(is_program).unwrap_or(at));
    let word = names[at];
    let how = match subcommand {
        "hold" if !ended => "a command goes after '--', as in",
        "acquire" => "to run a command with it",
        _ => return None,
    };
    Some(format!(
        "error: {word:?} is no lease's name: {how}: hold {} -- {}",
        all_pasted(leases),
        all_pasted(command)
    ))
}

fn all_pasted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| pasted(word)).collect();
    words.join(" ")
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
    let lease = pasted(first);
    let is_name = word.parse::<LeaseName>().is_ok();
    if is_lease(first) && is_name {
        return kind_is_known(typed.command, first, word);
    }
    let many = format!("error: {name} takes one lease, and {word:?} is a word too many");
    match name {
        _ if is_name => format!("{many}: do it once for each, as in: {name} {lease}"),
        _ => format!("{many} (see --help)"),
    }
}
