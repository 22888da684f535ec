//! Command lines, their words with a NUL between: read, or refused in a line.

use std::ffi::OsString;

use super::assert_shows_nothing_hidden;
use crate::usage::{self, Instead};
use crate::words::shown::spoken;

pub fn fuzz(input: &[u8]) {
    let words = input.split(|byte| *byte == 0).map(word);
    let program = [OsString::from("kubectl-lease")].into_iter();
    let args: Vec<OsString> = program.chain(words).collect();
    // A file is another's contents.
    let reads = |word: &OsString| {
        word.to_string_lossy()
            .to_ascii_lowercase()
            .contains("-file=")
    };
    if args.iter().any(reads) {
        return;
    }
    match usage::parse(&args) {
        Ok((_, warning)) => assert!(warning.is_none_or(|line| line.starts_with("warning: "))),
        Err(Instead::Help(text)) => assert_shows_nothing_hidden(&text.to_string()),
        Err(Instead::Error(line)) => {
            assert!(line.starts_with("error: "), "{line}");
            assert!(line.len() < 2_000 + 20 * input.len(), "{line}");
            assert_shows_nothing_hidden(&spoken(&line));
        }
    }
}

#[cfg(unix)]
fn word(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn word(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
