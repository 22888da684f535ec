//! The controlling terminal: whose its foreground is, handed to the command, taken back at its end.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, killpg};
use nix::sys::termios::{self, SetArg, Termios};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use super::child::Child;
use super::shell;

/// Whose the terminal's foreground is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// That of our own process group: ours, and that of a pipeline around us.
    Ours,
    /// The command's.
    Commands,
    /// Another job's, or the shell's: we are in the background.
    Others,
    /// There is no terminal.
    Nobodys,
}

/// The controlling terminal, whatever stdin is.
pub struct Tty {
    terminal: OwnedFd,
    own: Pid,
    /// Those in force when the command got it.
    modes: Option<Termios>,
    /// Whether it is the command's, or would be if our job were in the foreground.
    given: bool,
}

impl Tty {
    /// The terminal, if this process has one.
    pub fn controlling() -> Option<Self> {
        let terminal = open()?;
        Some(Self {
            modes: termios::tcgetattr(&terminal).ok(),
            terminal,
            own: getpgrp(),
            given: false,
        })
    }

    /// Our own process group, if the command shall take the terminal from it when it begins: stdin, stdout and stderr
    /// are all the terminal, so that no pipeline is around us whose other programs would lose it, and we have it.
    pub fn gives_at_start(&self) -> Option<Pid> {
        let all = is_it(std::io::stdin()) && is_it(std::io::stdout()) && is_it(std::io::stderr());
        (all && self.foreground() == Ok(self.own)).then_some(self.own)
    }

    /// Whose the foreground is now. `group` is the command's.
    pub fn front(&self, group: Option<Pid>) -> Front {
        match self.foreground() {
            Ok(front) if front == self.own => Front::Ours,
            Ok(front) if Some(front) == group => Front::Commands,
            Ok(_) => Front::Others,
            // Hung up.
            Err(_) => Front::Nobodys,
        }
    }

    /// Whether the command has the terminal, or would have if our job were in the foreground.
    pub fn given(&self) -> bool {
        self.given
    }

    /// Notes that the command shall have the terminal when our job is in the foreground.
    pub fn promise(&mut self) {
        self.given = true;
    }

    /// Notes whether the process group of the command has taken the terminal.
    pub fn note_taken_by(&mut self, group: Pid) {
        self.given = self.foreground() == Ok(group);
    }

    /// Continues the command by `command` and puts its process group into the foreground: unless a Ctrl-Z waits for it,
    /// which the SIGCONT would undo (signal(7): it discards the stop signals that are pending). Says whether it was
    /// continued.
    #[must_use]
    pub fn hand_to(&mut self, group: Pid, command: &Child) -> bool {
        self.bring_to_front();
        if shell::has_pending_stop(group) {
            return false;
        }
        self.continue_in_front(group, command);
        true
    }

    /// As [`Tty::hand_to`], after a stop of our job: a Ctrl-Z that is pending is the one that was obeyed.
    pub fn hand_back_to(&mut self, group: Pid, command: &Child) {
        self.bring_to_front();
        self.continue_in_front(group, command);
    }

    /// The foreground is ours, about to be the command's, and the terminal's modes are known.
    fn bring_to_front(&mut self) {
        if self.foreground() == Ok(self.own) {
            // A program around us in a pipeline may have changed them since.
            self.modes = termios::tcgetattr(&self.terminal)
                .ok()
                .or(self.modes.take());
        } else {
            self.put_in_front(self.own);
        }
        self.given = true;
    }

    /// The leader is continued while the foreground is still ours: a Ctrl-Z typed until then is for us, and one typed later
    /// has no SIGCONT to fear. If it is quicker than the next system call it asks again, and gets it then.
    fn continue_in_front(&self, group: Pid, command: &Child) {
        command.go_on(|| self.put_in_front(group));
    }

    /// Puts our own process group back into the foreground, because our job stops.
    pub fn take_back(&self) {
        self.put_in_front(self.own);
    }

    /// As [`Tty::take_back`], because a program around us in a pipeline asks for it.
    pub fn take_over(&mut self) {
        self.given = false;
        self.take_back();
        let _ = killpg(self.own, Signal::SIGCONT);
    }

    /// As [`Tty::take_back`], because the command has ended; and puts the terminal's modes back: a killed editor leaves
    /// them raw. Does nothing to a terminal that the command did not have. If nobody is left of the group in the
    /// foreground, it was the command's: one that took the terminal and was gone before that was heard.
    pub fn restore(&mut self, group: Option<Pid>) {
        let foreground = self.foreground();
        let left = foreground.is_ok_and(|front| killpg(front, None) == Err(Errno::ESRCH));
        // In the background (`bg`) it is neither ours nor the command's, but the shell's.
        let has = self.given && matches!(self.front(group), Front::Commands | Front::Ours);
        if !has && !left {
            return;
        }
        self.given = false;
        self.take_back();
        if let Some(modes) = &self.modes {
            let set = || termios::tcsetattr(&self.terminal, SetArg::TCSANOW, modes);
            let _ = from_the_background(set);
        }
    }

    fn foreground(&self) -> nix::Result<Pid> {
        tcgetpgrp(&self.terminal)
    }

    fn put_in_front(&self, group: Pid) {
        // A group that is gone cannot have it, and needs it no more.
        let _ = from_the_background(|| tcsetpgrp(&self.terminal, group));
    }
}

/// Changes a terminal from the background, which raises SIGTTOU unless that is blocked (tcsetpgrp(3)).
fn from_the_background<T>(change: impl FnOnce() -> T) -> T {
    let blocked = SigSet::from(Signal::SIGTTOU);
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let done = change();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    done
}

/// Opens the controlling terminal by the name it has everywhere (tty(4)); without that device, in a sparse container
/// say, it is one of the three.
fn open() -> Option<OwnedFd> {
    // Opening it never waits for a line, and never makes a terminal the controlling one.
    if let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") {
        return Some(terminal.into());
    }
    let copy = |of: Option<std::os::fd::BorrowedFd<'_>>| of?.try_clone_to_owned().ok();
    let (input, output, errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    copy(is_it(&input).then(|| input.as_fd()))
        .or_else(|| copy(is_it(&output).then(|| output.as_fd())))
        .or_else(|| copy(is_it(&errors).then(|| errors.as_fd())))
}

/// Whether this is the controlling terminal: of another, and of what is none, nobody is told the foreground (ENOTTY).
fn is_it(descriptor: impl AsFd) -> bool {
    tcgetpgrp(descriptor).is_ok()
}
