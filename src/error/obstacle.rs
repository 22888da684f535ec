//! What stands in the way of a grant, or has ended one.

use std::time::Duration;

use super::Subject;
use crate::lease::decide::{Loss, Obstacle};
use crate::output::{hint, words};

/// The most of a reason that stands in a line about something else, characters.
const LONGEST_REASON: usize = 120;

/// What stands in the way, for the waiting line and for the error.
pub fn obstacle_text(obstacle: &Obstacle, at_most: Option<Duration>) -> String {
    let until = match at_most {
        Some(left) => format!("for at most {} more unless renewed", words::duration(left)),
        None => "without an expiry: only release or steal ends it".to_owned(),
    };
    match obstacle {
        Obstacle::HeldBy(holder) => format!("held by {holder:?} {until}"),
        Obstacle::HeldByOneself => format!("held by yourself already, {until}"),
        Obstacle::Terminating => "it is being deleted and waits for its finalizers".to_owned(),
    }
}

/// What stands in the way and with what reason, where nobody can tell for how long.
pub fn waited_for(obstacle: &Obstacle, reason: Option<&str>) -> String {
    let who = match obstacle {
        Obstacle::HeldBy(holder) => format!("held by {holder:?}"),
        Obstacle::HeldByOneself => "held by yourself already".to_owned(),
        Obstacle::Terminating => "it is being deleted and waits for its finalizers".to_owned(),
    };
    who + &reason_text(reason)
}

/// A holder's reason, behind what is said of the holder; empty if there is none.
pub fn reason_text(reason: Option<&str>) -> String {
    match reason.map(str::trim) {
        None | Some("") => String::new(),
        Some(reason) => format!(" (reason: {})", words::cut(reason, LONGEST_REASON)),
    }
}

/// What to do about it.
pub fn obstacle_advice(obstacle: &Obstacle, subject: &Subject) -> Option<String> {
    let name = &subject.name;
    let lease = |subcommand: &str| hint::lease(subcommand, name, &subject.namespace);
    match obstacle {
        Obstacle::HeldBy(_) => Some(format!(
            "Look: {}; wait longer with --timeout, or take it over: {}",
            lease("status"),
            lease("steal")
        )),
        Obstacle::HeldByOneself if subject.reenters => Some(format!(
            "To keep it: {}; to begin a new grant for the same identity give --reenter, for another give --holder or --unique",
            lease("renew")
        )),
        Obstacle::HeldByOneself => Some(
            "Another process holds it under the same identity. Without --holder each hold has one of its own".to_owned(),
        ),
        Obstacle::Terminating => None,
    }
}

/// How a grant was lost.
pub fn loss_text(loss: &Loss) -> String {
    match loss {
        Loss::Deleted => "the lease was deleted".to_owned(),
        Loss::Recreated {
            holder: Some(holder),
        } => {
            format!("the lease was deleted and created anew, held by {holder:?}")
        }
        Loss::Recreated { holder: None } => "the lease was deleted and created anew".to_owned(),
        Loss::Released => "somebody released it".to_owned(),
        Loss::TakenBy(holder) => format!("taken over by {holder:?}"),
        Loss::Regranted => "granted anew to the same identity in another process".to_owned(),
        Loss::Shortened(duration) => format!("somebody shortened its duration to {duration}"),
        Loss::Altered(what) => what.clone(),
        Loss::Deadline { last: Some(last) } => {
            format!("no renewal was acknowledged in time: {last}")
        }
        Loss::Deadline { last: None } => "no renewal was acknowledged in time".to_owned(),
    }
}
