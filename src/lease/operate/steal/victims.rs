//! Whom a takeover takes a Lease from: when each must have stopped, by its time or by its own acknowledgement.

use super::Stolen;
use crate::clock::Instant;
use crate::lease::decide::NeverExpires;
use crate::lease::record::Record;
use crate::lease::values::LeaseDuration;

/// Whom a write takes the Lease from.
#[derive(Clone, Debug)]
pub(in super::super) struct Victim {
    pub(super) holder: String,
    /// The record that the write replaces, and with it the grant that it ends.
    pub(super) replaced: Record,
    pub(super) stops: Result<Instant, NeverExpires>,
}

impl Stolen {
    /// Learns from what the Lease shows now, our grant still: a victim that says of exactly the grant that we have replaced that
    /// it has stopped is not waited for any longer. The others are.
    pub(in super::super) fn hear(&mut self, record: &Record, now: Instant) {
        for victim in &mut self.victims {
            if record.says_stopped(&victim.replaced) {
                victim.stops = victim.stops.map(|stops| stops.min(now));
            }
        }
        self.victim_stops = stops(&self.victims, self.grant.sent_at);
    }
}

/// When all of them must have stopped.
pub(super) fn stops(victims: &[Victim], now: Instant) -> Result<Instant, NeverExpires> {
    let mut all = victims.iter().map(|victim| victim.stops);
    all.try_fold(now, |latest, stops| stops.map(|at| latest.max(at)))
}

/// The grant that is to be taken, and the longest duration it was seen with: somebody may have recorded a shorter one, or
/// none, and its holder not know yet.
#[derive(Default)]
pub(super) struct Longest(Option<(Record, LeaseDuration)>);

impl Longest {
    pub(super) fn of(&mut self, record: &Record) -> Option<LeaseDuration> {
        let before = match &self.0 {
            Some((before, longest)) if before.same_grant(record) => Some(*longest),
            Some(_) | None => None,
        };
        let longest = before.max(record.duration())?;
        self.0 = Some((record.clone(), longest));
        Some(longest)
    }
}
