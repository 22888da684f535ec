//! Has the first slot say how many there are, where it was made by somebody who did not.

use super::super::super::super::api::{Api, Changes, Fault};
use super::super::super::super::record::Record;
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
        let one = &self.each[0];
        if let Some(signal) = limits.interrupt.received() {
            return Err((None, End::Interrupted(signal)));
        }
        let tried = &mut round.tried[0];
        let settled = match one.replace(record, write_limit(record.duration())).await {
            Ok(Written::Done(_)) => Ok(()),
            Ok(Written::Altered(_, found)) => Err(End::Fault(Fault::NotStored(found.to_string()))),
            Ok(Written::Conflict(fault)) => {
                let base = record.resource_version();
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
