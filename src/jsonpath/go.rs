//! Values as Go prints them, and strings as Go quotes them: kubectl is written in it.

use serde_json::{Number, Value};

/// As a template prints it: text as it is, objects and lists as JSON.
pub fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => self::number(number),
        Value::Array(_) | Value::Object(_) => json(value.to_string()),
    }
}

/// As a column prints it: `map[a:1 b:2]`, `[x y]`, `<nil>` (Go's fmt.Sprint).
pub fn sprint(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => self::number(number),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(sprint).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields.into_iter();
            let fields: Vec<String> = fields
                .map(|(name, value)| format!("{name}:{}", sprint(value)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// JSON with what Go's encoder escapes in strings, where alone it may stand.
pub fn json(text: String) -> String {
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// Go's `%v`: the shortest digits, with an exponent where that is below -4 or above 20.
fn number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let size = float.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{float:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => {
                let (sign, exponent) = match exponent.strip_prefix('-') {
                    Some(exponent) => ('-', exponent),
                    None => ('+', exponent),
                };
                format!("{digits}e{sign}{exponent:0>2}")
            }
            None => text,
        };
    }
    format!("{float}")
}

/// What stands between quotes, with Go's escapes; `None` if one of them is none.
pub fn unquoted(inner: &str, quote: char) -> Option<String> {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = rest.chars().next()?;
        let (skipped, digits, radix) = match escape {
            'x' => (1, 2, 16),
            'u' => (1, 4, 16),
            'U' => (1, 8, 16),
            '0'..='7' => (0, 3, 8),
            _ => {
                bytes.push(match escape {
                    'a' => 7,
                    'b' => 8,
                    't' => b'\t',
                    'n' => b'\n',
                    'v' => 11,
                    'f' => 12,
                    'r' => b'\r',
                    '\\' => b'\\',
                    c if c == quote => u8::try_from(c).ok()?,
                    _ => return None,
                });
                rest = rest.get(1..)?;
                continue;
            }
        };
        let code = rest.get(skipped..skipped + digits)?;
        let code = u32::from_str_radix(code, radix).ok()?;
        rest = rest.get(skipped + digits..)?;
        match escape {
            'u' | 'U' => bytes.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).bytes()),
            _ => bytes.push(u8::try_from(code).ok()?),
        }
    }
    String::from_utf8(bytes).ok()
}
