//! Reads the command line; says what is wrong with it in one line that names the value and what is allowed.

mod help;
mod kubectl;
mod subcommand;
mod template;
mod unknown;

pub use help::options;

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command, DryRun, truth};
use crate::exit::Exit;
use crate::output::terminal;

/// The arguments, or how to exit after their help or their error was printed.
pub fn parse(args: &[OsString]) -> Result<Cli, Exit> {
    let mut root = Cli::command();
    root.build();
    let mut args = kubectl::taken(args, &root).map_err(|why| wrong(format!("error: {why}")))?;
    if let [_, only] = args.as_mut_slice()
        && only == "--version"
    {
        *only = "version".into();
    }
    if unknown::Typed::new(&root, &args).may_have("template") {
        args = template::joined(args).map_err(|why| wrong(format!("error: {why}")))?;
    }
    let args = &args;
    let cli = Cli::try_parse_from(args).map_err(|error| explain(&error, args))?;
    if let Command::Hold(hold) = &cli.command
        && hold.command.is_empty()
        && args.last().is_some_and(|last| last == "--")
    {
        terminal::say(
            "error: no command after '--': give one, or leave '--' out to hold until interrupted",
        );
        return Err(Exit::USAGE);
    }
    if let Some(line) = unknown::Typed::new(&root, args).kind_before_names() {
        return Err(wrong(line));
    }
    if let Command::Create(create) = &cli.command
        && let Some(word) = deprecated(args)
    {
        let instead = match create.dry_run {
            DryRun::None => "none",
            DryRun::Client | DryRun::Server => "client",
        };
        // As kubectl says it.
        terminal::say(&format!(
            "warning: {word} is deprecated (boolean value) and can be replaced with --dry-run={instead}"
        ));
    }
    Ok(cli.with_strict_templates())
}

/// `--dry-run=true` and its kin.
fn deprecated(args: &[OsString]) -> Option<&str> {
    let ours = args.iter().take_while(|arg| *arg != "--");
    let mut words = ours.filter_map(|arg| arg.to_str());
    words.find(|word| word.strip_prefix("--dry-run=").and_then(truth).is_some())
}

fn explain(error: &clap::Error, args: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp => help(&help::text(args)),
        ErrorKind::DisplayVersion => help(&error.render()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => help(&help::root()),
        _ => wrong(line(error, args)),
    }
}

fn wrong(line: String) -> Exit {
    terminal::say(&terminal::in_locale(line));
    Exit::USAGE
}

/// Prints a help: a result like any other, which somebody may want in a file.
fn help(text: &StyledStr) -> Exit {
    terminal::print(&terminal::in_locale(text.to_string()))
        .map_or_else(|error| crate::fail(&error.into()), |()| Exit::DONE)
}

/// One line for what clap says in several.
fn line(error: &clap::Error, args: &[OsString]) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(all)) => Some(all.join(", ")),
        _ => None,
    };
    let (argument, value) = (
        text(ContextKind::InvalidArg),
        text(ContextKind::InvalidValue),
    );
    match (error.kind(), argument, value) {
        (ErrorKind::InvalidValue, Some(argument), Some(value)) if !value.is_empty() => {
            let allowed = text(ContextKind::ValidValue).unwrap_or_default();
            format!("error: invalid value {value:?} for {argument}: allowed: {allowed}")
        }
        (ErrorKind::ValueValidation, Some(argument), Some(value)) => {
            let why = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("error: invalid value {value:?} for {argument}: {why}")
        }
        (ErrorKind::UnknownArgument, Some(word), _) => {
            let mut root = Cli::command();
            root.build();
            unknown::Typed::new(&root, args).unexpected(&word)
        }
        (ErrorKind::InvalidUtf8, ..) => not_utf8(args),
        (ErrorKind::InvalidSubcommand, ..) => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            format!(
                "error: unrecognized subcommand '{word}'{} (see --help)",
                subcommand::meant(&word)
            )
        }
        (ErrorKind::MissingSubcommand, ..) => format!(
            "error: no subcommand: there are {} (see --help)",
            subcommand::all().join(", ")
        ),
        _ => {
            let rendered = error.render().to_string();
            let mut words: Vec<&str> = rendered
                .lines()
                .map(str::trim)
                .take_while(|line| {
                    !line.starts_with("Usage:") && !line.starts_with("For more information")
                })
                // clap's tips are for who may give a value behind `--`.
                .filter(|line| !line.is_empty() && !line.starts_with("tip: "))
                .collect();
            words.push("(see --help)");
            words.join(" ")
        }
    }
}

/// Names the argument that is not text, which clap does not.
fn not_utf8(args: &[OsString]) -> String {
    let ours = args.iter().take_while(|arg| *arg != "--");
    let mut before = None;
    for arg in ours {
        if let Some(text) = arg.to_str() {
            before = Some(text).filter(|text| text.starts_with('-'));
            continue;
        }
        let shown = arg.to_string_lossy();
        let (flag, value) = match shown.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (Some(flag), value),
            Some(_) | None => (before, &*shown),
        };
        let of = flag.map(|flag| format!(" for {flag}")).unwrap_or_default();
        return format!("error: invalid value {value:?}{of}: it is not UTF-8");
    }
    "error: an argument is not UTF-8".to_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_value_that_is_not_utf8_is_named_with_its_flag() {
        for (words, said) in [
            (
                &[&b"release"[..], b"job", b"--holder=m\xff"][..],
                "invalid value \"m\u{fffd}\" for --holder: it is not UTF-8",
            ),
            (
                &[b"steal", b"--if-holder", b"m\xff", b"job"],
                "invalid value \"m\u{fffd}\" for --if-holder: it is not UTF-8",
            ),
            (
                &[b"status", b"j\xffb"],
                "invalid value \"j\u{fffd}b\": it is not UTF-8",
            ),
        ] {
            let args: Vec<OsString> = [&b"kubectl-lease"[..]]
                .iter()
                .chain(words)
                .map(|word| OsString::from_vec(word.to_vec()))
                .collect();
            let error = Cli::try_parse_from(&args).expect_err("not text");
            assert_eq!(line(&error, &args), format!("error: {said}"));
        }
    }
}
