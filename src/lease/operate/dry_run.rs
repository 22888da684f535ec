//! A dry run: what an operation would write now, decided and at most checked by the server, and never stored. It does not wait
//! for anybody: a Lease that is held is one that would have to be waited for.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::api::{Api, Write};
use super::super::decide::{
    self, AcquireStep, AcquireTerms, Agreement, Change, FreeStep, FreeTerms, Ours, OursStep,
    Refusal, Seen, StealStep, StealTerms,
};
use super::super::evidence::{Expiry, Observation, Stamps};
use super::super::keeper::Other;
use super::super::record::{Alteration, Lease, Record};
use super::stamps::TriedOut;
use super::write::Conflicts;
use super::{End, Limits, OnProgress, Operations, Pause, Progress, write_limit};
use crate::clock::Clock;

/// Where a dry run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// Here: nothing but reads is sent.
    Client,
    /// At the server, which checks the write and stores nothing.
    Server,
}

/// What would be written.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The Lease as it is; `None` if there is none.
    pub before: Option<Arc<Lease>>,
    /// The Lease as it would be.
    pub after: Lease,
}

/// A write that is only tried.
pub(super) enum Wanted {
    Create(Lease),
    Replace(Record),
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// What `acquire` would write now. Where only the client decides, stamps prove nothing: the server tells its time in the
    /// answer to a write.
    ///
    /// # Errors
    /// As of [`Operations::acquire`] that tries once.
    pub async fn try_acquire(
        &self,
        terms: &AcquireTerms,
        dry_run: DryRun,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Tried, End> {
        if dry_run == DryRun::Client {
            self.stamps.set(Stamps::Untrusted);
        }
        let mut conflicts = Conflicts::default();
        let mut seen = self.read_patiently(None, limits, report).await?;
        loop {
            let wanted = match decide::acquire(terms, &seen, self.stamps.get(), self.now()) {
                AcquireStep::Refuse(refusal) => return Err(End::Refused(refusal)),
                AcquireStep::AskVersion => {
                    self.ask_version(limits).await;
                    continue;
                }
                AcquireStep::TryOut(takeover) => {
                    let Seen::Lease(found) = &seen else { continue };
                    seen = match self.try_out(found, &takeover, limits).await {
                        TriedOut::Known(found) => Seen::Lease(found),
                        TriedOut::Changed => self.read_patiently(None, limits, report).await?,
                    };
                    continue;
                }
                AcquireStep::Wait(waiting) => {
                    let now = self.clock.now();
                    return Err(End::TimedOut {
                        obstacle: Some(waiting.obstacle),
                        at_most: waiting.expired_at.map(|at| at.since(now)),
                        fault: None,
                        since: None,
                    });
                }
                AcquireStep::Create(lease) => Wanted::Create(lease),
                AcquireStep::Replace(record) => Wanted::Replace(record),
            };
            let no_grant = |stored: &Lease, found: &Alteration| terms.refuses(stored, found);
            let tried = self
                .tried(wanted, dry_run, no_grant, &mut conflicts, limits, report)
                .await?;
            match tried {
                Some(tried) => return Ok(tried),
                None => seen = self.read_patiently(None, limits, report).await?,
            }
        }
    }

    /// What `decide` would write over a Lease that is ours.
    ///
    /// # Errors
    /// When it is not ours, or the server refuses or cannot be asked within the limits.
    pub async fn try_if_ours(
        &self,
        ours: &Ours,
        decide: fn(&Ours, &Seen, Timestamp) -> OursStep,
        dry_run: DryRun,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Tried, End> {
        let mut conflicts = Conflicts::default();
        loop {
            let seen = self.read_patiently(None, limits, report).await?;
            let wanted = match decide(ours, &seen, self.clock.wall()) {
                OursStep::Replace(record) => Wanted::Replace(record),
                OursStep::Refuse(refusal) => return Err(End::Refused(refusal)),
            };
            // Free is free, whatever else would be stored.
            let counts = |stored: &Lease, found: &Alteration| {
                stored.holder().is_some()
                    && (found.holder || found.grant || found.shorter || found.renewal)
            };
            let tried = self
                .tried(wanted, dry_run, counts, &mut conflicts, limits, report)
                .await?;
            if let Some(tried) = tried {
                return Ok(tried);
            }
        }
    }

    /// What `steal` would write now, without a question: `show` shows what would be taken, and may refuse it.
    ///
    /// # Errors
    /// When it is refused, or the server refuses or cannot be asked within the limits.
    pub async fn try_steal(
        &self,
        terms: &StealTerms,
        dry_run: DryRun,
        limits: &Limits,
        report: OnProgress<'_>,
        show: impl AsyncFn(&Observation, &Expiry) -> Result<(), End>,
    ) -> Result<Tried, End> {
        if dry_run == DryRun::Client {
            self.stamps.set(Stamps::Untrusted);
        }
        let mut conflicts = Conflicts::default();
        loop {
            let Seen::Lease(found) = self.read_patiently(None, limits, report).await? else {
                return Err(End::Refused(Refusal::NotFound));
            };
            let wanted = match self.takeover(terms, &found) {
                StealStep::Replace(record) => Wanted::Replace(record),
                StealStep::Refuse(refusal) => return Err(End::Refused(refusal)),
                // It changed while it was decided upon.
                StealStep::Ask => continue,
            };
            if found.record().holder().is_some() {
                let expiry = found.expiry(self.clock.now(), self.stamps.get());
                show(&found, &expiry).await?;
            }
            let counts = |_: &Lease, found: &Alteration| {
                found.holder || found.grant || found.renewal || found.endless || found.shorter
            };
            let tried = self
                .tried(wanted, dry_run, counts, &mut conflicts, limits, report)
                .await?;
            if let Some(tried) = tried {
                return Ok(tried);
            }
        }
    }

    /// What `release --force` would write now, without a question: `show` shows what would be freed. `agreed` is the Lease as it
    /// was shown already, in a list.
    ///
    /// # Errors
    /// When it is refused, or the server refuses or cannot be asked within the limits.
    pub async fn try_free(
        &self,
        agreed: Option<Agreement>,
        terms: &FreeTerms,
        dry_run: DryRun,
        limits: &Limits,
        report: OnProgress<'_>,
        show: impl AsyncFn(&Observation, &Expiry),
    ) -> Result<Tried, End> {
        if dry_run == DryRun::Client {
            self.stamps.set(Stamps::Untrusted);
        }
        let mut conflicts = Conflicts::default();
        loop {
            let Seen::Lease(found) = self.read_patiently(None, limits, report).await? else {
                return Err(End::Refused(Refusal::NotFound));
            };
            let as_it_is = || Agreement {
                record: found.record().clone(),
                expired: false,
            };
            let shown = agreed.clone().unwrap_or_else(as_it_is);
            let seen = Seen::Lease(found.clone());
            let mut step = decide::free(terms, &seen, Some(&shown), self.clock.wall());
            if step == FreeStep::Ask {
                // Another grant of the holder that was named.
                step = decide::free(terms, &seen, Some(&as_it_is()), self.clock.wall());
            }
            let wanted = match step {
                FreeStep::Replace(record) => Wanted::Replace(record),
                FreeStep::Refuse(refusal) => return Err(End::Refused(refusal)),
                FreeStep::Ask => continue,
            };
            if found.record().holder().is_some() {
                let expiry = found.expiry(self.clock.now(), self.stamps.get());
                show(&found, &expiry).await;
            }
            // Free is free, whatever else would be stored.
            let counts = |stored: &Lease, _: &Alteration| stored.holder().is_some();
            let tried = self
                .tried(wanted, dry_run, counts, &mut conflicts, limits, report)
                .await?;
            if let Some(tried) = tried {
                return Ok(tried);
            }
        }
    }

    /// What naming the candidate of a coordinated election would write over the Lease as it was `shown`.
    ///
    /// # Errors
    /// When somebody else holds it by now, or the server refuses, drops the field or cannot be asked within the limits.
    pub async fn try_prefer(
        &self,
        shown: &Record,
        candidate: &str,
        dry_run: DryRun,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Tried, End> {
        let mut conflicts = Conflicts::default();
        let mut record = shown.clone();
        loop {
            if let Some(now) = Other::of(&record)
                && record.holder() != shown.holder()
            {
                let change = Change::Holder(shown.holder().map(str::to_owned));
                return Err(End::Refused(Refusal::NotAsShown { change, now }));
            }
            let wanted = Wanted::Replace(record.with_preferred_holder(candidate));
            let counts =
                |stored: &Lease, _: &Alteration| stored.preferred_holder() != Some(candidate);
            let tried = self
                .tried(wanted, dry_run, counts, &mut conflicts, limits, report)
                .await?;
            if let Some(tried) = tried {
                return Ok(tried);
            }
            record = match self.read_patiently(None, limits, report).await? {
                Seen::Lease(found) => found.record().clone(),
                Seen::Absent => return Err(End::Refused(Refusal::NotFound)),
            };
        }
    }

    /// The write as it would be stored; `None` where something else is there by now.
    pub(super) async fn tried(
        &self,
        wanted: Wanted,
        dry_run: DryRun,
        counts: impl Fn(&Lease, &Alteration) -> bool,
        conflicts: &mut Conflicts,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Option<Tried>, End> {
        let sent: &Lease = match &wanted {
            Wanted::Create(lease) => lease,
            Wanted::Replace(record) => record,
        };
        let before = sent.replaced();
        if dry_run == DryRun::Client {
            let after = sent.clone();
            return Ok(Some(Tried { before, after }));
        }
        let limit = write_limit(sent.duration()).min(self.read_limit);
        let mut pause = Pause::default();
        loop {
            let limit = self.clip(limit, limits);
            let answer = match &wanted {
                Wanted::Create(lease) => self.api.create(lease, true, limit).await,
                Wanted::Replace(record) => {
                    self.api
                        .try_replace(record, self.api.manager(), limit)
                        .await
                }
            };
            let rejection = match answer {
                Ok(Write::Done(after)) => {
                    if let Some(found) = after.alteration(sent) {
                        let what = found.to_string();
                        if counts(&after, &found) {
                            return Err(End::Altered { what, left: None });
                        }
                        report(Progress::Altered(what));
                    }
                    return Ok(Some(Tried { before, after }));
                }
                Ok(
                    Write::Conflict(rejection)
                    | Write::Exists(rejection)
                    | Write::Absent(rejection),
                ) => rejection,
                Err(fault) => {
                    self.pause_after(fault, &mut pause, limits, report).await?;
                    continue;
                }
            };
            let (base, fault) = (sent.resource_version(), super::write::conflict(rejection));
            conflicts.settle(self, base, fault, limits, report).await?;
            return Ok(None);
        }
    }
}
