//! YAML output: it parses back as what it was by the parsers at hand, no string can be taken for anything else by the rules of
//! YAML 1.1, and nothing unescaped is in it.

use serde_json::Value;

use super::{alike, assert_shows_nothing_hidden};
use crate::output::format::DocumentFormat;
use crate::output::{document, yaml};
use crate::words::shown::is_safe;

/// The parsers at hand go no deeper.
const DEEPEST: usize = 60;

pub fn fuzz(input: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(input) else {
        return fuzz_string(&String::from_utf8_lossy(input));
    };
    let text = yaml::text(&document).expect("JSON can be said in YAML");
    assert!(is_safe(&text), "{text:?}");
    assert_shows_nothing_hidden(&text);
    if depth(&document) > DEEPEST {
        return;
    }
    let read: Value = serde_yaml::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
    assert!(alike(&read, &document), "{text}");
    let read: Value = serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
    assert!(alike(&read, &document), "{text}");
    each_string(&document, &mut fuzz_string);
    let json = document::text(&document, DocumentFormat::Json);
    let json = json.unwrap_or_else(|why| panic!("{why:?}"));
    assert_shows_nothing_hidden(&json);
    let read: Value = serde_json::from_str(&json).expect("it is JSON");
    assert!(alike(&read, &document), "{json}");
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

fn each_string(value: &Value, does: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => does(text),
        Value::Array(items) => items.iter().for_each(|item| each_string(item, does)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            does(key);
            each_string(value, does);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One string, which stands in quotes unless every parser reads it as one without them.
fn fuzz_string(text: &str) {
    let written = yaml::text(&text).expect("a string can be said in YAML");
    let line = written.strip_suffix('\n').expect("a line");
    assert!(!line.contains('\n'), "{line:?}");
    let read: String = serde_yaml::from_str(&written).unwrap_or_else(|why| panic!("{why}: {line}"));
    assert_eq!(read, text);
    if !line.starts_with('"') {
        assert_eq!(line, text);
        assert!(!may_be_no_string(text), "{text:?} has no quotes");
    }
}

/// Whether a plain scalar resolves to anything but a string in YAML 1.1 (yaml.org/type), or is cut or ended by its characters.
fn may_be_no_string(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    let words = "y n yes no on off true false null nan inf";
    let first = text.chars().next();
    words.split(' ').any(|other| other == word)
        || !first.is_some_and(char::is_alphabetic)
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' '])
        || text.contains([
            ',', '[', ']', '{', '}', '\t', '"', '\'', '`', '|', '&', '!', '\\',
        ])
}
