//! What there is to say about a Lease's state from one reply, for people to read, and how that is known. Taking a Lease
//! over needs proof, and proof is `evidence`; this is a report.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::evidence::Stamps;
use super::summary::{Class, Summary};

/// A Lease, what can be said of it, and when by the server's clock.
#[derive(Clone, Debug)]
pub struct Row {
    /// The facts.
    pub lease: Summary,
    /// What can be said of it.
    pub condition: Condition,
    /// The server's time of it all.
    pub date: Option<Timestamp>,
}

/// The state of a Lease as one reply shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Held, and renewed in time.
    Held,
    /// Held, and it never expires by itself.
    HeldWithoutExpiry,
    /// The holder has not renewed it in time.
    Expired,
    /// Nobody holds it.
    Free,
    /// Being deleted.
    Terminating,
    /// Gone; only a watch shows it.
    Deleted,
}

/// By which clocks the state is known. The local clock is never one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The server's stamp of the last change against the server's `Date`: clocks of its side.
    ServerStamp,
    /// The holder's renewTime against the server's `Date`: two clocks that may differ.
    RenewTime,
    /// No clock needed, or none to be had.
    None,
}

/// What one reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The state.
    pub state: State,
    /// How it is known.
    pub basis: Basis,
    /// How long ago the holder renewed; unknown where its renewTime is still to come: then a clock is wrong.
    pub renewed_ago: Option<SignedDuration>,
    /// Time left, negative once over.
    pub expires_in: Option<SignedDuration>,
    /// The holder's clock less the server's, where both are known and differ by more than 2 s.
    pub skew: Option<SignedDuration>,
    /// Whether the skew is more than that: no stamp tells when the holder wrote a time that is still to come.
    pub skew_is_least: bool,
    /// Whether the server's stamps of this Lease are known to be those of its last changes.
    pub stamped: bool,
}

/// Server stamps are cut to whole seconds, so up to this much is no sign of expiry or skew.
const STAMP_MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// Whether it matters what the server's stamps are worth: for a lease that is shown as expired, because it is said how that
/// is known and what it takes to prove it, and wherever they say another thing than the holder's times. Both ways to tell
/// are tried. Where they agree, any version of the server is right, and none is asked for.
pub fn needs_version(lease: &Summary, date: Option<Timestamp>) -> bool {
    let stamped = lease.stamp.is_some() || lease.renew_stamp.is_some();
    let [trusted, untrusted] = [Stamps::Trusted, Stamps::Untrusted].map(|stamps| Condition {
        stamped: false,
        ..of(lease, date, stamps)
    });
    let expired = [trusted, untrusted]
        .iter()
        .any(|condition| condition.state == State::Expired);
    stamped && (expired || trusted != untrusted)
}

/// Whether the server stamped what the holder's time says: then its stamps are those of the last changes, on servers too
/// that leave a stamp alone while the fields stay the same ones.
fn agree(lease: &Summary) -> bool {
    let close = |a: Timestamp, b: Timestamp| a.duration_since(b).abs() <= STAMP_MARGIN;
    match (lease.stamp, lease.renew_stamp, lease.renewed) {
        (Some(any), Some(renewal), Some(holders)) => close(any, renewal) && close(renewal, holders),
        _ => false,
    }
}

/// What can be said of a Lease at `date`, by the server's clock.
pub fn of(lease: &Summary, date: Option<Timestamp>, stamps: Stamps) -> Condition {
    let trusted = stamps == Stamps::Trusted;
    let age = |time: Option<Timestamp>| Some(since(time?, date?));
    let duration = lease
        .duration
        .map(|duration| SignedDuration::from_secs(i64::from(duration.as_secs())));
    let held = lease.holder.is_some();
    // What never expires is judged by no clock. That a stamp is young proves life on any server; that it is old, only
    // where it can be trusted.
    let alive = |stamp| age(Some(stamp)).is_some_and(|age| Some(age) < duration);
    let stamp = lease
        .stamp
        .filter(|_| held && duration.is_some())
        .filter(|stamp| trusted || (agree(lease) && alive(*stamp)));
    let to_come = lease
        .renewed
        .zip(date)
        .map(|(time, date)| time.duration_since(date));
    let to_come = to_come.filter(|span| *span > STAMP_MARGIN);
    let by_holder = age(lease.renewed).filter(|_| to_come.is_none());
    let (basis, renewed_ago) = match (age(stamp), by_holder) {
        (Some(age), _) => (Basis::ServerStamp, Some(age)),
        (None, Some(age)) => (Basis::RenewTime, Some(age)),
        (None, None) => (Basis::None, None),
    };
    let expires_in = duration
        .zip(renewed_ago)
        .filter(|_| held)
        .map(|(duration, age)| duration.saturating_sub(age));
    let margin = if basis == Basis::ServerStamp {
        STAMP_MARGIN
    } else {
        SignedDuration::ZERO
    };
    let state = match (held, duration, expires_in) {
        _ if lease.terminating => State::Terminating,
        (false, _, _) => State::Free,
        (true, None, _) => State::HeldWithoutExpiry,
        (true, Some(_), Some(left)) if left.saturating_add(margin) <= SignedDuration::ZERO => {
            State::Expired
        }
        (true, Some(_), _) => State::Held,
    };
    let skew = lease
        .renewed
        .zip(lease.renew_stamp.filter(|_| trusted))
        .map(|(holders, servers)| holders.duration_since(servers))
        .filter(|skew| skew.abs() > STAMP_MARGIN);
    Condition {
        state,
        basis: if matches!(state, State::Held | State::Expired) {
            basis
        } else {
            Basis::None
        },
        renewed_ago,
        expires_in,
        skew: skew.or(to_come),
        skew_is_least: skew.is_none() && to_come.is_some(),
        stamped: trusted || agree(lease),
    }
}

