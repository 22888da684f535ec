//! The one driver: observe, decide, write, repeat; what all operations share.

pub mod access;
mod acquire;
pub mod candidates;
mod check;
mod cleanup;
mod create;
mod delete;
mod dry_run;
mod end;
pub mod events;
mod failover;
pub mod follow;
mod free;
mod grant;
mod guard;
mod hear;
mod hindsight;
mod interrupt;
mod keep;
mod limits;
pub mod list;
mod look;
pub mod objects;
mod ours;
mod outlast;
mod pause;
mod prefer;
mod prune;
mod queue;
mod reconnect;
mod release;
mod renew;
mod stamps;
mod steal;
mod stopped;
mod tenure;
pub mod together;
mod wait;
pub mod waiters;
mod watcher;
mod write;

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;

pub use acquire::slots::{SlotEnded, SlotOperations};
pub use check::Checked;
pub use cleanup::{CleanedUp, WAITERS_TAKE_IT_WITHIN};
pub use create::Created;
pub use delete::Deleted;
pub use dry_run::{DryRun, Tried};
pub use end::End;
pub use failover::SteppedDown;
pub use free::Freed;
pub use grant::Grant;
pub use guard::{Ended, Failure, Fate, GivingBack, Held};
pub use interrupt::{Interrupt, SIGHUP, is_echo};
pub use limits::Limits;
pub use look::Look;
pub use outlast::Turns;
pub use prune::{Patience, Pruned};
pub use queue::{Line, LineTerms};
pub use release::{Released, Returned};
pub use renew::{Renewal, Renewals};
pub use steal::Stolen;
pub use stopped::Acknowledged;
pub use tenure::Shown;
pub use watcher::{Hint, Watcher};

use super::api::{Api, Fault, Found, TransportError};
use super::decide::{Loss, Now, Obstacle, Seen};
use super::evidence::{Observation, Stamps};
use super::values::LeaseDuration;
use crate::clock::Clock;
use end::unsettled;
use pause::{FIRST_PAUSE, Pause};

/// The longest one request may take where no lease duration asks for less.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// The operations on one Lease.
pub struct Operations<A, C> {
    api: A,
    clock: C,
    stamps: Cell<Stamps>,
    conflicting_dry_runs: Cell<u32>,
    contacted: Cell<bool>,
    read_limit: Duration,
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
    /// This is the place in line, the first being 1.
    InLine(usize),
    /// The place in line is somebody else's: it was not renewed in time. Another is taken, behind all others.
    PlaceLost,
    /// It was first in line and could not take what was to be had: another place is taken, behind all others.
    PlaceGivenUp,
    /// There is no place to be had, and it is waited for without one: why.
    NoPlace(Fault),
    /// Ending, but a write whose reply is missing must be settled first.
    Settling,
    /// Stolen; waiting until the victim must have stopped.
    Outlasting {
        /// Who held it.
        victim: String,
        /// How long.
        wait: Duration,
    },
    /// Released, and not deleted before it is known whether so many still stand in line.
    LineWatched(usize),
    /// Asked to end, but what was taken is released first, once its victim must have stopped.
    Finishing {
        /// How long that takes at most.
        wait: Duration,
    },
    /// Of that victim: it has said that it has stopped.
    Stopped(String),
    /// Of several that are wanted together: this one is held, and the next one is asked for.
    Granted,
    /// Of several: this one is held, and could not be renewed for as long as it lasts: why. It is tried again.
    Unrenewed(String),
    /// Of several: this one was held and is no more, before all were there. It is acquired anew.
    LostAgain(Loss),
}

/// Where progress is reported.
pub type OnProgress<'a> = &'a dyn Fn(Progress);

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
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
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
            signal = limits.interrupt.arrived() => Err(End::Interrupted(signal)),
            () = self.clock.reached(limits.deadline) => Err(End::timed_out(Some(fault))),
            () = self.clock.sleep_until(until) => Ok(()),
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

/// How long one write may take, far shorter than the lease itself.
pub fn write_limit(duration: Option<LeaseDuration>) -> Duration {
    let shortest = Duration::from_secs(1);
    let longest = Duration::from_secs(5);
    duration.map_or(longest, |duration| {
        (duration.as_duration() / 3).clamp(shortest, longest)
    })
}
