//! The next step of `acquire` and `hold` with slots: which of several Leases to write, and how, or what all of them wait for.

use super::super::keeper::{Keeper, Nature};
use super::super::record::{Lease, Record};
use super::super::summary::Class;
use super::super::values::Slots;
use super::{AcquireStep, AcquireTerms, Now, Obstacle, Seen, Waiting, acquire};
use crate::lease::evidence::Stamps;

/// What is wanted: one of these.
#[derive(Clone, Debug)]
pub struct SlotsTerms {
    /// The slots.
    pub slots: Slots,
    /// What is wanted of the one; its name is that of the slots.
    pub each: AcquireTerms,
}

impl SlotsTerms {
    /// What is wanted of this one.
    pub fn of(&self, slot: usize) -> AcquireTerms {
        AcquireTerms {
            name: self.slots.each()[slot].to_string(),
            ..self.each.clone()
        }
    }
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub enum SlotsStep {
    /// The next step towards a grant of one slot: anything but to wait.
    Go {
        /// Which.
        slot: usize,
        /// The step.
        step: AcquireStep,
    },
    /// PUT this first: the first slot, which says from now on how many there are.
    Mark(Record),
    /// POST this first: the first slot, free, which says how many there are. It is missing, and the one that is wanted is another.
    Make(Lease),
    /// Nothing to write until something changes.
    Wait(Waiting),
    /// They do not fit together, or not to what was asked for.
    Refuse(SlotsRefusal),
}

/// Why none of them can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotsRefusal {
    /// Some are not there.
    Missing {
        /// Their names.
        names: Vec<String>,
        /// How many there should be.
        asked: usize,
    },
    /// There are none, and nobody says how many there should be.
    None,
    /// One of them says that there are more, or fewer.
    Differ {
        /// What was asked for.
        asked: usize,
        /// The one that says otherwise.
        lease: String,
        /// What it says.
        says: String,
        /// Another of them that says something else again, and what.
        another: Option<(String, String)>,
    },
    /// A Lease has the name of a slot, does not say to be one, and is no lock.
    NoSlot {
        /// Its name.
        lease: String,
        /// How many slots were asked for.
        asked: usize,
        /// What it is.
        nature: Nature,
    },
}

impl SlotsRefusal {
    /// Whether some are not there.
    pub fn is_of_absent(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::None => true,
            Self::Differ { .. } | Self::NoSlot { .. } => false,
        }
    }
}

/// What is in the way where every slot is somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotsHeld {
    /// How many there are.
    pub count: usize,
    /// The slots and what is in the way of each, in their order.
    pub each: Vec<(usize, Obstacle)>,
    /// The one that the same identity has: one holder has one slot at most.
    pub own: Option<usize>,
}

/// Decides (docs/design.md, Slots). Nothing is written to another slot than the first unless that one is there, is not being
/// deleted, and says how many there are. With an `open` slot, one to which a write was sent that may still happen, nothing is written
/// to any other: it could be granted beside that one.
pub fn slots(
    terms: &SlotsTerms,
    seen: &[Seen],
    stamps: Stamps,
    now: Now,
    open: Option<usize>,
) -> SlotsStep {
    if let Some(refusal) = refused(terms, seen) {
        return SlotsStep::Refuse(refusal);
    }
    let step = |slot: usize| acquire(&terms.of(slot), &seen[slot], stamps, now);
    let steps: Vec<AcquireStep> = (0..seen.len()).map(step).collect();
    // What cannot be of one of them cannot be counted on by whoever asks for any.
    let never = |step: &AcquireStep| matches!(step, AcquireStep::Refuse(_));
    if let Some(slot) = steps.iter().position(never) {
        let step = steps[slot].clone();
        return SlotsStep::Go { slot, step };
    }
    let own = own(terms, seen, stamps, now);
    if is_terminating(&seen[0]) {
        return wait(&steps, own, Until::FirstIsGone);
    }
    let takes = |slot: &usize| {
        matches!(
            steps[*slot],
            AcquireStep::Create(_) | AcquireStep::Replace(_)
        )
    };
    let candidates: Vec<usize> = match open.or(own) {
        Some(only) => vec![only],
        None => terms.slots.order(&terms.each.grant.holder).collect(),
    };
    if let Some(slot) = candidates.iter().copied().find(takes) {
        return take(terms, seen, &steps, &candidates, slot);
    }
    let asks = |slot: &usize| !matches!(steps[*slot], AcquireStep::Wait(_));
    if let Some(slot) = candidates.iter().copied().find(asks) {
        let step = as_slot(terms, &steps[slot]);
        return SlotsStep::Go { slot, step };
    }
    wait(&steps, own, Until::OneIsFree)
}

/// The slot that the same identity has: one of which others would have to wait for the end. `--reenter` takes one that has expired
/// before any other, which is free to all.
fn own(terms: &SlotsTerms, seen: &[Seen], stamps: Stamps, now: Now) -> Option<usize> {
    let me = terms.each.grant.holder.as_str();
    let is_own = |slot: &usize| record(&seen[*slot]).is_some_and(|r| r.holder() == Some(me));
    let is_in_force = |slot: &usize| {
        let stranger = AcquireTerms {
            reenter: false,
            ended: None,
            ..terms.of(*slot)
        };
        let step = acquire(&stranger, &seen[*slot], stamps, now);
        !matches!(step, AcquireStep::Replace(_))
    };
    let mut all = (0..seen.len()).filter(is_own);
    let first = all.clone().next().filter(|_| terms.each.reenter);
    all.find(is_in_force).or(first)
}

