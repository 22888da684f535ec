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
use nix::unistd::Pid;

use super::tree;
use super::wire::Orders;
use crate::clock::{Clock, Instant, SystemClock};

/// How often the clock is looked at while a start takes its time.
const LOOK: Duration = Duration::from_millis(20);

/// HUP, INT, QUIT and TERM, as they are passed on.
const TO_END: [&str; 4] = ["1", "2", "3", "15"];

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
    begun: Sender<Orders>,
    over: Sender<()>,
    minded: Receiver<Minded>,
}

/// What came while a command was being started.
struct Minded {
    orders: Orders,
    heard: String,
    /// Its time was over, or it was not wanted any more.
    over: bool,
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
            if let Ok(orders) = to_mind.recv() {
                let _ = results.send(mind(&mut control, orders, &is_over));
            }
        })?;
        Ok(Self {
            begun,
            over,
            minded,
        })
    }

    /// Starts `command`, and kills it by the time that `orders` give if it is not executed until then. Orders that come
    /// meanwhile are obeyed; those that are for what runs, and what was heard of the next, stay in `heard`.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn start(
        self,
        command: &mut Command,
        orders: &mut Orders,
        heard: &mut String,
    ) -> io::Result<Begun> {
        let gone = || io::Error::other("the thread that minds the start is gone");
        self.begun.send(*orders).map_err(|_| gone())?;
        let started = command.spawn();
        // It has ended if it is over.
        let _ = self.over.send(());
        let minded = self.minded.recv().map_err(|_| gone())?;
        (*orders, *heard) = (minded.orders, minded.heard);
        match started {
            Ok(child) => Ok(Begun::Runs {
                child: Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?),
                unwanted: minded.over,
            }),
            Err(_) if minded.over => Ok(Begun::TooLate),
            Err(error) => Ok(Begun::Failed(error.raw_os_error().unwrap_or_default())),
        }
    }
}

fn mind(control: &mut UnixStream, mut orders: Orders, done: &Receiver<()>) -> Minded {
    let (mut heard, mut over) = (String::new(), false);
    while done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        over |= !listen(control, &mut orders, &mut heard) || SystemClock.now() >= orders.fence_at();
        if over {
            // What is not executed yet is our child; what is, is looked for until nothing is left once it is known.
            tree::kill_own(Pid::from_raw(0), &mut HashSet::new(), &|_| false, |_| false);
        }
    }
    Minded {
        orders,
        heard,
        over,
    }
}

/// Takes the orders that have come, but for those that are for what runs; false if the command is not wanted any more.
fn listen(control: &mut UnixStream, orders: &mut Orders, heard: &mut String) -> bool {
    let mut buffer = [0; 1024];
    let open = loop {
        match control.read(&mut buffer) {
            Ok(0) => break false,
            Ok(length) => heard.push_str(&String::from_utf8_lossy(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break error.kind() == io::ErrorKind::WouldBlock,
        }
    };
    let mut wanted = open;
    let mut kept = String::new();
    let mut asked = 0;
    while let Some((line, rest)) = heard.split_once('\n') {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("held", sent_at) => orders.renewed(sent_at),
            ("stop" | "kill", _) => wanted = false,
            // A signal is for what runs: soon, or already.
            (verb, signal) => {
                asked += usize::from(verb == "signal" && TO_END.contains(&signal));
                kept.extend([line, "\n"]);
            }
        }
        *heard = rest.to_owned();
    }
    heard.insert_str(0, &kept);
    // Nobody hears the first one where the exec hangs.
    wanted &= asked < 2;
    wanted
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
