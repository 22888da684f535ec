//! Pure decisions: what is wanted and what was observed, to the next step. No I/O, no clock.

mod cleanup;
mod failover;
mod free;
mod loss;
mod ours;
mod prune;
mod queue;
mod slots;
mod steal;
mod stopped;
mod wait;
mod window;

use jiff::Timestamp;

pub use cleanup::{Cleanup, cleanup};
pub use failover::{Choice, Next, Succession, candidate, is_named, next, succession};
pub use free::{FreeStep, FreeTerms, free};
pub use loss::{Loss, lost};
pub use ours::{Ours, OursStep, not_ours, release, release_ours, renew_ours};
pub use prune::{PruneTerms, Verdict, is_as_judged, judge, proof};
pub use queue::{Order, Rank, in_line};
pub use slots::{SlotsHeld, SlotsRefusal, SlotsStep, SlotsTerms, slots};
pub use steal::{Agreement, Change, NeverExpires, StealStep, StealTerms, steal, victim_stops};
pub use stopped::{StoppedStep, say_stopped};
pub use wait::{Awaited, WaitStep, wait};
pub use window::Window;

use super::evidence::{Ask, Expiry, Observation, Stamps};
use super::keeper::{Keeper, Nature, Other, Ticket};
use super::record::{GrantTerms, Lease, Record, TransitionsExhausted};
use super::values::{HolderIdentity, LeaseDuration};
use crate::clock::Instant;

/// The last that is known of a Lease.
#[derive(Clone, Debug)]
pub enum Seen {
    /// There is none.
    Absent,
    /// It was seen like this.
    Lease(Observation),
}

/// Now, on both clocks: the monotonic one decides, the wall one is only written down.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic, suspend counted.
    pub instant: Instant,
    /// Wall time for the record.
    pub wall: Timestamp,
}

/// What `acquire` and `hold` want.
#[derive(Clone, Debug)]
pub struct AcquireTerms {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// The grant that is asked for.
    pub grant: GrantTerms,
    /// Create the Lease if there is none.
    pub create: bool,
    /// Take a Lease that the same identity holds already.
    pub reenter: bool,
    /// The shortest duration that will do.
    pub min_duration: Option<LeaseDuration>,
    /// Delete the Lease after the release.
    pub deletes: bool,
    /// The grants that this process runs under, as far as its environment tells; some may be over.
    pub ancestors: Vec<Exported>,
    /// A grant of this very process that it has lost, and of whose command nothing runs any more; it was alone. Where it still
    /// stands, nobody has to be waited for.
    pub ended: Option<Record>,
}

/// A grant as it was handed on, to the command of `hold` or by `acquire -o env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its holder.
    pub holder: HolderIdentity,
    /// `metadata.uid` of its Lease.
    pub uid: String,
    /// Its number.
    pub transitions: i64,
}

impl Exported {
    /// Whether it is what this Lease grants now.
    pub fn is_granted(&self, record: &Record) -> bool {
        record.holder() == Some(self.holder.as_str())
            && record.uid() == self.uid
            && record.transitions() == self.transitions
    }
}

/// The next step towards a grant.
#[derive(Clone, Debug, PartialEq)]
pub enum AcquireStep {
    /// POST this.
    Create(Lease),
    /// PUT this.
    Replace(Record),
    /// Nothing to write until something changes.
    Wait(Waiting),
    /// Ask the server for its version: its stamps may say expired, if they can be believed.
    AskVersion,
    /// Have a dry run made of this takeover: the server's own stamp of it may prove the expiry.
    TryOut(Record),
    /// It cannot be.
    Refuse(Refusal),
}

impl std::fmt::Display for AcquireStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(_) => f.write_str("create it, held"),
            Self::Replace(record) => write!(
                f,
                "take it over resourceVersion {}",
                record.resource_version()
            ),
            Self::Wait(waiting) => write!(f, "wait: {:?}", waiting.obstacle),
            Self::AskVersion => f.write_str("ask for the server's version"),
            Self::TryOut(record) => write!(
                f,
                "dry run of a takeover over resourceVersion {}",
                record.resource_version()
            ),
            Self::Refuse(refusal) => write!(f, "refuse: {refusal:?}"),
        }
    }
}

