//! Decisions about what is left of holders that are gone for long: which Leases are to be deleted, and when that is safe.

use std::time::Duration;

use jiff::SignedDuration;

use super::super::evidence::{Observation, Stamps};
use super::super::keeper::Keeper;
use super::super::record::Record;
use super::super::report::{Row, State};
use super::Now;
use super::wait::{WaitStep, expired};

/// What is to be deleted.
#[derive(Clone, Copy, Debug)]
pub struct PruneTerms {
    /// How long ago it must have expired.
    pub older_than: Duration,
    /// Whether identities of API servers were asked for.
    pub identities: bool,
}

/// What becomes of a Lease in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not what is asked for: it is free, alive, never expires, or has expired not so long ago.
    Passed,
    /// It is to be deleted.
    Pruned,
    /// It is to be deleted unless there is a Node of this name.
    PrunedWithoutNode(String),
    /// It has expired for so long, and is none to be deleted, because of what keeps it.
    Spared(Keeper),
    /// It is one of several slots, and says how many there are: without that word another number of them could be held.
    SparedSlot,
}

/// Judges a Lease by what a list shows of it, which is a report; before it is deleted [`proof`] is asked for.
pub fn judge(terms: &PruneTerms, row: &Row, record: &Record) -> Verdict {
    let left = row.condition.expires_in;
    let enough = SignedDuration::try_from(terms.older_than).unwrap_or(SignedDuration::MAX);
    // `None`, or not over yet, is no time ago.
    let is_old = left.is_some_and(|left| left.saturating_add(enough) <= SignedDuration::ZERO);
    if row.condition.state != State::Expired || !is_old {
        return Verdict::Passed;
    }
    match Keeper::of(record) {
        None if record.is_slot() => Verdict::SparedSlot,
        // Nobody has that place any more.
        None | Some(Keeper::Waiter(_)) => Verdict::Pruned,
        Some(Keeper::Node(name)) => Verdict::PrunedWithoutNode(name),
        Some(Keeper::ApiServer) if terms.identities => Verdict::Pruned,
        Some(keeper @ (Keeper::ApiServer | Keeper::Election | Keeper::EtcdDruid)) => {
            Verdict::Spared(keeper)
        }
    }
}

/// Whether what was judged goes for what is there `now`: nobody has written a grant or a renewal, and what keeps it is the same.
pub fn is_as_judged(before: &Record, now: &Record) -> bool {
    before.observed_record() == now.observed_record()
        && before.is_slot() == now.is_slot()
        && Keeper::of(before) == Keeper::of(now)
}

