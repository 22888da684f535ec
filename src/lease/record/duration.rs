//! How long a Lease is held without a renewal, and whose duration that is: the Lease's own, or one that came with a grant and goes with it.

use super::field::{self, DURATION_ANNOTATION, DURATION_BEFORE_ANNOTATION};
use super::object::Fields;
use super::write::Edit;
use super::{GrantTerms, Lease, LeaseDuration, Record};

impl Fields<'_> {
    /// The recorded lease duration; `None` means that the lease never expires by itself.
    pub fn duration(&self) -> Option<LeaseDuration> {
        self.recorded_duration()
            .filter(|_| !self.duration_is_anothers())
    }

    /// The recorded duration where it is not its holder's, who does not go by it.
    pub fn left_over_duration(&self) -> Option<LeaseDuration> {
        self.recorded_duration()
            .filter(|_| self.duration_is_anothers())
    }

    fn recorded_duration(&self) -> Option<LeaseDuration> {
        LeaseDuration::from_secs(self.spec.lease_duration_seconds?)
    }

    /// Whether a recorded duration is not the holder's: it was left behind by an earlier grant, or the holder is a lock of
    /// Terraform's or OpenTofu's. Clients that record no duration do not count transitions either: they took the Lease for
    /// good, and do not renew it, whatever is recorded.
    fn duration_is_anothers(&self) -> bool {
        match self.grant_of(DURATION_ANNOTATION) {
            Some((transitions, whose)) if transitions == self.transitions() => {
                whose != self.holder().unwrap_or_default()
            }
            Some(_) | None => self.is_held_by_terraform(),
        }
    }

    /// Whether the recorded duration came with the present grant, or with one that this one follows: the Lease had none before.
    fn duration_is_of_grant(&self) -> bool {
        self.grant_of(DURATION_ANNOTATION)
            .is_some_and(|(transitions, _)| transitions == self.transitions())
    }

    /// What the Lease recorded before the present grant, and those that this one follows, had a duration of their own. `None`
    /// where that is not the recorded one any more: whoever edited it meant the Lease.
    fn duration_before(&self) -> Option<LeaseDuration> {
        let (transitions, rest) = self.grant_of(DURATION_BEFORE_ANNOTATION)?;
        let (granted, before) = rest.split_once(' ')?;
        let granted = LeaseDuration::from_secs(granted.parse().ok()?)?;
        let before = LeaseDuration::from_secs(before.parse().ok()?)?;
        let is_of_grant =
            transitions == self.transitions() && self.recorded_duration() == Some(granted);
        is_of_grant.then_some(before)
    }

    /// The duration that the Lease has whoever holds it, and goes back to when the present grant ends.
    pub fn own_duration(&self) -> Option<LeaseDuration> {
        match self.duration_is_of_grant() {
            true => None,
            false => self.duration_before().or(self.duration()),
        }
    }
}

impl GrantTerms {
    /// The duration that a grant on these terms records in `lease`: what is asked for, else what the Lease records (not
    /// what came with the grant that is there), else the default. Whatever is checked of a grant's duration is checked of this
    /// one.
    ///
    /// A free Lease that records one second records nothing: client-go writes that whenever it releases one
    /// (`LeaderElector.release` in its `tools/leaderelection`).
    pub fn duration_on(&self, lease: &Lease) -> LeaseDuration {
        let of_release = |recorded| {
            recorded == LeaseDuration::WRITTEN_BY_A_RELEASE
                && (lease.holder().is_none() || lease.duration() != Some(recorded))
        };
        let recorded = lease.own_duration().filter(|own| !of_release(*own));
        self.duration.or(recorded).unwrap_or(self.default_duration)
    }

    /// What is noted of the duration of a grant on these terms, with so many transitions, over `lease`: each annotation with its
    /// text.
    pub(super) fn noted_duration(&self, lease: &Lease, transitions: i64) -> Noted {
        let own = lease.own_duration();
        // The grant must be told from the lock that it is named after.
        if own.is_none() || lease.tells_of_lock(self.holder.as_str()) {
            return [
                (
                    DURATION_ANNOTATION,
                    Some(format!("{transitions} {}", self.holder)),
                ),
                (DURATION_BEFORE_ANNOTATION, None),
            ];
        }
        let before = self.duration.and_then(|asked| before(asked, own));
        [
            (DURATION_ANNOTATION, None),
            (
                DURATION_BEFORE_ANNOTATION,
                before.map(|before| format!("{transitions} {before}")),
            ),
        ]
    }
}

/// The annotations that say whose a duration is.
pub(super) type Noted = [(&'static str, Option<String>); 2];

/// A grant's duration and the Lease's own, where they are not the same.
fn before(granted: LeaseDuration, own: Option<LeaseDuration>) -> Option<String> {
    let own = own.filter(|own| *own != granted)?;
    Some(format!("{} {}", granted.as_secs(), own.as_secs()))
}

impl Record {
    /// The same grant, with this duration. Its end brings back the one that the Lease had before.
    #[must_use]
    pub fn with_duration(&self, duration: LeaseDuration) -> Self {
        let before = before(duration, self.own_duration());
        let before = before.map(|before| format!("{} {before}", self.transitions()));
        self.edited(|lease| {
            lease.set(field::DURATION, duration.as_secs());
            lease.annotate(DURATION_BEFORE_ANNOTATION, before.as_deref());
        })
    }
}

impl Edit {
    /// Leaves the duration that `lease` has without its present grant.
    pub(super) fn end_duration(&mut self, lease: &Fields<'_>) {
        if lease.duration_is_of_grant() {
            self.unset(field::DURATION);
        } else if let Some(before) = lease.duration_before() {
            self.set(field::DURATION, before.as_secs());
        }
        self.annotate(DURATION_ANNOTATION, None);
        self.annotate(DURATION_BEFORE_ANNOTATION, None);
    }
}
