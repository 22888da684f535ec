//! The command line as kubectl's own parser (pflag) reads it along clap's command tree, put into words that clap takes:
//! levels of `-v`, `=true` and `=false` behind any switch, short flags in one word, and values that begin with a dash.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::cli::truth;

/// Of our flags, the one that has a level in kubectl.
const VERBOSE: &str = "verbose";

/// Those that choose what there is without them too: given with nothing, they choose that, as in kubectl.
const CHOOSING: [&str; 2] = ["output", "sort-by"];

/// What the words say before `--`; what comes after it is a command's.
pub struct Typed<'a> {
    /// The subcommand that they lead to.
    pub command: &'a Command,
    /// Every argument, with its value if it has one.
    pub given: Vec<(&'a Arg, Option<String>)>,
    /// The flag whose value would be the next word.
    pub pending: Option<&'a Arg>,
    /// How many words are neither a flag nor a subcommand.
    pub positions: usize,
    /// All the words for clap, a flag and its value in one, those after `--` included.
    pub words: Vec<OsString>,
}

impl<'a> Typed<'a> {
    /// Reads the words after the program's name. `root` must have been built.
    ///
    /// # Errors
    /// Names the flag whose value is missing or cannot be read.
    pub fn read(root: &'a Command, words: &'a [OsString]) -> Result<Self, String> {
        let end = words.iter().position(|word| word == "--");
        let (ours, others) = words.split_at(end.unwrap_or(words.len()));
        let mut reader = Reader {
            rest: ours,
            ended: end.is_some(),
            switches: Vec::new(),
            typed: Self {
                command: root,
                given: Vec::new(),
                pending: None,
                positions: 0,
                words: Vec::new(),
            },
        };
        while let Some(word) = reader.next() {
            let text = word.to_str().unwrap_or_default();
            if let Some(long) = text.strip_prefix("--") {
                reader.long(long)?;
            } else if text.len() > 1 && text.starts_with('-') {
                reader.shorts(&text[1..])?;
            } else {
                reader.word(word);
            }
        }
        let mut typed = reader.typed;
        // As in pflag, the last one counts.
        for (switch, _) in reader.switches.into_iter().filter(|(_, wanted)| *wanted) {
            let name = switch.get_long().unwrap_or_default();
            typed.words.push(format!("--{name}").into());
            typed.given.push((switch, None));
        }
        typed.words.extend_from_slice(others);
        Ok(typed)
    }

    /// What was given to the argument of this id, in its order.
    pub fn values(&self, id: &str) -> impl Iterator<Item = &str> {
        let given = self.given.iter().filter(move |(arg, _)| arg.get_id() == id);
        given.filter_map(|(_, value)| value.as_deref())
    }

    /// The argument that the next word would be, if it is neither a flag nor a subcommand.
    pub fn positional(&self) -> Option<&'a Arg> {
        let all = self.command.get_positionals();
        let all: Vec<&Arg> = all.filter(|arg| !arg.is_last_set()).collect();
        // The last one may be given time and again.
        let again = all
            .last()
            .filter(|last| matches!(last.get_action(), ArgAction::Append));
        all.get(self.positions).or(again).copied()
    }

    /// Counts a word that is neither a flag nor a subcommand.
    pub fn position(&mut self, word: &OsString) {
        if let Some(argument) = self.positional() {
            let value = word.to_string_lossy().into_owned();
            self.given.push((argument, Some(value)));
        }
        self.positions += 1;
    }
}

/// The flag that has this name behind its two dashes.
pub fn long<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let mut all = command.get_arguments();
    all.find(|arg| arg.get_long() == Some(name))
}

/// The flag that is this letter.
pub fn short(command: &Command, letter: char) -> Option<&Arg> {
    let mut all = command.get_arguments();
    all.find(|arg| arg.get_short() == Some(letter))
}

