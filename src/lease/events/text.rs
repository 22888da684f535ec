//! Identities and reasons in the note of an Event: other tools print it as it is, to a terminal too.

use crate::lease::record::beginning;

/// Two identities with a reason each, and the words between them, fit into a note.
const LONGEST: usize = 200;

/// `"name" (reason: why)`
pub fn reasoned(name: &str, reason: Option<&str>) -> String {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.map_or_else(String::new, |reason| {
        format!(" (reason: {})", beginning(&plain(reason), LONGEST))
    });
    format!("{}{reason}", quoted(name))
}

/// An identity in quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", beginning(&plain(name), LONGEST))
}

/// What could change a terminal's state or turn the text around is escaped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => out.extend(c.escape_unicode()),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
