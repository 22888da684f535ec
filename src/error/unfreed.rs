//! Why another's lease was not freed by force, and what to do about it, where that differs from what others are told.

use super::Subject;
use crate::lease::decide::{Change, Refusal};

/// What was refused and why, and then what to do, a line each; `None` where everybody is told the same.
pub fn lines(subject: &Subject, refusal: &Refusal) -> Option<Vec<String>> {
    let name = &subject.name;
    match refusal {
        _ if !subject.frees => None,
        Refusal::HolderIs(None) if subject.if_holder.is_none() => Some(vec![
            format!("error: lease {name:?} is not held by anybody: it is free already"),
            "Nothing was written. To count that as a success: --ignore-not-held".to_owned(),
        ]),
        Refusal::HolderIs(Some(other)) => Some(vec![
            format!(
                "error: lease {name:?} is not held by {:?}: it is held by {:?}",
                subject.if_holder.as_deref().unwrap_or_default(),
                other.holder
            ),
            format!("Nothing was written. Look: {}", subject.lease("status")),
        ]),
        Refusal::NotAsShown { change, now } => Some(vec![
            changed(name, change, &now.holder),
            format!(
                "It was not freed: the yes was for what was shown. Look, and decide again: {}",
                subject.lease("status")
            ),
        ]),
        Refusal::NotFound
        | Refusal::BeingTakenOver { .. }
        | Refusal::Slots(_)
        | Refusal::Coordinated(_)
        | Refusal::TransitionsExhausted
        | Refusal::LastTransition
        | Refusal::Terminating
        | Refusal::TooShort(_)
        | Refusal::SlotStays(_)
        | Refusal::HeldByAncestor(_)
        | Refusal::VictimIsAncestor(_)
        | Refusal::HolderIs(None)
        | Refusal::VictimMayRun(_)
        | Refusal::KeptByHold
        | Refusal::NoLock(_)
        | Refusal::NotFreed(_) => None,
    }
}

/// After a write whose outcome is not known.
pub fn may_be_free_line(subject: &Subject) -> String {
    format!(
        "It may be free already, or become so. Look: {}",
        subject.lease("status")
    )
}

/// What has become of what was shown.
pub fn changed(name: &str, change: &Change, holder: &str) -> String {
    let since = format!("error: lease {name:?} has changed since it was shown");
    match change {
        Change::Holder(Some(shown)) => format!(
            "error: lease {name:?} is held by {holder:?} now, not by {shown:?}, who was shown"
        ),
        Change::Holder(None) => {
            format!("error: lease {name:?} was free, and is held by {holder:?} now")
        }
        Change::Regranted => format!("{since}: {holder:?} acquired it again"),
        Change::Revived => format!("{since}: {holder:?} renewed it after it had expired"),
        Change::Duration { now: None, .. } => format!("{since}: it has no duration any more"),
        Change::Duration {
            shown,
            now: Some(now),
        } => {
            let before = shown.map_or_else(|| "none".to_owned(), |shown| shown.to_string());
            format!("{since}: its duration is {now} now, and was {before}")
        }
    }
}
