//! A dry run with slots: which of them would be taken now, and nothing of it stored.

use super::super::super::super::api::{Api, Changes};
use super::super::super::super::decide::{self, AcquireStep, Refusal, Seen, SlotsStep, SlotsTerms};
use super::super::super::super::evidence::{Observation, Stamps};
use super::super::super::super::record::{Alteration, Lease};
use super::super::super::dry_run::Wanted;
use super::super::super::write::Conflicts;
use super::super::super::{DryRun, End, Limits, OnProgress, Tried};
use super::super::advance::{self, Advanced, Want};
use super::{SlotEnd, SlotOperations, about};
use crate::clock::Clock;

impl<A: Api, C: Clock, W: Changes> SlotOperations<A, C, W> {
    /// What [`Self::acquire`] would write now, if it tried once.
    ///
    /// # Errors
    /// As there, with the slot that it is about.
    pub async fn try_acquire(
        &self,
        terms: &SlotsTerms,
        dry_run: DryRun,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Tried, SlotEnd> {
        let first = &self.each[0];
        if dry_run == DryRun::Client {
            first.stamps.set(Stamps::Untrusted);
        }
        let mut seen = self.read_all(limits, report).await?;
        let mut conflicts = Conflicts::default();
        let mut stamps_tried = advance::Tried::default();
        loop {
            let step = decide::slots(terms, &seen, first.stamps.get(), first.now(), None);
            let (slot, step) = match step {
                SlotsStep::Refuse(refusal) => {
                    return Err((None, End::Refused(Refusal::Slots(refusal))));
                }
                SlotsStep::Wait(waiting) => {
                    let now = first.clock.now();
                    let end = End::TimedOut {
                        obstacle: Some(waiting.obstacle),
                        at_most: waiting.expired_at.map(|at| at.since(now)),
                        fault: None,
                        since: None,
                    };
                    return Err((None, end));
                }
                SlotsStep::Mark(record) => {
                    // It would say so from then on.
                    let marked =
                        Seen::Lease(Observation::first(record.clone(), first.clock.now(), None));
                    let (wanted, counts) = (Wanted::Replace(record), unmarked);
                    let tried =
                        first.tried(wanted, dry_run, counts, &mut conflicts, limits, report);
                    seen[0] = match tried.await.map_err(about(0))? {
                        Some(_) => marked,
                        None => self.seen_again(0, limits, report).await?,
                    };
                    continue;
                }
                SlotsStep::Make(lease) => {
                    let made = lease.as_if_stored();
                    let (wanted, counts) = (Wanted::Create(lease), unmarked);
                    let tried =
                        first.tried(wanted, dry_run, counts, &mut conflicts, limits, report);
                    seen[0] = match (tried.await.map_err(about(0))?, made) {
                        (Some(_), Some(made)) => {
                            Seen::Lease(Observation::first(made, first.clock.now(), None))
                        }
                        (Some(tried), None) => return Ok(tried),
                        (None, _) => self.seen_again(0, limits, report).await?,
                    };
                    continue;
                }
                SlotsStep::Go { slot, step } => (slot, step),
            };
            let (one, of) = (&self.each[slot], terms.of(slot));
            let wanted = match step {
                AcquireStep::Create(lease) => Wanted::Create(lease),
                AcquireStep::Replace(record) => Wanted::Replace(record),
                step @ (AcquireStep::Wait(_)
                | AcquireStep::AskVersion
                | AcquireStep::TryOut(_)
                | AcquireStep::Refuse(_)) => {
                    let want = Want {
                        terms: &of,
                        limits,
                        report,
                    };
                    let known = one.advance(step, seen[slot].clone(), &want, &mut stamps_tried);
                    let known = known.await.map_err(about(slot))?;
                    self.share(one);
                    if let Advanced::Seen { seen: known, .. } = known {
                        seen[slot] = known;
                    }
                    continue;
                }
            };
            let no_grant = |stored: &Lease, found: &Alteration| of.refuses(stored, found);
            let tried = one.tried(wanted, dry_run, no_grant, &mut conflicts, limits, report);
            match tried.await.map_err(about(slot))? {
                Some(tried) => return Ok(tried),
                None => seen[slot] = self.seen_again(slot, limits, report).await?,
            }
        }
    }

    async fn seen_again(
        &self,
        slot: usize,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Seen, SlotEnd> {
        let read = self.each[slot].read_patiently(None, limits, report);
        read.await.map_err(about(slot))
    }
}

/// Whether it would not be stored how many slots there are.
fn unmarked(stored: &Lease, _: &Alteration) -> bool {
    stored.slots().is_none()
}
