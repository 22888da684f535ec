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

/// Asks a yes-or-no question; no is the default. The answer is a line, and one that was typed after the question: what was
/// typed or pasted before is no answer to it. `interrupted` is the signal that ends the wait for an answer.
///
/// # Errors
/// When it could not be asked, or was not answered.
pub async fn ask(question: &str, interrupted: impl Future<Output = i32>) -> Result<bool, NoAnswer> {
    // What the question is about comes before it.
    terminal::drain();
    let modes = modes::saved();
    forget_input();
    let question = format!("{} [y/N]", printable(question));
    // A thread of its own, because it reads; one that is left behind ends with the process.
    let mut answer = tokio::task::spawn_blocking(move || line(&question));
    let told = |answer: Result<Result<String, String>, tokio::task::JoinError>| match answer {
        Ok(Ok(line)) => Ok(is_yes(&line)),
        Ok(Err(why)) => Err(NoAnswer::Failed(why)),
        Err(error) => Err(NoAnswer::Failed(error.to_string())),
    };
    let signal = tokio::select! {
        biased;
        answer = &mut answer => return told(answer),
        signal = interrupted => signal,
    };
    tokio::select! {
        biased;
        answer = &mut answer => return told(answer),
        () = SystemClock.sleep_until(SystemClock.now() + CLOSE_BEHIND) => {}
    }
    modes::restore(modes);
    // The cursor stands behind the question.
    terminal::say("");
    Err(NoAnswer::Interrupted(signal))
}

fn line(question: &str) -> Result<String, String> {
    let asked = dialoguer::Input::<String>::new()
        .with_prompt(question)
        .allow_empty(true)
        .interact();
    asked.map_err(|error| match error {
        dialoguer::Error::IO(error) if error.kind() == io::ErrorKind::Interrupted => {
            "interrupted".to_owned()
        }
        dialoguer::Error::IO(error) => error.to_string(),
    })
}

/// Whether a line says yes: all of it.
fn is_yes(line: &str) -> bool {
    let line = line.trim();
    line.eq_ignore_ascii_case("y") || line.eq_ignore_ascii_case("yes")
}

/// Throws away what was typed and not read yet.
fn forget_input() {
    #[cfg(unix)]
    {
        use nix::sys::termios::{FlushArg, tcflush};
        // No terminal: then it is not asked either.
        let _ = tcflush(std::io::stdin(), FlushArg::TCIFLUSH);
    }
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

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_whole_line_that_says_yes_does() {
        for line in ["y", "Y", "yes", "YES", " yes "] {
            assert!(is_yes(line), "{line:?}");
        }
        for line in [
            "",
            "n",
            "no",
            "maybe",
            "yesterday",
            "why?",
            "y y",
            "deploy -n prod",
            "ye",
        ] {
            assert!(!is_yes(line), "{line:?}");
        }
    }
}
