//! Steal: takes a Lease over from a holder that has not agreed, and waits until that holder must have stopped.

use std::time::Duration;

use super::super::api::{Api, Write};
use super::super::decide::{self, Agreement, NeverExpires, Refusal, Seen, StealStep, StealTerms};
use super::super::evidence::{Ask, Expiry, Observation};
use super::super::values::LeaseDuration;
use super::stamps::TriedOut;
use super::{End, Grant, Limits, Operations, Pause, Progress, Report, unsettled, write_limit};
use crate::clock::{Clock, Instant};

/// Shows what would be taken, and asks; with why not.
pub type Agree<'a> = &'a mut dyn FnMut(&Observation, &Expiry) -> Result<(), String>;

/// A Lease that was taken over.
#[derive(Clone, Debug)]
pub struct Stolen {
    /// Our grant.
    pub grant: Grant,
    /// Who held it, if anybody did.
    pub victim: Option<String>,
    /// When the victim must have stopped; `Err` if its lease had no duration, so that nothing tells.
    pub victim_stops: Result<Instant, NeverExpires>,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Takes the Lease over. `agree` is shown what would be taken, and asked again whenever that has changed.
    ///
    /// Until the victim must have stopped, the recorded duration is no shorter than the victim's, so that nobody can
    /// take the Lease from us any sooner than they could have from it, even if this process dies.
    ///
    /// # Errors
    /// When it is refused or declined (nothing is written), or the API server cannot be asked within the limits.
    pub async fn steal(
        &self,
        terms: &StealTerms,
        limits: &Limits,
        report: Report<'_>,
        agree: Agree<'_>,
    ) -> Result<Stolen, End> {
        let mut unknown = Vec::new();
        let taken = self.take(terms, limits, report, agree, &mut unknown).await;
        // It may be ours by now. It is not given back: freeing it would let somebody in beside the victim.
        taken.map_err(|end| {
            if unknown.is_empty() {
                end
            } else {
                unsettled(end)
            }
        })
    }

    async fn take(
        &self,
        terms: &StealTerms,
        limits: &Limits,
        report: Report<'_>,
        agree: Agree<'_>,
        unknown: &mut Vec<(super::Record, Instant, Option<Observation>)>,
    ) -> Result<Stolen, End> {
        let mut agreed: Option<Agreement> = None;
        let mut pause = Pause::default();
        let mut seen = self.read_patiently(None, limits, report).await?;
        loop {
            if let Seen::Lease(found) = &seen
                && let Some((_, sent_at, victim)) = unknown.iter().find(|(written, ..)| {
                    written.holder() == found.record().holder()
                        && written.acquire_time() == found.record().acquire_time()
                        && written.transitions() == found.record().transitions()
                })
            {
                let grant = Grant::new(found.record().clone(), *sent_at);
                return Ok(self.stolen(grant, victim.clone()));
            }
            let mut terms = terms.clone();
            if let Seen::Lease(found) = &seen {
                terms.grant.duration = self.duration_until_victim_stops(&terms, found);
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
                            self.ask_version(limits).await;
                            continue;
                        }
                        Expiry::Unproven {
                            ask: Ask::DryRun, ..
                        } => {
                            let takeover = found
                                .record()
                                .granted(&terms.grant, self.clock.wall())
                                .map_err(|_| End::Refused(Refusal::TransitionsExhausted))?;
                            seen = match self.try_out(found, &takeover, limits).await {
                                TriedOut::Known(found) => Seen::Lease(found),
                                TriedOut::Changed => {
                                    self.read_patiently(Some(seen), limits, report).await?
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
                    agree(found, &expiry).map_err(End::Declined)?;
                    agreed = Some(Agreement {
                        record: found.record().clone(),
                        expired: matches!(expiry, Expiry::Expired(_)),
                    });
                }
                StealStep::Replace(record) => {
                    let victim = match &seen {
                        Seen::Lease(found) => Some(found.clone()),
                        Seen::Absent => None,
                    };
                    let sent_at = self.clock.now();
                    match self.replace(&record, write_limit(record.duration())).await {
                        Ok(Write::Done(stored)) => {
                            return Ok(self.stolen(Grant::new(stored, sent_at), victim));
                        }
                        Ok(Write::Conflict | Write::Absent | Write::Exists) => {}
                        Err(fault) => {
                            if fault.leaves_outcome_open() {
                                unknown.push((record, sent_at, victim));
                            }
                            self.pause_after(fault, &mut pause, limits, report).await?;
                        }
                    }
                    seen = self.read_patiently(Some(seen), limits, report).await?;
                }
            }
        }
    }

    fn duration_until_victim_stops(
        &self,
        terms: &StealTerms,
        seen: &Observation,
    ) -> Option<LeaseDuration> {
        let asked = terms.grant.duration?;
        let now = self.clock.now();
        match decide::victim_stops(seen, self.stamps.get(), now) {
            Ok(stops) if stops > now => seen.record().duration().map(|victims| victims.max(asked)),
            Ok(_) | Err(NeverExpires) => Some(asked),
        }
    }

    fn stolen(&self, grant: Grant, victim: Option<Observation>) -> Stolen {
        Stolen {
            victim_stops: victim.as_ref().map_or(Ok(self.clock.now()), |seen| {
                decide::victim_stops(seen, self.stamps.get(), grant.sent_at)
            }),
            victim: victim.and_then(|seen| seen.record().holder().map(str::to_owned)),
            grant,
        }
    }

    /// Keeps a stolen Lease renewed until its victim must have stopped, and then records the duration asked for.
    ///
    /// # Errors
    /// When it is lost meanwhile, or a signal ends the wait: then the Lease stays held, because freeing it would let
    /// somebody else in beside the victim.
    pub async fn outlast(
        &self,
        stolen: Stolen,
        duration: Option<LeaseDuration>,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Grant, End> {
        let mut grant = stolen.grant;
        if let (Ok(stops), Some(victim)) = (stolen.victim_stops, stolen.victim)
            && stops > self.clock.now()
        {
            report(Progress::Outlasting {
                victim,
                wait: stops.since(self.clock.now()),
            });
            while self.clock.now() < stops {
                let due = grant.sent_at + grant.duration().as_duration() / 3;
                tokio::select! {
                    biased;
                    signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                    () = self.clock.sleep_until(stops.min(due)) => {}
                }
                if self.clock.now() >= due {
                    grant = self
                        .renew_until(&grant, grant.expires_at())
                        .await
                        .map_err(End::Lost)?;
                }
            }
        }
        // Until it is acknowledged the recorded duration is the longer one. A renewal over a label edit keeps what it
        // finds, so it may take more than one.
        let until = grant.expires_at();
        while let Some(asked) = duration.filter(|asked| Some(*asked) != grant.record.duration()) {
            let next = Grant {
                record: grant
                    .record
                    .with_spec("leaseDurationSeconds", asked.as_secs().into()),
                sent_at: self.clock.now(),
                fencing_token: grant.fencing_token,
            };
            grant = self.renew_until(&next, until).await.map_err(End::Lost)?;
        }
        // The caller begins with a full duration.
        if self.clock.now().since(grant.sent_at) > Duration::from_secs(1) {
            grant = self
                .renew_until(&grant, grant.expires_at())
                .await
                .map_err(End::Lost)?;
        }
        Ok(grant)
    }
}
