//! What is said of a Lease that is not what it is waited for to be.

use jiff::Timestamp;

use crate::clock::Instant;
use crate::error::{Subject, waited_for};
use crate::hint;
use crate::lease::api::Fault;
use crate::lease::decide::{Awaited, Obstacle, Seen};
use crate::words;

/// What a Lease is instead.
pub struct Standing {
    /// In words.
    pub text: String,
    /// The same without what passes by itself.
    pub brief: String,
}

/// What it is waited for, behind its name.
pub fn to_be(awaited: &Awaited) -> String {
    match awaited {
        Awaited::Free => "to be free".to_owned(),
        Awaited::Held => "to be held".to_owned(),
        Awaited::Expired => "to expire".to_owned(),
        Awaited::Deleted => "to be deleted".to_owned(),
        Awaited::Holder(holder) => format!("to be held by {:?}", holder.as_str()),
        Awaited::NotHolder(holder) => format!("not to be held by {:?}", holder.as_str()),
    }
}

/// What it is instead, as it was seen last.
pub fn standing(awaited: &Awaited, seen: &Seen, now: Instant) -> Standing {
    let plain = |text: String| Standing {
        brief: text.clone(),
        text,
    };
    let seen = match seen {
        Seen::Absent => return plain("it was deleted, and may be created again".to_owned()),
        Seen::Lease(seen) => seen,
    };
    let record = seen.record();
    if *awaited == Awaited::Deleted && record.is_terminating() {
        return plain(waited_for(&Obstacle::Terminating, None));
    }
    let Some(holder) = record.holder() else {
        return plain(match awaited {
            Awaited::Expired => "it is free, and only what is held can expire".to_owned(),
            Awaited::Free
            | Awaited::Held
            | Awaited::Deleted
            | Awaited::Holder(_)
            | Awaited::NotHolder(_) => "it is free".to_owned(),
        });
    };
    let brief = format!("held by {holder:?}");
    let text = match (awaited, seen.observed_expiry()) {
        (Awaited::Expired, None) => format!("{brief} without an expiry"),
        (Awaited::Expired, Some(at)) => format!(
            "{brief} for at most {} more unless renewed",
            words::duration(at.since(now))
        ),
        (Awaited::Held, _) => format!("{brief}, who is not known to be alive"),
        (Awaited::Free | Awaited::Deleted | Awaited::Holder(_) | Awaited::NotHolder(_), _) => {
            brief.clone()
        }
    };
    Standing { text, brief }
}

/// What to know, and to look at, where it is not so in time; a line each.
pub fn instead(
    subject: &Subject,
    last: Option<&Standing>,
    fault: Option<&Fault>,
    since: Option<Timestamp>,
) -> Vec<String> {
    let mut lines = Vec::new();
    match (fault, since) {
        (Some(fault), Some(since)) => {
            lines.push(format!("Nothing is known since {since:.0}: {fault}"));
        }
        (Some(fault), None) => lines.push(format!("The server could not be asked: {fault}")),
        (None, _) => {}
    }
    if let Some(last) = last {
        let (name, namespace) = (&subject.name, &subject.namespace);
        let until = if lines.is_empty() { "" } else { "until then " };
        lines.push(format!(
            "Lease {name:?}: {until}{}. Look: {}",
            last.text,
            hint::lease("status", name, namespace)
        ));
    }
    lines
}
