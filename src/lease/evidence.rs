//! What was observed of a Lease, since when, and whether that proves that its holder's lease has expired.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::record::Record;
use super::values::LeaseDuration;
use crate::clock::Instant;

/// How far apart the clocks of one cluster's API servers may be: one may have stamped the last change, another stamp us.
const APART: Duration = Duration::from_secs(30);

/// Stamps are cut to whole seconds.
const CUT: Duration = Duration::from_secs(1);

/// A `Date` that is older than a stamp by more was not made by the clock that makes the stamps.
const IMPLAUSIBLE: SignedDuration = SignedDuration::from_secs(2);

/// How old the newest stamp must be to prove an expiry.
pub fn stamped_expiry(duration: LeaseDuration) -> Duration {
    duration.as_duration() + APART + CUT
}

/// For how long after the server's stamp of `now` was asked for a holder's own lease is proven to be alive: its duration
/// less the time since it was so, and less what the stamps are cut by. `None` if nothing proves it.
pub fn alive_for(record: &Record, now: Timestamp) -> Option<Duration> {
    let (stamp, duration) = (record.alive_stamp()?, record.duration()?);
    let age = now.duration_since(stamp);
    // The clocks of two servers, of which nothing is known then but that they differ.
    if age < -SignedDuration::from_secs(1) {
        return None;
    }
    let age = Duration::try_from(age).unwrap_or_default();
    duration.as_duration().checked_sub(age + CUT)
}

/// A Lease as last seen, and since when its observed record has not changed.
#[derive(Clone, Debug)]
pub struct Observation {
    record: Record,
    since: Instant,
    seen_at: Instant,
    date: Option<Reading>,
    told: Option<Reading>,
}

/// What a clock of the server's side showed, and when we heard of it.
#[derive(Clone, Copy, Debug)]
struct Reading {
    time: Timestamp,
    at: Instant,
}

/// What this API server's stamps are worth. Servers before 1.25 do not restamp managedFields on every renewal, so that a
/// live holder looks dead there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamps {
    /// `/version` has not been asked yet.
    #[default]
    Unknown,
    /// 1.25 or newer: the time of an entry is the time of the last change.
    Trusted,
    /// Older, or of a version that cannot be read; or it refuses dry runs; or stamps are not wanted as proof.
    Untrusted,
}

/// The server restamps an entry with every change of its manager's fields from this version on.
const RESTAMPS: (u32, u32) = (1, 25);

impl Stamps {
    /// By the version that the server says it has. One that cannot be had counts as old.
    pub fn by_version<E>(version: Result<Option<(u32, u32)>, E>) -> Self {
        match version {
            Ok(Some(version)) if version >= RESTAMPS => Self::Trusted,
            Ok(_) | Err(_) => Self::Untrusted,
        }
    }
}

/// How an expiry was proven (docs/design.md, The argument and Clocks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing changed for the recorded duration while we watched.
    Observed {
        /// How long the observed record had not changed, on our monotonic clock.
        unchanged: Duration,
    },
    /// The API server's own stamps say so.
    ServerStamped {
        /// From the newest stamp of the spec to the stamp that the server gave a dry run of the takeover.
        age: Duration,
    },
}

/// What the evidence says of the present holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Nobody holds the Lease.
    Free,
    /// The holder's lease has expired.
    Expired(Proof),
    /// Not proven yet.
    Unproven {
        /// When watching alone will have proven it; `None` if the lease never expires by itself.
        observed_at: Option<Instant>,
        /// What could prove it sooner.
        ask: Ask,
    },
}

/// What to ask the server for, as its stamps may prove an expiry before our watching does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing would help.
    Nothing,
    /// Not before this.
    Later(Instant),
    /// Its version: are its stamps worth anything?
    Version,
    /// A dry run of the takeover, for the server's own stamp of now.
    DryRun,
}

impl Observation {
    /// The first sight of a Lease: `record` arrived at `at`; `date` is the reply's `Date` header.
    pub fn first(record: Record, at: Instant, date: Option<Timestamp>) -> Self {
        Self {
            date: plausible(&record, date, at),
            record,
            since: at,
            seen_at: at,
            told: None,
        }
    }

    /// What is known after `record` arrived too, by a watch, whose events have no `Date`. The time of observation goes on
    /// while the observed record is the same. A state older than the one seen (a watch replaying its past) is ignored.
    #[must_use]
    pub fn and(self, record: Record, at: Instant, date: Option<Timestamp>) -> Self {
        if record.uid() == self.record.uid() && record.older_than(&self.record) {
            return self;
        }
        let earlier = self.date;
        let next = self.confirmed(record, at, date);
        Self {
            date: next.date.or(earlier),
            ..next
        }
    }

