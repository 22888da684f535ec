//! Steal: takes a Lease over from a holder that has not agreed, but only as it was shown to whoever did.

mod attempt;
mod settling;
mod victims;

use super::super::api::Api;
use super::super::decide::{self, Agreement, Loss, Refusal, Seen, StealStep, StealTerms};
use super::super::evidence::{Ask, Expiry, Observation};
use super::super::record::Record;
use super::super::values::LeaseDuration;
use super::stamps::TriedOut;
use super::write::{Conflicts, Written};
use super::{End, Grant, Limits, OnProgress, Operations, Pause, Progress, unsettled, write_limit};
use crate::clock::{Clock, Instant};
use attempt::Attempt;
use settling::Settling;
use victims::{Longest, Victim, Victims};

/// A Lease that was taken over.
#[derive(Clone, Debug)]
pub struct Stolen {
    /// Our grant.
    pub grant: Grant,
    /// Who held it last, if anybody did.
    pub victim: Option<String>,
    /// Everybody that one of our writes may have taken it from.
    pub(super) victims: Victims,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Takes the Lease over. `agree` shows what would be taken and asks, again whenever that has changed; the time that
    /// takes does not count against the limits.
    ///
    /// Until the victim must have stopped, the recorded duration is no shorter than the victim's, so that nobody can
    /// take the Lease from us any sooner than they could have from it, even if this process dies.
    ///
    /// # Errors
    /// When it is refused or declined (nothing is written), lost as soon as it was taken, or the API server cannot be
    /// asked within the limits.
    pub async fn steal(
        &self,
        terms: &StealTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        agree: impl AsyncFnMut(&Observation, &Expiry) -> Result<(), End>,
    ) -> Result<Stolen, End> {
        self.steal_as_seen(None, terms, limits, report, agree).await
    }

    /// The same of a Lease that is known already, from a list.
    ///
    /// # Errors
    /// As [`Self::steal`].
    pub async fn steal_as_seen(
        &self,
        first: Option<Seen>,
        terms: &StealTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        agree: impl AsyncFnMut(&Observation, &Expiry) -> Result<(), End>,
    ) -> Result<Stolen, End> {
        let mut unknown = Vec::new();
        let settling = Settling::new(terms, &limits.interrupt);
        let taken = {
            let taking = self.take(
                first,
                terms,
                limits,
                report,
                agree,
                (&mut unknown, &settling),
            );
            let mut taking = std::pin::pin!(taking);
            tokio::select! {
                biased;
                taken = &mut taking => taken,
                () = settling.put_off() => {
                    report(Progress::Settling);
                    taking.await
                }
            }
        };
        let limits = &Limits {
            interrupt: settling.sent(true),
            ..limits.clone()
        };
        match taken {
            Ok(stolen) => self.in_hand(stolen, limits).await,
            Err(end) if unknown.is_empty() => Err(end),
            Err(end @ (End::Fault(_) | End::TimedOut { .. })) => {
                self.last_look(&unknown, end, limits).await
            }
            // Whom it was taken from may run beside whoever creates it now.
            Err(end @ End::Refused(Refusal::NotFound)) => Err(End::Unsettled {
                end: Box::new(end),
                fault: None,
            }),
            // It may be ours by now. It is not given back: freeing it would let somebody in beside the victim.
            Err(end) => Err(unsettled(end)),
        }
    }

