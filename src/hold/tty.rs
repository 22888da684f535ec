//! The terminal's foreground: handed to the command, taken back at its end.

use std::cell::Cell;
use std::io::{IsTerminal, stdin};

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

    /// Puts the process group of the command into the foreground. It is not continued here: that would undo a Ctrl-Z
    /// typed meanwhile. If it asked for the terminal too early, its stop is reported.
    pub fn hand_to(&self, group: Pid) {
        self.given.set(true);
        let _ = tcsetpgrp(stdin(), group);
    }

    /// As [`Tty::hand_to`], and continues it.
    pub fn hand_back_to(&self, group: Pid) {
        self.hand_to(group);
        let _ = killpg(group, Signal::SIGCONT);
    }

    /// Puts our own process group back into the foreground.
    pub fn take_back(&self) {
        self.given.set(false);
        let _ = tcsetpgrp(stdin(), self.own);
    }

    /// As [`Tty::take_back`], and puts the terminal's modes back: a killed editor leaves them raw. Does nothing to a
    /// terminal that the command did not have.
    pub fn restore(&self) {
        if !self.given.get() {
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
