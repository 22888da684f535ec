//! The watchdog while its command runs on Windows: it does what the supervisor says, and what is due whatever becomes of that.

use std::io;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Duration;

use super::begin::{Suspended, begin};
use super::console;
use super::post::Post;
use crate::clock::{Clock, Instant, SystemClock, nap};
use crate::hold::machine::Ended;
use crate::hold::watchdog::Inbox;
use crate::hold::watchdog::names::some_of;
use crate::hold::watchdog::wire::{Orders, Start, ToSupervisor, ToWatchdog};
use crate::job_object::{self, JobObject};
use crate::signals::{SIGBREAK, SIGINT, SIGKILL, SIGTERM};

/// How often the time is looked at: what waits here does not count the time that a machine sleeps (WaitForSingleObject).
const LOOK: Duration = Duration::from_millis(200);

/// How long orders that are there may take to be heard, where this process has stood still and its threads begin again in any
/// order: while there is time until the kill, and where there is none.
const HEARING: Duration = Duration::from_millis(200);
const HEARING_LATE: Duration = Duration::from_millis(50);

/// So many things that have happened are dealt with before the time is looked at again.
const AT_ONCE: usize = 64;

/// How often what is left is looked at, and killed again, once the command has ended or has been killed.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How long the command has where the console closes or the system shuts down, in the five seconds after which the system ends
/// all (HandlerRoutine, "Timeouts"): the rest is for the release.
const CLOSING: Duration = Duration::from_secs(3);

/// What CreateProcessW never says: an argument that no batch file would read as it was given.
const BAD_ARGUMENTS: i32 = windows_sys::Win32::Foundation::ERROR_BAD_ARGUMENTS as i32;

/// Something that the watchdog waits for.
pub enum Happened {
    /// An order.
    Heard(ToWatchdog),
    /// The supervisor is dead.
    Silent,
    /// The command is there, suspended.
    Begun(io::Result<Suspended>),
    /// It has ended, with this status.
    Ended(u32),
    /// It cannot be asked to end.
    Deaf,
}

/// What has become of the command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leader {
    Starting,
    Runs,
    Ended,
}

struct Watchdog {
    orders: Orders,
    /// The command and all that it has started.
    tree: JobObject,
    news: Post,
    events: Sender<Happened>,
    command: Leader,
    /// What came for it before it ran.
    for_command: Vec<i32>,
    stopping: bool,
    kill_due: Option<Instant>,
    /// When a Ctrl-Break is passed on, unless it turns out that the command has had it.
    break_due: Option<Instant>,
    /// When this process was seen to go on last.
    looked_at: Instant,
}

/// Hears the supervisor, after what `inbox` has, until it is silent for good.
///
/// # Errors
/// When there is no thread to be had.
pub fn listen(mut inbox: Inbox, events: Sender<Happened>) -> io::Result<()> {
    thread::Builder::new().spawn(move || {
        while let Ok(Some(order)) = inbox.wait(io::stdin()) {
            if events.send(Happened::Heard(order)).is_err() {
                return;
            }
        }
        let _ = events.send(Happened::Silent);
    })?;
    Ok(())
}

/// Starts a command and watches it until nothing of it is left and that is said.
///
/// # Errors
/// When there is no thread to be had.
pub fn run(
    start: Start,
    tree: JobObject,
    mut news: Post,
    events: Sender<Happened>,
    happened: &Receiver<Happened>,
) -> io::Result<()> {
    let orders = start.orders;
    if SystemClock.now() >= orders.fence_at() {
        // Frozen since the grant: nothing may begin under a lease that can be another's by now.
        news.tell(&ToSupervisor::Late);
        news.deliver();
        return Ok(());
    }
    let begun = events.clone();
    begin(start, move |child| {
        // Dropped, it does nothing.
        let _ = begun.send(Happened::Begun(child));
    })?;
    let mut watchdog = Watchdog {
        orders,
        tree,
        news,
        events,
        command: Leader::Starting,
        for_command: Vec::new(),
        stopping: false,
        kill_due: None,
        break_due: None,
        looked_at: SystemClock.now(),
    };
    let last_word = watchdog.watch(happened);
    watchdog.news.tell(&last_word);
    // What begins yet, suspended, would stand there for good.
    while watchdog.command == Leader::Starting {
        match happened.recv() {
            Ok(Happened::Begun(_)) | Err(_) => watchdog.command = Leader::Ended,
            Ok(_) => {}
        }
    }
    // Nothing runs any more.
    watchdog.news.deliver();
    Ok(())
}

