//! Labels and annotations as flags have them.

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

/// Reads `key=value,…` as annotations.
///
/// # Errors
/// Says what is allowed.
pub fn parse_annotations(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in quoted_parts(text)? {
        let pair = part.text.split_once('=');
        match (pair, pairs.last_mut()) {
            (Some((key, value)), _) if part.quoted || qualified_name(key).is_ok() => {
                qualified_name(key)?;
                pairs.push((key.to_owned(), value.to_owned()));
            }
            // A value may be prose.
            (_, Some((_, value))) if !part.quoted => {
                value.push(',');
                value.push_str(&part.text);
            }
            (Some((key, _)), _) => qualified_name(key)?,
            (None, _) => return Err(format!("{:?} is not of the form key=value", part.text)),
        }
    }
    Ok(pairs)
}

/// What stands between two commas.
struct Part {
    text: String,
    /// Whether it stood in double quotes, and so is a whole pair.
    quoted: bool,
}

/// As the flags of kubectl that take pairs (pflag's `StringToString`, which is CSV): in double quotes a comma is one, and two
/// double quotes are one.
fn quoted_parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = Some(text);
    while let Some(next) = rest {
        let Some(inside) = next.strip_prefix('"') else {
            let (part, after) = match next.split_once(',') {
                Some((part, after)) => (part, Some(after)),
                None => (next, None),
            };
            let (text, quoted) = (part.to_owned(), false);
            parts.push(Part { text, quoted });
            rest = after;
            continue;
        };
        let mut text = String::new();
        let mut left = inside;
        left = loop {
            let (before, after) = left
                .split_once('"')
                .ok_or_else(|| format!("{next:?} has no closing double quote"))?;
            text.push_str(before);
            match after.strip_prefix('"') {
                Some(more) => {
                    text.push('"');
                    left = more;
                }
                None => break after,
            }
        };
        rest = match left.strip_prefix(',') {
            Some(after) => Some(after),
            None if left.is_empty() => None,
            None => {
                return Err(format!(
                    "{left:?} follows a closing double quote, where a comma may"
                ));
            }
        };
        let quoted = true;
        parts.push(Part { text, quoted });
    }
    Ok(parts)
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

fn qualified_name(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let prefix_ok = prefix.is_none_or(|prefix| dns_subdomain(prefix).is_ok());
    if prefix_ok && !name.is_empty() && name.len() <= 63 && label_text(name) {
        Ok(())
    } else {
        Err(format!(
            "key {key:?} is not allowed: an optional DNS subdomain and '/', then at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
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
    use super::*;

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
        ] {
            assert_eq!(parsed(text), pairs, "{text}");
        }
        for text in [
            "",
            "x",
            ",a=1",
            "-bad=1",
            "\"a=1",
            "\"a=1\"b=2",
            "\"x\"",
            "a=1,\"x\"",
        ] {
            assert!(parse_annotations(text).is_err(), "{text:?} was accepted");
        }
    }
}