    async fn take(
        &self,
        first: Option<Seen>,
        terms: &StealTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        mut agree: impl AsyncFnMut(&Observation, &Expiry) -> Result<(), End>,
        (unknown, settling): (&mut Vec<Attempt>, &Settling),
    ) -> Result<Stolen, End> {
        let mut limits = limits.clone();
        let mut agreed: Option<Agreement> = None;
        let mut longest = Longest::default();
        let mut pause = Pause::default();
        let mut conflicts = Conflicts::default();
        let mut seen = match first {
            Some(seen) => seen,
            None => self.read_patiently(None, &limits, report).await?,
        };
        loop {
            if let Some(stolen) = adopt_unacknowledged_write(unknown, &seen) {
                return Ok(stolen);
            }
            // What has not happened by now, and cannot any more, is forgotten, with its victim.
            unknown.retain(|attempt| attempt.may_happen(&seen) || attempt.may_have_happened(&seen));
            limits.interrupt =
                settling.sent(unknown.iter().any(|attempt| attempt.may_happen(&seen)));
            if let Some(signal) = settling.signal() {
                unknown.clear();
                return Err(End::Interrupted(signal));
            }
            // An old yes is not for whoever has taken it from us since; who can be asked is asked again.
            if !terms.asks
                && let Some(loss) = taken_since(unknown, &seen)
            {
                return Err(End::Lost(loss));
            }
            let mut terms = terms.clone();
            let mut victim = None;
            let mut victims = Victims::default();
            if let Seen::Lease(found) = &seen {
                victim = self.victim(found, longest.of(found.record()));
                victims = of_all(unknown, victim.as_ref());
                terms.grant.duration = self.duration_beside(&victims, &terms, found.record());
            }
            match decide::steal(&terms, &seen, agreed.as_ref(), self.now()) {
                StealStep::Refuse(refusal) => return Err(End::Refused(refusal)),
                StealStep::Ask => {
                    let Seen::Lease(found) = &seen else { continue };
                    let expiry = found.expiry(self.clock.now(), self.stamps.get());
                    match expiry {
                        Expiry::Unproven {
                            ask: Ask::Version, ..
                        } => {
                            self.ask_version(&limits).await;
                            continue;
                        }
                        Expiry::Unproven {
                            ask: Ask::DryRun, ..
                        } => {
                            let takeover = found
                                .record()
                                .granted(&terms.grant, self.clock.wall())
                                .map_err(|_| End::Refused(Refusal::TransitionsExhausted))?;
                            seen = match self.try_out(found, &takeover, &limits).await {
                                TriedOut::Known(found) => Seen::Lease(found),
                                TriedOut::Changed => {
                                    self.read_patiently(Some(seen), &limits, report).await?
                                }
                            };
                            continue;
                        }
                        Expiry::Free
                        | Expiry::Expired(_)
                        | Expiry::Unproven {
                            ask: Ask::Nothing | Ask::Later(_),
                            ..
                        } => {}
                    }
                    let asked_at = self.clock.now();
                    agree(found, &expiry).await?;
                    let thought = self.clock.now().since(asked_at);
                    limits.deadline = limits.deadline.map(|deadline| deadline + thought);
                    agreed = Some(Agreement {
                        record: found.record().clone(),
                        expired: matches!(expiry, Expiry::Expired(_)),
                    });
                }
                StealStep::Replace(record) => {
                    if let Seen::Lease(found) = &seen {
                        // Taken without a question: that it was free is what was agreed to.
                        agreed.get_or_insert_with(|| Agreement {
                            record: found.record().clone(),
                            expired: false,
                        });
                    }
                    let sent_at = self.clock.now();
                    let record = shielding(&record, &victims, &terms, sent_at);
                    limits.interrupt = settling.sent(true);
                    match self.replace(&record, write_limit(record.duration())).await {
                        Ok(Written::Done(stored)) => {
                            let grant = Grant::new(stored, &record, sent_at);
                            return Ok(stolen(grant, victims));
                        }
                        Ok(Written::Altered(stored, found)) => {
                            let grant = Grant::new(stored, &record, sent_at);
                            let stolen = stolen(grant, victims);
                            return self
                                .stolen_as_stored(stolen, &record, found, &limits, report)
                                .await;
                        }
                        Ok(Written::Conflict(fault)) => {
                            let base = record.resource_version().to_owned();
                            unknown.push(Attempt {
                                written: record,
                                sent_at,
                                victim,
                                answered: true,
                                was_absent: fault.is_of_absence(),
                            });
                            conflicts
                                .settle(self, &base, fault, &limits, report)
                                .await?;
                        }
                        Err(fault) => {
                            let answered = fault.may_hide_success();
                            if answered || fault.leaves_outcome_open() {
                                unknown.push(Attempt {
                                    written: record,
                                    sent_at,
                                    victim,
                                    answered,
                                    was_absent: false,
                                });
                            }
                            limits.interrupt = settling.sent(!unknown.is_empty());
                            self.pause_after(fault, &mut pause, &limits, report).await?;
                        }
                    }
                    seen = self.read_patiently(Some(seen), &limits, report).await?;
                }
            }
        }
    }

    /// The next step over what was seen once and agreed to, for a dry run: as the Lease would be in the end, where the victim
    /// that is waited for has stopped, and the duration that was asked for is recorded.
    pub(super) fn takeover(&self, terms: &StealTerms, seen: &Observation) -> StealStep {
        let mut terms = terms.clone();
        if !terms.waits {
            let victim = self.victim(seen, seen.record().duration());
            let victims = Victims::new(std::iter::empty(), victim);
            terms.grant.duration = self.duration_beside(&victims, &terms, seen.record());
        }
        let agreed = Agreement {
            record: seen.record().clone(),
            expired: false,
        };
        let seen = Seen::Lease(seen.clone());
        decide::steal(&terms, &seen, Some(&agreed), self.now())
    }

