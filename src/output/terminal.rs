//! The one place that prints, asks, and knows whether a terminal is there.

use std::io::{self, IsTerminal, Write};

use super::words::printable;
use crate::error::Error;

/// Prints a result on stdout, as it is.
///
/// # Errors
/// When stdout cannot be written; a reader that went away ends the process quietly.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Error::BrokenPipe),
        Err(error) => Err(Error::Local(format!("cannot write to stdout: {error}"))),
    }
}

/// Says one line on stderr, with whatever could change the terminal's state escaped.
pub fn say(line: &str) {
    // Nobody to tell if stderr is gone.
    let _ = writeln!(io::stderr().lock(), "{}", printable(line));
}

/// Whether a question can be asked: someone types, and sees it.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a yes-or-no question; no is the default.
///
/// # Errors
/// When it could not be asked, or was not answered.
pub fn ask(question: &str) -> Result<bool, String> {
    dialoguer::Confirm::new()
        .with_prompt(printable(question).into_owned())
        .default(false)
        .interact()
        .map_err(|error| error.to_string())
}

/// The width of stdout in columns; `None` in a pipe.
pub fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    console::Term::stdout()
        .size_checked()
        .map(|(_, columns)| columns)
}
