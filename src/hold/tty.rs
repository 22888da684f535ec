//! The terminal's foreground: handed to the command, taken back at its end.

use std::cell::Cell;
use std::io::{IsTerminal, stdin};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::termios::{self, SetArg, Termios};
use nix::unistd::{Pid, getpgrp, getpid, getppid, getsid, tcgetpgrp, tcsetpgrp};

/// The terminal on stdin, where this process is in its foreground.
pub struct Tty {
    own: Pid,
    modes: Option<Termios>,
    /// Whether it is the command's now: in the background (`bg`) it is neither ours nor its, but the shell's.
    given: Cell<bool>,
}

impl Tty {
    /// The terminal, if there is one and it is ours.
    pub fn ours() -> Option<Self> {
        let own = getpgrp();
        if !stdin().is_terminal() || tcgetpgrp(stdin()) != Ok(own) {
            return None;
        }
        // From the background, tcsetpgrp(3) and output to a terminal with `tostop` raise SIGTTOU, unless it is blocked.
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTTOU);
        blocked.thread_block().ok()?;
        Some(Self {
            own,
            modes: termios::tcgetattr(stdin()).ok(),
            given: Cell::new(false),
        })
    }

    /// Whether our own process group is in the foreground now.
    pub fn is_ours(&self) -> bool {
        tcgetpgrp(stdin()) == Ok(self.own)
    }

    /// Whether `group` is in the foreground now.
    pub fn is_of(&self, group: Pid) -> bool {
        tcgetpgrp(stdin()) == Ok(group)
    }

    /// Our own process group: the one that the command takes the terminal from when it begins.
    pub fn own(&self) -> Pid {
        self.own
    }

    /// Notes whether the process group of the command has taken the terminal.
    pub fn note_taken_by(&self, group: Pid) {
        self.given.set(self.is_of(group));
    }

    /// Puts the process group of the command into the foreground, and continues it.
    pub fn hand_back_to(&self, group: Pid) {
        self.given.set(true);
        let _ = tcsetpgrp(stdin(), group);
        let _ = killpg(group, Signal::SIGCONT);
    }

    /// Puts our own process group back into the foreground.
    pub fn take_back(&self) {
        self.given.set(false);
        let _ = tcsetpgrp(stdin(), self.own);
    }

    /// As [`Tty::take_back`], and puts the terminal's modes back: a killed editor leaves them raw. Does nothing to a
    /// terminal that the command did not have. If nobody is left of the group in the foreground, it was the command's:
    /// one that took the terminal and was gone before that was heard.
    pub fn restore(&self) {
        let foreground = tcgetpgrp(stdin());
        let left = foreground.is_ok_and(|group| killpg(group, None) == Err(Errno::ESRCH));
        if !self.given.get() && !left {
            return;
        }
        self.take_back();
        if let Some(modes) = &self.modes {
            let _ = termios::tcsetattr(stdin(), SetArg::TCSANOW, modes);
        }
    }

    /// Whether somebody above would continue our job once it is stopped: a parent in the same session. For an orphaned
    /// process group POSIX has the terminal's stop signals ignored, for want of one.
    pub fn has_shell_above(&self) -> bool {
        let session = getsid(None);
        session.is_ok() && session != Ok(getpid()) && getsid(Some(getppid())) == session
    }

    /// Stops our own job, as the shell expects when the command has been stopped; returns once continued.
    pub fn stop_job(&self) {
        if self.given.get() {
            self.take_back();
        }
        let _ = killpg(self.own, Signal::SIGSTOP);
    }
}
