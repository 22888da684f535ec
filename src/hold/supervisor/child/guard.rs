//! The watchdog's process as the supervisor has it: a child that nobody else waits for.

use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::hold::machine::Ended;
use crate::hold::watchdog::tree::{self, ChildEvent};

/// The watchdog's process id while only the supervisor's `Child` waits for it; 0 for none.
static WATCHDOG: AtomicI32 = AtomicI32::new(0);

/// The watchdog's process, waited for by nobody else.
#[derive(Debug)]
pub struct Watchdog {
    /// Its number, until it is collected.
    pub pid: Option<Pid>,
    /// How it ended, since that was seen: whoever collects all the dead collects it too.
    ended: Option<Ended>,
}

impl Watchdog {
    /// The one of this process id.
    pub fn new(pid: Option<i32>) -> Self {
        WATCHDOG.store(pid.unwrap_or_default(), Ordering::Relaxed);
        Self {
            pid: pid.map(Pid::from_raw),
            ended: None,
        }
    }

    /// Sends it a signal, if it is there.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            // Not waited for: its number is its own.
            let _ = kill(pid, signal);
        }
    }

    /// Whether it is dead.
    pub fn has_ended(&mut self) -> bool {
        self.ended = self.status();
        self.ended.is_some()
    }

    /// How it ended, if it has.
    pub fn status(&self) -> Option<Ended> {
        match self.pid.and_then(tree::ended) {
            Some(ChildEvent::Ended(ended)) => Some(ended),
            Some(ChildEvent::Stopped(_)) | None => self.ended,
        }
    }

    /// Whether it has ended and is collected.
    pub fn is_gone(&mut self) -> bool {
        self.has_ended();
        if let Some(pid) = self.pid
            && (tree::collect(pid) || tree::is_nobody(pid))
        {
            self.forget();
        }
        self.pid.is_none()
    }

    /// Kills and collects it.
    pub fn end(&mut self) {
        if let Some(pid) = self.pid {
            tree::end(pid);
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.pid = None;
        WATCHDOG.store(0, Ordering::Relaxed);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether this child is a watchdog that only the `Child` waits for.
pub fn is_watchdog(pid: Pid) -> bool {
    WATCHDOG.load(Ordering::Relaxed) == pid.as_raw()
}
