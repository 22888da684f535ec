//! Taking many leases, in waves: no more at a time than can be kept renewed, as fast as the server writes.

use std::cell::Cell;

use tokio::sync::Semaphore;

use super::Bulk;
use super::fate::Fate;
use crate::clock::{Clock, SystemClock};
use crate::commands::chosen::{Choice, Chosen};
use crate::commands::several::{Next, next};
use crate::commands::{SHORT_PATIENCE, limits, say};
use crate::lease::decide::Refusal;
use crate::lease::events::EventReason;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::{Keeper, Other};
use crate::lease::operate::{End, Operations, Progress, Stolen, Turns};
use crate::lease::values::LeaseDuration;
use crate::server::LeaseClient;

/// So many are renewed at once.
const RENEWED_AT_ONCE: u16 = 16;

/// So many are watched at once, for what their earlier holders acknowledge.
const WATCHED_AT_ONCE: u16 = 32;

/// The leases that are being taken.
pub struct Taking<'a> {
    pub(super) bulk: &'a Bulk<'a>,
    pub(super) choice: &'a Choice,
    pub(super) operations: Vec<Operations<LeaseClient, SystemClock>>,
    pub(super) turns: Turns,
    pub(super) begins: Semaphore,
    /// Nothing more is taken, after what happened to another.
    stopped: Cell<bool>,
    /// It was said that the server does not answer. It is one server for all of them.
    silent: Cell<bool>,
}

impl<'a> Taking<'a> {
    /// Nothing is written yet.
    pub fn new(bulk: &'a Bulk<'a>, choice: &'a Choice) -> Self {
        let observed_only = bulk.args.proof.observed_only();
        let operations = choice.all.iter().map(|chosen| {
            let session = choice.session(&bulk.session, chosen);
            let operations = session.lease(&chosen.name);
            operations
                .observed_only(observed_only)
                .knowing(choice.stamps)
        });
        Self {
            bulk,
            choice,
            operations: operations.collect(),
            turns: Turns::new(RENEWED_AT_ONCE, WATCHED_AT_ONCE),
            begins: Semaphore::new(RENEWED_AT_ONCE.into()),
            stopped: Cell::new(false),
            silent: Cell::new(false),
        }
    }

    /// Whether more is to be taken.
    pub(super) fn goes_on(&self) -> bool {
        !self.stopped.get() && self.bulk.interrupt.received().is_none()
    }

    /// Nothing more is taken.
    pub(super) fn stop(&self) {
        self.stopped.set(true);
    }

    /// The shortest duration that the grant of this one is to have.
    pub(super) fn duration(&self, at: usize) -> LeaseDuration {
        let record = self.choice.all[at].record();
        let terms = &self.bulk.terms;
        let asked = terms.grant.duration_on(record);
        let waiting = record
            .duration()
            .map(|own| terms.duration_beside(own, asked));
        // That of the end, if it is shorter, or its holder has stopped already.
        waiting.map_or(asked, |waiting| waiting.min(asked))
    }

    /// Says what goes on with one; of the server's silence once, whomever it does not answer.
    pub(super) fn report(&self, at: usize) -> impl Fn(Progress) {
        let subject = self.bulk.subject(self.choice, &self.choice.all[at]);
        move |progress| {
            let known = match &progress {
                Progress::Silent(_) => self.silent.replace(true),
                Progress::Heard => !self.silent.replace(false),
                _ => false,
            };
            if !known {
                say(&subject, &progress);
            }
        }
    }

    /// Tells others.
    pub(super) fn record(&self, stolen: &Stolen) {
        let reason = match stolen.victim.clone() {
            Some(from) => EventReason::Stolen { from },
            // It was free.
            None => EventReason::Acquired,
        };
        self.bulk.recorder.record(reason, &stolen.grant.record);
    }

    /// Takes one, as it was listed.
    pub(super) async fn take(&self, at: usize) -> Result<Stolen, Fate> {
        let (bulk, chosen) = (self.bulk, &self.choice.all[at]);
        let agreement = chosen.agreement();
        let agree = async |seen: &Observation, _: &Expiry| {
            let record = seen.record();
            let keeper = Keeper::of(record).filter(|_| !bulk.args.force);
            let is_agreed = bulk.terms.if_holder.is_some() || agreement.covers(record);
            match (keeper, Other::of(record)) {
                (Some(keeper), _) => Err(End::Refused(Refusal::NoLock(keeper))),
                (None, Some(now)) if !is_agreed => {
                    Err(End::Refused(agreement.broken_by(record, now)))
                }
                (None, Some(_) | None) => Ok(()),
            }
        };
        let report = self.report(at);
        let short = limits(&SystemClock, Some(SHORT_PATIENCE), bulk.interrupt.clone());
        let first = Some(chosen.seen());
        let operations = &self.operations[at];
        let stolen = operations.steal_as_seen(first, &bulk.terms, &short, &report, agree);
        match stolen.await {
            Ok(stolen) => {
                let took = SystemClock.now().since(stolen.grant.sent_at);
                self.turns.wrote(took);
                Ok(stolen)
            }
            Err(end) => Err(self.failed(chosen, end).await),
        }
    }

    pub(super) async fn failed(&self, chosen: &Chosen, end: End) -> Fate {
        let session = self.choice.session(&self.bulk.session, chosen);
        let subject = self.bulk.subject(self.choice, chosen);
        let error = session.error(subject, end).await;
        if next(&error) == Next::Stop {
            self.stop();
        }
        Fate::Failed(error)
    }
}
