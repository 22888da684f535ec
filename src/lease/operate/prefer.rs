//! Prefer: names the candidate of a coordinated election that is to hold the Lease next.

use super::super::api::Api;
use super::super::decide::{Change, Refusal, Seen};
use super::super::keeper::Other;
use super::super::record::Record;
use super::write::{Conflicts, Written};
use super::{End, Limits, OnProgress, Operations, Pause, unsettled, write_limit};
use crate::clock::Clock;

impl<A: Api, C: Clock> Operations<A, C> {
    /// Writes the preferred holder over the Lease as it was shown: over a renewal of the same holder too, and over nobody else.
    ///
    /// # Errors
    /// When somebody else holds it by now, or the server refuses, drops the field or cannot be asked within the limits.
    pub async fn prefer(
        &self,
        shown: &Record,
        candidate: &str,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Record, End> {
        let mut pause = Pause::default();
        let mut conflicts = Conflicts::default();
        let mut unknown = false;
        let mut record = shown.clone();
        loop {
            if record.preferred_holder() == Some(candidate) {
                return Ok(record);
            }
            if let Some(now) = Other::of(&record)
                && record.holder() != shown.holder()
            {
                return Err(End::Refused(Refusal::NotAsShown {
                    change: Change::Holder(shown.holder().map(str::to_owned)),
                    now,
                }));
            }
            let next = record.with_preferred_holder(candidate);
            let tried = match self.replace(&next, write_limit(record.duration())).await {
                Ok(Written::Done(stored)) => return Ok(stored),
                Ok(Written::Altered(stored, found)) => {
                    return match stored.preferred_holder() == Some(candidate) {
                        true => Ok(stored),
                        false => Err(End::Altered {
                            what: found.to_string(),
                            left: None,
                        }),
                    };
                }
                Ok(Written::Conflict(fault)) => {
                    let base = record.resource_version();
                    conflicts.settle(self, base, fault, limits, report).await
                }
                Err(fault) => {
                    unknown |= fault.leaves_outcome_open();
                    self.pause_after(fault, &mut pause, limits, report).await
                }
            };
            let end = |end| if unknown { unsettled(end) } else { end };
            tried.map_err(end)?;
            record = match self
                .read_patiently(None, limits, report)
                .await
                .map_err(end)?
            {
                Seen::Lease(found) => found.record().clone(),
                Seen::Absent => return Err(End::Refused(Refusal::NotFound)),
            };
        }
    }
}
