//! What stands in the way of a grant, or has ended one.

use std::time::Duration;

use super::{Subject, slots};
use crate::hint::advised;
use crate::lease::decide::{Loss, Obstacle};
use crate::lease::keeper::{Nature, Other};
use crate::words;

/// The most of a reason that stands in a line about something else, characters.
const LONGEST_REASON: usize = 120;

/// What stands in the way, for the waiting line and for the error.
pub fn obstacle_text(obstacle: &Obstacle, at_most: Option<Duration>) -> String {
    let until = |nature| match at_most {
        Some(left) => format!("for at most {} more unless renewed", words::duration(left)),
        None => format!("without an expiry: {}", advised::ended_by(nature)),
    };
    match obstacle {
        Obstacle::HeldBy(other) => format!("{} {}", who(obstacle), until(&other.nature)),
        Obstacle::HeldByOneself(nature) => format!("{}, {}", who(obstacle), until(nature)),
        Obstacle::Terminating | Obstacle::InLine(_) | Obstacle::LineIsFull { .. } => who(obstacle),
        Obstacle::Slots(held) => slots::until(held, at_most),
    }
}

/// What stands in the way and with what reason, where nobody can tell for how long.
pub fn waited_for(obstacle: &Obstacle, reason: Option<&str>) -> String {
    who(obstacle) + &reason_text(reason)
}

fn who(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::HeldBy(other) => format!("held by {:?}", other.holder),
        Obstacle::HeldByOneself(_) => "already held by you".to_owned(),
        Obstacle::Terminating => "it is being deleted and waits for its finalizers".to_owned(),
        Obstacle::Slots(held) => slots::who(held),
        Obstacle::InLine(0) => "it is not known who waits in line".to_owned(),
        Obstacle::InLine(1) => "1 waits in line before you".to_owned(),
        Obstacle::InLine(waiters) => format!("{waiters} wait in line before you"),
        Obstacle::LineIsFull { waiters: 1, most } => {
            format!("1 waits in line, and --max-waiters is {most}")
        }
        Obstacle::LineIsFull { waiters, most } => {
            format!("{waiters} wait in line, and --max-waiters is {most}")
        }
    }
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
    let (name, namespace) = (&subject.name, &subject.namespace);
    match obstacle {
        Obstacle::HeldBy(other) => {
            let look = format!("Look: {}", subject.lease("status"));
            let steal = advised::steal(other, name, namespace, advised::From::Anybody);
            Some(match (steal, &other.nature) {
                (Ok(steal), _) => {
                    format!("{look}; wait longer with --timeout, or take it over: {steal}")
                }
                // Waiting is of no use either.
                (Err(instead), Nature::Kept(_) | Nature::Exhausted) => format!("{look}. {instead}"),
                (Err(instead), Nature::Lock | Nature::Election | Nature::Terraform) => {
                    format!("{look}; wait longer with --timeout. {instead}")
                }
            })
        }
        Obstacle::HeldByOneself(nature @ (Nature::Terraform | Nature::Kept(_))) => {
            let (holder, nature) = (subject.me().to_owned(), nature.clone());
            let oneself = Other { holder, nature };
            advised::steal(&oneself, name, namespace, advised::From::Anybody).err()
        }
        // It cannot be granted anew.
        Obstacle::HeldByOneself(Nature::Exhausted) => {
            Some(format!("To keep it: {}", subject.lease("renew")))
        }
        Obstacle::HeldByOneself(Nature::Lock | Nature::Election) if subject.reenters => Some(format!(
            "To keep it: {}; to begin a new grant for the same identity give --reenter, for another give --holder or --unique",
            subject.lease("renew")
        )),
        Obstacle::HeldByOneself(Nature::Lock | Nature::Election) => Some(
            "Another process holds it under the same identity. Without --holder each hold has one of its own".to_owned(),
        ),
        Obstacle::Terminating => None,
        Obstacle::InLine(_) => Some(format!(
            "Look: {}; wait longer with --timeout",
            subject.shown()
        )),
        Obstacle::LineIsFull { .. } => Some(format!(
            "Look: {}; try again later, or give a larger --max-waiters",
            subject.shown()
        )),
        Obstacle::Slots(held) => Some(slots::advice(held, subject)),
    }
}

/// How a grant was lost.
pub fn loss_text(loss: &Loss) -> String {
    match loss {
        Loss::Deleted => "the lease was deleted".to_owned(),
        Loss::Recreated {
            holder: Some(holder),
        } => {
            format!("the lease was deleted and created again, held by {holder:?}")
        }
        Loss::Recreated { holder: None } => "the lease was deleted and created again".to_owned(),
        Loss::Released => "somebody released it".to_owned(),
        Loss::TakenBy { holder, .. } => format!("taken over by {holder:?}"),
        Loss::Regranted { .. } => {
            "acquired again by another process with the same identity".to_owned()
        }
        Loss::Shortened(duration) => format!("somebody shortened its duration to {duration}"),
        Loss::Altered(what) => what.clone(),
        Loss::Deadline { last: Some(last) } => {
            format!("no renewal was acknowledged in time: {last}")
        }
        Loss::Deadline { last: None } => "no renewal was acknowledged in time".to_owned(),
    }
}
