//! The limits of this system that stand in the way of a process, in words.

use std::io::Error;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;

/// The limit that an error stands for; `None` for every other error.
pub fn named(error: &Error) -> Option<&'static str> {
    match Errno::from_raw(error.raw_os_error()?) {
        // fork(2): RLIMIT_NPROC, threads-max, pid_max, or pids.max of a cgroup.
        Errno::EAGAIN => {
            Some("the limit of processes is reached (ulimit -u, or pids.max of the cgroup)")
        }
        Errno::ENOMEM => Some("memory is short (ulimit -v, or the machine's)"),
        Errno::EMFILE => Some("the limit of open files is reached (ulimit -n)"),
        Errno::ENFILE => Some("the system's limit of open files is reached (fs.file-max)"),
        _ => None,
    }
}

/// An error, by the limit that it stands for if it does.
pub fn words(error: &Error) -> String {
    named(error).map_or_else(|| error.to_string(), str::to_owned)
}

/// Makes sure that the runtime can open what it needs, because it panics where it cannot open the last of it (tokio
/// `signal/unix.rs`), and that a file and a connection can be opened beside it.
///
/// # Errors
/// As dup(2).
pub fn room_to_start() -> std::io::Result<()> {
    // The runtime's poll, its waker, and a pair of sockets for signals; it has a second number for two of these.
    const RUNTIME: usize = 6;
    let stdin = std::io::stdin();
    let all: Result<Vec<OwnedFd>, Error> = (0..RUNTIME + 2)
        .map(|_| stdin.as_fd().try_clone_to_owned())
        .collect();
    all.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_from_a_file_that_cannot_be_run() {
        let of = |errno: Errno| named(&Error::from_raw_os_error(errno as i32));
        assert!(of(Errno::EAGAIN).is_some_and(|words| words.contains("ulimit -u")));
        assert!(of(Errno::EMFILE).is_some_and(|words| words.contains("ulimit -n")));
        assert_eq!(of(Errno::EACCES), None);
        assert_eq!(of(Errno::ENOEXEC), None);
        assert_eq!(of(Errno::E2BIG), None);
    }
}
