//! `MicroTime` as the real server takes it: exactly six fractional digits.

use jiff::Timestamp;

/// The time in UTC with six digits.
///
/// # Errors
/// With what is said of another one.
pub(crate) fn normalise(text: &str) -> Result<String, String> {
    let fraction = text.get(19..).unwrap_or_default();
    let digits = fraction.strip_prefix('.').unwrap_or_default();
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    match text.parse::<Timestamp>() {
        Ok(time) if count == 6 => Ok(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()),
        Ok(_) | Err(_) => Err(format!(
            "parsing time \"{text}\" as \"2006-01-02T15:04:05.000000Z07:00\""
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn six_digits_are_read_and_written_in_utc_and_nothing_else() {
        for (text, time) in [
            (
                "2024-01-01T01:00:00.123456+02:00",
                "2023-12-31T23:00:00.123456Z",
            ),
            ("2024-01-01T01:00:00.000000Z", "2024-01-01T01:00:00.000000Z"),
        ] {
            assert_eq!(normalise(text).as_deref(), Ok(time));
        }
        for wrong in [
            "2024-01-01",
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.123456789Z",
            "2024-13-01T00:00:00.000000Z",
            "soon",
        ] {
            assert!(normalise(wrong).is_err(), "{wrong}");
        }
    }
}
