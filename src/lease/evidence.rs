//! What was observed of a Lease, since when, and whether that proves that its holder's lease has expired.

use std::time::Duration;

use jiff::Timestamp;

use super::record::Record;
use crate::clock::Instant;

/// Added to the duration before server time proves an expiry: `Date` and the managedFields time are both cut to whole
/// seconds, and two API servers' clocks may differ by one.
const STAMP_MARGIN: Duration = Duration::from_secs(2);

/// A Lease as last seen, and since when its tuple has not changed.
#[derive(Clone, Debug)]
pub struct Observation {
    record: Record,
    since: Instant,
    seen_at: Instant,
    date: Option<Timestamp>,
}

/// Whether this API server restamps managedFields on every renewal. Servers before 1.25 do not, so that a live holder
/// looks dead there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamps {
    /// `/version` has not been asked yet.
    #[default]
    Unknown,
    /// 1.25 or newer: the time of an entry is the time of the last change.
    Trusted,
    /// Older, or of a version that cannot be read.
    Untrusted,
}

/// How an expiry was proven (design section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing changed for the recorded duration while we watched.
    Observed {
        /// How long the tuple had not changed, on our monotonic clock.
        unchanged: Duration,
    },
    /// The API server's own clock says so.
    ServerStamped {
        /// From the server's stamp of the last renewal to the server's `Date`.
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
        /// When a fresh reply could prove it by the server's clock.
        stamped_at: Option<Instant>,
        /// The server's clock says expired, if only its stamps can be trusted: ask for its version.
        needs_version: bool,
    },
}

impl Observation {
    /// The first sight of a Lease: `record` arrived at `at`; `date` is the reply's `Date` header.
    pub fn first(record: Record, at: Instant, date: Option<Timestamp>) -> Self {
        Self {
            record,
            since: at,
            seen_at: at,
            date,
        }
    }

    /// What is known after `record` arrived too. The time of observation goes on while the tuple is the same. A state
    /// older than the one seen (a watch replaying its past) is ignored.
    #[must_use]
    pub fn and(self, record: Record, at: Instant, date: Option<Timestamp>) -> Self {
        if record.uid() == self.record.uid() && record.older_than(&self.record) {
            return self;
        }
        self.confirmed(record, at, date)
    }

    /// As [`Observation::and`] for a consistent read, which is never older than what was seen before it was sent: a
    /// smaller resourceVersion means that the API server's storage was restored from a backup.
    #[must_use]
    pub fn confirmed(self, record: Record, at: Instant, date: Option<Timestamp>) -> Self {
        let since = if record.tuple() == self.record.tuple() {
            self.since
        } else {
            at
        };
        Self {
            record,
            since,
            seen_at: at,
            date,
        }
    }

    /// The Lease as last seen.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Since when its tuple has not changed, as far as we saw.
    #[cfg(test)]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// When the present holder must have stopped, proven by nothing but our own watching: its last renewal was sent
    /// before `since`. `None` if its lease never expires by itself.
    pub fn observed_expiry(&self) -> Option<Instant> {
        Some(self.since + self.record.duration()?.as_duration())
    }

    /// The age of the last renewal by the server's clock, at the time of the last reply.
    fn stamped_age(&self) -> Option<Duration> {
        let age = self.date?.duration_since(self.record.renew_stamp()?);
        Some(Duration::try_from(age).unwrap_or_default())
    }

