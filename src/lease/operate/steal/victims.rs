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
    /// The longest duration that this grant was seen with.
    pub(super) longest: Option<LeaseDuration>,
    pub(super) stops: Result<Instant, NeverExpires>,
}

impl Victim {
    /// When it must have stopped, if it may run until then.
    fn may_run_until(&self, now: Instant) -> Option<Instant> {
        self.stops.ok().filter(|stops| *stops > now)
    }
}

/// Everybody that one of our writes may have taken it from; the last one is who held it last. Those of whom it is known when they
/// have stopped are waited for, whatever is not known of the others.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Victims(Vec<Victim>);

impl Victims {
    pub(super) fn new(earlier: impl Iterator<Item = Victim>, last: Option<Victim>) -> Self {
        Self(earlier.chain(last).collect())
    }

    pub(super) fn last(&self) -> Option<&Victim> {
        self.0.last()
    }

    /// Of those that may still run, and of whom it is known until when, the one that runs longest.
    pub(super) fn longest_running(&self, now: Instant) -> Option<&Victim> {
        let running = self.0.iter().filter(|one| one.may_run_until(now).is_some());
        running.max_by_key(|one| one.stops.ok())
    }

    /// Whom the Lease names as the victim: whoever held it last can acknowledge then that it has stopped. Where nothing tells of
    /// that one, whoever is waited for all the same.
    pub(super) fn shielded(&self, now: Instant) -> Option<&Victim> {
        let last = self.last().filter(|last| last.may_run_until(now).is_some());
        last.or_else(|| self.longest_running(now))
    }

    /// The longest duration of those that are waited for.
    pub(super) fn longest_duration(&self, now: Instant) -> Option<LeaseDuration> {
        let running = self.0.iter().filter(|one| one.may_run_until(now).is_some());
        running.filter_map(|one| one.longest).max()
    }

    /// When the last of them must have stopped of whom that is known.
    fn known_stop(&self) -> Option<Instant> {
        self.0.iter().filter_map(|one| one.stops.ok()).max()
    }

    fn untold(&self) -> impl Iterator<Item = &Victim> {
        self.0.iter().filter(|one| one.stops.is_err())
    }
}

impl Stolen {
    /// When all of those must have stopped of whom it is known; when it was taken, where it is known of none.
    pub fn stops(&self) -> Instant {
        self.victims.known_stop().unwrap_or(self.grant.sent_at)
    }

    /// The holders of whom nothing tells when they have stopped, as their leases had no duration.
    pub fn untold(&self) -> Vec<String> {
        let mut holders: Vec<String> = Vec::new();
        for one in self.victims.untold() {
            if !holders.contains(&one.holder) {
                holders.push(one.holder.clone());
            }
        }
        holders
    }

    /// From when on nobody can run any more whom it was taken from; `None` if nothing tells of somebody.
    pub(in super::super) fn alone_from(&self) -> Option<Instant> {
        self.victims.untold().next().is_none().then(|| self.stops())
    }

    /// Who is waited for: of several, who may run longest.
    pub(in super::super) fn awaited(&self, now: Instant) -> Option<&str> {
        let victim = self.victims.longest_running(now)?;
        Some(&victim.holder)
    }

    /// Learns from what the Lease shows now, our grant still: a victim that says of exactly the grant that we have replaced that
    /// it has stopped is not waited for any longer. The others are.
    pub(in super::super) fn hear(&mut self, record: &Record, now: Instant) {
        for victim in &mut self.victims.0 {
            if record.says_stopped(&victim.replaced) {
                victim.stops = Ok(victim.stops.map_or(now, |stops| stops.min(now)));
            }
        }
    }
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
