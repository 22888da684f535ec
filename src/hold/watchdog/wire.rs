//! What supervisor and watchdog say to each other: each message is a line of JSON.

use std::ffi::OsString;
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
#[cfg(windows)]
use std::os::windows::ffi::{OsStrExt, OsStringExt};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::hold::machine::Ended;
use crate::hold::timing::Timing;

/// What a supervisor says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToWatchdog {
    /// Start the command: the first message, and the only one of its kind.
    Start(Box<Start>),
    /// A renewal was acknowledged that was sent at this time.
    Held(Instant),
    /// Pass this signal on to the command.
    Signal(i32),
    /// Ask the whole tree to stop, and kill it when its time has come.
    Stop,
    /// Kill the whole tree.
    Kill,
}

/// What a watchdog says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToSupervisor {
    /// All that can fail was done, but for the start of the command itself.
    Ready,
    /// It was not, for this reason, or the command was not started, for a reason that is not the command's: the watchdog ends.
    Unready(String),
    /// The command runs, as the leader of this process group.
    Started(i32),
    /// It could not be started: an errno.
    Failed(i32),
    /// It was not started, because its time was over, or it was not wanted any more.
    Late,
    /// It ended.
    Ended(Ended),
    /// It was stopped by this signal.
    Stopped(i32),
    /// Its time is over, as far as the watchdog has heard: it, and all that it started, is asked to stop.
    Fenced,
    /// It has ended, and these processes of it, by id and name, are asked to stop.
    Left(String),
    /// Nothing that it started is left: the watchdog ends.
    Gone,
    /// It has ended, and these processes of it, by id and name, run on: the watchdog ends.
    Detached(String),
}

/// What to start, and by when it must be dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// By when it must be dead.
    pub orders: Orders,
    /// The process group that the command takes the terminal on stdin from before it begins, if it does.
    pub terminal_of: Option<i32>,
    /// Variables for the command.
    pub environment: Vec<(Word, Word)>,
    /// The command and its arguments.
    pub command: Vec<Word>,
    /// Whether what it leaves behind runs on.
    #[serde(default)]
    pub detaches: bool,
    /// Its stdin, stdout and stderr: handles that are the watchdog's already. Without one it has none.
    #[cfg(windows)]
    pub streams: [Option<usize>; 3],
}

/// When and how a command is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Before the request was sent that made the grant, or renewed it last.
    pub sent_at: Instant,
    /// The spans that count from there.
    pub timing: Timing,
    /// The signal that asks the command to stop.
    pub on_lost: i32,
}

impl Orders {
    /// When the command is asked to stop, unless a renewal is heard of.
    pub fn fence_at(&self) -> Instant {
        self.sent_at + self.timing.renew_deadline
    }

    /// A renewal was acknowledged that was sent at this time. One that is heard of late changes nothing.
    pub fn renewed(&mut self, sent_at: Instant) {
        self.sent_at = self.sent_at.max(sent_at);
    }

    /// By when nothing of it may run, unless a renewal is heard of.
    pub fn kill_at(&self) -> Instant {
        self.sent_at + self.timing.kill_at
    }
}

/// A word of a command, which may be any bytes (on Windows any 16-bit units), as base64: it is never much longer than the
/// word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(pub OsString);

impl From<Word> for String {
    fn from(word: Word) -> Self {
        BASE64_STANDARD.encode(bytes_of(word.0))
    }
}

impl TryFrom<String> for Word {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64_STANDARD
            .decode(text)
            .map(|bytes| Self(of_bytes(bytes)))
    }
}

#[cfg(unix)]
fn bytes_of(word: OsString) -> Vec<u8> {
    word.into_vec()
}

#[cfg(unix)]
fn of_bytes(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}

#[cfg(windows)]
fn bytes_of(word: OsString) -> Vec<u8> {
    word.encode_wide().flat_map(u16::to_le_bytes).collect()
}

#[cfg(windows)]
fn of_bytes(bytes: Vec<u8>) -> OsString {
    let (units, _) = bytes.as_chunks();
    let units: Vec<u16> = units.iter().copied().map(u16::from_le_bytes).collect();
    OsString::from_wide(&units)
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
