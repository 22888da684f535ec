//! The text of a help: what there is to an argument in a line, and how to use it below.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::complete::command_of;

/// They ask no server, so how to reach one is nothing to choose.
const WITHOUT_A_SERVER: [&str; 3] = ["version", "completion", "explain"];

/// What `args` ask to be told: with `-h` the arguments alone.
pub fn text(args: &[OsString]) -> StyledStr {
    let words: Vec<String> = args
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let asked = words.iter().position(|word| is_asking(word));
    let (before, whole) = match asked {
        // `help hold`
        None => match words.iter().position(|word| word == "help") {
            Some(at) => (&words[at + 1..], true),
            None => (&words[..], true),
        },
        Some(at) => (&words[..at], words[at] == "--help"),
    };
    let mut root = Cli::command();
    root.build();
    render(command_of(&root, before).clone(), whole)
}

fn is_asking(word: &str) -> bool {
    let is_short = || word.starts_with('-') && !word.starts_with("--") && word.ends_with('h');
    word == "--help" || is_short()
}

/// clap's own long form takes three lines for each argument.
fn render(mut command: Command, whole: bool) -> StyledStr {
    if WITHOUT_A_SERVER.contains(&command.get_name()) {
        command = command.mut_args(|arg| match arg.get_help_heading() {
            Some(heading) if heading.starts_with("Connection") => arg.hide(true),
            _ => arg,
        });
    }
    if !whole {
        return command.render_help();
    }
    if let Some(below) = command.get_after_long_help().cloned() {
        command = command.after_help(below);
    }
    if command.get_arguments().any(|arg| arg.get_id() == "help") {
        command = command.mut_arg("help", |arg| arg.help("Print help"));
    }
    command.render_help()
}
