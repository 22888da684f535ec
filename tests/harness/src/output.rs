//! What a finished command said, and how it looks in a snapshot.

use regex_lite::{Captures, Regex};
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

/// A finished command.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command as a person would type it.
    pub command: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit status; `None` when a signal killed the process.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// From just before the start to the end.
    pub elapsed: Duration,
    /// A process that it started still held its stdout or stderr a second later.
    pub pipes_open: bool,
}

static VARIES: LazyLock<Regex> = LazyLock::new(|| {
    let time = r"(?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))";
    let uid = r"(?<uid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})";
    let address = r"(?<address>127\.0\.0\.1:\d+)";
    Regex::new(&format!("{time}|{uid}|{address}")).expect("the pattern is valid")
});

impl Output {
    /// One text with command, stdout, stderr and exit status, for comparison with an expected text.
    ///
    /// Each pair of `replacements` is replaced first, in order. Then RFC 3339 times become `<time>`, addresses
    /// `<server>` and UUIDs `<uid 1>`, `<uid 2>` in order of appearance.
    #[must_use]
    pub fn snapshot(&self, replacements: &[(&str, &str)]) -> String {
        let mut text = self.to_string();
        for (from, to) in replacements {
            text = text.replace(from, to);
        }
        let mut seen = HashMap::new();
        let replaced = VARIES.replace_all(&text, |found: &Captures| {
            if found.name("time").is_some() {
                return "<time>".to_owned();
            }
            if found.name("address").is_some() {
                return "<server>".to_owned();
            }
            let next = seen.len() + 1;
            let number = *seen.entry(found[0].to_owned()).or_insert(next);
            format!("<uid {number}>")
        });
        replaced.into_owned()
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        writeln!(formatter, "$ {}", self.command)?;
        for (title, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                let end = if text.ends_with('\n') {
                    ""
                } else {
                    "<no newline>\n"
                };
                write!(formatter, "--- {title}\n{text}{end}")?;
            }
        }
        match (self.code, self.signal) {
            (Some(code), _) => writeln!(formatter, "--- exit {code}"),
            (None, signal) => writeln!(
                formatter,
                "--- killed by signal {}",
                signal.unwrap_or_default()
            ),
        }
    }
}
