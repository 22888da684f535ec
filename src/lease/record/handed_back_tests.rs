//! What a release leaves for other clients: no holder, no duration that the Lease did not have before the grant, and no
//! annotation but from whom it was taken.

use serde_json::{Value, json};

use super::{DURATION_ANNOTATION, GrantTerms, Keep, PREVIOUS_ANNOTATION, Record};
use crate::lease::testing::{grant_terms, wall};
use crate::lease::values::LeaseDuration;

const NOW: &str = "2026-05-05T05:05:05.123456Z";

fn lease(spec: Value) -> Record {
    Record::new(json!({
        "metadata": { "name": "lock", "uid": "u", "resourceVersion": "7", "annotations": { "kept": "yes" } },
        "spec": spec,
    }))
    .expect("an object")
}

fn granted(before: &Record, holder: &str, duration: Option<u32>) -> Record {
    let terms = GrantTerms {
        duration: duration.map(LeaseDuration::constant),
        ..grant_terms(holder)
    };
    before.granted(&terms, wall(NOW)).expect("countable")
}

/// As a client of its own reads and writes it: nothing is known of what was before.
fn edited(record: &Record, edit: impl FnOnce(&mut Value)) -> Record {
    record.with(|object| edit(&mut object["spec"]))
}

fn secs(record: &Record) -> Option<u32> {
    let summary = Keep::Facts.of(record);
    assert_eq!(summary.duration, record.duration(), "read in two ways");
    record.duration().map(LeaseDuration::as_secs)
}

#[test]
fn a_duration_that_came_with_the_grant_goes_with_it_and_any_other_stays() {
    for (before, left) in [
        (json!({}), None),
        (json!({ "leaseDurationSeconds": null }), None),
        (json!({ "holderIdentity": "terraform" }), None),
        (json!({ "leaseDurationSeconds": 77 }), Some(77)),
        (
            json!({ "holderIdentity": "x", "leaseDurationSeconds": 77 }),
            Some(77),
        ),
    ] {
        let grant = granted(&lease(before.clone()), "me", None);
        let renewed = grant.renewed(wall(NOW));
        assert_eq!(secs(&renewed), Some(left.unwrap_or(60)), "{before}");
        // Another process releases it, which has only what is stored.
        let after = renewed.released(wall(NOW));
        assert_eq!(secs(&after), left, "{before}");
        let spec = &after.as_json()["spec"];
        assert_eq!(spec.get("holderIdentity"), None, "{before}");
        assert_eq!(
            spec.get("leaseDurationSeconds").is_some(),
            left.is_some(),
            "{before}"
        );
        let mut annotations = after.as_json()["metadata"]["annotations"].clone();
        let noted = annotations
            .as_object_mut()
            .expect("a map")
            .remove(PREVIOUS_ANNOTATION);
        assert_eq!(
            noted.is_some(),
            before["holderIdentity"].is_string(),
            "{before}"
        );
        assert_eq!(annotations, json!({ "kept": "yes" }), "{before}");
    }
}

#[test]
fn grants_that_follow_one_another_without_a_release_remember_that_there_was_no_duration() {
    let first = granted(&lease(json!({})), "me", Some(20));
    let second = granted(&first, "you", Some(30));
    let third = granted(&second, "you", None);
    assert_eq!(secs(&third), Some(30));
    assert_eq!(secs(&third.released(wall(NOW))), None);
}

#[test]
fn what_another_client_records_after_a_grant_is_its_own() {
    let grant = granted(&lease(json!({})), "me", Some(20));
    let elected = edited(&grant, |spec| {
        *spec = json!({
            "holderIdentity": "client-go", "leaseDurationSeconds": 15, "leaseTransitions": 2,
            "acquireTime": NOW, "renewTime": NOW,
        });
    });
    assert_eq!(secs(&elected), Some(15));
    let taken = granted(&elected, "you", None);
    assert_eq!(
        taken.as_json()["metadata"]["annotations"].get(DURATION_ANNOTATION),
        None
    );
    assert_eq!(secs(&taken.released(wall(NOW))), Some(15));
}

fn terraform_takes(record: &Record, holder: &str, id: &str) -> Record {
    record.with(|object| {
        object["spec"]["holderIdentity"] = json!(holder);
        object["metadata"]["annotations"]["app.terraform.io/lock-info"] =
            json!(format!(r#"{{"ID":"{id}","Operation":1}}"#));
    })
}

#[test]
fn a_lock_of_terraform_never_expires_whatever_duration_is_recorded_and_a_left_over_note_changes_nothing()
 {
    let created = lease(json!({ "leaseDurationSeconds": 3, "leaseTransitions": 0 }));
    let locked = terraform_takes(&created, "1111-2222", "1111-2222");
    assert_eq!(secs(&locked), None);
    assert_eq!(
        locked.left_over_duration().map(LeaseDuration::as_secs),
        Some(3)
    );
    assert_eq!(secs(&terraform_takes(&created, "me", "1111-2222")), Some(3));
    assert_eq!(secs(&terraform_takes(&created, "", "")), Some(3));
    assert_eq!(
        secs(&terraform_takes(&created, "", "")),
        secs(&terraform_takes(&created, "", "1111-2222"))
    );
    // Nor has its next lock the one of whoever stole it.
    let stolen = granted(&locked, "me", None);
    assert_eq!(secs(&stolen), Some(60));
    assert_eq!(secs(&stolen.released(wall(NOW))), None);
    // A grant to who calls itself as the lock is a grant all the same.
    let same = granted(&locked, "1111-2222", Some(20));
    assert_eq!(secs(&same), Some(20));
    assert_eq!(secs(&same.renewed(wall(NOW))), Some(20));
}

#[test]
fn a_holder_that_records_no_duration_is_not_judged_by_one_that_a_grant_left_behind() {
    let grant = granted(&lease(json!({})), "me", Some(20));
    // `force-unlock` with the identity of a grant whose holder is dead, and then an apply: neither knows durations.
    let unlocked = edited(&grant, |spec| {
        spec.as_object_mut()
            .expect("a map")
            .remove("holderIdentity");
    });
    assert_eq!(secs(&unlocked), None);
    let locked = edited(&unlocked, |spec| spec["holderIdentity"] = json!("3b8c0f3e"));
    assert_eq!(secs(&locked), None);
    let again = granted(&locked, "you", None);
    assert_eq!(secs(&again), Some(60));
    assert_eq!(secs(&again.released(wall(NOW))), None);
}
