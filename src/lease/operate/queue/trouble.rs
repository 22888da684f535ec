//! That the line cannot be read, or a ticket not be written.

use std::time::Duration;

use super::super::{OnProgress, Pause, Progress};
use super::LONGEST;
use crate::clock::Instant;

/// The shortest time that a request about the line gets.
pub(super) const ASKED_FOR: Duration = Duration::from_secs(1);

/// After so long without an answer about the line it is said.
pub(super) const SAID_AFTER: Duration = Duration::from_secs(3);

/// That the line cannot be read, or a ticket not be written: since when, and whether that was said.
#[derive(Default)]
pub(super) struct Trouble {
    pub(super) since: Option<Instant>,
    pub(super) said: bool,
    pub(super) pause: Pause,
}

impl Trouble {
    /// One that counts from then on, if it comes to one.
    pub(super) fn since(began: Instant) -> Self {
        Self {
            since: Some(began),
            ..Self::default()
        }
    }

    /// How long the next request may take, so that what hangs is over when it has lasted too long; where that is not the end of it,
    /// a slow server gets its time.
    pub(super) fn limit(&self, now: Instant) -> Duration {
        let lasted = self.since.map_or(Duration::ZERO, |since| now.since(since));
        match LONGEST.as_duration().saturating_sub(lasted) {
            Duration::ZERO => LONGEST.as_duration(),
            left => left.max(ASKED_FOR),
        }
    }

    /// There was an answer.
    pub(super) fn over(&mut self, report: OnProgress<'_>) {
        if std::mem::take(self).said {
            report(Progress::Heard);
        }
    }
}
