//! Renew: keeps a grant, and says exactly when it is lost.

use std::time::Duration;

use super::super::api::{Api, Fault, Write};
use super::super::decide::{self, Loss, Ours, OursStep, RenewStep, Seen};
use super::super::evidence::Observation;
use super::super::record::Record;
use super::{End, FIRST_PAUSE, Grant, Limits, Operations, Pause, Report, unsettled, write_limit};
use crate::clock::{Clock, Instant};

/// How one renewal ended.
#[derive(Clone, Debug)]
pub enum Renewal {
    /// Acknowledged: held until the grant's `expires_at`.
    Renewed(Grant),
    /// The grant is over.
    Lost(Loss),
    /// No answer that decides anything; try again while there is time.
    Failed(Fault),
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// One renewal: a PUT, and after a 409 a read and another PUT if the grant is still ours. Each request may take
    /// `limit`; none is begun after `until`.
    pub async fn renew(&self, grant: &Grant, limit: Duration, until: Instant) -> Renewal {
        let mut record = grant.record.renewed_for(grant.duration, self.clock.wall());
        let mut too_late = "nothing was sent in time";
        loop {
            let sent_at = self.clock.now();
            if sent_at >= until {
                return Renewal::Failed(Fault::Unknown(too_late.to_owned()));
            }
            let stored = match self.replace(&record, limit).await {
                Ok(Write::Done(stored)) => stored,
                Ok(Write::Conflict | Write::Absent | Write::Exists) => {
                    too_late = "conflicting edits until the deadline";
                    match self.read(None, limit).await {
                        Ok(seen) => match decide::renew(
                            &grant.record,
                            grant.duration,
                            &seen,
                            self.clock.wall(),
                        ) {
                            RenewStep::Replace(next) => record = next,
                            RenewStep::Lost(loss) => return Renewal::Lost(loss),
                        },
                        Err(fault) => return Renewal::Failed(fault),
                    }
                    continue;
                }
                Err(fault) => return Renewal::Failed(fault),
            };
            // An answer that comes after the deadline is lost all the same.
            if self.clock.now() >= grant.expires_at() {
                return Renewal::Lost(Loss::Deadline { last: None });
            }
            return Renewal::Renewed(Grant {
                record: stored,
                sent_at,
                fencing_token: grant.fencing_token.clone(),
                duration: grant.duration,
            });
        }
    }

    /// Renews until it is acknowledged or `deadline` has come.
    ///
    /// # Errors
    /// With how the grant was lost.
    pub async fn renew_until(&self, grant: &Grant, deadline: Instant) -> Result<Grant, Loss> {
        let mut pause = Pause::default();
        let limit = write_limit(Some(grant.duration));
        let mut last = None;
        loop {
            let begun = self.clock.now();
            let fault = match self.renew(grant, limit, deadline).await {
                Renewal::Renewed(grant) => return Ok(grant),
                Renewal::Lost(loss) => return Err(loss),
                Renewal::Failed(fault) => fault,
            };
            let now = self.clock.now();
            if begun < deadline {
                last = Some(fault.to_string());
            }
            if now >= deadline {
                return Err(Loss::Deadline {
                    last: last.or(Some(fault.to_string())),
                });
            }
            // However long the server asks us to wait, there is another try before the deadline.
            let left = deadline.since(now);
            let next = now
                + pause
                    .next(fault.retry_after())
                    .min(left / 3)
                    .max(FIRST_PAUSE);
            self.clock.sleep_until(next.min(deadline)).await;
        }
    }

    /// Renews whatever grant `ours` has, as scripts do that know their identity but not the record.
    ///
    /// # Errors
    /// When it is not ours, or the API server cannot be asked within the limits.
    pub async fn renew_ours(
        &self,
        ours: &Ours,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Record, End> {
        self.write_if_ours(ours, limits, report, decide::renew_ours, |_, _| None)
            .await
    }

    /// Writes what `decide` makes of the Lease for as long as it is ours; conflicts and unknown outcomes are resolved by
    /// reading again. `done` recognises a write of ours whose reply was lost.
    pub(super) async fn write_if_ours(
        &self,
        ours: &Ours,
        limits: &Limits,
        report: Report<'_>,
        decide: fn(&Ours, &Seen, jiff::Timestamp) -> OursStep,
        done: fn(&Record, &Seen) -> Option<Record>,
    ) -> Result<Record, End> {
        let mut pause = Pause::default();
        let mut unknown: Option<Record> = None;
        let mut seen = match ours {
            // Known, and the PUT finds out if it has changed.
            Ours::Grant(grant) => {
                Seen::Lease(Observation::first(grant.clone(), self.clock.now(), None))
            }
            Ours::Identity(_) | Ours::Exported { .. } => {
                self.read_patiently(None, limits, report).await?
            }
        };
        loop {
            if let Some(record) = unknown.as_ref().and_then(|written| done(written, &seen)) {
                return Ok(record);
            }
            let record = match decide(ours, &seen, self.clock.wall()) {
                OursStep::Replace(record) => record,
                OursStep::Refuse(refusal) => return Err(End::Refused(refusal)),
            };
            match self.replace(&record, write_limit(record.duration())).await {
                Ok(Write::Done(stored)) => return Ok(stored),
                Ok(Write::Conflict | Write::Absent | Write::Exists) => {
                    let now = self.clock.now();
                    if limits.deadline.is_some_and(|deadline| now >= deadline) {
                        return Err(End::TimedOut {
                            obstacle: None,
                            at_most: None,
                            fault: None,
                        });
                    }
                }
                Err(fault) => {
                    if fault.leaves_outcome_open() {
                        unknown = Some(record);
                    }
                    let paused = self.pause_after(fault, &mut pause, limits, report).await;
                    paused.map_err(|end| {
                        if unknown.is_some() {
                            unsettled(end)
                        } else {
                            end
                        }
                    })?;
                }
            }
            let read = self.read_patiently(Some(seen), limits, report).await;
            seen = read.map_err(|end| {
                if unknown.is_some() {
                    unsettled(end)
                } else {
                    end
                }
            })?;
        }
    }
}
