//! What others write, fed to what reads it: a function of any bytes for each target in `fuzz/`, which panics where a promise is
//! broken. `cargo test` has each of them do the inputs in `fuzz/corpus` again. No part of the interface.

mod argv;
mod escaped;
mod managed_fields;
mod page;
mod record;
#[cfg(test)]
mod replay_tests;
mod template;
mod values;
#[cfg(unix)]
mod wire;
mod yaml;

use serde_json::Value;

use crate::server::fuzzing::{answer, certificate, kubeconfig, plugin, watch};

/// A name, which is that of a corpus too, and what is done with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Each target.
pub const TARGETS: &[Target] = &[
    ("answer", answer),
    ("argv", argv::fuzz),
    ("certificate", certificate),
    ("escaped", escaped::fuzz),
    ("kubeconfig", kubeconfig),
    ("managed_fields", managed_fields::fuzz),
    ("page", page::fuzz),
    ("plugin", plugin),
    ("record", record::fuzz),
    ("template", template::fuzz),
    ("values", values::fuzz),
    ("watch", watch),
    #[cfg(unix)]
    ("wire", wire::fuzz),
    ("yaml", yaml::fuzz),
];

/// Does what `target` does with `input`.
pub fn run(target: &str, input: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, does) = found.unwrap_or_else(|| panic!("there is no target {target}"));
    does(input);
}

/// What stands before the first NUL of an input, and what after it.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == 0);
    match end.and_then(|end| input.split_at_checked(end)) {
        Some((before, after)) => (before, after.get(1..).unwrap_or_default()),
        None => (input, &[]),
    }
}

/// Panics where a text moves the cursor, hides something or turns the direction; told apart from `words::shown` on purpose.
#[track_caller]
fn assert_shows_nothing_hidden(text: &str) {
    let hides = |c: char| {
        let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}');
        invisible || (c.is_control() && c != '\n')
    };
    let odd = text.chars().find(|c| hides(*c));
    assert_eq!(odd, None, "{text:?}");
}

/// Equal, but for the last digit of what is no whole number: no field of a Lease has one.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => true,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let in_other = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|other| alike(value, other))
            };
            one.len() == other.len() && one.iter().all(in_other)
        }
        _ => one == other,
    }
}
