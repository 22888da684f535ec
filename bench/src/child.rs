//! The command that is run under a lease: this very program, which says when it begins and when it ends.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;

/// The first argument of such a run.
pub const MARK: &str = "--as-the-command";

/// Says that it begins, waits for the end of its input, and says that it ends: by the clock, in nanoseconds.
pub fn main() {
    println!("{}", Timestamp::now().as_nanosecond());
    // Whatever ends it.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let end = format!("{}\n", Timestamp::now().as_nanosecond());
    let _ = std::io::stdout().write_all(end.as_bytes());
}

/// A hold of such a command.
pub struct Held {
    pub hold: Child,
    stamps: BufReader<ChildStdout>,
}

impl Held {
    /// Starts `hold`, whose words end with `--`, with a command of this kind.
    pub fn start(mut hold: Command) -> Result<Self, Box<dyn Error>> {
        let own = std::env::current_exe()?;
        hold.arg(own).arg(MARK);
        hold.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut hold = hold.spawn()?;
        let stamps = BufReader::new(hold.stdout.take().ok_or("no stdout")?);
        Ok(Self { hold, stamps })
    }

    /// Returns once it has said that it waits.
    pub fn waits(&mut self) -> Result<(), Box<dyn Error>> {
        let stderr = self.hold.stderr.as_mut().ok_or("no stderr")?;
        let mut line = String::new();
        // A line of its own; what comes after it stays in the pipe, which has room.
        let mut byte = [0];
        while !line.ends_with('\n') && stderr.read(&mut byte)? == 1 {
            line.push(char::from(byte[0]));
        }
        match line.starts_with("waiting") {
            true => Ok(()),
            false => Err(format!("it does not wait: {line}").into()),
        }
    }

    /// The next time that the command tells: of its beginning, then of its end.
    pub fn stamp(&mut self) -> Result<Duration, Box<dyn Error>> {
        let mut line = String::new();
        self.stamps.read_line(&mut line)?;
        Ok(Duration::from_nanos(line.trim_end().parse()?))
    }

    /// Has the command end.
    pub fn end(&mut self) {
        self.hold.stdin = None;
    }
}
