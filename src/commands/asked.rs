//! What `acquire` and `hold` ask for: a lease, several together, or with `--slots` any of several.

use std::time::Duration;

use super::line::in_turn;
use super::slots::Slotted;
use super::together::{self, Lease, Wanted};
use super::waiting::Waiting;
use super::{Session, dry_run, say};
use crate::cli::GrantArgs;
use crate::clock::Instant;
use crate::error::{Error, Subject};
use crate::lease::decide::{AcquireTerms, Loss, Refusal};
use crate::lease::operate::together::{Missed, NotAll};
use crate::lease::operate::{DryRun, End, Fate, GivingBack, Held, Interrupt, Limits, SlotEnded};
use crate::lease::record::Record;
use crate::lease::values::{LeaseDuration, LeaseName, Slots};
use crate::output::outcome::{Action, Outcome};

/// What is asked for.
pub enum Asked {
    /// These, all or none: most often it is one.
    All(Vec<Wanted>),
    /// Any of these.
    Any(Box<Slotted>),
}

/// Why there is no result of what was granted, or nothing was, and which leases that is about.
pub struct NotGranted {
    subjects: Vec<Subject>,
    why: NotAll<Error>,
}

impl Asked {
    /// What the arguments ask for: each as this subject, on these terms.
    pub fn new(
        session: &Session,
        names: &[LeaseName],
        slots: Option<Slots>,
        args: &GrantArgs,
        subject: impl Fn(&LeaseName) -> Subject,
        terms: impl Fn(&Subject) -> AcquireTerms,
    ) -> Self {
        match slots {
            Some(slots) => {
                let subject = subject(&names[0]);
                let terms = terms(&subject);
                Self::Any(Box::new(Slotted::new(session, subject, slots, args, terms)))
            }
            None => Self::All(together::wanted(session, names, args, subject, terms)),
        }
    }

    /// The one that is spoken of before there is a grant: of several the first.
    pub fn subject(&self) -> &Subject {
        match self {
            Self::All(wanted) => &wanted[0].subject,
            Self::Any(slots) => &slots.subject,
        }
    }

    /// What is asked for, as sentences have it.
    pub fn leases(&self) -> String {
        let names: Vec<String> = match self {
            Self::All(wanted) => wanted.iter().map(|one| one.subject.name.clone()).collect(),
            Self::Any(slots) => vec![slots.subject.name.clone()],
        };
        together::leases(&names)
    }

    /// The lease, where it is one and no other will do.
    pub fn one(&self) -> Option<&Wanted> {
        match self {
            Self::All(wanted) => match &wanted[..] {
                [one] => Some(one),
                _ => None,
            },
            Self::Any(_) => None,
        }
    }

    /// Grants of this process of which one was lost, and of whose command nothing runs any more; without those beside which
    /// somebody else may run.
    pub fn follows(&mut self, ended: Vec<Option<Record>>) {
        let mut ended = ended.into_iter();
        match self {
            Self::All(wanted) => {
                for one in wanted {
                    one.terms.ended = ended.next().flatten();
                }
            }
            Self::Any(slots) => slots.terms.each.ended = ended.next().flatten(),
        }
    }

    /// What would be acquired now, with nobody waited for and nothing stored.
    ///
    /// # Errors
    /// With why one would not be; `refused` says what is said otherwise.
    pub async fn try_each(
        &self,
        session: &Session,
        dry_run: DryRun,
        timeout: Option<Duration>,
        refused: impl Fn(&End) -> Option<Error>,
    ) -> Result<Vec<Outcome>, Error> {
        let slots = match self {
            Self::All(wanted) => {
                return together::try_each(session, wanted, dry_run, timeout, refused).await;
            }
            Self::Any(slots) => slots,
        };
        let limits = dry_run::patience(timeout);
        let report = |progress| say(&slots.subject, &progress);
        let trying = slots
            .operations
            .try_acquire(&slots.terms, dry_run, &limits, &report);
        let (subject, tried) = match trying.await {
            Ok(tried) => {
                let in_turn = in_turn(slots.line.as_ref()).await;
                (slots.subject.clone(), in_turn.map(|()| tried))
            }
            Err((slot, end)) => (slots.subject_of(slot), Err(end)),
        };
        if let Some(error) = tried.as_ref().err().and_then(refused) {
            return Err(error);
        }
        let action = Action::Acquired;
        let outcome = dry_run::outcome(session, subject, action, dry_run, tried).await?;
        Ok(vec![outcome])
    }