/// Why and how long to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What stands in the way.
    pub obstacle: Obstacle,
    /// When our own watching will have proven the expiry; `None` if nothing but a change will help.
    pub expired_at: Option<Instant>,
    /// When a dry run could prove it sooner, by the server's stamps.
    pub try_out_at: Option<Instant>,
}

/// What stands in the way of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Another holds it.
    HeldBy(Other),
    /// The same identity holds it, perhaps in another process.
    HeldByOneself(Nature),
    /// The object is being deleted.
    Terminating,
    /// Any of several would do, and each is in somebody's hands.
    Slots(SlotsHeld),
    /// So many stand in line before us; it may be free meanwhile, until the first of them takes it.
    InLine(usize),
    /// So many stand in line already, which is as many as may.
    LineIsFull {
        /// How many stand there.
        waiters: usize,
        /// How many may.
        most: usize,
    },
}

/// Why it cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such Lease.
    NotFound,
    /// `spec.strategy` is set: the control plane elects the holder.
    Coordinated(String),
    /// `spec.leaseTransitions` is at its int32 limit.
    TransitionsExhausted,
    /// One below it: a failover would take the last one, and nobody could follow.
    LastTransition,
    /// Being deleted, where waiting is not wanted.
    Terminating,
    /// The duration that would be recorded is too short for what is wanted.
    TooShort(LeaseDuration),
    /// It was to be deleted after its release, and is a slot of this name, which says how many there are.
    SlotStays(String),
    /// Held by a grant that this very process runs under: waiting for its end would be waiting for itself.
    HeldByAncestor(String),
    /// The same where it was to be stolen: the hold that loses it stops this process before the wait for its victim is over.
    VictimIsAncestor(String),
    /// Held by another grant than the one that was shown and agreed to, and nobody can be asked again.
    NotAsShown {
        /// What has become of what was shown.
        change: Change,
        /// Who holds it now.
        now: Other,
    },
    /// Somebody is taking it over already, and waits until this victim must have stopped.
    BeingTakenOver {
        /// Who.
        by: Other,
        /// From whom.
        victim: String,
    },
    /// It was stolen from this holder, who may still run: freeing it would let somebody in beside it.
    VictimMayRun(String),
    /// The grant of a hold around this process, which releases it when the command has ended and nothing of it is left.
    KeptByHold,
    /// Not a lock: what keeps it does not look at its holder. To steal it all the same has to be asked for.
    NoLock(Keeper),
    /// The same, where it was to be freed: that cannot be asked for.
    NotFreed(Keeper),
    /// None of several that any of would do.
    Slots(SlotsRefusal),
    /// Held by somebody else than `--if-holder` or the releasing identity says; `None` when free.
    HolderIs(Option<Other>),
}

