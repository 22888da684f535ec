//! What `acquire` and `hold` ask for: a lease, or with `--slots` any of several.

use super::Session;
use super::waiting::Waiting;
use crate::cli::GrantArgs;
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::lease::decide::{AcquireTerms, SlotsTerms};
use crate::lease::operate::{Ended, Held, Limits, Operations, SlotEnded, SlotOperations};
use crate::lease::record::Record;
use crate::lease::values::{LeaseName, Slots};
use crate::server::{ChangesClient, LeaseClient};

/// What is said of a dry run of slots.
pub const NO_DRY_RUN: &str =
    "--dry-run goes with one lease: give it without --slots, for a slot by its own name (NAME-0)";

/// The operations on one lease.
pub type Lease = Operations<LeaseClient, SystemClock>;

/// What is asked for.
pub enum Asked {
    /// A lease.
    One(Box<Lease>, Box<AcquireTerms>),
    /// Any of these.
    Any(
        Box<SlotOperations<LeaseClient, SystemClock, ChangesClient>>,
        Box<SlotsTerms>,
    ),
}

/// Why there is no result of a grant, and which lease that is about.
pub struct NotGranted {
    /// The lease.
    pub subject: Subject,
    /// Why.
    pub ended: Ended<Error>,
}

/// The slots that the arguments name.
///
/// # Errors
/// When the name leaves no room for their numbers.
pub fn slots(name: &LeaseName, args: &GrantArgs) -> Result<Option<Slots>, Error> {
    let slots = args.slots.map(|count| Slots::new(name, count));
    slots.transpose().map_err(Error::Usage)
}

impl Asked {
    /// What the arguments ask for, on these terms.
    pub fn new(
        session: &Session,
        name: &LeaseName,
        slots: Option<Slots>,
        args: &GrantArgs,
        terms: AcquireTerms,
    ) -> Self {
        let one = |name| {
            let operations = session.lease(name);
            operations.observed_only(args.proof.observed_only())
        };
        match slots {
            None => Self::One(Box::new(one(name)), Box::new(terms)),
            Some(slots) => {
                let names = slots.each().iter().map(ToString::to_string).collect();
                let changes = session.store.changes(&session.namespace, names);
                let each = slots.each().iter().map(one).collect();
                let operations = SlotOperations::new(each, changes);
                let terms = SlotsTerms { slots, each: terms };
                Self::Any(Box::new(operations), Box::new(terms))
            }
        }
    }

    /// The lease, where no other will do.
    pub fn one(&self) -> Option<&Lease> {
        match self {
            Self::One(one, _) => Some(one),
            Self::Any(..) => None,
        }
    }

    /// The terms, of each.
    pub fn terms(&self) -> &AcquireTerms {
        match self {
            Self::One(_, terms) => terms,
            Self::Any(_, terms) => &terms.each,
        }
    }

    /// A grant of this process that it has lost, and of whose command nothing runs any more.
    pub fn follows(&mut self, ended: Option<Record>) {
        match self {
            Self::One(_, terms) => terms.ended = ended,
            Self::Any(_, terms) => terms.each.ended = ended,
        }
    }

    /// Acquires it, and hands it to `then` with the operations on it.
    ///
    /// # Errors
    /// As of the operations. Nothing is left held, or the error says so.
    pub async fn acquire<T>(
        &self,
        limits: &Limits,
        waiting: &Waiting<'_>,
        then: impl AsyncFnOnce(&Lease, Held<'_>) -> Result<T, Error>,
    ) -> Result<T, NotGranted> {
        let report = |progress| waiting.report(&progress);
        let subject = waiting.subject();
        match self {
            Self::One(one, terms) => {
                let then = async |held: Held<'_>| then(one, held).await;
                let acquiring = one.acquire(terms, limits, &report, then);
                let acquired = waiting.reminding(acquiring).await;
                acquired.map_err(|ended| NotGranted {
                    subject: subject.clone(),
                    ended,
                })
            }
            Self::Any(slots, terms) => {
                let acquiring = slots.acquire(terms, limits, &report, then);
                let acquired = waiting.reminding(acquiring).await;
                acquired.map_err(|SlotEnded { slot, ended }| {
                    let mut subject = subject.clone();
                    if let Some(slot) = slot {
                        subject.name = terms.slots.each()[slot].to_string();
                    }
                    NotGranted { subject, ended }
                })
            }
        }
    }
}

impl NotGranted {
    /// As an error.
    pub async fn error(self, session: &Session, bug: fn(String) -> Error) -> Error {
        session.ended(self.subject, self.ended, bug).await
    }
}
