//! `kubectl lease man`: the man pages, for whoever packages the plugin.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{Cli, ManArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::terminal;

pub fn run(args: &ManArgs) -> Result<Exit, Error> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let written = std::fs::create_dir_all(&args.dir).and_then(|()| write(&root, &args.dir));
    let count = written.map_err(|error| {
        Error::Local(format!(
            "cannot write man pages to {}: {error}",
            args.dir.display()
        ))
    })?;
    terminal::print(&format!(
        "{count} man pages written to {}\n",
        args.dir.display()
    ))?;
    Ok(Exit::DONE)
}

/// A page for the command and for each one below it; returns how many.
fn write(command: &Command, folder: &Path) -> io::Result<usize> {
    let mut count = 1;
    for subcommand in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        count += write(subcommand, folder)?;
    }
    let help = command.get_after_long_help().or(command.get_after_help());
    let sections = sections(&help.map(ToString::to_string).unwrap_or_default());
    // clap_mangen would fill the lines of the examples into a paragraph.
    let plain = command.clone().after_help(None).after_long_help(None);
    let man = Man::new(plain);
    let mut page = Vec::new();
    man.render(&mut page)?;
    sections.to_writer(&mut page)?;
    let mut file = std::fs::File::create(folder.join(man.get_filename()))?;
    file.write_all(&page)?;
    Ok(count)
}

/// What begins a section of what `--help` ends with.
const TITLES: [&str; 4] = ["Examples", "Exit status", "Permissions", "See also"];

/// What `--help` ends with, a section for each paragraph, its lines as they are.
fn sections(help: &str) -> Roff {
    let mut roff = Roff::new();
    for line in help.lines() {
        match line.split_once(':') {
            Some((title, rest)) if TITLES.contains(&title) => {
                roff.control("fi", []);
                roff.control("SH", [title.to_uppercase().as_str()]);
                roff.control("nf", []);
                if !rest.is_empty() {
                    roff.text([roman(rest.trim_start())]);
                }
            }
            _ if line.is_empty() => {}
            _ => {
                roff.text([roman(line)]);
            }
        }
    }
    roff.control("fi", []);
    roff
}
