//! What counts as an alteration, what does not, and how it is said.

use serde_json::json;

use super::*;
use crate::lease::testing::held;
use crate::lease::values::LeaseDuration;

type Edit = fn(&mut Value);

fn stored(change: impl FnOnce(&mut Value)) -> Option<Alteration> {
    let sent = held("me", 6);
    sent.with(change).alteration(&sent)
}

#[test]
fn what_is_added_or_written_otherwise_is_no_alteration() {
    let same = stored(|object| {
        object["metadata"]["labels"] = json!({ "team": "a" });
        object["metadata"]["finalizers"] = json!([]);
        object["metadata"]["annotations"] = json!({ "seen": "yes" });
        object["metadata"]["resourceVersion"] = json!("8");
        object["spec"]["renewTime"] = json!("2020-01-01T01:00:00+01:00");
        object["spec"]["acquireTime"] = json!("2020-01-01T00:00:00Z");
        object["spec"]["more"] = json!(1);
    });
    assert_eq!(same, None);
}

#[test]
fn every_field_that_makes_a_grant_is_compared_and_named() {
    let (sent, duration) = (held("me", 6), "leaseDurationSeconds");
    for (field, value, named) in [
        ("holderIdentity", json!("us"), "holderIdentity \"us\""),
        ("holderIdentity", json!(""), "no holderIdentity"),
        (duration, json!(2), "leaseDurationSeconds 2"),
        (duration, json!(null), "leaseDurationSeconds null"),
        ("leaseTransitions", json!(0), "leaseTransitions 0"),
        ("acquireTime", json!("then"), "acquireTime \"then\""),
        ("renewTime", json!(null), "no renewTime"),
    ] {
        let named = format!("{named} instead of {}", sent.as_json()["spec"][field]);
        let found = sent.with_spec(field, value).alteration(&sent);
        let found = found.expect("an alteration").to_string();
        assert!(found.contains(&named), "{named:?} is not in: {found}");
    }
    let edits: [(Edit, &str); 2] = [
        (|o| o["metadata"]["uid"] = json!("other"), "uid \"other\""),
        (|o| o["spec"] = json!({}), "no holderIdentity instead of"),
    ];
    for (edit, named) in edits {
        let found = stored(edit).expect("an alteration").to_string();
        assert!(found.contains(named), "{named:?} is not in: {found}");
    }
}

#[test]
fn a_victim_that_is_not_stored_is_named() {
    let sent = held("me", 6).with_victim(Some("other"));
    let found = held("me", 6).alteration(&sent).expect("an alteration");
    assert!(!(found.holder || found.grant || found.renewal || found.shorter || found.endless));
    assert!(
        found
            .to_string()
            .contains("no annotation kubectl-lease/victim instead of"),
        "{found}"
    );
    assert_eq!(sent.alteration(&held("me", 6)), None);
}

#[test]
fn a_grant_of_somebody_else_is_no_alteration_of_ours() {
    let sent = held("me", 6);
    let edits: [(Edit, bool); 7] = [
        // A write that has no such time, or no holder, is a webhook's.
        (
            |object| {
                object["spec"]["acquireTime"] = json!("2020-01-01T00:00:03Z");
                object["spec"]["renewTime"] = json!(null);
            },
            false,
        ),
        (
            |object| {
                object["spec"]["holderIdentity"] = json!(null);
                object["spec"]["acquireTime"] = json!("2020-01-01T00:00:03Z");
                object["spec"]["renewTime"] = json!("2020-01-01T00:00:04Z");
            },
            false,
        ),
        (
            |object| {
                object["spec"]["holderIdentity"] = json!("other");
                object["spec"]["acquireTime"] = json!("2020-01-01T00:00:03Z");
                object["spec"]["renewTime"] = json!("2020-01-01T00:00:04Z");
            },
            true,
        ),
        // What a webhook does to ours.
        (|o| o["spec"]["holderIdentity"] = json!("other"), false),
        (
            |o| o["spec"]["renewTime"] = json!("2020-01-01T00:00:04Z"),
            false,
        ),
        (|o| o["spec"] = json!({}), false),
        (|_| (), false),
    ];
    for (edit, is_another) in edits {
        let stored = sent.with(edit);
        assert_eq!(stored.is_another_write(&sent), is_another, "{stored:?}");
    }
}

/// Something answers a release with what is there: whoever freed that was not us.
#[test]
fn what_somebody_else_has_freed_is_another_write() {
    let now = |text: &str| crate::lease::testing::wall(text);
    let before = held("me", 60);
    let sent = before.released(now("2020-01-01T00:00:09Z"));
    let other = before.released(now("2020-01-01T00:00:09Z"));
    let op =
        |taken| other.taken_from_holder(&before, taken, "op", None, now("2020-01-01T00:00:08Z"));
    for (stored, is_another) in [
        (sent.clone(), false),
        // Free is free.
        (
            sent.with_spec("renewTime", json!("2020-01-01T00:00:08Z")),
            false,
        ),
        (op(crate::lease::record::Taken::ForceReleased), true),
        (sent.with_spec("leaseTransitions", json!(6)), true),
        (
            sent.with(|object| object["metadata"]["uid"] = json!("another")),
            true,
        ),
    ] {
        assert_eq!(stored.is_another_write(&sent), is_another, "{stored:?}");
    }
}

