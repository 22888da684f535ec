//! The watchdog process: starts the command, and has its whole tree dead by the deadline whatever becomes of the
//! supervisor. It knows nothing of Kubernetes; the supervisor tells it of each acknowledged renewal.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

use super::machine::Ended;
use super::orders::{Orders, Start};
use super::tree::{self, Change, Tree};
use super::wakers::Wakers;
use crate::clock::{Clock, Instant, SystemClock};
use crate::limits;

/// The first argument of a watchdog.
pub const MARK: &str = "--watchdog";

/// How often the kill is repeated while something still runs.
const KILL_AGAIN: Duration = Duration::from_millis(20);

/// So many file descriptors must be free to start a command and look for what it starts.
const SPARE: usize = 6;

struct Watchdog {
    orders: Orders,
    control: UnixStream,
    supervisor_alive: bool,
    heard: String,
    tree: Tree,
    stopping: bool,
    kill_due: Option<Instant>,
}

/// Runs as the watchdog if the arguments say so: `--watchdog NUMBER`, the file descriptor of the control socket. All else
/// comes by that, so that somebody who kills processes by the command's name does not kill the one that guards it.
pub fn main(args: &[OsString]) -> Option<ExitCode> {
    if args.get(1)? != MARK {
        return None;
    }
    let control: u32 = args.get(2)?.to_str()?.parse().ok()?;
    let control = RawFd::try_from(control).ok()?;
    Some(match watch(control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn watch(control: RawFd) -> io::Result<()> {
    let mut control = self::control(control)?;
    let wakers = match get_ready(&control) {
        Ok(wakers) => wakers,
        Err(why) => return writeln!(control, "unready {why}"),
    };
    writeln!(control, "ready")?;
    // Comes with the grant; or never, if there is none.
    let start = Start::receive(&mut control)?;
    let (command, arguments) = (start.command)
        .split_first()
        .ok_or_else(|| io::Error::other("no command"))?;
    let orders = start.orders;
    if SystemClock.now() >= orders.sent_at + orders.fence_after {
        // Frozen since the grant: nothing may begin under a lease that can be another's by now.
        return writeln!(control, "gone");
    }
    control.set_nonblocking(true)?;
    let mut starter = Command::new(command);
    starter
        .args(arguments)
        .envs(start.environment)
        .process_group(0);
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
    tree::go_first();
    // From here on nothing may end this process before the tree: the supervisor may be dead already.
    let mut watchdog = Watchdog {
        orders,
        control,
        supervisor_alive: true,
        heard: String::new(),
        tree: Tree::new(child),
        stopping: false,
        kill_due: None,
    };
    watchdog.tell(&format!("started {child}"));
    watchdog.run(&wakers);
    Ok(())
}

/// Everything that can fail, but for the start of the command itself: done before the lease is taken.
fn get_ready(control: &UnixStream) -> Result<Wakers, String> {
    // Signals meant for a whole service or terminal must not end the one who watches.
    for signal in crate::signals::from_others() {
        // What is ignored (nohup) stays ignored, for the command too.
        if !crate::signals::is_ignored(signal) {
            signal_hook::flag::register(signal, std::sync::Arc::default())
                .map_err(|error| format!("cannot handle signal {signal}: {error}"))?;
        }
    }
    tree::adopt_orphans()?;
    tree::check()?;
    let made = || {
        let wakers = Wakers::new()?;
        // Whoever started us may have blocked the one. The supervisor blocks the other to use the terminal from the
        // background; the command must not inherit that.
        let mut needed = SigSet::from(Signal::SIGCHLD);
        needed.add(Signal::SIGTTOU);
        needed.thread_unblock()?;
        spare(control, SPARE)?;
        Ok(wakers)
    };
    made().map_err(|error| limits::words(&error))
}

/// Whether `number` more file descriptors can be had.
pub fn spare(any: &UnixStream, number: usize) -> io::Result<()> {
    let copies: io::Result<Vec<_>> = (0..number).map(|_| any.try_clone()).collect();
    copies.map(drop)
}

#[expect(unsafe_code, reason = "the supervisor passes the socket by its number")]
fn control(number: RawFd) -> io::Result<UnixStream> {
    // Somebody who tries this by hand names something else.
    let flags = nix::fcntl::FcntlArg::F_GETFD;
    // SAFETY: only asked whether it is open.
    nix::fcntl::fcntl(unsafe { BorrowedFd::borrow_raw(number) }, flags)?;
    // SAFETY: it is open, the supervisor says which one it is, and nothing else in this process uses it.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
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
    fn run(mut self, wakers: &Wakers) {
        loop {
            self.listen();
            let again = self.act(SystemClock.now());
            for change in self.tree.changes() {
                self.tell(&match change {
                    Change::Ended(Ended::Exited(status)) => format!("exited {status}"),
                    Change::Ended(Ended::Signalled(signal)) => format!("signalled {signal}"),
                    Change::Stopped(signal) => format!("stopped {signal}"),
                });
            }
            if self.tree.is_gone() {
                self.tell("gone");
                return;
            }
            if !again && !self.tree.is_crowded() {
                self.wait(wakers);
            }
        }
    }

    /// Does what is due; true if there is more to do at once.
    fn act(&mut self, now: Instant) -> bool {
        if !self.stopping && now >= self.orders.sent_at + self.orders.fence_after {
            self.stop(now);
        }
        // Not only at its time: each death can have brought somebody to light.
        self.kill_due.is_some_and(|due| now >= due) && self.tree.kill_all()
    }

    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        if self.tree.leader_ended() {
            let left = self.tree.names();
            if !left.is_empty() {
                self.tell(&format!("left {}", left.join(", ")));
            }
        }
        let signal = Signal::try_from(self.orders.on_lost).unwrap_or(Signal::SIGTERM);
        self.tree.signal_all(signal);
        let kill_at = (now + self.orders.kill_after).min(self.orders.sent_at + self.orders.kill_at);
        self.kill_due = Some(kill_at);
    }

    /// Waits until something has happened or is due.
    fn wait(&self, wakers: &Wakers) {
        let now = SystemClock.now();
        let next = match self.kill_due {
            Some(due) if due > now => Some(due),
            Some(_) => Some(now + KILL_AGAIN),
            None if self.stopping => None,
            None => Some(self.orders.sent_at + self.orders.fence_after),
        };
        wakers.wait(self.supervisor_alive.then_some(&self.control), next);
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
                    self.forward(signal);
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

    fn forward(&self, signal: Signal) {
        match signal {
            // Requests to end are for all that runs.
            Signal::SIGHUP | Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTERM => {
                self.tree.signal_all(signal);
            }
            // Somebody who is stopped hears nothing until continued.
            Signal::SIGSTOP | Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGTTOU => {
                self.tree.signal_group(signal, false);
            }
            _ => self.tree.signal_group(signal, true),
        }
    }

    fn tell(&mut self, event: &str) {
        if self.supervisor_alive && writeln!(self.control, "{event}").is_err() {
            self.supervisor_alive = false;
        }
    }
}
