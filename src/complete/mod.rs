//! Completion for kubectl: the program as `kubectl_complete-lease`, which prints what the last word may become.
//!
//! kubectl runs an executable of that name on PATH with the words after `kubectl lease`, and hands what it prints to
//! the shell: Cobra's form, a candidate a line with a tab before what it means, and `:` with a directive at the end
//! (kubectl's pkg/cmd/plugin_completion.go, Cobra's ShellCompDirective).

mod line;
mod names;
#[cfg(test)]
mod tests;
mod values;
mod word;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Parser};

use crate::cli::Cli;
use crate::lease::values::is_lease;
use crate::output::terminal;
use crate::server::ConnectionOptions;
use crate::usage;
use line::{Line, Wanted};
use values::Kind;

/// The plugin `kubectl-NAME` is completed by `kubectl_complete-NAME`.
const PLUGIN: &str = "kubectl-";
const COMPLETER: &str = "kubectl_complete-";

/// What kubectl looks for on PATH to complete the plugin of that file name; `None` if kubectl runs no such plugin.
pub fn link_name(plugin: &Path) -> Option<String> {
    let name = plugin.file_name()?.to_str()?;
    Some(format!("{COMPLETER}{}", name.strip_prefix(PLUGIN)?))
}

/// Something that the last word may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    text: String,
    about: String,
}

impl Candidate {
    /// `text`, which is our own word, and what it means; empty if that says nothing.
    fn new(text: impl Into<String>, about: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            about: about.into(),
        }
    }

    /// A name that somebody else has given, and what it means; `None` if a shell would not take the name as it is.
    pub fn found(name: impl Into<String>, about: &str) -> Option<Self> {
        let name = name.into();
        word::is_plain(&name).then(|| Self::new(name, word::about(about)))
    }
}

/// What the shell does with the candidates: bits of Cobra's ShellCompDirective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    /// Files, if there is no candidate.
    Files = 0,
    /// Nothing beside the candidates.
    NoFiles = 4,
    /// The same, and no space after: the word goes on.
    NoFilesNoSpace = 6,
}

/// What is printed.
#[derive(Debug)]
struct Answer {
    candidates: Vec<Candidate>,
    directive: Directive,
}

/// Completes, if the program was called by the name that means so. Never fails and never says anything on stderr: it
/// would come between the user and the prompt.
pub fn main(args: &[OsString]) -> Option<ExitCode> {
    let (program, words) = args.split_first()?;
    let name = Path::new(program).file_name()?.to_str()?;
    if !name.starts_with(COMPLETER) {
        return None;
    }
    hush();
    // Nobody to tell if stdout is gone.
    let _ = terminal::print(&answer(words).text());
    Some(ExitCode::SUCCESS)
}

/// An exec plugin must neither ask nor complain: it inherits these.
fn hush() {
    #[cfg(unix)]
    if let Ok(null) = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
    {
        let _ = nix::unistd::dup2_stdin(&null);
        let _ = nix::unistd::dup2_stderr(&null);
    }
}

impl Answer {
    fn text(&self) -> String {
        let line = |candidate: &Candidate| match candidate.about.as_str() {
            "" => format!("{}\n", candidate.text),
            about => format!("{}\t{about}\n", candidate.text),
        };
        let mut text: String = self.candidates.iter().map(line).collect();
        text.push_str(&format!(":{}\n", self.directive as u8));
        text
    }
}

fn answer(words: &[OsString]) -> Answer {
    let root = usage::tree();
    let Ok(line) = Line::read(&root, words) else {
        return Answer {
            candidates: Vec::new(),
            directive: Directive::NoFiles,
        };
    };
    let mut directive = Directive::NoFiles;
    let mut candidates = match &line.wanted {
        Wanted::Foreign => {
            directive = Directive::Files;
            Vec::new()
        }
        Wanted::Flag(typed) => starting_with(typed, flags(&line)),
        Wanted::Word { typed, argument } => {
            let mut all = subcommands(&line);
            if let Some(argument) = argument.filter(|argument| line.admits(argument)) {
                all.extend(values(&line, argument, typed, &mut directive));
            }
            starting_with(typed, all)
        }
        Wanted::Value {
            flag,
            before,
            typed,
        } => starting_with(typed, values(&line, flag, typed, &mut directive))
            .into_iter()
            .map(|one| Candidate::new(format!("{before}{}", one.text), one.about))
            .collect(),
    };
    let mut seen = std::collections::HashSet::new();
    candidates.retain(|one| seen.insert(one.text.clone()));
    if !candidates.is_empty() && candidates.iter().all(|one| one.text.ends_with('=')) {
        directive = Directive::NoFilesNoSpace;
    }
    Answer {
        candidates,
        directive,
    }
}

