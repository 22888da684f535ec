//! The decision whether a Lease that was released is deleted.

use super::Seen;
use crate::lease::record::Record;

/// What becomes of a Lease after its release.
#[derive(Clone, Debug, PartialEq)]
pub enum Cleanup {
    /// It is deleted, as it was seen.
    Delete(Record),
    /// It was deleted already, or is another one by now.
    Gone,
    /// Somebody has had it since: who holds it, if anybody does.
    Taken(Option<String>),
    /// It is left: it is a slot, and says how many there are.
    Slot,
}

/// What becomes of the Lease of `grant`, which was released a moment ago. Whoever waited for it has taken it by then.
pub fn cleanup(grant: &Record, seen: &Seen) -> Cleanup {
    let Seen::Lease(seen) = seen else {
        return Cleanup::Gone;
    };
    let record = seen.record();
    if record.uid() != grant.uid() || record.is_terminating() {
        return Cleanup::Gone;
    }
    let untouched = record.holder().is_none() && record.transitions() == grant.transitions();
    match untouched {
        false => Cleanup::Taken(record.holder().map(str::to_owned)),
        // Without that word another number of slots could be held beside those that are.
        true if record.is_slot() => Cleanup::Slot,
        true => Cleanup::Delete(record.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::evidence::Observation;
    use crate::lease::testing::{at, held};

    fn after(change: impl FnOnce(&mut serde_json::Value)) -> Cleanup {
        let grant = held("me", 60);
        let record = grant.with(change);
        cleanup(
            &grant,
            &Seen::Lease(Observation::first(record, at(1.0), None)),
        )
    }

    fn free(object: &mut serde_json::Value) {
        object["spec"]["holderIdentity"] = serde_json::Value::Null;
        object["metadata"]["resourceVersion"] = "8".into();
    }

    #[test]
    fn only_what_nobody_has_had_since_is_deleted_and_as_it_was_seen() {
        let Cleanup::Delete(record) = after(free) else {
            panic!("it is free");
        };
        assert_eq!(record.resource_version(), "8");
        let taken = |object: &mut serde_json::Value| {
            object["spec"]["holderIdentity"] = "waiter".into();
            object["spec"]["leaseTransitions"] = 99.into();
        };
        assert_eq!(after(taken), Cleanup::Taken(Some("waiter".to_owned())));
        // Taken and given back.
        let had = |object: &mut serde_json::Value| {
            free(object);
            object["spec"]["leaseTransitions"] = 99.into();
        };
        assert_eq!(after(had), Cleanup::Taken(None));
        let another = |object: &mut serde_json::Value| {
            free(object);
            object["metadata"]["uid"] = "another".into();
        };
        assert_eq!(after(another), Cleanup::Gone);
        assert_eq!(cleanup(&held("me", 60), &Seen::Absent), Cleanup::Gone);
        // Whoever asked for slots has made it one meanwhile.
        for (field, key) in [
            ("annotations", "kubectl-lease/slots"),
            ("labels", "kubectl-lease/slot-of"),
        ] {
            let slot = |object: &mut serde_json::Value| {
                free(object);
                object["metadata"][field] = serde_json::json!({ key: "3" });
            };
            assert_eq!(after(slot), Cleanup::Slot, "{key}");
        }
    }
}
