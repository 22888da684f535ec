//! Processes on Unix: found by /proc where there is one, told by signals, started by the keeper.

use super::TAG;
use crate::keeper;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

/// Where commands are looked for.
pub(crate) fn path() -> String {
    "/usr/local/bin:/usr/bin:/bin".into()
}

/// What separates the folders of a PATH, and the files of KUBECONFIG.
pub const PATH_SEPARATOR: char = ':';

/// A folder that is always there.
pub(crate) const ROOT: &str = "/";

/// The variable that names a person's own folder.
pub const HOME: &str = "HOME";

/// What every program needs in its environment: texts as bytes that are UTF-8.
pub(crate) fn environment_of_every_program() -> impl Iterator<Item = (String, String)> {
    [("LC_ALL".to_owned(), "C.UTF-8".to_owned())].into_iter()
}

/// What starts `program`.
pub(crate) fn command(program: &Path) -> Command {
    keeper::command(program)
}

/// Starts `command` as the keeper's child in a process group of its own, so that it dies with this process.
pub(crate) fn start(command: Command, _tag: &str, _own_console: bool) -> io::Result<Child> {
    keeper::spawn(command)
}

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
pub(crate) fn wait_for_exit(pid: u32, timeout: Duration) {
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
pub(crate) fn wait_for_exit(_pid: u32, timeout: Duration) {
    std::thread::sleep(timeout.min(Duration::from_millis(2)));
}

/// Sends a signal; does nothing where there is no such process any more.
pub(crate) fn signal(pid: u32, number: i32) {
    let signal = Signal::try_from(number).expect("a signal's number");
    let _ = signal::kill(to_pid(pid), signal);
}

/// Who asks a process to end.
pub(crate) struct Asker;

impl Asker {
    pub(crate) fn of(_pid: u32) -> Asker {
        Asker
    }

    /// As a person does at a terminal.
    pub(crate) fn interrupt(&self, pid: u32) {
        signal(pid, libc::SIGINT);
    }

    /// As another program does.
    pub(crate) fn terminate(&self, pid: u32) {
        signal(pid, libc::SIGTERM);
    }
}

/// The status of whoever ends by [`Asker::terminate`].
pub(crate) const TERMINATED: i32 = 128 + libc::SIGTERM;

/// Ends the process at once.
pub(crate) fn kill(pid: u32) {
    signal(pid, libc::SIGKILL);
}

/// Has it stand still.
pub(crate) fn suspend(pid: u32) {
    signal(pid, libc::SIGSTOP);
}

/// Has it go on.
pub(crate) fn resume(pid: u32) {
    signal(pid, libc::SIGCONT);
}

/// Ends what is left of the command with this tag, wherever that went.
pub(crate) fn kill_tagged(tag: &str) {
    // Again, for a process that was just forking.
    for _ in 0..3 {
        tagged(tag).into_iter().for_each(kill);
    }
}

/// Whether a process ended by [`kill`].
pub(crate) fn was_killed(_code: Option<i32>, signal: Option<i32>) -> bool {
    signal == Some(libc::SIGKILL)
}

/// The signal that ended a process.
pub(crate) fn ending_signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// How a process ended of which nobody can tell.
pub(crate) fn unknown_end() -> ExitStatus {
    ExitStatus::from_raw(0xff00)
}

/// Waits for the child's end without reaping it.
pub(crate) fn wait_for_end(child: &Child) {
    loop {
        // SAFETY: waitid fills the zeroed siginfo_t it is given; WNOWAIT leaves the child to be waited for again.
        let result = unsafe {
            let mut information: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(
                libc::P_PID,
                child.id(),
                &raw mut information,
                libc::WEXITED | libc::WNOWAIT,
            )
        };
        if result == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return;
        }
    }
}
