//! A question at the terminal, which nobody waits for but whoever asks: signals are heard while it stands.

#[cfg(unix)]
mod line;
#[cfg(windows)]
#[path = "prompt/line_windows.rs"]
mod line;

use std::time::Duration;

use super::terminal;
use crate::clock::{Clock, SystemClock};
use crate::words::printable;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It could not be asked, or what came was no answer.
    Failed(String),
    /// This signal came first.
    Interrupted(i32),
}

/// A terminal that is gone shows by two ways: the signal is not far behind the end of its input.
const CLOSE_BEHIND: Duration = Duration::from_millis(300);

/// Asks a yes-or-no question, which takes a whole line that was typed after it was shown; no is the default.
/// `interrupted` is the signal that ends the wait for an answer.
///
/// # Errors
/// When it could not be asked, or was not answered.
pub async fn ask(question: &str, interrupted: impl Future<Output = i32>) -> Result<bool, NoAnswer> {
    // What the question is about comes before it.
    terminal::drain();
    let question = printable(question).into_owned();
    // A thread of its own, because it reads; one that is left behind ends with the process.
    let answer = tokio::task::spawn_blocking(move || line::confirm(&question));
    let mut interrupted = std::pin::pin!(interrupted);
    let answer = tokio::select! {
        biased;
        signal = &mut interrupted => Err(signal),
        answer = answer => Ok(answer.unwrap_or_else(|error| Err(error.to_string()))),
    };
    let signal = match answer {
        Err(signal) => signal,
        Ok(Ok(yes)) => return Ok(yes),
        Ok(Err(why)) => tokio::select! {
            biased;
            signal = interrupted => signal,
            () = nap(CLOSE_BEHIND) => return Err(NoAnswer::Failed(why)),
        },
    };
    // The cursor stands behind the question.
    terminal::say_always("");
    Err(NoAnswer::Interrupted(signal))
}

async fn nap(span: Duration) {
    SystemClock.sleep_until(SystemClock.now() + span).await;
}

/// Whether a line says yes.
fn is_yes(line: &str) -> bool {
    let word = line.trim();
    word.eq_ignore_ascii_case("y") || word.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_the_whole_word_is_a_yes() {
        for line in ["y", "Y", "yes", "YES", "Yes", " y ", "y\r"] {
            assert!(is_yes(line), "{line:?}");
        }
        for line in [
            "",
            " ",
            "n",
            "no",
            "maybe",
            "yy",
            "ye",
            "yes please",
            "y y",
            "\u{1b}[200~y",
            "yn",
        ] {
            assert!(!is_yes(line), "{line:?}");
        }
    }
}
