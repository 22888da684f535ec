//! Wait: until a Lease is as it is to be, by a watch and a timer; nothing of it is taken or written.

use super::super::api::Api;
use super::super::decide::{self, Awaited, Refusal, Seen, WaitStep};
use super::super::evidence::Observation;
use super::super::record::Record;
use super::stamps::TriedOut;
use super::{End, Hint, Limits, OnProgress, Operations, Pause, Progress, Watcher};
use crate::clock::{Clock, Instant};

impl<A: Api, C: Clock> Operations<A, C> {
    /// Waits until the Lease is as `awaited`, and returns it as it was then; of a deleted one the last that was seen of it, if
    /// anything was. What it is instead is told to `standing`.
    ///
    /// # Errors
    /// When there is no such Lease, when it cannot be read, when the limits end it: then without an obstacle.
    pub async fn wait(
        &self,
        awaited: &Awaited,
        limits: &Limits,
        standing: &dyn Fn(&Seen),
        report: OnProgress<'_>,
    ) -> Result<Option<Record>, End> {
        let mut read_at = self.clock.now();
        let mut seen = self.read_patiently(None, limits, report).await?;
        let mut watcher = Watcher::polling(self.clock.now(), limits.deadline);
        let mut dry_runs = Pause::default();
        let (mut first, mut last) = (None, None);
        loop {
            if let Seen::Lease(seen) = &seen {
                first.get_or_insert_with(|| seen.record().clone());
                last = Some(seen.record().clone());
            }
            let stamps = self.stamps.get();
            let now = self.now();
            let step = decide::wait(awaited, first.as_ref(), read_at, &seen, stamps, now);
            log::debug!("decided: {step:?}");
            match step {
                WaitStep::Met => return Ok(last),
                WaitStep::NotFound => return Err(End::Refused(Refusal::NotFound)),
                WaitStep::ReadAgain => {
                    let before = version(&seen);
                    read_at = self.clock.now();
                    seen = self.read_patiently(Some(seen), limits, report).await?;
                    if version(&seen) != before {
                        watcher.distrust();
                    }
                }
                WaitStep::AskVersion => tokio::select! {
                    biased;
                    signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                    () = self.ask_version(limits) => {}
                },
                WaitStep::TryOut(renewal) => {
                    let Seen::Lease(found) = &seen else { continue };
                    let tried = tokio::select! {
                        biased;
                        signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                        tried = self.try_out(found, &renewal, limits) => tried,
                    };
                    seen = match tried {
                        TriedOut::Known(found) => Seen::Lease(found),
                        TriedOut::Changed => {
                            let pause = dry_runs.next(None) / 10;
                            self.clock.sleep_until(self.clock.now() + pause).await;
                            self.read_patiently(Some(seen), limits, report).await?
                        }
                    };
                }
                WaitStep::Wait(until) => {
                    standing(&seen);
                    if limits.once {
                        return Err(End::timed_out(None));
                    }
                    let hint = tokio::select! {
                        biased;
                        signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                        () = self.clock.reached(limits.deadline) => return Err(End::timed_out(None)),
                        hint = self.hint(&seen, until, &mut watcher) => hint,
                    };
                    seen = match hint {
                        None => seen,
                        Some(Hint::Lease(record)) => {
                            let at = self.clock.now();
                            Seen::Lease(match seen {
                                Seen::Lease(seen) => seen.and(record, at, None),
                                Seen::Absent => Observation::first(record, at, None),
                            })
                        }
                        Some(hint @ (Hint::ReadAgain | Hint::Quiet | Hint::Refused)) => {
                            if matches!(hint, Hint::Refused) {
                                report(Progress::Polling);
                            }
                            read_at = self.clock.now();
                            self.hear_again(seen, &mut watcher, limits, report).await?
                        }
                        Some(Hint::Watching) => {
                            report(Progress::Watching);
                            seen
                        }
                    };
                }
            }
        }
    }

    /// What may have changed; `None` when time has passed that proves something, or could.
    async fn hint(
        &self,
        seen: &Seen,
        until: Option<Instant>,
        watcher: &mut Watcher,
    ) -> Option<Hint> {
        let version = version(seen);
        tokio::select! {
            biased;
            () = self.clock.reached(until) => None,
            hint = watcher.hint(&self.api, &self.clock, &version) => Some(hint),
        }
    }
}

/// From where to watch.
fn version(seen: &Seen) -> String {
    match seen {
        Seen::Lease(seen) => seen.record().resource_version().to_owned(),
        Seen::Absent => String::new(),
    }
}
