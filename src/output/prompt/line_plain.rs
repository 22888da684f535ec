//! The answer, key by key up to Enter, where the terminal is no POSIX one.

/// Asks, and waits for Enter.
///
/// # Errors
/// When it cannot be asked.
pub fn confirm(question: &str) -> Result<bool, String> {
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .wait_for_newline(true)
        .interact()
        .map_err(|dialoguer::Error::IO(error)| error.to_string())
}
