//! What a shell with job control expects of its jobs: who is above to continue one, and how one stops.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, killpg, sigaction};
use nix::unistd::{Pid, getpgid, getpgrp, getpid, getppid, getsid};

/// Whom a stop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// This process alone: the others of its process group have had the signal already, or were not meant.
    Ourselves,
    /// Our process group: the terminal has sent the signal to that of the command.
    OurGroup,
}

/// Whether somebody above would continue our job once it is stopped: the parent of one of our process group, outside of
/// the group and in the same session. For an orphaned process group POSIX has the terminal's stop signals ignored, for
/// want of one.
pub fn is_above() -> bool {
    let (session, group) = (getsid(None), getpgrp());
    if session.is_err() {
        return false;
    }
    let mut parent = getppid();
    loop {
        // Zero: outside of our PID namespace. The session's leader has its parent outside.
        if parent.as_raw() == 0 || getsid(Some(parent)) != session {
            return false;
        }
        if getpgid(Some(parent)) != Ok(group) {
            return true;
        }
        // One of ours, a script say: whoever is above that one counts.
        match parent_of(parent) {
            Some(above) => parent = above,
            // Nobody tells: rather a job that stops than a Ctrl-Z that does nothing.
            None => return true,
        }
    }
}

/// Stops as `signal` does by default, which is nothing in an orphaned process group; returns once continued.
#[expect(unsafe_code, reason = "puts a signal's default action back")]
pub fn stop(whom: Whom, signal: Signal) {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no code of ours.
    let Ok(handler) = (unsafe { sigaction(signal, &default) }) else {
        return;
    };
    // Whoever is not there any more needs no stop. It takes effect before the call returns: no other thread has to
    // run for that (kill(2)).
    let _ = match whom {
        Whom::Ourselves => kill(getpid(), signal),
        Whom::OurGroup => killpg(getpgrp(), signal),
    };
    // SAFETY: the handler is the one that was there before.
    let _ = unsafe { sigaction(signal, &handler) };
}

/// Whether Ctrl-Z is waiting for `process`, which is stopped already.
pub fn has_pending_stop(process: Pid) -> bool {
    let Some(status) = read(process, "status") else {
        return false;
    };
    let pending = |field: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(field));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask & (1 << (Signal::SIGTSTP as i32 - 1)) != 0)
    };
    // Sent to the thread or to the process (proc(5)).
    pending("SigPnd:") || pending("ShdPnd:")
}

/// Whether `process` is stopped, as far as the system tells.
pub fn is_stopped(process: Pid) -> Option<bool> {
    stat(process).map(|(state, _)| state == "T")
}

fn parent_of(process: Pid) -> Option<Pid> {
    let (_, parent) = stat(process)?;
    parent.parse().ok().map(Pid::from_raw)
}

/// Its state and its parent: "pid (name) state ppid …"; the name may hold anything (proc(5)).
fn stat(process: Pid) -> Option<(String, String)> {
    let stat = read(process, "stat")?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

fn read(process: Pid, file: &str) -> Option<String> {
    // That of another PID namespace would tell of another process.
    let ourselves = std::fs::read_link("/proc/self").ok()?;
    if ourselves.to_str()?.parse() != Ok(getpid().as_raw()) {
        return None;
    }
    std::fs::read_to_string(format!("/proc/{process}/{file}")).ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a child of this test")]
    #[test]
    fn a_stopped_process_and_a_ctrl_z_that_waits_for_it_are_seen() {
        let mut sleeper = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("sleep is everywhere");
        let pid = Pid::from_raw(i32::try_from(sleeper.id()).expect("process ids are small"));
        kill(pid, Signal::SIGSTOP).expect("it is ours");
        let flags = nix::sys::wait::WaitPidFlag::WUNTRACED;
        nix::sys::wait::waitpid(pid, Some(flags)).expect("it stops");
        assert_eq!(is_stopped(pid), Some(true));
        assert!(!has_pending_stop(pid));
        kill(pid, Signal::SIGTSTP).expect("it is ours");
        // In an orphaned process group too: it is discarded on delivery only.
        assert!(has_pending_stop(pid));
        kill(pid, Signal::SIGCONT).expect("it is ours");
        assert!(!has_pending_stop(pid));
        sleeper.kill().expect("it is ours");
        sleeper.wait().expect("it is ours");
    }
}
