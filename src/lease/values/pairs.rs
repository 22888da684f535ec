//! Labels and annotations as flags have them.

use serde::de::IgnoredAny;

use super::dns_subdomain;

/// Reads `key=value,…` as labels.
///
/// # Errors
/// Says what is allowed.
pub fn parse_labels(text: &str) -> Result<Vec<(String, String)>, String> {
    pairs(text, |key, value| {
        qualified_name(key)?;
        if value.is_empty() || (value.len() <= 63 && label_text(value)) {
            Ok(())
        } else {
            Err(format!(
                "label value {value:?} is not allowed: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
            ))
        }
    })
}

/// Reads `key=value,…` as annotations. A value may be prose with commas in it, or JSON; a pair may stand in double quotes.
///
/// # Errors
/// Says what is allowed.
pub fn parse_annotations(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut rest = Some(text);
    while let Some(next) = rest {
        if next.starts_with('"') {
            match (quoted_pair(next), pairs.is_empty()) {
                (Ok((pair, after)), _) => {
                    pairs.push(pair);
                    rest = after;
                    continue;
                }
                (Err(why), true) => return Err(why),
                // It belongs to the value before, as in `{"a":1,"b":2}`.
                (Err(_), false) => {}
            }
        }
        let (part, after) = part(next);
        rest = after;
        match (part.split_once('='), pairs.last_mut()) {
            (Some((key, value)), _) if is_qualified_name(key) => {
                pairs.push((key.to_owned(), value.to_owned()));
            }
            (_, Some((_, value))) => {
                value.push(',');
                value.push_str(part);
            }
            (Some((key, _)), None) => qualified_name(key)?,
            (None, None) => return Err(format!("{} is not of the form key=value", shown(part))),
        }
    }
    Ok(pairs)
}

/// What stands before the next comma, and what after it. Commas in JSON are its own.
fn part(text: &str) -> (&str, Option<&str>) {
    let comma = text.find(',');
    // No key has one; and nothing is looked for beyond it, or a long list would take as long as its length squared.
    let first = comma.map_or(text, |at| &text[..at]);
    let json = first.split_once('=').and_then(|(key, _)| {
        is_qualified_name(key).then_some(())?;
        let value = text.get(key.len() + 1..)?;
        text.split_at_checked(key.len() + 1 + json(value)?)
    });
    match json.or_else(|| text.split_at_checked(comma?)) {
        Some((part, after)) => (part, after.strip_prefix(',')),
        None => (text, None),
    }
}

/// How long the JSON is that a value is, up to a comma or the end of all.
fn json(value: &str) -> Option<usize> {
    if !value.starts_with(['{', '[', '"']) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(value).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let length = values.byte_offset();
    let after = value.get(length..)?;
    (after.is_empty() || after.starts_with(',')).then_some(length)
}

/// A pair in double quotes, as the flags of kubectl that take pairs have it (pflag's `StringToString`, which is CSV): a comma
/// in it is one, and two double quotes are one. What follows comes with it.
fn quoted_pair(quoted: &str) -> Result<((String, String), Option<&str>), String> {
    let mut text = String::new();
    let mut left = quoted.strip_prefix('"').unwrap_or(quoted);
    left = loop {
        let (before, after) = left
            .split_once('"')
            .ok_or_else(|| format!("{} has no closing double quote", shown(quoted)))?;
        text.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                text.push('"');
                left = more;
            }
            None => break after,
        }
    };
    let rest = left.strip_prefix(',');
    if rest.is_none() && !left.is_empty() {
        return Err(format!(
            "{} follows a closing double quote, where a comma may",
            shown(left)
        ));
    }
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{} is not of the form key=value", shown(&text)))?;
    qualified_name(key)?;
    Ok(((key.to_owned(), value.to_owned()), rest))
}

