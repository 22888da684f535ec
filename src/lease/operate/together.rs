//! Together: several Leases, all or none. They are acquired one after the other and kept meanwhile; whoever does not get
//! all gives back what it has, the last one first.

mod keep;
mod prospect;

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use super::super::api::Api;
use super::super::decide::{AcquireTerms, Loss, Seen};
use super::guard::{GivingBack, text};
use super::interrupt::WITHDRAWN;
use super::{
    End, Ended, Failure, Fate, Grant, Held, Interrupt, Limits, Line, OnProgress, Operations,
    Progress,
};
use crate::clock::Clock;
use keep::{freshen, keep};

/// One of the Leases that are wanted together.
pub struct Part<'a, A, C> {
    /// The operations on it.
    pub operations: &'a Operations<A, C>,
    /// What is wanted of it.
    pub terms: &'a AcquireTerms,
    /// In which line it is waited for, if in one.
    pub line: Option<&'a Line<A, C>>,
    /// Where its progress is reported.
    pub report: OnProgress<'a>,
}

/// Why not all are held.
#[derive(Debug)]
pub enum Missed<E> {
    /// The one of this number was not granted, or not all were at once.
    Ungranted(usize, End),
    /// All were granted, and whoever asked has no use for them.
    GivenUp(Failure<E>),
}

/// Why not all are held, and what became of those that were.
#[derive(Debug)]
pub struct NotAll<E> {
    /// Why.
    pub why: Missed<E>,
    /// What became of each grant, by its number, in the order in which they were given back.
    pub fates: Vec<(usize, Fate)>,
}

impl<E> NotAll<E> {
    /// Whether nothing is held any more.
    pub fn is_settled(&self) -> bool {
        let mut fates = self.fates.iter();
        fates.all(|(_, fate)| matches!(fate, Fate::None | Fate::Free | Fate::Gone))
    }
}

impl<E> From<Ended<E>> for NotAll<E> {
    /// Of the only one that was wanted.
    fn from(ended: Ended<E>) -> Self {
        match ended {
            Ended::Ungranted(end) => Self {
                why: Missed::Ungranted(0, end),
                fates: Vec::new(),
            },
            Ended::GivenUp { why, fate } => Self {
                why: Missed::GivenUp(why),
                fates: vec![(0, fate)],
            },
        }
    }
}

/// Acquires all of `parts` in their order, waiting within `limits`, and hands the grants to `then`: they are kept only if
/// that ends well. Callers that have the same order cannot wait for each other in a circle (docs/design.md, Several leases).
///
/// # Errors
/// Whatever the end, nothing is left held, or the error says so.
pub async fn acquire_all<A: Api, C: Clock, T, E>(
    parts: &[Part<'_, A, C>],
    limits: &Limits,
    then: impl AsyncFnOnce(Held<'_>) -> Result<T, E>,
) -> Result<T, NotAll<E>> {
    if let [part] = parts {
        let operations = part.operations;
        let acquired = operations.acquire(part.terms, part.line, limits, part.report, then);
        return Box::pin(acquired).await.map_err(NotAll::from);
    }
    let gathering = Gathering {
        parts,
        limits,
        held: RefCell::default(),
        prospects: RefCell::default(),
    };
    let answered_for = Cell::new(false);
    let work = async {
        let gathered = gathering.gather().await;
        gathered.map_err(|(index, end)| Missed::Ungranted(index, end))?;
        let grants = gathering.held.borrow().clone();
        let held = Held {
            grants: &grants,
            answered_for: &answered_for,
        };
        let done = then(held).await;
        done.map_err(|error| Missed::GivenUp(Failure::Failed(error)))
    };
    // After a panic only the grants are looked at again, and each is whole.
    let why = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(why)) => why,
        Err(panic) => Missed::GivenUp(Failure::Panicked(text(panic.as_ref()))),
    };
    let fates = match (answered_for.get(), &why) {
        (false, _) => gathering.give_up_from(0).await,
        (true, Missed::GivenUp(Failure::Panicked(_))) => gathering.all_are(&Fate::Kept),
        (true, Missed::GivenUp(Failure::Failed(_)) | Missed::Ungranted(..)) => {
            gathering.all_are(&Fate::None)
        }
    };
    Err(NotAll { why, fates })
}

/// Those that are held so far, of those that are wanted.
struct Gathering<'a, A, C> {
    parts: &'a [Part<'a, A, C>],
    limits: &'a Limits,
    /// The grants, each as it was renewed last.
    held: RefCell<Vec<Grant>>,
    /// Each as it was before any was taken, so that dead holders are waited for together and not one after the other.
    prospects: RefCell<Vec<Seen>>,
}

/// What ended the grant of this number, before all were there.
type Lost = (usize, Loss);

