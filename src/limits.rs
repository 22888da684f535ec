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

/// As [`words`], of a thread that cannot be started: its stack takes memory too (pthread_create(3)).
pub fn words_of_thread(error: &Error) -> String {
    match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
        Errno::EAGAIN => "the limit of processes or of memory is reached (ulimit -u, ulimit -v, or pids.max of the cgroup)".to_owned(),
        _ => words(error),
    }
}

/// Makes sure that memory is left for what comes once there is a grant, since a program that gets none is aborted: it could
/// not give the grant back. Several times what a hold takes beside the stacks of its threads, most of it for the command's
/// words, which are 6 MiB at most (execve(2)) and go through buffers that grow.
///
/// # Errors
/// When the limit (ulimit -v), or the machine, leaves too little.
pub fn room_to_hold() -> std::io::Result<()> {
    const ROOM: usize = 32 << 20;
    let mut room: Vec<u8> = Vec::new();
    room.try_reserve_exact(ROOM)
        .map_err(|_| Errno::ENOMEM.into())
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
    fn a_thread_that_cannot_be_started_may_want_memory() {
        let words = words_of_thread(&Error::from_raw_os_error(Errno::EAGAIN as i32));
        assert!(words.contains("ulimit -u, ulimit -v"), "{words}");
    }

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
