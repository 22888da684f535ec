//! `hold --steal`: what can be acquired is acquired; what another holds is taken over, as `steal` does it.

use std::time::Duration;

use crate::cli::TakeoverArgs;
use crate::clock::SystemClock;
use crate::commands::steal::takeover::{Interlocks, Takeover};
use crate::commands::{SHORT_PATIENCE, Session, dry_run, exported, limits};
use crate::error::Error;
use crate::lease::decide::{self, AcquireTerms, Refusal, StealTerms};
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::operate::{
    DryRun, End, Ended, Grant, Held, Interrupt, Limits, OnProgress, Operations, Stolen, Tried,
};
use crate::lease::record::Taken;
use crate::server::LeaseClient;

/// So often a Lease may change hands between two looks before it is left to others.
const TURNS: u32 = 5;

/// A grant that may be another's.
pub struct Stealing<'a> {
    pub session: &'a Session,
    pub operations: &'a Operations<LeaseClient, SystemClock>,
    pub args: &'a TakeoverArgs,
    pub terms: &'a AcquireTerms,
    pub timeout: Option<Duration>,
    pub interrupt: &'a Interrupt,
}

impl Stealing<'_> {
    /// The grant, and from whom it was taken.
    ///
    /// # Errors
    /// When nothing was taken, or what was taken is kept until it expires, because a victim may still run beside it.
    pub async fn grant(
        &self,
        report: OnProgress<'_>,
    ) -> Result<(Grant, Option<String>), Ended<Error>> {
        let once = Limits {
            once: true,
            ..limits(&SystemClock, None, self.interrupt.clone())
        };
        for turn in 1.. {
            // It is handed on at once.
            let acquire = (self.operations).acquire(
                self.terms,
                None,
                &once,
                report,
                async |held: Held<'_>| Ok(held.answer_for().remove(0)),
            );
            match acquire.await {
                Err(Ended::Ungranted(End::TimedOut {
                    obstacle: Some(_), ..
                })) => {}
                // Asked again below, for as long as a takeover is.
                Err(Ended::Ungranted(End::Fault(fault))) if fault.is_transient() => {}
                acquired => return acquired.map(|grant| (grant, None)),
            }
            match self.take(report).await {
                // Freed meanwhile, or deleted: there is nobody to take it from.
                Err(End::Refused(Refusal::HolderIs(None))) if turn < TURNS => {}
                Err(End::Refused(Refusal::NotFound)) if self.terms.create && turn < TURNS => {}
                taken => return taken.map_err(Ended::Ungranted),
            }
        }
        Err(Ended::Ungranted(End::Refused(Refusal::NotFound)))
    }

    fn takeover(&self) -> Takeover<'_> {
        let TakeoverArgs {
            yes, now, force, ..
        } = *self.args;
        let if_holder = self.args.if_holder.as_ref();
        Takeover {
            session: self.session,
            operations: self.operations,
            terms: StealTerms {
                grant: self.terms.grant.clone(),
                if_holder: if_holder.map(ToString::to_string),
                asks: !yes,
                waits: !now,
                ancestors: exported::held(),
                taken: Taken::Stolen,
            },
            interlocks: Interlocks { yes, now, force },
            interrupt: self.interrupt.clone(),
        }
    }

    /// What the takeover would write, with nobody asked and nothing waited for.
    ///
    /// # Errors
    /// As of a steal.
    pub async fn tried(&self, dry_run: DryRun, report: OnProgress<'_>) -> Result<Tried, End> {
        let takeover = self.takeover();
        let show = async |seen: &Observation, expiry: &Expiry| {
            decide::fits(self.terms, seen.record()).map_err(End::Refused)?;
            takeover.show(seen, expiry, None).await
        };
        let limits = dry_run::patience(self.timeout);
        let operations = self.operations;
        operations
            .try_steal(&takeover.terms, dry_run, &limits, report, show)
            .await
    }

    async fn take(&self, report: OnProgress<'_>) -> Result<(Grant, Option<String>), End> {
        let takeover = self.takeover();
        let patience = Some(self.timeout.unwrap_or(SHORT_PATIENCE));
        let short = limits(&SystemClock, patience, self.interrupt.clone());
        let agree = async |seen: &Observation, expiry: &Expiry| {
            decide::fits(self.terms, seen.record()).map_err(End::Refused)?;
            if matches!(expiry, Expiry::Expired(_)) {
                // Nobody is robbed.
                return Ok(());
            }
            takeover.agree(seen, expiry).await
        };
        let stealing = self
            .operations
            .steal(&takeover.terms, &short, report, agree);
        let stolen: Stolen = stealing.await?;
        let victim = stolen.victim.clone();
        let grant = takeover.outlast(stolen, report).await?;
        Ok((grant, victim))
    }
}
