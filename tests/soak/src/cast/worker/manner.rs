//! How a worker behaves: plainly, or in one of the ways in which commands outlive those who should end them.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, fork, setsid};

use super::Worker;
use crate::history::Exit;
use crate::time::At;

/// All of them, and how often each is drawn.
pub const MANNERS: &[(&str, u32)] = &[
    ("plain", 24),
    ("forks", 8),
    ("daemonizes", 8),
    ("ignores-term", 6),
    ("undumpable", 4),
    ("execs", 4),
    ("dies-by-a-real-time-signal", 4),
    ("exits-with-a-code", 8),
    ("chains", 4),
    ("fills-the-pid-space", 2),
    ("closes-outputs", 4),
    ("fills-outputs", 4),
    ("own-group", 4),
    ("empties-environment", 4),
    ("traces", 3),
    ("traced", 3),
    ("many", 2),
    ("stops-itself", 3),
];

/// The children of one that starts many.
const MANY: usize = 100;
/// More than any pid space that a soak makes.
const EVERY_PID: usize = 600;
/// So seldom do many of them say that they work: all together a few hundred times a second.
const SELDOM: Duration = Duration::from_millis(250);

impl Worker {
    /// Works as it was told to, and ends as it was told to.
    pub fn behave(mut self) -> ExitCode {
        self.teller.beat();
        let manner = self.orders.manner.clone();
        match manner.as_str() {
            "forks" => {
                for _ in 0..2 {
                    self.child("child", |child| child.outlive());
                }
            }
            "daemonizes" => self.daemon(),
            "ignores-term" => ignore_what_asks_to_stop(),
            // SAFETY: prctl with these arguments only sets a number in the calling process.
            "undumpable" => drop(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) }),
            "execs" => return self.exec(true),
            "empties-environment" => return self.exec(false),
            "chains" => self.child("chain", Worker::chain),
            "fills-the-pid-space" => self.start_many(EVERY_PID),
            "many" => self.start_many(MANY),
            // SAFETY: nothing here uses these descriptors afterwards; they are this process's own.
            "closes-outputs" => (0..3).for_each(|number| {
                unsafe { libc::close(number) };
            }),
            "fills-outputs" => self.child("filler", |_| fill_outputs()),
            "own-group" => self.child("child", |child| {
                let this = nix::unistd::Pid::from_raw(0);
                let _ = nix::unistd::setpgid(this, this);
                child.outlive();
            }),
            "traces" => self.child("traced", |child| {
                ask_to_be_traced();
                child.outlive();
            }),
            "traced" => ask_to_be_traced(),
            "stops-itself" => self.stop_for_a_while(),
            _ => {}
        }
        self.work();
        self.end()
    }

    fn end(&self) -> ExitCode {
        match self.orders.ending.0 {
            Exit::Code(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Exit::Signal(number) => {
                // SAFETY: it sends this process a signal. nix knows no real-time signals.
                unsafe { libc::kill(libc::getpid(), number) };
                // Blocked or ignored by whoever started it: not what was to be shown.
                ExitCode::from(2)
            }
        }
    }

    /// Longer than the command itself: it is left behind.
    fn outlive(&mut self) {
        let end = self.until + self.orders.works + Duration::from_secs(1);
        self.work_until(end, super::BEAT);
    }

    /// Starts a process that does this and ends. This one has no threads, so that all may be done there.
    fn child(&mut self, part: &str, does: impl FnOnce(&mut Worker)) {
        // SAFETY: a process of one thread may do anything after a fork.
        if let Ok(ForkResult::Child) = unsafe { fork() } {
            self.teller.become_part(part);
            does(self);
            // SAFETY: it ends this process, which has nothing to clean up.
            unsafe { libc::_exit(0) };
        }
    }

    fn daemon(&mut self) {
        self.child("child", |first| {
            let _ = setsid();
            first.child("daemon", Worker::outlive);
        });
    }

    /// Each works for a moment, and starts the next.
    fn chain(&mut self) {
        let end = self.until + Duration::from_secs(1);
        while At::now() < end {
            self.work_until(At::now() + Duration::from_millis(20), super::BEAT);
            // SAFETY: a process of one thread may do anything after a fork.
            match unsafe { fork() } {
                Ok(ForkResult::Child) => drop(setsid()),
                // SAFETY: as above.
                Ok(ForkResult::Parent { .. }) => unsafe { libc::_exit(0) },
                Err(_) => {}
            }
        }
    }

    fn start_many(&mut self, count: usize) {
        for _ in 0..count {
            // SAFETY: a process of one thread may do anything after a fork.
            match unsafe { fork() } {
                Ok(ForkResult::Child) => {
                    self.teller.become_part("one-of-many");
                    self.work_until(self.until + self.orders.works, SELDOM);
                    // SAFETY: it ends this process, which has nothing to clean up.
                    unsafe { libc::_exit(0) };
                }
                Ok(ForkResult::Parent { .. }) => {}
                Err(_) => return,
            }
        }
    }

    /// Goes on as another program, with what it has locked; with or without an environment.
    fn exec(&mut self, environment: bool) -> ExitCode {
        let half = self.until.since(At::now()) / 2;
        self.work_until(At::now() + half, super::BEAT);
        let left = self.until.since(At::now());
        let Ok(program) = std::env::current_exe() else {
            return ExitCode::from(2);
        };
        let mut next = std::process::Command::new(program);
        next.args(self.orders.again("exec", "plain", left));
        if !environment {
            next.env_clear();
        }
        drop(next.exec());
        ExitCode::from(2)
    }

    /// Stops, as an editor does; somebody continues it.
    fn stop_for_a_while(&mut self) {
        let this = nix::unistd::getpid();
        let left = self.until.since(At::now());
        self.work_until(At::now() + left / 3, super::BEAT);
        let pause = left / 3;
        self.child("waker", |_| {
            std::thread::sleep(pause);
            let _ = nix::sys::signal::kill(this, Signal::SIGCONT);
        });
        let stops = [Signal::SIGSTOP, Signal::SIGTSTP][this.as_raw() as usize % 2];
        let _ = nix::sys::signal::raise(stops);
    }
}

fn ignore_what_asks_to_stop() {
    for number in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        // SAFETY: ignoring a signal runs no handler.
        let _ = unsafe { signal(number, SigHandler::SigIgn) };
    }
}

/// Whoever is its parent is its tracer now, whether it likes it or not.
fn ask_to_be_traced() {
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: PTRACE_TRACEME ignores its other arguments.
    unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, nothing, nothing) };
}

/// Writes to stdout until that takes no more; then waits for whoever ends it.
fn fill_outputs() {
    let noise = [b'.'; 4096];
    loop {
        // SAFETY: the buffer is as long as is said.
        let written = unsafe { libc::write(1, noise.as_ptr().cast(), noise.len()) };
        if written < 0 {
            return;
        }
    }
}
