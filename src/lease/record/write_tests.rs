//! What a grant, a renewal and a release write at their edges.

use super::super::field::KIND;
use super::*;
use crate::lease::testing::{free, grant_terms, held, wall};

const LAST: &str = "2026-05-05T05:05:05.000000Z";

#[test]
fn a_clock_that_was_set_back_by_a_minute_is_followed_and_by_less_stands_still() {
    let record = held("me", 15).with_spec("renewTime", json!(LAST));
    for (now, written) in [
        ("2026-05-05T05:05:06.000000Z", "2026-05-05T05:05:06.000000Z"),
        (LAST, "2026-05-05T05:05:05.000001Z"),
        ("2026-05-05T05:04:05.000001Z", "2026-05-05T05:05:05.000001Z"),
        ("2026-05-05T05:04:05.000000Z", "2026-05-05T05:04:05.000000Z"),
        ("2025-01-01T00:00:00.000000Z", "2025-01-01T00:00:00.000000Z"),
    ] {
        assert_eq!(
            record.renewed(wall(now)).renew_time(),
            Some(written),
            "{now}"
        );
    }
}

#[test]
fn beside_a_victim_a_shorter_duration_is_made_as_long_again_and_no_other_is_touched() {
    let ours = LeaseDuration::constant(15);
    for (recorded, then) in [
        (json!(2), 15),
        (json!(14), 15),
        (json!(15), 15),
        (json!(60), 60),
        (json!(null), 15),
    ] {
        let record = held("me", 15).with_spec("leaseDurationSeconds", recorded.clone());
        let renewed = record.renewed_beside(ours, wall(LAST));
        let written = renewed.duration().map(LeaseDuration::as_secs);
        assert_eq!(written, Some(then), "{recorded}");
        assert_eq!(renewed.renew_time(), Some(LAST), "{recorded}");
    }
}

#[test]
fn only_a_grant_on_top_of_ones_own_says_so() {
    let regranted = |before: &Record| {
        let grant = before
            .granted(&grant_terms("me"), wall(LAST))
            .expect("a grant");
        grant.annotation(REGRANTED_ANNOTATION).map(str::to_owned)
    };
    assert_eq!(regranted(&held("me", 15)), Some("5".to_owned()));
    assert_eq!(regranted(&held("x", 15)), None);
    assert_eq!(regranted(&free(15)), None);
}

#[test]
fn an_election_is_asked_for_as_far_as_it_is_given() {
    let fresh = Lease::fresh("default", "a", LeaseDuration::constant(15));
    assert_eq!(fresh.with_election(None, None), fresh);
    let elected = fresh.with_election(Some("OldestEmulationVersion"), Some("b"));
    assert_eq!(elected.strategy(), Some("OldestEmulationVersion"));
    assert_eq!(elected.preferred_holder(), Some("b"));
    assert_eq!(elected.name(), "a");
    for (field, value) in KIND {
        assert_eq!(elected.as_json()[field], value);
    }
}

#[test]
fn the_note_of_a_lock_goes_with_a_lock_of_theirs_and_with_nobody_elses() {
    let freed = |holder: &str, duration: Value, labels: Value| {
        let noted = held(holder, 15).with(|object| {
            object["spec"]["leaseDurationSeconds"] = duration;
            object["metadata"]["labels"] = labels;
            object["metadata"]["annotations"] =
                json!({ lock_info::ANNOTATION: r#"{"ID":"their"}"# });
        });
        noted
            .freed(wall(LAST))
            .annotation(lock_info::ANNOTATION)
            .is_none()
    };
    let state = || json!({ "tfstate": "true" });
    assert!(
        freed("their", json!(15), json!({})),
        "its holder is the lock"
    );
    assert!(freed("", json!(null), state()), "locked by nobody");
    assert!(
        freed("x", json!(null), state()),
        "it never expires, as theirs"
    );
    assert!(!freed("x", json!(15), state()), "a holder that renews");
}

#[test]
fn what_is_free_and_not_even_locked_by_nobody_keeps_its_note() {
    let noted = |edit: fn(&mut Value)| {
        let record = free(15).with(|object| {
            object["spec"]["holderIdentity"] = Value::Null;
            object["metadata"]["annotations"] =
                json!({ lock_info::ANNOTATION: r#"{"ID":"their"}"# });
            edit(object);
        });
        record
            .freed(wall(LAST))
            .annotation(lock_info::ANNOTATION)
            .is_some()
    };
    assert!(noted(|_| ()));
    assert!(noted(
        |object| object["spec"]["leaseDurationSeconds"] = Value::Null
    ));
    // Of another program that has no duration, and of nothing that is theirs.
    let other = held("x", 15).with(|object| {
        object["spec"]["leaseDurationSeconds"] = Value::Null;
        object["metadata"]["annotations"] = json!({ "note": "mine" });
    });
    assert_eq!(other.freed(wall(LAST)), other.released(wall(LAST)));
}
