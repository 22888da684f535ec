//! kubectl's `-o jsonpath=…` and `-o custom-columns=…`: its template syntax around paths that a JSONPath library evaluates.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jsonpath_rust::JsonPath;
use serde_json::Value;

use super::{WIDEST, shortened};
use crate::output::words::printable;

/// A parsed jsonpath template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Path(String),
    Range(String, Vec<Part>),
}

impl Template {
    /// Parses `{.items[*].metadata.name}{"\n"}`, `{range …}…{end}` and the text between.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A path alone needs no braces, as in kubectl.
        let braced = if text.contains('{') {
            text.to_owned()
        } else {
            format!("{{{text}}}")
        };
        let mut rest = braced.as_str();
        let (parts, ended) = parts(&mut rest)?;
        if ended {
            return Err("{end} without {range}".to_owned());
        }
        Ok(Self(parts))
    }

    /// The text for a document; what is not there is empty. On a terminal what could change its state is escaped; a
    /// script gets every character.
    pub fn render(&self, document: &Value, on_terminal: bool) -> String {
        let mut out = String::new();
        render(&self.0, document, on_terminal, &mut out);
        out
    }
}

fn parts(rest: &mut &str) -> Result<(Vec<Part>, bool), String> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let Some(open) = rest.find('{') else {
            all.push(Part::Text((*rest).to_owned()));
            *rest = "";
            break;
        };
        if open > 0 {
            all.push(Part::Text(rest[..open].to_owned()));
        }
        let inside = &rest[open + 1..];
        let close =
            closing(inside).ok_or_else(|| format!("{:?} has no closing brace", &rest[open..]))?;
        let body = inside[..close].trim();
        *rest = &inside[close + 1..];
        if body == "end" {
            return Ok((all, true));
        }
        if let Some(path) = body.strip_prefix("range ") {
            let path = query(path)?;
            let (inner, ended) = parts(rest)?;
            if !ended {
                return Err("{range} without {end}".to_owned());
            }
            all.push(Part::Range(path, inner));
        } else if body.starts_with(['"', '\'']) {
            all.push(Part::Text(unquoted(body)?));
        } else {
            all.push(Part::Path(query(body)?));
        }
    }
    Ok((all, false))
}

/// The closing brace, not one inside quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') => return Some(at),
            (None, _) => {}
        }
    }
    None
}

fn unquoted(body: &str) -> Result<String, String> {
    let wrong = || format!("{body} is not a quoted text");
    let quote = body.chars().next().ok_or_else(wrong)?;
    let inner = body
        .strip_prefix(quote)
        .and_then(|rest| rest.strip_suffix(quote))
        .ok_or_else(wrong)?;
    let json = if quote == '\'' {
        inner.replace('"', "\\\"")
    } else {
        inner.to_owned()
    };
    serde_json::from_str(&format!("\"{json}\"")).map_err(|_| wrong())
}

/// kubectl's way to write a path, as the library reads it: `.a\.b/c` is `$['a.b/c']`.
fn query(path: &str) -> Result<String, String> {
    let path = path.trim();
    let rest = path.strip_prefix(['$', '@']).unwrap_or(path);
    let mut out = String::from("$");
    let mut characters = rest.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '.' if characters.peek() == Some(&'.') || characters.peek() == Some(&'*') => {
                out.push('.')
            }
            '.' => {
                let mut key = String::new();
                while let Some(&c) = characters.peek() {
                    match c {
                        '.' | '[' => break,
                        '\\' => {
                            characters.next();
                            key.extend(characters.next());
                        }
                        _ => {
                            key.push(c);
                            characters.next();
                        }
                    }
                }
                if out.ends_with("..") || out.ends_with('.') {
                    out.push_str(&key);
                } else if !key.is_empty() {
                    out.push_str(&format!("['{}']", key.replace('\'', "\\'")));
                }
            }
            '[' => {
                out.push('[');
                let mut quote = None;
                for c in characters.by_ref() {
                    out.push(c);
                    match (quote, c) {
                        (Some(open), c) if c == open => quote = None,
                        (Some(_), _) => {}
                        (None, '"' | '\'') => quote = Some(c),
                        (None, ']') => break,
                        (None, _) => {}
                    }
                }
            }
            other => out.push(other),
        }
    }
    jsonpath_rust::parser::parse_json_path(&out)
        .map_err(|_| format!("{path:?} is not a JSONPath"))?;
    Ok(out)
}

