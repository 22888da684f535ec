//! The command as the supervisor sees it: started through the watchdog, told what to do, heard of.

mod guard;
mod left;

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{SignalKind, signal};

use self::guard::Watchdog;
pub use self::guard::is_watchdog;
use crate::clock::Instant;
use crate::hold::machine::Ended;
use crate::hold::watchdog::wire::{Orders, Start};
use crate::hold::watchdog::{MARK, Outbox, spare, tree};
use crate::limits;

/// How often what is left is looked at, besides whenever a child ends.
const LOOK: Duration = Duration::from_millis(100);

/// How long it takes at most to hear what is there to be heard.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// How long a watchdog may take to get ready, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many file descriptors must be free for connections while the lease is held.
const SPARE: usize = 8;

/// What became of a command whose watchdog woke when the lease could be another's, had it not been renewed meanwhile.
const LATE: &str = "the command was not started: its watchdog came to run too late for the grant that it was told of \
                    (was it stopped for a while, or is the machine very busy?)";

/// News of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It runs, as the leader of this process group.
    Started(Pid),
    /// It could not be started: an errno.
    NotStarted(i32),
    /// It was not started, for a reason of this system that has nothing to do with the command: a limit that was reached,
    /// or a watchdog that was stopped for too long.
    NoRoom(String),
    /// It ended.
    Ended(Ended),
    /// It was stopped by this signal.
    Stopped(i32),
    /// It has ended, and these processes of it, by id and name, are asked to stop.
    Left(String),
    /// Nothing it started is left.
    Gone,
    /// The watchdog died.
    WatchdogDied,
}

/// A watchdog that waits for its command.
#[derive(Debug)]
pub struct Prepared {
    watchdog: Watchdog,
    control: UnixStream,
    deaths: tokio::signal::unix::Signal,
}

/// A started command.
pub struct Child {
    watchdog: Watchdog,
    news: Lines<BufReader<OwnedReadHalf>>,
    control: OwnedWriteHalf,
    orders: Outbox,
    deaths: tokio::signal::unix::Signal,
    group: Option<Pid>,
    /// Our own children from before the command began: they are none of its.
    others: HashSet<Pid>,
    /// The watchdog is dead, whatever its socket says.
    unwatched: bool,
    /// Nobody watches any more: the watchdog is dead, and what is left is ours to end.
    alone: bool,
    killed: HashSet<Pid>,
}

