//! Acquire: waits for the Lease to be free or its holder's expiry proven, and takes it, once.

use std::time::Duration;

use super::super::api::{Api, Fault};
use super::super::decide::{self, AcquireStep, AcquireTerms, Obstacle, Seen, Waiting};
use super::super::record::{Alteration, Record};
use super::super::values::LeaseDuration;
use super::release::Returned;
use super::stamps::TriedOut;
use super::write::{Conflicts, Written};
use super::{
    End, Ended, Grant, Held, Hint, Limits, Operations, Pause, Progress, Report, Watcher,
    write_limit,
};
use crate::clock::{Clock, Instant};

/// For so long it is tried to find out what became of a write, or to make it impossible.
const SETTLED_WITHIN: Duration = Duration::from_secs(15);

/// A write that was sent and whose reply did not arrive.
struct Attempt {
    written: Record,
    sent_at: Instant,
    /// It was to replace a grant of the same identity whose process may still run (`--reenter`).
    reenters: bool,
}

impl Attempt {
    fn made(&self, record: &Record) -> bool {
        // The transitions too: with a clock that stands still, an older grant of this identity has the same time.
        record.holder() == self.written.holder()
            && record.acquire_time() == self.written.acquire_time()
            && record.transitions() == self.written.transitions()
    }

    /// Whether the write could still succeed on top of what was seen, however long ago it was sent: what a closed
    /// connection or a proxy holds back has no time limit.
    fn may_still_happen(&self, seen: &Seen) -> bool {
        match seen {
            Seen::Absent => self.creates(),
            Seen::Lease(seen) => {
                seen.record().uid() == self.written.uid()
                    && seen.record().resource_version() == self.written.resource_version()
            }
        }
    }

