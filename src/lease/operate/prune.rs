//! Prune: deletes a Lease whose holder is proven to be gone, as it was observed; whoever renews it meanwhile keeps it.

use std::time::Duration;

use super::super::api::Api;
use super::super::decide::{self, Seen, WaitStep};
use super::super::evidence::Observation;
use super::stamps::TriedOut;
use super::{Deleted, End, Interrupt, Limits, OnProgress, Operations};
use crate::clock::{Clock, Instant};

/// Labels may be edited meanwhile, so often.
const TRIES: u32 = 5;

/// What came of it.
#[derive(Clone, Debug)]
pub enum Pruned {
    /// It is deleted.
    Done,
    /// It was gone before.
    Absent,
    /// It has been renewed, or granted anew, so that it is left.
    Renewed,
    /// Only watching for this long would prove that nobody renews it, which is more than there is time for.
    Unproven(Duration),
}

/// For how long.
#[derive(Clone)]
pub struct Patience {
    /// Until when its expiry may be proven.
    pub proof: Instant,
    /// How long a deletion is tried.
    pub deletion: Duration,
    /// Ctrl-C and its kin.
    pub interrupt: Interrupt,
    /// What ends the wait for a proof, and nothing that was sent.
    pub waiting: Interrupt,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Deletes the Lease that was `seen` once its expiry is proven. `watches` is told until when nothing but time is waited for.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked, or a signal ends it.
    pub async fn prune(
        &self,
        mut seen: Observation,
        patience: &Patience,
        watches: &dyn Fn(),
        report: OnProgress<'_>,
    ) -> Result<Pruned, End> {
        let mut tries = 0;
        loop {
            let limits = Limits {
                deadline: Some(self.clock.now() + patience.deletion),
                once: false,
                insist: false,
                interrupt: patience.interrupt.clone(),
            };
            if let Some(signal) = patience.waiting.received() {
                return Err(End::Interrupted(signal));
            }
            let step = decide::proof(&seen, self.stamps.get(), self.now());
            log::debug!("decided on {}: {step:?}", seen.record().name());
            let found = match step {
                WaitStep::Met => match self.delete(seen.record(), false, &limits, report).await? {
                    Deleted::Done => return Ok(Pruned::Done),
                    Deleted::Absent => return Ok(Pruned::Absent),
                    Deleted::Changed(found) => found,
                },
                WaitStep::AskVersion => {
                    self.ask_version(&limits).await;
                    continue;
                }
                WaitStep::TryOut(renewal) => match self.try_out(&seen, &renewal, &limits).await {
                    TriedOut::Known(known) => {
                        seen = known;
                        continue;
                    }
                    TriedOut::Changed => self.read_patiently(None, &limits, report).await?,
                },
                WaitStep::Wait(Some(until)) if until <= patience.proof => {
                    watches();
                    tokio::select! {
                        biased;
                        signal = patience.waiting.arrived() => return Err(End::Interrupted(signal)),
                        () = self.clock.sleep_until(until) => continue,
                    }
                }
                WaitStep::Wait(Some(_)) => {
                    let duration = seen.record().duration();
                    let span = duration.map_or(Duration::MAX, |duration| duration.as_duration());
                    return Ok(Pruned::Unproven(span));
                }
                // It is free, or never expires: nobody has asked for that.
                WaitStep::Wait(None) | WaitStep::ReadAgain | WaitStep::NotFound => {
                    return Ok(Pruned::Renewed);
                }
            };
            let Seen::Lease(found) = found else {
                return Ok(Pruned::Absent);
            };
            tries += 1;
            let (before, now) = (seen.record(), found.record());
            if tries > TRIES || !decide::is_as_judged(before, now) {
                return Ok(Pruned::Renewed);
            }
            // Something else of it has changed, which makes nobody alive: what was watched counts.
            let now = now.clone();
            seen = seen.confirmed(now, self.clock.now(), None);
        }
    }
}
