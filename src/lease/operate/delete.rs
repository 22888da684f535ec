//! Delete: removes a Lease as it was seen, and nothing that has changed since.

use super::super::api::{Api, Deletion, Fault};
use super::super::decide::Seen;
use super::super::record::Record;
use super::{End, Limits, OnProgress, Operations, Pause, unsettled, write_limit};
use crate::clock::Clock;

/// What came of it.
#[derive(Clone, Debug)]
pub enum Deleted {
    /// It is gone, or will be once its finalizers are done.
    Done,
    /// It was gone before.
    Absent,
    /// It has changed since it was seen, so that it was left.
    Changed(Seen),
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Deletes the Lease if it still is as `record` shows it: a grant or a renewal in between keeps it. With `dry_run` the
    /// server checks whether it may be deleted and deletes nothing.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked within the limits.
    pub async fn delete(
        &self,
        record: &Record,
        dry_run: bool,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Deleted, End> {
        let mut pause = Pause::default();
        // A request of ours may have been carried out, or still be.
        let mut unknown = false;
        loop {
            let mut conflict = None;
            let limit = write_limit(record.duration()).min(self.read_limit);
            let fault = match self.api.delete(record, dry_run, limit).await {
                Ok(answer) => {
                    self.contacted.set(true);
                    match answer {
                        Deletion::Done => return Ok(Deleted::Done),
                        Deletion::Absent if unknown => return Ok(Deleted::Done),
                        Deletion::Absent => return Ok(Deleted::Absent),
                        // Whether a request of ours was carried out before shows below.
                        Deletion::Conflict(rejection) => {
                            conflict = Some(Fault::Rejected(rejection));
                            None
                        }
                    }
                }
                Err(fault) => Some(fault),
            };
            if let Some(fault) = fault {
                unknown |= !dry_run && fault.leaves_outcome_open();
                let paused = self.pause_after(fault, &mut pause, limits, report).await;
                paused.map_err(|end| if unknown { unsettled(end) } else { end })?;
                if !unknown {
                    continue;
                }
            }
            let read = self.read_patiently(None, limits, report).await;
            let seen = read.map_err(|end| if unknown { unsettled(end) } else { end })?;
            match &seen {
                Seen::Absent if unknown => return Ok(Deleted::Done),
                Seen::Absent => return Ok(Deleted::Absent),
                Seen::Lease(found) => {
                    let found = found.record();
                    let is_another = found.uid() != record.uid();
                    if unknown && (is_another || found.is_terminating()) {
                        return Ok(Deleted::Done);
                    }
                    if is_another || found.resource_version() != record.resource_version() {
                        return Ok(Deleted::Changed(seen));
                    }
                }
            }
            // Nothing has changed: the server refuses for a reason of its own.
            if let Some(fault) = conflict {
                let paused = self.pause_after(fault, &mut pause, limits, report).await;
                paused.map_err(|end| if unknown { unsettled(end) } else { end })?;
            }
        }
    }
}
