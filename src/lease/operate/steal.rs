//! Steal: takes a Lease over from a holder that has not agreed, and waits until that holder must have stopped.

use std::time::Duration;

use super::super::api::Api;
use super::super::decide::{self, Agreement, NeverExpires, Seen, StealStep, StealTerms};
use super::super::evidence::{Expiry, Observation};
use super::super::record::Alteration;
use super::super::values::LeaseDuration;
use super::write::{Conflicts, Written};
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
        let mut conflicts = Conflicts::default();
        let mut seen = self.read_patiently(None, limits, report).await?;
        loop {
            if let Seen::Lease(found) = &seen
                && let Some((written, sent_at, victim)) = unknown.iter().find(|(written, ..)| {
                    written.holder() == found.record().holder()
                        && written.acquire_time() == found.record().acquire_time()
                        && written.transitions() == found.record().transitions()
                })
            {
                let grant = Grant::new(found.record().clone(), written, *sent_at);
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
                    if matches!(
                        expiry,
                        Expiry::Unproven {
                            needs_version: true,
                            ..
                        }
                    ) {
                        self.ask_version().await;
                        continue;
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
                        Ok(Written::Done(stored)) => {
                            return Ok(self.stolen(Grant::new(stored, &record, sent_at), victim));
                        }
                        Ok(Written::Altered(stored, found)) => {
                            let grant = Grant::new(stored, &record, sent_at);
                            let stolen = self.stolen(grant, victim);
                            return self
                                .stolen_as_stored(stolen, &record, found, limits, report)
                                .await;
                        }
                        Ok(Written::Conflict(fault)) => {
                            let base = record.resource_version();
                            conflicts.settle(self, base, fault, limits, report).await?;
                        }
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

    /// What the server stored instead of what was sent: a grant whose duration is the server's, or none at all. What is no
    /// grant is given back once the victim must have stopped: sooner, somebody could come in beside it.
    async fn stolen_as_stored(
        &self,
        stolen: Stolen,
        sent: &super::Record,
        found: Alteration,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Stolen, End> {
        let what = found.to_string();
        if !(found.holder || found.grant || found.renewal || found.endless || found.shorter) {
            report(Progress::Altered(what));
            return Ok(stolen);
        }
        let stored = &stolen.grant.record;
        let Some(holder) = stored.holder().map(str::to_owned) else {
            return Err(End::Altered { what, left: None });
        };
        let left = Some(holder.clone());
        let shields = stored.duration().is_none() || stored.duration() >= sent.duration();
        let now = self.clock.now();
        let stops = match stolen.victim_stops {
            Ok(stops) if stops <= now || shields => stops,
            // It expires by itself, or never does: a person has to decide.
            Ok(_) | Err(NeverExpires) => return Err(End::Altered { what, left }),
        };
        if let Some(victim) = stolen.victim.filter(|_| stops > now) {
            let wait = stops.since(now);
            report(Progress::Outlasting { victim, wait });
        }
        tokio::select! {
            biased;
            _ = limits.interrupt.arrived(1) => return Err(End::Altered { what, left }),
            () = self.clock.sleep_until(stops) => {}
        }
        Err(self.undo(stolen.grant, &found).await)
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
        // Until it is acknowledged the recorded duration is the longer one.
        if let Some(asked) = duration.filter(|asked| Some(*asked) != grant.record.duration()) {
            let until = grant.expires_at();
            grant = self
                .renew_for(&grant, Some(asked), until)
                .await
                .map_err(End::Lost)?;
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
