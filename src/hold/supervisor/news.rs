//! News of the command, as the supervisor hears them.

use crate::hold::machine::Ended;

/// The number of the command's process group, which its leader has too.
#[cfg(unix)]
pub type Group = nix::unistd::Pid;

/// The command's process id.
#[cfg(windows)]
pub type Group = u32;

/// News of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It runs, as the leader of this process group.
    Started(Group),
    /// It could not be started: an errno, or Windows' own number for the error.
    NotStarted(i32),
    /// It was not started, for a reason of this system that has nothing to do with the command: a limit that was reached,
    /// or a watchdog that was stopped for too long.
    NoRoom(String),
    /// It ended.
    Ended(Ended),
    /// It was stopped by this signal.
    #[cfg(unix)]
    Stopped(i32),
    /// The watchdog has not heard of a renewal in time, and stops it.
    Fenced,
    /// It has ended, and these processes of it, by id and name, are asked to stop.
    Left(String),
    /// Nothing it started is left.
    Gone,
    /// It has ended, and these processes of it, by id and name, run on.
    #[cfg(unix)]
    Detached(String),
    /// The watchdog died.
    WatchdogDied,
}

/// What became of a command whose watchdog woke when the lease could be another's, had it not been renewed meanwhile.
pub const LATE: &str = "the command was not started: its watchdog started too late for this grant \
                    (was it stopped for a while, or is the machine very busy?)";