    fn creates(&self) -> bool {
        self.written.uid().is_empty()
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Acquires the Lease, waiting within `limits`, and hands the grant to `then`: it is kept only if that ends well.
    ///
    /// # Errors
    /// Whatever the end, nothing is left held, or the error says so: a write whose reply is missing is settled first, and
    /// a grant that turns out to be ours, or that `then` has no use for, is released.
    pub async fn acquire<T, E>(
        &self,
        terms: &AcquireTerms,
        limits: &Limits,
        report: Report<'_>,
        then: impl AsyncFnOnce(Held<'_>) -> Result<T, E>,
    ) -> Result<T, Ended<E>> {
        let grant = self
            .obtain(terms, limits, report)
            .await
            .map_err(Ended::Ungranted)?;
        self.hand_out(&grant, true, &limits.interrupt, then).await
    }

    /// The bare grant, for [`Operations::acquire`] and the model.
    pub(super) async fn obtain(
        &self,
        terms: &AcquireTerms,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Grant, End> {
        let settled = async {
            let mut attempts = Vec::new();
            match self.strive(terms, limits, report, &mut attempts).await {
                Ok(grant) => Ok(grant),
                Err(end) if attempts.is_empty() => Err(end),
                Err(end) => {
                    report(Progress::Settling);
                    Err(self.settle(attempts, end).await)
                }
            }
        };
        tokio::select! {
            biased;
            result = settled => result,
            // Asked twice: go at once, and say what is left open.
            signal = limits.interrupt.arrived(2) => Err(End::Unsettled {
                end: Box::new(End::Interrupted(signal)),
                fault: None,
            }),
        }
    }

    async fn strive(
        &self,
        terms: &AcquireTerms,
        limits: &Limits,
        report: Report<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Grant, End> {
        let mut watcher = Watcher::polling();
        let mut reported: Option<Obstacle> = None;
        let mut faults = Pause::default();
        let mut conflicts = Conflicts::default();
        let mut dry_runs = Pause::default();
        let mut seen = self.read_patiently(None, limits, report).await?;
        loop {
            if let Some(grant) = self
                .recognised(&seen, attempts, terms, limits, report)
                .await?
            {
                return Ok(grant);
            }
            let step = decide::acquire(terms, &seen, self.stamps.get(), self.now());
            log::debug!("decided: {step}");
            match step {
                AcquireStep::Refuse(refusal) => return Err(End::Refused(refusal)),
                AcquireStep::AskVersion => tokio::select! {
                    biased;
                    signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                    () = self.ask_version(limits) => {}
                },
                AcquireStep::TryOut(takeover) => {
                    let Seen::Lease(found) = &seen else { continue };
                    let tried = tokio::select! {
                        biased;
                        signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                        tried = self.try_out(found, &takeover, limits) => tried,
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
                step @ (AcquireStep::Create(_) | AcquireStep::Replace(_)) => {
                    if let Some(signal) = limits.interrupt.received() {
                        return Err(End::Interrupted(signal));
                    }
                    let creating = matches!(step, AcquireStep::Create(_));
                    let (AcquireStep::Create(written) | AcquireStep::Replace(written)) = step
                    else {
                        continue;
                    };
                    let reenters = terms.reenter
                        && matches!(&seen, Seen::Lease(seen) if seen.record().holder().is_some());
                    let write = self.try_to_write(&written, creating, attempts);
                    let tried = write.await;
                    if let (Err(fault), Some(last)) = (&tried, attempts.last_mut())
                        && fault.leaves_outcome_open()
                    {
                        last.reenters = reenters;
                    }
                    match tried {
                        Ok((Written::Done(stored), sent_at)) => {
                            let grant = Grant::new(stored, &written, sent_at);
                            return self.in_time(grant, limits).await;
                        }
                        Ok((Written::Altered(stored, found), sent_at)) => {
                            let grant = Grant::new(stored, &written, sent_at);
                            let grant = self.as_stored(grant, &found, terms, report).await?;
                            return self.in_time(grant, limits).await;
                        }
                        Ok((Written::Conflict(fault), _)) => {
                            if matches!(&seen, Seen::Lease(seen) if seen.record().holder().is_some())
                            {
                                // It changed while the watch said nothing.
                                watcher.distrust();
                            }
                            // Others may be faster again and again: many may be after the same Lease.
                            conflicts
                                .settle(self, written.resource_version(), fault, limits, report)
                                .await?;
                        }
                        Err(fault) => self.pause_after(fault, &mut faults, limits, report).await?,
                    }
                    seen = self.read_patiently(Some(seen), limits, report).await?;
                }
                AcquireStep::Wait(waiting) => {
                    conflicts.over();
                    let at_most = waiting.expired_at.map(|at| at.since(self.clock.now()));
                    let timed_out = End::TimedOut {
                        obstacle: Some(waiting.obstacle.clone()),
                        at_most,
                        fault: None,
                    };
                    if limits.once {
                        return Err(timed_out);
                    }
                    if reported.as_ref() != Some(&waiting.obstacle) {
                        reported = Some(waiting.obstacle.clone());
                        report(Progress::Waiting {
                            obstacle: waiting.obstacle.clone(),
                            reason: match &seen {
                                Seen::Lease(seen) => seen.record().reason().map(str::to_owned),
                                Seen::Absent => None,
                            },
                            at_most,
                        });
                    }
                    let woken = tokio::select! {
                        biased;
                        signal = limits.interrupt.arrived(1) => return Err(End::Interrupted(signal)),
                        () = self.reached(limits.deadline) => return Err(timed_out),
                        woken = self.change(&waiting, &seen, &mut watcher) => woken,
                    };
                    seen = match woken {
                        Woken::Due => seen,
                        Woken::Hint(Hint::Lease(record)) => self.glimpsed(seen, record),
                        Woken::Hint(Hint::ReadAgain) => {
                            self.read_patiently(Some(seen), limits, report).await?
                        }
                        Woken::Hint(Hint::Refused) => {
                            report(Progress::Polling);
                            self.read_patiently(Some(seen), limits, report).await?
                        }
                        Woken::Hint(Hint::Watching) => {
                            report(Progress::Watching);
                            seen
                        }
                    };
                }
            }
        }
    }

    /// Waits until there may be something to do.
    async fn change(&self, waiting: &Waiting, seen: &Seen, watcher: &mut Watcher) -> Woken {
        let resource_version = match seen {
            Seen::Lease(seen) => seen.record().resource_version().to_owned(),
            Seen::Absent => String::new(),
        };
        tokio::select! {
            biased;
            () = self.reached(waiting.expired_at) => Woken::Due,
            () = self.reached(waiting.try_out_at) => Woken::Due,
            hint = watcher.hint(&self.api, &self.clock, &resource_version) => Woken::Hint(hint),
        }
    }

    /// What is known after a watch event.
    fn glimpsed(&self, seen: Seen, record: Record) -> Seen {
        let at = self.clock.now();
        match seen {
            Seen::Lease(seen) => Seen::Lease(seen.and(record, at, None)),
            Seen::Absent => Seen::Lease(super::Observation::first(record, at, None)),
        }
    }

    /// One write, and when it was sent.
    async fn try_to_write(
        &self,
        record: &Record,
        creating: bool,
        attempts: &mut Vec<Attempt>,
    ) -> Result<(Written, Instant), Fault> {
        let sent_at = self.clock.now();
        let limit = write_limit(record.duration());
        let answer = if creating {
            self.post(record, false, false, limit).await
        } else {
            self.replace(record, limit).await
        };
        match answer {
            Ok(written) => Ok((written, sent_at)),
            Err(fault) => {
                if fault.leaves_outcome_open() {
                    attempts.push(Attempt {
                        written: record.clone(),
                        sent_at,
                        reenters: false,
                    });
                }
                Err(fault)
            }
        }
    }

    /// What the server stored instead of what was sent: a grant of another duration that will do, or none at all, and
    /// then what was stored is given back.
    async fn as_stored(
        &self,
        grant: Grant,
        found: &Alteration,
        terms: &AcquireTerms,
        report: Report<'_>,
    ) -> Result<Grant, End> {
        let least = terms.least_duration.or(terms.grant.duration);
        let short = (grant.record.duration())
            .is_none_or(|stored| least.is_some_and(|least| stored < least));
        if !(found.holder || found.grant || found.renewal || found.endless || short) {
            report(Progress::Altered(found.to_string()));
            return Ok(grant);
        }
        Err(self.undo(grant, found).await)
    }

    /// Gives back what the server stored in place of a grant.
    pub(super) async fn undo(&self, stored: Grant, found: &Alteration) -> End {
        let mut end = End::Altered {
            what: found.to_string(),
            left: None,
        };
        let limits = Limits {
            deadline: Some(self.clock.now() + super::ATTEMPT_LIMIT),
            once: false,
            insist: true,
            interrupt: super::Interrupt::never(),
        };
        if let Some(holder) = stored.record.holder()
            && let Returned::Unsettled(_) = self.give_grant_back(&stored, &limits).await
        {
            end = End::Altered {
                what: found.to_string(),
                left: Some(holder.to_owned()),
            };
        }
        end
    }

    /// A write of ours that turns out to have happened.
    async fn recognised(
        &self,
        seen: &Seen,
        attempts: &mut Vec<Attempt>,
        terms: &AcquireTerms,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Option<Grant>, End> {
        let Seen::Lease(seen) = seen else {
            return Ok(None);
        };
        let Some(index) = attempts
            .iter()
            .position(|attempt| attempt.made(seen.record()))
        else {
            return Ok(None);
        };
        let attempt = attempts.swap_remove(index);
        // No other write of ours can follow: each was sent on top of a state that is gone.
        attempts.clear();
        let mut grant = Grant::new(seen.record().clone(), &attempt.written, attempt.sent_at);
        if let Some(found) = seen.record().alteration(&attempt.written)
            && (found.shorter || found.endless)
        {
            grant = self.as_stored(grant, &found, terms, report).await?;
        }
        self.in_time(grant, limits).await.map(Some)
    }

    /// Hands out a grant only if it was wanted until now and has most of its time left.
    async fn in_time(&self, grant: Grant, limits: &Limits) -> Result<Grant, End> {
        let now = self.clock.now();
        let end = match (limits.interrupt.received(), limits.deadline) {
            (Some(signal), _) => Some(End::Interrupted(signal)),
            (None, Some(deadline)) if !limits.once && now >= deadline => Some(End::TimedOut {
                obstacle: None,
                at_most: None,
                fault: None,
            }),
            _ => None,
        };
        if let Some(end) = end {
            return Err(self.give_back(&grant, end).await);
        }
        if now.since(grant.sent_at) < grant.duration().as_duration() / 2 {
            return Ok(grant);
        }
        // The answer was slow: begin with a full duration, or not at all. Nothing runs under this grant yet, so its age
        // does not matter: a renewal that succeeds proves that nobody has taken it meanwhile.
        let fresh = Grant {
            sent_at: now,
            ..grant.clone()
        };
        let renewed = tokio::select! {
            biased;
            signal = limits.interrupt.arrived(1) => Err(End::Interrupted(signal)),
            () = self.reached(limits.deadline.filter(|_| !limits.once)) => {
                Err(End::TimedOut { obstacle: None, at_most: None, fault: None })
            }
            renewed = self.renew_until(&fresh, fresh.expires_at()) => renewed.map_err(End::Lost),
        };
        match renewed {
            Ok(renewed) => Ok(renewed),
            Err(end) => Err(self.give_back(&grant, end).await),
        }
    }

    /// Finds out what became of the writes whose replies are missing, and gives back what turns out to be ours. What
    /// may still happen is made impossible.
    async fn settle(&self, attempts: Vec<Attempt>, end: End) -> End {
        let give_up_at = self.clock.now() + SETTLED_WITHIN;
        let limit = write_limit(LeaseDuration::from_secs(6));
        let mut pause = Pause::default();
        loop {
            let fault = match self.read(None, limit).await {
                Ok(seen) => {
                    if let Seen::Lease(found) = &seen
                        && let Some(attempt) =
                            attempts.iter().find(|attempt| attempt.made(found.record()))
                    {
                        let grant =
                            Grant::new(found.record().clone(), &attempt.written, attempt.sent_at);
                        return self.give_back(&grant, end).await;
                    }
                    let open = attempts
                        .iter()
                        .find(|attempt| attempt.may_still_happen(&seen));
                    let Some(open) = open else { return end };
                    if open.reenters {
                        // To carry it out and give it back would let somebody in beside the earlier process.
                        return End::Unsettled {
                            end: Box::new(end),
                            fault: None,
                        };
                    }
                    let sent_at = self.clock.now();
                    match self.write_again(open).await {
                        Ok(Written::Done(stored) | Written::Altered(stored, _)) => {
                            let grant = Grant::new(stored, &open.written, sent_at);
                            return self.give_back(&grant, end).await;
                        }
                        // It happened just now, or somebody else came.
                        Ok(Written::Conflict(fault)) | Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            if self.clock.now() >= give_up_at {
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

    /// The same write once more, to be given back: only one of the two can be stored on top of the same version.
    async fn write_again(&self, attempt: &Attempt) -> Result<Written, Fault> {
        let limit = write_limit(attempt.written.duration());
        if attempt.creates() {
            self.post(&attempt.written, false, false, limit).await
        } else {
            self.replace(&attempt.written, limit).await
        }
    }
}

enum Woken {
    /// Time has passed that proves something, or could.
    Due,
    Hint(Hint),
}