/// What proves that nobody holds a Lease any more that is to be deleted as it was observed: as for a takeover, so that no wrong
/// clock, and no `Date`, has a live one deleted.
pub fn proof(seen: &Observation, stamps: Stamps, now: Now) -> WaitStep {
    expired(seen, stamps, now)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::lease::record::Keep;
    use crate::lease::testing::{free, held, stamped, wall};

    fn hours(hours: u64) -> PruneTerms {
        PruneTerms {
            older_than: Duration::from_secs(hours * 3600),
            identities: false,
        }
    }

    /// As of this `Date`.
    fn judged(terms: PruneTerms, record: &Record, date: &str, stamps: Stamps) -> Verdict {
        let row = Row::new(Keep::Facts.of(record), Some(wall(date)), stamps);
        judge(&terms, &row, record)
    }

    const NEXT_DAY: &str = "2020-01-02T00:00:15Z";
    const MUCH_LATER: &str = "2021-01-01T00:00:00Z";

    #[test]
    fn it_must_have_expired_for_so_long_by_the_servers_clock() {
        let record = held("ada", 15);
        for (hours_ago, date, expected) in [
            (24, "2020-01-02T00:00:14Z", Verdict::Passed),
            (24, NEXT_DAY, Verdict::Pruned),
            (0, "2020-01-01T00:00:14Z", Verdict::Passed),
            (0, "2020-01-01T00:00:15Z", Verdict::Pruned),
        ] {
            let verdict = judged(hours(hours_ago), &record, date, Stamps::Untrusted);
            assert_eq!(verdict, expected, "{hours_ago} {date}");
        }
        let endless = record.with_spec("leaseDurationSeconds", Value::Null);
        let ahead = record.with_spec("renewTime", json!("2031-01-01T00:00:00.000000Z"));
        let silent = record.with_spec("renewTime", Value::Null);
        let leaving = record.with(|object| {
            object["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
        });
        for record in [free(15), endless, ahead, silent, leaving] {
            let verdict = judged(hours(0), &record, MUCH_LATER, Stamps::Untrusted);
            assert_eq!(verdict, Verdict::Passed);
        }
        let row = Row::new(Keep::Facts.of(&record), None, Stamps::Untrusted);
        assert_eq!(judge(&hours(0), &row, &record), Verdict::Passed);
    }

    #[test]
    fn a_stamp_that_is_younger_than_the_holders_time_counts() {
        let record = stamped(held("ada", 15), &["2020-01-01T12:00:00Z"]);
        let of = |stamps| judged(hours(24), &record, NEXT_DAY, stamps);
        assert_eq!(of(Stamps::Trusted), Verdict::Passed);
        assert_eq!(of(Stamps::Untrusted), Verdict::Pruned);
    }

    #[test]
    fn what_is_kept_by_others_and_what_is_a_slot_is_spared_and_a_heartbeat_is_its_nodes() {
        let judge = |edit: &dyn Fn(&mut Value), identities| {
            let terms = PruneTerms {
                identities,
                ..hours(24)
            };
            judged(
                terms,
                &held("ada", 15).with(edit),
                MUCH_LATER,
                Stamps::Untrusted,
            )
        };
        let labelled = |key: &'static str, value: &'static str| {
            move |lease: &mut Value| lease["metadata"]["labels"] = json!({ key: value })
        };
        let elected = |lease: &mut Value| lease["spec"]["strategy"] = json!("Other");
        let node = |lease: &mut Value| {
            lease["metadata"]["ownerReferences"] = json!([{ "kind": "Node", "name": "n-1" }]);
        };
        let server = labelled("k8s.io/component", "kube-apiserver");
        let slot = |lease: &mut Value| {
            lease["metadata"]["annotations"] = json!({ "kubectl-lease/slots": "3" });
        };
        let half_a_slot = labelled("kubectl-lease/slot-of", "pool");
        let druid = labelled("app.kubernetes.io/component", "etcd-member-lease");
        for identities in [false, true] {
            let spared = |keeper| Verdict::Spared(keeper);
            assert_eq!(judge(&elected, identities), spared(Keeper::Election));
            assert_eq!(judge(&druid, identities), spared(Keeper::EtcdDruid));
            assert_eq!(judge(&slot, identities), Verdict::SparedSlot);
            assert_eq!(judge(&half_a_slot, identities), Verdict::SparedSlot);
            let of_node = Verdict::PrunedWithoutNode("n-1".to_owned());
            assert_eq!(judge(&node, identities), of_node);
        }
        let waiter = labelled("kubectl-lease/queue-of", "job");
        assert_eq!(judge(&waiter, false), Verdict::Pruned);
        assert_eq!(judge(&server, false), Verdict::Spared(Keeper::ApiServer));
        assert_eq!(judge(&server, true), Verdict::Pruned);
        // What has become one of those since the list is none to be deleted either.
        let listed = held("ada", 15);
        let labelled = listed.with(labelled("team", "a"));
        assert!(is_as_judged(&listed, &labelled));
        for edit in [&slot as &dyn Fn(&mut Value), &half_a_slot, &node, &server] {
            assert!(!is_as_judged(&listed, &listed.with(edit)));
        }
        let renewed = listed.with_spec("renewTime", json!("2020-01-01T00:00:09.000000Z"));
        assert!(!is_as_judged(&listed, &renewed));
    }
}
