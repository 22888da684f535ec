//! The terminal of a credential plugin that asks its user something: given when it wants it, taken back at its end.

use std::fs::{File, OpenOptions};
use std::os::unix::process::parent_id;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, tcgetpgrp, tcsetpgrp};

/// How often to look whether the job goes on.
const LOOK: Duration = Duration::from_millis(20);

/// How long a job takes to stop, at most; one that has no shell above does not.
const STOPS_WITHIN: Duration = Duration::from_millis(500);

/// The controlling terminal, between a job in its foreground and the plugin of that job.
pub struct Foreground {
    /// The group of the job; `None` for one that may not be given up.
    above: Option<Pid>,
    plugin: Pid,
    terminal: Option<File>,
    modes: Option<Termios>,
    given: bool,
}

impl Foreground {
    /// Of the job that is the process group `above`, 0 for none, and the plugin's process group.
    pub fn of(above: i32, plugin: Pid) -> Self {
        Self {
            above: (above > 0).then(|| Pid::from_raw(above)),
            plugin,
            terminal: None,
            modes: None,
            given: false,
        }
    }

    /// Puts the plugin into the foreground if the job is there, and continues it; false if it has to do without.
    pub fn give(&mut self) -> bool {
        let Some(above) = self.above else {
            return false;
        };
        if self.terminal.is_none() {
            self.terminal = OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/tty")
                .ok();
        }
        let Some(terminal) = &self.terminal else {
            return false;
        };
        if tcgetpgrp(terminal) != Ok(above) {
            return false;
        }
        if self.modes.is_none() {
            self.modes = tcgetattr(terminal).ok();
        }
        self.given = put(terminal, self.plugin);
        let _ = killpg(self.plugin, Signal::SIGCONT);
        self.given
    }

    /// Whether the plugin has it.
    pub fn is_given(&self) -> bool {
        self.given
    }

    /// After the plugin: puts the job back, and the terminal's modes if the plugin had no time to do that itself
    /// (passwords are typed unseen). The signal that the plugin died of was typed for the whole job.
    pub fn take_back(&mut self, died_of: Option<i32>) {
        let (true, Some(terminal), Some(above)) = (self.given, &self.terminal, self.above) else {
            return;
        };
        self.given = false;
        // The shell may have taken it meanwhile.
        if tcgetpgrp(terminal) == Ok(self.plugin) {
            put(terminal, above);
            if let Some(modes) = &self.modes {
                blocked(|| tcsetattr(terminal, SetArg::TCSANOW, modes).is_ok());
            }
        }
        let died_of = died_of.and_then(|number| Signal::try_from(number).ok());
        if let Some(signal @ (Signal::SIGINT | Signal::SIGQUIT)) = died_of {
            let _ = killpg(above, signal);
        }
    }

    /// Stops the job, as Ctrl-Z would have; returns once it goes on, or could not be stopped for want of a shell.
    pub fn stop_job(&mut self) {
        let Some(above) = self.above else { return };
        self.take_back(None);
        let job = parent_id();
        let _ = killpg(above, Signal::SIGTSTP);
        let mut waited = Duration::ZERO;
        while !is_stopped(job) {
            if waited > STOPS_WITHIN {
                return;
            }
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
        // Whoever asked may be killed while stopped: then this is another's child.
        while is_stopped(job) && parent_id() == job {
            std::thread::sleep(LOOK);
        }
    }
}

fn put(terminal: &File, group: Pid) -> bool {
    blocked(|| tcsetpgrp(terminal, group).is_ok())
}

/// From the background, where a keeper is, both raise SIGTTOU unless it is blocked (tcsetpgrp(3), tcsetattr(3)).
fn blocked(what: impl FnOnce() -> bool) -> bool {
    let signal = SigSet::from(Signal::SIGTTOU);
    signal.thread_block().is_ok() && {
        let done = what();
        let _ = signal.thread_unblock();
        done
    }
}

/// "pid (name) state …"; the name may hold anything, so look after its last bracket (proc(5)).
fn is_stopped(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('T'))
}
