//! A terminal of the program's own, whose other end the launcher reads; or none at all.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

use super::launch::die_with_parent;

/// Long beyond what reading a terminal takes on a busy machine.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a child ended: a code, or a signal.
pub enum End {
    Code(i32),
    Signal(i32),
}

/// Returns in a process that leads a session on the terminal; the other shows what is written there on stderr, and
/// ends as it does.
pub fn enter() -> nix::Result<()> {
    let pair = openpty(None, None)?;
    // SAFETY: a process of one thread may do anything after a fork.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(pair.slave);
            let (all, shown) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                show(pair.master);
                all.send(())
            });
            let end = wait(child);
            // What was written last is shown, too. The terminal ends when the last process on it does, which is not always now.
            let _ = shown.recv_timeout(LAST_WORDS);
            end_as(end)
        }
        ForkResult::Child => {
            drop(pair.master);
            die_with_parent();
            setsid()?;
            // SAFETY: the descriptor is a terminal; TIOCSCTTY takes a number.
            Errno::result(unsafe { libc::ioctl(pair.slave.as_raw_fd(), libc::TIOCSCTTY as _, 0) })?;
            dup2_stdin(&pair.slave)?;
            dup2_stdout(&pair.slave)?;
            dup2_stderr(&pair.slave)
        }
    }
}

/// Gives up the terminal that the soak was started from, if there is one.
pub fn leave() -> nix::Result<()> {
    if let Ok(terminal) = std::fs::File::open("/dev/tty") {
        // SAFETY: the descriptor is open; TIOCNOTTY takes nothing.
        Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY as _) })?;
    }
    Ok(())
}

fn show(master: OwnedFd) {
    let mut master = std::fs::File::from(master);
    let mut buffer = [0; 4096];
    loop {
        match master.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => drop(std::io::stderr().write_all(&buffer[..count])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The last process on it is gone.
            Err(_) => return,
        }
    }
}

/// Waits for a child's end; what asks this process to stop is not meant for it.
pub fn wait(child: Pid) -> End {
    for number in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        // SAFETY: ignoring a signal runs no handler.
        let _ = unsafe { nix::sys::signal::signal(number, nix::sys::signal::SigHandler::SigIgn) };
    }
    let mut status = 0;
    loop {
        // SAFETY: waitpid fills the number it is given.
        let pid = unsafe { libc::waitpid(child.as_raw(), &raw mut status, 0) };
        if pid < 0 && Errno::last() == Errno::EINTR {
            continue;
        }
        return if libc::WIFSIGNALED(status) {
            End::Signal(libc::WTERMSIG(status))
        } else {
            End::Code(libc::WEXITSTATUS(status))
        };
    }
}

/// Ends this process in that way.
pub fn end_as(end: End) -> ! {
    match end {
        End::Signal(number) => {
            // No core of this process, whose fault it is not.
            let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
            if let Ok(signal) = Signal::try_from(number) {
                // SAFETY: the default disposition runs no handler.
                let _ = unsafe {
                    nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigDfl)
                };
            }
            // SAFETY: it sends this process a signal. nix knows no real-time signals.
            unsafe { libc::kill(libc::getpid(), number) };
            let _ = kill(nix::unistd::getpid(), Signal::SIGKILL);
            leave_with(1)
        }
        End::Code(code) => leave_with(code),
    }
}

fn leave_with(code: i32) -> ! {
    // SAFETY: it ends this process; what is read is written without a buffer.
    unsafe { libc::_exit(code) }
}
