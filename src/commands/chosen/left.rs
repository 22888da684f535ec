//! What a selection leaves as it is, counted by why: nobody has named those leases, so that none of them is an error.

use crate::commands::several::the_clusters_own;
use crate::lease::decide::Refusal;
use crate::output::terminal;

/// So many are named in one line.
const NAMED: usize = 10;

/// How many were left, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    not_held: usize,
    free: usize,
    no_locks: usize,
    ending: usize,
    /// Those that whoever takes them holds already.
    pub yours: usize,
    /// Places in line, which are no locks.
    pub in_line: usize,
    /// Those that `-A` does not reach.
    pub the_clusters_own: usize,
}

impl Left {
    /// Counts what was refused for what the lease is; false where that is somebody's to hear of.
    pub fn counts(&mut self, refusal: &Refusal) -> bool {
        let count = match refusal {
            Refusal::HolderIs(None) => &mut self.free,
            Refusal::HolderIs(Some(_)) => &mut self.not_held,
            Refusal::NoLock(_) | Refusal::NotFreed(_) | Refusal::Coordinated(_) => {
                &mut self.no_locks
            }
            Refusal::Terminating => &mut self.ending,
            Refusal::NotFound
            | Refusal::TransitionsExhausted
            | Refusal::LastTransition
            | Refusal::TooShort(_)
            | Refusal::SlotStays(_)
            | Refusal::HeldByAncestor(_)
            | Refusal::VictimIsAncestor(_)
            | Refusal::BeingTakenOver { .. }
            | Refusal::Slots(_)
            | Refusal::NotAsShown { .. }
            | Refusal::VictimMayRun(_)
            | Refusal::KeptByHold => return false,
        };
        *count += 1;
        true
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.not_held
            + self.free
            + self.no_locks
            + self.ending
            + self.yours
            + self.in_line
            + self.the_clusters_own
    }

    /// Whether somebody else holds any of them.
    pub fn is_held_by_others(&self) -> bool {
        self.not_held > 0
    }

    /// Says how many of `all` were left, if any were; `whose` leases alone were wanted.
    pub fn say(&self, all: usize, whose: &str) {
        if let Some(line) = self.line(all, whose) {
            terminal::say(&line);
        }
    }

    fn line(&self, all: usize, whose: &str) -> Option<String> {
        let kinds = [
            (self.not_held, format!("not held by {whose:?}")),
            (self.free, "free".to_owned()),
            (self.no_locks, "not a lock".to_owned()),
            (self.ending, "being deleted".to_owned()),
            (self.yours, "yours already".to_owned()),
            (self.in_line, "in line for another lease".to_owned()),
            (
                self.the_clusters_own,
                format!(
                    "in {}, which -A does not reach (-n does)",
                    the_clusters_own()
                ),
            ),
        ];
        let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<String> = kinds.map(|(count, why)| format!("{count} {why}")).collect();
        let leases = if all == 1 { "lease" } else { "leases" };
        (!kinds.is_empty())
            .then(|| format!("left as they are, of {all} {leases}: {}", kinds.join(", ")))
    }
}

/// The first of some names, and how many more there are.
pub fn some(names: &[String]) -> String {
    let (first, more) = names.split_at(names.len().min(NAMED));
    let first = first.join(", ");
    match more.len() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::keeper::Keeper;

    #[test]
    fn what_was_left_is_counted_by_why_and_what_somebody_must_hear_of_is_not() {
        let mut left = Left::default();
        assert_eq!(left.line(4, "me"), None);
        for refusal in [
            Refusal::HolderIs(None),
            Refusal::NotFreed(Keeper::ApiServer),
            Refusal::NoLock(Keeper::ApiServer),
            Refusal::Coordinated("Oldest".to_owned()),
            Refusal::Terminating,
        ] {
            assert!(left.counts(&refusal), "{refusal:?}");
        }
        left.the_clusters_own = 7;
        left.yours = 2;
        for refusal in [
            Refusal::KeptByHold,
            Refusal::VictimMayRun("x".to_owned()),
            Refusal::TransitionsExhausted,
        ] {
            assert!(!left.counts(&refusal), "{refusal:?}");
        }
        assert_eq!(
            left.line(12, "me").as_deref(),
            Some(
                "left as they are, of 12 leases: 1 free, 3 not a lock, 1 being deleted, 2 yours already, 7 in kube-system or kube-node-lease, which -A does not reach (-n does)"
            )
        );
    }

    #[test]
    fn of_many_names_the_first_are_told() {
        let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(some(&names[..2]), "0, 1");
        assert_eq!(some(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
    }
}
