//! The gate between a caller's place in line and the Lease: whose turn it is not writes nothing to it.

use std::cell::{Cell, RefCell};

use tokio::sync::Notify;

use super::super::super::decide::{
    AcquireStep, AcquireTerms, Obstacle, Seen, SlotsStep, SlotsTerms, Waiting,
};
use super::super::super::record::{GrantTerms, OwningLease, Record};
use super::super::super::values::LeaseDuration;
use crate::clock::Instant;

/// What stands between whoever wants a Lease and whoever keeps its place in line. They tell each other by it.
#[derive(Default)]
pub struct Gate {
    turn: Cell<Turn>,
    turned: Notify,
    sight: RefCell<Option<Sight>>,
    to_be_had_since: Cell<Option<Instant>>,
    seen: Notify,
}

/// Whether it is the caller's turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// So many stand before it.
    Behind(usize),
    /// It is, and for so long its place stands, or nobody else's was there.
    Until(Instant),
    /// It has no place, and takes the Lease as anybody does.
    Anybody,
}

/// What is known of that which is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The Lease, or the first slot; `None` while there is none.
    pub owner: Option<OwningLease>,
    /// Who holds it, or them.
    pub holders: Vec<String>,
    /// The shorter of the duration that it records, and of that which a grant would have.
    pub duration: LeaseDuration,
    /// Whether whoever is at its turn could take it now.
    pub to_be_had: bool,
    /// Whether anybody could but the caller.
    pub others_could: bool,
}

impl Gate {
    /// What is done next towards a grant of the one Lease that was `seen`, which the line is told of.
    pub fn pass(
        &self,
        step: AcquireStep,
        terms: &AcquireTerms,
        seen: &Seen,
        now: Instant,
    ) -> AcquireStep {
        let record = match seen {
            Seen::Lease(seen) => Some(seen.record()),
            Seen::Absent => None,
        };
        let holder = record.and_then(|record| record.holder());
        let to_be_had = matches!(step, AcquireStep::Create(_) | AcquireStep::Replace(_));
        let sight = Sight {
            owner: record.map(OwningLease::of),
            holders: holder.map(str::to_owned).into_iter().collect(),
            duration: lasting(record, &terms.grant),
            to_be_had,
            others_could: false,
        };
        self.tell(sight, now);
        if to_be_had && is_ones_own(seen, terms, now) {
            return step;
        }
        let expired_at = match seen {
            Seen::Lease(seen) => seen.observed_expiry(),
            Seen::Absent => None,
        };
        self.admit(step, expired_at, now)
    }

    /// The same of slots, of which any will do.
    pub fn pass_slots(
        &self,
        step: SlotsStep,
        terms: &SlotsTerms,
        seen: &[Seen],
        now: Instant,
    ) -> SlotsStep {
        let records = seen.iter().filter_map(|seen| match seen {
            Seen::Lease(seen) => Some(seen.record()),
            Seen::Absent => None,
        });
        let holders = records.clone().filter_map(|record| record.holder());
        let first = records.clone().next();
        let grant = &terms.each.grant;
        let (to_be_had, own) = match &step {
            SlotsStep::Go { slot, step } => {
                let writes = matches!(step, AcquireStep::Create(_) | AcquireStep::Replace(_));
                (writes, is_ones_own(&seen[*slot], &terms.each, now))
            }
            SlotsStep::Mark(_) | SlotsStep::Make(_) => (true, false),
            SlotsStep::Wait(_) | SlotsStep::Refuse(_) => (false, false),
        };
        // Whoever waits for the end of its own has a slot left that others could take.
        let own_alone = matches!(&step, SlotsStep::Wait(Waiting { obstacle: Obstacle::Slots(held), .. }) if held.own.is_some());
        let is_free = records.clone().any(|record| record.holder().is_none());
        let sight = Sight {
            owner: first.map(OwningLease::of),
            holders: holders.map(str::to_owned).collect(),
            duration: lasting(first, grant),
            to_be_had,
            others_could: own_alone && is_free,
        };
        self.tell(sight, now);
        if own && to_be_had {
            return step;
        }
        let expiries = seen.iter().filter_map(|seen| match seen {
            Seen::Lease(seen) => seen.observed_expiry().filter(|at| *at > now),
            Seen::Absent => None,
        });
        let expired_at = expiries.min();
        let is_of_turn = match &step {
            SlotsStep::Go { step, .. } => is_of_turn(step),
            SlotsStep::Mark(_) | SlotsStep::Make(_) => true,
            SlotsStep::Wait(_) | SlotsStep::Refuse(_) => false,
        };
        match self.waits(expired_at, now).filter(|_| is_of_turn) {
            Some(waiting) => SlotsStep::Wait(waiting),
            None => step,
        }
    }

