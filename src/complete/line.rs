//! What the last word of a command line begins, after what those before it said.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::usage::typed::{Typed, long, short};

/// A command line whose last word is not finished.
pub struct Line<'a> {
    /// What the words before the last one say.
    pub typed: Typed<'a>,
    /// What the last word begins.
    pub wanted: Wanted<'a>,
}

/// What the last word begins.
pub enum Wanted<'a> {
    /// A subcommand, or the next argument by position.
    Word {
        /// What is typed of it.
        typed: String,
        /// The argument that stands at this position, if there is one.
        argument: Option<&'a Arg>,
    },
    /// The name of a flag, its dashes included.
    Flag(String),
    /// The value of a flag.
    Value {
        /// The flag.
        flag: &'a Arg,
        /// What has to stay before the value in the same word: `-o` of `-ojson`. A shell takes `--flag=` off itself.
        before: String,
        /// What is typed of the value.
        typed: String,
    },
    /// A word of another command, after `--`.
    Foreign,
}

impl<'a> Line<'a> {
    /// Reads `words`; without any, the first one is about to begin. `root` must have been built.
    ///
    /// # Errors
    /// Where a word before the last one is wrong.
    pub fn read(root: &'a Command, words: &'a [OsString]) -> Result<Self, String> {
        let (last, before) = match words.split_last() {
            Some((last, before)) => (last.to_string_lossy(), before),
            None => ("".into(), words),
        };
        let end = before.iter().position(|word| word == "--");
        let (ours, others) = before.split_at(end.unwrap_or(before.len()));
        let mut typed = Typed::read(root, ours)?;
        // Behind `--` there are no flags, and what is no other command's is an argument by position.
        others.iter().skip(1).for_each(|word| typed.position(word));
        let wanted = match end {
            _ if typed.pending.is_some() => wanted(&mut typed, &last),
            Some(_) if typed.command.get_positionals().any(Arg::is_last_set) => Wanted::Foreign,
            Some(_) => word(&typed, &last),
            None => wanted(&mut typed, &last),
        };
        Ok(Self { typed, wanted })
    }

    /// Whether `argument` may still be given: not twice, and not beside one that excludes it.
    pub fn admits(&self, argument: &Arg) -> bool {
        let command = self.typed.command;
        let excludes = |one: &Arg, other: &Arg| {
            let conflicts = command.get_arg_conflicts_with(one);
            conflicts.iter().any(|arg| arg.get_id() == other.get_id())
        };
        self.typed.given.iter().all(|(given, _)| {
            if given.get_id() == argument.get_id() {
                return matches!(argument.get_action(), ArgAction::Append | ArgAction::Count);
            }
            // A flag of the parent has no conflicts below it.
            let mut all = command.get_arguments();
            let here = all.any(|arg| arg.get_id() == given.get_id());
            !here || !(excludes(argument, given) || excludes(given, argument))
        })
    }
}

fn wanted<'a>(before: &mut Typed<'a>, last: &str) -> Wanted<'a> {
    let value = |flag, before: &str, typed: &str| Wanted::Value {
        flag,
        before: before.to_owned(),
        typed: typed.to_owned(),
    };
    if let Some(flag) = before.pending {
        return value(flag, "", last);
    }
    if let Some(word) = last.strip_prefix("--") {
        let flag = word.split_once('=');
        let flag = flag.and_then(|(name, typed)| Some((long(before.command, name)?, typed)));
        return flag.map_or_else(
            || Wanted::Flag(last.to_owned()),
            |(flag, typed)| value(flag, "", typed),
        );
    }
    let Some(cluster) = last.strip_prefix('-') else {
        return word(before, last);
    };
    for (at, letter) in cluster.char_indices() {
        let Some(flag) = short(before.command, letter) else {
            break;
        };
        if flag.get_action().takes_values() {
            let (flags, typed) = last.split_at(1 + at + letter.len_utf8());
            return match typed.strip_prefix('=') {
                // The shell takes it off, as `--output=`.
                Some(typed) => value(flag, "", typed),
                None => value(flag, flags, typed),
            };
        }
        before.given.push((flag, None));
    }
    Wanted::Flag(last.to_owned())
}

fn word<'a>(before: &Typed<'a>, last: &str) -> Wanted<'a> {
    Wanted::Word {
        typed: last.to_owned(),
        argument: before.positional(),
    }
}
