//! The watchdog process: starts the command, and has its whole tree dead by the deadline whatever becomes of the
//! supervisor. It knows nothing of Kubernetes; the supervisor tells it of each acknowledged renewal.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::start::{self, Begun, Heard, Minder};
use super::tree::{self, ChildEvent, Tree};
use super::wakers::Wakers;
use super::wire::{Orders, Start, ToSupervisor, ToWatchdog};
use crate::clock::{Clock, Instant, SystemClock};
use crate::limits;

/// The first argument of a watchdog.
pub const MARK: &str = "--watchdog";

/// How often the kill is repeated while something still runs.
const KILL_AGAIN: Duration = Duration::from_millis(20);

/// So many file descriptors must be free to start a command and look for what it starts.
const SPARE: usize = 6;

/// So many of the processes that a command left behind are named.
const NAMED: usize = 10;

struct Watchdog {
    orders: Orders,
    control: UnixStream,
    supervisor_alive: bool,
    inbox: Inbox,
    /// What the supervisor, frozen say, has not made room for yet. It is never waited for while anything runs.
    outbox: Outbox,
    tree: Tree,
    /// It began too late: nothing is said of it but that.
    unwanted: bool,
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
    let control = self::control(control)?;
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::default());
    let (wakers, minder) = match get_ready(&control) {
        Ok(ready) => ready,
        Err(why) => return outbox.send(&control, &ToSupervisor::Unready(why)),
    };
    outbox.send(&control, &ToSupervisor::Ready)?;
    // Comes with the grant; or never, if there is none.
    let Some(ToWatchdog::Start(start)) = inbox.wait(&control)? else {
        return Err(io::Error::other("no command"));
    };
    let Start {
        orders,
        terminal_of,
        environment,
        command,
    } = *start;
    let mut words = command.into_iter().map(|word| word.0);
    let command = words.next().ok_or_else(|| io::Error::other("no command"))?;
    let deadline = orders.fence_at();
    if SystemClock.now() >= deadline {
        // Frozen since the grant: nothing may begin under a lease that can be another's by now.
        return outbox.send(&control, &ToSupervisor::Late);
    }
    control.set_nonblocking(true)?;
    let mut to_start = Command::new(command);
    to_start
        .args(words)
        .envs(
            environment
                .into_iter()
                .map(|(name, value)| (name.0, value.0)),
        )
        .process_group(0);
    start::die_with_parent(&mut to_start);
    if let Some(group) = terminal_of {
        super::foreground::take(&mut to_start, Pid::from_raw(group));
    }
    start::not_after(&mut to_start, deadline);
    let (begun, heard) = minder.start(&mut to_start, orders, inbox)?;
    let (child, unwanted) = match begun {
        Begun::Runs { child, unwanted } => (child, unwanted),
        // Not executed because of its time.
        Begun::Failed(errno)
            if errno == Errno::ETIMEDOUT as i32 && SystemClock.now() >= deadline =>
        {
            return outbox.send(&control, &ToSupervisor::Late);
        }
        Begun::Failed(errno) => return outbox.send(&control, &ToSupervisor::Failed(errno)),
        Begun::TooLate => return outbox.send(&control, &ToSupervisor::Late),
    };
    let Heard {
        orders,
        for_command,
        inbox,
    } = heard;
    tree::go_first();
    // From here on nothing may end this process before the tree: the supervisor may be dead already.
    let mut watchdog = Watchdog {
        orders,
        control,
        supervisor_alive: true,
        inbox,
        outbox,
        tree: Tree::new(child),
        unwanted,
        stopping: unwanted,
        kill_due: unwanted.then(|| SystemClock.now()),
    };
    if !unwanted {
        watchdog.tell(&ToSupervisor::Started(child.as_raw()));
    }
    // What came while the command was being started.
    for message in for_command {
        watchdog.obey(message);
    }
    watchdog.obey_all();
    watchdog.run(&wakers);
    Ok(())
}

