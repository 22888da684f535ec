//! What to say of a flag that the subcommand does not have, and of a word too many.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::subcommand::NEAR;
use crate::complete::{command_of, values_of};
use crate::lease::values::{LeaseName, is_lease};
use crate::words::pasted;

/// The words that were typed, and the tree of commands, which is built.
pub struct Typed<'a> {
    root: &'a Command,
    command: &'a Command,
    ours: Vec<String>,
}

impl<'a> Typed<'a> {
    pub fn new(root: &'a Command, args: &[OsString]) -> Self {
        let ours = args.iter().skip(1).take_while(|arg| *arg != "--");
        let ours: Vec<String> = ours.map(|arg| arg.to_string_lossy().into_owned()).collect();
        let command = command_of(root, &ours);
        Self {
            root,
            command,
            ours,
        }
    }

    /// Whether the subcommand has the argument of this id.
    pub fn may_have(&self, id: &str) -> bool {
        self.command.get_arguments().any(|arg| arg.get_id() == id)
    }

    /// What `word` is that clap does not expect.
    pub fn unexpected(&self, word: &str) -> String {
        let is = |typed: &String| typed == word || typed.starts_with(&format!("{word}="));
        let is_short = || !word.starts_with("--");
        match word.starts_with('-') && (is_short() || self.ours.iter().any(is)) {
            true => self.flag(word),
            false => self.word(word),
        }
    }

    fn flag(&self, word: &str) -> String {
        let is = |arg: &Arg| match word.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => arg
                .get_short()
                .is_some_and(|short| word == format!("-{short}")),
        };
        let all = self.root.get_subcommands().filter(|one| !one.is_hide_set());
        let having = all.filter(|one| one.get_arguments().any(is));
        let having: Vec<&str> = having.map(Command::get_name).collect();
        let here = self.command.get_name();
        let what = match having.as_slice() {
            // Known further down, so it was typed too early.
            [_, ..] if having.contains(&here) => {
                format!(": it goes after the subcommand, as in: {here} {word}")
            }
            [first, ..] if here == self.root.get_name() => {
                format!(": it goes after the subcommand, as in: {first} {word}")
            }
            [only] => format!(" of {here}: {only} has it"),
            [all @ .., last] => {
                format!(" of {here}: {} and {last} have it", all.join(", "))
            }
            [] => self.nearest(word),
        };
        format!("error: unknown flag '{word}'{what} (see --help)")
    }

    fn nearest(&self, word: &str) -> String {
        let Some(word) = word.strip_prefix("--") else {
            return String::new();
        };
        let shown = self
            .command
            .get_arguments()
            .filter(|arg| !arg.is_hide_set());
        let likeness = |name: &str| match word.len() >= 3 && name.starts_with(word) {
            true => 1.0,
            false => strsim::normalized_damerau_levenshtein(word, name)
                .max(strsim::jaro(word, name) - 0.1),
        };
        let near = shown
            .filter_map(Arg::get_long)
            .map(|name| (likeness(name), name))
            .filter(|(likeness, _)| *likeness >= NEAR)
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        near.map_or_else(String::new, |(_, name)| format!(": did you mean --{name}?"))
    }

    /// What stands where the lease's name goes.
    fn names(&self) -> Vec<String> {
        values_of(self.root, &self.ours, "name")
    }

    /// What to say where the first of several names is kubectl's word for the kind. A lease may have that name, so which of
    /// both was meant is not guessed.
    pub fn kind_before_names(&self) -> Option<String> {
        let names = self.names();
        let (first, rest) = names.split_first()?;
        let is = is_lease(first) && !rest.is_empty();
        is.then(|| self.kind_is_known(first, rest))
    }

    fn kind_is_known(&self, kind: &str, names: &[String]) -> String {
        let (command, names) = (self.command.get_name(), names.join(" "));
        format!(
            "error: {kind:?} is what kubectl calls the kind; here the name is enough, as in: {command} {names} (a lease of that name is lease/{kind})"
        )
    }

    fn word(&self, word: &str) -> String {
        let name = self.command.get_name();
        let takes_a_lease = self.may_have("name");
        let Some(first) = self.names().into_iter().next().filter(|_| takes_a_lease) else {
            return format!("error: unexpected argument {word:?} (see --help)");
        };
        let (lease, other) = (pasted(&first), pasted(word));
        let is_name = word.parse::<LeaseName>().is_ok();
        if is_lease(&first) && is_name {
            return self.kind_is_known(&first, &[word.to_owned()]);
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
}
