//! Acquire, of several Leases one: waits for all of them at once, by one watch, and takes the first that can be had.

mod look;
mod mark;
mod tried;

use std::cell::Cell;

use tokio::sync::watch;

use super::super::super::api::{Api, Changes};
use super::super::super::decide::{
    self, AcquireStep, Obstacle, Seen, SlotsStep, SlotsTerms, Waiting,
};
use super::super::super::record::SLOT_OF_LABEL;
use super::super::queue::{Gate, Line, Standing};
use super::super::{
    End, Ended, Grant, Held, Hint, Limits, OnProgress, Operations, Progress, Watcher, unsettled,
};
use super::advance::{Advanced, Tried, Want};
use super::{is_undecided, turned};
use crate::clock::Clock;

/// The operations on the slots of a name.
pub struct SlotOperations<A, C, W> {
    /// On each, in their order.
    each: Vec<Operations<A, C>>,
    changes: W,
}

/// Why there is no result of a grant of a slot.
#[derive(Debug)]
pub struct SlotEnded<E> {
    /// The slot that it is about; `None` if it is about all of them.
    pub slot: Option<usize>,
    /// Why.
    pub ended: Ended<E>,
}

/// An end, and the slot that it is about.
type SlotEnd = (Option<usize>, End);

/// What is known of each slot, and what was tried.
struct Round<'a> {
    seen: Vec<Seen>,
    tried: Vec<Tried>,
    /// The slot of the last grant that was asked for.
    asked: &'a Cell<Option<usize>>,
}

impl Round<'_> {
    /// The slot that a write was sent to which may still be carried out, or of which it is not known yet. While there is one
    /// nothing is written to any other, so that there is never a second.
    fn open(&self) -> Option<usize> {
        (0..self.tried.len()).find(|slot| self.is_open(*slot))
    }

    fn is_open(&self, slot: usize) -> bool {
        let attempts = &self.tried[slot].attempts;
        let seen = self.seen.get(slot);
        attempts.iter().any(|attempt| {
            !attempt.looked_for || seen.is_none_or(|seen| attempt.may_still_happen(seen))
        })
    }

    /// What is known of it, to be replaced by what is known next.
    fn take(&mut self, slot: usize) -> Seen {
        std::mem::replace(&mut self.seen[slot], Seen::Absent)
    }

    /// Whether all that are there can be watched by their label.
    fn is_labelled(&self, label: &str) -> bool {
        self.seen.iter().all(|seen| match seen {
            Seen::Absent => true,
            Seen::Lease(seen) => seen.record().is_labelled_slot_of(label),
        })
    }
}

impl<A: Api, C: Clock, W: Changes> SlotOperations<A, C, W> {
    /// On these Leases, which `changes` watches.
    pub fn new(each: Vec<Operations<A, C>>, changes: W) -> Self {
        Self { each, changes }
    }

    /// Those on this slot.
    pub fn on(&self, slot: usize) -> &Operations<A, C> {
        &self.each[slot]
    }

