//! The one place that prints, and knows whether a terminal is there.

mod stream;
#[cfg(windows)]
mod windows;
mod writer;

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

use stream::{Stream, write_all};
#[cfg(windows)]
pub use windows::{forget_input, has_input};
use writer::started;
pub use writer::{Delivery, start};

use super::Failure;
use crate::clock::{Clock, SystemClock};
use crate::words::shown::spoken;

/// Prints a result on stdout, as it is, and waits for it with the whole thread: for results that no lease depends on, in
/// a process that dies of the signals that ask it to.
///
/// # Errors
/// When stdout cannot be written.
pub fn print(text: &str) -> Result<(), Failure> {
    let written = match started() {
        Some(writer) => writer.write(Stream::Out, text.to_owned()),
        None => write_all(Stream::Out, text),
    };
    written.map_err(Failure::Unwritten)
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
pub async fn print_meanwhile(text: String) -> Result<(), Failure> {
    let delivery = deliver(text).map_err(|error| Failure::Unformatted(error.to_string()))?;
    delivery.await.map_err(Failure::Unwritten)
}

/// Sends what the terminal is to be told to stdout, once [`start`] was called; nobody waits for it.
pub fn send(text: String) {
    if let Some(writer) = started() {
        writer.say(Stream::Out, text);
    }
}

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, says errors and questions and nothing else.
pub fn hush() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether nothing is said but errors, questions and what a format asks for.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Says one line on stderr, unless all is to be quiet: what goes on, and what there is to know beside a result.
pub fn say(line: &str) {
    if !is_quiet() {
        say_always(line);
    }
}

/// Says one line on stderr in any case: of an error, or of what a question is about. Whatever could change the terminal's
/// state is escaped. Once [`start`] was called nobody waits for it.
pub fn say_always(line: &str) {
    let line = format!("{}\n", spoken(line));
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
                say_always(&format!(
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
    reads_lines() && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether results are coloured: on a terminal, unless NO_COLOR is set (no-color.org) or it cannot show any.
pub fn colours() -> bool {
    io::stdout().is_terminal() && variable("NO_COLOR").is_none() && reads_escapes()
}

/// Whether what is on stdout can be drawn over: on a terminal that says what it is.
pub fn moves_the_cursor() -> bool {
    height().is_some() && reads_escapes()
}

/// Whether the terminal that stdout is reads escape sequences.
fn reads_lines() -> bool {
    #[cfg(windows)]
    return windows::reads_lines();
    #[cfg(not(windows))]
    true
}

fn reads_escapes() -> bool {
    #[cfg(windows)]
    if !windows::reads_escapes() {
        return false;
    }
    !is_dumb()
}

/// No terminal is assumed where nothing is said of it but that it knows nothing; a container may say nothing at all.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term.is_empty() || term == "dumb")
}

/// Whether the locale has ASCII only, so that nothing of our own may go beyond.
pub fn is_ascii() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    locale.is_some_and(|locale| locale == "C" || locale == "POSIX")
}

/// A text that is all our own, as the locale can show it.
pub fn in_locale(text: String) -> String {
    if is_ascii() {
        text.replace('…', "...")
    } else {
        text
    }
}

/// An environment variable that is not empty.
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The columns of stderr, where questions are asked.
pub fn width_of_questions() -> u16 {
    let size = console::Term::stderr().size_checked();
    size.map_or(80, |(_, columns)| columns.max(20))
}

/// The height of stdout in lines; `None` in a pipe, and where a terminal does not know it.
pub fn height() -> Option<u16> {
    size().map(|(lines, _)| lines)
}

/// The width of stdout in columns; `None` in a pipe, and where a terminal does not know it.
pub fn width() -> Option<u16> {
    size().map(|(_, columns)| columns)
}

/// Whether stdout is a terminal.
pub fn is_there() -> bool {
    io::stdout().is_terminal()
}

fn size() -> Option<(u16, u16)> {
    if !is_there() {
        return None;
    }
    // A serial line says 0.
    console::Term::stdout()
        .size_checked()
        .filter(|(lines, columns)| *lines > 0 && *columns > 0)
}
