//! The way from a grant out of this program: every one of them ends in a grant that somebody answers for, or in one that
//! was given back, or in why it could not be.

use std::any::Any;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

use super::super::api::{Api, Fault};
use super::super::decide::Ours;
use super::super::record::Record;
use super::{End, Grant, Interrupt, Limits, Operations};
use crate::clock::{Clock, Instant};

/// For so long it is tried to give a grant back: an operator who waits for the prompt is told then that it may be held.
pub(super) const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(15);

/// For so long it is tried with each of several, whatever the ones before took.
pub(super) const AT_LEAST: Duration = Duration::from_secs(2);

/// The time in which several grants are given back, one after the other: that of one, and a little for each.
#[derive(Debug, Default)]
pub struct GivingBack(Option<Instant>);

impl GivingBack {
    /// The time of an end that was asked for then: what was done about it since is part of it.
    pub fn since(asked: Instant) -> Self {
        Self(Some(asked + GIVEN_BACK_WITHIN))
    }

    /// Until when it is tried with the next one.
    pub fn until(&mut self, now: Instant) -> Instant {
        let all = self.0.get_or_insert(now + GIVEN_BACK_WITHIN);
        (*all).max(now + AT_LEAST)
    }
}

/// A grant in the hands of whoever asked for it, or several that were made together. What is done with it is a closure that ends in `Ok` once somebody
/// answers for the grant; every other way out of the closure gives it back, a `?` and a panic too.
#[must_use]
pub struct Held<'a> {
    pub(super) grants: &'a [Grant],
    pub(super) answered_for: &'a Cell<bool>,
}

impl Held<'_> {
    /// The grant; of several the first.
    pub fn grant(&self) -> &Grant {
        &self.grants[0]
    }

    /// All of them, in the order in which they were made.
    pub fn grants(&self) -> &[Grant] {
        self.grants
    }

    /// Takes them over. Whoever does answers for them from now on: each is released in the end, or it is said that it
    /// could not be.
    pub fn answer_for(self) -> Vec<Grant> {
        self.answered_for.set(true);
        self.grants.to_vec()
    }
}

/// Why there is no result of a grant.
#[derive(Debug)]
pub enum Ended<E> {
    /// Nothing was granted.
    Ungranted(End),
    /// It was granted, and whoever asked has no use for it.
    GivenUp {
        /// Why.
        why: Failure<E>,
        /// What became of the grant.
        fate: Fate,
    },
}

/// Why a grant was given up.
#[derive(Debug)]
pub enum Failure<E> {
    /// This came in between.
    Failed(E),
    /// A bug did, with what it said.
    Panicked(String),
}

