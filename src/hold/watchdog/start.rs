//! What becomes of a command between fork and exec: it dies with its parent, and it begins in time or not at all.

use std::collections::HashSet;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::inbox::Inbox;
use super::tree;
use super::wire::{Orders, ToWatchdog};
use crate::clock::{Clock, Instant, SystemClock};

/// How often the clock is looked at while a start takes its time.
const LOOK: Duration = Duration::from_millis(20);

/// The signals that ask a command to end, as they are passed on.
const TO_END: [i32; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// What came of a start.
#[derive(Debug)]
pub enum Begun {
    /// It runs. With `unwanted` its time is over, or it is not wanted any more, and all of it is to be killed: it may have
    /// begun a moment before that, and started others.
    Runs {
        /// The leader of its process group.
        child: Pid,
        /// Whether that came meanwhile.
        unwanted: bool,
    },
    /// It cannot be started: errno.
    Failed(i32),
    /// Its time was over, or it was not wanted any more, and it was not executed.
    TooLate,
}

/// A thread that watches the clock while this one starts a command: what is executed may be on a file system that hangs,
/// or be held open by somebody (fcntl(2), F_SETLEASE), and fork and exec are one call. It is this one that starts it: a
/// command dies with the thread that started it (prctl(2), PR_SET_PDEATHSIG), and is traced by that one.
pub struct Minder {
    begun: Sender<Heard>,
    over: Sender<()>,
    minded: Receiver<(Heard, bool)>,
}

/// What was heard of the supervisor when the command has been started.
pub struct Heard {
    /// By when it must be dead.
    pub orders: Orders,
    /// What is for a command that runs.
    pub for_command: Vec<ToWatchdog>,
    /// What came after that.
    pub inbox: Inbox,
}

impl Minder {
    /// Has the thread ready, so that a limit is met before there is a grant. Orders come on `control`.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn new(control: &UnixStream) -> io::Result<Self> {
        let mut control = control.try_clone()?;
        let (begun, to_mind) = channel();
        let (over, is_over) = channel();
        let (results, minded) = channel();
        thread::Builder::new().spawn(move || {
            if let Ok(mut heard) = to_mind.recv() {
                let unwanted = mind(&mut control, &mut heard, &is_over);
                let _ = results.send((heard, unwanted));
            }
        })?;
        Ok(Self {
            begun,
            over,
            minded,
        })
    }

    /// Starts `command`, and kills it by the time that `orders` give if it is not executed until then. Whatever comes
    /// meanwhile, after what `inbox` has, is obeyed if it is not for a command that runs.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn start(
        self,
        command: &mut Command,
        orders: Orders,
        inbox: Inbox,
    ) -> io::Result<(Begun, Heard)> {
        let gone = || io::Error::other("the thread that minds the start is gone");
        let heard = Heard {
            orders,
            for_command: Vec::new(),
            inbox,
        };
        self.begun.send(heard).map_err(|_| gone())?;
        let started = command.spawn();
        // It has ended if it is over.
        let _ = self.over.send(());
        let (heard, unwanted) = self.minded.recv().map_err(|_| gone())?;
        let begun = match started {
            Ok(child) => Begun::Runs {
                child: Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?),
                unwanted,
            },
            Err(_) if unwanted => Begun::TooLate,
            Err(error) => Begun::Failed(error.raw_os_error().unwrap_or_default()),
        };
        Ok((begun, heard))
    }
}

/// Minds a start until it is done; true if its time was over, or it was not wanted any more.
fn mind(control: &mut UnixStream, heard: &mut Heard, done: &Receiver<()>) -> bool {
    let mut unwanted = false;
    while done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        unwanted |= !heard.listen(control) || SystemClock.now() >= heard.orders.fence_at();
        if unwanted {
            // What is not executed yet is our child; what is, is looked for until nothing is left once it is known.
            tree::kill_own(Pid::from_raw(0), &mut HashSet::new(), &|_| false, |_| false);
        }
    }
    unwanted
}

impl Heard {
    /// Hears what has come; false if the command is not wanted any more.
    fn listen(&mut self, control: &mut UnixStream) -> bool {
        let mut wanted = loop {
            match self.inbox.receive_by(|buffer| control.read(buffer)) {
                Ok(true) => {}
                Ok(false) => break false,
                Err(error) => break error.kind() == io::ErrorKind::WouldBlock,
            }
        };
        while let Some(message) = self.inbox.next() {
            match message {
                Ok(ToWatchdog::Held(sent_at)) => self.orders.renewed(sent_at),
                Ok(ToWatchdog::Stop | ToWatchdog::Kill) => wanted = false,
                // It is for what runs: soon, or already.
                Ok(signal @ ToWatchdog::Signal(_)) => self.for_command.push(signal),
                // None of ours.
                Ok(ToWatchdog::Start(_)) | Err(_) => {}
            }
        }
        let to_end = |message: &&ToWatchdog| matches!(message, ToWatchdog::Signal(number) if TO_END.contains(number));
        // Nobody hears the first one where the exec hangs.
        wanted && self.for_command.iter().filter(to_end).count() < 2
    }
}

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

/// Has this process continued when its parent dies: a watchdog that somebody stopped is needed then.
pub fn continue_with_parents_death() {
    #[cfg(target_os = "linux")]
    {
        // Without it, it is as stopped as it was.
        let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGCONT);
    }
}

/// From `deadline` on the command is not executed any more, and the start of it fails. To be asked for last: a fork can
/// take its time on a machine that is short of memory.
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
