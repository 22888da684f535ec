//! Free: ends a grant of somebody else's at once, but only as it was shown to whoever agreed. Nothing waits for its holder.

use super::super::api::Api;
use super::super::decide::{self, Agreement, FreeStep, FreeTerms, Seen};
use super::super::evidence::{Ask, Expiry, Observation};
use super::super::record::Record;
use super::release::freed;
use super::stamps::TriedOut;
use super::write::{Conflicts, Sent, Written};
use super::{End, Limits, OnProgress, Operations, Pause, unsettled, write_limit};
use crate::clock::Clock;

/// A grant that was ended by force.
#[derive(Clone, Debug)]
pub struct Freed {
    /// The record that was agreed to, or a renewal of it.
    pub before: Record,
    /// The record after it was freed, by us or, if our reply was lost, by whoever came next.
    pub record: Record,
}

impl Freed {
    /// Who held it.
    pub fn holder(&self) -> &str {
        self.before.holder().unwrap_or_default()
    }
}

/// What this operation has sent, and may have been carried out.
struct Attempt {
    before: Record,
    sent: Sent,
}

impl Attempt {
    /// What it has ended, as far as what was seen shows that it has, or that another grant has followed.
    fn ended(&self, seen: &Seen) -> Option<Freed> {
        let Self { before, sent } = self;
        // That nobody holds it says nothing where nobody did.
        let is_free = || freed(sent, seen).filter(|_| before.holder().is_some());
        let record = is_free().or_else(|| self.shown(seen))?;
        let before = before.clone();
        Some(Freed { before, record })
    }

