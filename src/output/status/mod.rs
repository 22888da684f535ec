//! Conditions of Leases as text: a table, a description of one, a versioned document.

pub mod describe;
pub mod document;
mod fit;
mod lines;
mod marks;
mod metadata;
pub mod table;

#[cfg(test)]
mod alike_tests;
#[cfg(test)]
mod describe_tests;
#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod found_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tour_tests;

use jiff::{SignedDuration, Timestamp};

use crate::lease::condition::{Condition, State, holders_time_ago, magnitude};
use crate::lease::summary::{Class, Summary};
use crate::words::duration;

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

impl Row {
    /// How long ago a time of the holder's was, negative if it is still to come by the server's clock.
    fn ago(&self, time: Timestamp) -> Option<SignedDuration> {
        let ago = |date| holders_time_ago(&self.lease, &self.condition, time, date);
        self.date.map(ago)
    }

    /// How long the object exists.
    pub fn age(&self) -> Option<SignedDuration> {
        Some(
            self.date?
                .duration_since(self.lease.created?)
                .max(SignedDuration::ZERO),
        )
    }

    /// Transitions an hour over the object's life, where that says something: elections that change hands all the
    /// time. Locks are meant to.
    pub fn flaps_per_hour(&self) -> Option<f64> {
        let hours = self.age()?.as_secs_f64() / 3600.0;
        let often = self.lease.transitions as f64 / hours.max(1.0 / 6.0);
        (self.lease.class == Class::LeaderElection && often > 6.0).then_some(often)
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Free => "Free",
        State::Held | State::HeldWithoutExpiry => "Held",
        State::Expired => "Expired",
        State::Terminating => "Terminating",
        State::Deleted => "Deleted",
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Node => "node",
        Class::ApiServer => "apiserver",
        Class::LeaderElection => "election",
        Class::Lock => "lock",
    }
}

fn age(span: SignedDuration) -> String {
    duration(std::time::Duration::from_secs(magnitude(span).as_secs()))
}

fn ago(span: SignedDuration) -> String {
    if span.is_negative() {
        format!("{} ahead of the server's clock", age(span))
    } else {
        age(span) + " ago"
    }
}

fn expires(condition: &Condition) -> String {
    match (condition.state, condition.expires_in) {
        (State::Free | State::Terminating | State::Deleted, _) => "-".to_owned(),
        (State::HeldWithoutExpiry, _) => "never".to_owned(),
        (State::Held, None) => "unknown".to_owned(),
        (State::Held, Some(left)) => age(whole(left)),
        (State::Expired, left) => match age(left.unwrap_or_default()).as_str() {
            "0s" => "just now".to_owned(),
            span => format!("{span} ago"),
        },
    }
}

/// What is left in whole seconds, rounded so that it and the age of the renewal, which is cut, make the duration.
fn whole(left: SignedDuration) -> SignedDuration {
    let up = i64::from(left.subsec_nanos() > 0);
    SignedDuration::from_secs(left.as_secs().saturating_add(up).max(0))
}

fn skew(skew: SignedDuration) -> String {
    let direction = if skew.is_negative() {
        "behind"
    } else {
        "ahead"
    };
    format!("{} {direction}", age(skew))
}
