//! A grant of ours: what the server acknowledged, and until when it keeps others out.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::decide::{self, Loss, Seen};
use super::super::record::{Lease, Record};
use super::super::values::LeaseDuration;
use crate::clock::Instant;

/// A grant of ours: the record as the server acknowledged it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The record as last written and acknowledged.
    pub record: Record,
    /// Read before the acknowledged request was sent: nobody else's watching can have begun earlier.
    pub sent_at: Instant,
    /// The resourceVersion of the write that made the grant: it grows across takeovers, deletes and recreations, so
    /// the protected system can refuse whoever comes with a smaller one.
    pub fencing_token: String,
    /// The Lease as the write that made the grant found it; `None` if it created it.
    pub before: Option<Arc<Lease>>,
    pub(super) duration: LeaseDuration,
    /// Whether somebody from before it may still run, and nothing tells for how long: a process of the same identity
    /// (`--reenter`), or whoever had no duration and was not waited for.
    pub(super) reenters: bool,
    /// Whether its victim is waited for, as the Lease says, or was until now: nothing has begun under it.
    pub(super) awaits: bool,
    /// From when on nobody can run any more whom it was taken from; `None` if nothing tells.
    pub(super) alone_from: Option<Instant>,
}

impl Grant {
    /// What the server made of `written`, which was sent after `sent_at`.
    pub(super) fn new(record: Record, written: &Lease, sent_at: Instant) -> Self {
        let awaits = written.victim().is_some();
        // Others count by what is stored: the shorter one, should that be another than was sent. But where nothing has begun, a
        // shorter one that is there by now is recorded anew.
        let stored = record.duration().filter(|_| !awaits);
        let durations = [written.duration(), stored];
        Self {
            duration: durations
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(LeaseDuration::SHORTEST),
            fencing_token: record.resource_version().to_owned(),
            before: written.replaced(),
            record,
            sent_at,
            reenters: false,
            awaits,
            // What is free, or proven to have expired, is nobody's.
            alone_from: Some(sent_at),
        }
    }

    /// Whether freeing it at once could let somebody in beside a command that may still run: that of an earlier process of
    /// this identity, or of whoever the Lease was stolen from.
    pub fn keeps_others_out(&self, now: Instant) -> bool {
        !self.is_alone(now) || self.record.victim().is_some()
    }

    /// Whether whoever it was taken from may still run at `now`, and it is known until when.
    pub fn is_beside_another(&self, now: Instant) -> bool {
        self.alone_from.is_some_and(|from| now < from)
    }

    /// Whether nobody runs any more who held it before. Whoever does not know that must not acknowledge that it has stopped: that
    /// would be taken for everybody's.
    pub(super) fn is_alone(&self, now: Instant) -> bool {
        !self.reenters && self.alone_from.is_some_and(|from| now >= from)
    }

    /// As it is replaced at once by whoever had it, once nothing of its command runs any more: only where it was alone.
    /// Else somebody from before it may still run, and the next grant, which knows nothing of that, would say that it is alone.
    pub fn replaceable(&self, now: Instant) -> Option<&Record> {
        self.is_alone(now).then_some(&self.record)
    }

    /// The duration that it was granted for, whatever somebody has recorded since.
    pub fn duration(&self) -> LeaseDuration {
        self.duration
    }

    /// Whether what was seen ends it. Where nothing has begun under it, a shorter duration is no reason to end: it is recorded anew.
    pub fn lost(&self, seen: &Seen) -> Option<Loss> {
        let loss = decide::lost(&self.record, self.duration, seen);
        loss.filter(|loss| !(self.awaits && matches!(loss, Loss::Shortened(_))))
    }

    /// The next renewal of it, at `at`.
    pub(super) fn renewed(&self, at: Timestamp) -> Record {
        match self.awaits {
            true => self.record.renewed_beside(self.duration, at),
            false => self.record.renewed_for(self.duration, at),
        }
    }

    /// Whether others are kept out for the whole of its duration by what `record` shows of it.
    pub(super) fn is_kept_by(&self, record: &Record) -> bool {
        record.duration() >= Some(self.duration)
    }

    /// When others may prove it expired, unless it is renewed.
    pub fn expires_at(&self) -> Instant {
        self.sent_at + self.duration().as_duration()
    }
}
