//! The keeper: a small process between this program and a credential plugin. It gives the plugin a process group of its
//! own, says how it ended, and has everything that it started dead when that is asked for or whoever asked is gone.

#![expect(
    clippy::disallowed_methods,
    reason = "a keeper is a process of its own, which waits for the plugin and whatever that leaves"
)]

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::{AsFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::unistd::Pid;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, wait, waitid};

use super::foreground::Foreground;
use crate::side::socket;

/// The first argument of a keeper.
pub const MARK: &str = "--keep-plugin";

/// How often the kill is repeated while something still runs.
const KILL_AGAIN: Duration = Duration::from_millis(10);

/// Runs as a keeper if the arguments say so: `--keep-plugin NUMBER GROUP COMMAND ARGUMENTS`. NUMBER is the file
/// descriptor of the control socket. The plugin may use the terminal where the process group GROUP, that of whoever asks,
/// could; 0 is for a plugin that may not.
pub fn main(args: &[OsString]) -> Option<ExitCode> {
    if args.get(1)? != MARK {
        return None;
    }
    let control = socket::number(args.get(2)?)?;
    let above = args.get(3)?.to_str()?.parse().ok()?;
    let (command, arguments) = args.get(4..)?.split_first()?;
    Some(match keep(control, above, command, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn keep(control: RawFd, above: i32, command: &OsStr, arguments: &[OsString]) -> io::Result<()> {
    let mut control = socket::passed(control)?;
    // What the plugin leaves behind when it dies is ours to end (prctl(2), PR_SET_CHILD_SUBREAPER).
    #[cfg(target_os = "linux")]
    {
        nix::sys::prctl::set_child_subreaper(true)?;
        // Without a /proc the plugin's group is all that is ended, as before Linux had these lists.
        let _ = crate::children::keep_open();
    }
    let (deaths, deaths_writer) = UnixStream::pair()?;
    deaths.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, deaths_writer)?;
    // Signals meant for a whole service must not end the one who cleans up.
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
    ] {
        // What is ignored (nohup) stays ignored, for the plugin too.
        if !crate::signals::is_ignored(signal as i32) {
            signal_hook::flag::register(signal as i32, std::sync::Arc::default())?;
        }
    }
    // A supervisor blocks it to use the terminal from the background; the plugin must not inherit that.
    SigSet::from(Signal::SIGTTOU).thread_unblock()?;
    let child = match Command::new(command)
        .args(arguments)
        .process_group(0)
        .spawn()
    {
        Ok(child) => Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?),
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or_default();
            return writeln!(control, "failed {errno}");
        }
    };
    // Whoever asked may be gone already; that is noticed below.
    let _ = writeln!(control, "started {child}");
    control.set_nonblocking(true)?;
    let mut foreground = Foreground::of(above, child);
    let verdict = watch(child, &control, &deaths, &mut foreground);
    let whole = matches!(verdict, Verdict::Over | Verdict::Asked);
    end(child, whole);
    match verdict {
        Verdict::Ended(status) => {
            let signal = status.terminating_signal();
            foreground.take_back(signal.or(interrupted(status.exit_status())));
            let _ = match (status.exit_status(), signal) {
                (Some(status), _) => writeln!(control, "exited {status}"),
                (None, signal) => writeln!(control, "signalled {}", signal.unwrap_or_default()),
            };
        }
        Verdict::Asked => {
            foreground.take_back(None);
            let _ = writeln!(control, "asked");
        }
        Verdict::Over => foreground.take_back(None),
    }
    Ok(())
}

/// What a shell or Python makes of an interrupt that it caught.
fn interrupted(status: Option<i32>) -> Option<i32> {
    (status == Some(128 + Signal::SIGINT as i32)).then_some(Signal::SIGINT as i32)
}

enum Verdict {
    /// The plugin ended by itself. It is not collected yet.
    Ended(WaitIdStatus),
    /// It waits for the terminal, and does not get it.
    Asked,
    /// Whoever asked is gone, or wants it to end.
    Over,
}

fn watch(
    child: Pid,
    control: &UnixStream,
    deaths: &UnixStream,
    foreground: &mut Foreground,
) -> Verdict {
    let Some(id) = rustix::process::Pid::from_raw(child.as_raw()) else {
        return Verdict::Over;
    };
    loop {
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        if let Ok(Some(status)) = waitid(WaitId::Pid(id), stopped) {
            match status
                .stopping_signal()
                .and_then(|number| Signal::try_from(number).ok())
            {
                Some(Signal::SIGTTIN | Signal::SIGTTOU) if foreground.give() => {}
                Some(Signal::SIGTTIN | Signal::SIGTTOU) => return Verdict::Asked,
                // Ctrl-Z while it had the terminal: the whole job stops, and goes on together.
                Some(Signal::SIGTSTP) if foreground.is_given() => {
                    foreground.stop_job();
                    let _ = killpg(child, Signal::SIGCONT);
                }
                // By somebody's hand, who will continue it.
                _ => {}
            }
            continue;
        }
        // Not collected: its number must stay its own until its group is dead.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if let Ok(Some(status)) = waitid(WaitId::Pid(id), ended) {
            return Verdict::Ended(status);
        }
        drain(deaths);
        let mut sources = [
            PollFd::new(control.as_fd(), PollFlags::POLLIN),
            PollFd::new(deaths.as_fd(), PollFlags::POLLIN),
        ];
        // Interrupted is as good as woken.
        let _ = poll(&mut sources, PollTimeout::from(1000_u16));
        // Nothing is ever sent to us: what there is to read is the end.
        if sources[0].any() == Some(true) {
            return Verdict::Over;
        }
    }
}

fn drain(deaths: &UnixStream) {
    use std::io::Read;

    let mut bytes = [0; 64];
    while matches!((&*deaths).read(&mut bytes), Ok(count) if count > 0) {}
}

/// Kills the group of the plugin and collects its leader; with `whole` also all that left the group, as it comes to us
/// for want of a parent. What has left the group of a plugin that ended by itself is an agent meant to stay.
fn end(child: Pid, whole: bool) {
    let mut leader = rustix::process::Pid::from_raw(child.as_raw());
    loop {
        if let Some(id) = leader {
            // Its leader is not collected, so that the number is its own.
            let _ = killpg(child, Signal::SIGKILL);
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            // An error: somebody else collected it, which nobody does.
            if !matches!(waitid(WaitId::Pid(id), options), Ok(None)) {
                leader = None;
            }
        }
        if leader.is_none() && !whole {
            return;
        }
        if whole {
            // If they cannot be listed now: none left is what wait(2) says, below.
            for adopted in own_children().unwrap_or_default() {
                // Not collected: the number is its own. A /proc of another PID namespace has others.
                if is_our_child(adopted) {
                    let _ = kill(adopted, Signal::SIGKILL);
                }
            }
        }
        if leader.is_none() {
            // The one error there can be is that there is none left.
            while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
            if wait(WaitOptions::NOHANG).is_err() {
                return;
            }
        }
        std::thread::sleep(KILL_AGAIN);
    }
}

#[cfg(target_os = "linux")]
fn own_children() -> io::Result<Vec<Pid>> {
    crate::children::own()
}

/// Whether a child of ours, dead or alive, has this number.
fn is_our_child(pid: Pid) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    rustix::process::Pid::from_raw(pid.as_raw())
        .is_some_and(|pid| waitid(WaitId::Pid(pid), look).is_ok())
}

/// Nobody's orphans come to us.
#[cfg(not(target_os = "linux"))]
fn own_children() -> io::Result<Vec<Pid>> {
    Ok(Vec::new())
}