    /// The end of a call that was to go on: what it has lost before, and may still have, is given back, or it is said that it could
    /// not be. It was asked for at `asked`.
    pub async fn give_up_ended(
        &self,
        why: Error,
        asked: Option<Instant>,
        interrupt: &Interrupt,
    ) -> Error {
        let mut left: Vec<(&Subject, &Lease, &Record)> = match self {
            Self::All(wanted) => (wanted.iter())
                .filter_map(|one| Some((&one.subject, &one.operations, one.terms.ended.as_ref()?)))
                .collect(),
            Self::Any(slots) => slots.ended().into_iter().collect(),
        };
        // The last one first, as they are always given back.
        left.reverse();
        let mut patience = asked.map(GivingBack::since).unwrap_or_default();
        let mut fates = Vec::new();
        for (subject, operations, ended) in left {
            let subject = Subject {
                name: ended.name().to_owned(),
                ..subject.clone()
            };
            let giving = operations.give_up_ended(ended, interrupt, &mut patience);
            let fate = match giving.await {
                // Of one that is another's by now, or nobody's, nothing is to be said.
                Fate::Gone => Fate::None,
                fate => fate,
            };
            fates.push((subject, fate));
        }
        let fates: Vec<_> = fates
            .iter()
            .map(|(subject, fate)| (subject, fate.clone()))
            .collect();
        Error::others_given_up(why, &fates)
    }

    /// Acquires it, and hands it to `then` with the operations on each lease that was granted.
    ///
    /// # Errors
    /// As of the operations. Nothing is left held, or the error says so.
    pub async fn acquire<'a, T>(
        &'a self,
        limits: &Limits,
        waiting: &Waiting<'a>,
        then: impl AsyncFnOnce(&[&Lease], Held<'_>) -> Result<T, Error>,
    ) -> Result<T, NotGranted> {
        match self {
            Self::All(wanted) => {
                let operations: Vec<&Lease> = wanted.iter().map(|one| &one.operations).collect();
                let then = async |held: Held<'_>| then(&operations, held).await;
                let acquired = Box::pin(together::acquire(wanted, limits, waiting, then)).await;
                acquired.map_err(|why| NotGranted {
                    subjects: wanted.iter().map(|one| one.subject.clone()).collect(),
                    why,
                })
            }
            Self::Any(slots) => {
                let report = |progress| waiting.report(&slots.subject, &progress);
                let then = async |one: &Lease, held: Held<'_>| then(&[one], held).await;
                let (terms, line) = (&slots.terms, slots.line.as_ref());
                let acquiring =
                    Box::pin((slots.operations).acquire(terms, line, limits, &report, then));
                let acquired = waiting.reminding(acquiring).await;
                acquired.map_err(|SlotEnded { slot, ended }| {
                    NotGranted::of_one(&slots.subject_of(slot), ended.into())
                })
            }
        }
    }
}

impl NotGranted {
    /// Of a single lease.
    pub fn of_one(subject: &Subject, why: NotAll<Error>) -> Self {
        Self {
            subjects: vec![subject.clone()],
            why,
        }
    }

    /// The duration that a lease records, where that is too short for what is asked and nothing was written.
    pub fn too_short(&self) -> Option<LeaseDuration> {
        match &self.why {
            NotAll {
                why: Missed::Ungranted(_, End::Refused(Refusal::TooShort(duration))),
                fates,
            } if fates.is_empty() => Some(*duration),
            _ => None,
        }
    }

    /// Which was granted and lost before anything began, where nothing is held any more.
    pub fn lost(&self) -> Option<(&Subject, &Loss)> {
        match &self.why.why {
            Missed::Ungranted(number, End::Lost(loss)) if self.why.is_settled() => {
                Some((&self.subjects[*number], loss))
            }
            _ => None,
        }
    }

    /// As an error.
    pub async fn error(self, session: &Session, bug: fn(String) -> Error) -> Error {
        let (subjects, NotAll { why, fates }) = (self.subjects, self.why);
        let fates = fates.into_iter();
        let fates: Vec<_> = fates
            .map(|(number, fate)| (&subjects[number], fate))
            .collect();
        match why {
            Missed::Ungranted(number, end) => {
                let why = session.error(subjects[number].clone(), end).await;
                Error::others_given_up(why, &fates)
            }
            Missed::GivenUp(why) => Error::all_given_up(why, &fates, bug),
        }
    }
}
