//! The one thread that starts child processes, so that they die with this process and not before.
//!
//! Linux sends the parent-death signal when the *thread* that forked ends (prctl(2), PR_SET_PDEATHSIG). Test
//! threads end with their test; this one lives as long as the process. A SIGKILLed `cargo test` leaves nothing behind.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{LazyLock, mpsc};

type Job = Box<dyn FnOnce() + Send>;

static KEEPER: LazyLock<mpsc::Sender<Job>> = LazyLock::new(|| {
    let (sender, jobs) = mpsc::channel::<Job>();
    std::thread::Builder::new()
        .name("keeper".into())
        .spawn(move || jobs.into_iter().for_each(|job| job()))
        .expect("the harness needs a thread that starts processes");
    sender
});

/// Runs `job` on the keeper's thread.
pub(crate) fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, answer) = mpsc::channel();
    KEEPER
        .send(Box::new(move || drop(sender.send(job()))))
        .expect("the keeper's thread never ends");
    answer.recv().expect("the keeper's jobs do not panic")
}

/// Asks the kernel to kill it when the thread that started it ends, and becomes another program (util-linux).
const SETPRIV: &str = "/usr/bin/setpriv";

/// Whether children can be started by it: it is there, knows how, and this process ignores no signal that they are to hear.
static HAS_SETPRIV: LazyLock<bool> = LazyLock::new(|| {
    // Python ignores it, and what it starts inherits that; to us it is nothing.
    if is_ignored(libc::SIGXFSZ) {
        // SAFETY: it sets a disposition of this process, for which nothing here has a handler.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_DFL) };
    }
    let does_it = || command_of_setpriv(Path::new("true")).status();
    let ignored = [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP].map(is_ignored);
    ignored == [false; 3] && does_it().is_ok_and(|status| status.success())
});

/// What starts `program`, for [`spawn`]. A process of many threads and much memory forks slowly, and each of its pages is
/// copied once more that is written meanwhile; without a closure to run in the child, std shares the memory until the exec.
pub(crate) fn command(program: &Path) -> Command {
    // What is not there is an error of the start.
    let is_there = program.is_relative() || program.exists();
    match is_there && *HAS_SETPRIV {
        true => command_of_setpriv(program),
        false => Command::new(program),
    }
}

fn command_of_setpriv(program: &Path) -> Command {
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts a [`command`] in a process group of its own; it is killed when this process ends, however it ends, unless that is
/// within the first millisecond.
pub(crate) fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    run(move || {
        if command.get_program() != SETPRIV {
            hear_signals(&mut command);
            die_with_us(&mut command);
        }
        command.spawn()
    })
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: a plain structure, for which all zeroes is a value.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: it only reads a disposition of this process into the local that it is given.
    let read = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) };
    read == 0 && now.sa_sigaction == libc::SIG_IGN
}

/// Has the child begin with the signals of a terminal at their default: a shell that runs us in the background ignores them.
pub(crate) fn hear_signals(command: &mut Command) {
    let reset = || {
        for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGXFSZ] {
            // SAFETY: it sets a disposition of the calling process, which is about to become another program.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: the closure makes only async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(reset) };
}

/// Has the kernel kill the child when the keeper's thread is gone. Call it on that thread.
pub(crate) fn die_with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        let parent = nix::unistd::getpid();
        let ask = move || {
            // SAFETY: prctl with these arguments only sets a number in the calling process.
            if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before the call above; then no signal ever comes.
            if nix::unistd::getppid() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        };
        // SAFETY: the closure makes only async-signal-safe system calls and allocates nothing.
        unsafe { command.pre_exec(ask) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}
