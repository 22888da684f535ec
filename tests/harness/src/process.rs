//! Processes by their id: alive, gone, started by whom, made to stand still or to end; what differs between systems lies below.

#[cfg(windows)]
pub(crate) mod console;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

#[cfg(windows)]
pub(crate) use console::{Asker, TERMINATED};
pub use system::{HOME, PATH_SEPARATOR, alive, tagged};
pub(crate) use system::{
    ROOT, command, ending_signal, environment_of_every_program, kill, kill_tagged, path, start,
    unknown_end, wait_for_end, was_killed,
};
#[cfg(unix)]
pub use unix::stopped;
#[cfg(unix)]
pub(crate) use unix::{Asker, TERMINATED, signal, to_pid};
#[cfg(windows)]
pub use windows::image;

use std::time::{Duration, Instant};

/// The environment variable by which everything that a test's command started can be found again.
pub(crate) const TAG: &str = "LEASE_HARNESS_TAG";

/// Whether this is Wine, and not Windows itself.
pub fn is_wine() -> bool {
    cfg!(windows) && std::path::Path::new(r"C:\windows\system32\winecfg.exe").exists()
}

/// Waits until the process is gone (or a zombie).
///
/// # Panics
///
/// When it is still alive after `timeout`.
#[track_caller]
pub fn wait_gone(pid: u32, timeout: Duration) {
    let deadline = Instant::now() + timeout;
    while alive(pid) {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(
            !left.is_zero(),
            "process {pid} is still alive after {timeout:?}"
        );
        system::wait_for_exit(pid, left);
    }
}

/// Ends the process at once, as SIGKILL and TerminateProcess do.
pub fn kill_process(pid: u32) {
    kill(pid);
}

/// Has the process stand still, all its threads.
pub fn suspend_process(pid: u32) {
    system::suspend(pid);
}

/// Has a process go on that was made to stand still.
pub fn resume_process(pid: u32) {
    system::resume(pid);
}
