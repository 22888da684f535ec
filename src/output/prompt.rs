//! A question at the terminal, which nobody waits for but whoever asks: signals are heard while it stands.

use std::io;
use std::time::Duration;

use super::terminal;
use super::words::printable;
use crate::clock::{Clock, SystemClock};

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It could not be asked, or Ctrl-C was the answer.
    Failed(String),
    /// This signal came first.
    Interrupted(i32),
}

/// The signal of a Ctrl-C at the question comes by two ways: the answer is not far behind it.
const CLOSE_BEHIND: Duration = Duration::from_millis(300);

/// Asks a yes-or-no question; no is the default. `interrupted` is the signal that ends the wait for an answer.
///
/// # Errors
/// When it could not be asked, or was not answered.
pub async fn ask(question: &str, interrupted: impl Future<Output = i32>) -> Result<bool, NoAnswer> {
    // What the question is about comes before it.
    terminal::drain();
    let modes = modes::saved();
    let question = printable(question).into_owned();
    // A thread of its own, because it reads; one that is left behind ends with the process.
    let mut answer = tokio::task::spawn_blocking(move || confirm(&question));
    let told = |answer: Result<Result<bool, String>, tokio::task::JoinError>| {
        answer
            .unwrap_or_else(|error| Err(error.to_string()))
            .map_err(NoAnswer::Failed)
    };
    let signal = tokio::select! {
        biased;
        answer = &mut answer => return told(answer),
        signal = interrupted => signal,
    };
    tokio::select! {
        biased;
        answer = &mut answer => return told(answer),
        () = nap(CLOSE_BEHIND) => {}
    }
    modes::restore(modes);
    // On a terminal that Ctrl-S has stopped this may take for ever.
    let cursor = tokio::task::spawn_blocking(|| console::Term::stderr().show_cursor());
    tokio::select! {
        biased;
        _ = cursor => {}
        () = nap(CLOSE_BEHIND) => {}
    }
    // The cursor stands behind the question.
    terminal::say("");
    Err(NoAnswer::Interrupted(signal))
}

async fn nap(span: Duration) {
    SystemClock.sleep_until(SystemClock.now() + span).await;
}

fn confirm(question: &str) -> Result<bool, String> {
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(|error| {
            // Ctrl-C leaves the cursor hidden that dialoguer hides while it asks.
            let _ = console::Term::stderr().show_cursor();
            match error {
                dialoguer::Error::IO(error) if error.kind() == io::ErrorKind::Interrupted => {
                    "interrupted".to_owned()
                }
                dialoguer::Error::IO(error) => error.to_string(),
            }
        })
}

/// The terminal's modes: they are changed while it is read key by key, and a read that is left behind does not put them
/// back.
#[cfg(unix)]
mod modes {
    use std::io::stdin;

    use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

    pub fn saved() -> Option<Termios> {
        tcgetattr(stdin()).ok()
    }

    pub fn restore(modes: Option<Termios>) {
        if let Some(modes) = modes {
            // The process ends: there is nobody to tell.
            let _ = tcsetattr(stdin(), SetArg::TCSANOW, &modes);
        }
    }
}

#[cfg(not(unix))]
mod modes {
    pub fn saved() -> Option<()> {
        None
    }

    pub fn restore(_: Option<()>) {}
}