impl Prepared {
    /// Starts a watchdog, and does all else that can fail but for the start of the command itself: it is meant to be done
    /// before there is a lease that would have to be given back.
    ///
    /// # Errors
    /// Why there can be none, and what to do.
    pub fn new() -> Result<Self, String> {
        let failed =
            |error: std::io::Error| format!("cannot start the watchdog: {}", limits::words(&error));
        tree::check()?;
        limits::room_to_hold().map_err(|error| {
            format!(
                "too little memory is allowed to hold a lease: {}",
                limits::words(&error)
            )
        })?;
        // If the watchdog is killed, its children come to us.
        tree::adopt_orphans()?;
        // Whoever started us may have blocked or ignored it.
        SigSet::from(Signal::SIGCHLD)
            .thread_unblock()
            .map_err(|error| failed(error.into()))?;
        let deaths = signal(SignalKind::child()).map_err(failed)?;
        let (control, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        // A number that is free here is free there: low ones may be the command's own (a jobserver, sockets from an
        // activating service).
        let number = theirs.as_raw_fd();
        let mut starter = Command::new(own_program().map_err(failed)?);
        starter
            .arg0("kubectl-lease-watchdog")
            .args([MARK, &number.to_string()])
            .stdin(Stdio::inherit())
            // Not in our group: what stops or interrupts us must not reach it.
            .process_group(0)
            .fd_mappings(vec![FdMapping {
                parent_fd: OwnedFd::from(theirs),
                child_fd: number,
            }])
            .map_err(|error| format!("cannot start the watchdog: {error}"))?;
        let process = starter.spawn().map_err(failed)?;
        // The mapping holds our copy of the watchdog's end.
        drop(starter);
        let watchdog = Watchdog::new(i32::try_from(process.id()).ok());
        control.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let mut answer = String::new();
        // It says one line, and nothing after it before it is told to start.
        std::io::BufRead::read_line(&mut std::io::BufReader::new(&control), &mut answer)
            .map_err(failed)?;
        match answer.trim_end().split_once(' ') {
            None if answer == "ready\n" => {}
            Some(("unready", why)) => return Err(format!("the watchdog cannot work: {why}")),
            None | Some(_) => return Err("the watchdog ended before it was ready".to_owned()),
        }
        control.set_nonblocking(true).map_err(failed)?;
        let control = UnixStream::from_std(control).map_err(failed)?;
        // Connections need some, and an opened kubeconfig.
        spare(&control, SPARE).map_err(|error| {
            format!(
                "too few open files are allowed to hold a lease: {}",
                limits::words(&error)
            )
        })?;
        Ok(Self {
            watchdog,
            control,
            deaths,
        })
    }
}

impl Child {
    /// Has the watchdog start the command with `environment` added to ours.
    ///
    /// # Errors
    /// When the watchdog has died.
    pub fn start(
        prepared: Prepared,
        command: &[OsString],
        environment: impl IntoIterator<Item = (&'static str, String)>,
        orders: Orders,
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot reach the watchdog: {error}");
        let Prepared {
            watchdog,
            control,
            deaths,
        } = prepared;
        let start = Start {
            orders,
            environment: (environment.into_iter())
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            command: command.to_vec(),
        };
        let mut message = Vec::new();
        start.send(&mut message).map_err(failed)?;
        // Whoever is there before it begins is none of its.
        let mut others: HashSet<Pid> = tree::own()
            .map_err(|error| format!("cannot list our children: {}", limits::words(&error)))?
            .into_iter()
            .collect();
        others.retain(|&pid| !is_watchdog(pid));
        let (read, control) = control.into_split();
        // One that somebody stopped must hear it too.
        watchdog.signal(Signal::SIGCONT);
        let mut orders = Outbox::default();
        // Nothing can fail from here on: the command may run.
        orders.send(control.as_ref(), &message).map_err(failed)?;
        Ok(Self {
            watchdog,
            news: BufReader::new(read).lines(),
            control,
            orders,
            deaths,
            group: None,
            others,
            unwatched: false,
            alone: false,
            killed: HashSet::new(),
        })
    }

    /// The next news. Without a watchdog, what is still below us is killed and waited for.
    pub async fn news(&mut self) -> News {
        if self.alone {
            while !self.end_what_is_left() {
                tokio::select! {
                    _ = self.deaths.recv() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            return News::Gone;
        }
        let Some(line) = self.next_line().await else {
            self.alone = true;
            return News::WatchdogDied;
        };
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let number = argument.parse::<i32>().unwrap_or_default();
        match verb {
            "started" => {
                let group = Pid::from_raw(number);
                self.group = Some(group);
                News::Started(group)
            }
            "failed" => match limits::named(&std::io::Error::from_raw_os_error(number)) {
                Some(limit) => News::NoRoom(format!("cannot start the command: {limit}")),
                None => News::NotStarted(number),
            },
            "late" => News::NoRoom(LATE.to_owned()),
            "exited" => News::Ended(Ended::Exited(u8::try_from(number).unwrap_or(u8::MAX))),
            "signalled" => News::Ended(Ended::Signalled(number)),
            "stopped" => News::Stopped(number),
            "left" => News::Left(argument.to_owned()),
            // Nor is anything of it among our children, which are left alone: whoever is below the watchdog has it, or
            // somebody nearer, as subreaper (kernel/exit.c, find_new_reaper), and it has had ECHILD. CLONE_PARENT makes
            // a child of one's own parent, which for all below the watchdog is at most the watchdog; a tracer changes
            // nobody's parent for good. Only what the watchdog itself starts that way would be ours. But it is looked at
            // whether the watchdog has said so: who may copy its socket may write there.
            "gone" if !self.has_somebody_below() => News::Gone,
            "gone" => {
                self.watchdog.end();
                self.alone = true;
                News::WatchdogDied
            }
            _ => {
                self.alone = true;
                News::WatchdogDied
            }
        }
    }

    /// Whether the watchdog has a child, as far as this system tells.
    fn has_somebody_below(&self) -> bool {
        let children = self.watchdog.0.map(tree::children_of);
        matches!(children, Some(Ok(children)) if !children.is_empty())
    }

    /// The next line of the watchdog, none once it is dead; meanwhile it is sent the orders that wait.
    async fn next_line(&mut self) -> Option<String> {
        loop {
            self.unwatched |= self.watchdog.has_ended();
            if self.unwatched {
                // What it said last is there. The end of the stream may never come: somebody may have copied its socket.
                let last = tokio::time::timeout(LAST_WORDS, self.news.next_line()).await;
                return last.ok()?.ok().flatten();
            }
            tokio::select! {
                line = self.news.next_line() => return line.ok().flatten(),
                // The number of one that has ended may be anybody's next.
                _ = self.deaths.recv() => self.others.retain(|&pid| tree::is_running(pid)),
                _ = self.control.writable(), if !self.orders.is_empty() => {
                    let control = &self.control;
                    // One that is gone is noticed by its silence.
                    let _ = self.orders.flush_by(|bytes| control.try_write(bytes));
                }
            }
        }
    }

    /// The command's process group, once it runs.
    pub fn group(&self) -> Option<Pid> {
        self.group
    }

    /// Continues the command: its leader, then does `next`, then continues the others of its group, each by itself.
    ///
    /// A SIGCONT to a whole group is for one process after the other. One that asks for the terminal again while that goes
    /// on has the whole group stopped once more (tty_check_change in the kernel), and the SIGCONT undoes that for those
    /// whose turn is still to come, the leader among them: it would run, and the other stay stopped without a word to
    /// anybody.
    pub fn go_on(&self, next: impl FnOnce()) {
        let Some(group) = self.group else { return };
        // Gone already: its end is reported anyway.
        let _ = kill(group, Signal::SIGCONT);
        next();
        let mut all = cfg!(target_os = "linux");
        match self.watchdog.0 {
            Some(watchdog) => tree::visit_below(watchdog, &mut |process| {
                let pid = process.pid();
                if pid != group && getpgid(Some(pid)) == Ok(group) {
                    process.signal(Signal::SIGCONT);
                }
                all &= !process.is_hidden();
            }),
            None => all = false,
        }
        if !all {
            // Rather so than leave somebody stopped who cannot be listed.
            let _ = killpg(group, Signal::SIGCONT);
        }
    }

    fn order(&mut self, order: &str) {
        // One that does not read any more must not stop us: it is not waited for; and one that is gone is noticed by its
        // silence.
        if self.alone {
            return;
        }
        // One that somebody stopped must hear it too.
        self.watchdog.signal(Signal::SIGCONT);
        let control = self.control.as_ref();
        let _ = (self.orders).send(control, format!("{order}\n").as_bytes());
    }

    /// Tells of an acknowledged renewal that was sent after `sent_at`.
    pub fn held(&mut self, sent_at: Instant) {
        self.order(&format!("held {}", sent_at.since_origin().as_nanos()));
    }

    /// Passes a signal on to the command.
    pub fn forward(&mut self, signal: i32) {
        self.order(&format!("signal {signal}"));
    }

    /// Asks the whole tree to stop.
    pub fn stop(&mut self) {
        self.order("stop");
    }

    /// Kills the whole tree: by the watchdog, and by our own hand in case it is stopped or dead.
    pub fn kill(&mut self) {
        self.unwatched |= self.watchdog.has_ended();
        if self.unwatched || self.alone {
            self.end_what_is_left();
        } else if let Some(watchdog) = self.watchdog.0 {
            tree::visit_below(watchdog, &mut |process| process.signal(Signal::SIGKILL));
            self.order("kill");
        }
    }

    /// Who is still there after the kill, as far as this system tells, for a person.
    pub fn unkilled(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut each = |process: &tree::Process| left.extend(tree::describe_running(process.pid()));
        match self.watchdog.0.filter(|_| !self.alone) {
            Some(watchdog) => tree::visit_below(watchdog, &mut each),
            None => tree::visit(&mut |process| {
                if !self.is_spared(process.top()) {
                    each(process);
                }
            }),
        }
        if let Some(watchdog) = self.watchdog.0.filter(|_| left.is_empty()) {
            // It is to collect the dead, and to say so.
            left.push(format!("the watchdog {watchdog} (is it frozen?)"));
        }
        left
    }

    /// Collects the watchdog, which has nothing more to do.
    pub fn reap(&mut self) {
        self.watchdog.end();
    }
}

/// This very program, even if its file was replaced by another version or deleted since (proc(5)).
fn own_program() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}

#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
