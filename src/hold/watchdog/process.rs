//! The watchdog's process from its beginning until the command runs. It knows nothing of Kubernetes.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::start::{self, Begun, Minder};
use super::wakers::Wakers;
use super::wire::{Start, ToSupervisor, ToWatchdog};
use super::{tree, watch};
use crate::clock::{Clock, SystemClock};
use crate::limits;
use crate::side::socket;

/// The first argument of a watchdog.
pub const MARK: &str = "--watchdog";

/// So many file descriptors must be free to start a command and look for what it starts.
const SPARE: usize = 6;

/// Runs as the watchdog if the arguments say so: `--watchdog NUMBER`, the file descriptor of the control socket. All else
/// comes by that, so that somebody who kills processes by the command's name does not kill the one that guards it.
pub fn main(args: &[OsString]) -> Option<ExitCode> {
    if args.get(1)? != MARK {
        return None;
    }
    let control = socket::number(args.get(2)?)?;
    Some(match serve(control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn serve(control: RawFd) -> io::Result<()> {
    let control = socket::passed(control)?;
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
        detaches,
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
    tree::go_first();
    // From here on nothing may end this process before the tree: the supervisor may be dead already.
    watch::run(control, child, unwanted, detaches, heard, &wakers);
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
