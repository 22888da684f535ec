//! Acquire: waits for the Lease to be free or its holder's expiry proven, and takes it, once.

mod advance;
mod attempt;
mod settle;
pub mod slots;
mod stored;

use tokio::sync::watch;

use super::super::api::Api;
use super::super::decide::{self, AcquireStep, AcquireTerms, Obstacle, Seen, Waiting};
use super::super::evidence::{Expiry, Observation};
use super::super::record::Record;
use super::queue::{Gate, Line, Standing};
use super::{End, Ended, Grant, Held, Hint, Limits, OnProgress, Operations, Progress, Watcher};
use crate::clock::Clock;
use advance::{Advanced, Tried, Want};

impl<A: Api, C: Clock> Operations<A, C> {
    /// Acquires the Lease, waiting within `limits`, and hands the grant to `then`: it is kept only if that ends well.
    ///
    /// # Errors
    /// Whatever the end, nothing is left held, or the error says so: a write whose reply is missing is settled first, and
    /// a grant that turns out to be ours, or that `then` has no use for, is released.
    pub async fn acquire<T, E>(
        &self,
        terms: &AcquireTerms,
        line: Option<&Line<A, C>>,
        limits: &Limits,
        report: OnProgress<'_>,
        then: impl AsyncFnOnce(Held<'_>) -> Result<T, E>,
    ) -> Result<T, Ended<E>> {
        let interrupt = &limits.interrupt;
        let standing = line.map(Line::standing);
        // In boxes: what a hold does is large, and would be on the stack once more for each way to get here.
        let obtaining = self.obtain_in_turn(terms, None, standing.as_ref(), limits, report);
        let grant = match Box::pin(obtaining).await {
            Ok(grant) => grant,
            Err(end) => {
                if let Some(standing) = standing {
                    standing.leave(interrupt).await;
                }
                return Err(Ended::Ungranted(end));
            }
        };
        let handing_out = Box::pin(self.hand_out(&grant, interrupt, then));
        match standing {
            Some(standing) => standing.leave_beside(handing_out).await,
            None => handing_out.await,
        }
    }

    /// The bare grant, for [`Operations::acquire`]; where a place in line is kept, in its turn. What was seen `before` counts as far
    /// as it is unchanged when it is read. Whoever gets it leaves the line.
    pub(super) async fn obtain_in_turn(
        &self,
        terms: &AcquireTerms,
        before: Option<Seen>,
        standing: Option<&Standing<'_, A, C>>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Grant, End> {
        let Some(standing) = standing else {
            return self.obtain(terms, before, None, limits, report).await;
        };
        let (withdraw, withdrawn) = watch::channel(false);
        let within = Limits {
            interrupt: limits.interrupt.clone().or(withdrawn),
            ..limits.clone()
        };
        let obtaining = self.obtain(terms, before, Some(&standing.gate), &within, report);
        standing.during(obtaining, &withdraw, limits, report).await
    }

    async fn obtain(
        &self,
        terms: &AcquireTerms,
        before: Option<Seen>,
        gate: Option<&Gate>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Grant, End> {
        let settled = async {
            let mut tried = Tried::default();
            let acquired = self
                .acquire_loop(terms, before, gate, limits, report, &mut tried)
                .await;
            let attempts = tried.attempts;
            match acquired {
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
            signal = limits.interrupt.insisted() => Err(End::Unsettled {
                end: Box::new(End::Interrupted(signal)),
                fault: None,
            }),
        }
    }

    async fn acquire_loop(
        &self,
        terms: &AcquireTerms,
        before: Option<Seen>,
        gate: Option<&Gate>,
        limits: &Limits,
        report: OnProgress<'_>,
        tried: &mut Tried,
    ) -> Result<Grant, End> {
        let want = Want {
            terms,
            limits,
            report,
        };
        let mut reported: Option<Obstacle> = None;
        let mut seen = self.read_patiently(before, limits, report).await?;
        let mut watcher = Watcher::polling(self.clock.now(), limits.deadline);
        loop {
            if let Some(grant) = self
                .adopt_unacknowledged_write(&seen, &mut tried.attempts, terms, limits, report)
                .await?
            {
                return Ok(grant);
            }
            let step = decide::acquire(terms, &seen, self.stamps.get(), self.now());
            let step = match gate {
                Some(gate) => gate.pass(step, terms, &seen, self.clock.now()),
                None => step,
            };
            log::debug!("decided: {step}");
            match step {
                AcquireStep::Wait(waiting) => {
                    tried.conflicts.over();
                    let at_most = waiting.expired_at.map(|at| at.since(self.clock.now()));
                    let timed_out = End::TimedOut {
                        obstacle: Some(waiting.obstacle.clone()),
                        at_most,
                        fault: None,
                        since: None,
                    };
                    let in_line = matches!(waiting.obstacle, Obstacle::InLine(_));
                    // Whether it is one's turn the line finds out.
                    if limits.once && !in_line {
                        return Err(timed_out);
                    }
                    if !is_undecided(&waiting) && reported.as_ref() != Some(&waiting.obstacle) {
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
                        signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                        () = self.clock.reached(limits.deadline) => return Err(timed_out),
                        () = turned(gate) => Woken::Due,
                        // Whether one has to wait at all may show with the next answer.
                        woken = self.change(&waiting, &seen, &mut watcher), if !is_undecided(&waiting) => woken,
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
                step => match self.advance(step, seen, &want, tried).await? {
                    Advanced::Granted(grant) => return Ok(grant),
                    Advanced::Seen {
                        seen: next,
                        unheard,
                    } => {
                        seen = next;
                        if unheard {
                            // It changed while the watch said nothing.
                            watcher.distrust();
                        }
                    }
                },
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
            () = self.clock.reached(waiting.expired_at) => Woken::Due,
            () = self.clock.reached(waiting.try_out_at) => Woken::Due,
            hint = watcher.hint(&self.api, &self.clock, &resource_version) => Woken::Hint(hint),
        }
    }

    /// What is known after a watch event.
    fn glimpsed(&self, seen: Seen, record: Record) -> Seen {
        let at = self.clock.now();
        match seen {
            Seen::Lease(seen) => Seen::Lease(seen.and(record, at, None)),
            Seen::Absent => Seen::Lease(Observation::first(record, at, None)),
        }
    }

    /// Whether the holder's process may still run.
    fn may_run(&self, seen: &Observation) -> bool {
        let expiry = seen.expiry(self.clock.now(), self.stamps.get());
        matches!(expiry, Expiry::Unproven { .. })
    }

    /// Hands out a grant only if it was wanted until now and has most of its time left.
    async fn in_time(&self, grant: Grant, limits: &Limits) -> Result<Grant, End> {
        let now = self.clock.now();
        let end = match (limits.interrupt.received(), limits.deadline) {
            (Some(signal), _) => Some(End::Interrupted(signal)),
            (None, Some(deadline)) if !limits.once && now >= deadline => Some(End::timed_out(None)),
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
            signal = limits.interrupt.arrived() => Err(End::Interrupted(signal)),
            () = self.clock.reached(limits.deadline.filter(|_| !limits.once)) => {
                Err(End::timed_out(None))
            }
            renewed = self.renew_until(&fresh, fresh.expires_at()) => renewed.map_err(End::Lost),
        };
        match renewed {
            Ok(renewed) => Ok(renewed),
            Err(end) => Err(self.give_back(&grant, end).await),
        }
    }
}

/// Whether it is not known yet if others stand in line.
pub(super) fn is_undecided(waiting: &Waiting) -> bool {
    waiting.obstacle == Obstacle::InLine(0)
}

/// Returns once it may be the caller's turn.
pub(super) async fn turned(gate: Option<&Gate>) {
    match gate {
        Some(gate) => gate.turned().await,
        None => std::future::pending().await,
    }
}

enum Woken {
    /// Time has passed that proves something, or could.
    Due,
    Hint(Hint),
}
