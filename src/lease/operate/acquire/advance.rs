//! One step towards a grant: whatever there is to do but to wait.

use super::super::super::api::Api;
use super::super::super::decide::{AcquireStep, AcquireTerms, Seen};
use super::super::stamps::TriedOut;
use super::super::write::{Conflicts, Written};
use super::super::{End, Grant, Limits, OnProgress, Operations, Pause};
use super::attempt::{Attempt, GrantWrite};
use crate::clock::Clock;

/// What is wanted, for how long, and who is told of it.
pub(super) struct Want<'a> {
    pub(super) terms: &'a AcquireTerms,
    pub(super) limits: &'a Limits,
    pub(super) report: OnProgress<'a>,
}

/// What was tried so far of one Lease.
#[derive(Default)]
pub(super) struct Tried {
    /// The writes that may have been carried out.
    pub(super) attempts: Vec<Attempt>,
    pub(super) conflicts: Conflicts,
    pub(super) faults: Pause,
    dry_runs: Pause,
}

/// What came of a step.
pub(super) enum Advanced {
    Granted(Grant),
    /// This is known now.
    Seen {
        seen: Seen,
        /// Whether it was somebody's, and has changed without a watch's saying so.
        unheard: bool,
    },
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Does the step that was decided over `seen`. One to wait for something is nothing to do.
    pub(super) async fn advance(
        &self,
        step: AcquireStep,
        seen: Seen,
        want: &Want<'_>,
        tried: &mut Tried,
    ) -> Result<Advanced, End> {
        let Want { limits, report, .. } = *want;
        let known = |seen| {
            let unheard = false;
            Advanced::Seen { seen, unheard }
        };
        let written = match step {
            AcquireStep::Refuse(refusal) => return Err(End::Refused(refusal)),
            AcquireStep::Wait(_) => return Ok(known(seen)),
            AcquireStep::AskVersion => {
                tokio::select! {
                    biased;
                    signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                    () = self.ask_version(limits) => {}
                }
                return Ok(known(seen));
            }
            AcquireStep::TryOut(takeover) => {
                let Seen::Lease(found) = &seen else {
                    return Ok(known(seen));
                };
                let told = tokio::select! {
                    biased;
                    signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                    told = self.try_out(found, &takeover, limits) => told,
                };
                return Ok(known(match told {
                    TriedOut::Known(found) => Seen::Lease(found),
                    TriedOut::Changed => {
                        let pause = tried.dry_runs.next(None) / 10;
                        self.clock.sleep_until(self.clock.now() + pause).await;
                        self.read_patiently(Some(seen), limits, report).await?
                    }
                }));
            }
            AcquireStep::Create(lease) => GrantWrite::Create(lease),
            AcquireStep::Replace(record) => GrantWrite::Replace(record),
        };
        if let Some(signal) = limits.interrupt.received() {
            return Err(End::Interrupted(signal));
        }
        self.write_grant(written, seen, want, tried).await
    }

    async fn write_grant(
        &self,
        written: GrantWrite,
        seen: Seen,
        want: &Want<'_>,
        tried: &mut Tried,
    ) -> Result<Advanced, End> {
        let Want {
            terms,
            limits,
            report,
        } = *want;
        let reenters = terms.reenter && matches!(&seen, Seen::Lease(seen) if self.may_run(seen));
        let attempt = Attempt {
            written,
            sent_at: self.clock.now(),
            reenters,
            answered: false,
            looked_for: false,
        };
        let mut unheard = false;
        match self.try_to_write(attempt, &mut tried.attempts).await {
            Ok((Written::Done(stored), attempt)) => {
                let grant = self.in_time(attempt.grant(&stored), limits).await?;
                return Ok(Advanced::Granted(grant));
            }
            Ok((Written::Altered(stored, found), attempt)) => {
                let grant = attempt.grant(&stored);
                let stored = self.as_stored(grant, &attempt.written, &found, terms, report);
                let grant = self.in_time(stored.await?, limits).await?;
                return Ok(Advanced::Granted(grant));
            }
            Ok((Written::Conflict(fault), attempt)) => {
                let base = attempt.written.resource_version().to_owned();
                tried.attempts.push(Attempt {
                    answered: true,
                    ..attempt
                });
                unheard = matches!(&seen, Seen::Lease(seen) if seen.record().holder().is_some());
                // Others may be faster again and again: many may be after the same Lease.
                let settled = tried.conflicts.settle(self, &base, fault, limits, report);
                settled.await?;
            }
            Err(fault) => {
                self.pause_after(fault, &mut tried.faults, limits, report)
                    .await?;
            }
        }
        let seen = self.read_patiently(Some(seen), limits, report).await?;
        Ok(Advanced::Seen { seen, unheard })
    }
}
