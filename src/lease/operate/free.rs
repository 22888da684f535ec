//! Free: ends a grant of somebody else's at once, but only as it was shown to whoever agreed. Nothing waits for its holder.

use super::super::api::Api;
use super::super::decide::{self, Agreement, FreeStep, FreeTerms, Seen};
use super::super::evidence::{Ask, Expiry, Observation};
use super::super::record::Record;
use super::hindsight::Hindsight;
use super::ours::{Sent, Unclear};
use super::release::freed;
use super::stamps::TriedOut;
use super::write::{Conflicts, Written};
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

/// What this operation has sent, and may have been carried out; and what it saw last.
#[derive(Default)]
struct Attempts {
    unclear: Unclear,
    seen: Option<Seen>,
}

impl Attempts {
    fn saw(&mut self, seen: &Seen) {
        self.unclear.is_open = false;
        self.seen = Some(seen.clone());
    }

    /// What they have ended, as far as what was seen shows that they have.
    fn ended(&self, seen: &Seen) -> Option<Freed> {
        self.unclear.sent.iter().find_map(|sent| {
            let before = sent.before()?;
            // That nobody holds it says nothing where nobody did.
            let is_free = || freed(sent, seen).filter(|_| before.holder().is_some());
            let record = is_free().or_else(|| shown(&before, sent.record(), seen))?;
            Some(Freed { before, record })
        })
    }

    /// Whether one of them may have happened, or may still: nothing was read since, or it can be carried out over what is there.
    fn may_be_done(&self, seen: Option<&Seen>) -> bool {
        let may = |sent: &Sent| match seen {
            None => sent.is_unanswered() || self.unclear.is_open,
            Some(Seen::Lease(seen)) => {
                let base = sent.record().resource_version();
                sent.is_unanswered() && seen.record().resource_version() == base
            }
            Some(Seen::Absent) => false,
        };
        self.unclear.sent.iter().any(may)
    }
}

/// The note or the time that we wrote. Clients that only write who holds it, as Terraform does, leave them.
fn shown(before: &Record, written: &Record, seen: &Seen) -> Option<Record> {
    let Seen::Lease(seen) = seen else { return None };
    let record = seen.record();
    let is_ours = written
        .renew_time()
        .is_some_and(|time| record.renewed_at(time));
    if record.notes_what(written, before) {
        return Some(record.clone());
    }
    let follows = record.uid() == written.uid()
        && !record.denies(written)
        && (record.holder().is_none() || record.holder() != before.holder());
    (is_ours && follows).then(|| record.clone())
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
        let mut sent = Attempts::default();
        let done = self.end_grant(shown, terms, limits, report, agree, &mut sent);
        let end = match done.await {
            Ok(freed) => return Ok(freed),
            Err(end) if sent.unclear.sent.is_empty() => return Err(end),
            Err(end) => end,
        };
        let seen = match end {
            End::Refused(_) | End::Declined(_) => sent.seen.clone(),
            // The time is over, and it may be free all the same.
            End::Fault(_) | End::TimedOut { .. } => match self.last_read(limits).await {
                Ok(seen) => Some(seen),
                Err(interrupted @ End::Interrupted(_)) => return Err(unsettled(interrupted)),
                Err(_) => None,
            },
            _ => None,
        };
        let Some(seen) = seen else {
            let may_be_done = sent.may_be_done(None);
            return Err(if may_be_done { unsettled(end) } else { end });
        };
        if let Some(freed) = sent.ended(&seen) {
            return Ok(freed);
        }
        let may_be_done = sent.may_be_done(Some(&seen));
        let sent = sent.unclear.sent;
        if sent.iter().all(|sent| sent.is_for(&seen)) {
            return Err(if may_be_done { unsettled(end) } else { end });
        }
        // Somebody else has it by now, or nobody: whether after our write, what is there does not tell.
        match self.told(&sent, &seen, limits).await {
            Ok(Hindsight::Stored(number, record)) => {
                let before = sent[number].before().ok_or(end)?;
                Ok(Freed { before, record })
            }
            Ok(Hindsight::Unknown) if sent.iter().any(Sent::is_unanswered) => Err(End::Unsettled {
                end: Box::new(end),
                fault: None,
            }),
            // Of a refusal it is most likely what it says.
            Ok(Hindsight::Never | Hindsight::Unknown) => Err(end),
            Err(interrupted) => Err(unsettled(interrupted)),
        }
    }

    async fn end_grant(
        &self,
        shown: Option<(Seen, Agreement)>,
        terms: &FreeTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        mut agree: impl AsyncFnMut(&Observation, &Expiry) -> Result<(), End>,
        sent: &mut Attempts,
    ) -> Result<Freed, End> {
        let mut limits = limits.clone();
        let mut pause = Pause::default();
        let mut conflicts = Conflicts::default();
        let (mut seen, mut agreed) = match shown {
            Some((seen, agreed)) => (seen, Some(agreed)),
            None => (self.read_patiently(None, &limits, report).await?, None),
        };
        loop {
            if let Some(freed) = sent.ended(&seen) {
                return Ok(freed);
            }
            sent.saw(&seen);
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
                    sent.unclear.add(Some(Sent::InConflict(record)), &fault);
                    let settled = conflicts.settle(self, &base, fault, &limits, report);
                    settled.await
                }
                Err(fault) => {
                    sent.unclear.add(Sent::after(&fault, record), &fault);
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
