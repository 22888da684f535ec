//! What became of a write whose reply is missing: looked for at every read, and settled before an end.

use std::time::Duration;

use super::super::super::api::{Api, Fault};
use super::super::super::decide::{AcquireTerms, Seen};
use super::super::super::record::Lease;
use super::super::write::Written;
use super::super::{End, Grant, Limits, OnProgress, Operations, Pause, write_limit};
use super::attempt::{Attempt, GrantWrite};
use crate::clock::Clock;

/// For so long it is tried to find out what became of a write, or to make it impossible.
const SETTLED_WITHIN: Duration = Duration::from_secs(15);

/// So many refused writes are remembered.
const REMEMBERED: usize = 8;

impl<A: Api, C: Clock> Operations<A, C> {
    /// One write, and what came of it; without an answer that counts it is one of `attempts`.
    pub(super) async fn try_to_write(
        &self,
        attempt: Attempt,
        attempts: &mut Vec<Attempt>,
    ) -> Result<(Written, Attempt), Fault> {
        match self.write(&attempt.written).await {
            Ok(written) => Ok((written, attempt)),
            Err(fault) => {
                let answered = fault.may_hide_success();
                if answered || fault.leaves_outcome_open() {
                    attempts.push(Attempt {
                        answered,
                        ..attempt
                    });
                }
                Err(fault)
            }
        }
    }

    /// A write of ours that turns out to have happened.
    pub(super) async fn adopt_unacknowledged_write(
        &self,
        seen: &Seen,
        attempts: &mut Vec<Attempt>,
        terms: &AcquireTerms,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Option<Grant>, End> {
        for attempt in attempts.iter_mut() {
            attempt.looked_for = true;
        }
        let Seen::Lease(seen) = seen else {
            return Ok(None);
        };
        let Some(index) = attempts
            .iter()
            .position(|attempt| attempt.made(seen.record()))
        else {
            // What was refused has not happened, then, unless it is held back somewhere: a few are remembered.
            let refused = attempts.iter().filter(|attempt| attempt.answered).count();
            let mut forgotten = refused.saturating_sub(REMEMBERED);
            attempts.retain(|attempt| {
                let forget = attempt.answered && forgotten > 0;
                forgotten -= usize::from(forget);
                !forget
            });
            return Ok(None);
        };
        let attempt = attempts.swap_remove(index);
        // No other write of ours can follow: each was sent on top of a state that is gone.
        attempts.clear();
        let mut grant = attempt.grant(seen.record());
        if let Some(found) = seen.record().alteration(&attempt.written)
            && (found.shorter || found.endless)
        {
            let stored = self.as_stored(grant, &attempt.written, &found, terms, report);
            grant = stored.await?;
        }
        self.in_time(grant, limits).await.map(Some)
    }

    /// Finds out what became of the writes whose replies are missing, and gives back what turns out to be ours. What
    /// may still happen is made impossible.
    pub(super) async fn settle(&self, attempts: Vec<Attempt>, end: End) -> End {
        let give_up_at = self.clock.now() + SETTLED_WITHIN;
        let limit = write_limit(None);
        let mut pause = Pause::default();
        loop {
            let fault = match self.read(None, limit).await {
                Ok(seen) => {
                    if let Seen::Lease(found) = &seen
                        && let Some(attempt) =
                            attempts.iter().find(|attempt| attempt.made(found.record()))
                    {
                        return self.give_back(&attempt.grant(found.record()), end).await;
                    }
                    let open = attempts
                        .iter()
                        .find(|attempt| attempt.may_still_happen(&seen));
                    let Some(open) = open else { return end };
                    if open.reenters || open.written.victim().is_some() {
                        // To carry it out and give it back would let somebody in beside the earlier process.
                        return End::Kept(Box::new(end));
                    }
                    // The same once more, to be given back: only one of the two can be stored on top of the same version.
                    match self.write(&open.written).await {
                        Ok(Written::Done(stored) | Written::Altered(stored, _)) => {
                            return self.give_back(&open.grant(&stored), end).await;
                        }
                        // It happened just now, or somebody else came.
                        Ok(Written::Conflict(fault)) | Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            // Where they were all refused, there is hardly anything to learn.
            let hopeless = !fault.is_transient() && attempts.iter().all(|attempt| attempt.answered);
            let refused = |end: &End| matches!(end, End::Fault(write) if write.is_of_credentials());
            // Credentials that were never any good have written nothing.
            if hopeless && fault.is_of_credentials() && refused(&end) && !self.contacted.get() {
                return end;
            }
            if hopeless || self.clock.now() >= give_up_at {
                return End::Unsettled {
                    end: Box::new(end),
                    fault: Some(fault),
                };
            }
            self.clock
                .sleep_until(self.clock.now() + pause.next(None))
                .await;
        }
    }

    async fn write(&self, sent: &GrantWrite) -> Result<Written, Fault> {
        let limit = write_limit(sent.duration());
        match sent {
            GrantWrite::Create(lease) => self.post(lease, Lease::alteration, limit).await,
            GrantWrite::Replace(record) => self.replace(record, limit).await,
        }
    }
}
