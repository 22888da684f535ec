//! `kubectl lease` as a library: argv -> cli -> request -> lease operations -> outcome -> output and exit code.
//!
//! Between two holders that both use it, at most one command runs at a time, through clock skew of any size, API
//! outages, lost replies, frozen or killed processes. Where that cannot be kept (a whole machine frozen), a fencing
//! token that only grows tells the protected system whom to refuse. `docs/design.md` has the argument.

#![deny(unsafe_code)]

mod cli;
mod clock;
mod cluster;
mod commands;
mod complete;
mod error;
mod exit;
mod hold;
mod identity;
mod lease;
mod output;
mod side;
mod signals;
mod stack;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use error::Error;
use exit::Exit;

/// Runs the program with `args` (the first is the program's own name) and returns its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    stack::with_room(args.into_iter().collect(), run_here)
}

fn run_here(args: Vec<OsString>) -> ExitCode {
    #[cfg(unix)]
    if let Some(code) = hold::watchdog::main(&args) {
        return code;
    }
    if let Some(code) = complete::main(&args) {
        return code;
    }
    let cli = match usage::parse(&args) {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    // One thread: a supervisor costs little, and starts fast.
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::Local(format!("cannot start: {error}"))).into(),
    };
    let exit = match runtime.block_on(commands::run(cli)) {
        Ok(exit) => exit,
        Err(error) => fail(&error),
    };
    output::terminal::drain();
    // An exec plugin or a name lookup that still runs is not waited for.
    runtime.shutdown_background();
    exit.into()
}

fn fail(error: &Error) -> Exit {
    for line in error.lines() {
        output::terminal::say(&line);
    }
    error.exit()
}

/// The table of a page of Leases, as `status` prints it. For `benches/decode.rs`, and no part of the interface.
#[doc(hidden)]
pub fn render_page(body: &[u8]) -> Option<String> {
    use output::status::Row;
    let date = "2026-01-02T00:00:10Z".parse().ok();
    let page = lease::summary::page(body).ok()?;
    let row = |lease| Row {
        condition: lease::condition::of(&lease, date, lease::evidence::Stamps::Trusted),
        lease,
        date,
    };
    let rows: Vec<Row> = page.items.into_iter().map(row).collect();
    Some(output::status::table::Printer::new(Default::default()).page(&rows, &[]))
}