fn starting_with(typed: &str, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.retain(|one| one.text.starts_with(typed));
    candidates
}

fn subcommands(line: &Line<'_>) -> Vec<Candidate> {
    if line.typed.positions > 0 {
        return Vec::new();
    }
    let all = line.typed.command.get_subcommands();
    all.filter(|command| !command.is_hide_set())
        .map(|command| Candidate::new(command.get_name(), about(command.get_about())))
        .collect()
}

fn flags(line: &Line<'_>) -> Vec<Candidate> {
    let mut all = Vec::new();
    for flag in line.typed.command.get_arguments() {
        if flag.is_positional() || flag.is_hide_set() || !line.admits(flag) {
            continue;
        }
        let about = about(flag.get_help());
        if let Some(long) = flag.get_long() {
            all.push(Candidate::new(format!("--{long}"), about.clone()));
        }
        if let Some(short) = flag.get_short() {
            all.push(Candidate::new(format!("-{short}"), about));
        }
    }
    all
}

/// The values that `argument` may have, as far as they can be known.
fn values(
    line: &Line<'_>,
    argument: &Arg,
    typed: &str,
    directive: &mut Directive,
) -> Vec<Candidate> {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        // Of a list, what is typed already, its last comma included.
        let last = argument
            .get_value_delimiter()
            .and_then(|comma| typed.rfind(comma));
        let before = last.map_or("", |comma| &typed[..=comma]);
        let is_there = |name: &str| before.split(',').any(|chosen| chosen == name);
        return possible
            .iter()
            .filter(|value| !value.is_hide_set() && !is_there(value.get_name()))
            .map(|value| {
                let text = format!("{before}{}", value.get_name());
                Candidate::new(text, about(value.get_help()))
            })
            .collect();
    }
    let connection = connection(line);
    match values::kind(line.typed.command.get_name(), argument) {
        Kind::Words(words) => words
            .iter()
            .copied()
            .flatten()
            .map(|(text, about)| Candidate::new(*text, *about))
            .collect(),
        Kind::Leases => {
            let mut leases = names::leases(&connection);
            // Of several each is named once.
            let given = line.typed.values(argument.get_id().as_str());
            let given: Vec<&str> = given.map(|value| of_kind(value).1).collect();
            leases.retain(|lease| !given.contains(&lease.text.as_str()));
            let (kind, _) = of_kind(typed);
            let typed_so =
                |lease: Candidate| Candidate::new(format!("{kind}{}", lease.text), lease.about);
            leases.into_iter().map(typed_so).collect()
        }
        Kind::Holders => {
            let lease = line.typed.values("name").last();
            names::holders(&connection, lease.map(|name| of_kind(name).1))
        }
        Kind::Namespaces => names::namespaces(&connection),
        Kind::Configured(section) => names::configured(&connection, section),
        Kind::Files => {
            *directive = Directive::Files;
            Vec::new()
        }
        Kind::Free => Vec::new(),
    }
}

/// `lease/` and the name that follows it; a name alone has none.
fn of_kind(typed: &str) -> (&str, &str) {
    match typed.split_once('/') {
        Some((kind, _)) if is_lease(kind) => typed.split_at(kind.len() + 1),
        Some(_) | None => ("", typed),
    }
}

/// The connection that the flags typed so far describe; what clap does not accept counts as not typed.
fn connection(line: &Line<'_>) -> ConnectionOptions {
    let given = line.typed.given.iter();
    let words = given.filter(|(flag, _)| flag.is_global_set());
    let words = words.map(|(flag, value)| match (flag.get_long(), value) {
        (Some(long), Some(value)) => format!("--{long}={value}"),
        (long, _) => format!("--{}", long.unwrap_or_default()),
    });
    let program = ["kubectl-lease".to_owned(), "version".to_owned()];
    let parsed = Cli::try_parse_from(program.into_iter().chain(words));
    parsed.map_or_else(
        |_| ConnectionOptions::default(),
        |cli| (&cli.connection).into(),
    )
}

/// The first line, as plain text.
fn about(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
