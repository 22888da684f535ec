//! `kubectl lease` as a library: argv -> cli -> request -> lease operations -> outcome -> output and exit code.
//! What it promises is in `docs/safety.md`, and why that holds in `docs/design.md`.

#![deny(unsafe_code)]

#[cfg(windows)]
mod caller;
#[cfg(target_os = "linux")]
mod children;
mod cli;
mod clock;
mod commands;
mod complete;
mod error;
mod exit;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod hint;
mod hold;
mod identity;
#[cfg(windows)]
mod job_object;
mod jsonpath;
mod lease;
#[cfg(unix)]
mod limits;
mod memory;
mod output;
mod permissions;
#[cfg(windows)]
mod processes;
mod runtime;
mod server;
mod side;
mod signals;
mod stack;
mod usage;
mod userinfo;
mod words;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use error::Error;
use exit::Exit;
use usage::Instead;

/// Runs the program with `args` (the first is the program's own name) and returns its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    stack::with_room(args.into_iter().collect(), run_here)
}

fn run_here(args: Vec<OsString>) -> ExitCode {
    memory::thrift();
    // For the other processes of this program too, which begin here.
    #[cfg(unix)]
    {
        signals::hear_of_children();
        signals::survive_long_files();
    }
    if let Some(code) = hold::watchdog::main(&args) {
        return code;
    }
    #[cfg(unix)]
    if let Some(code) = server::plugin::main(&args) {
        return code;
    }
    #[cfg(windows)]
    words::quoting::found_by(caller::shell);
    if let Some(code) = complete::main(&args) {
        return code;
    }
    for_a_person(&args)
}

/// What people type. Apart, because the room that it takes on the stack is touched as a whole when it begins, which the
/// other processes of this program need not have for as long as they run.
#[inline(never)]
fn for_a_person(args: &[OsString]) -> ExitCode {
    let (cli, warning) = match usage::parse(args) {
        Ok(parsed) => parsed,
        Err(Instead::Help(text)) => return printed(text.to_string()).into(),
        Err(Instead::Error(line)) => {
            output::terminal::say_always(&output::terminal::in_locale(line));
            return Exit::USAGE.into();
        }
    };
    if cli.quiet {
        output::terminal::hush();
    }
    if let Some(line) = warning {
        output::terminal::say(&line);
    }
    std::panic::set_hook(Box::new(|bug| {
        output::terminal::say_always(&format!(
            "error: a bug in kubectl lease, please report it: {bug}"
        ));
        output::terminal::say_always(&format!(
            "What it did before is done: {} shows who holds what",
            hint::kubectl("lease status")
        ));
    }));
    let runtime = match runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&cannot_start(&cli, &error)).into(),
    };
    // What it leaves behind is not used again but for the runtime, which is thrown away.
    let ran = catch_unwind(AssertUnwindSafe(|| runtime.block_on(commands::run(cli))));
    let exit = match ran {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => fail(&error),
        // It was said by the hook.
        Err(_) => Exit::API,
    };
    output::terminal::drain();
    // A name lookup that still runs is not waited for; an exec plugin is ended, with all that it started.
    runtime.shutdown_background();
    server::plugin::end_all();
    exit.into()
}

/// Prints a help: a result like any other, which somebody may want in a file.
fn printed(help: String) -> Exit {
    output::terminal::print(&output::terminal::in_locale(help))
        .map_or_else(|error| fail(&error.into()), |()| Exit::DONE)
}

fn cannot_start(cli: &cli::Cli, error: &std::io::Error) -> Error {
    #[cfg(unix)]
    let error = limits::words(error);
    let why = format!("cannot start: {error}");
    match cli.command {
        cli::Command::Hold(_) => Error::Hold(why),
        _ => Error::Local(why),
    }
}

fn fail(error: &Error) -> Exit {
    for line in error.lines() {
        output::terminal::say_always(&line);
    }
    error.exit()
}

/// The table of a page of Leases, as `status` prints it. For `benches/decode.rs`, and no part of the interface.
#[doc(hidden)]
pub fn render_page(body: &[u8]) -> Option<String> {
    use lease::{evidence::Stamps, report::Row};
    let date = "2026-01-02T00:00:10Z".parse().ok();
    let page = lease::summary::page(body).ok()?;
    let row = |lease| Row::new(lease, date, Stamps::Trusted);
    let rows: Vec<Row> = page.items.into_iter().map(row).collect();
    Some(output::status::table::Printer::new(Default::default()).page(&rows, &[]))
}
