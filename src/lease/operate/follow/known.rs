//! What is known of the Leases that are followed, and how it may be shown.

use jiff::Timestamp;

use super::super::super::report::Row;
use super::super::super::summary::Summary;
use super::TICK;
use super::board::Board;
use super::silence::Silence;
use crate::clock::Instant;

/// What is known.
pub struct Known {
    pub(super) board: Board,
    pub(super) silence: Silence,
}

impl Known {
    /// Nothing yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            board: Board::default(),
            silence: Silence::new(now),
        }
    }

    /// Every Lease by namespace and name, as it is at `now`.
    pub fn rows(&self, now: Instant) -> impl Iterator<Item = Row> + '_ {
        self.board.rows(now, self.heard_at())
    }

    /// Its transitions an hour, where it was watched long enough.
    pub fn rate(&self, lease: &Summary, now: Instant) -> Option<f64> {
        self.board.rate(lease, now)
    }

    /// The server's time at an instant.
    pub fn date(&self, instant: Instant) -> Option<Timestamp> {
        self.board.date(instant)
    }

    /// When the server was last heard: what is known is as of then, or newer.
    pub fn heard_at(&self) -> Instant {
        self.silence.heard_at()
    }

    /// Whether nothing is known any more.
    pub fn is_unknown(&self) -> bool {
        self.silence.is_unknown()
    }

    /// What the server, or the way to it, said last.
    pub fn fault(&self) -> Option<&str> {
        self.silence.fault()
    }

    /// Whether to ask the server how things are.
    pub(super) fn must_ask(&self, now: Instant) -> bool {
        // Where events come all the time, the next one tells soon enough.
        let quiet = now.since(self.heard_at()) >= TICK;
        self.silence.must_ask(now, quiet && self.board.is_due(now))
    }
}
