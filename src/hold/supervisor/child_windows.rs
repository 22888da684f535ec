//! The command as the supervisor sees it on Windows: started through the watchdog, told what to do, heard of.

#[path = "child_windows/prepared.rs"]
mod prepared;

use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::news::{LATE, News};
use crate::clock::{Clock, Instant, SystemClock};
use crate::hold::watchdog::wire::{Start, ToSupervisor, ToWatchdog};
use crate::job_object::JobObject;
use prepared::Watchdog;
pub use prepared::{Prepared, Preparing};

/// How often what is left is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How long it takes at most to hear what is there to be heard, where the end of the stream does not come.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long a watchdog may take to end after its last word, before it is ended.
const ENDING: Duration = Duration::from_secs(5);

/// What comes of the watchdog.
#[derive(Debug)]
enum FromWatchdog {
    /// It says something.
    Said(ToSupervisor),
    /// It will not say anything more.
    Silent,
    /// It has ended.
    Over,
}

/// A started command.
pub struct Child {
    /// The watchdog's process with all below it. Nobody leaves it; only this process has a handle to it, and all end with that.
    job: JobObject,
    watchdog: Watchdog,
    orders: Sender<Vec<u8>>,
    heard: UnboundedReceiver<FromWatchdog>,
    started: bool,
    /// What the watchdog says before it ends, and when that was heard.
    last_word: Option<(ToSupervisor, Instant)>,
    /// The watchdog has ended.
    over: bool,
    /// It is dead, by our hand or another's, and what is left is ours to end.
    taken_over: bool,
}

impl Child {
    /// Has the watchdog start the command.
    ///
    /// # Errors
    /// None here: a watchdog that has died is heard of by [`Child::news`].
    pub fn start(prepared: Prepared, mut start: Start) -> Result<Self, String> {
        start.streams = prepared.hand_over_streams();
        let (job, watchdog, orders, heard) = prepared.into_parts();
        let mut child = Self {
            job,
            watchdog,
            orders,
            heard,
            started: false,
            last_word: None,
            over: false,
            taken_over: false,
        };
        child.tell(&ToWatchdog::Start(Box::new(start)));
        Ok(child)
    }

    /// The next news. Without a watchdog, what is still below us is killed and waited for.
    pub async fn news(&mut self) -> News {
        while !self.taken_over && self.last_word.is_none() {
            let Some(said) = self.next_message().await else {
                self.taken_over = true;
                return News::WatchdogDied;
            };
            match said {
                ToSupervisor::Started(process) if !self.started => {
                    self.started = true;
                    return News::Started(process as u32);
                }
                ToSupervisor::Ended(ended) => return News::Ended(ended),
                ToSupervisor::Fenced => return News::Fenced,
                ToSupervisor::Left(names) => return News::Left(names),
                word
                @ (ToSupervisor::Failed(_) | ToSupervisor::Unready(_) | ToSupervisor::Late)
                    if !self.started =>
                {
                    // A start that was given up may be on its way, in which nothing has been done yet.
                    self.job.terminate();
                    self.last_word = Some((word, SystemClock.now()));
                }
                ToSupervisor::Gone => self.last_word = Some((said, SystemClock.now())),
                // None of a watchdog's here.
                _ => {}
            }
        }
        let heard_at = self.last_word.as_ref().map(|(_, heard_at)| *heard_at);
        if let Some(heard_at) = heard_at.filter(|_| !self.taken_over) {
            // One that is suspended by now, or slow, has said what there is to say.
            self.wait_for_its_end(heard_at + ENDING).await;
        }
        while !self.job.is_empty() {
            self.job.terminate();
            tokio::time::sleep(LOOK).await;
        }
        match self.last_word.clone() {
            Some((ToSupervisor::Failed(error), _)) => News::NotStarted(error),
            Some((ToSupervisor::Unready(why), _)) => News::NoRoom(why),
            Some((ToSupervisor::Late, _)) => News::NoRoom(LATE.to_owned()),
            _ => News::Gone,
        }
    }

    /// The next message of the watchdog, none once it is dead or says something else.
    async fn next_message(&mut self) -> Option<ToSupervisor> {
        loop {
            let heard = match self.over {
                // What it said last is there. The end of the stream may never come: somebody may have a copy of its pipe.
                true => tokio::time::timeout(LAST_WORDS, self.heard.recv())
                    .await
                    .ok()?,
                false => self.heard.recv().await,
            };
            match heard? {
                FromWatchdog::Said(said) => return Some(said),
                FromWatchdog::Silent => return None,
                FromWatchdog::Over => self.over = true,
            }
        }
    }

    /// Waits until the watchdog has ended, with all below it, at most until then.
    async fn wait_for_its_end(&mut self, deadline: Instant) {
        while !self.over && SystemClock.now() < deadline {
            tokio::select! {
                heard = self.heard.recv() => {
                    self.over |= matches!(heard, Some(FromWatchdog::Over) | None);
                }
                () = SystemClock.sleep_until(deadline) => {}
            }
        }
        // Its process is counted for a moment after it can be waited for.
        while self.over && !self.job.is_empty() && SystemClock.now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Says something to the watchdog. It is not waited for; and one that is gone is noticed by its silence.
    fn tell(&mut self, message: &ToWatchdog) {
        if let Ok(mut line) = serde_json::to_vec(message) {
            line.push(b'\n');
            let _ = self.orders.send(line);
        }
    }

    /// Tells of an acknowledged renewal that was sent after `sent_at`.
    pub fn held(&mut self, sent_at: Instant) {
        self.tell(&ToWatchdog::Held(sent_at));
        // Nobody else tells whether the command has ended: of one that stays suspended it would be held for good.
        self.watchdog.resume();
    }

    /// Passes an event of the console on to the command.
    pub fn forward(&mut self, signal: i32) {
        self.tell(&ToWatchdog::Signal(signal));
    }

    /// Asks the whole tree to stop.
    pub fn stop(&mut self) {
        self.tell(&ToWatchdog::Stop);
    }

    /// Kills the whole tree: by the watchdog, which may be suspended or dead, and by our own hand, the watchdog with it.
    pub fn kill(&mut self) {
        self.tell(&ToWatchdog::Kill);
        self.taken_over |= self.last_word.is_none();
        self.job.terminate();
    }

    /// Who is still there after the kill, for a person.
    pub fn unkilled(&self) -> Vec<String> {
        self.job.names()
    }

    /// Ends the watchdog, which has nothing more to do.
    pub fn reap(&mut self) {
        self.job.terminate();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.job.terminate();
    }
}
