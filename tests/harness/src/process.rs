//! Questions about processes by their id: alive, gone, how large, started by whom.

use nix::sys::signal;
use nix::unistd::Pid;
use std::fs;
use std::time::{Duration, Instant};

/// The environment variable by which everything that a test's command started can be found again.
pub(crate) const TAG: &str = "LEASE_HARNESS_TAG";

/// Whether the process exists and can still run: a zombie cannot.
pub fn alive(pid: u32) -> bool {
    if !cfg!(target_os = "linux") {
        return signal::kill(to_pid(pid), None).is_ok();
    }
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether the process is stopped, by SIGSTOP or Ctrl-Z (Linux only).
pub fn stopped(pid: u32) -> bool {
    state(pid) == Some('T')
}

/// The state in /proc, which follows the command's name in parentheses; that may hold any character (proc(5)).
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
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
        wait_for_exit(pid, left);
    }
}

/// The living processes that carry `tag` in their environment: what a command started, `setsid` or not, reparented
/// or not. Empty where there is no /proc.
pub fn tagged(tag: &str) -> Vec<u32> {
    let wanted = format!("{TAG}={tag}").into_bytes();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            environment(*pid)
                .split(|byte| *byte == 0)
                .any(|entry| entry == wanted)
        })
        .filter(|pid| alive(*pid))
        .collect()
}

/// The environment that the process was started with. It reads as empty for a moment during execve(2), so an empty
/// one is looked at again; kernel threads, which never have one, have no executable either.
fn environment(pid: u32) -> Vec<u8> {
    let read = || fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    for _ in 0..3 {
        let environment = read();
        if !environment.is_empty() || fs::read_link(format!("/proc/{pid}/exe")).is_err() {
            return environment;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    read()
}

pub(crate) fn to_pid(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("process ids are small"))
}

/// Sleeps until the process exits or `timeout` passes, whichever is first.
#[cfg(target_os = "linux")]
fn wait_for_exit(pid: u32, timeout: Duration) {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    // SAFETY: pidfd_open takes two numbers and returns a new file descriptor or -1.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let Ok(descriptor) = i32::try_from(descriptor) else {
        return;
    };
    if descriptor < 0 {
        return;
    }
    // SAFETY: the descriptor is new and nobody else's.
    let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let mut poll = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let milliseconds = i32::try_from(timeout.as_millis().clamp(1, 60_000)).expect("clamped");
    // SAFETY: one valid pollfd, and the count says one.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
}

#[cfg(not(target_os = "linux"))]
fn wait_for_exit(_pid: u32, timeout: Duration) {
    std::thread::sleep(timeout.min(Duration::from_millis(2)));
}
