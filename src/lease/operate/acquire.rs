//! Acquire: waits for the Lease to be free or its holder's expiry proven, and takes it, once.

use std::time::Duration;

use super::super::api::{Api, Fault};
use super::super::decide::{self, AcquireStep, AcquireTerms, Obstacle, Seen, Waiting};
use super::super::evidence::{Expiry, Observation};
use super::super::record::{Alteration, Lease, Record};
use super::release::Returned;
use super::stamps::TriedOut;
use super::write::{Conflicts, Written};
use super::{
    End, Ended, Grant, Held, Hint, Limits, OnProgress, Operations, Pause, Progress, Watcher,
    write_limit,
};
use crate::clock::{Clock, Instant};

/// For so long it is tried to find out what became of a write, or to make it impossible.
const SETTLED_WITHIN: Duration = Duration::from_secs(15);

/// So many refused writes are remembered.
const REMEMBERED: usize = 8;

/// A write that makes a grant.
enum GrantWrite {
    Create(Lease),
    Replace(Record),
}

impl std::ops::Deref for GrantWrite {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        match self {
            Self::Create(lease) => lease,
            Self::Replace(record) => record,
        }
    }
}

/// A write that was sent, and may have been carried out.
struct Attempt {
    written: GrantWrite,
    sent_at: Instant,
    /// It was to replace a grant of the same identity whose process may still run (`--reenter`).
    reenters: bool,
    /// The answer was a no that may hide a success ([`Fault::may_hide_success`]). It is looked for, and not made impossible: what
    /// is held back on the way for longer than that is among the limits (docs/safety.md).
    answered: bool,
    /// The Lease was read since, and showed another grant: only what is held back somewhere can change that.
    looked_for: bool,
}

impl Attempt {
    /// The grant that it has made, as it is in `record` now.
    fn grant(&self, record: &Record) -> Grant {
        Grant {
            reenters: self.reenters,
            ..Grant::new(record.clone(), &self.written, self.sent_at)
        }
    }

    fn made(&self, record: &Record) -> bool {
        // The transitions too: with a clock that stands still, an older grant of this identity has the same time.
        record.holder() == self.written.holder()
            && record.acquire_time() == self.written.acquire_time()
            && record.transitions() == self.written.transitions()
    }