impl Row {
    /// What can be said of a Lease at `date`, by the server's clock.
    pub fn new(lease: Summary, date: Option<Timestamp>, stamps: Stamps) -> Self {
        Self {
            condition: of(&lease, date, stamps),
            lease,
            date,
        }
    }

    /// How long ago a time of the holder's was, negative if it is still to come by the server's clock. Where the age of the
    /// renewal is known by the server's stamp, it is by the holder's own clock from there, so that two times of one write are
    /// one.
    pub fn ago(&self, time: Timestamp) -> Option<SignedDuration> {
        let Self {
            lease,
            condition,
            date,
        } = self;
        let by_stamp = condition.basis == Basis::ServerStamp && lease.stamp == lease.renew_stamp;
        let renewal = lease.renewed.zip(condition.renewed_ago);
        match renewal.filter(|_| by_stamp) {
            Some((renewed, ago)) if renewed >= time && date.is_some() => {
                Some(ago.saturating_add(renewed.duration_since(time)))
            }
            Some(_) | None => Some(since(time, (*date)?)),
        }
    }

    /// How long the object exists.
    pub fn age(&self) -> Option<SignedDuration> {
        let age = self.date?.duration_since(self.lease.created?);
        Some(age.max(SignedDuration::ZERO))
    }

    /// Transitions an hour over the object's life, where that says something: elections that change hands all the
    /// time. Locks are meant to.
    pub fn flaps_per_hour(&self) -> Option<f64> {
        let hours = self.age()?.as_secs_f64() / 3600.0;
        let often = self.lease.transitions as f64 / hours.max(1.0 / 6.0);
        (self.lease.class == Class::LeaderElection && often > 6.0).then_some(often)
    }
}

/// The span from `time` to the server's `date`, negative if it is still to come. `Date` and stamps are cut to whole
/// seconds: up to two seconds in the future are now.
pub fn since(time: Timestamp, date: Timestamp) -> SignedDuration {
    let span = date.duration_since(time);
    if span.saturating_add(STAMP_MARGIN) >= SignedDuration::ZERO {
        span.max(SignedDuration::ZERO)
    } else {
        span
    }
}

