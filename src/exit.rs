//! The exit codes: one constant each, the same in every subcommand.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// Done.
    pub const DONE: Self = Self(0);
    /// The API server, the kubeconfig or a missing permission stood in the way.
    pub const API: Self = Self(1);
    /// The command line was wrong; nothing was sent.
    pub const USAGE: Self = Self(2);
    /// `status --exit-code`: the lease has expired.
    pub const EXPIRED: Self = Self(3);
    /// `status --exit-code`: the lease is free.
    pub const FREE: Self = Self(4);
    /// Declined at the prompt, or a confirmation could not be asked for; nothing was written.
    pub const DECLINED: Self = Self(120);
    /// There is no such Lease.
    pub const NOT_FOUND: Self = Self(121);
    /// The Lease is not held by you; nothing was written.
    pub const NOT_HELD: Self = Self(122);
    /// The lease was held and is, or may be, lost.
    pub const LOST: Self = Self(123);
    /// The lease was not acquired in time. `-E` replaces this code, as in flock(1).
    pub const NOT_ACQUIRED: Self = Self(124);
    /// `hold` itself failed.
    pub const HOLD_FAILED: Self = Self(125);
    /// The command was found but cannot be executed, as in env(1) and timeout(1).
    pub const NOT_EXECUTABLE: Self = Self(126);
    /// The command was not found.
    pub const COMMAND_NOT_FOUND: Self = Self(127);

    /// Ended by signal `number`: 128 + n, as shells report it.
    pub fn signal(number: i32) -> Self {
        Self(u8::try_from(128 + number).unwrap_or(u8::MAX))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
