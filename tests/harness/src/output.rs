//! What a finished command said.

use crate::process;
use std::fmt;
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

impl Output {
    /// Whether it was ended as [`crate::Running::kill`] and [`crate::kill_process`] end a process.
    pub fn was_killed(&self) -> bool {
        process::was_killed(self.code, self.signal)
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