/// What became of a grant that nobody wanted in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// There was none: what was written names no holder.
    None,
    /// It was given back.
    Free,
    /// It was somebody else's already, or nobody's.
    Gone,
    /// It may still be held: why it could not be released, if that is known.
    Open(Option<Fault>),
    /// It is held: whoever had taken it over broke off.
    Kept,
    /// It is held until it expires: freed at once it would let somebody in beside a command that may still run.
    Shields,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Hands `grant` to `then`, and gives it back unless that ends well.
    ///
    /// # Errors
    /// With why there is no result, and what became of the grant.
    pub async fn hand_out<T, E>(
        &self,
        grant: &Grant,
        interrupt: &Interrupt,
        then: impl AsyncFnOnce(Held<'_>) -> Result<T, E>,
    ) -> Result<T, Ended<E>> {
        let answered_for = Cell::new(false);
        let held = Held {
            grants: std::slice::from_ref(grant),
            answered_for: &answered_for,
        };
        // Nothing of ours is looked at again that the panic may have left half done, but for the grant, and that is only
        // read.
        let why = match AssertUnwindSafe(then(held)).catch_unwind().await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => Failure::Failed(error),
            Err(panic) => Failure::Panicked(text(panic.as_ref())),
        };
        let fate = match (&why, answered_for.get()) {
            (_, false) => self.give_up(grant, interrupt).await,
            (Failure::Failed(_), true) => Fate::None,
            // It may be in use: what uses it is not known to have ended.
            (Failure::Panicked(_), true) => Fate::Kept,
        };
        Err(Ended::GivenUp { why, fate })
    }

    /// Gives back a grant that nobody uses, whatever stands in the way, for [`GIVEN_BACK_WITHIN`]. A second signal ends
    /// that.
    pub(super) async fn give_up(&self, grant: &Grant, interrupt: &Interrupt) -> Fate {
        let until = self.clock.now() + GIVEN_BACK_WITHIN;
        self.give_up_by(grant, interrupt, until).await
    }

    /// The same until then.
    pub(super) async fn give_up_by(
        &self,
        grant: &Grant,
        interrupt: &Interrupt,
        until: Instant,
    ) -> Fate {
        if grant.record.holder().is_none() {
            return Fate::None;
        }
        if grant.keeps_others_out(self.clock.now()) {
            return Fate::Shields;
        }
        self.free_grant(grant, interrupt, until).await
    }

    /// Gives back exactly this grant, under which nobody runs any more, if it still stands: as any that nobody uses.
    pub async fn give_up_ended(
        &self,
        grant: &Record,
        interrupt: &Interrupt,
        patience: &mut GivingBack,
    ) -> Fate {
        let until = patience.until(self.clock.now());
        self.free_by(grant, interrupt, until).await
    }

    /// What becomes of a grant that was kept for somebody who has not begun, now that it is lost: what may still stand as ours is
    /// given back, unless whoever it was taken from may still run. Whoever has taken it may wait for us, and is told that nothing
    /// runs.
    pub(super) async fn lost_unused(&self, grant: &Grant, end: End, interrupt: &Interrupt) -> End {
        match end {
            End::Lost(ref loss) if loss.may_be_ours() => {
                self.give_back_alone(grant, end, interrupt).await
            }
            End::Lost(ref loss) if loss.is_takeover() => {
                self.say_unused(grant, interrupt).await;
                end
            }
            end => end,
        }
    }

    /// What becomes of a grant that is given up before anybody has begun under it, whether or not its last write has happened.
    pub(super) async fn give_back_alone(
        &self,
        grant: &Grant,
        end: End,
        interrupt: &Interrupt,
    ) -> End {
        let until = self.clock.now() + GIVEN_BACK_WITHIN;
        with_fate(end, self.free_alone(grant, interrupt, until).await)
    }

    /// Frees one under which nobody has begun, unless somebody may run beside it.
    pub(super) async fn free_alone(
        &self,
        grant: &Grant,
        interrupt: &Interrupt,
        until: Instant,
    ) -> Fate {
        match grant.is_alone(self.clock.now()) {
            true => self.free_grant(grant, interrupt, until).await,
            false => Fate::Shields,
        }
    }

    /// Frees it, or says to whoever has taken it, who may wait for us, that nothing runs.
    async fn free_grant(&self, grant: &Grant, interrupt: &Interrupt, until: Instant) -> Fate {
        let fate = self.free_by(&grant.record, interrupt, until).await;
        if matches!(fate, Fate::Gone) {
            self.say_unused(grant, interrupt).await;
        }
        fate
    }

    async fn say_unused(&self, grant: &Grant, interrupt: &Interrupt) {
        tokio::select! {
            biased;
            _ = interrupt.insisted() => {}
            _ = self.say_stopped(grant, None) => {}
        }
    }

    async fn free_by(&self, grant: &Record, interrupt: &Interrupt, until: Instant) -> Fate {
        let limits = Limits {
            deadline: Some(until),
            once: false,
            insist: true,
            interrupt: Interrupt::never(),
        };
        let ours = Ours::Grant(grant.clone());
        let released = tokio::select! {
            biased;
            released = self.release(&ours, true, &limits, &|_| ()) => released,
            _ = interrupt.insisted() => return Fate::Open(None),
        };
        match released {
            Ok(_) => Fate::Free,
            Err(End::Refused(_)) => Fate::Gone,
            // Whether that was by our release or not.
            Err(End::Unsettled { end, .. }) if matches!(*end, End::Refused(_)) => Fate::Gone,
            Err(
                End::Fault(fault)
                | End::TimedOut {
                    fault: Some(fault), ..
                },
            ) => Fate::Open(Some(fault)),
            Err(End::Unsettled { end, fault }) => Fate::Open(fault.or(match *end {
                End::Fault(fault) => Some(fault),
                End::TimedOut { fault, .. } => fault,
                End::Refused(_)
                | End::Interrupted(_)
                | End::Lost(_)
                | End::Altered { .. }
                | End::Unsettled { .. }
                | End::Kept(_)
                | End::Declined(_) => None,
            })),
            Err(
                End::TimedOut { fault: None, .. }
                | End::Interrupted(_)
                | End::Lost(_)
                | End::Altered { .. }
                | End::Kept(_)
                | End::Declined(_),
            ) => Fate::Open(None),
        }
    }

    /// Gives back a grant that came too late for `end`, and says so where that fails.
    pub(super) async fn give_back(&self, grant: &Grant, end: End) -> End {
        with_fate(end, self.give_up(grant, &Interrupt::never()).await)
    }
}

/// An end, and what became of the grant that there was before it.
pub(super) fn with_fate(end: End, fate: Fate) -> End {
    match fate {
        Fate::None | Fate::Free | Fate::Gone => end,
        Fate::Open(fault) => End::Unsettled {
            end: Box::new(end),
            fault,
        },
        Fate::Kept | Fate::Shields => End::Kept(Box::new(end)),
    }
}

/// What a panic said.
pub(super) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
