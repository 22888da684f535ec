//! The text of a help: what there is to an argument in a line, and how to use it below.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};

use super::typed::Typed;
use crate::cli::Cli;

/// They ask no server, so how to reach one is nothing to choose.
const WITHOUT_A_SERVER: [&str; 6] = [
    "version",
    "completion",
    "install",
    "explain",
    "man",
    "options",
];

/// Where the flags are that each help would list again.
const OF_ALL: &str =
    "Flags of every subcommand (cluster, namespace, -q, -v): kubectl lease options";

/// Whether the words ask for the program's own help and say nothing else: for all of it, or for the arguments alone.
pub fn asked_alone(words: &[OsString]) -> Option<bool> {
    match words {
        [] => Some(true),
        [word] if word == "--help" || word == "help" => Some(true),
        [word] if word == "-h" => Some(false),
        _ => None,
    }
}

/// The program's own help.
pub fn front(whole: bool) -> StyledStr {
    // It shows no flag that every subcommand has, so that those need no place in each.
    let mut root = Cli::command().mut_args(|arg| match arg.is_global_set() {
        true => arg.global(false).hide(true),
        false => arg,
    });
    // Only this builds the root without all that is below.
    let _ = root.render_usage();
    page(&root, whole)
}

/// What `words`, as clap takes them, ask to be told: with `-h` the arguments alone.
pub fn text(root: &Command, words: &[OsString]) -> StyledStr {
    let asks = |word: &OsString| *word == "--help" || *word == "-h";
    let (before, whole) = match words.iter().position(asks) {
        Some(at) => (&words[..at], words[at] == "--help"),
        // `help hold`
        None => match words.iter().position(|word| word == "help") {
            Some(at) => (&words[at + 1..], true),
            None => (words, true),
        },
    };
    // They were read before, so nothing is wrong with them.
    let command = Typed::read(root, before).map_or(root, |typed| typed.command);
    page(command, whole)
}

/// The flags that every subcommand has, as `kubectl options` lists kubectl's.
pub fn options() -> StyledStr {
    let root = super::tree();
    let shared = root.get_arguments().filter(|arg| arg.is_global_set());
    // Those without a heading of their own come first, as in every help.
    let shared: Vec<Arg> = shared.cloned().collect();
    Command::new("options")
        .disable_help_flag(true)
        .max_term_width(80)
        .help_template("{all-args}")
        .args(shared)
        .render_help()
}

/// Without the flags that every subcommand has. clap's own long form takes three lines for each argument.
pub fn page(command: &Command, whole: bool) -> StyledStr {
    let name = command.get_name();
    let mut command = command.clone().mut_args(|arg| match arg.is_global_set() {
        true => arg.hide(true),
        false => arg,
    });
    let mut below = command.get_after_help().cloned();
    if whole {
        below = command.get_after_long_help().cloned().or(below);
        if command.get_arguments().any(|arg| arg.get_id() == "help") {
            command = command.mut_arg("help", |arg| arg.help("Print help"));
        }
    }
    let mut below = below.map_or_else(String::new, |text| text.to_string());
    if !WITHOUT_A_SERVER.contains(&name) {
        if !below.is_empty() {
            below.push_str("\n\n");
        }
        below.push_str(OF_ALL);
    }
    if !below.is_empty() {
        command = command.after_help(below);
    }
    command.render_help()
}
