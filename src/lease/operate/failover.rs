//! Failover: a Lease that was taken from its holder is given back once that has stopped, and watched until somebody has it.

use super::super::api::Api;
use super::super::decide::{Loss, Seen};
use super::super::evidence::Observation;
use super::super::record::Record;
use super::guard::GIVEN_BACK_WITHIN;
use super::steal::Stolen;
use super::{End, Hint, Limits, OnProgress, Operations, Progress, Returned, Watcher};
use crate::clock::{Clock, Instant};

/// A Lease whose holder has stepped down.
#[derive(Clone, Debug)]
pub struct SteppedDown {
    /// As it was freed; by us or, if our reply was lost, as whoever came next made it.
    pub record: Record,
    /// The grant that it was freed from: where there is another, somebody has had it since.
    pub taken: Record,
    /// When it was taken from its holder.
    pub taken_at: Instant,
    /// When it was free.
    pub freed_at: Instant,
    /// The signal that has come meanwhile.
    pub signal: Option<i32>,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Waits until whoever had it must have stopped, keeping it renewed, and frees it for the next. A first signal does not end
    /// that: given up half-way it would keep everybody out until it expires.
    ///
    /// # Errors
    /// When it is lost meanwhile or cannot be released. A second signal leaves it held, because freeing it would let somebody in
    /// beside the victim.
    pub async fn step_down(
        &self,
        mut stolen: Stolen,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<SteppedDown, End> {
        let (taken_at, taken) = (stolen.grant.sent_at, stolen.grant.clone());
        let stops = stolen.stops();
        let patient = Limits {
            deadline: None,
            once: false,
            insist: true,
            interrupt: limits.interrupt.patient(),
        };
        let waited = {
            let mut waiting = std::pin::pin!(self.wait_until_alone(&mut stolen, &patient, report));
            tokio::select! {
                biased;
                waited = &mut waiting => waited,
                _ = limits.interrupt.arrived() => {
                    let wait = stops.since(self.clock.now());
                    report(Progress::Finishing { wait });
                    waiting.await
                }
            }
        };
        match waited {
            Ok(()) => {}
            // No renewal was acknowledged for the whole duration, so that its time is most likely over too. It may still stand
            // there as ours.
            Err(End::Lost(Loss::Deadline { .. })) if stolen.grant.is_alone(self.clock.now()) => {}
            Err(end @ End::Interrupted(_)) => return Err(End::Kept(Box::new(end))),
            Err(end) => {
                let grant = &stolen.grant;
                return Err(self.lost_unused(grant, end, &patient.interrupt).await);
            }
        }
        let soon = Limits {
            deadline: Some(self.clock.now() + GIVEN_BACK_WITHIN),
            ..patient
        };
        let interrupt = soon.interrupt.clone();
        let held = &stolen.grant;
        let record = match self.give_grant_back(held, &soon, report).await {
            Returned::Freed(record) => record,
            Returned::Lost(loss) => {
                return Err(self.lost_unused(held, End::Lost(loss), &interrupt).await);
            }
            Returned::Unsettled(end) => return Err(end),
        };
        Ok(SteppedDown {
            record,
            taken: taken.record,
            taken_at,
            freed_at: self.clock.now(),
            signal: limits.interrupt.received(),
        })
    }

    /// Watches the Lease, which was `known` like this, until it is as `wanted`; by reads where it cannot be watched.
    ///
    /// # Errors
    /// When that does not come within the limits.
    pub async fn await_record(
        &self,
        known: Record,
        limits: &Limits,
        report: OnProgress<'_>,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Record, End> {
        let now = self.clock.now();
        let mut seen = Seen::Lease(Observation::first(known, now, None));
        let mut watcher = Watcher::polling(now, limits.deadline);
        loop {
            let resource_version = match &seen {
                Seen::Lease(found) if wanted(found.record()) => return Ok(found.record().clone()),
                Seen::Lease(found) => found.record().resource_version().to_owned(),
                // Its candidates make it anew.
                Seen::Absent => String::new(),
            };
            if limits.once {
                return Err(End::timed_out(None));
            }
            let hint = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                hint = watcher.hint(&self.api, &self.clock, &resource_version) => hint,
                () = self.clock.reached(limits.deadline) => return Err(End::timed_out(None)),
            };
            seen = match hint {
                Hint::Lease(record) => {
                    let at = self.clock.now();
                    match seen {
                        Seen::Lease(before) => Seen::Lease(before.and(record, at, None)),
                        Seen::Absent => Seen::Lease(Observation::first(record, at, None)),
                    }
                }
                Hint::ReadAgain | Hint::Quiet | Hint::Refused => {
                    if matches!(hint, Hint::Refused) {
                        report(Progress::Polling);
                    }
                    let asked_at = self.clock.now();
                    let read = self.read_patiently(Some(seen), limits, report).await?;
                    watcher.answered(asked_at);
                    read
                }
                Hint::Watching => {
                    report(Progress::Watching);
                    seen
                }
            };
        }
    }
}
