//! What stands below the table on a screen: a few lines of whole words, of which the end is not lost.

use crate::output::terminal;
use crate::words;
use crate::words::printable;

/// The most lines of a text, where the screen has so many lines: on a low one the table needs some too.
pub fn most(height: Option<u16>) -> usize {
    usize::from(height.unwrap_or(24)).div_euclid(3).clamp(1, 6)
}

/// What `said` says, in at most so many lines: with its fault cut as far as that must be, then without, and at last what is
/// `short`.
pub fn within(
    said: impl Fn(Option<&str>) -> String,
    fault: Option<&str>,
    short: &str,
    width: usize,
    most: usize,
) -> Vec<String> {
    let whole = fault.map_or(0, |fault| printable(fault).chars().count());
    // Less of it says nothing.
    let lengths = (10..=whole).rev().map(Some);
    let fitting = lengths.chain([None]).find_map(|length| {
        let fault = fault
            .zip(length)
            .map(|(fault, length)| terminal::in_locale(words::cut(fault, length)));
        let lines = folded(&said(fault.as_deref()), width);
        (lines.len() <= most).then_some(lines)
    });
    fitting.unwrap_or_else(|| folded(short, width).into_iter().take(most).collect())
}

/// Lines of whole words.
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let columns = console::measure_text_width;
    let mut lines: Vec<String> = Vec::new();
    for word in printable(text).split(' ') {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::status::document::silence_words;
    use std::time::Duration;

    #[test]
    fn a_line_of_trouble_is_folded_at_its_words() {
        assert_eq!(
            folded("no answer within 3s; trying again", 20),
            ["no answer within 3s;", "trying again"]
        );
        assert_eq!(folded("short", 80), ["short"]);
    }

    #[test]
    fn trouble_keeps_its_end_on_every_screen() {
        let since = "2026-01-01T12:00:00Z".parse().ok();
        let said = |fault: Option<&str>| silence_words(since, Duration::from_secs(14), fault);
        let long = "tcp connect error: no route to the host 10.0.0.1:6443 ".repeat(9);
        for fault in [None, Some("no answer within 3s"), Some(long.as_str())] {
            for (width, height) in [(40, 14), (80, 24), (60, 12), (200, 50)] {
                let most = most(Some(height));
                let lines = within(said, fault, "short", width, most);
                assert!(lines.len() <= most, "{lines:?}");
                let text = lines.join(" ");
                assert!(text.starts_with("Nothing is known since 2026-01-01T12:00:00Z (14s ago)"));
                assert!(
                    text.ends_with("The states are as of then; trying again."),
                    "{text}"
                );
            }
        }
        let lines = within(said, None, "Nothing is known for 14s; trying again", 40, 2);
        assert_eq!(lines, ["Nothing is known for 14s; trying again"]);
    }

    #[test]
    fn a_fault_that_has_room_is_whole_and_another_is_cut() {
        let said = |fault: Option<&str>| format!("{}; trying again", fault.unwrap_or("no answer"));
        let text = |fault: &str, width| within(said, Some(fault), "short", width, 2).join(" ");
        assert_eq!(
            text("connection refused", 40),
            "connection refused; trying again"
        );
        let cut = text(&"connection refused by ".repeat(9), 40);
        assert!(cut.starts_with("connection refused by connection"), "{cut}");
        assert!(cut.ends_with("…; trying again"), "{cut}");
    }
}
