//! Where there is no list of children that could be trusted: the command's process group is all that can be had.

use std::io;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// The command itself.
pub struct Process(Pid);

impl Process {
    /// A child of ours.
    pub fn own(pid: Pid) -> Self {
        Self(pid)
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// It is our own child.
    pub fn top(&self) -> Pid {
        self.0
    }

    /// It is our own child.
    pub fn is_hidden(&self) -> bool {
        false
    }

    /// Sends it a signal. Gone already, or not ours to signal any more: nothing to do about either.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.0, signal);
    }
}

/// Those who die in one go: nothing is known of how they are scheduled.
#[derive(Default)]
pub struct Crowd {}

impl Crowd {
    /// Nothing to do.
    pub fn dies(&mut self, _: &Process) {}

    /// Nothing to do.
    pub fn let_back(self, _: &[Pid]) {}
}

/// There is no such thing here.
///
/// # Errors
/// Never, on this system.
pub fn adopt_orphans() -> Result<(), String> {
    Ok(())
}

/// Nothing is known to be needed.
pub fn go_first() {}

/// There is nothing to check.
///
/// # Errors
/// Never, on this system.
pub fn check() -> Result<(), String> {
    Ok(())
}

/// The leader of the command's group.
///
/// # Errors
/// Never, on this system.
pub fn own(leader: Pid) -> io::Result<Vec<Pid>> {
    Ok((leader.as_raw() > 0)
        .then_some(leader)
        .into_iter()
        .collect())
}

pub use own as own_at_once;

/// Nobody is found by a number here.
pub fn newest() -> impl Iterator<Item = Pid> {
    std::iter::empty()
}

/// Whether somebody of the group still runs: one that has ended does not count on macOS.
pub fn group_lives_on(leader: Pid) -> bool {
    killpg(leader, None).is_ok()
}

/// Calls `each` with the leader; false if it says that this was enough.
pub fn visit_own_while(leader: Pid, each: &mut dyn FnMut(&Process) -> bool) -> bool {
    leader.as_raw() <= 0 || each(&Process(leader))
}

/// Nobody below a child of ours is known.
pub fn visit_below(_: Pid, _: &mut dyn FnMut(&Process)) {}

/// What a person calls a process; `None` for one that has ended.
pub fn describe_running(process: Pid) -> Option<String> {
    (!super::is_zombie(process)).then(|| process.to_string())
}

/// Nobody knows.
///
/// # Errors
/// Always.
pub fn children_of(_: Pid) -> io::Result<Vec<Pid>> {
    Err(io::ErrorKind::Unsupported.into())
}
