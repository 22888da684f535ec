//! Cleanup: deletes a Lease that was released, unless somebody is waiting for it.

use std::time::Duration;

use super::super::api::{Api, Fault, Queue, RejectionKind};
use super::super::decide::{self, Cleanup};
use super::super::evidence::Observation;
use super::super::record::Record;
use super::queue::line::Known;
use super::{Deleted, End, Limits, OnProgress, Operations, Pause, Progress, write_limit};
use crate::clock::{Clock, Instant};

/// It may be edited meanwhile, so often.
const TRIES: u32 = 5;

/// How long a waiter has to take a released Lease: nobody sees who waits without a place in line. One that watches takes
/// milliseconds, one that cannot reads every second.
pub const WAITERS_TAKE_IT_WITHIN: Duration = Duration::from_millis(1500);

/// Whoever stands in line takes a released Lease within the time that a ticket lasts, or that of the dead before it, and a little;
/// or nobody stands there any more.
const LINE_TAKES_IT_WITHIN: Duration = Duration::from_secs(18);

/// How often it is looked what becomes of a line.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// How long a look at the line, and what follows, is tried.
const ONCE_MORE: Duration = Duration::from_secs(5);

/// Looks that are further apart are no watching: the server may not have answered others either.
const WATCHED: Duration = Duration::from_secs(3);

/// What became of the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanedUp {
    /// Deleted by us.
    Deleted,
    /// It was gone before.
    Gone,
    /// Left to who has taken it; `None` if that one has given it back.
    Taken(Option<String>),
    /// Left, free: somebody edited it each time.
    Edited,
    /// Left, free: it is a slot.
    Slot,
    /// Left, free, to so many who stand in line: whoever is first there may be dead, which the others have to watch for longer.
    InLine(usize),
}

/// Who stands in line.
#[derive(Default)]
struct Line {
    known: Known,
    looked_at: Instant,
}

impl Line {
    /// Whether somebody was seen to stand there.
    fn is_alive(&self) -> bool {
        let mut all = self.known.all();
        all.any(|seen| self.known.is_alive(seen.record()))
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Deletes the Lease of `grant`, which was released just now, once whoever waited for it must have taken it. What anybody
    /// has written meanwhile keeps it, and who stands in line for it, in its `queue`: with the Lease their places would go. Places of
    /// which nobody renews the ticket for as long as it lasts are ended. Who may not list them sees nobody there.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked within the limits, or a signal comes: then it is left, free.
    pub async fn clean_up(
        &self,
        grant: &Record,
        queue: &dyn Queue<A>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<CleanedUp, End> {
        let mut limits = limits.clone();
        let taken_by = self.clock.now() + WAITERS_TAKE_IT_WITHIN;
        tokio::select! {
            biased;
            signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
            () = self.clock.sleep_until(taken_by) => {}
        }
        let mut line = Line::default();
        let given_up = self.clock.now() + LINE_TAKES_IT_WITHIN;
        let (mut tries, mut said) = (0, false);
        let mut seen = self.read_patiently(None, &limits, report).await?;
        while tries < TRIES {
            let record = match decide::cleanup(grant, &seen) {
                Cleanup::Delete(record) => record,
                Cleanup::Gone => return Ok(CleanedUp::Gone),
                Cleanup::Taken(by) => return Ok(CleanedUp::Taken(by)),
                Cleanup::Slot => return Ok(CleanedUp::Slot),
            };
            self.look_at_line(&mut line, queue, &limits, report).await?;
            let standing = line.known.all().count();
            if standing == 0 {
                tries += 1;
                seen = match self.delete(&record, false, &limits, report).await? {
                    Deleted::Done => return Ok(CleanedUp::Deleted),
                    Deleted::Absent => return Ok(CleanedUp::Gone),
                    Deleted::Changed(seen) => seen,
                };
                continue;
            }
            let now = self.clock.now();
            limits.deadline = limits.deadline.map(|until| until.max(now + ONCE_MORE));
            if now >= given_up || line.is_alive() {
                return Ok(CleanedUp::InLine(standing));
            }
            if !std::mem::replace(&mut said, true) {
                report(Progress::LineWatched(standing));
            }
            let is_dead = |seen: &&Observation| seen.observed_expiry().is_some_and(|at| at <= now);
            for dead in line.known.all().filter(is_dead) {
                let ticket = dead.record();
                let limit = write_limit(ticket.duration()).min(self.read_limit);
                let api = queue.ticket(ticket.name());
                let deleted = api.delete(ticket, false, limit).await;
                log::debug!("the place of {} has ended: {deleted:?}", ticket.name());
                if deleted.is_err() {
                    break;
                }
            }
            tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                () = self.clock.sleep_until(now + LOOKED_AT_EVERY) => {}
            }
            seen = self.read_patiently(None, &limits, report).await?;
        }
        Ok(CleanedUp::Edited)
    }

    /// Reads who stands in line; nobody, where that is forbidden.
    async fn look_at_line(
        &self,
        line: &mut Line,
        queue: &dyn Queue<A>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        let mut pause = Pause::default();
        loop {
            let listed = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                listed = queue.list(self.read_limit) => listed,
            };
            let fault = match listed {
                Ok(tickets) => {
                    let now = self.clock.now();
                    if now.since(std::mem::replace(&mut line.looked_at, now)) > WATCHED {
                        line.known = Known::default();
                    }
                    line.known.listed(tickets, now);
                    return Ok(());
                }
                Err(Fault::Rejected(no)) if no.kind == RejectionKind::Forbidden => return Ok(()),
                Err(fault) => fault,
            };
            self.pause_after(fault, &mut pause, limits, report).await?;
        }
    }
}
