//! The command as the supervisor sees it: started through the watchdog, told what to do, heard of.

mod guard;
mod left;
mod prepared;

use std::collections::HashSet;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};
use tokio::net::UnixStream;

use self::guard::Watchdog;
pub use self::guard::is_watchdog;
pub use self::prepared::{Prepared, Preparing};
use super::news::{LATE, News};
use crate::clock::{Clock, Instant, SystemClock};
use crate::hold::machine::Ended;
use crate::hold::watchdog::wire::{Start, ToSupervisor, ToWatchdog};
use crate::hold::watchdog::{Inbox, Outbox, tree};
use crate::limits;

/// How often what is left is looked at, besides whenever a child ends.
const LOOK: Duration = Duration::from_millis(100);

/// How long a watchdog may take to end after its last word.
const ENDING: Duration = Duration::from_secs(5);

/// How long it takes at most to hear what is there to be heard.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// A started command.
pub struct Child {
    watchdog: Watchdog,
    control: UnixStream,
    inbox: Inbox,
    outbox: Outbox,
    deaths: tokio::signal::unix::Signal,
    group: Option<Pid>,
    /// Whether what the command leaves behind runs on.
    detaches: bool,
    /// Our own children from before the command began: they are none of its.
    older_children: HashSet<Pid>,
    /// What the watchdog says before it ends, and when that was heard: if it is the watchdog that said it.
    last_word: Option<(ToSupervisor, Instant)>,
    /// The watchdog is dead, whatever its socket says.
    watchdog_ended: bool,
    /// Nobody watches any more: the watchdog is dead, and what is left is ours to end.
    taken_over: bool,
    killed: HashSet<Pid>,
}

