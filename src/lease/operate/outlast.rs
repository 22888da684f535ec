//! Outlast: what is done with a Lease that was stolen, until whoever held it must have stopped.

use std::time::Duration;

use super::super::api::Api;
use super::super::decide::NeverExpires;
use super::super::record::{Alteration, Record};
use super::super::values::LeaseDuration;
use super::steal::Stolen;
use super::{End, Grant, Limits, OnProgress, Operations, Progress, unsettled};
use crate::clock::{Clock, Instant};

impl Stolen {
    /// The grant of whoever does not wait. As long as the victim may still run, it is not given back by itself: that would
    /// let a third one in beside both.
    pub fn without_waiting(self, now: Instant) -> Grant {
        let may_run =
            self.victim.is_some() && !matches!(self.victim_stops, Ok(stops) if stops <= now);
        Grant {
            reenters: may_run,
            ..self.grant
        }
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Hands a Lease out that was taken only if most of its time is left. Where the answer was slow, or this process did not
    /// run meanwhile, a renewal that succeeds proves that nobody has taken it since.
    pub(super) async fn in_hand(&self, stolen: Stolen, limits: &Limits) -> Result<Stolen, End> {
        let now = self.clock.now();
        let grant = &stolen.grant;
        if now.since(grant.sent_at) < grant.duration().as_duration() / 2 {
            return Ok(stolen);
        }
        let fresh = Grant {
            sent_at: now,
            ..grant.clone()
        };
        let grant = tokio::select! {
            biased;
            signal = limits.interrupt.arrived(1) => return Err(unsettled(End::Interrupted(signal))),
            renewed = self.renew_until(&fresh, fresh.expires_at()) => renewed.map_err(End::Lost)?,
        };
        Ok(Stolen { grant, ..stolen })
    }

    /// What the server stored instead of what was sent: a grant whose duration is the server's, or none at all. What is no
    /// grant is given back once the victim must have stopped: sooner, somebody could come in beside it.
    pub(super) async fn stolen_as_stored(
        &self,
        stolen: Stolen,
        sent: &Record,
        found: Alteration,
        limits: &Limits,
        report: OnProgress<'_>,
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
        Err(self.undo(stolen.grant, sent, &found).await)
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
        report: OnProgress<'_>,
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
                    let renewal = self.renew_until(&grant, grant.expires_at());
                    grant = tokio::select! {
                        biased;
                        signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                        renewed = self.audibly(grant.sent_at, report, renewal) => renewed.map_err(End::Lost)?,
                    };
                }
            }
        }
        // Until it is acknowledged the recorded duration is the longer one. That nobody else runs is recorded too.
        let other = duration.filter(|asked| Some(*asked) != grant.record.duration());
        let shielding =
            (grant.record.victim().is_some()).then(|| duration.unwrap_or(grant.duration()));
        if let Some(asked) = other.or(shielding) {
            let until = grant.expires_at();
            grant = tokio::select! {
                biased;
                signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                renewed = self.renew_for(&grant, Some(asked), until) => renewed.map_err(End::Lost)?,
            };
        }
        // The caller begins with a full duration.
        if self.clock.now().since(grant.sent_at) > Duration::from_secs(1) {
            grant = tokio::select! {
                biased;
                signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                renewed = self.renew_until(&grant, grant.expires_at()) => renewed.map_err(End::Lost)?,
            };
        }
        Ok(grant)
    }
}