fn render(parts: &[Part], document: &Value, on_terminal: bool, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(path) => {
                let found = document.query(path).unwrap_or_default();
                let texts: Vec<String> = found.into_iter().map(text).collect();
                let texts = texts.join(" ");
                if on_terminal {
                    out.push_str(&printable(&texts));
                } else {
                    out.push_str(&texts);
                }
            }
            Part::Range(path, inner) => {
                for item in document.query(path).unwrap_or_default() {
                    render(inner, item, on_terminal, out);
                }
            }
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Parsed custom columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(Vec<(String, String)>);

impl Columns {
    /// Parses `NAME:.metadata.name,STATE:.state`.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(|column| {
                let (name, path) = column
                    .split_once(':')
                    .ok_or_else(|| format!("{column:?} is not of the form HEADER:PATH"))?;
                let path = path.trim().trim_start_matches('{').trim_end_matches('}');
                Ok((name.to_owned(), query(path)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// A table of these columns, a line for each item.
    pub fn render(&self, items: &[Value], no_headers: bool) -> String {
        let mut table = Table::new();
        table.load_preset(NOTHING).force_no_tty();
        if !no_headers {
            table.set_header(self.0.iter().map(|(name, _)| name));
        }
        for item in items {
            table.add_row(self.0.iter().map(|(_, path)| {
                let found = item.query(path).unwrap_or_default();
                let texts: Vec<String> = found
                    .into_iter()
                    .map(text)
                    .filter(|text| !text.is_empty())
                    .collect();
                if texts.is_empty() {
                    "<none>".to_owned()
                } else {
                    shortened(&printable(&texts.join(",")), WIDEST)
                }
            }));
        }
        let last = self.0.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { 3 }));
        }
        table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({"items": [
            {"metadata": {"name": "a", "labels": {"x.io/y": "1"}}, "state": "Held", "transitions": 3},
            {"metadata": {"name": "b"}, "state": "Free", "holder": null},
        ]})
    }

    #[test]
    fn templates_read_as_kubectls() {
        for (template, text) in [
            ("{.items[*].metadata.name}", "a b"),
            (".items[0].state", "Held"),
            (
                "{range .items[*]}{.metadata.name}={.state}{\"\\n\"}{end}",
                "a=Held\nb=Free\n",
            ),
            ("{.items[?(@.state==\"Held\")].metadata.name}", "a"),
            ("{.items[0].metadata.labels.x\\.io/y}", "1"),
            ("{.items[0].metadata.labels['x.io/y']}", "1"),
            ("{$.items[1].holder}{.nothing}", ""),
            ("n: {.items[0].transitions}!", "n: 3!"),
        ] {
            let parsed = Template::parse(template).expect(template);
            assert_eq!(parsed.render(&document(), false), text, "{template}");
        }
    }

    #[test]
    fn broken_templates_are_refused() {
        for template in [
            "{.items",
            "{range .items[*]}x",
            "{end}",
            "{.items[}",
            "{\"x}",
        ] {
            assert!(
                Template::parse(template).is_err(),
                "{template} was accepted"
            );
        }
    }

    #[test]
    fn custom_columns_print_none_for_what_is_not_there() {
        let columns = Columns::parse("NAME:.metadata.name,HOLDER:.holder").expect("columns");
        let items = document()["items"].as_array().expect("items").clone();
        assert_eq!(
            columns.render(&items, false),
            "NAME   HOLDER\na      <none>\nb      <none>\n"
        );
        assert!(Columns::parse("NAME").is_err());
    }
}
