//! The decisions of `steal`: what is shown and agreed to, and what is taken over on the strength of it.

use super::{Exported, Now, Refusal, Seen, granted};
use crate::clock::Instant;
use crate::lease::evidence::{Expiry, Observation, Proof, Stamps};
use crate::lease::keeper::Other;
use crate::lease::record::{GrantTerms, Record, Taken};
use crate::lease::values::LeaseDuration;

/// Of a longer duration that is asked for, so much is recorded while the victim is waited for: enough for a slow API server and
/// for its restart, and a wait that is cut short keeps nobody out for hours.
const WHILE_WAITING: LeaseDuration = LeaseDuration::constant(60);

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

impl StealTerms {
    /// What is recorded of a duration that is `asked` for, beside a victim that may run for `longest`: nothing shorter, so that
    /// nobody can take the Lease from us any sooner than from the victim. The whole of a longer one is recorded once the victim that
    /// is waited for has stopped.
    pub fn duration_beside(&self, longest: LeaseDuration, asked: LeaseDuration) -> LeaseDuration {
        longest.max(match self.waits {
            true => asked.min(WHILE_WAITING),
            false => asked,
        })
    }
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
    /// Why nothing is taken over from who has it by now, as `record` shows.
    pub fn broken_by(&self, record: &Record, now: Other) -> Refusal {
        match record.victim() {
            Some(victim) if !self.record.same_grant(record) => Refusal::BeingTakenOver {
                by: now,
                victim: victim.to_owned(),
            },
            Some(_) | None => self.not_as_shown(record, now),
        }
    }

    /// That nothing is written over what is there now instead, and what has become of what was shown.
    pub fn not_as_shown(&self, record: &Record, now: Other) -> Refusal {
        let change = self.change(record);
        Refusal::NotAsShown { change, now }
    }

    fn change(&self, record: &Record) -> Change {
        let shown = &self.record;
        if shown.holder() != record.holder() {
            Change::Holder(shown.holder().map(str::to_owned))
        } else if !shown.same_grant(record) {
            Change::Regranted
        } else if shown.duration() != record.duration() {
            Change::Duration {
                shown: shown.duration(),
                now: record.duration(),
            }
        } else {
            Change::Revived
        }
    }

    /// Whether it still holds: a holder that goes on renewing is what was shown, a dead one that renews is not.
    pub fn covers(&self, record: &Record) -> bool {
        self.record.same_grant(record)
            && self.record.duration() == record.duration()
            && (!self.expired || self.record.renew_time() == record.renew_time())
    }
}

/// What has become of what was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another holds it than this one; `None`: it was free.
    Holder(Option<String>),
    /// Its holder has acquired it again.
    Regranted,
    /// Its holder has renewed it after it had expired.
    Revived,
    /// Its duration was edited.
    Duration {
        /// As it was shown.
        shown: Option<LeaseDuration>,
        /// As it is.
        now: Option<LeaseDuration>,
    },
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
    // Its own grant would be the last that there can be.
    if terms.taken == Taken::FailedOver && record.transitions() == i64::from(i32::MAX) - 1 {
        return StealStep::Refuse(Refusal::LastTransition);
    }
    // Nothing is taken from anybody when it is free.
    if let Some(other) = Other::of(record) {
        if terms.waits && terms.ancestors.iter().any(|grant| grant.is_granted(record)) {
            return StealStep::Refuse(Refusal::VictimIsAncestor(other.holder));
        }
        let may_ask = terms.asks || terms.if_holder.is_some();
        match agreed {
            Some(agreed) if agreed.covers(record) => {}
            Some(agreed) if !may_ask => return StealStep::Refuse(agreed.broken_by(record, other)),
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
