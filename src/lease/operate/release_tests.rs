//! What a release without an answer is known to have done, by what is there afterwards.

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::lease::evidence::Observation;
use crate::lease::record::Taken;
use crate::lease::testing::{at, grant_terms, held, wall};

fn now() -> Timestamp {
    wall("2026-05-05T05:05:05.123456Z")
}

/// The next grant over this.
fn granted(before: &Record, holder: &str) -> Record {
    let granted = before.granted(&grant_terms(holder), now());
    granted.expect("countable").with(|object| {
        object["metadata"]["managedFields"] = json!([{
            "manager": "kubectl-lease", "operation": "Update", "time": "2026-05-05T05:05:05Z",
            "fieldsV1": { "f:spec": { "f:holderIdentity": {} } },
        }]);
    })
}

fn forced(before: &Record, by: &str) -> Record {
    let freed = before.freed(now());
    freed.taken_from_holder(before, Taken::ForceReleased, by, None, now())
}

/// Whether what is there is taken for the outcome of `release`, of which no answer came.
fn is_done(release: &Record, there: &Record) -> bool {
    let seen = Seen::Lease(Observation::first(there.clone(), at(1.0), None));
    let sent = [
        Sent::Unanswered(release.clone()),
        Sent::Refused(release.clone()),
    ];
    let done = |sent: &Sent| freed(sent, &seen).or_else(|| sent.shown_by(&seen));
    let done = sent.map(|sent| done(&sent).is_some());
    assert_eq!(done[0], done[1]);
    done[0]
}

#[test]
fn what_can_follow_from_a_release_shows_that_it_was_carried_out() {
    let ours = held("me", 60);
    let release = ours.released(now());
    let next = |holder| granted(&release, holder);
    for (what, there) in [
        ("free", release.clone()),
        ("another's", next("other")),
        ("the same identity's", next("me")),
    ] {
        assert!(is_done(&release, &there), "{what}");
    }
}

#[test]
fn what_is_there_after_two_others_or_a_client_that_says_nothing_proves_nothing() {
    let ours = held("me", 60);
    let release = ours.released(now());
    let next = granted(&release, "other");
    let robbed = granted(&ours, "thief");
    for (what, there) in [
        ("stolen from the next", granted(&next, "thief")),
        ("and this after a theft", granted(&robbed, "other")),
        ("taken by a client that says nothing", {
            let others = ours.with_spec("leaseTransitions", json!(5));
            others.with_spec("holderIdentity", json!("other"))
        }),
        (
            "blanked by a client that says nothing",
            ours.with_spec("holderIdentity", json!(null)),
        ),
        (
            "reentered and released",
            granted(&ours, "me").released(now()),
        ),
        ("acquired and released", next.released(now())),
    ] {
        assert!(!is_done(&release, &there), "{what}");
    }
}

#[test]
fn after_a_conflict_it_is_our_own_hand_or_nothing() {
    let ours = held("me", 60);
    let release = ours.released(now());
    let is_done = |there: &Record| {
        let seen = Seen::Lease(Observation::first(there.clone(), at(1.0), None));
        let sent = Sent::InConflict(release.clone());
        freed(&sent, &seen)
            .or_else(|| sent.shown_by(&seen))
            .is_some()
    };
    assert!(is_done(&release));
    let blanked = release.with_spec("renewTime", json!("2026-05-05T05:05:06.000000Z"));
    // With a clock that was set right since, everybody writes the microsecond after the last renewal.
    for there in [blanked, forced(&ours, "op"), granted(&release, "other")] {
        assert!(!is_done(&there), "{there:?}");
    }
}

#[test]
fn what_was_taken_from_our_grant_was_not_released_by_us() {
    let ours = held("me", 60);
    let release = ours.released(now());
    let robbed = granted(&ours, "thief");
    let later = granted(&robbed.released(now()), "other");
    let anothers = |by| forced(&ours, by);
    for (what, there) in [
        ("it is as it was", ours.clone()),
        ("stolen at once", robbed.taken_as(Taken::Stolen)),
        ("taken as expired", robbed.clone()),
        ("by whoever waits", robbed.with_victim(Some("me"))),
        ("by the same identity", granted(&ours, "me")),
        ("stolen and released", robbed.released(now())),
        ("and acquired by another", later),
        ("freed by force", anothers("op")),
        ("and acquired then", granted(&anothers("op"), "other")),
    ] {
        assert!(!is_done(&release, &there), "{what}");
    }
}

#[test]
fn a_release_by_force_is_told_from_somebody_elses() {
    let theirs = held("ada", 60);
    let release = forced(&theirs, "me");
    assert!(is_done(&release, &forced(&theirs, "me")), "one of ours");
    assert!(is_done(&release, &granted(&release, "other")));
    assert!(!is_done(&release, &forced(&theirs, "op")));
    for thief in ["thief", "ada", "me"] {
        assert!(!is_done(&release, &granted(&theirs, thief)), "{thief}");
    }
}
