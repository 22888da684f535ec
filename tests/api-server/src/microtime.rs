//! `MicroTime` as Go's decoder reads it: exactly six fractional digits, and its own words for what is wrong.

use jiff::Timestamp;

const LAYOUT: &str = "2006-01-02T15:04:05.000000Z07:00";

/// The layout's elements: a literal, or a number of so many digits.
const ELEMENTS: [(&str, usize); 12] = [
    ("2006", 4),
    ("-", 0),
    ("01", 2),
    ("-", 0),
    ("02", 2),
    ("T", 0),
    ("15", 2),
    (":", 0),
    ("04", 2),
    (":", 0),
    ("05", 2),
    (".000000", 6),
];

/// The time in UTC with six digits, or Go's message.
pub(crate) fn normalise(text: &str) -> Result<String, String> {
    let cannot = |rest: &str, element: &str| {
        format!("parsing time \"{text}\" as \"{LAYOUT}\": cannot parse \"{rest}\" as \"{element}\"")
    };
    let mut rest = text;
    for (element, digits) in ELEMENTS {
        let number = match digits {
            0 => rest.strip_prefix(element).map(|after| ("", after)),
            6 => rest
                .strip_prefix('.')
                .and_then(|number| number.split_at_checked(6)),
            _ => rest.split_at_checked(digits),
        };
        rest = match number {
            Some((number, after)) if number.bytes().all(|byte| byte.is_ascii_digit()) => after,
            _ => return Err(cannot(rest, element)),
        };
    }
    let offset = rest.as_bytes();
    let zone = match offset.first() {
        Some(b'Z') => 1,
        Some(b'+' | b'-') if offset.len() >= 6 && offset[3] == b':' => 6,
        _ => return Err(cannot(rest, "Z07:00")),
    };
    if rest.len() > zone {
        return Err(format!(
            "parsing time \"{text}\": extra text: \"{}\"",
            &rest[zone..]
        ));
    }
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()),
        Err(_) => Err(format!("parsing time \"{text}\": out of range")),
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn six_digits_are_read_and_written_in_utc() {
        assert_eq!(
            normalise("2024-01-01T01:00:00.123456+02:00").as_deref(),
            Ok("2023-12-31T23:00:00.123456Z")
        );
        assert_eq!(
            normalise("2024-01-01T01:00:00.000000Z").as_deref(),
            Ok("2024-01-01T01:00:00.000000Z")
        );
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_go() {
        let wrong = |text| normalise(text).expect_err("no MicroTime");
        assert!(wrong("2024-01-01").ends_with("cannot parse \"\" as \"T\""));
        assert!(wrong("2024-01-01T00:00:00Z").ends_with("cannot parse \"Z\" as \".000000\""));
        assert!(
            wrong("2024-01-01T00:00:00.123456789Z")
                .ends_with("cannot parse \"789Z\" as \"Z07:00\"")
        );
        assert!(wrong("soon").ends_with("cannot parse \"soon\" as \"2006\""));
        assert!(wrong("2024-13-01T00:00:00.000000Z").contains("out of range"));
    }
}