#[test]
fn each_alteration_is_of_what_it_changes_and_of_nothing_else() {
    let time = || json!("2020-01-01T00:00:03Z");
    for (field, value, kind) in [
        ("holderIdentity", json!("us"), "holder"),
        ("acquireTime", time(), "grant"),
        ("acquireTime", json!(null), "grant"),
        ("leaseTransitions", json!(9), "grant"),
        ("leaseDurationSeconds", json!(2), "shorter"),
        ("leaseDurationSeconds", json!(60), "longer"),
        ("leaseDurationSeconds", json!(null), "endless"),
        ("renewTime", time(), "renewal"),
    ] {
        let sent = held("me", 6);
        let found = sent.with_spec(field, value).alteration(&sent);
        let found = found.expect("an alteration");
        for (other, is) in [
            ("holder", found.holder),
            ("grant", found.grant),
            ("shorter", found.shorter),
            ("endless", found.endless),
            ("renewal", found.renewal),
        ] {
            assert_eq!(is, other == kind, "{field}: {other}");
        }
        assert_eq!(found.differences.len(), 1, "{found}");
    }
    let recreated = stored(|object| object["metadata"]["uid"] = json!("other"));
    assert!(recreated.is_some_and(|found| found.grant && !found.holder));
}

#[test]
fn one_that_is_created_has_a_uid_that_nobody_sent() {
    let fresh = Lease::fresh("default", "my-lease", LeaseDuration::constant(6));
    let of = |uid: &str, strategy: Value| {
        let mut object = fresh.as_json().clone();
        object["metadata"]["uid"] = json!(uid);
        object["spec"]["strategy"] = strategy;
        Lease::new(object).expect("a lease")
    };
    assert_eq!(of("u", Value::Null).alteration(&fresh), None);
    assert_eq!(of("u", Value::Null).alteration_of_all(&fresh), None);
    // Something else is missing, and it is the same grant all the same.
    let sent = fresh.with_election(Some("OldestEmulationVersion"), None);
    let found = of("u", Value::Null)
        .alteration(&sent)
        .expect("it is missing");
    assert!(!found.grant && found.differences.len() == 1, "{found}");
}

#[test]
fn labels_and_others_annotations_count_only_where_all_that_was_asked_for_does() {
    let pairs = |key: &str| vec![(key.to_owned(), "yes".to_owned())];
    let plain = held("me", 6);
    for (labels, annotations, named) in [
        (pairs("team"), vec![], "no label team"),
        // A label that is called as an annotation of ours.
        (
            pairs(VICTIM_ANNOTATION),
            vec![],
            "no label kubectl-lease/victim",
        ),
        (vec![], pairs("team"), "no annotation team"),
    ] {
        let sent = plain.with_metadata(&labels, &annotations);
        assert_eq!(plain.alteration(&sent), None, "{named}");
        let found = plain.alteration_of_all(&sent).expect("an alteration");
        let expected =
            format!("the server stored {named} instead of \"yes\" (an admission webhook?)");
        assert_eq!(found.to_string(), expected);
    }
    // What is said about a grant is named once, and stands with it.
    let sent = plain.with_reason(Some("why"));
    let found = plain.alteration_of_all(&sent).expect("an alteration");
    assert_eq!(found.differences.len(), 1, "{found}");
}

#[test]
fn a_shorter_duration_is_told_from_a_longer_one_and_from_none() {
    let shorter = |seconds: Value| {
        let found = stored(|object| object["spec"]["leaseDurationSeconds"] = seconds);
        found.map(|found| (found.shorter, found.endless))
    };
    assert_eq!(shorter(json!(2)), Some((true, false)));
    assert_eq!(shorter(json!(60)), Some((false, false)));
    assert_eq!(shorter(json!(null)), Some((false, true)));
}

#[test]
fn what_the_server_drops_beside_the_grant_is_named_and_leaves_it_a_grant() {
    let sent = held("me", 6)
        .with_spec("strategy", json!("OldestEmulationVersion"))
        .with_spec("preferredHolder", Value::Null)
        .with_reason(Some("night run"))
        .with_metadata(&[("a".to_owned(), "b".to_owned())], &[]);
    let stored = held("me", 6);
    let found = stored.alteration(&sent).expect("an alteration");
    assert_eq!(
        found.to_string(),
        "the server stored no strategy instead of \"OldestEmulationVersion\", \
         no annotation kubectl-lease/reason instead of \"night run\" (an admission webhook?)"
    );
    assert!(!(found.holder || found.grant || found.shorter || found.endless || found.renewal));
}

#[test]
fn of_a_lease_that_is_created_everything_asked_for_is_compared() {
    let sent = held("", 6)
        .with_spec("strategy", json!("OldestEmulationVersion"))
        .with_metadata(&[("a".to_owned(), "b".to_owned())], &[]);
    let stored = held("", 6);
    let found = stored.alteration_of_all(&sent).expect("an alteration");
    assert_eq!(
        found.to_string(),
        "the server stored no strategy instead of \"OldestEmulationVersion\", no label a instead of \"b\" \
         (an admission webhook?)"
    );
    assert_eq!(sent.alteration_of_all(&sent), None);
}
