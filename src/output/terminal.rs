//! The one place that prints, and knows whether a terminal is there.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use super::words::printable;
use crate::clock::{Clock, SystemClock};
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
    match WRITER.get() {
        Some(writer) => writer.say(line.to_owned()),
        None => write_line(line),
    }
}

/// Says one line to a person at a terminal; a script does not hear it.
pub fn hint(line: &str) {
    if io::stderr().is_terminal() {
        say(line);
    }
}

fn write_line(line: &str) {
    // Nobody to tell if stderr is gone.
    let _ = io::stderr()
        .lock()
        .write_all(format!("{}\n", printable(line)).as_bytes());
}

static WRITER: OnceLock<Writer> = OnceLock::new();

/// Lines on their way to stderr.
struct Writer {
    lines: SyncSender<String>,
    waiting: Arc<(Mutex<usize>, Condvar)>,
}

/// From now on nobody waits for stderr: a reader that has stopped reading must not stop a supervisor. What does not fit
/// into the queue is not said.
pub fn say_without_waiting() {
    const QUEUE: usize = 1000;
    let (lines, queue) = std::sync::mpsc::sync_channel::<String>(QUEUE);
    let waiting = Arc::new((Mutex::new(0), Condvar::new()));
    let done = Arc::clone(&waiting);
    let writing = std::thread::Builder::new()
        .name("stderr".to_owned())
        .spawn(move || {
            never_stop_for_output();
            for line in queue {
                write_line(&line);
                if let Ok(mut waiting) = done.0.lock() {
                    *waiting -= 1;
                    done.1.notify_all();
                }
            }
        });
    if writing.is_ok() {
        // Set once: there is one hold in a process.
        let _ = WRITER.set(Writer { lines, waiting });
    }
}

/// Output to a terminal from the background must not stop this process (SIGTTOU, where `stty tostop` is set).
#[cfg(unix)]
fn never_stop_for_output() {
    use nix::sys::signal::{SigSet, Signal};
    // If it fails, such a terminal may stop us, as it may stop any other program.
    let _ = SigSet::from(Signal::SIGTTOU).thread_block();
}

#[cfg(not(unix))]
fn never_stop_for_output() {}

/// Gives the lines that wait for stderr a last chance.
pub fn drain() {
    const PATIENCE: Duration = Duration::from_millis(300);
    if let Some(writer) = WRITER.get()
        && let Ok(waiting) = writer.waiting.0.lock()
    {
        // Whoever does not read by now will not hear the rest.
        let _ = writer
            .waiting
            .1
            .wait_timeout_while(waiting, PATIENCE, |waiting| *waiting > 0);
    }
}

impl Writer {
    fn say(&self, line: String) {
        let Ok(mut waiting) = self.waiting.0.lock() else {
            return;
        };
        if self.lines.try_send(line).is_ok() {
            *waiting += 1;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_stopped_reading_is_not_waited_for() {
        let (lines, _stuck) = std::sync::mpsc::sync_channel(1);
        let writer = Writer {
            lines,
            waiting: Arc::new((Mutex::new(0), Condvar::new())),
        };
        for line in ["one fits", "no more do", "nor this"] {
            writer.say(line.to_owned());
        }
        assert_eq!(*writer.waiting.0.lock().expect("a lock"), 1);
    }
}
