//! The watchdog's process as the supervisor has it: a child that nobody else waits for.

use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::hold::watchdog::tree;

/// The watchdog's process id while only the supervisor's `Child` waits for it; 0 for none.
static WATCHDOG: AtomicI32 = AtomicI32::new(0);

/// The watchdog's process, waited for by nobody else.
#[derive(Debug)]
pub struct Watchdog(pub Option<Pid>);

impl Watchdog {
    /// The one of this process id.
    pub fn new(pid: Option<i32>) -> Self {
        WATCHDOG.store(pid.unwrap_or_default(), Ordering::Relaxed);
        Self(pid.map(Pid::from_raw))
    }

    /// Sends it a signal, if it is there.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // Not waited for: its number is its own.
            let _ = kill(pid, signal);
        }
    }

    /// Whether it is dead.
    pub fn has_ended(&self) -> bool {
        self.0.is_some_and(tree::is_zombie)
    }

    /// Whether it has ended and is collected.
    pub fn is_gone(&mut self) -> bool {
        if let Some(pid) = self.0
            && (tree::collect(pid) || tree::is_nobody(pid))
        {
            self.forget();
        }
        self.0.is_none()
    }

    /// Kills and collects it.
    pub fn end(&mut self) {
        if let Some(pid) = self.0 {
            tree::end(pid);
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.0 = None;
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
