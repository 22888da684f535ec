//! The grants that the server stored: who had which lease from which write to which.

use std::collections::BTreeMap;
use std::time::Duration;

use super::author::{Author, Authors};
use super::record::{Key, Record};
use super::story::Write;
use crate::history::{Call, Role};
use crate::time::At;

/// One acquisition, whoever made it.
pub struct Grant<'h> {
    pub lease: &'h str,
    /// The revision of the write that made it.
    pub token: u64,
    pub key: Key<'h>,
    /// Whose identity it is.
    pub call: Option<&'h Call>,
    /// Every write from the one that made it, by whomever, as long as it stands.
    pub writes: Vec<usize>,
    /// The write that ended it.
    pub end: Option<usize>,
    /// What its holder has recorded last, after each of these writes: a thief records its own once its victim has stopped, and
    /// what others write into it is none of its own.
    durations: Vec<Option<Duration>>,
    /// Whether the answer to the write that made it may not have come: its token was read later, then.
    pub unheard: bool,
}

/// How a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It stands.
    Stands,
    /// Its holder gave it back.
    Released,
    /// Somebody else freed it, or deleted the lease.
    FreedByOther,
    /// Somebody has it who takes what is held (`steal`, `failover`, foreign writes), or the same holder anew.
    Robbed,
    /// Somebody took it who acquires only what is free or has expired.
    Expired,
}

impl<'h> Grant<'h> {
    pub fn begun<'s>(&self, writes: &'s [Write<'h>]) -> &'s Write<'h> {
        &writes[self.writes[0]]
    }

    pub fn ended<'s>(&self, writes: &'s [Write<'h>]) -> Option<&'s Write<'h>> {
        self.end.map(|index| &writes[index])
    }

    /// The last write by which its holder kept it: what others write into it keeps nobody's command alive.
    pub fn last_renewal<'s>(&self, writes: &'s [Write<'h>]) -> &'s Write<'h> {
        let all = self.writes.iter().rev().map(|index| &writes[*index]);
        let own = |write: &&Write<'h>| {
            let owner = self.call.map(|call| Author::Contender(call.contender));
            owner.is_none_or(|owner| owner == write.author)
        };
        let mut renewals = all.filter(|write| write.grants() || (write.renews() && own(write)));
        renewals.next().unwrap_or_else(|| self.begun(writes))
    }

    /// What it is for, by its holder's last word.
    pub fn duration(&self) -> Option<Duration> {
        self.durations.last().copied().flatten()
    }

    /// What it was for when one of its writes was stored.
    pub fn duration_at(&self, write: &Write<'_>, writes: &[Write<'_>]) -> Option<Duration> {
        let revision = |index: &usize| writes[*index].commit.revision;
        let place = self
            .writes
            .partition_point(|index| revision(index) < write.commit.revision);
        self.durations.get(place).copied().flatten()
    }

    /// One more write that left it standing.
    fn goes_on(&mut self, index: usize, write: &Write<'h>) {
        let recorded = |record: Option<Record<'_>>| record.and_then(Record::duration);
        let (before, after) = (recorded(write.before()), recorded(write.after()));
        let owner = self.call.map(|call| Author::Contender(call.contender));
        let says_so = owner == Some(write.author) && before != after;
        let so_far = self.duration();
        self.durations.push(after.filter(|_| says_so).or(so_far));
        self.writes.push(index);
    }

    /// The last write that others count from.
    pub fn last_change<'s>(&self, writes: &'s [Write<'h>]) -> &'s Write<'h> {
        let all = self.writes.iter().rev().map(|index| &writes[*index]);
        let mut changes = all.filter(|write| write.changes_observed());
        changes.next().unwrap_or_else(|| self.begun(writes))
    }

    /// How it ended.
    pub fn ending(&self, writes: &[Write<'h>]) -> Ending {
        let Some(end) = self.ended(writes) else {
            return Ending::Stands;
        };
        let next = end.after().and_then(Record::key);
        match (next, end.call) {
            (None, _) if is_own_release(self, end) => Ending::Released,
            (None, _) => Ending::FreedByOther,
            (Some(_), Some(call)) if takes_what_is_held(call) => Ending::Robbed,
            (Some(next), _) if next.holder == self.key.holder => Ending::Robbed,
            (Some(_), None) => Ending::Robbed,
            (Some(_), Some(_)) => Ending::Expired,
        }
    }

    /// From the write that made it to the write that ended it, at the most.
    pub fn span(&self, writes: &[Write<'h>], end: At) -> (At, At) {
        let ended = self.ended(writes).map_or(end, |write| write.latest);
        (self.begun(writes).earliest, ended)
    }
}

/// Whether the holder itself freed it, by its own process or by `release` in its name.
pub fn is_own_release(grant: &Grant<'_>, end: &Write<'_>) -> bool {
    let Some(owner) = grant.call else {
        return false;
    };
    if end.author != Author::Contender(owner.contender) {
        return false;
    }
    match end.call.map(|call| call.role) {
        // What a `hold` has is its own to give back; `release` in its name is somebody's who takes it away.
        Some(Role::Release) => !holds(owner),
        Some(Role::ReleaseForce) => false,
        _ => true,
    }
}

/// Whether a call runs a command under what it is granted.
pub fn holds(call: &Call) -> bool {
    matches!(
        call.role,
        Role::Hold | Role::HoldSlot | Role::HoldSteal | Role::HoldAgain
    )
}

/// Whether a call takes what another holds, too.
pub fn takes_what_is_held(call: &Call) -> bool {
    matches!(
        call.role,
        Role::HoldSteal | Role::Steal | Role::StealNow | Role::Failover
    ) || call.words.iter().any(|word| word == "--steal")
}

/// Whether a call does not wait until whomever it takes from must have stopped.
pub fn waits_for_nobody(call: &Call) -> bool {
    let says = |wanted: &str| call.words.iter().any(|word| word == wanted);
    call.role == Role::StealNow || says("--now") || says("--reenter")
}

/// Every grant of every lease, in order.
pub fn all<'h>(
    writes: &[Write<'h>],
    of_lease: &BTreeMap<&'h str, Vec<usize>>,
    authors: &Authors<'h>,
) -> Vec<Grant<'h>> {
    let mut all = Vec::new();
    for (lease, indices) in of_lease {
        let mut present: Option<Grant<'h>> = None;
        for &index in indices {
            let write = &writes[index];
            let key = write.after().and_then(Record::key);
            if let Some(grant) = &mut present {
                if key == Some(grant.key) {
                    grant.goes_on(index, write);
                    continue;
                }
                grant.end = Some(index);
            }
            all.extend(present.take());
            present = key.map(|key| Grant {
                lease,
                token: write.commit.revision,
                call: authors.owner(key.holder),
                key,
                writes: vec![index],
                end: None,
                durations: vec![write.after().and_then(Record::duration)],
                unheard: unheard(write),
            });
        }
        all.extend(present);
    }
    all.sort_by_key(|grant| grant.token);
    all
}

/// Whether the client may not have had the answer.
pub fn unheard(write: &Write<'_>) -> bool {
    write.sent.is_none_or(|sent| {
        sent.fault.is_some()
            || sent.answered.is_none()
            || !sent
                .status
                .is_some_and(|status| (200..300).contains(&status))
    })
}
