//! `lease-soak`: many holders on a few leases, one fault after the other, and a judgement of what came of it.

mod cast;
mod controls;
mod faults;
mod history;
mod oracle;
mod report;
mod run;
mod saved;
mod server;
mod time;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::cast::{Choice, worker};
use crate::faults::{process, surroundings};
use crate::history::History;
use crate::run::{Course, build, interrupt};

/// Many `kubectl lease hold` on a few leases, one fault after the other; exit status 1 if a promise was broken.
///
/// With KUBEBUILDER_ASSETS against a real kube-apiserver and etcd, else against the in-process server.
#[derive(Parser)]
#[command(name = "lease-soak")]
struct Arguments {
    /// How long people are started; what is under way then may end
    #[arg(
        long,
        default_value = "3",
        value_name = "N",
        conflicts_with = "seconds"
    )]
    minutes: f64,
    /// The same in seconds
    #[arg(long, value_name = "N")]
    seconds: Option<f64>,
    /// How many hold or wait at once
    #[arg(long, default_value = "25", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=90))]
    contenders: u32,
    /// Draws everything [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// The kubectl-lease to put to the test [default: this repository's, built first]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Only faults of these kinds or families (api, process, people, surroundings)
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    faults: Vec<String>,
    /// Write the history there, as lines of JSON
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(subcommand)]
    instead: Option<Instead>,
}

/// What else there is.
#[derive(Subcommand)]
enum Instead {
    /// Judge a history that was saved
    Check {
        /// The file
        file: PathBuf,
    },
    /// Put builds with one rule broken each to the same test: each must be found out
    Controls {
        /// Only these
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let others = [worker::main, surroundings::main, process::main];
    if let Some(code) = others.iter().find_map(|main| main(&words)) {
        return code;
    }
    let arguments = Arguments::parse();
    match &arguments.instead {
        Some(Instead::Check { file }) => match saved::load(file) {
            Ok(history) => judge(&history),
            Err(error) => fail(&format!("{}: {error}", file.display())),
        },
        Some(Instead::Controls { names }) => controls::main(names),
        None => soak(&arguments),
    }
}

fn soak(arguments: &Arguments) -> ExitCode {
    interrupt::hear();
    let binary = match &arguments.binary {
        Some(path) => Ok(path.clone()),
        None => build::program(),
    };
    let binary = match binary {
        Ok(path) if path.is_file() => path,
        Ok(path) => return fail(&format!("{}: no such program", path.display())),
        Err(error) => return fail(&error),
    };
    let length = arguments.seconds.unwrap_or(60.0 * arguments.minutes);
    let Ok(length) = Duration::try_from_secs_f64(length) else {
        return fail("a soak takes a positive number of minutes");
    };
    let choice = Choice(arguments.faults.clone());
    let lies = choice.has("surroundings", "clocks");
    let course = Course {
        seed: arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000)),
        contenders: arguments.contenders,
        length,
        choice,
        binary,
        clocks: if lies { build::clocks() } else { None },
    };
    note(&format!("seed {}", course.seed));
    let history = match course.run(&note) {
        Ok(history) => history,
        Err(error) => return fail(&error.to_string()),
    };
    let saved = arguments.save.as_deref().map(|file| save(file, &history));
    match saved {
        Some(Err(error)) => fail(&error),
        _ => judge(&history),
    }
}

fn save(file: &Path, history: &History) -> Result<(), String> {
    saved::save(file, history).map_err(|error| format!("{}: {error}", file.display()))
}

fn judge(history: &History) -> ExitCode {
    let violations = oracle::judge(history);
    say(&report::text(history, &violations));
    ExitCode::from(u8::from(!violations.is_empty()))
}

#[expect(clippy::disallowed_macros, reason = "what this program is for")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::disallowed_macros, reason = "what this program is for")]
fn note(text: &str) {
    eprintln!("lease-soak: {text}");
}

fn fail(text: &str) -> ExitCode {
    note(text);
    ExitCode::from(2)
}
