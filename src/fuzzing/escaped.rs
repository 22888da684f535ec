//! Text on its way to a terminal: nothing unescaped comes out, it can be pasted back, and what is cut fits.

use super::assert_shows_nothing_hidden;
use crate::output::document;
use crate::words::shown::{is_printable, may_take, printable, shortened, spoken, value, width};
use crate::words::{cut, named, pasted, shell};

pub fn fuzz(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let quoted = format!("held by {text:?} (see {text:?})");
    for shown in [
        &*printable(text),
        &value(text),
        &pasted(text),
        &spoken(text),
        &spoken(&quoted),
        &cut(text, 20),
    ] {
        assert!(is_printable(shown), "{shown:?}");
        assert!(!shown.contains('\n'), "{shown:?}");
        assert_shows_nothing_hidden(shown);
    }
    assert_eq!(read_by_a_shell(&pasted(text)).as_deref(), Some(text));
    assert_eq!(read_by_a_shell(&shell(text)).as_deref(), Some(text));
    if value(text) != text {
        assert_eq!(read_by_a_shell(&value(text)).as_deref(), Some(text));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.@_".contains(&byte);
    assert!(named(text).bytes().all(plain), "{text:?}");
    for room in [0, 1, 7, 40] {
        let shortened = shortened(&printable(text), room, "…");
        assert!(width(&shortened) <= room, "{shortened:?} in {room}");
        assert!(is_printable(&shortened), "{shortened:?} in {room}");
        assert!(may_take(&shortened) >= width(&shortened));
        assert!(cut(text, room.max(1)).chars().count() <= room.max(1));
    }
    let json = serde_json::to_string(text).expect("a string is JSON");
    let escaped = document::escaped(json);
    assert_shows_nothing_hidden(&escaped);
    let read: String = serde_json::from_str(&escaped).expect("it is JSON still");
    assert_eq!(read, text);
}

/// What a shell that knows `$'…'` reads of a word.
fn read_by_a_shell(word: &str) -> Option<String> {
    if let Some(rest) = word.strip_prefix("$'") {
        return decoded(rest.strip_suffix('\'')?);
    }
    let (mut read, mut rest) = (String::new(), word);
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        match c {
            '\'' => {
                let (quoted, after) = rest.split_once('\'')?;
                read.push_str(quoted);
                rest = after;
            }
            '\\' => {
                let c = rest.chars().next()?;
                read.push(c);
                rest = rest.get(c.len_utf8()..)?;
            }
            ' ' | '\n' | '\t' => return None,
            c => read.push(c),
        }
    }
    Some(read)
}

/// What stands in `$'…'`, whose only escapes are of three octal digits.
fn decoded(quoted: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), quoted.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\'' => return None,
            b'\\' => {
                let digits = std::str::from_utf8(rest.get(..3)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 8).ok()?);
                rest = rest.get(3..)?;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}