/// What a Lease says of all of them.
fn refused(terms: &SlotsTerms, seen: &[Seen]) -> Option<SlotsRefusal> {
    let asked = terms.slots.count().get();
    let there = seen.iter().filter_map(record);
    for record in there {
        let lease = || record.name().to_owned();
        match record.slots() {
            Some(says) if says != asked.to_string() => {
                return Some(SlotsRefusal::Differ {
                    asked,
                    lease: lease(),
                    says: says.to_owned(),
                    another: another(seen, says),
                });
            }
            None if !may_be_slot(record) => {
                return Some(SlotsRefusal::NoSlot {
                    lease: lease(),
                    asked,
                    nature: Nature::of(record),
                });
            }
            Some(_) | None => {}
        }
    }
    let absent = |slot: &usize| matches!(seen[*slot], Seen::Absent);
    let missing = (0..seen.len()).filter(absent);
    let names: Vec<String> = missing.map(|slot| terms.of(slot).name).collect();
    (!terms.each.create && !names.is_empty()).then_some(SlotsRefusal::Missing { names, asked })
}

/// The first that says another number.
fn another(seen: &[Seen], says: &str) -> Option<(String, String)> {
    let there = seen.iter().filter_map(record);
    let mut others = there.filter_map(|record| Some((record, record.slots()?)));
    let (record, other) = others.find(|(_, other)| *other != says)?;
    Some((record.name().to_owned(), other.to_owned()))
}

/// Whether a Lease that says nothing of slots may become one: a lock of somebody's, or of nobody's, is as good as any.
fn may_be_slot(record: &Record) -> bool {
    Keeper::of(record).is_none()
        && !record.is_terraforms()
        && record.class() != Class::LeaderElection
}

/// The write to one of the `candidates`. It is the first slot that says how many there are, and it does before any other is
/// written: of two callers that disagree, one meets what the other has said.
fn take(
    terms: &SlotsTerms,
    seen: &[Seen],
    steps: &[AcquireStep],
    candidates: &[usize],
    slot: usize,
) -> SlotsStep {
    let go = |slot: usize| SlotsStep::Go {
        slot,
        step: as_slot(terms, &steps[slot]),
    };
    match record(&seen[0]) {
        _ if slot == 0 => go(slot),
        // Whoever may have any has the first, which saves a request.
        None if candidates.contains(&0) => go(0),
        None => SlotsStep::Make(first(terms)),
        Some(first) if first.slots().is_none() => SlotsStep::Mark(first.as_slot(&terms.slots)),
        Some(_) => go(slot),
    }
}

/// The first slot, as it is made for others' sake.
fn first(terms: &SlotsTerms) -> Lease {
    let AcquireTerms {
        namespace,
        name,
        grant,
        ..
    } = terms.of(0);
    let duration = grant.duration.unwrap_or(grant.default_duration);
    Lease::fresh(&namespace, &name, duration).as_slot(&terms.slots)
}

/// The same, and what is written says that it is a slot.
fn as_slot(terms: &SlotsTerms, step: &AcquireStep) -> AcquireStep {
    let of = &terms.slots;
    match step {
        AcquireStep::Create(lease) => AcquireStep::Create(lease.as_slot(of)),
        AcquireStep::Replace(record) => AcquireStep::Replace(record.as_slot(of)),
        AcquireStep::TryOut(record) => AcquireStep::TryOut(record.as_slot(of)),
        AcquireStep::Wait(_) | AcquireStep::AskVersion | AcquireStep::Refuse(_) => step.clone(),
    }
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// One that can be had.
    OneIsFree,
    /// The end of the first slot, which is being deleted with what it says: until it is there again nothing is written to another.
    FirstIsGone,
}

fn wait(steps: &[AcquireStep], own: Option<usize>, until: Until) -> SlotsStep {
    let waiting = steps.iter().enumerate().filter_map(|(slot, step)| {
        if let AcquireStep::Wait(waiting) = step {
            Some((slot, waiting))
        } else {
            None
        }
    });
    let waiting: Vec<(usize, &Waiting)> = waiting.collect();
    let concerns = waiting
        .iter()
        .filter(|_| until == Until::OneIsFree)
        .filter(|(slot, _)| own.is_none_or(|own| own == *slot));
    let concerns: Vec<&Waiting> = concerns.map(|(_, waiting)| *waiting).collect();
    let each = waiting
        .iter()
        .map(|(slot, waiting)| (*slot, waiting.obstacle.clone()));
    SlotsStep::Wait(Waiting {
        obstacle: Obstacle::Slots(SlotsHeld {
            count: steps.len(),
            each: each.collect(),
            own,
        }),
        expired_at: concerns.iter().filter_map(|one| one.expired_at).min(),
        try_out_at: concerns.iter().filter_map(|one| one.try_out_at).min(),
    })
}

fn is_terminating(seen: &Seen) -> bool {
    record(seen).is_some_and(|record| record.is_terminating())
}

fn record(seen: &Seen) -> Option<&Record> {
    match seen {
        Seen::Absent => None,
        Seen::Lease(seen) => Some(seen.record()),
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
