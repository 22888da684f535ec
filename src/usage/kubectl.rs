//! The command line as kubectl's own parser (pflag) reads it, put into words that clap takes: levels of `-v`, `=true` and
//! `=false` behind any flag that is given or not, short flags in one word, and values that begin with a dash.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use crate::cli::truth;

/// Of our flags, the one that has a level in kubectl.
const VERBOSE: &str = "verbose";

/// Those that choose what there is without them too: given with nothing, they choose that, as in kubectl.
const CHOOSING: [&str; 2] = ["output", "sort-by"];

/// The arguments, with each such word replaced; what comes after `--` is a command's. `root` must have been built.
///
/// # Errors
/// Names the flag whose value is missing or cannot be read.
pub fn taken(args: &[OsString], root: &Command) -> Result<Vec<OsString>, String> {
    let end = args.iter().position(|arg| arg == "--");
    let (ours, others) = args.split_at(end.unwrap_or(args.len()));
    let Some((program, words)) = ours.split_first() else {
        return Ok(args.to_vec());
    };
    let mut reader = Reader {
        command: root,
        rest: words,
        ended: end.is_some(),
        given: Vec::new(),
        out: vec![program.clone()],
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
    let Reader { mut out, given, .. } = reader;
    // As in pflag, the last one counts.
    let wanted = given.into_iter().filter(|(_, wanted)| *wanted);
    out.extend(wanted.map(|(name, _)| OsString::from(format!("--{name}"))));
    out.extend_from_slice(others);
    Ok(out)
}

struct Reader<'a> {
    command: &'a Command,
    rest: &'a [OsString],
    /// Whether `--` follows the rest.
    ended: bool,
    /// The flags that are given or not, and which of both was said last.
    given: Vec<(&'a str, bool)>,
    out: Vec<OsString>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a OsString> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// A subcommand, or an argument by position: behind one there is no subcommand any more.
    fn word(&mut self, word: &OsString) {
        if let Some(below) = word.to_str().and_then(|w| self.command.find_subcommand(w)) {
            self.command = below;
        }
        self.out.push(word.clone());
    }

    /// `name`, or `name=value`.
    fn long(&mut self, word: &'a str) -> Result<(), String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let name = if name == "v" { VERBOSE } else { name };
        let mut all = self.command.get_arguments();
        match all.find(|arg| arg.get_long() == Some(name)) {
            Some(flag) => self.flag(flag, name, value),
            None => {
                self.out.push(format!("--{word}").into());
                Ok(())
            }
        }
    }

    /// `a`, `abc`, `ab=value`, `nVALUE` or `n=VALUE`.
    fn shorts(&mut self, cluster: &'a str) -> Result<(), String> {
        let mut rest = cluster;
        while let Some(letter) = rest.chars().next() {
            let mut all = self.command.get_arguments();
            let flag = all.find(|arg| arg.get_short() == Some(letter));
            let Some((flag, name)) = flag.and_then(|flag| Some((flag, flag.get_long()?))) else {
                self.out.push(format!("-{rest}").into());
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
                self.out.push("-h".into());
                continue;
            }
            if flag.get_action().takes_values() {
                let value = Some(rest).filter(|rest| !rest.is_empty());
                return self.flag(flag, name, value);
            }
            // The level may be the next word only behind the last letter.
            match name == VERBOSE && !rest.is_empty() {
                true => self.give(name, true),
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
                self.give(name, wanted.ok_or_else(|| invalid(value, "-v", why))?);
            }
            ArgAction::SetTrue => {
                let wanted = value.map_or(Some(true), truth);
                let flag = format!("--{name}");
                let wanted = wanted.ok_or_else(|| invalid(value, &flag, "allowed: true, false"));
                self.give(name, wanted?);
            }
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong => {
                match value.map(truth) {
                    None => self.out.push(format!("--{name}").into()),
                    Some(Some(true)) => self.out.push("--help".into()),
                    Some(Some(false)) => {}
                    Some(None) => return Err(invalid(value, "--help", "allowed: true, false")),
                }
            }
            _ => self.value(flag, name, value)?,
        }
        Ok(())
    }

    fn give(&mut self, name: &'a str, wanted: bool) {
        self.given.retain(|(given, _)| *given != name);
        self.given.push((name, wanted));
    }

    /// A level in the next word; without it `-v` stands alone.
    fn level(&mut self) -> Option<&'a str> {
        let next = self.rest.first()?.to_str()?;
        is_level(next).then(|| self.next())?;
        Some(next)
    }

    /// A flag that has a value: here, or in the next word, whatever that begins with in pflag. Here it is asked back where
    /// that looks like a flag: a holder called `--create` is a holder that was forgotten.
    fn value(&mut self, flag: &Arg, name: &str, value: Option<&str>) -> Result<(), String> {
        let mut glued = |value: &str| {
            if !(CHOOSING.contains(&name) && value.is_empty()) {
                self.out.push(format!("--{name}={value}").into());
            }
        };
        if let Some(value) = value {
            glued(value);
            return Ok(());
        }
        if flag.is_require_equals_set() {
            self.out.push(format!("--{name}").into());
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
                glued(next);
                self.next();
            }
            None if self.ended => {
                return Err(format!(
                    "no value for {flag}: '--' ends the flags (see --help)"
                ));
            }
            // What is not UTF-8, or not there, is told where the words are parsed.
            Some(None) | None => {
                self.out.push(format!("--{name}").into());
                let next = self.next();
                self.out.extend(next.cloned());
            }
        }
        Ok(())
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
#[path = "kubectl_tests.rs"]
mod tests;