impl Watchdog {
    /// Until there is a last word.
    fn watch(&mut self, happened: &Receiver<Happened>) -> ToSupervisor {
        loop {
            if let Some(last_word) = self.catch_up(happened) {
                return last_word;
            }
            if self.command == Leader::Ended && self.tree.is_empty() {
                return ToSupervisor::Gone;
            }
            self.act(SystemClock.now());
            if self.command == Leader::Starting && self.stopping {
                return ToSupervisor::Late;
            }
            let happened = happened.recv_timeout(self.patience());
            if let Some(last_word) = happened.ok().and_then(|one| self.take(one)) {
                return last_word;
            }
        }
    }

    /// What has happened already counts before the time does: a renewal that was told while this process stood still is one.
    fn catch_up(&mut self, happened: &Receiver<Happened>) -> Option<ToSupervisor> {
        let now = SystemClock.now();
        let stood_still = now.since(self.looked_at) > 2 * LOOK;
        self.looked_at = now;
        let time = self.orders.kill_at().since(now);
        let until = now + time.clamp(HEARING_LATE, HEARING);
        while stood_still && !self.stopping && now >= self.orders.fence_at() {
            let left = until.since(SystemClock.now());
            let Ok(one) = happened.recv_timeout(left) else {
                break;
            };
            if let Some(last_word) = self.take(one) {
                return Some(last_word);
            }
        }
        happened
            .try_iter()
            .take(AT_ONCE)
            .find_map(|one| self.take(one))
    }

    /// Deals with it; the last word, if that is the end.
    fn take(&mut self, happened: Happened) -> Option<ToSupervisor> {
        match happened {
            Happened::Heard(order) => self.obey(order),
            // Nobody renews the lease any more.
            Happened::Silent if self.stopping => {}
            Happened::Silent => self.stop(SystemClock.now()),
            Happened::Begun(child) => {
                // Whatever comes of it: it is not waited for any more.
                self.command = Leader::Ended;
                return match child {
                    Ok(child) => self.begun(child).err(),
                    Err(error) => Some(failed(&error)),
                };
            }
            // Whom nobody can ask is not waited for.
            Happened::Deaf if self.stopping => self.kill_by(SystemClock.now()),
            Happened::Deaf => {}
            Happened::Ended(status) => {
                self.command = Leader::Ended;
                self.news.tell(&ToSupervisor::Ended(Ended::Exited(status)));
            }
        }
        None
    }

    /// Lets the command run, if it is in time. What is not let run is gone with `child`.
    fn begun(&mut self, child: Suspended) -> Result<(), ToSupervisor> {
        let unguarded =
            |error| ToSupervisor::Unready(format!("the command cannot be guarded: {error}"));
        let number = child.0.id();
        self.tree.adopt(&child.0).map_err(unguarded)?;
        // The last look: it has not done anything yet.
        if self.stopping || SystemClock.now() >= self.orders.fence_at() {
            return Err(ToSupervisor::Late);
        }
        let events = self.events.clone();
        let waits = thread::Builder::new().spawn(move || {
            let _ = events.send(Happened::Ended(child.status()));
        });
        let runs = waits.and_then(|_| job_object::resume(number));
        if let Err(error) = runs {
            self.tree.terminate();
            return Err(unguarded(error));
        }
        self.command = Leader::Runs;
        self.news.tell(&ToSupervisor::Started(number as i32));
        for signal in std::mem::take(&mut self.for_command) {
            match signal {
                // It was not on the console yet, and nobody can send it a Ctrl-C.
                SIGINT => self.ask(),
                signal => self.forward(signal),
            }
        }
        Ok(())
    }

