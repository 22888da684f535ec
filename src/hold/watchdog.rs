//! The watchdog process: starts the command, and has its whole tree dead by the deadline whatever becomes of the
//! supervisor. It knows nothing of Kubernetes; the supervisor tells it of each acknowledged renewal.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

use super::orders::{Orders, receive_command};
use super::tree;
use crate::clock::{Clock, Instant, SystemClock};

/// The first argument of a watchdog.
pub const MARK: &str = "--watchdog";

/// The file descriptor of the control socket in the watchdog: high, because low ones may be the command's own
/// (a jobserver, sockets from an activating service).
pub const CONTROL_FD: i32 = 250;

/// How often the kill is repeated while something still runs.
const KILL_AGAIN: Duration = Duration::from_millis(20);

/// The runtime's timers do not count suspend: time is looked at this often at least.
const LOOK: Duration = Duration::from_secs(1);

struct Watchdog {
    orders: Orders,
    control: UnixStream,
    supervisor_alive: bool,
    heard: String,
    child: Pid,
    stopping: bool,
    kill_due: Option<Instant>,
}

/// Runs as the watchdog if the arguments say so: `--watchdog ORDERS`. The command comes by the control socket, so that
/// somebody who kills processes by the command's name does not kill the one that guards it.
pub fn main(args: &[OsString]) -> Option<ExitCode> {
    if args.get(1)? != MARK {
        return None;
    }
    let orders = Orders::from_argument(args.get(2)?.to_str()?)?;
    Some(match watch(orders) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn watch(orders: Orders) -> io::Result<()> {
    let mut control = control()?;
    let command = receive_command(&mut control)?;
    let (command, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::other("no command"))?;
    tree::adopt_orphans().map_err(io::Error::other)?;
    let (deaths, deaths_writer) = UnixStream::pair()?;
    deaths.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, deaths_writer)?;
    // Signals meant for a whole service or terminal must not end the one who watches.
    for number in [1, 2, 3, 10, 12, 15, 20] {
        // What is ignored (nohup) stays ignored, for the command too.
        if !crate::signals::is_ignored(number) {
            signal_hook::flag::register(number, std::sync::Arc::default())?;
        }
    }
    // The supervisor blocks it to use the terminal from the background; the command must not inherit that.
    SigSet::from(Signal::SIGTTOU)
        .thread_unblock()
        .map_err(io::Error::from)?;
    if SystemClock.now() >= orders.sent_at + orders.fence_after {
        // Frozen since the grant: nothing may begin under a lease that can be another's by now.
        return writeln!(control, "gone");
    }
    control.set_nonblocking(true)?;
    let mut starter = Command::new(command);
    starter.args(arguments).process_group(0);
    die_with_parent(&mut starter);
    super::foreground::take(&mut starter, orders.terminal_of);
    let child = match starter.spawn() {
        Ok(child) => Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?),
        Err(error) => {
            return writeln!(
                control,
                "failed {}",
                error.raw_os_error().unwrap_or_default()
            );
        }
    };
    // From here on nothing may end this process before the tree: the supervisor may be dead already.
    let mut watchdog = Watchdog {
        orders,
        control,
        supervisor_alive: true,
        heard: String::new(),
        child,
        stopping: false,
        kill_due: None,
    };
    watchdog.tell(&format!("started {child}"));
    watchdog.run(&deaths);
    Ok(())
}

#[expect(unsafe_code, reason = "the supervisor passes the socket by its number")]
fn control() -> io::Result<UnixStream> {
    // SAFETY: the supervisor maps the control socket to this number, and nothing else in this process uses it.
    let socket = unsafe { OwnedFd::from_raw_fd(CONTROL_FD) };
    // The command must not inherit it: the supervisor would not see the watchdog end.
    nix::fcntl::fcntl(
        &socket,
        nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC),
    )?;
    Ok(UnixStream::from(socket))
}

/// If supervisor and watchdog are killed together, the kernel still kills the command itself (prctl(2), PR_SET_PDEATHSIG).
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "runs between fork and exec")]
fn die_with_parent(starter: &mut Command) {
    // SAFETY: one system call, which is async-signal-safe and allocates nothing.
    unsafe {
        starter
            .pre_exec(|| nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from));
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}

