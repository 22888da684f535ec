//! A takeover as `steal` and `hold --steal` have it: what is shown and asked before it, and the wait after it.

use super::shown::{self, Manner};
use crate::clock::SystemClock;
use crate::commands::Session;
use crate::commands::confirm::{columns, confirmed};
use crate::lease::decide::{Refusal, StealTerms};
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::Keeper;
use crate::lease::operate::{End, Grant, Interrupt, Limits, OnProgress, Operations, Stolen};
use crate::output::terminal;
use crate::server::LeaseClient;

/// What stands between the wish and the takeover.
#[derive(Clone, Copy)]
pub struct Interlocks {
    /// Nobody is asked.
    pub yes: bool,
    /// The victim is not waited for.
    pub now: bool,
    /// What is no lock is taken too.
    pub force: bool,
}

/// A takeover of one Lease.
pub struct Takeover<'a> {
    pub session: &'a Session,
    pub operations: &'a Operations<LeaseClient, SystemClock>,
    pub terms: StealTerms,
    pub interlocks: Interlocks,
    pub interrupt: Interrupt,
}

impl Takeover<'_> {
    /// Shows the Lease as it was seen, and asks whether it may be taken.
    ///
    /// # Errors
    /// When it may not.
    pub async fn agree(&self, seen: &Observation, expiry: &Expiry) -> Result<(), End> {
        let yes = self.interlocks.yes;
        self.show(seen, expiry, columns(yes)).await?;
        confirmed(yes, "Take it over?", &self.interrupt).await
    }

    /// The same without the question; on so many columns where one follows.
    ///
    /// # Errors
    /// When it is no lock, and nobody insists.
    pub async fn show(
        &self,
        seen: &Observation,
        expiry: &Expiry,
        columns: Option<usize>,
    ) -> Result<(), End> {
        let Interlocks { now, force, .. } = self.interlocks;
        let keeper = Keeper::of(seen.record());
        if let Some(keeper) = keeper.filter(|_| !force) {
            return Err(End::Refused(Refusal::NoLock(keeper)));
        }
        let me = self.terms.grant.holder.as_str();
        let manner = if now { Manner::Now } else { Manner::Waits };
        let (session, operations) = (self.session, self.operations);
        shown::show(session, operations, me, seen, expiry, manner, columns).await;
        Ok(())
    }

    /// The grant, once the victim must have stopped; at once where nobody waits for that.
    ///
    /// # Errors
    /// When it is lost meanwhile, or a signal ends it: during the wait the Lease stays held then ([`End::Kept`]), after it the
    /// Lease is given back.
    pub async fn outlast(&self, stolen: Stolen, report: OnProgress<'_>) -> Result<Grant, End> {
        if self.interlocks.now {
            return Ok(stolen.without_waiting());
        }
        for victim in stolen.untold() {
            terminal::say(&format!(
                "the lease of {victim:?} had no duration, so its holder may still run: make sure that it has stopped"
            ));
        }
        let patient = Limits {
            deadline: None,
            once: false,
            insist: false,
            interrupt: self.interrupt.clone(),
        };
        self.operations
            .outlast(stolen, self.terms.grant.duration, &patient, report)
            .await
    }
}
