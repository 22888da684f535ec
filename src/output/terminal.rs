//! The one place that prints, and knows whether a terminal is there.

mod writer;

use std::io::{self, IsTerminal};

pub use writer::{Delivery, start};
use writer::{Stream, started, write_all};

use super::words::printable;
use crate::clock::{Clock, SystemClock};
use crate::error::Error;

/// Prints a result on stdout, as it is, and waits for it with the whole thread: for results that no lease depends on, in
/// a process that dies of the signals that ask it to.
///
/// # Errors
/// When stdout cannot be written; a reader that went away ends the process quietly.
pub fn print(text: &str) -> Result<(), Error> {
    outcome(match started() {
        Some(writer) => writer.write(Stream::Out, text.to_owned()),
        None => write_all(Stream::Out, text),
    })
}

/// Sends a result on its way to stdout, to be waited for as a future; dropped before its turn, it is not written.
/// [`start`] comes first.
///
/// # Errors
/// As [`start`], where that did not come first.
pub fn deliver(text: String) -> io::Result<Delivery> {
    start()?;
    match started() {
        Some(writer) => Ok(writer.deliver(Stream::Out, text)),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Prints a result on stdout, as it is, while everything else goes on.
///
/// # Errors
/// As [`print()`].
pub async fn print_meanwhile(text: String) -> Result<(), Error> {
    let delivery = deliver(text).map_err(|error| Error::Local(error.to_string()))?;
    outcome(delivery.await)
}

/// What a write to stdout means for the process.
///
/// # Errors
/// When it failed; a reader that went away ends the process quietly.
fn outcome(written: io::Result<()>) -> Result<(), Error> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Error::BrokenPipe,
        _ => Error::Local(format!("cannot write to stdout: {error}")),
    })
}

/// Says one line on stderr, with whatever could change the terminal's state escaped. Once [`start`] was called nobody
/// waits for it.
pub fn say(line: &str) {
    let line = format!("{}\n", printable(line));
    match started() {
        Some(writer) => writer.say(Stream::Err, line),
        None => {
            // Nobody to tell if stderr is gone.
            let _ = write_all(Stream::Err, &line);
        }
    }
}

/// Writes a question's text to stderr, with the whole thread, as it is.
///
/// # Errors
/// When stderr cannot be written.
#[cfg(unix)]
pub fn put(text: &str) -> io::Result<()> {
    write_all(Stream::Err, text)
}

/// Says one line to a person at a terminal; a script does not hear it.
pub fn hint(line: &str) {
    if io::stderr().is_terminal() {
        say(line);
    }
}

/// Whether somebody sees at a terminal what is said.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Gives what is still to be written a last chance, not a long one.
pub fn drain() {
    if let Some(writer) = started() {
        writer.drain();
    }
}

/// From now on, says what the other modules log.
pub fn trace() {
    struct Trace;
    impl log::Log for Trace {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            metadata.target().starts_with("kubectl_lease")
        }

        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                say(&format!(
                    "[{}] {}",
                    SystemClock.wall().strftime("%H:%M:%S%.3f"),
                    record.args()
                ));
            }
        }

        fn flush(&self) {}
    }
    if log::set_logger(&Trace).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}

/// Whether a question can be asked: someone types, and sees it.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether results are coloured: on a terminal, unless NO_COLOR is set (no-color.org) or it cannot show any.
pub fn colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal()
        && !set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The columns of stderr, where questions are asked.
pub fn width_of_questions() -> u16 {
    let size = console::Term::stderr().size_checked();
    size.map_or(80, |(_, columns)| columns.max(20))
}

/// The height of stdout in lines; `None` in a pipe.
pub fn height() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    console::Term::stdout()
        .size_checked()
        .map(|(lines, _)| lines)
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