    /// Tells the line what is known of the Lease at `now`.
    pub fn tell(&self, sight: Sight, now: Instant) {
        let since = self.to_be_had_since.get().or(Some(now));
        let could = sight.to_be_had || sight.others_could;
        self.to_be_had_since.set(since.filter(|_| could));
        let sight = Some(sight);
        if *self.sight.borrow() != sight {
            self.sight.replace(sight);
            self.seen.notify_one();
        }
    }

    /// What may be done of this step at `now`: all but to wait has to be one's turn. `expired_at` is when its holder's expiry
    /// will have been watched.
    fn admit(&self, step: AcquireStep, expired_at: Option<Instant>, now: Instant) -> AcquireStep {
        let waits = self.waits(expired_at.filter(|at| *at > now), now);
        match waits.filter(|_| is_of_turn(&step)) {
            Some(waiting) => AcquireStep::Wait(waiting),
            None => step,
        }
    }

    /// What to wait for where it is not one's turn.
    fn waits(&self, expired_at: Option<Instant>, now: Instant) -> Option<Waiting> {
        let before = match self.turn(now) {
            Turn::Until(_) | Turn::Anybody => return None,
            Turn::Unknown => 0,
            Turn::Behind(before) => before,
        };
        Some(Waiting {
            obstacle: Obstacle::InLine(before),
            expired_at,
            try_out_at: None,
        })
    }

    /// Whose turn it is at `now`.
    pub fn turn(&self, now: Instant) -> Turn {
        match self.turn.get() {
            // Whoever was frozen has to find out first whether its place is still there.
            Turn::Until(until) if now >= until => Turn::Unknown,
            turn => turn,
        }
    }

    /// Sets whose turn it is.
    pub fn set(&self, turn: Turn) {
        if self.turn.replace(turn) != turn {
            self.turned.notify_one();
        }
    }

    /// The place stands for longer, if it is one's turn.
    pub fn extend(&self, until: Instant) {
        if let Turn::Until(_) = self.turn.get() {
            self.set(Turn::Until(until));
        }
    }

    /// Returns once [`Self::turn`] may be another.
    pub async fn turned(&self) {
        self.turned.notified().await;
    }

    /// Returns once more is known of the Lease.
    pub async fn seen(&self) {
        self.seen.notified().await;
    }

    /// What is known of the Lease; `None` before it was read.
    pub fn sight(&self) -> Option<Sight> {
        self.sight.borrow().clone()
    }

    /// Since when whoever is at its turn could have taken it.
    pub fn to_be_had_since(&self) -> Option<Instant> {
        self.to_be_had_since.get()
    }
}

/// Whether the caller has it already and takes it again: nobody else in line could. What it had, and what has expired, anybody can.
fn is_ones_own(seen: &Seen, terms: &AcquireTerms, now: Instant) -> bool {
    let Seen::Lease(seen) = seen else {
        return false;
    };
    let lasts = seen.observed_expiry().is_none_or(|expiry| expiry > now);
    let holder = seen.record().holder();
    let again = terms.reenter || terms.ended.is_some();
    lasts && again && holder == Some(terms.grant.holder.as_str())
}

/// Others are not to wait for a dead waiter for longer than for a dead holder.
fn lasting(record: Option<&Record>, grant: &GrantTerms) -> LeaseDuration {
    let of_grant = grant.duration_by_default();
    let recorded = record.and_then(|record| record.duration());
    match (grant.duration, recorded) {
        (Some(asked), Some(recorded)) => asked.min(recorded),
        (None, Some(recorded)) => recorded,
        (_, None) => of_grant,
    }
}

/// Whether a step is one's who is at its turn: a write, and what is asked for before one.
fn is_of_turn(step: &AcquireStep) -> bool {
    match step {
        AcquireStep::Create(_)
        | AcquireStep::Replace(_)
        | AcquireStep::AskVersion
        | AcquireStep::TryOut(_) => true,
        AcquireStep::Wait(_) | AcquireStep::Refuse(_) => false,
    }
}
