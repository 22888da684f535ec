//! The answer as one line of the console, which edits it: dialoguer, which words the question, reads key by key, so that an answer
//! would be whatever was typed before the question, or the first letter of a paste.

use std::io::{self, BufRead};
use std::time::Duration;

use dialoguer::theme::{SimpleTheme, Theme};

use super::is_yes;
use crate::output::terminal;

/// What comes so soon after a line was not typed: it was pasted with it.
const PASTED: Duration = Duration::from_millis(50);

/// Asks, and reads a line.
///
/// # Errors
/// With what came instead of an answer, or why it cannot be asked.
pub fn confirm(question: &str) -> Result<bool, String> {
    terminal::forget_input();
    show(question).map_err(|error| error.to_string())?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| error.to_string())?;
    // Ctrl-Z, or a console that is gone.
    if !line.ends_with('\n') {
        // The cursor stands behind the question.
        terminal::say_always("");
        return Err("there was no answer".to_owned());
    }
    std::thread::sleep(PASTED);
    let pasted = terminal::has_input();
    terminal::forget_input();
    match pasted {
        true => Err("more than a line came at once, as if it was pasted".to_owned()),
        false => Ok(is_yes(&line)),
    }
}

fn show(question: &str) -> io::Result<()> {
    let mut text = String::new();
    SimpleTheme
        .format_confirm_prompt(&mut text, question, Some(false))
        .map_err(io::Error::other)?;
    terminal::put(&text)
}
