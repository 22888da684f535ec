//! A grant that is being kept: which renewals of it were sent, and which of them count, however that is learned. Pure.

use jiff::Timestamp;

use super::super::decide::{Loss, Seen};
use super::super::record::Record;
use super::super::values::LeaseDuration;
use super::Grant;
use crate::clock::Instant;

/// A grant with the renewals of it that were sent.
///
/// A renewal counts from the time at which it was sent, and it is no matter how we learn that it was stored: by its
/// reply, by a read, by a watch, in whatever order. Each writes a renewTime of its own, so that whoever shows that time
/// shows that it was stored.
pub struct Tenure {
    grant: Grant,
    /// Those sent after the newest that counts.
    sent: Vec<Sent>,
    /// When the newest record was learned: a read that was asked for later is newer, whatever its resourceVersion says.
    learned_at: Instant,
    /// The duration that renewals record, if it is not the one they find.
    duration: Option<LeaseDuration>,
}

/// A renewal that was sent.
struct Sent {
    renew_time: String,
    at: Instant,
}

/// What something new means for the grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It goes on as it was.
    Same,
    /// A renewal that was not known to be stored was.
    Renewed,
    /// It is over.
    Lost(Loss),
}

impl Tenure {
    /// A grant that begins; `duration` is what renewals record instead of what they find.
    pub fn new(mut grant: Grant, duration: Option<LeaseDuration>) -> Self {
        if let Some(duration) = duration {
            grant.duration = duration;
        }
        Self {
            learned_at: grant.sent_at,
            grant,
            sent: Vec::new(),
            duration,
        }
    }

    /// The grant: the newest record of it, and when the newest renewal that counts was sent.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The next renewal, to be sent at `now`: on top of the newest record that is known, with a renewTime of its own.
    pub fn next(&mut self, wall: Timestamp, now: Instant) -> Record {
        let record = &self.grant.record;
        let mut next = match self.duration {
            // Whoever records another duration is done with the victim.
            Some(duration) => (record.with_duration(duration))
                .with_victim(None)
                .renewed(wall),
            None => self.grant.renewed(wall),
        };
        while self.wrote(&next).is_some() {
            next = next.renewed(wall);
        }
        self.sent.push(Sent {
            renew_time: next.renew_time().unwrap_or_default().to_owned(),
            at: now,
        });
        next
    }

    /// Whether something newer is known than what `record` was written on.
    pub fn is_beyond(&self, record: &Record) -> bool {
        self.grant.record.resource_version() != record.resource_version()
    }

    /// The reply to the renewal that was sent at `sent_at`: stored like this.
    pub fn stored(&mut self, record: Record, sent_at: Instant, now: Instant) -> Shown {
        let newer = !record.older_than(&self.grant.record);
        if newer {
            self.learn(record, now);
        }
        self.count(sent_at)
    }

    /// The server stored something else under our hand; this is what is to be given back.
    pub fn altered(&mut self, record: Record, now: Instant) {
        self.learn(record, now);
    }

    /// What a watch shows, or a read that was begun at `asked_at`.
    pub fn shown(&mut self, seen: &Seen, asked_at: Option<Instant>, now: Instant) -> Shown {
        let mut shown = Shown::Same;
        if let Seen::Lease(found) = seen {
            let record = found.record();
            // An older state too shows that a renewal was stored: whoever watches has begun anew since.
            if record.same_grant(&self.grant.record)
                && let Some(sent_at) = self.wrote(record)
            {
                shown = self.count(sent_at);
            }
            let is_news = asked_at.is_some_and(|asked| asked > self.learned_at);
            if record.older_than(&self.grant.record) && !is_news {
                return shown;
            }
        }
        if let Some(loss) = self.grant.lost(seen) {
            return Shown::Lost(loss);
        }
        if let Seen::Lease(found) = seen {
            self.learn(found.record().clone(), now);
        }
        shown
    }

    fn learn(&mut self, record: Record, now: Instant) {
        self.grant.record = record;
        self.learned_at = now;
    }

    /// When the renewal was sent that wrote this renewTime.
    fn wrote(&self, record: &Record) -> Option<Instant> {
        let ours = |sent: &&Sent| record.renewed_at(&sent.renew_time);
        self.sent.iter().find(ours).map(|sent| sent.at)
    }

    fn count(&mut self, sent_at: Instant) -> Shown {
        if sent_at <= self.grant.sent_at {
            return Shown::Same;
        }
        self.grant.sent_at = sent_at;
        self.sent.retain(|sent| sent.at > sent_at);
        Shown::Renewed
    }
}

#[cfg(test)]
#[path = "tenure_tests.rs"]
mod tests;
