//! What is shown as it is, what is not, and that a shell reads back what is not.

use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::{Clock, SystemClock};

/// Written as people write it.
const AS_IT_IS: &[&str] = &[
    "plain ümlaut 漢字 \"quoted\" it's \\n",
    "ปิด-น้ำ",
    "हिन्दी",
    "क्\u{200d}ष",
    "می\u{200c}خواهم",
    "e\u{301}te\u{301} Vie\u{323}\u{302}t",
    "\u{5e9}\u{5b8}\u{5dc}\u{5d5}\u{5b9}\u{5dd}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
    "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb}",
    "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
    "\u{1f1e9}\u{1f1ea}",
    "1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3}",
    "©\u{fe0f}",
    "한글 \u{1112}\u{1161}\u{11ab}",
];

/// Hides, turns the text, or clings to what is not its own; and what is shown.
const ESCAPED: &[(&str, &str)] = &[
    ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
    ("a\nb\r\tc", "a\\nb\\r\\tc"),
    ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
    ("\u{9b}31m", "\\u{9b}31m"),
    ("a\u{200d}b", "a\\u{200d}b"),
    ("a\u{200c}b", "a\\u{200c}b"),
    ("ش\u{200c}a", "ش\\u{200c}a"),
    ("\u{200d}\u{1f468}", "\\u{200d}\u{1f468}"),
    ("\u{1f468}\u{200d}", "\u{1f468}\\u{200d}"),
    ("\u{1f468}\u{200d}\u{202e}", "\u{1f468}\\u{200d}\\u{202e}"),
    ("\u{1f468}\u{200d}\u{fe0f}", "\u{1f468}\\u{200d}\\u{fe0f}"),
    ("\u{1820}\u{200d}\u{180b}", "\u{1820}\\u{200d}\\u{180b}"),
    ("\u{301}a", "\\u{301}a"),
    ("\"\u{301}", "\"\\u{301}"),
    ("a \u{301}", "a \\u{301}"),
    ("a\u{fe0f}b", "a\\u{fe0f}b"),
    ("a\u{34f}b", "a\\u{34f}b"),
    ("a\u{3164}b", "a\\u{3164}b"),
    ("a\u{2800}b", "a\\u{2800}b"),
    ("a\u{e0041}b", "a\\u{e0041}b"),
    ("a\u{e0100}b", "a\\u{e0100}b"),
    ("a\u{2066}b\u{2069}\u{61c}", "a\\u{2066}b\\u{2069}\\u{61c}"),
    ("a\u{feff}b\u{a0}c", "a\\u{feff}b\\u{a0}c"),
    ("a\u{ad}b", "a\\u{ad}b"),
    ("a\u{2028}b", "a\\u{2028}b"),
];

/// What a shell reads of a word; `None` where there is no such shell.
fn read_by(shell: &str, word: &str, locale: &str) -> Option<String> {
    let output = Command::new(shell)
        .args(["-c", &format!("printf %s {word}")])
        .env("LC_ALL", locale)
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_script_is_shown_as_it_is_written() {
    for text in AS_IT_IS {
        assert_eq!(printable(text), *text);
        assert_eq!(value(text), *text);
        assert!(is_safe(text), "{text}");
    }
}

#[test]
fn nothing_that_hides_or_moves_the_cursor_or_turns_the_text_is_shown() {
    for (text, shown) in ESCAPED {
        assert_eq!(printable(text), *shown);
        assert!(value(text).starts_with("$'"), "{text:?}");
        assert!(is_printable(&value(text)), "{text:?}");
    }
}

#[test]
fn a_value_whose_edges_cannot_be_seen_is_quoted() {
    assert_eq!(value(" lead trail "), "$' lead trail '");
    assert_eq!(value("\u{3000}a"), "$'\\343\\200\\200a'");
    assert_eq!(value("a b"), "a b");
    assert_eq!(value(""), "");
}

#[test]
fn a_text_that_rust_has_quoted_is_spoken_as_it_is_written() {
    for text in AS_IT_IS.iter().filter(|text| !text.contains(['"', '\\'])) {
        assert_eq!(
            spoken(&format!("held by {text:?} for 5s")),
            format!("held by \"{text}\" for 5s")
        );
    }
    for (text, shown) in ESCAPED.iter().filter(|(text, _)| !text.contains('"')) {
        assert_eq!(
            spoken(&format!("held by {text:?}")),
            format!("held by \"{shown}\"")
        );
    }
    for literal in [r"\u{e34}", r"\u{1b}", r"\u{zz}", r"\u{e34", r"\u{"] {
        assert_eq!(spoken(&format!("{literal:?}")), format!("{literal:?}"));
    }
}

/// A holder's identity may have a megabyte of anything, and is said while a lease is held.
#[test]
fn a_line_of_escapes_without_an_end_is_spoken_in_no_time() {
    let line = "\\u{".repeat(1 << 20);
    let begun = SystemClock.now();
    assert_eq!(spoken(&line), line);
    let took = SystemClock.now().since(begun);
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn what_a_value_looks_like_is_read_back_by_shells() {
    for (text, _) in ESCAPED {
        for (shell, locale) in [
            ("bash", "C"),
            ("bash", "C.UTF-8"),
            ("zsh", "C.UTF-8"),
            ("ksh", "C"),
        ] {
            if let Some(read) = read_by(shell, &value(text), locale) {
                assert_eq!(read, *text, "{shell}");
            }
        }
    }
    // It would be read as something else if it were shown as it is.
    assert_eq!(value("$'a\\n'"), "$'$\\047a\\134n\\047'");
}

#[test]
fn a_text_is_cut_after_its_head_and_between_what_people_call_characters() {
    let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
    for (text, room, cut) in [
        ("controller-7d9f", 15, "controller-7d9f"),
        ("controller-7d9f", 8, "control…"),
        ("controller-7d9f", 1, "c"),
        ("controller-7d9f", 0, ""),
        ("漢字漢字", 5, "漢字…"),
        ("漢字漢字", 4, "漢…"),
        ("ปิดนี้", 3, "ปิดนี้"),
        ("ปิดนี้", 2, "ปิ…"),
        (family, 2, family),
    ] {
        assert_eq!(shortened(text, room, "…"), cut, "{text} {room}");
    }
    assert_eq!(shortened("controller-7d9f", 8, "..."), "contr...");
    assert_eq!(shortened("abcdefg", 5, "..."), "abcde");
}

proptest! {
    #[test]
    fn whatever_it_is_no_more_is_shown_than_may_be(
        text in prop_oneof![any::<String>(), "[a\u{1f468}\u{1faff}\u{915}\u{17b4}\u{180b}\u{1820}\u{200c}\u{200d}\u{fe0f}]{0,6}"],
    ) {
        prop_assert!(is_printable(&printable(&text)), "{text:?}");
        prop_assert!(is_printable(&value(&text)), "{text:?}");
    }

    #[test]
    fn whatever_is_cut_fits(text in any::<String>(), room in 0..40_usize) {
        let cut = shortened(&printable(&text), room, "…");
        prop_assert!(width(&cut) <= room, "{cut}");
    }

    #[test]
    fn whatever_is_cut_may_be_shown(letters in "[کمن\u{915}\u{94d}\u{200c}\u{200d}\u{1f468}]{0,12}", room in 0..12_usize) {
        let shown = printable(&letters);
        for cut in [shortened(&shown, room, "…"), crate::words::cut(&letters, room)] {
            prop_assert!(is_printable(&cut), "{cut:?} of {letters:?}");
        }
    }
}