    /// The time that we wrote. Clients that only write who holds it, as Terraform does, leave it.
    fn shown(&self, seen: &Seen) -> Option<Record> {
        let Seen::Lease(seen) = seen else { return None };
        let record = seen.record();
        let (Sent::Unanswered(written) | Sent::InConflict(written) | Sent::Refused(written)) =
            &self.sent;
        let is_ours = written
            .renew_time()
            .is_some_and(|time| record.renewed_at(time));
        let follows = record.uid() == written.uid()
            && (record.holder().is_none() || record.holder() != self.before.holder());
        (is_ours && follows).then(|| record.clone())
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Frees the Lease of whoever holds it. `agree` shows what would be freed and asks, again whenever that has changed; the
    /// time that takes does not count against the limits. `shown` is the Lease as it is known already, from a list, with what was
    /// agreed to there.
    ///
    /// # Errors
    /// When it is refused or declined (nothing is written), or the API server cannot be asked within the limits.
    pub async fn free_from_another(
        &self,
        shown: Option<(Seen, Agreement)>,
        terms: &FreeTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        agree: impl AsyncFnMut(&Observation, &Expiry) -> Result<(), End>,
    ) -> Result<Freed, End> {
        let mut last = None;
        let done = self.end_grant(shown, terms, limits, report, agree, &mut last);
        let end = match done.await {
            Ok(freed) => return Ok(freed),
            Err(end) => end,
        };
        let Some(attempt) = last else {
            return Err(end);
        };
        let sent = &attempt.sent;
        // Somebody else has it by now: whether after our write, what is there does not tell.
        if let End::Refused(_) = end
            && let Some(record) = self.looked_back(sent.record().clone(), limits).await
        {
            let before = attempt.before;
            return Ok(Freed { before, record });
        }
        if !matches!(end, End::Fault(_) | End::TimedOut { .. }) {
            return Err(match sent {
                Sent::Unanswered(_) => unsettled(end),
                Sent::InConflict(_) | Sent::Refused(_) => end,
            });
        }
        // The time is over, and it may be free all the same.
        match self.last_read(limits).await {
            Ok(seen) => match attempt.ended(&seen) {
                Some(freed) => Ok(freed),
                None if is_possible(sent, &seen) => Err(unsettled(end)),
                None => Err(end),
            },
            Err(interrupted @ End::Interrupted(_)) => Err(unsettled(interrupted)),
            Err(_) if matches!(sent, Sent::Unanswered(_)) => Err(unsettled(end)),
            Err(_) => Err(end),
        }
    }

    async fn end_grant(
        &self,
        shown: Option<(Seen, Agreement)>,
        terms: &FreeTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        mut agree: impl AsyncFnMut(&Observation, &Expiry) -> Result<(), End>,
        last: &mut Option<Attempt>,
    ) -> Result<Freed, End> {
        let mut limits = limits.clone();
        let mut pause = Pause::default();
        let mut conflicts = Conflicts::default();
        let (mut seen, mut agreed) = match shown {
            Some((seen, agreed)) => (seen, Some(agreed)),
            None => (self.read_patiently(None, &limits, report).await?, None),
        };
        loop {
            if let Some(freed) = last.as_ref().and_then(|attempt| attempt.ended(&seen)) {
                return Ok(freed);
            }
            let step = decide::free(terms, &seen, agreed.as_ref(), self.clock.wall());
            let (record, found) = match (step, &seen) {
                (FreeStep::Refuse(refusal), _) => return Err(End::Refused(refusal)),
                (FreeStep::Replace(record), Seen::Lease(found)) => (record, found),
                (FreeStep::Ask, Seen::Lease(found)) => {
                    let expiry = match self.proof(found, &limits).await {
                        Proven::Known(expiry) => expiry,
                        Proven::More(found) => {
                            seen = Seen::Lease(found);
                            continue;
                        }
                        Proven::Changed => {
                            seen = self.read_patiently(Some(seen), &limits, report).await?;
                            continue;
                        }
                    };
                    let asked_at = self.clock.now();
                    agree(found, &expiry).await?;
                    let thought = self.clock.now().since(asked_at);
                    limits.deadline = limits.deadline.map(|deadline| deadline + thought);
                    agreed = Some(Agreement {
                        record: found.record().clone(),
                        expired: matches!(expiry, Expiry::Expired(_)),
                    });
                    continue;
                }
                (FreeStep::Replace(_) | FreeStep::Ask, Seen::Absent) => continue,
            };
            let before = found.record().clone();
            let trouble = match self.replace(&record, write_limit(before.duration())).await {
                Ok(Written::Done(record)) => return Ok(Freed { before, record }),
                Ok(Written::Altered(record, found)) => match record.holder() {
                    // Free is free, whatever else was stored.
                    None => return Ok(Freed { before, record }),
                    Some(holder) => {
                        let (what, left) = (found.to_string(), Some(holder.to_owned()));
                        return Err(End::Altered { what, left });
                    }
                },
                Ok(Written::Conflict(fault)) => {
                    let base = record.resource_version().to_owned();
                    note(last, before, Sent::InConflict(record));
                    let settled = conflicts.settle(self, &base, fault, &limits, report);
                    settled.await
                }
                Err(fault) => {
                    if fault.leaves_outcome_open() {
                        note(last, before, Sent::Unanswered(record));
                    } else if fault.may_hide_success() {
                        note(last, before, Sent::Refused(record));
                    }
                    self.pause_after(fault, &mut pause, &limits, report).await
                }
            };
            trouble?;
            seen = self.read_patiently(Some(seen), &limits, report).await?;
        }
    }

    /// Whether the holder's lease has expired, by what the server's stamps say too. A dry run of a renewal, which changes
    /// nothing that anybody goes by, shows its time.
    async fn proof(&self, found: &Observation, limits: &Limits) -> Proven {
        let expiry = found.expiry(self.clock.now(), self.stamps.get());
        let Expiry::Unproven { ask, .. } = expiry else {
            return Proven::Known(expiry);
        };
        match ask {
            Ask::Nothing | Ask::Later(_) => Proven::Known(expiry),
            Ask::Version => {
                self.ask_version(limits).await;
                Proven::More(found.clone())
            }
            Ask::DryRun => {
                let trial = found.record().renewed(self.clock.wall());
                match self.try_out(found, &trial, limits).await {
                    TriedOut::Known(found) => Proven::More(found),
                    TriedOut::Changed => Proven::Changed,
                }
            }
        }
    }
}

/// What became of asking for a proof.
enum Proven {
    /// There is nothing more to ask.
    Known(Expiry),
    /// More is known now.
    More(Observation),
    /// The Lease is not what it was: read it.
    Changed,
}

/// Notes what was sent. A write without an answer is not forgotten for a later one that was refused.
fn note(last: &mut Option<Attempt>, before: Record, sent: Sent) {
    let is_open = matches!(
        last,
        Some(Attempt {
            sent: Sent::Unanswered(_),
            ..
        })
    );
    if !is_open || matches!(sent, Sent::Unanswered(_)) {
        *last = Some(Attempt { before, sent });
    }
}

/// Whether a write without an answer can still be carried out: only on top of the very state that it was for.
fn is_possible(sent: &Sent, seen: &Seen) -> bool {
    match (sent, seen) {
        (Sent::Unanswered(written), Seen::Lease(seen)) => {
            seen.record().resource_version() == written.resource_version()
        }
        (Sent::Unanswered(_) | Sent::InConflict(_) | Sent::Refused(_), _) => false,
    }
}
