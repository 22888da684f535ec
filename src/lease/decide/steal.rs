//! The decisions of `steal`: what is shown and agreed to, and what is taken over on the strength of it.

use super::{Exported, Now, Refusal, Seen, granted};
use crate::clock::Instant;
use crate::lease::evidence::{Expiry, Observation, Proof, Stamps};
use crate::lease::keeper::Other;
use crate::lease::record::{GrantTerms, Record, Taken};

/// What `steal` wants.
#[derive(Clone, Debug)]
pub struct StealTerms {
    /// The grant that is asked for.
    pub grant: GrantTerms,
    /// Steal only from this holder.
    pub if_holder: Option<String>,
    /// Whether somebody can be asked again. If not, what was agreed to is the grant that was shown first, and no other;
    /// or any grant of `if_holder`.
    pub asks: bool,
    /// Whether it is waited for until the victim must have stopped. Until then the Lease says that it may still run.
    pub waits: bool,
    /// The grants of holds around this very process, which stop it when they lose their leases.
    pub ancestors: Vec<Exported>,
    /// As what it is noted that it was taken from its holder.
    pub taken: Taken,
}

/// What was shown and agreed to; or that the Lease was free, which needs no question.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The Lease as it was shown.
    pub record: Record,
    /// Whether it was shown as expired.
    pub expired: bool,
}

impl Agreement {
    /// Why nothing is written over what is there now instead.
    pub fn broken_by(&self, now: Other) -> Refusal {
        let shown = self.record.holder().map(str::to_owned);
        Refusal::NotAsShown { shown, now }
    }

    /// Whether it still holds: a holder that goes on renewing is what was shown, a dead one that renews is not.
    pub fn covers(&self, record: &Record) -> bool {
        self.record.same_grant(record)
            && self.record.duration() == record.duration()
            && (!self.expired || self.record.renew_time() == record.renew_time())
    }
}

/// The next step of `steal`.
#[derive(Clone, Debug, PartialEq)]
pub enum StealStep {
    /// Show the record and ask.
    Ask,
    /// PUT this.
    Replace(Record),
    /// It cannot be.
    Refuse(Refusal),
}

/// The next step of `steal`: writes only over the grant that was shown and agreed to.
pub fn steal(terms: &StealTerms, seen: &Seen, agreed: Option<&Agreement>, now: Now) -> StealStep {
    let seen = match seen {
        Seen::Absent => return StealStep::Refuse(Refusal::NotFound),
        Seen::Lease(seen) => seen,
    };
    let record = seen.record();
    if let Some(strategy) = record.strategy() {
        return StealStep::Refuse(Refusal::Coordinated(strategy.to_owned()));
    }
    if record.is_terminating() {
        return StealStep::Refuse(Refusal::Terminating);
    }
    if let Some(wanted) = &terms.if_holder
        && record.holder() != Some(wanted.as_str())
    {
        return StealStep::Refuse(Refusal::HolderIs(Other::of(record)));
    }
    // Nothing is taken from anybody when it is free.
    if let Some(other) = Other::of(record) {
        if terms.waits && terms.ancestors.iter().any(|grant| grant.is_granted(record)) {
            return StealStep::Refuse(Refusal::VictimIsAncestor(other.holder));
        }
        let may_ask = terms.asks || terms.if_holder.is_some();
        match agreed {
            Some(agreed) if agreed.covers(record) => {}
            Some(agreed) if !may_ask => return StealStep::Refuse(agreed.broken_by(other)),
            Some(_) | None => return StealStep::Ask,
        }
    }
    match granted(record, &terms.grant, None, now) {
        Ok(granted) => StealStep::Replace(granted.taken_as(terms.taken)),
        Err(refusal) => StealStep::Refuse(refusal),
    }
}

/// When the victim of a takeover must have stopped: at once if its lease had expired, else when its duration has
/// passed since the last change we saw. `Err` if its lease never expires by itself.
pub fn victim_stops(
    seen: &Observation,
    stamps: Stamps,
    now: Instant,
) -> Result<Instant, NeverExpires> {
    match seen.expiry(now, stamps) {
        Expiry::Free | Expiry::Expired(Proof::Observed { .. } | Proof::ServerStamped { .. }) => {
            Ok(now)
        }
        Expiry::Unproven { .. } => seen.observed_expiry().ok_or(NeverExpires),
    }
}

/// The lease has no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverExpires;