impl Watchdog {
    fn run(mut self, deaths: &UnixStream) {
        loop {
            self.listen();
            let now = SystemClock.now();
            self.act(now);
            if self.reap() {
                self.tell("gone");
                return;
            }
            self.wait(deaths, now);
            let mut drain = [0; 64];
            while matches!((&*deaths).read(&mut drain), Ok(1..)) {}
        }
    }

    fn act(&mut self, now: Instant) {
        if !self.stopping && now >= self.orders.sent_at + self.orders.fence_after {
            self.stop(now);
        }
        if self.kill_due.is_some_and(|due| now >= due) {
            tree::signal_all(getpid(), Some(self.child), Signal::SIGKILL);
            self.kill_due = Some(now + KILL_AGAIN);
        }
    }

    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let signal = Signal::try_from(self.orders.on_lost).unwrap_or(Signal::SIGTERM);
        tree::signal_all(getpid(), Some(self.child), signal);
        let kill_at = (now + self.orders.kill_after).min(self.orders.sent_at + self.orders.kill_at);
        self.kill_due = Some(kill_at);
    }

    /// Collects whatever ended; true once nothing is left.
    fn reap(&mut self) -> bool {
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED;
        loop {
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::Exited(pid, status)) if pid == self.child => {
                    self.tell(&format!("exited {status}"))
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.child => {
                    self.tell(&format!("signalled {}", signal as i32));
                }
                Ok(WaitStatus::Stopped(pid, signal)) if pid == self.child => {
                    self.tell(&format!("stopped {}", signal as i32));
                }
                Ok(WaitStatus::StillAlive) => return false,
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                // ECHILD: no child, so no descendant either, because orphans come to us.
                Err(_) => return true,
            }
        }
    }

    fn wait(&self, deaths: &UnixStream, now: Instant) {
        let fence = (!self.stopping).then_some(self.orders.sent_at + self.orders.fence_after);
        let next = [fence, self.kill_due].into_iter().flatten().min();
        let span = next.map_or(LOOK, |next| next.since(now).min(LOOK));
        // Rounded up: waking a little early would spin.
        let timeout =
            PollTimeout::try_from(span + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO);
        let mut sources = vec![PollFd::new(deaths.as_fd(), PollFlags::POLLIN)];
        if self.supervisor_alive {
            sources.push(PollFd::new(self.control.as_fd(), PollFlags::POLLIN));
        }
        // An interrupted poll is an early look.
        let _ = poll(&mut sources, timeout);
    }

    /// Takes the supervisor's orders; its silence for good means that it is dead.
    fn listen(&mut self) {
        let mut buffer = [0; 1024];
        while self.supervisor_alive {
            match self.control.read(&mut buffer) {
                Ok(0) => self.supervisor_alive = false,
                Ok(length) => {
                    self.heard
                        .push_str(&String::from_utf8_lossy(&buffer[..length]));
                    // An order may come in two pieces.
                    while let Some((line, rest)) = self.heard.split_once('\n') {
                        let (line, rest) = (line.to_owned(), rest.to_owned());
                        self.heard = rest;
                        self.obey(&line);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.supervisor_alive = false,
            }
        }
        if !self.stopping {
            // Nobody renews the lease any more.
            self.stop(SystemClock.now());
        }
    }

    fn obey(&mut self, order: &str) {
        let (verb, argument) = order.split_once(' ').unwrap_or((order, ""));
        match verb {
            "held" => {
                if let Ok(nanos) = argument.parse() {
                    let sent_at = Instant::from_origin(Duration::from_nanos(nanos));
                    self.orders.sent_at = self.orders.sent_at.max(sent_at);
                }
            }
            "signal" => {
                if let Some(signal) = argument
                    .parse()
                    .ok()
                    .and_then(|number: i32| Signal::try_from(number).ok())
                {
                    // Gone already: its end is reported anyway.
                    let _ = killpg(self.child, signal);
                    // Somebody who is stopped hears nothing until continued.
                    if !matches!(
                        signal,
                        Signal::SIGSTOP | Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGTTOU
                    ) {
                        let _ = killpg(self.child, Signal::SIGCONT);
                    }
                }
            }
            // Each stop is asked for once.
            "stop" if self.stopping => {}
            "stop" => self.stop(SystemClock.now()),
            "kill" => {
                self.stopping = true;
                self.kill_due = Some(SystemClock.now());
            }
            _ => {}
        }
    }

    fn tell(&mut self, event: &str) {
        if self.supervisor_alive && writeln!(self.control, "{event}").is_err() {
            self.supervisor_alive = false;
        }
    }
}
