//! What is said while a lease is waited for: for whom, now and then that it still is so, and when it is over.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::Notify;

use super::{say, waited_for};
use crate::clock::{Clock, Instant, SystemClock};
use crate::error::{self, Subject};
use crate::lease::decide::Obstacle;
use crate::lease::operate::Progress;
use crate::output::terminal;
use crate::words;

const MINUTE: Duration = Duration::from_secs(60);

/// In between, a log that says nothing looks like a job that hangs, and some CI systems end such a job.
const LATER: Duration = Duration::from_secs(5 * 60);

/// One wait for a lease, or for several, one after the other.
pub struct Waiting<'a> {
    /// Which of them is waited for.
    subject: Cell<&'a Subject>,
    /// When the first obstacle was told; `None` while there has been none.
    began: Cell<Option<Instant>>,
    /// When that of this lease was told; `None` while there is none.
    since: Cell<Option<Instant>>,
    /// What its name is of.
    what: Cell<&'static str>,
    /// The last one.
    obstacle: RefCell<String>,
    /// Why it is not known whether that still is so.
    unknown: RefCell<Option<String>>,
    /// The place in line, where there is one.
    place: Cell<Option<usize>>,
    /// Those that are held already, of several.
    held: RefCell<Vec<String>>,
    changed: Notify,
}

impl<'a> Waiting<'a> {
    pub fn new(subject: &'a Subject) -> Self {
        Self {
            subject: Cell::new(subject),
            began: Cell::new(None),
            since: Cell::new(None),
            what: Cell::new("lease"),
            obstacle: RefCell::default(),
            unknown: RefCell::default(),
            place: Cell::new(None),
            held: RefCell::default(),
            changed: Notify::new(),
        }
    }

    /// Says what goes on with that lease.
    pub fn report(&self, subject: &'a Subject, progress: &Progress) {
        // Whoever stands further back hears of the line, and not of each holder before.
        let behind = self.place.get().is_some_and(|place| place > 1) && self.since.get().is_some();
        let quiet = match progress {
            // The place was told.
            Progress::Waiting { obstacle, .. } => behind || matches!(obstacle, Obstacle::InLine(_)),
            _ => false,
        };
        if !quiet {
            say(subject, progress);
        }
        match progress {
            Progress::Waiting {
                obstacle, reason, ..
            } => {
                self.subject.set(subject);
                self.what.set(waited_for(subject));
                *self.obstacle.borrow_mut() = error::waited_for(obstacle, reason.as_deref());
                self.unknown.take();
                if self.since.get().is_none() {
                    self.say_held();
                    let now = SystemClock.now();
                    self.began.set(self.began.get().or(Some(now)));
                    self.since.set(Some(now));
                    self.changed.notify_one();
                }
            }
            // The next one may be free.
            Progress::Granted => {
                self.held.borrow_mut().push(subject.name.clone());
                self.is_granted();
            }
            // Those that come after it in the order are given back.
            Progress::LostAgain(_) => {
                self.held.borrow_mut().retain(|held| *held < subject.name);
                self.is_granted();
            }
            Progress::Silent(since) => {
                let silent = format!("no answer from the server since {since:.0}");
                self.unknown.replace(Some(silent));
            }
            Progress::Retrying(fault) => {
                self.unknown.replace(Some(fault.to_string()));
            }
            Progress::Heard | Progress::Watching => {
                self.unknown.take();
            }
            Progress::InLine(place) => {
                self.place.set(Some(*place));
                let (what, name) = (waited_for(subject), &subject.name);
                terminal::say(&format!(
                    "{} in line for {what} {name:?}",
                    words::ordinal(*place)
                ));
            }
            Progress::PlaceLost | Progress::PlaceGivenUp | Progress::NoPlace(_) => {
                self.place.set(None);
            }
            Progress::Polling
            | Progress::Unrenewed(_)
            | Progress::Altered(_)
            | Progress::Settling
            | Progress::Outlasting { .. }
            | Progress::LineWatched(_)
            | Progress::Finishing { .. }
            | Progress::Stopped(_) => {}
        }
    }

    fn is_granted(&self) {
        self.place.take();
        self.since.take();
        self.changed.notify_one();
    }

    /// Nobody else gets these meanwhile: whoever looks for what holds up others must know.
    fn say_held(&self) {
        let held = self.held.borrow();
        let names: Vec<String> = held.iter().map(|name| format!("{name:?}")).collect();
        match &names[..] {
            [] => {}
            [name] => terminal::say(&format!("lease {name} is held meanwhile")),
            all => terminal::say(&format!("leases {} are held meanwhile", all.join(", "))),
        }
    }

    /// The wait is over; how long it took, if there was any.
    pub fn over(&self) -> Option<Duration> {
        self.place.take();
        self.since.take();
        self.changed.notify_one();
        let began = self.began.take()?;
        Some(SystemClock.now().since(began))
    }

    /// Does `work`, and reminds a log meanwhile of what it waits for. At a terminal the line stands there already.
    pub async fn reminding<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let silent = terminal::is_watched();
        loop {
            let due = self
                .since
                .get()
                .filter(|_| !silent)
                .map(|since| since + next_reminder(SystemClock.now().since(since)));
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.changed.notified() => {}
                () = SystemClock.reached(due) => self.remind(),
            }
        }
    }

    fn remind(&self) {
        if let Some(since) = self.since.get() {
            terminal::say(&reminder(
                self.what.get(),
                &self.subject.get().name,
                SystemClock.now().since(since),
                self.place.get(),
                self.unknown
                    .borrow()
                    .as_ref()
                    .unwrap_or(&self.obstacle.borrow()),
            ));
        }
    }
}

fn reminder(
    what: &str,
    name: &str,
    waited: Duration,
    place: Option<usize>,
    obstacle: &str,
) -> String {
    let place = place.map_or_else(String::new, |place| {
        format!(", {} in line", words::ordinal(place))
    });
    format!(
        "still waiting for {what} {name:?} after {}{place}: {obstacle}",
        words::duration(waited)
    )
}

/// How long after the beginning the next reminder is due: every minute, later every five.
fn next_reminder(waited: Duration) -> Duration {
    let every = if waited < LATER { MINUTE } else { LATER };
    let passed = waited.as_secs() / every.as_secs();
    Duration::from_secs((passed + 1) * every.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_reminded_every_minute_and_later_every_five() {
        let mut waited = Duration::ZERO;
        let mut minutes = Vec::new();
        while minutes.len() < 8 {
            waited = next_reminder(waited);
            minutes.push(waited.as_secs() / 60);
            // A timer may be late, and a machine may sleep.
            waited += Duration::from_millis(3);
        }
        assert_eq!(minutes, [1, 2, 3, 4, 5, 10, 15, 20]);
        let asleep = Duration::from_secs(3600 * 8 + 7);
        assert_eq!(next_reminder(asleep).as_secs(), 3600 * 8 + 300);
    }

    #[test]
    fn a_reminder_says_for_whom() {
        assert_eq!(
            reminder(
                "lease",
                "job",
                Duration::from_secs(120),
                None,
                "held by \"ada\" (reason: nightly)"
            ),
            "still waiting for lease \"job\" after 2m: held by \"ada\" (reason: nightly)"
        );
    }
}
