//! What becomes of a command between fork and exec: it dies with its parent, and it begins in time or not at all.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;

use crate::clock::{Clock, Instant, SystemClock};

/// If supervisor and watchdog are killed together, the kernel still kills the command itself (prctl(2), PR_SET_PDEATHSIG).
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "runs between fork and exec")]
pub fn die_with_parent(starter: &mut Command) {
    use nix::sys::signal::Signal;
    // SAFETY: one system call, which is async-signal-safe and allocates nothing.
    unsafe {
        starter
            .pre_exec(|| nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from));
    }
}

/// There is no such thing here.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_: &mut Command) {}

/// From `deadline` on the command is not executed any more, and the start of it fails. To be asked for last: a fork can
/// take its time on a machine that is short of memory, and nobody watches the clock until the start is over.
#[expect(unsafe_code, reason = "runs between fork and exec")]
pub fn not_after(starter: &mut Command, deadline: Instant) {
    // SAFETY: it only reads clocks, by clock_gettime(2), which is async-signal-safe; nothing is allocated.
    unsafe {
        starter.pre_exec(move || {
            if SystemClock.now() >= deadline {
                return Err(Errno::ETIMEDOUT.into());
            }
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "runs between fork and exec")]
    fn a_command_whose_deadline_comes_between_fork_and_exec_is_not_executed() {
        let deadline = SystemClock.now() + Duration::from_millis(200);
        let mut starter = Command::new("true");
        // SAFETY: it reads clocks and sleeps.
        unsafe {
            starter.pre_exec(move || {
                while SystemClock.now() < deadline {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(())
            });
        }
        not_after(&mut starter, deadline);
        let error = starter.spawn().expect_err("it is too late");
        assert_eq!(error.raw_os_error(), Some(Errno::ETIMEDOUT as i32));
    }

    #[test]
    fn a_command_in_time_is_executed() {
        let mut starter = Command::new("true");
        not_after(&mut starter, SystemClock.now() + Duration::from_secs(60));
        let status = starter.status().expect("it is started");
        assert!(status.success(), "{status}");
    }
}
