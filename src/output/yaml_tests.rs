//! YAML that every parser reads alike: strings that are not what they look like, and any others.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Strings that some parser takes for something else, or ends early, unless they are quoted.
const ODD: &[&str] = &[
    "", " ", "  x", "x  ", "\t", "\tx", "x\t", "y", "Y", "n", "N", "yes", "Yes", "YES", "no", "on",
    "On", "off", "OFF", "true", "True", "false", "null", "Null", "NULL", "~", "none", "nan",
    ".nan", ".NaN", ".inf", "-.inf", "+.Inf", "inf", "1", "-1", "+1", "0", "00", "017", "0o17",
    "0o7", "0x1f", "0b101", "1e3", "1E3", "1e-3", "1.5e+3", "6.", ".5", "1_000", "1_0.5", "0x_1f",
    "1:30", "=", "<<", "-", "--", "---", "...", "- x", "-x", "?", "? x", "?x", ":", ": x", ":x",
    "x:", "x: y", "x:y", "x :y", "#", "#x", "x #y", "x#y", "&a", "*a", "!a", "!!str x", "|", ">",
    "|-", "%x", "@x", "`x`", "'", "''", "'x'", "\"", "\"x\"", "x'y", "x\"y", "\\", "\\n", "a\\b",
    "[", "[]", "[x]", "]", "{", "{}", "{x: y}", "}", ",", "x, y", "x,y", "a\nb", "a\n", "\na",
    "\n", "a\n\n", "  a\nb", "a\n#b", "a \nb", "a\r\nb", "a\rb", "\u{85}", "a\u{85}b", "a\u{0}b",
    "a\u{7f}b", "a\u{9b}b", "a\u{a0}b", "ü", "漢字", "e\u{301}", "\u{301}", "\u{e000}", "1a",
    "1-2", "1.2.3", "12e", "0xg", "e3", "x=y", "x<<y", "a/b.c-d", "(x)", "x~",
];

/// The same, longer.
const ODD_TOO: &[&str] = &[
    "190:20:30",
    "190:20:30.15",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-01-01 00:00:00 +1",
    "2026-01-01t00:00:00.5z",
    "a\n  b\n c",
    "a\n---\nb",
    "a\u{2028}b",
    "a\u{2029}b",
    "a\u{1b}[2Jb",
    "\u{feff}a",
    "\u{202e}x",
    "\u{1f468}\u{200d}\u{1f469}",
    "ป\u{e34}ด",
    "a\u{e000}xx",
    "\u{10ffff}",
    "me@host_1",
    "system:node:a",
];

/// Every odd string as a value, as an item and as a key.
fn odd() -> Value {
    let all = || ODD.iter().chain(ODD_TOO).map(|text| (*text).to_owned());
    let numbered = |(number, text)| (format!("value-{number}"), json!(text));
    let values: serde_json::Map<String, Value> = all().enumerate().map(numbered).collect();
    let keys: serde_json::Map<String, Value> =
        all().map(|text| (text.clone(), json!(text))).collect();
    let items: Vec<String> = all().collect();
    json!({"values": values, "keys": keys, "items": items, "nested": [[{"y": [{"n": "no"}]}], [], {}]})
}

#[track_caller]
fn reads_back(document: &Value) {
    let text = text(document).expect("YAML");
    assert!(crate::words::shown::is_safe(&text), "{text}");
    let read: Value = serde_yaml::from_str(&text).expect(&text);
    assert_eq!(read, *document, "{text}");
}

/// What Python's YAML 1.1 parser reads; `None` where there is none.
fn read_by_python(text: &str) -> Option<Value> {
    const READ: &str = "import json, sys, yaml\n\
        sys.stdin.reconfigure(encoding='utf-8', newline='')\n\
        json.dump(yaml.safe_load(sys.stdin.read()), sys.stdout, default=repr)";
    let importable = Command::new("python3")
        .args(["-c", "import yaml"])
        .stderr(Stdio::null())
        .status();
    if !importable.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut python = Command::new("python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    python
        .stdin
        .take()
        .expect("its input")
        .write_all(text.as_bytes())
        .expect("it reads");
    let output = python.wait_with_output().expect("its output");
    assert!(output.status.success(), "{text}");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn strings_that_look_like_something_else_are_read_back_as_they_were() {
    reads_back(&odd());
}

#[test]
#[expect(clippy::disallowed_macros, reason = "says that it is skipped")]
fn a_yaml_1_1_parser_reads_the_same() {
    let text = text(&odd()).expect("YAML");
    match read_by_python(&text) {
        Some(read) => assert_eq!(read, odd(), "{text}"),
        None => eprintln!("skipped: python3 has no yaml"),
    }
}

#[test]
fn usual_strings_have_no_quotes_and_others_have_kubectls() {
    let document = json!({
        "a": "me@host_1", "b": "lease.coordination.k8s.io/x", "c": "system:serviceaccount:ns:name", "d": "yes", "e": "2026-01-01T00:00:00Z",
        "f": "77", "y": "night run", "g": "1:30",
    });
    assert_eq!(
        text(&document).as_deref(),
        Ok(
            "a: me@host_1\nb: lease.coordination.k8s.io/x\nc: system:serviceaccount:ns:name\nd: \"yes\"\n\
            e: \"2026-01-01T00:00:00Z\"\nf: \"77\"\ng: \"1:30\"\n\"y\": night run\n"
        )
    );
}

#[test]
fn what_could_turn_the_text_is_escaped_and_read_back_as_it_was() {
    let tags = "\u{e0041}\u{1f468}";
    let document = json!({
        "plain": "a\u{202e}b", "key\u{2066}": ["\u{200f}"], "string-0": {"string-1.": "\u{feff}"},
        "lines": "one\n\u{202e}two: \"x\" \\ # y\n", "quoted": "'\u{85}\u{2028}", "astral": tags,
        "control": "\u{1b}[2J\u{9b}\u{202e}\t", "number-like": "\u{200b}1", "none": null,
    });
    let text = text(&document).expect("YAML");
    assert!(crate::words::shown::is_safe(&text), "{text}");
    let read: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
    assert_eq!(read, document, "{text}");
    assert!(text.contains("plain: \"a\\u202eb\"\n"), "{text}");
}

#[test]
fn a_key_too_long_for_one_line_is_read_back_as_it_was() {
    let document = json!({format!("\u{202e}{}", "k".repeat(3000)): 1});
    let text = text(&document).expect("YAML");
    let read: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
    assert_eq!(read, document);
}

#[test]
fn the_order_of_a_document_stays() {
    #[derive(Serialize)]
    struct Document {
        second: &'static str,
        first: u8,
    }
    let text = text(&Document {
        second: "\u{202e}",
        first: 1,
    });
    assert_eq!(text.as_deref(), Ok("second: \"\\u202e\"\nfirst: 1\n"));
}

proptest! {
    #[test]
    fn any_string_is_read_back_as_value_and_as_key(
        text in prop_oneof![any::<String>(), "[ -~\\n\\t]{0,12}", "[-0-9a-fxo:._+eTZ]{1,10}"],
        name in "[a-z]{1,3}",
    ) {
        reads_back(&json!({name: {"holderIdentity": text}, "list": [text], "labels": {text.clone(): text}}));
    }
}
