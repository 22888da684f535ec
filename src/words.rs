//! Text for people: durations, ages, quoting for the shell.

use std::time::Duration;

mod exact;
pub mod quoting;
pub mod shown;

pub use exact::exact;
pub use quoting::posix as shell;
use shown::before_a_cut;
pub use shown::printable;

/// `text` as it is printed, cut to so many characters.
pub fn cut(text: &str, most: usize) -> String {
    let shown = printable(text);
    if shown.chars().count() <= most {
        return shown.into_owned();
    }
    let head: String = shown.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", before_a_cut(&head).trim_end())
}

/// `No such file or directory (os error 2)` without the number.
pub fn without_number(text: &str) -> &str {
    text.find(" (os error ").map_or(text, |at| &text[..at])
}

/// A span the way kubectl shows an age: `42s`, `5m3s`, `3h12m`, `4d`.
pub fn duration(span: Duration) -> String {
    // A wait that is almost over still takes some time.
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() >= 500_000_000);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, large_unit: char, small: u64, small_unit: char| {
        if small == 0 {
            format!("{large}{large_unit}")
        } else {
            format!("{large}{large_unit}{small}{small_unit}")
        }
    };
    match () {
        () if span < Duration::from_millis(950) && !span.is_zero() => {
            format!("{}ms", span.as_millis().max(1))
        }
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if hours < 3 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, 'd', hours % 24, 'h'),
        () if days < 730 => format!("{days}d"),
        () => two(days / 365, 'y', days % 365, 'd'),
    }
}

/// A place as people say it: `1st`, `22nd`, `113th`.
pub fn ordinal(number: usize) -> String {
    let end = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

/// A name that RBAC and every shell take as it is; of two texts there are two.
pub fn named(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'@' => name.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            byte => name.push_str(&format!("_{byte:02x}")),
        }
    }
    name
}

/// `text` as one word that a person can paste into the shell around this process: without the characters that a terminal is not
/// shown.
pub fn pasted(text: &str) -> String {
    quoting::shell().pasted(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_kubectls_ages() {
        for (seconds, shown) in [
            (0, "0s"),
            (42, "42s"),
            (119, "119s"),
            (120, "2m"),
            (303, "5m3s"),
            (3599, "59m"),
            (10_800, "3h"),
            (11_520, "3h12m"),
            (90_000, "25h"),
            (172_800, "2d"),
            (86_400 * 30, "30d"),
            (86_400 * 800, "2y70d"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn shell_words_survive_a_shell() {
        assert_eq!(shell("me@host_1"), "me@host_1");
        assert_eq!(shell("it's $HOME; rm"), "'it'\\''s $HOME; rm'");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("=ls"), "'=ls'");
    }

    #[test]
    fn what_is_shown_to_be_pasted_is_read_back_by_a_shell() {
        for (text, shown) in [
            ("me@host_1", "me@host_1"),
            ("it's", "'it'\\''s'"),
            ("a\x1b[2J1", "$'a\\033[2J1'"),
            (
                "it's\n\\ ü!\u{202e}",
                "$'it\\047s\\012\\134 ü\\041\\342\\200\\256'",
            ),
        ] {
            assert_eq!(pasted(text), shown);
            assert_eq!(printable(shown), shown);
            for locale in ["C", "C.UTF-8"] {
                let read = std::process::Command::new("bash")
                    .args(["-c", &format!("printf %s {shown}")])
                    .env("LC_ALL", locale)
                    .output();
                // Where there is no bash there is nothing to ask.
                if let Ok(read) = read {
                    assert_eq!(String::from_utf8_lossy(&read.stdout), text);
                }
            }
        }
    }
}