    /// Whether the write could still succeed on top of what was seen, however long ago it was sent: what a closed
    /// connection or a proxy holds back has no time limit.
    fn may_still_happen(&self, seen: &Seen) -> bool {
        if self.answered {
            return false;
        }
        match (&self.written, seen) {
            (GrantWrite::Create(_), Seen::Absent) => true,
            (GrantWrite::Replace(written), Seen::Lease(seen)) => {
                seen.record().uid() == written.uid()
                    && seen.record().resource_version() == written.resource_version()
            }
            (GrantWrite::Create(_), Seen::Lease(_)) | (GrantWrite::Replace(_), Seen::Absent) => {
                false
            }
        }
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
        report: OnProgress<'_>,
        then: impl AsyncFnOnce(Held<'_>) -> Result<T, E>,
    ) -> Result<T, Ended<E>> {
        let grant = self
            .obtain(terms, limits, report)
            .await
            .map_err(Ended::Ungranted)?;
        self.hand_out(&grant, &limits.interrupt, then).await
    }

    /// The bare grant, for [`Operations::acquire`].
    async fn obtain(
        &self,
        terms: &AcquireTerms,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Grant, End> {
        let settled = async {
            let mut attempts = Vec::new();
            match self
                .acquire_loop(terms, limits, report, &mut attempts)
                .await
            {
                Ok(grant) => Ok(grant),
                Err(end) if attempts.iter().all(|one| one.answered && one.looked_for) => Err(end),
                Err(end) => {
                    // Of a refusal nothing is said: it is most likely what it says.
                    if attempts.iter().any(|attempt| !attempt.answered) {
                        report(Progress::Settling);
                    }
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

    async fn acquire_loop(
        &self,
        terms: &AcquireTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Grant, End> {
        let mut reported: Option<Obstacle> = None;
        let mut faults = Pause::default();
        let mut conflicts = Conflicts::default();
        let mut dry_runs = Pause::default();
        let mut seen = self.read_patiently(None, limits, report).await?;
        let mut watcher = Watcher::polling(self.clock.now(), limits.deadline);
        loop {
            if let Some(grant) = self
                .adopt_unacknowledged_write(&seen, attempts, terms, limits, report)
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
                    let written = match step {
                        AcquireStep::Create(lease) => GrantWrite::Create(lease),
                        AcquireStep::Replace(record) => GrantWrite::Replace(record),
                        AcquireStep::Wait(_)
                        | AcquireStep::AskVersion
                        | AcquireStep::TryOut(_)
                        | AcquireStep::Refuse(_) => continue,
                    };
                    let reenters =
                        terms.reenter && matches!(&seen, Seen::Lease(seen) if self.may_run(seen));
                    let attempt = Attempt {
                        written,
                        sent_at: self.clock.now(),
                        reenters,
                        answered: false,
                        looked_for: false,
                    };
                    match self.try_to_write(attempt, attempts).await {
                        Ok((Written::Done(stored), attempt)) => {
                            return self.in_time(attempt.grant(&stored), limits).await;
                        }
                        Ok((Written::Altered(stored, found), attempt)) => {
                            let grant = attempt.grant(&stored);
                            let stored =
                                self.as_stored(grant, &attempt.written, &found, terms, report);
                            let grant = stored.await?;
                            return self.in_time(grant, limits).await;
                        }
                        Ok((Written::Conflict(fault), attempt)) => {
                            let base = attempt.written.resource_version().to_owned();
                            attempts.push(Attempt {
                                answered: true,
                                ..attempt
                            });
                            if matches!(&seen, Seen::Lease(seen) if seen.record().holder().is_some())
                            {
                                // It changed while the watch said nothing.
                                watcher.distrust();
                            }
                            // Others may be faster again and again: many may be after the same Lease.
                            conflicts.settle(self, &base, fault, limits, report).await?;
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
                        since: None,
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
                        Woken::Hint(hint @ (Hint::ReadAgain | Hint::Quiet | Hint::Refused)) => {
                            if matches!(hint, Hint::Refused) {
                                report(Progress::Polling);
                            }
                            let obstacle = &waiting.obstacle;
                            self.hear(seen, obstacle, &mut watcher, limits, report)
                                .await?
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

    /// One write, and what came of it; without an answer that counts it is one of `attempts`.
    async fn try_to_write(
        &self,
        attempt: Attempt,
        attempts: &mut Vec<Attempt>,
    ) -> Result<(Written, Attempt), Fault> {
        match self.write(&attempt.written).await {
            Ok(written) => Ok((written, attempt)),
            Err(fault) => {
                let answered = fault.may_hide_success();
                if answered || fault.leaves_outcome_open() {
                    attempts.push(Attempt {
                        answered,
                        ..attempt
                    });
                }
                Err(fault)
            }
        }
    }

    /// Whether the holder's process may still run.
    fn may_run(&self, seen: &Observation) -> bool {
        let expiry = seen.expiry(self.clock.now(), self.stamps.get());
        matches!(expiry, Expiry::Unproven { .. })
    }

    /// What the server stored instead of what was sent: a grant of another duration that will do, or none at all, and
    /// then what was stored is given back.
    async fn as_stored(
        &self,
        grant: Grant,
        written: &Lease,
        found: &Alteration,
        terms: &AcquireTerms,
        report: OnProgress<'_>,
    ) -> Result<Grant, End> {
        let least = terms.min_duration.or(terms.grant.duration);
        let short = (grant.record.duration())
            .is_none_or(|stored| least.is_some_and(|least| stored < least));
        if !(found.holder || found.grant || found.renewal || found.endless || short) {
            report(Progress::Altered(found.to_string()));
            return Ok(grant);
        }
        if grant.keeps_others_out() {
            return Err(End::Kept(Box::new(End::Altered {
                what: found.to_string(),
                left: grant.record.holder().map(str::to_owned),
            })));
        }
        Err(self.undo(grant, written, found).await)
    }

    /// Gives back what the server stored in place of the grant that `written` is. The answer may be about somebody else's
    /// write, so that what is there is read, and given back only if it is ours.
    pub(super) async fn undo(&self, stored: Grant, written: &Lease, found: &Alteration) -> End {
        let limits = Limits {
            deadline: Some(self.clock.now() + super::ATTEMPT_LIMIT),
            once: false,
            insist: true,
            interrupt: super::Interrupt::never(),
        };
        let left = match self.read_patiently(None, &limits, &|_| ()).await {
            Ok(Seen::Lease(there)) => {
                let there = there.record();
                let as_answered = there.resource_version() == stored.record.resource_version();
                let ours = as_answered || there.is_of_write(written);
                let holder = there.holder().filter(|_| ours).map(str::to_owned);
                let there = Grant {
                    record: there.clone(),
                    ..stored
                };
                match holder {
                    Some(holder) => match self.give_grant_back(&there, &limits).await {
                        Returned::Unsettled(_) => Some(holder),
                        Returned::Freed | Returned::Lost(_) => None,
                    },
                    None => None,
                }
            }
            Ok(Seen::Absent) => None,
            Err(_) => stored.record.holder().map(str::to_owned),
        };
        End::Altered {
            what: found.to_string(),
            left,
        }
    }

    /// A write of ours that turns out to have happened.
    async fn adopt_unacknowledged_write(
        &self,
        seen: &Seen,
        attempts: &mut Vec<Attempt>,
        terms: &AcquireTerms,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Option<Grant>, End> {
        for attempt in attempts.iter_mut() {
            attempt.looked_for = true;
        }
        let Seen::Lease(seen) = seen else {
            return Ok(None);
        };
        let Some(index) = attempts
            .iter()
            .position(|attempt| attempt.made(seen.record()))
        else {
            // What was refused has not happened, then, unless it is held back somewhere: a few are remembered.
            let refused = attempts.iter().filter(|attempt| attempt.answered).count();
            let mut forgotten = refused.saturating_sub(REMEMBERED);
            attempts.retain(|attempt| {
                let forget = attempt.answered && forgotten > 0;
                forgotten -= usize::from(forget);
                !forget
            });
            return Ok(None);
        };
        let attempt = attempts.swap_remove(index);
        // No other write of ours can follow: each was sent on top of a state that is gone.
        attempts.clear();
        let mut grant = attempt.grant(seen.record());
        if let Some(found) = seen.record().alteration(&attempt.written)
            && (found.shorter || found.endless)
        {
            let stored = self.as_stored(grant, &attempt.written, &found, terms, report);
            grant = stored.await?;
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
                since: None,
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
                Err(End::TimedOut { obstacle: None, at_most: None, fault: None, since: None })
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
        let limit = write_limit(None);
        let mut pause = Pause::default();
        loop {
            let fault = match self.read(None, limit).await {
                Ok(seen) => {
                    if let Seen::Lease(found) = &seen
                        && let Some(attempt) =
                            attempts.iter().find(|attempt| attempt.made(found.record()))
                    {
                        return self.give_back(&attempt.grant(found.record()), end).await;
                    }
                    let open = attempts
                        .iter()
                        .find(|attempt| attempt.may_still_happen(&seen));
                    let Some(open) = open else { return end };
                    if open.reenters || open.written.victim().is_some() {
                        // To carry it out and give it back would let somebody in beside the earlier process.
                        return End::Kept(Box::new(end));
                    }
                    // The same once more, to be given back: only one of the two can be stored on top of the same version.
                    match self.write(&open.written).await {
                        Ok(Written::Done(stored) | Written::Altered(stored, _)) => {
                            return self.give_back(&open.grant(&stored), end).await;
                        }
                        // It happened just now, or somebody else came.
                        Ok(Written::Conflict(fault)) | Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            // Where they were all refused, there is hardly anything to learn.
            let hopeless = !fault.is_transient() && attempts.iter().all(|attempt| attempt.answered);
            if hopeless
                && fault.is_of_credentials()
                && matches!(&end, End::Fault(write) if write.is_of_credentials())
            {
                return end;
            }
            if hopeless || self.clock.now() >= give_up_at {
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

    async fn write(&self, sent: &GrantWrite) -> Result<Written, Fault> {
        let limit = write_limit(sent.duration());
        match sent {
            GrantWrite::Create(lease) => self.post(lease, Lease::alteration, limit).await,
            GrantWrite::Replace(record) => self.replace(record, limit).await,
        }
    }
}

enum Woken {
    /// Time has passed that proves something, or could.
    Due,
    Hint(Hint),
}
