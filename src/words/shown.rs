//! What of a text a terminal may be shown: nothing that changes its state or hides, and every script as it is written.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;

/// `text` with control characters, direction marks and other invisible characters written as `\u{…}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (c, may_be_shown) in judged(text) {
        match c {
            c if may_be_shown => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

/// A line of words as [`printable`], in which texts were quoted by Rust's `{:?}`: that escapes marks and joiners everywhere,
/// which are shown here where they may be.
pub fn spoken(line: &str) -> String {
    const BEGIN: &str = "\\u{";
    /// The most digits that a character's number has: no further is looked for its end, or a long line would take as long as
    /// its length squared.
    const DIGITS: usize = 6;
    let mut read = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(BEGIN) {
        let (before, escape) = rest.split_at(at);
        read.push_str(before);
        let inner = escape.get(BEGIN.len()..).unwrap_or_default();
        let end = inner.bytes().take(DIGITS + 1).position(|byte| byte == b'}');
        let code = end.and_then(|end| inner.get(..end));
        let c = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        // A backslash that is itself escaped begins nothing.
        let escaped = before.len() - before.trim_end_matches('\\').len();
        let length = match (code, c) {
            (Some(code), Some(c)) if !c.is_ascii() && escaped.is_multiple_of(2) => {
                read.push(c);
                BEGIN.len() + code.len() + 1
            }
            _ => {
                read.push_str(BEGIN);
                BEGIN.len()
            }
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    read.push_str(rest);
    printable(&read).into_owned()
}

/// A value that somebody may paste back: as it is, or where something of it must not be shown, or cannot be seen because it
/// is blank at an edge, quoted so that a shell reads it back.
pub fn value(text: &str) -> Cow<'_, str> {
    if is_printable(text) && !text.starts_with("$'") && text.trim().len() == text.len() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(decoded_by_a_shell(text))
    }
}

/// `text` as bash, zsh and ksh read it back from `$'…'`, byte by byte and in every locale.
pub fn decoded_by_a_shell(text: &str) -> String {
    let mut out = "$'".to_owned();
    for (c, may_be_shown) in judged(text) {
        if may_be_shown && !"'\\!".contains(c) {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(out, "\\{byte:03o}");
        }
    }
    out.push('\'');
    out
}

/// Whether all of a line may be shown as it is.
pub fn is_printable(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~');
    text.bytes().all(plain) || judged(text).all(|(_, may_be_shown)| may_be_shown)
}

/// Whether all of a text of several lines may be shown as it is.
pub fn is_safe(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    text.bytes().all(plain) || judged(text).all(|(c, may_be_shown)| may_be_shown || c == '\n')
}

/// Each character, and whether it may be shown where it stands.
pub fn judged(text: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let mut before = None;
    text.char_indices().map(move |(at, c)| {
        let may_be_shown = match c {
            ' '..='~' => true,
            c => {
                let after = || {
                    text.get(at + c.len_utf8()..)
                        .and_then(|rest| rest.chars().next())
                };
                may_be_shown(before, c, after)
            }
        };
        before = may_be_shown.then_some(c);
        (c, may_be_shown)
    })
}

fn may_be_shown(before: Option<char>, c: char, after: impl FnOnce() -> Option<char>) -> bool {
    match c {
        // They look like blanks, or like nothing.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}'
        | '\u{ffa0}' => false,
        '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => false,
        // An emoji's own look.
        '\u{fe0e}' | '\u{fe0f}' => before.is_some_and(is_symbol),
        // A joiner is read where it makes one letter, or one emoji, of two; elsewhere it makes two names look alike.
        '\u{200c}' | '\u{200d}' => {
            // What is not shown itself is no part of anything.
            let follows = |is: fn(char) -> bool| {
                after().is_some_and(|next| is(next) && may_be_shown(Some(c), next, nothing))
            };
            let joins = |is: fn(char) -> bool| before.is_some_and(is) && follows(is);
            match before {
                Some(before) if joins_letters(before) => joins(joins_letters),
                Some(_) if c == '\u{200d}' => joins(is_emoji),
                Some(_) | None => false,
            }
        }
        // The standard library's own notion of what can be shown: alone, or as a mark on what is before it.
        c if c.escape_debug().len() == 1 => true,
        c => {
            let carries = |c: char| c.is_alphanumeric() || !c.is_ascii() || matches!(c, '#' | '*');
            before.is_some_and(carries) && is_mark(c)
        }
    }
}

/// Joiners alone look at what follows, and one is no letter and no emoji.
fn nothing() -> Option<char> {
    None
}

/// Whether the standard library takes a character for a mark that is shown with the one before it.
fn is_mark(c: char) -> bool {
    let mut buffer = [b'a'; 5];
    let end = 1 + buffer
        .get_mut(1..)
        .map_or(0, |rest| c.encode_utf8(rest).len());
    let pair = buffer
        .get(..end)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    // Of a string only the first character is escaped for being a mark.
    pair.is_some_and(|pair| pair.escape_debug().count() == 2)
}

/// Letters of scripts that write joiners: Arabic and its kin, those of India and around, Mongolian.
fn joins_letters(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{1b00}'..='\u{1bff}'
        | '\u{a800}'..='\u{a8ff}' | '\u{a980}'..='\u{a9df}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
        && (c.is_alphabetic() || is_mark(c))
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{fe0f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// What may be an emoji with the mark that makes it one.
fn is_symbol(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*' | '©' | '®' | '\u{203c}'..='\u{2bff}' | '〰' | '〽' | '㊗' | '㊙'
        | '\u{1f000}'..='\u{1faff}')
}

/// Columns on a terminal, of a text that may be shown.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    console::measure_text_width(text)
}

/// Columns that a terminal may take for it: many draw the parts of an emoji one beside the other, a skin tone among them,
/// and a ligature as its letters.
pub fn may_take(text: &str) -> usize {
    let alone = |c: char| width(c.encode_utf8(&mut [0; 4]));
    text.chars().map(alone).sum::<usize>().max(width(text))
}

/// What of the beginning of a text may be shown where the rest is cut off: a joiner joins nothing any more.
pub fn before_a_cut(head: &str) -> &str {
    head.trim_end_matches(['\u{200c}', '\u{200d}'])
}

/// The beginning of `text` with `ellipsis` after it, if `text` has more than `room` columns. Nothing is cut that a person
/// sees as one character.
pub fn shortened(text: &str, room: usize, ellipsis: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    // Where that would leave no more than an ellipsis, the beginning alone says more.
    let ellipsis = if room < 2 * width(ellipsis) {
        ""
    } else {
        ellipsis
    };
    let mut left = room.saturating_sub(width(ellipsis));
    let head: String = text
        .graphemes(true)
        .map_while(|character| {
            left = left.checked_sub(width(character))?;
            Some(character)
        })
        .collect();
    format!("{}{ellipsis}", before_a_cut(&head))
}

#[cfg(test)]
#[path = "shown_tests.rs"]
mod tests;
