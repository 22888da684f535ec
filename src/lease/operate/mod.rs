//! The one driver: observe, decide, write, repeat; what all operations share.

mod acquire;
mod check;
mod create;
pub mod follow;
mod guard;
mod hear;
pub mod list;
mod look;
pub mod objects;
mod outlast;
mod reconnect;
mod release;
mod renew;
mod stamps;
mod steal;
mod tenure;
mod watcher;
mod write;

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

pub use check::Checked;
pub use create::Created;
pub use guard::{Ended, Failure, Fate, Held};
pub use look::Look;
pub use release::Returned;
pub use renew::{Renewal, Renewals};
pub use tenure::Shown;
pub use watcher::{Hint, Watcher};

use super::api::{Api, Fault, Found, TransportError};
use super::decide::{self, Loss, Now, Obstacle, Refusal, Seen};
use super::evidence::{Observation, Stamps};
use super::record::{Lease, Record};
use super::values::LeaseDuration;
use crate::clock::{Clock, Instant};

/// The longest one request may take where no lease duration asks for less.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// The first pause after a transient fault; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The longest Retry-After that is obeyed.
const LONGEST_WISH: Duration = Duration::from_secs(30);

/// The operations on one Lease.
pub struct Operations<A, C> {
    api: A,
    clock: C,
    stamps: Cell<Stamps>,
    conflicting_dry_runs: Cell<u32>,
    contacted: Cell<bool>,
    read_limit: Duration,
}

/// A grant of ours: the record as the server acknowledged it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The record as last written and acknowledged.
    pub record: Record,
    /// Read before the acknowledged request was sent: nobody else's watching can have begun earlier.
    pub sent_at: Instant,
    /// The resourceVersion of the write that made the grant: it grows across takeovers, deletes and recreations, so
    /// the protected system can refuse whoever comes with a smaller one.
    pub fencing_token: String,
    duration: LeaseDuration,
    /// Whether it replaced a grant of the same identity whose process may still run (`--reenter`).
    reenters: bool,
}

impl Grant {
    /// What the server made of `written`, which was sent after `sent_at`.
    pub(super) fn new(record: Record, written: &Lease, sent_at: Instant) -> Self {
        // The shorter one, should the server have stored another than was sent: others count by what is stored.
        let durations = [written.duration(), record.duration()];
        Self {
            duration: durations
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(LeaseDuration::SHORTEST),
            fencing_token: record.resource_version().to_owned(),
            record,
            sent_at,
            reenters: false,
        }
    }

    /// Whether freeing it at once could let somebody in beside a command that may still run: that of an earlier process of
    /// this identity, or of whoever the Lease was stolen from.
    fn keeps_others_out(&self) -> bool {
        self.reenters || self.record.victim().is_some()
    }

    /// The duration that it was granted for, whatever somebody has recorded since.
    pub fn duration(&self) -> LeaseDuration {
        self.duration
    }

    /// Whether what was seen ends it.
    pub fn lost(&self, seen: &Seen) -> Option<Loss> {
        decide::lost(&self.record, self.duration, seen)
    }

    /// When others may prove it expired, unless it is renewed.
    pub fn expires_at(&self) -> Instant {
        self.sent_at + self.duration().as_duration()
    }
}

/// How long to go on, and what ends it early.
#[derive(Clone)]
pub struct Limits {
    /// When to give up waiting; `None` waits for ever.
    pub deadline: Option<Instant>,
    /// Try once and do not wait (`--timeout 0`).
    pub once: bool,
    /// Try again before the deadline however long the server asks to wait: what is held must not stay so for politeness.
    pub insist: bool,
    /// Ctrl-C and its kin.
    pub interrupt: Interrupt,
}

/// The signals that ask the process to end.
#[derive(Clone)]
pub struct Interrupt(Option<watch::Receiver<Vec<i32>>>);

impl Interrupt {
    /// Signals as they arrive on a channel that holds all received so far.
    pub fn new(received: watch::Receiver<Vec<i32>>) -> Self {
        Self(Some(received))
    }

    /// No signal ever arrives.
    pub fn never() -> Self {
        Self(None)
    }

    /// The first signal, if one has arrived.
    pub fn received(&self) -> Option<i32> {
        self.0.as_ref()?.borrow().first().copied()
    }

