//! Decisions about a Lease that may be ours: to release it, or to renew it by identity.

use jiff::Timestamp;

use super::super::keeper::Other;
use super::super::record::Record;
use super::super::values::HolderIdentity;
use super::{Exported, Refusal, Seen};

/// Whose grant `release` ends.
#[derive(Clone, Debug)]
pub enum Ours {
    /// The grant that `acquire -o env` exported.
    Exported(Exported),
    /// Whatever this identity holds.
    Identity(HolderIdentity),
    /// The same, in a process that these grants of holds are around, which release them.
    Within(HolderIdentity, Vec<Exported>),
    /// Exactly this grant.
    Grant(Record),
}

impl Ours {
    /// Whether it is what this Lease grants now.
    pub fn holds(&self, record: &Record) -> bool {
        match self {
            Self::Identity(holder) | Self::Within(holder, _) => {
                record.holder() == Some(holder.as_str())
            }
            Self::Exported(grant) => grant.is_granted(record),
            Self::Grant(grant) => record.same_grant(grant),
        }
    }
}

/// The next step of `release`, or of a renewal by identity.
#[derive(Clone, Debug, PartialEq)]
pub enum OursStep {
    /// PUT this.
    Replace(Record),
    /// Not ours (or not there); nothing is written.
    Refuse(Refusal),
}

/// The next step of `release`.
pub fn release(ours: &Ours, seen: &Seen, wall: Timestamp) -> OursStep {
    if let (Ours::Within(_, around), Seen::Lease(found)) = (ours, seen)
        && around.iter().any(|grant| grant.is_granted(found.record()))
    {
        return OursStep::Refuse(Refusal::KeptByHold);
    }
    if_ours(ours, seen, |record| record.released(wall))
}

/// The same of `release` from a script, which does not know what came before: who interrupted a `steal` has a Lease whose
/// victim may still run, and it stays held until it expires.
pub fn release_ours(ours: &Ours, seen: &Seen, wall: Timestamp) -> OursStep {
    beside_nobody(ours, seen).unwrap_or_else(|| release(ours, seen, wall))
}

/// The next step of `renew` from a script, which knows the identity but not the grant. A Lease whose victim may still run
/// is left to expire: renewed again and again it would never be known when that is over.
pub fn renew_ours(ours: &Ours, seen: &Seen, wall: Timestamp) -> OursStep {
    let renew = || if_ours(ours, seen, |record| record.renewed(wall));
    beside_nobody(ours, seen).unwrap_or_else(renew)
}

/// A refusal where the Lease is ours, and whom it was stolen from may still run.
fn beside_nobody(ours: &Ours, seen: &Seen) -> Option<OursStep> {
    let Seen::Lease(found) = seen else {
        return None;
    };
    let victim = found.record().victim()?.to_owned();
    (ours.holds(found.record())).then_some(OursStep::Refuse(Refusal::VictimMayRun(victim)))
}

fn if_ours(ours: &Ours, seen: &Seen, write: impl FnOnce(&Record) -> Record) -> OursStep {
    match seen {
        Seen::Absent => OursStep::Refuse(Refusal::NotFound),
        Seen::Lease(seen) if ours.holds(seen.record()) => OursStep::Replace(write(seen.record())),
        Seen::Lease(seen) => OursStep::Refuse(not_ours(seen.record())),
    }
}

/// Why nothing is written to a Lease that is another's, or nobody's.
pub fn not_ours(record: &Record) -> Refusal {
    Refusal::HolderIs(Other::of(record))
}
