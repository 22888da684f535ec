//! When a watch that ended is opened again: of one Lease, and of a collection.

use std::time::Duration;

use super::super::api::Fault;

/// The pauses of whoever depends on a watch: the first, and the longest that they grow to.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The pauses of who looks on, and lists meanwhile.
const FAILED: Duration = Duration::from_secs(10);
const REFUSED: Duration = Duration::from_secs(30);

/// A watch that did not last so long has failed, however it ended: some proxies open every watch and end it at once.
const STEADY: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watched {
    /// One Lease, by a holder or a waiter: each pause is time in which a change is heard late.
    #[default]
    Lease,
    /// Many of them, by somebody who looks on.
    Collection,
}

/// What is known of the watches before.
#[derive(Debug, Default)]
pub struct Reconnect {
    watched: Watched,
    failures: u32,
    /// Whether it was said that watching is refused.
    said_refused: bool,
}

impl Reconnect {
    /// No watch has failed yet.
    pub fn new(watched: Watched) -> Self {
        Self {
            watched,
            ..Self::default()
        }
    }

    /// Whether the server will not have us watch. Too many requests and a version that is gone pass; so do credentials that
    /// have expired, unless a list that goes before the next watch tells more.
    pub fn is_refusal(&self, fault: &Fault) -> bool {
        let lists = self.watched == Watched::Collection;
        !fault.is_transient() && !fault.is_gone() && (lists || !fault.is_of_credentials())
    }

    /// Whether a refusal is the first, so that it is said.
    pub fn says_refused(&mut self) -> bool {
        !std::mem::replace(&mut self.said_refused, true)
    }

    /// A watch has opened: whether it was said that it would not.
    pub fn opened(&mut self) -> bool {
        std::mem::take(&mut self.said_refused)
    }

    /// How long not to watch after one that ended, or was refused. The first end of a Lease's is followed by a new watch at
    /// once (a connection that broke, a 410). A refusal is no accident: there is always a pause.
    pub fn pause(&mut self, lasted: Duration, refused: bool) -> Option<Duration> {
        if self.watched == Watched::Collection {
            return Some(if refused { REFUSED } else { FAILED });
        }
        if lasted >= STEADY {
            self.failures = 0;
        }
        let failures = self.failures.max(u32::from(refused));
        self.failures = failures + 1;
        let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(8));
        // A little by chance, so that many watchers do not come back at once.
        let pause = || {
            doubled
                .min(LONGEST_PAUSE)
                .mul_f64(0.8 + fastrand::f64() / 5.0)
        };
        (failures > 0).then(pause)
    }
}