    /// Does what is due.
    fn act(&mut self, now: Instant) {
        if !self.stopping && now >= self.orders.fence_at() {
            // Said before it can be seen, as on Unix.
            self.news.tell(&ToSupervisor::Fenced);
            self.stop(now);
        }
        if self.kill_due.is_some_and(|due| now >= due) {
            self.tree.terminate();
        }
        if self.break_due.is_some_and(|due| now >= due) {
            self.break_due = None;
            if !console::was_typed() {
                self.ask();
            }
        }
    }

    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let timing = self.orders.timing;
        let kill_at = (now + timing.kill_after).min(self.orders.kill_at());
        if self.command == Leader::Ended {
            let left = self.tree.names();
            if !left.is_empty() {
                self.news.tell(&ToSupervisor::Left(some_of(&left)));
            }
        }
        match self.orders.on_lost {
            SIGKILL => self.kill_by(now),
            _ => {
                self.kill_by(kill_at);
                self.ask();
            }
        }
    }

    /// Asks the command to end, in a thread of its own: a console that hangs must not keep us from the kill.
    fn ask(&self) {
        let events = self.events.clone();
        let asks = move || {
            if !console::send_break() {
                let _ = events.send(Happened::Deaf);
            }
        };
        if thread::Builder::new().spawn(asks).is_err() {
            let _ = self.events.send(Happened::Deaf);
        }
    }

    fn kill_by(&mut self, due: Instant) {
        self.kill_due = Some(self.kill_due.map_or(due, |known| known.min(due)));
    }

    /// How long nothing is due.
    fn patience(&self) -> Duration {
        let now = SystemClock.now();
        let fence = (!self.stopping).then(|| self.orders.fence_at());
        let again = self.kill_due.map(|due| due.max(now + LOOK_AGAIN));
        let left = (self.command == Leader::Ended).then(|| now + LOOK_AGAIN);
        let next = [fence, again, left, self.break_due]
            .into_iter()
            .flatten()
            .min();
        next.map_or(LOOK, |next| nap(next.since(now)).min(LOOK))
    }

    fn obey(&mut self, order: ToWatchdog) {
        match order {
            ToWatchdog::Held(sent_at) => self.orders.renewed(sent_at),
            ToWatchdog::Signal(signal) if self.command == Leader::Starting => {
                self.for_command.push(signal);
                // Nobody hears the first one where the start hangs.
                self.stopping |= self.for_command.len() > 1;
            }
            ToWatchdog::Signal(signal) => self.forward(signal),
            // Each stop is asked for once.
            ToWatchdog::Stop if self.stopping => {}
            ToWatchdog::Stop => self.stop(SystemClock.now()),
            ToWatchdog::Kill => {
                self.stopping = true;
                self.kill_by(SystemClock.now());
            }
            // One command is started already.
            ToWatchdog::Start(_) => {}
        }
    }

    fn forward(&mut self, signal: i32) {
        match signal {
            // Ctrl-C goes to all on a console, and cannot go to anybody else.
            SIGINT => {}
            SIGBREAK => {
                self.break_due
                    .get_or_insert(SystemClock.now() + console::APART);
            }
            // All on the console have been told, and are ended soon.
            SIGTERM => self.kill_by(SystemClock.now() + CLOSING),
            _ => {}
        }
    }
}

fn failed(error: &io::Error) -> ToSupervisor {
    ToSupervisor::Failed(error.raw_os_error().unwrap_or(BAD_ARGUMENTS))
}
