//! The one place that knows the YAML library, which lays documents out; how a string is written is decided here, so that
//! YAML 1.1 and 1.2 parsers read the same. serde_yaml is no longer maintained; to replace it, replace this file.

use std::fmt::Write;

use serde::Serialize;
use serde_yaml::Value;

use crate::words::shown::{is_printable, judged};

/// What stands for a string that is quoted here: a private character, which no string that is left to the library has.
const MARK: char = '\u{e000}';

/// A document as YAML, with every character escaped that could change a terminal's state.
///
/// # Errors
/// When the document has something YAML cannot say; a JSON value never has.
pub fn text(document: &impl Serialize) -> Result<String, String> {
    let failed = |error: serde_yaml::Error| error.to_string();
    let mut document = serde_yaml::to_value(document).map_err(failed)?;
    // The library quotes by the rules of YAML 1.2 alone, and writes direction marks as they are. So it gets a word in the
    // place of each string that needs quotes, and the string, quoted here, takes the place of the word.
    let mut quoted = Vec::new();
    take_out(&mut document, &mut quoted);
    let laid_out = serde_yaml::to_string(&document).map_err(failed)?;
    let mut quoted = quoted.into_iter();
    let mut parts = laid_out.split(MARK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(&quoted.next().unwrap_or_default());
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    Ok(text)
}

/// Puts a word in the place of each string that the library may not write, in the order in which it writes them.
fn take_out(value: &mut Value, quoted: &mut Vec<String>) {
    match value {
        Value::String(text) if !is_plain(text) => {
            let string = double_quoted(text);
            // Long if what comes in its place is, because keys above 128 bytes are written in another way. After its digits
            // comes a colon, a new line or the end.
            let width = string.len().min(200);
            *text = format!("{MARK}{:0>width$}", quoted.len());
            quoted.push(string);
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| take_out(item, quoted)),
        Value::Mapping(fields) if fields.keys().all(|key| key.as_str().is_some_and(is_plain)) => {
            for value in fields.values_mut() {
                take_out(value, quoted);
            }
        }
        Value::Mapping(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(mut key, mut value)| {
                    take_out(&mut key, quoted);
                    take_out(&mut value, quoted);
                    (key, value)
                })
                .collect();
        }
        Value::Tagged(tagged) => take_out(&mut tagged.value, quoted),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether every parser reads these characters, without quotes, as this string. YAML 1.1 has more that is not a string
/// than YAML 1.2: `y`, `on`, `1_000`, `1:30`, times, `=`, `<<` (yaml.org/type). All of it that begins with a letter is listed
/// here; what begins otherwise is quoted, whatever it is.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 11] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
    ];
    let may_be_inside = |c: char| c.is_alphanumeric() || " -_./:@+=*%~()<>?;".contains(c);
    text.starts_with(char::is_alphabetic)
        && text.chars().all(may_be_inside)
        && is_printable(text)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A double-quoted scalar in one line, with escapes that YAML 1.1 and 1.2 share.
fn double_quoted(text: &str) -> String {
    let mut out = String::from('"');
    for (c, may_be_shown) in judged(text) {
        let code = u32::from(c);
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            '\t' => write!(out, "\\t"),
            c if may_be_shown => write!(out, "{c}"),
            _ if code <= 0xffff => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
