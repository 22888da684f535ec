//! A word for a program that PowerShell starts. PowerShell reads a string; how the program gets that depends on the version
//! (engine/NativeCommandParameterBinder.cs): up to 7.2 it is put into quotes where it has blanks and else left as it is, the
//! quotes in it too, and an empty one is dropped; from 7.3 on it arrives as it is.

use std::fmt::Write;

use super::cmd::argument;
use crate::words::shown::judged;

/// `text` as a string, for 7.3 and newer.
pub fn literal(text: &str) -> String {
    let is_shown = judged(text).all(|(_, may_be_shown)| may_be_shown);
    if is_shown {
        single(text)
    } else {
        double(judged(text))
    }
}

/// The same in ASCII alone.
pub fn ascii_literal(text: &str) -> String {
    let is_plain = |c: char| matches!(c, ' '..='~');
    if text.chars().all(is_plain) {
        single(text)
    } else {
        double(text.chars().map(|c| (c, is_plain(c))))
    }
}

/// `text` for 5.1 to 7.2.
pub fn legacy(text: &str) -> String {
    // In quotes of its own nothing is added: only blanks outside of them are looked for. 5.1 does not double the backslash
    // that would escape the quote it adds.
    if text.is_empty() || text.ends_with('\\') || text.contains('"') {
        literal(&argument(text))
    } else {
        literal(text)
    }
}

fn single(text: &str) -> String {
    let mut out = "'".to_owned();
    for c in text.chars() {
        if is_single_quote(c) {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// With what may not be shown by its number.
fn double(characters: impl Iterator<Item = (char, bool)>) -> String {
    let mut out = "\"".to_owned();
    for (c, may_be_shown) in characters {
        let number = u32::from(c);
        let _ = match c {
            c if may_be_shown && (matches!(c, '$' | '`') || is_double_quote(c)) => {
                write!(out, "`{c}")
            }
            c if may_be_shown => write!(out, "{c}"),
            '\u{10000}'.. => write!(out, "$([char]::ConvertFromUtf32(0x{number:x}))"),
            _ => write!(out, "$([char]0x{number:x})"),
        };
    }
    out.push('"');
    out
}

/// Those that PowerShell takes for `"` (about_Quoting_Rules).
pub fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

/// Those that it takes for `'`.
pub fn is_single_quote(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}')
}