    /// Whom a write would take the Lease from now, and when it must have stopped.
    fn victim(&self, seen: &Observation, longest: Option<LeaseDuration>) -> Option<Victim> {
        let now = self.clock.now();
        let stops = match longest {
            Some(longest) if seen.record().duration() != Some(longest) => {
                Ok(now + longest.as_duration())
            }
            Some(_) | None => decide::victim_stops(seen, self.stamps.get(), now),
        };
        Some(Victim {
            holder: seen.record().holder()?.to_owned(),
            replaced: seen.record().clone(),
            longest,
            stops,
        })
    }

    /// What is to be recorded over `record`, if anybody may run or it is asked for.
    fn duration_beside(
        &self,
        victims: &Victims,
        terms: &StealTerms,
        record: &Record,
    ) -> Option<LeaseDuration> {
        let longest = victims.longest_duration(self.clock.now());
        let asked = terms.grant.duration_on(record);
        longest
            .map(|longest| terms.duration_beside(longest, asked))
            .or(terms.grant.duration)
    }

    /// Finds out what became of the writes whose replies are missing, where there is no time left for more.
    async fn last_look(
        &self,
        unknown: &[Attempt],
        end: End,
        limits: &Limits,
    ) -> Result<Stolen, End> {
        let seen = match self.last_read(limits).await {
            Ok(seen) => seen,
            Err(interrupted @ End::Interrupted(_)) => return Err(unsettled(interrupted)),
            Err(_) => return Err(unsettled(end)),
        };
        if let Some(stolen) = adopt_unacknowledged_write(unknown, &seen) {
            return self.in_hand(stolen, limits).await;
        }
        if let Some(loss) = taken_since(unknown, &seen) {
            return Err(End::Lost(loss));
        }
        Err(if unknown.iter().any(|attempt| attempt.may_happen(&seen)) {
            unsettled(end)
        } else {
            end
        })
    }
}

/// Whom it was taken from by a write over `last`, and by the writes before it: any of them may have happened.
fn of_all(unknown: &[Attempt], last: Option<&Victim>) -> Victims {
    let earlier = unknown.iter().filter_map(|attempt| attempt.victim.clone());
    Victims::new(earlier, last.cloned())
}

/// The same grant, with who may still run beside it, if that is waited for.
fn shielding(record: &Record, victims: &Victims, terms: &StealTerms, now: Instant) -> Record {
    let shielded = victims.shielded(now).filter(|_| terms.waits);
    record.with_victim(shielded.map(|victim| &*victim.holder))
}

fn stolen(grant: Grant, victims: Victims) -> Stolen {
    let mut stolen = Stolen {
        victim: victims.last().map(|victim| victim.holder.clone()),
        grant,
        victims,
    };
    stolen.grant.alone_from = stolen.alone_from();
    stolen
}

/// A write of ours that turns out to have happened.
fn adopt_unacknowledged_write(unknown: &[Attempt], seen: &Seen) -> Option<Stolen> {
    let Seen::Lease(seen) = seen else { return None };
    let attempt = unknown
        .iter()
        .find(|attempt| attempt.written.same_grant(seen.record()))?;
    let grant = Grant::new(seen.record().clone(), &attempt.written, attempt.sent_at);
    Some(stolen(grant, of_all(unknown, attempt.victim.as_ref())))
}

/// Whether a write of ours may have happened and been followed by another grant: they are counted.
fn taken_since(unknown: &[Attempt], seen: &Seen) -> Option<Loss> {
    let Seen::Lease(seen) = seen else { return None };
    let record = seen.record();
    let holder = record.holder()?;
    let attempt = unknown.iter().find(|attempt| {
        attempt.written.uid() == record.uid()
            && record.transitions() > attempt.written.transitions()
            // Of a refusal it is most likely what it says, unless it is noted from whom it was taken since.
            && (!attempt.answered || record.follows_takeover(&attempt.written))
    })?;
    let waits = record.waits_for(&attempt.written);
    Some(if attempt.written.holder() == Some(holder) {
        Loss::Regranted { waits }
    } else {
        Loss::TakenBy {
            holder: holder.to_owned(),
            waits,
        }
    })
}

#[cfg(test)]
#[path = "steal_tests.rs"]
mod tests;
