//! The exit codes, the same in every subcommand: one constant each, and one table from which help and docs have them.

use std::process::ExitCode;

/// How the process ends: eight bits of it on Unix, all of it on Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u32);

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

    /// As the command ended.
    pub fn of_command(status: impl Into<u32>) -> Self {
        Self(status.into())
    }

    /// Ended by signal `number`: 128 + n, as shells report it.
    pub fn signal(number: i32) -> Self {
        Self(u8::try_from(128 + number).unwrap_or(u8::MAX).into())
    }
}

/// Every code of this program's own and what it means. docs/exit-codes.md says what to do about each.
const TABLE: [(Exit, &str); 13] = [
    (Exit::DONE, "done"),
    (Exit::API, "API, kubeconfig or permission"),
    (Exit::USAGE, "wrong usage"),
    (Exit::EXPIRED, "status --exit-code: expired"),
    (Exit::FREE, "status --exit-code: free"),
    (Exit::DECLINED, "declined at the prompt"),
    (Exit::NOT_FOUND, "lease not found"),
    (Exit::NOT_HELD, "the lease is not held by you"),
    (Exit::LOST, "the lease was lost"),
    (Exit::NOT_ACQUIRED, "not acquired in time (-E changes it)"),
    (Exit::HOLD_FAILED, "hold itself failed"),
    (Exit::NOT_EXECUTABLE, "not executable"),
    (Exit::COMMAND_NOT_FOUND, "not found"),
];

/// Whether one of these is a code of this program's own.
#[cfg(test)]
pub fn is_one(code: u32) -> bool {
    TABLE.iter().any(|(exit, _)| exit.0 == code)
}

/// The table in two columns, each a code and its meaning, without what only `status --exit-code` has.
pub fn columns() -> impl Iterator<Item = [(String, String); 2]> {
    let [common @ .., (found, not_executable), (missing, not_found)] = TABLE;
    let common = common.into_iter();
    let common = common.filter(|(exit, _)| !matches!(*exit, Exit::EXPIRED | Exit::FREE));
    let mut left: Vec<_> = common
        .map(|(exit, meaning)| (exit.0.to_string(), meaning.to_owned()))
        .collect();
    left.push((
        format!("{}/{}", found.0, missing.0),
        format!("{not_executable} / {not_found}"),
    ));
    let right = left.split_off(left.len() / 2);
    left.into_iter().zip(right).map(<[_; 2]>::from)
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match u8::try_from(exit.0) {
            Ok(code) => Self::from(code),
            Err(_) => whole(exit.0),
        }
    }
}

/// A command's status that the standard library has no exit code for, such as msiexec's 3010 or a crash's 0xC0000005. All is
/// done and said: there is nothing left to be dropped.
#[cfg(windows)]
#[expect(
    clippy::disallowed_methods,
    reason = "std's exit codes have eight bits"
)]
fn whole(status: u32) -> ExitCode {
    std::process::exit(status as i32)
}

/// There is none.
#[cfg(unix)]
fn whole(_: u32) -> ExitCode {
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_table_and_the_docs_have_every_code() {
        let readme = include_str!("../README.md");
        for [(code, meaning), (other, its)] in columns() {
            let row = format!("| {code} | {meaning} | {other} | {its} |\n");
            assert!(readme.contains(&row), "{row}");
        }
        let docs = include_str!("../docs/exit-codes.md").lines();
        let codes =
            docs.filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok());
        let table = TABLE.map(|(exit, _)| exit.0);
        // The last is 128 + n.
        let table: Vec<u32> = table.into_iter().chain([128]).collect();
        assert_eq!(codes.collect::<Vec<u32>>(), table);
    }
}