/// A text for a message: its beginning. Most messages are for nobody, and a long list has one for each of its commas.
fn shown(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn pairs(
    text: &str,
    check: impl Fn(&str, &str) -> Result<(), String>,
) -> Result<Vec<(String, String)>, String> {
    text.split(',')
        .map(|pair| {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("{pair:?} is not of the form key=value"))?;
            check(key, value)?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let prefix_ok = prefix.is_none_or(|prefix| dns_subdomain(prefix).is_ok());
    prefix_ok && !name.is_empty() && name.len() <= 63 && label_text(name)
}

fn qualified_name(key: &str) -> Result<(), String> {
    if is_qualified_name(key) {
        Ok(())
    } else {
        let key = shown(key);
        Err(format!(
            "key {key} is not allowed: an optional DNS subdomain and '/', then at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
        ))
    }
}

fn label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn labels_are_checked_before_anything_is_sent() {
        assert!(parse_labels("app=web,example.com/tier=1,empty=").is_ok());
        for text in [
            "app", "=x", "a b=c", "app=-x", "app=x y", "/x=1", "a/b/c=1", "",
        ] {
            assert!(parse_labels(text).is_err(), "{text:?} was accepted");
        }
        assert!(parse_annotations("note=anything goes: here").is_ok());
    }

    /// A command line has room for a hundred thousand characters, and a script may put anything there.
    #[test]
    fn a_long_list_is_read_in_no_time_whatever_it_is_made_of() {
        for part in [",\"x", ",x", ",a=\"", ",a=[1"] {
            let text = format!("a=1{}=", part.repeat(10_000));
            let begun = SystemClock.now();
            assert!(parse_annotations(&text).is_ok(), "{part}");
            let took = SystemClock.now().since(begun);
            assert!(took < Duration::from_secs(10), "{part}: {took:?}");
        }
        let long = "x".repeat(1000);
        let why = parse_annotations(&long).expect_err("it is no pair");
        assert!(why.len() < 200, "{why}");
    }

    #[test]
    fn a_comma_in_an_annotation_is_a_comma_where_no_other_annotation_follows() {
        let parsed = |text: &str| {
            let pairs = parse_annotations(text).expect("they are annotations");
            let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
            pairs.collect::<Vec<_>>()
        };
        for (text, pairs) in [
            ("a.b/c=hello, world", &["a.b/c=hello, world"][..]),
            ("a=1,b=2", &["a=1", "b=2"]),
            ("a=x, y,b=2,", &["a=x, y", "b=2,"]),
            ("a=say \"hi\", b=c", &["a=say \"hi\", b=c"]),
            // As pflag reads them.
            ("\"a=x,b=2\",c=3", &["a=x,b=2", "c=3"]),
            ("c=3,\"a=\"\"x\"\", y=1\"", &["c=3", "a=\"x\", y=1"]),
            // As `kubectl annotate` takes them, one by one.
            (r#"json={"a":1,"b":2}"#, &[r#"json={"a":1,"b":2}"#]),
            (
                r#"json={"a":1,"b":2},b=2"#,
                &[r#"json={"a":1,"b":2}"#, "b=2"],
            ),
            (
                r#"a=1,json=["x","a=b","y"]"#,
                &["a=1", r#"json=["x","a=b","y"]"#],
            ),
            (r#"q={"q":"a=1,b=2"}"#, &[r#"q={"q":"a=1,b=2"}"#]),
            (r#"a="x, b=2",c="#, &[r#"a="x, b=2""#, "c="]),
            (r#"a=1,"x""#, &[r#"a=1,"x""#]),
            (r#"a=the "x","y" and z"#, &[r#"a=the "x","y" and z"#]),
            (r#"a={"b":1, c"#, &[r#"a={"b":1, c"#]),
            (r#""a={""b"":1,""c"":2}""#, &[r#"a={"b":1,"c":2}"#]),
        ] {
            assert_eq!(parsed(text), pairs, "{text}");
        }
        for text in ["", "x", ",a=1", "-bad=1", "\"a=1", "\"a=1\"b=2", "\"x\""] {
            assert!(parse_annotations(text).is_err(), "{text:?} was accepted");
        }
    }
}