/// Everything that can fail, but for the start of the command itself: done before the lease is taken.
fn get_ready(control: &UnixStream) -> Result<(Wakers, Minder), String> {
    // Signals meant for a whole service or terminal must not end the one who watches.
    for signal in crate::signals::from_others() {
        // What is ignored (nohup) stays ignored, for the command too.
        if !crate::signals::is_ignored(signal) {
            signal_hook::flag::register(signal, std::sync::Arc::default())
                .map_err(|error| format!("cannot handle signal {signal}: {error}"))?;
        }
    }
    tree::adopt_orphans()?;
    let made = || {
        // Whoever started us may have blocked the one. The supervisor blocks the other to use the terminal from the
        // background; the command must not inherit that.
        let mut needed = SigSet::from(Signal::SIGCHLD);
        needed.add(Signal::SIGTTOU);
        needed.thread_unblock()?;
        Ok((Wakers::new()?, Minder::new(control)?))
    };
    let ready = made().map_err(|error: io::Error| limits::words(&error))?;
    tree::check()?;
    start::continue_with_parents_death();
    spare(control, SPARE).map_err(|error| limits::words(&error))?;
    limits::room_to_hold().map_err(|error| limits::words(&error))?;
    Ok(ready)
}

/// Whether `number` more file descriptors can be had.
pub fn spare(any: &impl AsFd, number: usize) -> io::Result<()> {
    let copy = || any.as_fd().try_clone_to_owned();
    let copies: io::Result<Vec<_>> = (0..number).map(|_| copy()).collect();
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

impl Watchdog {
    fn run(mut self, wakers: &Wakers) {
        loop {
            self.listen();
            self.tell_the_rest();
            let again = self.act(SystemClock.now());
            for change in self.tree.changes() {
                if self.unwanted {
                    continue;
                }
                self.tell(&match change {
                    ChildEvent::Ended(ended) => ToSupervisor::Ended(ended),
                    ChildEvent::Stopped(signal) => ToSupervisor::Stopped(signal),
                });
            }
            if self.tree.is_gone() {
                self.tell(match self.unwanted {
                    true => &ToSupervisor::Late,
                    false => &ToSupervisor::Gone,
                });
                break;
            }
            if !again && !self.tree.is_crowded() {
                self.wait(wakers);
            }
        }
        // Nothing runs any more. The supervisor has to know how it ended before it sees us end.
        while self.supervisor_alive && !self.outbox.is_empty() {
            wakers.wait(Some(&self.control), true, None);
            self.listen();
            self.tell_the_rest();
        }
    }

    /// Does what is due; true if there is more to do at once.
    fn act(&mut self, now: Instant) -> bool {
        if !self.stopping && now >= self.orders.fence_at() {
            self.stop(now);
        }
        // Not only at its time: each death can have brought somebody to light.
        self.kill_due.is_some_and(|due| now >= due) && self.tree.kill_all()
    }

    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let timing = self.orders.timing;
        let kill_at = (now + timing.kill_after).min(self.orders.sent_at + timing.kill_at);
        let until = now + kill_at.since(now) / 2;
        let in_time = || SystemClock.now() < until;
        if self.tree.leader_ended() {
            let left = self.tree.names(&in_time);
            if !left.is_empty() {
                self.tell(&ToSupervisor::Left(some_of(&left)));
            }
        }
        let signal = Signal::try_from(self.orders.on_lost).unwrap_or(Signal::SIGTERM);
        let all = self.tree.signal_all(signal, &in_time);
        let asked_for = SystemClock.now().since(now);
        self.kill_due = Some(kill_due(now, kill_at, all.then_some(asked_for)));
    }

    /// Waits until something has happened or is due.
    fn wait(&self, wakers: &Wakers) {
        let now = SystemClock.now();
        let next = match self.kill_due {
            Some(due) if due > now => Some(due),
            Some(_) => Some(now + KILL_AGAIN),
            None if self.stopping => None,
            None => Some(self.orders.fence_at()),
        };
        let control = self.supervisor_alive.then_some(&self.control);
        wakers.wait(control, !self.outbox.is_empty(), next);
    }

    /// Takes the supervisor's orders; its silence for good means that it is dead.
    fn listen(&mut self) {
        while self.supervisor_alive {
            match self.inbox.receive_by(|buffer| (&self.control).read(buffer)) {
                Ok(true) => self.obey_all(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(false) | Err(_) => self.supervisor_alive = false,
            }
        }
        if !self.stopping {
            // Nobody renews the lease any more.
            self.stop(SystemClock.now());
        }
    }

    /// Obeys what was heard; an order may come in two pieces.
    fn obey_all(&mut self) {
        while let Some(message) = self.inbox.next() {
            // A line that is none of ours may be anybody's who copied the socket.
            if let Ok(message) = message {
                self.obey(message);
            }
        }
    }

    fn obey(&mut self, message: ToWatchdog) {
        match message {
            ToWatchdog::Held(sent_at) => self.orders.renewed(sent_at),
            ToWatchdog::Signal(number) => self.forward(number),
            // Each stop is asked for once.
            ToWatchdog::Stop if self.stopping => {}
            ToWatchdog::Stop => self.stop(SystemClock.now()),
            ToWatchdog::Kill => {
                self.stopping = true;
                self.kill_due = Some(SystemClock.now());
            }
            // One command is started already.
            ToWatchdog::Start(_) => {}
        }
    }

    fn forward(&self, number: i32) {
        match Signal::try_from(number) {
            // Requests to end are for all that runs.
            Ok(signal @ (Signal::SIGHUP | Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTERM)) => {
                let until = self.kill_due.unwrap_or_else(|| self.orders.fence_at());
                self.tree.signal_all(signal, &|| SystemClock.now() < until);
            }
            // Somebody who is stopped hears nothing until continued.
            Ok(
                signal @ (Signal::SIGSTOP | Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGTTOU),
            ) => self.tree.signal_group(signal, false),
            Ok(signal) => self.tree.signal_group(signal, true),
            Err(_) => self.tree.signal_group_by_number(number),
        }
    }

    fn tell(&mut self, message: &ToSupervisor) {
        if self.supervisor_alive {
            self.supervisor_alive = self.outbox.send(&self.control, message).is_ok();
        }
    }

    fn tell_the_rest(&mut self) {
        if self.supervisor_alive {
            self.supervisor_alive = self.outbox.flush(&self.control).is_ok();
        }
    }
}

/// When a tree is killed that was asked to stop from `now` on, and that all had been asked of `asked_for` later if they
/// have: killing takes as long as asking, and has to be over as if it took no time, at `kill_at`. If half of the time was
/// too short to ask all, the rest is for the kill.
fn kill_due(now: Instant, kill_at: Instant, asked_for: Option<Duration>) -> Instant {
    let needed = asked_for.unwrap_or_else(|| kill_at.since(now));
    now + kill_at.since(now).saturating_sub(needed)
}

/// A list for a person: the first of `names`, and how many more there are.
fn some_of(names: &[String]) -> String {
    let shown = &names[..names.len().min(NAMED)];
    let more = match names.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_begins_as_much_earlier_as_the_asking_took() {
        let at = |millis| Instant::from_origin(Duration::from_millis(millis));
        let asked = |millis| Some(Duration::from_millis(millis));
        assert_eq!(kill_due(at(1000), at(1200), asked(0)), at(1200));
        assert_eq!(kill_due(at(1000), at(1200), asked(70)), at(1130));
        // Not all were asked, or it was broken off late: at once.
        assert_eq!(kill_due(at(1000), at(1200), None), at(1000));
        assert_eq!(kill_due(at(1000), at(1200), asked(900)), at(1000));
        assert_eq!(kill_due(at(1000), at(900), asked(5)), at(1000));
    }

    #[test]
    fn of_many_processes_the_first_are_named_and_the_others_counted() {
        let names: Vec<String> = (0..15_000).map(|pid| format!("{pid} (sleep)")).collect();
        assert_eq!(some_of(&names[..2]), "0 (sleep), 1 (sleep)");
        let said = some_of(&names);
        assert!(said.ends_with("9 (sleep) and 14990 more"), "{said}");
        assert_eq!(some_of(&names[..NAMED]).matches("sleep").count(), NAMED);
    }
}