    /// Is the holder's lease expired, and how is that known?
    pub fn expiry(&self, now: Instant, stamps: Stamps) -> Expiry {
        if self.record.holder().is_none() {
            return Expiry::Free;
        }
        let Some(duration) = self.record.duration() else {
            return Expiry::Unproven {
                observed_at: None,
                stamped_at: None,
                needs_version: false,
            };
        };
        let unchanged = now.since(self.since);
        if unchanged >= duration.as_duration() {
            return Expiry::Expired(Proof::Observed { unchanged });
        }
        let enough = duration.as_duration() + STAMP_MARGIN;
        let age = self.stamped_age().filter(|_| stamps != Stamps::Untrusted);
        if let Some(age) = age
            && age >= enough
            && stamps == Stamps::Trusted
        {
            return Expiry::Expired(Proof::ServerStamped { age });
        }
        Expiry::Unproven {
            observed_at: Some(self.since + duration.as_duration()),
            // One second more: `Date` is cut to whole seconds.
            stamped_at: age
                .filter(|age| *age < enough)
                .map(|age| self.seen_at + (enough - age) + Duration::from_secs(1)),
            needs_version: age.is_some_and(|age| age >= enough),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::testing::{at, held, seconds, stamped, wall};

    fn seen(record: Record) -> Observation {
        Observation::first(record, at(100.0), None)
    }

    #[test]
    fn nil_and_empty_holders_are_free_whatever_the_times_say() {
        for holder in ["null", "\"\""] {
            let record = held("x", 15).with_spec(
                "holderIdentity",
                serde_json::from_str(holder).expect("json"),
            );
            assert_eq!(
                seen(record).expiry(at(100.0), Stamps::Unknown),
                Expiry::Free
            );
        }
    }

    #[test]
    fn an_unchanged_record_is_expired_after_its_recorded_duration() {
        let seen = seen(held("x", 15));
        assert!(matches!(
            seen.expiry(at(114.999), Stamps::Unknown),
            Expiry::Unproven { .. }
        ));
        assert_eq!(
            seen.expiry(at(115.0), Stamps::Unknown),
            Expiry::Expired(Proof::Observed {
                unchanged: seconds(15.0)
            })
        );
    }

    #[test]
    fn a_renewal_starts_the_observation_anew() {
        let record = held("x", 15);
        let renewed = record.renewed(wall("2001-01-01T00:00:00Z"));
        let seen = seen(record).and(renewed, at(114.0), None);
        assert!(matches!(
            seen.expiry(at(128.9), Stamps::Unknown),
            Expiry::Unproven { .. }
        ));
        assert!(matches!(
            seen.expiry(at(129.0), Stamps::Unknown),
            Expiry::Expired(_)
        ));
    }

    #[test]
    fn a_label_edit_does_not_keep_a_dead_holder_alive() {
        let record = held("x", 15);
        let edited = record
            .clone()
            .with_metadata(&[("a".into(), "b".into())], &[]);
        let seen = seen(record).and(edited, at(110.0), None);
        assert_eq!(seen.since(), at(100.0));
        assert!(matches!(
            seen.expiry(at(115.0), Stamps::Unknown),
            Expiry::Expired(_)
        ));
    }

    #[test]
    fn a_lease_recreated_with_the_same_text_is_observed_anew() {
        let mut other = held("x", 15).as_json().clone();
        other["metadata"]["uid"] = "another".into();
        let seen = seen(held("x", 15)).and(Record::new(other).expect("object"), at(110.0), None);
        assert_eq!(seen.since(), at(110.0));
    }

    #[test]
    fn an_older_event_is_ignored() {
        let mut old = held("y", 15).as_json().clone();
        old["metadata"]["resourceVersion"] = "3".into();
        let seen = seen(held("x", 15)).and(Record::new(old).expect("object"), at(110.0), None);
        assert_eq!(seen.record().holder(), Some("x"));
    }

    #[test]
    fn a_lease_without_duration_never_expires_by_itself() {
        let record = held("x", 15).with_spec("leaseDurationSeconds", serde_json::Value::Null);
        let seen = Observation::first(record, at(0.0), Some(wall("2030-01-01T00:00:00Z")));
        assert_eq!(
            seen.expiry(at(1e9), Stamps::Trusted),
            Expiry::Unproven {
                observed_at: None,
                stamped_at: None,
                needs_version: false
            }
        );
    }

    #[test]
    fn a_lease_without_renew_time_expires_by_observation() {
        let record = held("x", 15).with_spec("renewTime", serde_json::Value::Null);
        assert!(matches!(
            seen(record).expiry(at(115.0), Stamps::Unknown),
            Expiry::Expired(_)
        ));
    }

    #[test]
    fn the_servers_clock_proves_expiry_at_duration_plus_two_seconds() {
        let record = stamped(held("x", 15), &["2026-01-01T00:00:00Z"]);
        let late = Observation::first(
            record.clone(),
            at(100.0),
            Some(wall("2026-01-01T00:00:17Z")),
        );
        assert_eq!(
            late.expiry(at(100.0), Stamps::Trusted),
            Expiry::Expired(Proof::ServerStamped { age: seconds(17.0) })
        );
        let early = Observation::first(record, at(100.0), Some(wall("2026-01-01T00:00:16Z")));
        assert_eq!(
            early.expiry(at(100.0), Stamps::Trusted),
            Expiry::Unproven {
                observed_at: Some(at(115.0)),
                stamped_at: Some(at(102.0)),
                needs_version: false
            }
        );
    }

    #[test]
    fn the_version_is_asked_only_when_it_matters_and_old_servers_are_not_believed() {
        let record = stamped(held("x", 15), &["2026-01-01T00:00:00Z"]);
        let seen = Observation::first(record, at(100.0), Some(wall("2026-01-01T01:00:00Z")));
        let Expiry::Unproven { needs_version, .. } = seen.expiry(at(100.0), Stamps::Unknown) else {
            panic!("expired without knowing the version")
        };
        assert!(needs_version);
        let Expiry::Unproven {
            needs_version,
            stamped_at,
            ..
        } = seen.expiry(at(100.0), Stamps::Untrusted)
        else {
            panic!("an old server's stamp was believed")
        };
        assert!(!needs_version && stamped_at.is_none());
    }

    #[test]
    fn of_several_owners_of_renew_time_the_latest_counts() {
        let record = stamped(
            held("x", 15),
            &["2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z"],
        );
        let seen = Observation::first(record, at(100.0), Some(wall("2026-01-01T00:00:20Z")));
        assert!(matches!(
            seen.expiry(at(100.0), Stamps::Trusted),
            Expiry::Unproven { .. }
        ));
    }

    #[test]
    fn without_date_or_stamp_only_watching_proves_anything() {
        let no_date = Observation::first(
            stamped(held("x", 15), &["2020-01-01T00:00:00Z"]),
            at(100.0),
            None,
        );
        let no_stamp =
            Observation::first(held("x", 15), at(100.0), Some(wall("2026-01-01T00:00:00Z")));
        let unreadable = Observation::first(
            stamped(held("x", 15), &["2020-01-01T00:00:00Z", "yesterday"]),
            at(100.0),
            Some(wall("2026-01-01T00:00:00Z")),
        );
        for seen in [no_date, no_stamp, unreadable] {
            assert_eq!(
                seen.expiry(at(100.0), Stamps::Trusted),
                Expiry::Unproven {
                    observed_at: Some(at(115.0)),
                    stamped_at: None,
                    needs_version: false
                }
            );
        }
    }

    #[test]
    fn shifting_every_time_in_the_record_changes_no_decision() {
        let now = wall("2026-06-01T00:00:00Z");
        for shift in [-86_400 * 365 * 20, -3600, -1, 1, 3600, 86_400 * 365 * 20] {
            let there = now + jiff::SignedDuration::from_secs(shift);
            let record = held("x", 15).renewed(there);
            let base = held("x", 15).renewed(now);
            for after in [0.0, 14.9, 15.0, 60.0] {
                let kind = |record: Record| {
                    matches!(
                        seen(record).expiry(at(100.0 + after), Stamps::Trusted),
                        Expiry::Expired(_)
                    )
                };
                assert_eq!(
                    kind(record.clone()),
                    kind(base.clone()),
                    "shift {shift}s, after {after}s"
                );
            }
        }
    }
}
