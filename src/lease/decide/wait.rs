//! Decisions about a Lease that is waited for and not taken: is it as it is to be, and what could tell?

use super::super::evidence::{Ask, Expiry, Observation, Proof, Stamps};
use super::super::record::{Keep, Record, Taken};
use super::super::report::{self, Basis, State};
use super::super::values::HolderIdentity;
use super::{Now, Seen};
use crate::clock::Instant;

/// What a Lease is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// It has no holder.
    Free,
    /// It has a holder, who is alive as far as can be told.
    Held,
    /// It has a holder, whose lease is proven to have expired; or it had, and another has taken it since.
    Expired,
    /// There is none, or another object of its name.
    Deleted,
    /// This is its holder, alive or not.
    Holder(HolderIdentity),
    /// It has another holder than this, or none.
    NotHolder(HolderIdentity),
}

/// The next step towards it.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitStep {
    /// It is so.
    Met,
    /// It is not: until something changes, or until this proves something by the passing of time.
    Wait(Option<Instant>),
    /// Read it: a watch that kept silent proves nothing, and it may have been renewed.
    ReadAgain,
    /// Ask the server for its version: what are its stamps worth?
    AskVersion,
    /// Have a dry run made of this renewal: the server's own stamp of it may prove the expiry.
    TryOut(Record),
    /// There is no such Lease, and there was none.
    NotFound,
}

/// The next step towards what is `awaited` of a Lease that was first seen as `first`, and last read, not only watched, by a request
/// that was sent at `read_at`.
pub fn wait(
    awaited: &Awaited,
    first: Option<&Record>,
    read_at: Instant,
    seen: &Seen,
    stamps: Stamps,
    now: Now,
) -> WaitStep {
    let seen = match (seen, awaited, first) {
        (Seen::Lease(seen), ..) => seen,
        (Seen::Absent, Awaited::Deleted, _) => return WaitStep::Met,
        (Seen::Absent, _, None) => return WaitStep::NotFound,
        // It may be created again.
        (Seen::Absent, _, Some(_)) => return WaitStep::Wait(None),
    };
    let record = seen.record();
    let is = match awaited {
        Awaited::Free => record.holder().is_none(),
        Awaited::Deleted => first.is_some_and(|first| first.uid() != record.uid()),
        Awaited::Holder(holder) => record.holder() == Some(holder.as_str()),
        Awaited::NotHolder(holder) => record.holder() != Some(holder.as_str()),
        // Whoever waits for the lease takes it as soon as that is proven.
        Awaited::Expired if first.is_some_and(|first| expired_since(first, record)) => true,
        // A takeover would be refused if it had been renewed unseen; here nothing is written that could be.
        Awaited::Expired => match seen.expiry(now.instant, stamps) {
            Expiry::Expired(Proof::Observed { .. })
                if seen.observed_expiry().is_some_and(|at| read_at < at) =>
            {
                return WaitStep::ReadAgain;
            }
            Expiry::Free | Expiry::Expired(_) | Expiry::Unproven { .. } => {
                return expired(seen, stamps, now);
            }
        },
        Awaited::Held => return held(first, seen, stamps, now),
    };
    if is {
        WaitStep::Met
    } else {
        WaitStep::Wait(None)
    }
}

/// Whether a grant has ended by its expiry since `first` was seen: who took it then has written so down.
fn expired_since(first: &Record, record: &Record) -> bool {
    record.uid() == first.uid()
        && record.previous().is_some_and(|previous| {
            previous.taken == Taken::Expired
                && previous.transitions > first.transitions()
                && previous.transitions <= record.transitions()
        })
}

/// By proof alone, as a takeover: what is waited for may be acted on.
pub(super) fn expired(seen: &Observation, stamps: Stamps, now: Now) -> WaitStep {
    match seen.expiry(now.instant, stamps) {
        Expiry::Expired(_) => WaitStep::Met,
        Expiry::Free => WaitStep::Wait(None),
        Expiry::Unproven { observed_at, ask } => match ask {
            Ask::Nothing => WaitStep::Wait(observed_at),
            Ask::Later(at) => WaitStep::Wait(observed_at.map(|other| other.min(at))),
            Ask::Version => WaitStep::AskVersion,
            Ask::DryRun => WaitStep::TryOut(seen.record().renewed(now.wall)),
        },
    }
}

/// A holder is alive who has written since the Lease was first seen, whose lease never expires, or of whom the server's clock
/// says so as `status` shows it. Not one whose renewal is still to come by that clock: it may have died long ago.
fn held(first: Option<&Record>, seen: &Observation, stamps: Stamps, now: Now) -> WaitStep {
    let record = seen.record();
    match seen.expiry(now.instant, stamps) {
        Expiry::Free | Expiry::Expired(_) => return WaitStep::Wait(None),
        Expiry::Unproven {
            observed_at: None, ..
        } => return WaitStep::Met,
        Expiry::Unproven { .. } => {}
    }
    let wrote =
        |first: &Record| first.renew_time() != record.renew_time() || !record.same_grant(first);
    if first.is_some_and(wrote) {
        return WaitStep::Met;
    }
    let mut lease = Keep::Facts.of(record);
    // Who holds what is being deleted holds it all the same.
    lease.terminating = false;
    let date = seen.server_time(now.instant);
    if stamps == Stamps::Unknown && report::needs_version(&lease, date) {
        return WaitStep::AskVersion;
    }
    let condition = report::of(&lease, date, stamps);
    let told = condition.basis != Basis::None || record.renew_time().is_none();
    if condition.state == State::Held && told {
        WaitStep::Met
    } else {
        WaitStep::Wait(None)
    }
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