    /// Returns once `count` signals have arrived, with the first of them.
    pub async fn arrived(&self, count: usize) -> i32 {
        let Some(mut channel) = self.0.clone() else {
            return std::future::pending().await;
        };
        match channel.wait_for(|signals| signals.len() >= count).await {
            Ok(signals) => signals[0],
            Err(_) => std::future::pending().await,
        }
    }
}

/// Something to say while an operation goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Waiting, and for whom.
    Waiting {
        /// What stands in the way.
        obstacle: Obstacle,
        /// What the holder's `--reason` said.
        reason: Option<String>,
        /// The longest it can take without a renewal; `None` if it never expires by itself.
        at_most: Option<Duration>,
    },
    /// Changes cannot be watched, so the Lease is read every now and then.
    Polling,
    /// They can be watched again.
    Watching,
    /// The server stored something else than what was sent, and it will do: what, in words.
    Altered(String),
    /// A request failed and will be tried again.
    Retrying(Fault),
    /// The server does not answer, and is asked again: nothing is known since then, by this machine's clock.
    Silent(Timestamp),
    /// After that, or after a request that failed: the server has answered.
    Heard,
    /// Ending, but a write whose reply is missing must be settled first.
    Settling,
    /// Stolen; waiting until the victim must have stopped.
    Outlasting {
        /// Who held it.
        victim: String,
        /// How long.
        wait: Duration,
    },
}

/// Where progress is reported.
pub type OnProgress<'a> = &'a dyn Fn(Progress);

/// Why an operation ended without what was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The decision was no.
    Refused(Refusal),
    /// The API server could not be asked, or said no.
    Fault(Fault),
    /// Not acquired in time.
    TimedOut {
        /// What stood in the way, if it is known.
        obstacle: Option<Obstacle>,
        /// The longest it could still have taken without a renewal.
        at_most: Option<Duration>,
        /// The last trouble with the API server, if that was the obstacle.
        fault: Option<Fault>,
        /// Since when nothing is known, by this machine's clock, where that is so: the obstacle is as of then.
        since: Option<Timestamp>,
    },
    /// A signal asked us to end.
    Interrupted(i32),
    /// It was ours, and is no more.
    Lost(Loss),
    /// Ended with a write whose fate could not be learned.
    Unsettled {
        /// How it would have ended otherwise.
        end: Box<End>,
        /// What stood in the way of learning it.
        fault: Option<Fault>,
    },
    /// The server stored something else than what was sent, and that is no grant.
    Altered {
        /// What it stored instead.
        what: String,
        /// Who holds it now, by what was stored; `None` if that was given back, or is free.
        left: Option<String>,
    },
    /// What was taken stays held until it expires: freed at once it would let somebody in beside a command that may still
    /// run.
    Kept(Box<End>),
    /// The user said no, or could not be asked.
    Declined(String),
}

