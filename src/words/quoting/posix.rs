//! A word of a POSIX shell.

use crate::words::shown::{decoded_by_a_shell, is_printable};

/// `text` quoted so that a POSIX shell reads it as one word.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    // zsh reads a word that begins with `=` as a command's path.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// As [`quoted`], but without the characters that a terminal is not shown, which bash, zsh and ksh read back from `$'…'`, byte
/// by byte and in every locale.
pub fn pasted(text: &str) -> String {
    if is_printable(text) {
        quoted(text)
    } else {
        decoded_by_a_shell(text)
    }
}
