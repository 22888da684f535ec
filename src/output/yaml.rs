//! The one place that knows the YAML library. serde_yaml is no longer maintained; to replace it, replace this file.

use std::fmt::Write;

use serde::Serialize;
use serde_yaml::Value;

use super::words::safe;

/// A document as YAML, with every character escaped that could change a terminal's state.
///
/// # Errors
/// When the document has something YAML cannot say; a JSON value never has.
pub fn text(document: &impl Serialize) -> Result<String, String> {
    let written = |document: &dyn Fn() -> serde_yaml::Result<String>| {
        document().map_err(|error| error.to_string())
    };
    let plain = written(&|| serde_yaml::to_string(document))?;
    if plain.chars().all(safe) {
        return Ok(plain);
    }
    // The library writes direction marks as they are, in whichever style it likes. So it gets a word in the place of each
    // such string, and the string, quoted here, takes the place of the word.
    let mut document = serde_yaml::to_value(document).map_err(|error| error.to_string())?;
    let mut words = Words::unlike(&plain);
    words.take_out(&mut document);
    let mut text = written(&|| serde_yaml::to_string(&document))?;
    for (word, quoted) in &words.taken {
        text = text.replacen(word, quoted, 1);
    }
    Ok(text)
}

/// Words in the place of strings.
struct Words {
    /// What each begins with; nothing else in the document has it.
    mark: String,
    taken: Vec<(String, String)>,
}

impl Words {
    fn unlike(text: &str) -> Self {
        let mut mark = "string-".to_owned();
        while text.contains(&mark) {
            mark.insert(0, 'x');
        }
        Self {
            mark,
            taken: Vec::new(),
        }
    }

    fn take_out(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if !stays_safe(text) => {
                let quoted = quoted(text);
                // Long if what comes in its place is, because keys above 128 bytes are written in another way.
                let width = quoted.len().min(200);
                let word = format!("{}{:0>width$}.", self.mark, self.taken.len());
                text.clone_from(&word);
                self.taken.push((word, quoted));
            }
            Value::Sequence(items) => items.iter_mut().for_each(|item| self.take_out(item)),
            Value::Mapping(fields) => {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(mut key, mut value)| {
                        self.take_out(&mut key);
                        self.take_out(&mut value);
                        (key, value)
                    })
                    .collect();
            }
            Value::Tagged(tagged) => self.take_out(&mut tagged.value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Whether the library itself escapes what needs it: most control characters.
fn stays_safe(text: &str) -> bool {
    text.chars().all(safe)
        || serde_yaml::to_string(text).is_ok_and(|written| written.chars().all(safe))
}

/// A double-quoted scalar in one line (YAML 1.2, section 5.7).
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        let code = u32::from(c);
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            c if safe(c) => write!(out, "{c}"),
            _ if code <= 0xffff => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_turn_the_text_is_escaped_and_read_back_as_it_was() {
        let tags = "\u{e0041}\u{1f468}";
        let document = json!({
            "plain": "a\u{202e}b", "key\u{2066}": ["\u{200f}"], "string-0": {"string-1.": "\u{feff}"},
            "lines": "one\n\u{202e}two: \"x\" \\ # y\n", "quoted": "'\u{85}\u{2028}", "astral": tags,
            "control": "\u{1b}[2J\u{9b}\u{202e}\t", "number-like": "\u{200b}1", "none": null,
        });
        let text = text(&document).expect("YAML");
        assert_eq!(text.chars().find(|c| !safe(*c)), None, "{text}");
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
}