impl End {
    /// What stood in the way, where it was the API server.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Fault(fault)
            | Self::TimedOut {
                fault: Some(fault), ..
            }
            | Self::Unsettled {
                fault: Some(fault), ..
            } => Some(fault.to_string()),
            Self::Unsettled { end, fault: None } | Self::Kept(end) => end.why(),
            Self::Altered { what, .. } => Some(what.clone()),
            Self::Refused(_)
            | Self::TimedOut { fault: None, .. }
            | Self::Interrupted(_)
            | Self::Lost(_)
            | Self::Declined(_) => None,
        }
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// The operations on the Lease behind `api`. `read_limit` bounds each read (`--request-timeout`).
    pub fn new(api: A, clock: C, read_limit: Duration) -> Self {
        Self {
            api,
            clock,
            stamps: Cell::default(),
            conflicting_dry_runs: Cell::default(),
            contacted: Cell::new(false),
            read_limit,
        }
    }

    /// The API this works on.
    pub fn api(&self) -> &A {
        &self.api
    }

    /// What the server's stamps are worth, as far as it was asked.
    pub fn stamps(&self) -> Stamps {
        self.stamps.get()
    }

    /// The clock this works by.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    fn now(&self) -> Now {
        Now {
            instant: self.clock.now(),
            wall: self.clock.wall(),
        }
    }

    /// Reads the Lease once.
    ///
    /// # Errors
    /// As every request.
    pub async fn read(&self, before: Option<Seen>, limit: Duration) -> Result<Seen, Fault> {
        let found = self.api.get(limit).await?;
        let at = self.clock.now();
        self.contacted.set(true);
        Ok(match found {
            Found::Absent => Seen::Absent,
            Found::Lease { record, date } => Seen::Lease(match before {
                Some(Seen::Lease(earlier)) => earlier.confirmed(record, at, date),
                Some(Seen::Absent) | None => Observation::first(record, at, date),
            }),
        })
    }

    /// Reads until there is an answer, over transient faults, within the limits.
    async fn read_patiently(
        &self,
        before: Option<Seen>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Seen, End> {
        let mut pause = Pause::default();
        loop {
            let limit = self.clip(self.read_limit, limits);
            let fault = tokio::select! {
                biased;
                signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                answer = self.read(before.clone(), limit) => match answer {
                    Ok(seen) => return Ok(seen),
                    Err(fault) => fault,
                },
            };
            self.pause_after(fault, &mut pause, limits, report).await?;
        }
    }

    /// Waits before the next try, or ends where another try is not worth it.
    async fn pause_after(
        &self,
        fault: Fault,
        pause: &mut Pause,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        // With no contact so far, an address that does not answer, or not as an API server does, is more likely wrong
        // than down.
        let hopeless = match fault {
            // A plugin that asks its user may need several of our requests' time.
            Fault::NotSent(TransportError::Slow(_))
            | Fault::Rejected(_)
            | Fault::Unknown(_)
            | Fault::NotStored(_) => false,
            Fault::NotSent(_) | Fault::Foreign { .. } => !self.contacted.get(),
        };
        if !fault.is_transient() || limits.once || hopeless {
            return Err(End::Fault(fault));
        }
        if pause.is_first() {
            report(Progress::Retrying(fault.clone()));
        }
        let now = self.clock.now();
        let mut wait = pause.next(fault.retry_after());
        if let Some(deadline) = limits.deadline.filter(|_| limits.insist) {
            wait = wait.min(deadline.since(now) / 3).max(FIRST_PAUSE);
        }
        let until = now + wait;
        tokio::select! {
            biased;
            signal = limits.interrupt.arrived(1) => Err(End::Interrupted(signal)),
            () = self.reached(limits.deadline) => Err(End::TimedOut { obstacle: None, at_most: None, fault: Some(fault), since: None }),
            () = self.clock.sleep_until(until) => Ok(()),
        }
    }

    /// Returns at `instant`, or never.
    async fn reached(&self, instant: Option<Instant>) {
        match instant {
            Some(instant) => self.clock.sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }

    fn clip(&self, limit: Duration, limits: &Limits) -> Duration {
        match limits.deadline {
            Some(deadline) if !limits.once => limit.min(
                deadline
                    .since(self.clock.now())
                    .max(Duration::from_millis(100)),
            ),
            _ => limit,
        }
    }
}

/// How an operation ended that had sent a write whose outcome is not known.
fn unsettled(end: End) -> End {
    match end {
        End::Fault(_) | End::TimedOut { .. } | End::Interrupted(_) => End::Unsettled {
            end: Box::new(end),
            fault: None,
        },
        end => end,
    }
}

/// How long one write may take, far shorter than the lease itself.
pub fn write_limit(duration: Option<LeaseDuration>) -> Duration {
    let shortest = Duration::from_secs(1);
    let longest = Duration::from_secs(5);
    duration.map_or(longest, |duration| {
        (duration.as_duration() / 3).clamp(shortest, longest)
    })
}

/// Pauses that double, each cut short by chance so that many waiters do not come back at once.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    fn is_first(&self) -> bool {
        self.0 == 0
    }

    fn next(&mut self, asked_for: Option<Duration>) -> Duration {
        let doubled = FIRST_PAUSE
            .saturating_mul(1 << self.0.min(8))
            .min(LONGEST_PAUSE);
        self.0 += 1;
        // Who says 0 is asked again soon, and not at once.
        asked_for
            .map(|asked| asked.clamp(FIRST_PAUSE, LONGEST_WISH))
            .unwrap_or_else(|| doubled.mul_f64(0.5 + fastrand::f64() / 2.0))
    }
}

#[cfg(test)]
mod pause_tests;
