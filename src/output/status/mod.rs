//! Conditions of Leases as text: a table, a description of one, a versioned document.

pub mod describe;
pub mod document;
mod fit;
mod history;
pub mod in_line;
mod laid_out;
mod lines;
mod marks;
mod metadata;
pub mod prometheus;
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
mod history_tests;
#[cfg(test)]
mod in_line_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tour_tests;

use jiff::SignedDuration;

use crate::lease::report::{Condition, Row, State, magnitude};
use crate::lease::summary::Class;
use crate::words::duration;

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
        Class::Waiter => "waiter",
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