struct Reader<'a> {
    rest: &'a [OsString],
    /// Whether `--` follows the rest.
    ended: bool,
    /// The flags that are given or not, and which of both was said last.
    switches: Vec<(&'a Arg, bool)>,
    typed: Typed<'a>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a OsString> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn out(&mut self, word: impl Into<OsString>) {
        self.typed.words.push(word.into());
    }

    /// A subcommand, or an argument by position: behind one there is no subcommand any more.
    fn word(&mut self, word: &OsString) {
        let below = word
            .to_str()
            .filter(|_| self.typed.positions == 0)
            .and_then(|word| self.typed.command.find_subcommand(word));
        match below {
            Some(below) => self.typed.command = below,
            None => self.typed.position(word),
        }
        self.out(word);
    }

    /// `name`, or `name=value`.
    fn long(&mut self, word: &'a str) -> Result<(), String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let name = if name == "v" { VERBOSE } else { name };
        match long(self.typed.command, name) {
            Some(flag) => self.flag(flag, name, value)?,
            None => self.out(format!("--{word}")),
        }
        Ok(())
    }

    /// `a`, `abc`, `ab=value`, `nVALUE` or `n=VALUE`.
    fn shorts(&mut self, cluster: &'a str) -> Result<(), String> {
        let mut rest = cluster;
        while let Some(letter) = rest.chars().next() {
            let flag = short(self.typed.command, letter);
            let Some((flag, name)) = flag.and_then(|flag| Some((flag, flag.get_long()?))) else {
                self.out(format!("-{rest}"));
                return Ok(());
            };
            rest = &rest[letter.len_utf8()..];
            let value = rest.strip_prefix('=');
            // As `-v8`.
            let level = || Some(rest).filter(|rest| name == VERBOSE && is_level(rest));
            if let Some(value) = value.or_else(level) {
                return self.flag(flag, name, Some(value));
            }
            if name == "help" && value.is_none() {
                // The short one asks for less.
                self.typed.given.push((flag, None));
                self.out("-h");
                continue;
            }
            if flag.get_action().takes_values() {
                let value = Some(rest).filter(|rest| !rest.is_empty());
                return self.flag(flag, name, value);
            }
            // The level may be the next word only behind the last letter.
            match name == VERBOSE && !rest.is_empty() {
                true => self.switch(flag, true),
                false => self.flag(flag, name, None)?,
            }
        }
        Ok(())
    }

    fn flag(&mut self, flag: &'a Arg, name: &'a str, value: Option<&str>) -> Result<(), String> {
        match flag.get_action() {
            ArgAction::SetTrue if name == VERBOSE => {
                let level = value.or_else(|| self.level());
                let wanted =
                    level.map_or(Some(true), |level| traces(level).or_else(|| truth(level)));
                let why = "allowed: a level as in -v=8, true, false";
                self.switch(flag, wanted.ok_or_else(|| invalid(value, "-v", why))?);
            }
            ArgAction::SetTrue => {
                let wanted = value.map_or(Some(true), truth);
                let why = "allowed: true, false";
                self.switch(
                    flag,
                    wanted.ok_or_else(|| invalid(value, &format!("--{name}"), why))?,
                );
            }
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong => {
                self.typed.given.push((flag, None));
                match value.map(truth) {
                    None => self.out(format!("--{name}")),
                    Some(Some(true)) => self.out("--help"),
                    Some(Some(false)) => {}
                    Some(None) => return Err(invalid(value, "--help", "allowed: true, false")),
                }
            }
            _ => self.value(flag, name, value)?,
        }
        Ok(())
    }

    fn switch(&mut self, flag: &'a Arg, wanted: bool) {
        self.switches.retain(|(given, _)| *given != flag);
        self.switches.push((flag, wanted));
    }

    /// A level in the next word; without it `-v` stands alone.
    fn level(&mut self) -> Option<&'a str> {
        let next = self.rest.first()?.to_str()?;
        is_level(next).then(|| self.next())?;
        Some(next)
    }

    /// A flag that has a value: here, or in the next word, whatever that begins with in pflag. Here it is asked back where
    /// that looks like a flag: a holder called `--create` is a holder that was forgotten.
    fn value(&mut self, flag: &'a Arg, name: &str, value: Option<&str>) -> Result<(), String> {
        if value.is_some() || flag.is_require_equals_set() {
            self.glued(flag, name, value);
            return Ok(());
        }
        match self.rest.first().map(|next| next.to_str()) {
            Some(Some(next)) if looks_like_a_flag(next) => {
                // A secret is not repeated.
                let secret = matches!(name, "token" | "password");
                let next = if secret { "…" } else { next };
                return Err(format!(
                    "no value for {flag}: {next:?} behind it looks like a flag; if that is the value, write --{name}=VALUE (see --help)"
                ));
            }
            Some(Some(next)) => {
                self.glued(flag, name, Some(next));
                self.next();
            }
            None if self.ended => {
                return Err(format!(
                    "no value for {flag}: '--' ends the flags (see --help)"
                ));
            }
            // What is not UTF-8, or not there, is told where the words are parsed.
            Some(None) | None => {
                self.out(format!("--{name}"));
                match self.next() {
                    Some(next) => self.out(next),
                    None => self.typed.pending = Some(flag),
                }
            }
        }
        Ok(())
    }

    fn glued(&mut self, flag: &'a Arg, name: &str, value: Option<&str>) {
        match value {
            Some("") if CHOOSING.contains(&name) => {}
            Some(value) => self.out(format!("--{name}={value}")),
            None => self.out(format!("--{name}")),
        }
        let value = value.map(str::to_owned);
        self.typed.given.push((flag, value));
    }
}

fn invalid(value: Option<&str>, flag: &str, why: &str) -> String {
    let value = value.unwrap_or_default();
    format!("invalid value {value:?} for {flag}: {why}")
}

/// `-n` and `--now` do. `-5s` is a value, and a wrong one most of the time; `- as agreed` and a dash alone are values too.
fn looks_like_a_flag(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('-') else {
        return false;
    };
    let name = rest.strip_prefix('-').unwrap_or(rest);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_level(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether that level says more than 0 does; `None` if it is no level. In klog a negative one says no more.
fn traces(level: &str) -> Option<bool> {
    let more = !level.starts_with('-') && level.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    is_level(level).then_some(more)
}

#[cfg(test)]
#[path = "typed_tests.rs"]
mod tests;
