//! When a watch that was refused or ended is opened again: of one Lease, and of a collection that is listed meanwhile.

use std::time::Duration;

use super::super::api::{Fault, RejectionKind};

/// The pauses of whoever depends on the watch of one Lease: the first, and the longest that they grow to.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The pauses of who looks on, and lists meanwhile.
const FAILED: Duration = Duration::from_secs(10);
const REFUSED: Duration = Duration::from_secs(30);

/// A watch that did not last so long has failed, however it ended: some proxies open every watch and end it at once.
const STEADY: Duration = Duration::from_secs(5);

/// What is known of the watches before.
#[derive(Debug, Default)]
pub struct Reconnect {
    /// Whether they are a collection's, which is listed meanwhile.
    lists: bool,
    /// Whether it was said that watching is refused.
    pub said_refused: bool,
    failures: u32,
}

impl Reconnect {
    /// No watch of a collection has failed yet.
    pub fn of_a_collection() -> Self {
        Self {
            lists: true,
            ..Self::default()
        }
    }

    /// Whether the server will not have us watch. Too many requests and a version that is gone pass; so do credentials that
    /// have expired, unless a list before the next watch tells more.
    pub fn is_refusal(&self, fault: &Fault) -> bool {
        let gone = fault.rejected() == Some(RejectionKind::Gone);
        let passes = gone || (!self.lists && fault.is_of_credentials());
        !passes && !fault.is_transient()
    }

    /// How long not to watch after one that lasted so long. The first end of a Lease's is followed by a new watch at once (a
    /// connection that broke, a 410). A refusal is no accident: there is always a pause.
    pub fn pause(&mut self, lasted: Duration, refused: bool) -> Duration {
        if self.lists {
            return if refused { REFUSED } else { FAILED };
        }
        if lasted >= STEADY {
            self.failures = 0;
        }
        let failures = self.failures.max(u32::from(refused));
        self.failures = failures + 1;
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        // A little by chance, so that many watchers do not come back at once.
        let doubled = FIRST_PAUSE.saturating_mul(1 << doublings.min(8));
        let chance = 0.8 + fastrand::f64() / 5.0;
        doubled.min(LONGEST_PAUSE).mul_f64(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_watched_again_at_once_then_after_pauses_that_grow_and_never_so_after_a_refusal() {
        let mut reconnect = Reconnect::default();
        let mut next = |lasted, refused| {
            let pause = reconnect.pause(Duration::from_secs(lasted), refused);
            pause.as_secs_f64().ceil() as u64
        };
        let failing: Vec<u64> = (0..8).map(|_| next(0, false)).collect();
        assert_eq!(failing[..3], [0, 1, 2]);
        assert!((25..=30).contains(&failing[7]), "{failing:?}");
        assert_eq!([next(5, false), next(5, true)], [0, 1]);
    }

    #[test]
    fn a_collection_that_is_listed_meanwhile_is_watched_again_late() {
        let mut reconnect = Reconnect::of_a_collection();
        for _ in 0..2 {
            assert_eq!(reconnect.pause(Duration::ZERO, false), FAILED);
            assert_eq!(reconnect.pause(Duration::ZERO, true), REFUSED);
        }
    }
}
