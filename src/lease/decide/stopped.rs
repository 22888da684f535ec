//! The decision of a holder that was robbed and has stopped: whether somebody waits for its acknowledgement, and what is written.

use super::Seen;
use crate::lease::record::Record;

/// The next step of a holder that has stopped.
#[derive(Clone, Debug, PartialEq)]
pub enum StoppedStep {
    /// PUT this.
    Say(Record),
    /// It has been said.
    Said,
    /// Nobody waits for it.
    Nobody,
}

/// The next step of the holder of `grant`, of which nothing runs any more. It speaks to whoever has robbed it and waits: what was
/// seen is the grant directly on top of its own, and names it as the victim. To anybody else it would say nothing, and
/// would only be in the way.
pub fn say_stopped(grant: &Record, seen: &Seen) -> StoppedStep {
    let Seen::Lease(seen) = seen else {
        return StoppedStep::Nobody;
    };
    let record = seen.record();
    let waits = record.waits_for(grant) && grant.acquire_time().is_some();
    match waits {
        false => StoppedStep::Nobody,
        true if record.says_stopped(grant) => StoppedStep::Said,
        true => StoppedStep::Say(record.with_stopped(grant)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lease::evidence::Observation;
    use crate::lease::testing::{at, held};

    fn seen(record: Record) -> Seen {
        Seen::Lease(Observation::first(record, at(1.0), None))
    }

    /// What a takeover makes of [`held`]`("me", 6)`.
    fn taken(by: &str, transitions: i64) -> Record {
        let record = held(by, 6).with_spec("leaseTransitions", json!(transitions));
        record.with_spec("acquireTime", json!("2020-01-01T00:00:02.000000Z"))
    }

    #[test]
    fn an_acknowledgement_is_for_who_has_taken_this_very_grant_and_waits() {
        let ours = held("me", 6);
        let robbed = taken("thief", 5).with_victim(Some("me"));
        let step = say_stopped(&ours, &seen(robbed.clone()));
        assert_eq!(step, StoppedStep::Say(robbed.with_stopped(&ours)));
        let said = seen(robbed.with_stopped(&ours));
        assert_eq!(say_stopped(&ours, &said), StoppedStep::Said);
        // One about another grant is replaced: it says nothing to whoever waits.
        let other = robbed.with_stopped(&robbed);
        let step = say_stopped(&ours, &seen(other));
        assert_eq!(step, StoppedStep::Say(robbed.with_stopped(&ours)));
        // The same identity can rob itself.
        let oneself = taken("me", 5).with_victim(Some("me"));
        assert!(matches!(
            say_stopped(&ours, &seen(oneself)),
            StoppedStep::Say(_)
        ));
    }

    #[test]
    fn nothing_is_said_where_nobody_waits_for_it() {
        let ours = held("me", 6);
        let robbed = taken("thief", 5).with_victim(Some("me"));
        let again = taken("third", 6);
        for (what, record) in [
            ("it is held as before", ours.clone()),
            ("the thief does not wait", robbed.with_victim(None)),
            ("it waits for another", robbed.with_victim(Some("other"))),
            ("the thief was robbed", again.with_victim(Some("thief"))),
            (
                "so it was, from our identity",
                again.with_victim(Some("me")),
            ),
            (
                "it is free",
                robbed.with_spec("holderIdentity", json!(null)),
            ),
            (
                "it is another",
                robbed.with(|o| o["metadata"]["uid"] = json!("uid-2")),
            ),
        ] {
            assert_eq!(
                say_stopped(&ours, &seen(record)),
                StoppedStep::Nobody,
                "{what}"
            );
        }
        assert_eq!(say_stopped(&ours, &Seen::Absent), StoppedStep::Nobody);
    }
}