/// The next step of `acquire` and `hold` (docs/design.md, The argument).
pub fn acquire(terms: &AcquireTerms, seen: &Seen, stamps: Stamps, now: Now) -> AcquireStep {
    let seen = match seen {
        Seen::Absent if terms.create => {
            let (namespace, name) = (&terms.namespace, &terms.name);
            let fresh = Lease::fresh(namespace, name, terms.grant.default_duration);
            let grant = fresh.granted(&terms.grant, now.wall);
            return checked(&fresh, &terms.grant, terms.min_duration, grant)
                .map_or_else(AcquireStep::Refuse, AcquireStep::Create);
        }
        Seen::Absent => return AcquireStep::Refuse(Refusal::NotFound),
        Seen::Lease(seen) => seen,
    };
    let record = seen.record();
    if let Some(strategy) = record.strategy() {
        return AcquireStep::Refuse(Refusal::Coordinated(strategy.to_owned()));
    }
    if let Some(ticket) = Ticket::of(record) {
        return AcquireStep::Refuse(Refusal::NoLock(Keeper::Waiter(Box::new(ticket))));
    }
    // Known before any waiting, unless the present holder changes it.
    if let Err(refusal) = fits(terms, record) {
        return AcquireStep::Refuse(refusal);
    }
    if record.is_terminating() {
        return AcquireStep::Wait(Waiting {
            obstacle: Obstacle::Terminating,
            expired_at: None,
            try_out_at: None,
        });
    }
    let ended = terms.ended.as_ref();
    if ended.is_some_and(|grant| grant.same_grant(record)) && record.victim().is_none() {
        return replace(record, &terms.grant, terms, now);
    }
    let by_oneself = record.holder() == Some(terms.grant.holder.as_str());
    match seen.expiry(now.instant, stamps) {
        Expiry::Free | Expiry::Expired(_) => replace(record, &terms.grant, terms, now),
        // Whom this identity took it from may run on until the Lease expires, and nobody asked to work beside that.
        Expiry::Unproven { .. } if by_oneself && terms.reenter && record.victim().is_none() => {
            // The earlier process of this identity may run on for the recorded duration: nobody else may come in sooner.
            let mut grant = terms.grant.clone();
            grant.duration = grant.duration.max(record.duration());
            replace(record, &grant, terms, now)
        }
        Expiry::Unproven { observed_at, ask } => {
            let try_out_at = match ask {
                Ask::Version => return AcquireStep::AskVersion,
                Ask::DryRun => {
                    return granted(record, &terms.grant, terms.min_duration, now)
                        .map_or_else(AcquireStep::Refuse, AcquireStep::TryOut);
                }
                Ask::Later(at) => Some(at),
                Ask::Nothing => None,
            };
            let other = Other {
                holder: record.holder().unwrap_or_default().to_owned(),
                nature: Nature::of(record),
            };
            if terms.ancestors.iter().any(|grant| grant.is_granted(record)) {
                return AcquireStep::Refuse(Refusal::HeldByAncestor(other.holder));
            }
            AcquireStep::Wait(Waiting {
                obstacle: if by_oneself && !terms.reenter {
                    Obstacle::HeldByOneself(other.nature)
                } else {
                    Obstacle::HeldBy(other)
                },
                expired_at: observed_at,
                try_out_at,
            })
        }
    }
}

fn replace(record: &Record, grant: &GrantTerms, terms: &AcquireTerms, now: Now) -> AcquireStep {
    granted(record, grant, terms.min_duration, now)
        .map_or_else(AcquireStep::Refuse, AcquireStep::Replace)
}

/// Whether a grant over this Lease could be what is wanted, whoever holds it.
///
/// # Errors
/// Why it could not.
pub fn fits(terms: &AcquireTerms, record: &Record) -> Result<(), Refusal> {
    if terms.deletes && record.is_slot() {
        return Err(Refusal::SlotStays(record.slot_of().to_owned()));
    }
    long_enough(record, &terms.grant, terms.min_duration)
}

/// Whether the duration that a grant over `lease` would have is no shorter than `least`.
fn long_enough(
    lease: &Lease,
    grant: &GrantTerms,
    least: Option<LeaseDuration>,
) -> Result<(), Refusal> {
    let duration = grant.duration_on(lease);
    match least {
        Some(least) if duration < least => Err(Refusal::TooShort(duration)),
        Some(_) | None => Ok(()),
    }
}

/// A grant over what was read.
fn granted(
    record: &Record,
    grant: &GrantTerms,
    least: Option<LeaseDuration>,
    now: Now,
) -> Result<Record, Refusal> {
    checked(record, grant, least, record.granted(grant, now.wall))
}

/// Every grant that is written comes through here, so that none has a duration that was not checked.
fn checked<T>(
    lease: &Lease,
    grant: &GrantTerms,
    least: Option<LeaseDuration>,
    granted: Result<T, TransitionsExhausted>,
) -> Result<T, Refusal> {
    long_enough(lease, grant, least)?;
    granted.map_err(|_| Refusal::TransitionsExhausted)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