impl<A: Api, C: Clock> Gathering<'_, A, C> {
    async fn gather(&self) -> Result<(), (usize, End)> {
        // What is refused in any case is refused before anything is taken, and before a wait for another.
        for (index, part) in self.parts.iter().enumerate() {
            let prospect = part.operations.prospect(part, self.limits);
            let seen = prospect.await.map_err(|end| (index, end))?;
            self.prospects.borrow_mut().push(seen);
        }
        loop {
            let next = self.held.borrow().len();
            let lost = if next < self.parts.len() {
                self.take(next).await?
            } else {
                let lost = freshen(self.parts, self.limits, &self.held).await?;
                if lost.is_empty() {
                    return Ok(());
                }
                lost
            };
            self.begin_anew(lost).await?;
        }
    }

    /// Takes the next one while those before it are kept; which of them were lost meanwhile.
    async fn take(&self, next: usize) -> Result<Vec<Lost>, (usize, End)> {
        let part = &self.parts[next];
        let (withdraw, withdrawn) = watch::channel(false);
        let limits = Limits {
            interrupt: self.limits.interrupt.clone().or(withdrawn),
            ..self.limits.clone()
        };
        let before = self.prospects.borrow().get(next).cloned();
        let obtaining = async {
            let standing = part.line.map(Line::standing);
            let (terms, report) = (part.terms, part.report);
            let obtaining =
                part.operations
                    .obtain_in_turn(terms, before, standing.as_ref(), &limits, report);
            let obtained = obtaining.await;
            match standing {
                Some(standing) => standing.leave_beside(std::future::ready(obtained)).await,
                None => obtained,
            }
        };
        let mut obtaining = std::pin::pin!(obtaining);
        let keeping = self.parts[..next].iter().enumerate();
        let mut keeping: FuturesUnordered<_> = keeping
            .map(|(index, part)| keep(part, &self.held, index))
            .collect();
        let mut lost = Vec::new();
        let obtained = loop {
            tokio::select! {
                biased;
                obtained = &mut obtaining => break obtained,
                Some(one) = keeping.next() => {
                    lost.push(one);
                    // It is not broken off: a write of it may be under way.
                    let _ = withdraw.send(true);
                }
            }
        };
        match obtained {
            Ok(grant) => {
                self.held.borrow_mut().push(grant);
                if lost.is_empty() && next + 1 < self.parts.len() {
                    (part.report)(Progress::Granted);
                }
                Ok(lost)
            }
            Err(End::Interrupted(WITHDRAWN)) => Ok(lost),
            Err(end) => Err((next, not_withdrawn(end))),
        }
    }

    /// Those that were lost are acquired anew, in their turn: what comes after them is given back first, since whoever
    /// waits for one of them must hold none that comes later.
    async fn begin_anew(&self, lost: Vec<Lost>) -> Result<(), (usize, End)> {
        let Some(first) = lost.iter().map(|(index, _)| *index).min() else {
            return Ok(());
        };
        self.say_stopped(&lost).await;
        let mut gone = Vec::new();
        for (index, loss) in lost {
            match &loss {
                // It would be stored so again.
                Loss::Altered(_) => return Err((index, End::Lost(loss))),
                Loss::Shortened(_) => {}
                Loss::Deleted
                | Loss::Recreated { .. }
                | Loss::Released
                | Loss::TakenBy { .. }
                | Loss::Regranted { .. }
                | Loss::Deadline { .. } => gone.push(index),
            }
            (self.parts[index].report)(Progress::LostAgain(loss));
        }
        let mut fates = self.give_up_from(first).await;
        self.held.borrow_mut().truncate(first);
        fates.retain(|(index, _)| !gone.contains(index));
        let open = fates.into_iter().find_map(|(index, fate)| match fate {
            Fate::None | Fate::Free | Fate::Gone => None,
            Fate::Open(fault) => {
                let end = Box::new(End::timed_out(None));
                Some((index, End::Unsettled { end, fault }))
            }
            Fate::Kept | Fate::Shields => Some((index, End::Kept(Box::new(End::timed_out(None))))),
        });
        open.map_or(Ok(()), Err)
    }

    /// Says of those that were robbed that nothing runs under them, to whoever waits for that: nothing has begun yet.
    async fn say_stopped(&self, lost: &[Lost]) {
        let robbed = lost.iter().filter(|(_, loss)| loss.is_takeover());
        let saying: FuturesUnordered<_> = robbed
            .map(async |(index, _)| {
                let grant = self.held.borrow()[*index].clone();
                let operations = self.parts[*index].operations;
                operations.say_stopped(&grant, None).await
            })
            .collect();
        let mut saying = std::pin::pin!(saying);
        while saying.next().await.is_some() {}
    }

    /// Gives those back that have this number or a greater one, the last one first.
    async fn give_up_from(&self, first: usize) -> Vec<(usize, Fate)> {
        let grants = self.held.borrow().clone();
        let mut fates = Vec::new();
        let mut patience = GivingBack::default();
        for (index, grant) in grants.iter().enumerate().skip(first).rev() {
            let operations = self.parts[index].operations;
            let until = patience.until(operations.clock().now());
            let interrupt: &Interrupt = &self.limits.interrupt;
            fates.push((index, operations.give_up_by(grant, interrupt, until).await));
        }
        fates
    }

    fn all_are(&self, fate: &Fate) -> Vec<(usize, Fate)> {
        let all = (0..self.held.borrow().len()).rev();
        all.map(|index| (index, fate.clone())).collect()
    }
}

/// An end in which it shows that another of the Leases was lost meanwhile, as anybody else can understand it.
fn not_withdrawn(end: End) -> End {
    match end {
        End::Interrupted(WITHDRAWN) => End::timed_out(None),
        End::Unsettled { end, fault } => End::Unsettled {
            end: Box::new(not_withdrawn(*end)),
            fault,
        },
        End::Kept(end) => End::Kept(Box::new(not_withdrawn(*end))),
        end => end,
    }
}
