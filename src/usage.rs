//! Reads the command line; says what is wrong with it in one line that names the value and what is allowed.

mod help;
mod subcommand;

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::output::terminal;

/// The arguments, or how to exit after their help or their error was printed.
pub fn parse(args: &[OsString]) -> Result<Cli, Exit> {
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
    Ok(cli)
}

fn explain(error: &clap::Error, args: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp => help(&help::text(args)),
        ErrorKind::DisplayVersion => help(&error.render()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => help(&Cli::command().render_help()),
        _ => {
            terminal::say(&line(error, args));
            Exit::USAGE
        }
    }
}

/// Prints a help: a result like any other, which somebody may want in a file.
fn help(text: &StyledStr) -> Exit {
    terminal::print(&text.to_string()).map_or_else(|error| crate::fail(&error), |()| Exit::DONE)
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
        (ErrorKind::UnknownArgument, Some(word), _) if word == "--version" => {
            "error: unexpected argument '--version': kubectl lease version tells it".to_owned()
        }
        (ErrorKind::UnknownArgument, Some(word), _) if !word.starts_with('-') => {
            if args.iter().any(|arg| arg == "hold" || arg == "acquire") {
                format!(
                    "error: unexpected argument {word:?}: a command goes after '--', as in: hold my-lease -- ./backup.sh"
                )
            } else {
                format!("error: unexpected argument {word:?} (see --help)")
            }
        }
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
                .filter(|line| !line.is_empty())
                .collect();
            words.push("(see --help)");
            words.join(" ")
        }
    }
}