    /// As [`Observation::and`] for a consistent read, which is never older than what was seen before it was sent: a
    /// smaller resourceVersion means that the API server's storage was restored from a backup.
    #[must_use]
    pub fn confirmed(self, record: Record, at: Instant, date: Option<Timestamp>) -> Self {
        let since = if record.observed_record() == self.record.observed_record() {
            self.since
        } else {
            at
        };
        Self {
            date: plausible(&record, date, at),
            record,
            since,
            seen_at: at,
            told: self.told,
        }
    }

    /// With what the server's own clock showed: its stamp in the reply, which arrived at `at`, to a dry run.
    #[must_use]
    pub fn told(self, stamp: Timestamp, at: Instant) -> Self {
        Self {
            told: Some(Reading { time: stamp, at }),
            ..self
        }
    }

    /// The Lease as last seen.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The time by the server's clock, as far as it showed one; for people to read, and no proof of anything.
    pub fn server_time(&self, now: Instant) -> Option<Timestamp> {
        let reading = self.told.or(self.date)?;
        let since = SignedDuration::try_from(now.since(reading.at)).ok()?;
        reading.time.checked_add(since).ok()
    }

    /// Since when its observed record has not changed, as far as we saw.
    #[cfg(test)]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// When the present holder must have stopped, proven by nothing but our own watching: its last renewal was sent
    /// before `since`. `None` if its lease never expires by itself.
    pub fn observed_expiry(&self) -> Option<Instant> {
        Some(self.since + self.record.duration()?.as_duration())
    }

    /// Is the holder's lease expired, and how is that known?
    pub fn expiry(&self, now: Instant, stamps: Stamps) -> Expiry {
        if self.record.holder().is_none() {
            return Expiry::Free;
        }
        let (Some(duration), Some(observed_at)) = (self.record.duration(), self.observed_expiry())
        else {
            return Expiry::Unproven {
                observed_at: None,
                ask: Ask::Nothing,
            };
        };
        if now >= observed_at {
            return Expiry::Expired(Proof::Observed {
                unchanged: now.since(self.since),
            });
        }
        let ask = match self.stamped(stamped_expiry(duration), stamps) {
            Stamped::Proven { age } => return Expiry::Expired(Proof::ServerStamped { age }),
            Stamped::Never => Ask::Nothing,
            // Watching proves it as soon.
            Stamped::From(due) if due >= observed_at => Ask::Nothing,
            Stamped::From(due) if due > now => Ask::Later(due),
            Stamped::From(_) if stamps == Stamps::Unknown => Ask::Version,
            Stamped::From(_) => Ask::DryRun,
        };
        Expiry::Unproven {
            observed_at: Some(observed_at),
            ask,
        }
    }

    /// What stamps say: a stamp against a stamp. `Date` only tells when it is worth a dry run.
    fn stamped(&self, enough: Duration, stamps: Stamps) -> Stamped {
        let Some(newest) = self.record.spec_stamp().filter(|_| match stamps {
            Stamps::Unknown | Stamps::Trusted => true,
            Stamps::Untrusted => false,
        }) else {
            return Stamped::Never;
        };
        // What the server told once is a time that has passed, whatever became of the Lease since.
        if let Some(told) = self.told {
            let age = Duration::try_from(told.time.duration_since(newest)).unwrap_or_default();
            if age >= enough && stamps == Stamps::Trusted {
                return Stamped::Proven { age };
            }
        }
        match self.told.or(self.date) {
            Some(clock) => Stamped::From(clock.reaches(newest, enough)),
            None => Stamped::From(self.seen_at),
        }
    }
}

/// What the server's stamps say of an expiry.
enum Stamped {
    Proven { age: Duration },
    From(Instant),
    Never,
}

impl Reading {
    /// When this clock shows a time `span` after `stamp`.
    fn reaches(self, stamp: Timestamp, span: Duration) -> Instant {
        let age = self.time.duration_since(stamp);
        match Duration::try_from(age) {
            Ok(age) => self.at + span.saturating_sub(age),
            // Stamped since it was read.
            Err(_) => self.at + span.saturating_add(age.unsigned_abs()),
        }
    }
}

/// A `Date` that is older than the newest stamp comes from a cache, or from another clock than the stamps.
fn plausible(record: &Record, date: Option<Timestamp>, at: Instant) -> Option<Reading> {
    let time = date?;
    let stamp = record.spec_stamp();
    stamp
        .is_none_or(|stamp| stamp.duration_since(time) <= IMPLAUSIBLE)
        .then_some(Reading { time, at })
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
