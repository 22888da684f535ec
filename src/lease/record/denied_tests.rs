//! Whether what is written in a Lease says that a grant was taken, and so not released.

use serde_json::json;

use super::super::{Record, previous};
use super::*;
use crate::lease::testing::{grant_terms, held, wall};

const NOW: &str = "2026-05-05T05:05:05.123456Z";

/// The grant that was to be released: of `me`, with 4 transitions.
fn ours() -> Record {
    held("me", 60)
}

fn release() -> Record {
    ours().released(wall(NOW))
}

fn granted(before: &Record, holder: &str) -> Record {
    let granted = before.granted(&grant_terms(holder), wall(NOW));
    granted.expect("countable")
}

fn is_denied(there: &Record) -> bool {
    there.denies(&release())
}

fn transitions(record: &Record, count: i64) -> Record {
    record.with_spec("leaseTransitions", json!(count))
}

fn freed(record: &Record) -> Record {
    record.with_spec("holderIdentity", json!(null))
}

fn recreated(record: &Record) -> Record {
    record.with(|object| object["metadata"]["uid"] = json!("uid-2"))
}

#[test]
fn a_grant_on_top_of_it_that_waits_for_its_victim_was_not_let_in() {
    let next = transitions(&held("thief", 60), 5);
    let waits = next.with_victim(Some("me"));
    assert!(is_denied(&waits));
    assert!(!is_denied(&next), "it may have come after the release");
    // Not on top of this very one, or free again with what it left.
    assert!(!is_denied(&transitions(&next, 6).with_victim(Some("me"))));
    assert!(!is_denied(&freed(&waits)));
    assert!(!is_denied(&recreated(&waits)));
}

#[test]
fn a_grant_of_the_same_identity_says_by_its_note_whether_it_was_put_on_top() {
    let again = granted(&ours(), "me");
    assert!(is_denied(&again));
    let noted = |count: &str| again.annotated(REGRANTED_ANNOTATION, Some(count));
    for (count, denies) in [("5", true), ("4", false), ("6", false), ("", false)] {
        assert_eq!(is_denied(&noted(count)), denies, "{count:?}");
    }
    assert!(!is_denied(&again.annotated(REGRANTED_ANNOTATION, None)));
    assert!(!is_denied(&granted(&release(), "me")));
    assert!(!is_denied(&freed(&again)));
    assert!(!is_denied(&recreated(&again)));
}

#[test]
fn what_is_noted_of_this_very_grant_says_so_whoever_holds_it_by_now() {
    for taken in [Taken::Expired, Taken::Stolen, Taken::FailedOver] {
        let next = granted(&ours(), "x").taken_as(taken);
        let left = next.released(wall(NOW));
        let later = granted(&left, "eve");
        for there in [&next, &left, &later] {
            assert!(is_denied(there), "{taken:?}");
            assert!(!is_denied(&recreated(there)), "{taken:?}");
        }
    }
    // Of another grant: by its number, or by when it was acquired.
    let other = transitions(&ours(), 5);
    assert!(!is_denied(&granted(&other, "x")));
    let time = json!("2020-01-01T00:00:01.000000Z");
    let other = ours().with_spec("acquireTime", time);
    assert!(!is_denied(&granted(&other, "x")));
    assert!(!is_denied(&granted(&release(), "x")));
}

#[test]
fn a_release_by_somebody_else_is_none_of_ours_and_what_we_noted_ourselves_is() {
    let forced = |grant: &Record, by: &str| {
        let freed = grant.released(wall(NOW));
        freed.taken_from_holder(grant, Taken::ForceReleased, by, None, wall(NOW))
    };
    assert!(is_denied(&forced(&ours(), "bob")));
    assert!(!is_denied(&forced(&transitions(&ours(), 3), "bob")));
    assert!(!is_denied(&forced(&transitions(&ours(), 5), "bob")));
    let sent = forced(&ours(), "me");
    assert!(!sent.denies(&sent), "our own note");
    assert!(forced(&ours(), "bob").denies(&sent), "another was first");
    // What had been noted of an earlier grant is no word on this one.
    let second = granted(&ours(), "x");
    let release = second.released(wall(NOW));
    assert!(!release.denies(&release));
}

#[test]
fn what_is_noted_is_read_from_the_whole_object_as_well() {
    let taken = granted(&ours(), "x");
    assert!(taken.previous().is_some());
    assert_eq!(previous(taken.as_json()), taken.previous());
    assert_eq!(previous(ours().as_json()), None);
}
