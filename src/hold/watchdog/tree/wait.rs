//! Waiting for children, by the kernel's own words: a status that a library cannot read (real-time signals) is a death
//! like any other.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that waits"
)]

use std::time::Duration;

use nix::unistd::Pid;
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};

use crate::hold::machine::Ended;

/// What has become of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildEvent {
    /// It ended.
    Ended(Ended),
    /// It was stopped by this signal.
    Stopped(i32),
}

/// Whether a child has ended; it is not waited for.
pub fn ended(pid: Pid) -> Option<ChildEvent> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let status = look(pid, options)?;
    let ended = match status.terminating_signal() {
        Some(signal) => Ended::Signalled(signal),
        // waitid(2): the status is all of what was given to exit(3) at most, of which the parent sees eight bits.
        None => Ended::Exited((status.exit_status()? & 0xff) as u8),
    };
    Some(ChildEvent::Ended(ended))
}

/// Whether a child has been stopped since it was last asked. One that asked to be traced (ptrace(2), PTRACE_TRACEME)
/// waits for us at every signal, and is let go with it.
pub fn stopped(pid: Pid) -> Option<ChildEvent> {
    loop {
        let status = look(pid, WaitIdOptions::STOPPED)?;
        if let Some(signal) = status.stopping_signal() {
            return Some(ChildEvent::Stopped(signal));
        }
        let signal = status.trapping_signal()?;
        if !let_go(pid, signal) {
            return None;
        }
    }
}

/// Whether a child of ours runs under this number.
pub fn is_running(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    to_rustix(pid).is_some_and(|pid| matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
}

/// Waits for a child that has ended; false if it has not.
pub fn collect(pid: Pid) -> bool {
    while stopped(pid).is_some() {}
    look(pid, WaitIdOptions::EXITED).is_some()
}

/// Whether a child of ours has ended and is not waited for yet.
#[cfg(not(target_os = "macos"))]
pub fn is_zombie(pid: Pid) -> bool {
    ended(pid).is_some()
}

/// Whether this process has no child, dead or alive.
pub fn none_left() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::All, options) {
            Err(Errno::CHILD) => return true,
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// Kills a child and waits until it has ended; not for longer than a dead process can take.
pub fn end(pid: Pid) {
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    for _ in 0..1000 {
        if collect(pid) || is_nobody(pid) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether no child of ours has this number.
pub fn is_nobody(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    to_rustix(pid).is_none_or(|pid| matches!(waitid(WaitId::Pid(pid), options), Err(Errno::CHILD)))
}

fn look(pid: Pid, options: WaitIdOptions) -> Option<WaitIdStatus> {
    loop {
        match waitid(
            WaitId::Pid(to_rustix(pid)?),
            options | WaitIdOptions::NOHANG,
        ) {
            Err(Errno::INTR) => {}
            found => return found.ok().flatten(),
        }
    }
}

pub fn to_rustix(pid: Pid) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(pid.as_raw())
}

#[cfg(target_os = "linux")]
fn let_go(pid: Pid, signal: i32) -> bool {
    use nix::sys::signal::Signal;
    // An execve(2) under a tracer stops with SIGTRAP, which would end a process that has none.
    let signal = Signal::try_from(signal)
        .ok()
        .filter(|&signal| signal != Signal::SIGTRAP);
    nix::sys::ptrace::detach(pid, signal).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn let_go(_: Pid, _: i32) -> bool {
    false
}