    /// As [`Operations::acquire`] of whichever slot can be had first.
    ///
    /// # Errors
    /// As there. No slot is left held, or the error says so.
    pub async fn acquire<T, E>(
        &self,
        terms: &SlotsTerms,
        line: Option<&Line<A, C>>,
        limits: &Limits,
        report: OnProgress<'_>,
        then: impl AsyncFnOnce(&Operations<A, C>, Held<'_>) -> Result<T, E>,
    ) -> Result<T, SlotEnded<E>> {
        let standing = line.map(Line::standing);
        let obtaining = self.obtain_in_turn(terms, standing.as_ref(), limits, report);
        let (slot, grant) = match Box::pin(obtaining).await {
            Ok(granted) => granted,
            Err((slot, end)) => {
                if let Some(standing) = standing {
                    standing.leave(&limits.interrupt).await;
                }
                let ended = Ended::Ungranted(end);
                return Err(SlotEnded { slot, ended });
            }
        };
        let one = &self.each[slot];
        let then = async |held: Held<'_>| then(one, held).await;
        let handing_out = Box::pin(one.hand_out(&grant, &limits.interrupt, then));
        let done = match standing {
            Some(standing) => standing.leave_beside(handing_out).await,
            None => handing_out.await,
        };
        done.map_err(|ended| SlotEnded {
            slot: Some(slot),
            ended,
        })
    }

    /// As [`Operations::obtain_in_turn`].
    async fn obtain_in_turn(
        &self,
        terms: &SlotsTerms,
        standing: Option<&Standing<'_, A, C>>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(usize, Grant), SlotEnd> {
        let Some(standing) = standing else {
            return self.obtain(terms, None, limits, report).await;
        };
        let (withdraw, withdrawn) = watch::channel(false);
        let within = Limits {
            interrupt: limits.interrupt.clone().or(withdrawn),
            ..limits.clone()
        };
        let about = Cell::new(None);
        let obtaining = async {
            let obtained = self.obtain(terms, Some(&standing.gate), &within, report);
            obtained.await.map_err(|(slot, end)| {
                about.set(slot);
                end
            })
        };
        let obtained = standing.during(obtaining, &withdraw, limits, report).await;
        obtained.map_err(|end| (about.get(), end))
    }

    async fn obtain(
        &self,
        terms: &SlotsTerms,
        gate: Option<&Gate>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(usize, Grant), SlotEnd> {
        let asked = Cell::new(None);
        let settled = async {
            let mut round = Round {
                asked: &asked,
                seen: Vec::new(),
                tried: self.each.iter().map(|_| Tried::default()).collect(),
            };
            let end = match self.rounds(terms, gate, limits, report, &mut round).await {
                Ok(granted) => return Ok(granted),
                Err(end) => end,
            };
            // There is at most one.
            let Some(slot) = round.open() else {
                return Err(end);
            };
            let attempts = std::mem::take(&mut round.tried[slot].attempts);
            if attempts.iter().any(|attempt| !attempt.answered) {
                report(Progress::Settling);
            }
            let (about, end) = end;
            let settled = self.each[slot].settle(attempts, end).await;
            // What is left open, or held, is of that slot.
            let left = matches!(
                settled,
                End::Unsettled { .. } | End::Kept(_) | End::Altered { .. }
            );
            Err((if left { Some(slot) } else { about }, settled))
        };
        tokio::select! {
            biased;
            result = settled => result,
            // Asked twice: go at once, and say what is left open, if anything was asked for.
            signal = limits.interrupt.insisted() => Err((asked.get(), match asked.get() {
                None => End::Interrupted(signal),
                Some(_) => unsettled(End::Interrupted(signal)),
            })),
        }
    }

    /// Observes all, decides, does one thing, and again.
    async fn rounds(
        &self,
        terms: &SlotsTerms,
        gate: Option<&Gate>,
        limits: &Limits,
        report: OnProgress<'_>,
        round: &mut Round<'_>,
    ) -> Result<(usize, Grant), SlotEnd> {
        let mut reported: Option<Obstacle> = None;
        round.seen = self.read_all(limits, report).await?;
        let first = &self.each[0];
        let watcher = Watcher::polling(first.clock.now(), limits.deadline);
        let mut watcher = watcher.of_many(u32::try_from(self.each.len()).unwrap_or(u32::MAX));
        let mut labelled = terms.slots.label();
        loop {
            for slot in 0..self.each.len() {
                let Round { seen, tried, .. } = &mut *round;
                let attempts = &mut tried[slot].attempts;
                if attempts.is_empty() {
                    continue;
                }
                let of = terms.of(slot);
                let adopted = self.each[slot].adopt_unacknowledged_write(
                    &seen[slot],
                    attempts,
                    &of,
                    limits,
                    report,
                );
                if let Some(grant) = adopted.await.map_err(about(slot))? {
                    return Ok((slot, grant));
                }
            }
            let (stamps, now) = (first.stamps.get(), first.now());
            let step = decide::slots(terms, &round.seen, stamps, now, round.open());
            let step = match gate {
                Some(gate) => gate.pass_slots(step, terms, &round.seen, now.instant),
                None => step,
            };
            let waiting = match step {
                SlotsStep::Refuse(refusal) => {
                    let refusal = decide::Refusal::Slots(refusal);
                    return Err((None, End::Refused(refusal)));
                }
                SlotsStep::Mark(record) => {
                    log::debug!("decided: say how many slots there are");
                    self.mark(&record, round, limits, report).await?;
                    continue;
                }
                SlotsStep::Make(lease) => {
                    log::debug!("decided: make the first slot, free");
                    self.make(&lease, round, limits, report).await?;
                    continue;
                }
                SlotsStep::Go { slot, step } => {
                    log::debug!("decided of slot {slot}: {step}");
                    let (one, of, seen) =
                        (&self.each[slot], terms.of(slot), round.seen[slot].clone());
                    let want = Want {
                        terms: &of,
                        limits,
                        report,
                    };
                    if matches!(step, AcquireStep::Create(_) | AcquireStep::Replace(_)) {
                        round.asked.set(Some(slot));
                    }
                    let advanced = one.advance(step, seen, &want, &mut round.tried[slot]).await;
                    self.share(one);
                    match advanced.map_err(about(slot))? {
                        Advanced::Granted(grant) => return Ok((slot, grant)),
                        Advanced::Seen { seen, unheard } => {
                            round.seen[slot] = seen;
                            if unheard {
                                watcher.distrust();
                            }
                        }
                    }
                    continue;
                }
                SlotsStep::Wait(waiting) => waiting,
            };
            log::debug!("decided: wait for {:?}", waiting.obstacle);
            round.tried.iter_mut().for_each(|one| one.conflicts.over());
            let at_most = waiting.expired_at.map(|at| at.since(first.clock.now()));
            let timed_out = End::TimedOut {
                obstacle: Some(waiting.obstacle.clone()),
                at_most,
                fault: None,
                since: None,
            };
            let in_line = matches!(waiting.obstacle, Obstacle::InLine(_));
            if limits.once && !in_line {
                return Err((None, timed_out));
            }
            if !is_undecided(&waiting) && reported.as_ref() != Some(&waiting.obstacle) {
                reported = Some(waiting.obstacle.clone());
                report(Progress::Waiting {
                    obstacle: waiting.obstacle.clone(),
                    reason: None,
                    at_most,
                });
            }
            let label = terms.slots.label().filter(|label| round.is_labelled(label));
            if label != labelled {
                // What it watches is not all that there is, or more than that.
                labelled = label;
                watcher.distrust();
            }
            let hint = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err((None, End::Interrupted(signal))),
                () = first.clock.reached(limits.deadline) => return Err((None, timed_out)),
                () = turned(gate) => None,
                hint = self.change(&waiting, label, &mut watcher), if !is_undecided(&waiting) => hint,
            };
            match hint {
                None => {}
                Some(Hint::Lease(record)) => {
                    if let Some(slot) = terms.slots.index_of(record.name()) {
                        round.seen[slot] = first.glimpsed(round.take(slot), record);
                    }
                }
                Some(Hint::Watching) => report(Progress::Watching),
                Some(hint @ (Hint::ReadAgain | Hint::Quiet | Hint::Refused)) => {
                    if matches!(hint, Hint::Refused) {
                        report(Progress::Polling);
                    }
                    self.hear_all(&waiting.obstacle, &mut watcher, round, limits, report)
                        .await?;
                }
            }
        }
    }

    /// Waits until there may be something to do: time has passed that proves something, or there is a hint.
    async fn change(
        &self,
        waiting: &Waiting,
        label: Option<&str>,
        watcher: &mut Watcher,
    ) -> Option<Hint> {
        let clock = &self.each[0].clock;
        let label = label.map(|name| (SLOT_OF_LABEL, name));
        tokio::select! {
            biased;
            () = clock.reached(waiting.expired_at) => None,
            () = clock.reached(waiting.try_out_at) => None,
            hint = watcher.hint_of(|| self.changes.watch_all(label), clock) => Some(hint),
        }
    }
}

/// The end of a request about this slot: a fault is about it, and what ends all requests about all slots.
fn about(slot: usize) -> impl FnOnce(End) -> SlotEnd {
    move |end| match end {
        End::TimedOut { .. } | End::Interrupted(_) => (None, end),
        End::Refused(_)
        | End::Fault(_)
        | End::Lost(_)
        | End::Unsettled { .. }
        | End::Altered { .. }
        | End::Kept(_)
        | End::Declined(_) => (Some(slot), end),
    }
}
