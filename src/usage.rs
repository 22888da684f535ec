//! Reads the command line; says what is wrong with it in one line that names the value and what is allowed.

mod again;
mod help;
mod template;
mod tree;
pub mod typed;
mod unknown;

pub use help::options;
pub use tree::tree;

use std::ffi::OsString;

use clap::FromArgMatches;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{Cli, Command, DryRun, truth};
use typed::Typed;

/// Why there is nothing to run.
pub enum Instead {
    /// A help was asked for: a result like any other, which somebody may want in a file.
    Help(StyledStr),
    /// The words are wrong, and this says how.
    Error(String),
}

/// The arguments, and a warning about them, if there is one to be made.
///
/// # Errors
/// What is to be printed instead of running anything.
pub fn parse(args: &[OsString]) -> Result<(Cli, Option<String>), Instead> {
    let words = args.get(1..).unwrap_or_default();
    if cfg!(windows) && asks_as_on_windows(words) {
        let words = [&words[..words.len() - 1], &["--help".into()]].concat();
        return Ok((read(&words)?, None));
    }
    let cli = read(words)?;
    let warning = deprecated(&cli, words);
    Ok((cli, warning))
}

/// Whether the last word asks for help as programs of Windows are asked; no lease and no subcommand is called so.
fn asks_as_on_windows(words: &[OsString]) -> bool {
    let asks = |word: &OsString| ["/?", "-?", "/h", "/help"].iter().any(|one| word == one);
    words.last().is_some_and(asks) && !words.iter().any(|word| word == "--")
}

fn read(words: &[OsString]) -> Result<Cli, Instead> {
    if let Some(whole) = help::asked_alone(words) {
        return Err(Instead::Help(help::front(whole)));
    }
    match tree::narrow(words).and_then(|root| well(root, words)) {
        Some(cli) => Ok(cli),
        None => read_of(tree(), words),
    }
}

/// What the words say, if nothing is wrong with them and no help is asked for: to say more takes the whole tree.
fn well(mut root: clap::Command, words: &[OsString]) -> Option<Cli> {
    let typed = Typed::read(&root, words).ok()?;
    let words = template::joined(&typed, typed.words.clone()).ok()?;
    if unknown::kind_before_names(&typed).is_some() {
        return None;
    }
    let cli = parsed(&mut root, &words).ok()?;
    no_command(&cli, &words).is_none().then_some(cli)
}

fn read_of(mut root: clap::Command, words: &[OsString]) -> Result<Cli, Instead> {
    let wrong = |why| Instead::Error(format!("error: {why}"));
    let copy = root.clone();
    let mut typed = Typed::read(&copy, words).map_err(wrong)?;
    let mut words = std::mem::take(&mut typed.words);
    if words == ["--version"] {
        words = vec!["version".into()];
    }
    words = template::joined(&typed, words).map_err(wrong)?;
    let read = parsed(&mut root, &words);
    let cli = read.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => Instead::Help(help::text(&copy, &words)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Instead::Help(help::page(&copy, true))
        }
        _ => Instead::Error(line(&error, &copy, &typed, &words)),
    })?;
    if let Some(why) = no_command(&cli, &words) {
        return Err(wrong(why.to_owned()));
    }
    if let Some(line) = unknown::kind_before_names(&typed) {
        return Err(Instead::Error(line));
    }
    Ok(cli)
}

/// What clap makes of the words, as it takes them.
fn parsed(root: &mut clap::Command, words: &[OsString]) -> Result<Cli, clap::Error> {
    let program = [OsString::from("kubectl-lease")].into_iter();
    let matches = root.try_get_matches_from_mut(program.chain(words.iter().cloned()))?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.again = again::of(root, &matches);
    Ok(cli.with_strict_templates())
}

/// Says that `--` has no command behind it, if that is so.
fn no_command(cli: &Cli, words: &[OsString]) -> Option<&'static str> {
    let Command::Hold(hold) = &cli.command else {
        return None;
    };
    let nothing = hold.command.is_empty() && words.last().is_some_and(|last| last == "--");
    nothing
        .then_some("no command after '--': give one, or leave '--' out to hold until interrupted")
}

/// What kubectl says of `--dry-run=true` and its kin.
fn deprecated(cli: &Cli, words: &[OsString]) -> Option<String> {
    let dry_run = cli.command.dry_run()?;
    let ours = words.iter().take_while(|word| *word != "--");
    let mut words = ours.filter_map(|word| word.to_str());
    let word = words.find(|word| word.strip_prefix("--dry-run=").and_then(truth).is_some())?;
    let instead = match dry_run {
        DryRun::None => "none",
        DryRun::Client | DryRun::Server => "client",
    };
    Some(format!(
        "warning: {word} is deprecated (boolean value) and can be replaced with --dry-run={instead}"
    ))
}

/// One line for what clap says in several.
fn line(
    error: &clap::Error,
    root: &clap::Command,
    typed: &Typed<'_>,
    words: &[OsString],
) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(all)) => Some(all.join(", ")),
        _ => None,
    };
    let (argument, value) = (
        text(ContextKind::InvalidArg),
        text(ContextKind::InvalidValue),
    );
    if let (ErrorKind::ValueValidation | ErrorKind::UnknownArgument, Some(line)) =
        (error.kind(), unknown::command_among_names(typed, words))
    {
        return line;
    }
    match (error.kind(), argument, value) {
        (ErrorKind::InvalidValue, Some(argument), Some(value)) if !value.is_empty() => {
            let allowed = text(ContextKind::ValidValue).unwrap_or_default();
            format!("error: invalid value {value:?} for {argument}: allowed: {allowed}")
        }
        (ErrorKind::ValueValidation, Some(argument), Some(value)) => {
            let why = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            // It is one value of several.
            let argument = argument.trim_end_matches("...");
            format!("error: invalid value {value:?} for {argument}: {why}")
        }
        (ErrorKind::UnknownArgument, Some(word), _) => unknown::line(root, typed, words, &word),
        (ErrorKind::InvalidUtf8, ..) => not_utf8(words),
        (ErrorKind::InvalidSubcommand, ..) => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            format!(
                "error: unrecognized subcommand '{word}'{} (see --help)",
                unknown::subcommand(root, &word)
            )
        }
        (ErrorKind::MissingSubcommand, ..) => format!(
            "error: no subcommand: there are {} (see --help)",
            unknown::subcommands(root).join(", ")
        ),
        _ => {
            let rendered = error.render().to_string();
            let mut said: Vec<&str> = rendered
                .lines()
                .map(str::trim)
                .take_while(|line| {
                    !line.starts_with("Usage:") && !line.starts_with("For more information")
                })
                // clap's tips are for who may give a value behind `--`.
                .filter(|line| !line.is_empty() && !line.starts_with("tip: "))
                .collect();
            said.push("(see --help)");
            said.join(" ")
        }
    }
}

/// Names the argument that is not text, which clap does not.
fn not_utf8(words: &[OsString]) -> String {
    let ours = words.iter().take_while(|word| *word != "--");
    let mut before = None;
    for word in ours {
        if let Some(text) = word.to_str() {
            before = Some(text).filter(|text| text.starts_with('-'));
            continue;
        }
        let shown = word.to_string_lossy();
        let (flag, value) = match shown.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (Some(flag), value),
            Some(_) | None => (before, &*shown),
        };
        let of = flag.map(|flag| format!(" for {flag}")).unwrap_or_default();
        return format!("error: invalid value {value:?}{of}: it is not UTF-8");
    }
    "error: an argument is not UTF-8".to_owned()
}

#[cfg(test)]
mod tests;