/// A span that may be negative, as a magnitude.
pub fn magnitude(span: SignedDuration) -> Duration {
    Duration::try_from(span.abs()).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::record::Record;
    use crate::lease::summary;
    use crate::lease::testing::{free, held, stamped, wall};

    fn summary(record: &Record) -> Summary {
        summary::one(record.as_json().to_string().as_bytes()).expect("a lease")
    }

    fn state(record: &Record, date: &str, stamps: Stamps) -> (State, Basis) {
        let condition = of(&summary(record), Some(wall(date)), stamps);
        (condition.state, condition.basis)
    }

    #[test]
    fn a_holder_is_judged_by_the_servers_date_and_never_by_the_local_clock() {
        let record = held("x", 15);
        for (date, expected) in [
            ("2020-01-01T00:00:14Z", State::Held),
            ("2020-01-01T00:00:15Z", State::Expired),
        ] {
            let found = state(&record, date, Stamps::Unknown);
            assert_eq!(found, (expected, Basis::RenewTime), "{date}");
        }
        let undated = of(&summary(&record), None, Stamps::Unknown);
        assert_eq!(undated.state, State::Held);
    }

    #[test]
    fn a_skewed_holder_is_judged_by_the_servers_stamp_where_that_can_be_believed() {
        let record = stamped(held("x", 15), &["2020-01-01T01:00:00Z"]);
        let date = "2020-01-01T01:00:05Z";
        let by = |stamps| state(&record, date, stamps);
        assert_eq!(by(Stamps::Trusted), (State::Held, Basis::ServerStamp));
        assert_eq!(by(Stamps::Untrusted), (State::Expired, Basis::RenewTime));
        assert!(needs_version(&summary(&record), Some(wall(date))));
        let skew = of(&summary(&record), Some(wall(date)), Stamps::Trusted).skew;
        assert_eq!(skew, Some(SignedDuration::from_secs(-3600)));
    }

    #[test]
    fn the_version_is_asked_for_whatever_is_shown_as_expired_and_for_a_wrong_clock() {
        let record = stamped(held("x", 15), &["2020-01-01T00:00:00Z"]);
        for (date, asked) in [
            ("2020-01-01T00:00:05Z", false),
            ("2020-01-01T00:00:16Z", true),
            ("2020-01-01T01:00:00Z", true),
        ] {
            let asks = needs_version(&summary(&record), Some(wall(date)));
            assert_eq!(asks, asked, "{date}");
            let unstamped = summary(&held("x", 15));
            assert!(!needs_version(&unstamped, Some(wall(date))), "{date}");
        }
    }

    #[test]
    fn the_newest_stamp_of_any_field_is_the_last_sign_of_life_and_no_measure_of_the_holders_clock()
    {
        let record = stamped(held("x", 15), &["2020-01-01T00:00:00Z"]).with(|object| {
            let entries = object["metadata"]["managedFields"].as_array_mut();
            entries.expect("entries").push(serde_json::json!({
                "manager": "terraform", "operation": "Update", "time": "2020-01-01T01:00:00Z",
                "fieldsV1": { "f:spec": { "f:holderIdentity": {} } },
            }));
        });
        let date = "2020-01-01T01:00:05Z";
        let condition = of(&summary(&record), Some(wall(date)), Stamps::Trusted);
        assert_eq!(
            (condition.state, condition.basis, condition.skew),
            (State::Held, Basis::ServerStamp, None)
        );
    }

    #[test]
    fn a_renewal_that_is_still_to_come_is_a_wrong_clock_and_no_time_left() {
        let record = held("x", 15).with_spec("renewTime", "2020-01-01T02:00:00.000000Z".into());
        let at = |record: &Record, date, stamps| of(&summary(record), Some(wall(date)), stamps);
        for stamps in [Stamps::Unknown, Stamps::Untrusted, Stamps::Trusted] {
            let condition = at(&record, "2020-01-01T00:00:00Z", stamps);
            let state = (condition.state, condition.basis);
            assert_eq!(state, (State::Held, Basis::None));
            assert_eq!((condition.renewed_ago, condition.expires_in), (None, None));
            assert_eq!(condition.skew, Some(SignedDuration::from_hours(2)));
            assert!(condition.skew_is_least);
        }
        // The server's Date is cut to whole seconds.
        let condition = at(&record, "2020-01-01T01:59:58Z", Stamps::Unknown);
        assert_eq!((condition.state, condition.skew), (State::Held, None));
        assert_eq!(condition.renewed_ago, Some(SignedDuration::ZERO));
        // Where the server's stamp tells, it tells how wrong exactly.
        let stamped = stamped(record, &["2020-01-01T00:00:00Z"]);
        let condition = at(&stamped, "2020-01-01T00:00:05Z", Stamps::Trusted);
        assert_eq!(condition.renewed_ago, Some(SignedDuration::from_secs(5)));
        assert_eq!(condition.skew, Some(SignedDuration::from_hours(2)));
        assert!(!condition.skew_is_least);
    }

    #[test]
    fn free_and_endless_leases_need_no_clock() {
        let endless = held("x", 15).with_spec("leaseDurationSeconds", serde_json::Value::Null);
        for (record, expected) in [(free(15), State::Free), (endless, State::HeldWithoutExpiry)] {
            let found = state(&record, "2030-01-01T00:00:00Z", Stamps::Unknown);
            assert_eq!(found, (expected, Basis::None));
        }
    }

    /// Stamps and `Date` are cut to whole seconds.
    #[test]
    fn an_expiry_by_the_servers_stamp_needs_the_duration_and_two_seconds() {
        let record = stamped(held("x", 15), &["2020-01-01T00:00:00Z"]);
        for (date, expected) in [
            ("2020-01-01T00:00:15Z", State::Held),
            ("2020-01-01T00:00:16Z", State::Held),
            ("2020-01-01T00:00:18Z", State::Expired),
        ] {
            let (state, _) = state(&record, date, Stamps::Trusted);
            assert_eq!(state, expected, "{date}");
        }
    }
}
