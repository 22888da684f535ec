//! Has the first slot say how many there are, where it is missing, or was made by somebody who did not.

use super::super::super::super::api::{Api, Changes, Fault};
use super::super::super::super::record::{Lease, Record};
use super::super::super::write::Written;
use super::super::super::{End, Limits, OnProgress, write_limit};
use super::{Round, SlotEnd, SlotOperations, about};
use crate::clock::Clock;

impl<A: Api, C: Clock, W: Changes> SlotOperations<A, C, W> {
    /// Has the first slot say how many there are. Nobody holds anything by that, so that it does not matter whether a write
    /// without an answer was carried out: it is read again, and written again where it does not say so.
    pub(super) async fn mark(
        &self,
        record: &Record,
        round: &mut Round<'_>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), SlotEnd> {
        let limit = write_limit(record.duration());
        let write = self.each[0].replace(record, limit);
        self.settle_first(write, record.resource_version(), round, limits, report)
            .await
    }

    /// Makes the first slot, free, so that it says how many there are: as [`Self::mark`].
    pub(super) async fn make(
        &self,
        lease: &Lease,
        round: &mut Round<'_>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), SlotEnd> {
        let write = self.each[0].post(lease, Lease::alteration, write_limit(None));
        self.settle_first(write, "", round, limits, report).await
    }

    /// Writes to the first slot, on top of `base`, and reads what is there then.
    async fn settle_first(
        &self,
        write: impl Future<Output = Result<Written, Fault>>,
        base: &str,
        round: &mut Round<'_>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), SlotEnd> {
        let one = &self.each[0];
        if let Some(signal) = limits.interrupt.received() {
            return Err((None, End::Interrupted(signal)));
        }
        let tried = &mut round.tried[0];
        let settled = match write.await {
            Ok(Written::Done(_)) => Ok(()),
            Ok(Written::Altered(_, found)) => Err(End::Fault(Fault::NotStored(found.to_string()))),
            Ok(Written::Conflict(fault)) => {
                let settled = tried.conflicts.settle(one, base, fault, limits, report);
                settled.await
            }
            Err(fault) => {
                let paused = one.pause_after(fault, &mut tried.faults, limits, report);
                paused.await
            }
        };
        settled.map_err(about(0))?;
        let before = round.seen[0].clone();
        let read = one.read_patiently(Some(before), limits, report).await;
        round.seen[0] = read.map_err(about(0))?;
        Ok(())
    }
}