impl Child {
    /// Has the watchdog start the command.
    ///
    /// # Errors
    /// When the watchdog has died.
    pub fn start(prepared: Prepared, start: Start) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot reach the watchdog: {error}");
        let Prepared {
            watchdog,
            control,
            deaths,
        } = prepared;
        // Whoever is there before it begins is none of its.
        let mut older_children: HashSet<Pid> = tree::own()
            .map_err(|error| format!("cannot list our children: {}", limits::words(&error)))?
            .into_iter()
            .collect();
        older_children.retain(|&pid| !is_watchdog(pid));
        // One that somebody stopped must hear it too.
        watchdog.signal(Signal::SIGCONT);
        let detaches = start.detaches;
        let mut outbox = Outbox::default();
        // Nothing can fail from here on: the command may run.
        (outbox.send(&control, &ToWatchdog::Start(Box::new(start)))).map_err(failed)?;
        Ok(Self {
            watchdog,
            control,
            inbox: Inbox::default(),
            outbox,
            deaths,
            group: None,
            detaches,
            older_children,
            last_word: None,
            watchdog_ended: false,
            taken_over: false,
            killed: HashSet::new(),
        })
    }

    /// The next news. Without a watchdog, what is still below us is killed and waited for.
    pub async fn news(&mut self) -> News {
        if self.taken_over {
            while !self.end_what_is_left() {
                tokio::select! {
                    _ = self.deaths.recv() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            return News::Gone;
        }
        if self.last_word.is_none() {
            match self.next_message().await {
                Some(ToSupervisor::Started(group)) if self.group.is_none() && group > 1 => {
                    let group = Pid::from_raw(group);
                    self.group = Some(group);
                    return News::Started(group);
                }
                Some(ToSupervisor::Ended(ended)) => return News::Ended(ended),
                Some(ToSupervisor::Stopped(signal)) => return News::Stopped(signal),
                Some(ToSupervisor::Fenced) => return News::Fenced,
                Some(ToSupervisor::Left(names)) => return News::Left(names),
                Some(word @ (ToSupervisor::Failed(_) | ToSupervisor::Late))
                    if self.group.is_none() =>
                {
                    self.last_word = Some((word, SystemClock.now()));
                }
                Some(word @ (ToSupervisor::Gone | ToSupervisor::Detached(_))) => {
                    self.last_word = Some((word, SystemClock.now()));
                }
                Some(ToSupervisor::Ready | ToSupervisor::Unready(_)) | None => {
                    self.taken_over = true;
                    return News::WatchdogDied;
                }
                Some(ToSupervisor::Started(_) | ToSupervisor::Failed(_) | ToSupervisor::Late) => {}
            }
        }
        // Once it is true, nothing of the command is among our children either, which are left alone: whoever is below the
        // watchdog has it, or somebody nearer, as subreaper (kernel/exit.c, find_new_reaper), and it has had ECHILD. CLONE_PARENT makes
        // a child of one's own parent, which for all below the watchdog is at most the watchdog; a tracer changes
        // nobody's parent for good. Only what the watchdog itself starts that way would be ours.
        match self.last_word.clone() {
            Some((word, heard_at)) if self.is_the_watchdogs(&word, heard_at).await => match word {
                ToSupervisor::Failed(errno) => {
                    match limits::named(&std::io::Error::from_raw_os_error(errno)) {
                        Some(limit) => News::NoRoom(format!("cannot start the command: {limit}")),
                        None => News::NotStarted(errno),
                    }
                }
                ToSupervisor::Late => News::NoRoom(LATE.to_owned()),
                ToSupervisor::Detached(names) => News::Detached(names),
                _ => News::Gone,
            },
            Some(_) | None => {
                self.watchdog.end();
                self.taken_over = true;
                News::WatchdogDied
            }
        }
    }

    /// Whether a last word, heard then, is the watchdog's own: it ends by itself after one, and has nobody below but whom it
    /// lets go. Who may copy its socket may write there, and kill it.
    async fn is_the_watchdogs(&mut self, word: &ToSupervisor, heard_at: Instant) -> bool {
        let lets_go = self.detaches && matches!(word, ToSupervisor::Detached(_));
        if matches!(word, ToSupervisor::Detached(_)) && !lets_go {
            return false;
        }
        loop {
            match self.watchdog.status() {
                Some(ended) => return ended == Ended::Exited(0),
                None if !lets_go && self.has_somebody_below() => return false,
                None if SystemClock.now() >= heard_at + ENDING => return false,
                None => tokio::select! {
                    _ = self.deaths.recv() => self.forget_the_dead(),
                    () = tokio::time::sleep(LOOK) => {}
                },
            }
        }
    }

    /// The number of an older child that has ended may be anybody's next.
    fn forget_the_dead(&mut self) {
        self.older_children.retain(|&pid| tree::is_running(pid));
    }

    /// Whether the watchdog has a child, as far as this system tells.
    fn has_somebody_below(&self) -> bool {
        let children = self.watchdog.pid.map(tree::children_of);
        matches!(children, Some(Ok(children)) if !children.is_empty())
    }

    /// The next message of the watchdog, none once it is dead or says something else; meanwhile it is sent what waits.
    async fn next_message(&mut self) -> Option<ToSupervisor> {
        loop {
            self.watchdog_ended |= self.watchdog.has_ended();
            let message = next_message(&self.control, &mut self.inbox);
            if self.watchdog_ended {
                // What it said last is there. The end of the stream may never come: somebody may have copied its socket.
                return tokio::time::timeout(LAST_WORDS, message).await.ok()?;
            }
            tokio::select! {
                message = message => return message,
                _ = self.deaths.recv() => self.forget_the_dead(),
                _ = self.control.writable(), if !self.outbox.is_empty() => {
                    let control = &self.control;
                    // One that is gone is noticed by its silence.
                    let _ = self.outbox.flush_by(|bytes| control.try_write(bytes));
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
        match self.watchdog.pid {
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

    /// Says something to the watchdog. One that does not read any more must not stop us: it is not waited for; and one
    /// that is gone is noticed by its silence.
    fn tell(&mut self, message: &ToWatchdog) {
        if self.taken_over {
            return;
        }
        // One that somebody stopped must hear it too.
        self.watchdog.signal(Signal::SIGCONT);
        let _ = self.outbox.send(&self.control, message);
    }

    /// Tells of an acknowledged renewal that was sent after `sent_at`.
    pub fn held(&mut self, sent_at: Instant) {
        self.tell(&ToWatchdog::Held(sent_at));
    }

    /// Passes a signal on to the command.
    pub fn forward(&mut self, signal: i32) {
        self.tell(&ToWatchdog::Signal(signal));
    }

    /// Asks the whole tree to stop.
    pub fn stop(&mut self) {
        self.tell(&ToWatchdog::Stop);
    }

    /// Kills the whole tree: by the watchdog, and by our own hand in case it is stopped or dead.
    pub fn kill(&mut self) {
        self.watchdog_ended |= self.watchdog.has_ended();
        if self.watchdog_ended || self.taken_over {
            self.end_what_is_left();
        } else if let Some(watchdog) = self.watchdog.pid {
            // The order comes first: the end of a leader that is killed must not look like that of one whose children may go on.
            self.tell(&ToWatchdog::Kill);
            tree::visit_below(watchdog, &mut |process| process.signal(Signal::SIGKILL));
        }
    }

    /// Who is still there after the kill, as far as this system tells, for a person.
    pub fn unkilled(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut each = |process: &tree::Process| left.extend(tree::describe_running(process.pid()));
        match self.watchdog.pid.filter(|_| !self.taken_over) {
            Some(watchdog) => tree::visit_below(watchdog, &mut each),
            None => tree::visit(&mut |process| {
                if !self.is_exempt(process.top()) {
                    each(process);
                }
            }),
        }
        if let Some(watchdog) = self.watchdog.pid.filter(|_| left.is_empty()) {
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

/// The next message that comes by `control`; `None` at its end, or for a line that is none. Dropped before, it loses nothing.
async fn next_message(control: &UnixStream, inbox: &mut Inbox) -> Option<ToSupervisor> {
    loop {
        if let Some(message) = inbox.next() {
            return message.ok();
        }
        control.readable().await.ok()?;
        match inbox.receive_by(|buffer| control.try_read(buffer)) {
            Ok(true) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(false) | Err(_) => return None,
        }
    }
}

#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
