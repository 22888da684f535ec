//! Cleanup: deletes a Lease that was released, unless somebody is waiting for it.

use std::time::Duration;

use super::super::api::{Api, Queue};
use super::super::decide::{self, Cleanup};
use super::super::record::Record;
use super::{Deleted, End, Limits, OnProgress, Operations};
use crate::clock::Clock;

/// It may be edited meanwhile, so often.
const TRIES: u32 = 5;

/// How long a waiter has to take a released Lease: nobody sees who waits without a place in line. One that watches takes
/// milliseconds, one that cannot reads every second.
pub const WAITERS_TAKE_IT_WITHIN: Duration = Duration::from_millis(1500);

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
    /// Left, free, to so many who wait in line: whoever is first there may be dead, which the others have to watch for longer.
    InLine(usize),
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Deletes the Lease of `grant`, which was released just now, once whoever waited for it must have taken it. What anybody
    /// has written meanwhile keeps it, and who waits for it in line, its `queue`: with the Lease their places would go. Who may not
    /// read those sees nobody there.
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
        let taken_by = self.clock.now() + WAITERS_TAKE_IT_WITHIN;
        tokio::select! {
            biased;
            signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
            () = self.clock.sleep_until(taken_by) => {}
        }
        let mut seen = self.read_patiently(None, limits, report).await?;
        for _ in 0..TRIES {
            let record = match decide::cleanup(grant, &seen) {
                Cleanup::Delete(record) => record,
                Cleanup::Gone => return Ok(CleanedUp::Gone),
                Cleanup::Taken(by) => return Ok(CleanedUp::Taken(by)),
                Cleanup::Slot => return Ok(CleanedUp::Slot),
            };
            let waiters = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                tickets = queue.list(self.read_limit) => tickets.map_or(0, |tickets| tickets.waiters()),
            };
            if waiters > 0 {
                return Ok(CleanedUp::InLine(waiters));
            }
            seen = match self.delete(&record, false, limits, report).await? {
                Deleted::Done => return Ok(CleanedUp::Deleted),
                Deleted::Absent => return Ok(CleanedUp::Gone),
                Deleted::Changed(seen) => seen,
            };
        }
        Ok(CleanedUp::Edited)
    }
}
