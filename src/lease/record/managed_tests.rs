//! Whose stamp counts: of a write, and of a holder's life.

use crate::lease::record::{GrantTerms, Record};
use crate::lease::summary::Class;
use crate::lease::testing::{grant_terms, held, wall};
use serde_json::{Value, json};

/// A read, a takeover and the reply to it with one entry of managedFields, changed by `edit`.
fn reply(edit: impl FnOnce(&mut Value)) -> (Record, Record, Record) {
    let read = held("x", 15);
    let sent = read
        .granted(&grant_terms("me"), wall("2026-01-01T00:00:00Z"))
        .expect("a grant");
    let mut reply = sent.as_json().clone();
    reply["metadata"]["managedFields"] = json!([{
        "manager": "other", "operation": "Update", "time": "2026-01-01T00:00:00Z",
        "fieldsV1": { "f:spec": { "f:leaseDurationSeconds": {} } },
    }, {
        "manager": "kubectl-lease", "operation": "Update", "time": "2026-01-01T01:00:00Z",
        "fieldsV1": { "f:spec": { "f:acquireTime": {}, "f:holderIdentity": {}, "f:leaseTransitions": {}, "f:renewTime": {} } },
    }]);
    edit(&mut reply);
    (read, sent, Record::new(reply).expect("an object"))
}

#[test]
fn the_stamp_of_a_write_is_that_of_our_own_entry_in_the_reply_to_it() {
    let stamp = |edit: fn(&mut Value)| {
        let (read, sent, reply) = reply(edit);
        reply.stamp_of_write(&read, &sent, "kubectl-lease")
    };
    assert_eq!(stamp(|_| ()), Some(wall("2026-01-01T01:00:00Z")));
    let others: [fn(&mut Value); 9] = [
        |reply| reply["metadata"]["uid"] = json!("another"),
        |reply| reply["spec"]["holderIdentity"] = json!("prefix-me"),
        |reply| reply["spec"]["leaseTransitions"] = json!(4),
        |reply| reply["metadata"]["managedFields"][1]["manager"] = json!("kubectl"),
        |reply| reply["metadata"]["managedFields"][1]["operation"] = json!("Apply"),
        |reply| reply["metadata"]["managedFields"][1]["subresource"] = json!("status"),
        |reply| reply["metadata"]["managedFields"][1]["time"] = json!("now"),
        |reply| reply["metadata"]["managedFields"] = Value::Null,
        // Not stamped by this write: it does not own what this write changes.
        |reply| {
            reply["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"] =
                json!({ "f:renewTime": {}, "f:holderIdentity": {} });
        },
    ];
    for other in others {
        assert_eq!(stamp(other), None);
    }
    let (read, _, reply) = reply(|_| ());
    assert_eq!(
        reply.stamp_of_write(&read, &read, "kubectl-lease"),
        None,
        "a write that changes nothing is not stamped"
    );
}

/// A stamp is whatever stands there, the last time that there is included.
#[test]
fn a_stamp_at_the_end_of_time_is_one_like_any_other() {
    let entry = |manager: &str, time: &str, owned: &str| {
        let fields = json!({ "f:spec": { owned: {} } });
        json!({ "manager": manager, "operation": "Update", "time": time, "fieldsV1": fields })
    };
    let (end, before) = ("9999-12-30T22:00:00Z", "9999-12-30T21:00:00Z");
    let record = held("ada", 60).with(|object| {
        object["metadata"]["managedFields"] = json!([
            entry("a", end, "f:holderIdentity"),
            entry("b", before, "f:renewTime"),
        ]);
    });
    assert!(record.left_behind().renewed);
}

#[test]
fn only_what_restarts_everybodys_observation_is_a_sign_of_life() {
    let stamped = |edit: fn(&mut Value)| {
        let mut object = held("me", 15).as_json().clone();
        object["metadata"]["managedFields"] = json!([{
            "manager": "other", "operation": "Update", "time": "2026-01-01T00:00:00Z",
            "fieldsV1": { "f:spec": { "f:renewTime": {}, "f:holderIdentity": {} } },
        }]);
        edit(&mut object["metadata"]["managedFields"]);
        Record::new(object).expect("an object").alive_stamp()
    };
    let time = Some(wall("2026-01-01T00:00:00Z"));
    assert_eq!(stamped(|_| ()), time);
    // An annotation is written with a grant by us, and at any time by others.
    let label: fn(&mut Value) =
        |entries| entries[0]["fieldsV1"]["f:metadata"] = json!({ "f:annotations": {} });
    assert_eq!(stamped(label), None);
    assert_eq!(
        stamped(|entries| {
            entries[0]["fieldsV1"]["f:metadata"] = json!({ "f:annotations": {} });
            entries[0]["manager"] = json!("kubectl-lease");
        }),
        time
    );
    let others: [fn(&mut Value); 6] = [
        |entries| entries[0]["manager"] = json!("before-first-apply"),
        |entries| entries[0]["operation"] = json!("Apply"),
        |entries| entries[0]["fieldsV1"] = json!({ "f:spec": { "f:holderIdentity": {} } }),
        |entries| entries[0]["fieldsV1"]["f:spec"]["f:preferredHolder"] = json!({}),
        |entries| entries[0]["time"] = json!("now"),
        |entries| *entries = Value::Null,
    ];
    for other in others {
        assert_eq!(stamped(other), None);
    }
}

/// What stands in `fieldsV1` beside the names of fields.
#[test]
fn the_map_itself_is_no_field_and_what_is_not_known_is_another_field() {
    let alive = |spec: Value, metadata: Value| {
        let record = held("me", 15).with(|object| {
            object["metadata"]["annotations"] = json!({ "kubectl-lease/manager": "4 other" });
            object["metadata"]["managedFields"] = json!([{
                "manager": "other", "operation": "Update", "time": "2026-01-01T00:00:00Z",
                "fieldsV1": { "f:spec": spec, "f:metadata": metadata },
            }]);
        });
        record.alive_stamp().is_some()
    };
    assert!(alive(json!({ "f:renewTime": {}, ".": {} }), json!({})));
    for other in ["v:1", "f:more"] {
        let spec = json!({ "f:renewTime": {}, other: {} });
        assert!(!alive(spec, json!({})), "{other}");
    }
    let annotations = |key: &str| json!({ "f:annotations": { key: {} } });
    let renewal = || json!({ "f:renewTime": {} });
    for (key, is_alive) in [
        (".", true),
        ("f:kubectl-lease/manager", true),
        ("f:kubectl-lease/reason", true),
        ("f:note", false),
        ("v:1", false),
    ] {
        assert_eq!(alive(renewal(), annotations(key)), is_alive, "{key}");
    }
}

#[test]
fn an_entry_that_is_no_map_of_fields_is_an_error_that_says_what_it_should_be() {
    let mut object = held("me", 15).as_json().clone();
    object["metadata"]["managedFields"] = json!([{ "fieldsV1": "all" }]);
    let error = Record::new(object).expect_err("no map").to_string();
    assert!(error.contains("expected a map of fields"), "{error}");
}

#[test]
fn the_last_writer_is_who_has_the_newest_entry_that_says_everything() {
    let entry = |manager: &str, second: u32| json!({ "manager": manager, "operation": "Update", "time": format!("2026-01-01T00:00:{second:02}Z") });
    let written = |entries: Value| {
        let record = held("me", 15).with(|object| object["metadata"]["managedFields"] = entries);
        let writer = record.last_writer();
        writer.map(|writer| (writer.manager.to_owned(), writer.time.to_owned()))
    };
    let last = ("b".to_owned(), "2026-01-01T00:00:20Z".to_owned());
    let entries = json!([entry("a", 10), entry("b", 20), entry("c", 15), { "manager": "d", "time": "2027-01-01T00:00:00Z" }]);
    assert_eq!(written(entries), Some(last));
    assert_eq!(written(Value::Null), None);
}

/// Each field that a grant writes, changed alone.
#[test]
fn a_write_is_stamped_where_its_entry_owns_the_very_field_that_it_changes() {
    let read = held("x", 15);
    for (field, value) in [
        ("holderIdentity", json!("me")),
        ("leaseDurationSeconds", json!(60)),
        ("acquireTime", json!("2026-01-01T00:00:00.000000Z")),
        ("renewTime", json!("2026-01-01T00:00:00.000000Z")),
        ("leaseTransitions", json!(5)),
    ] {
        let sent = read.with_spec(field, value);
        let stamped = |owned: &str| {
            let owned = format!("f:{owned}");
            let reply = sent.with(|object| {
                object["metadata"]["managedFields"] = json!([{
                    "manager": "kubectl-lease", "operation": "Update", "time": "2026-01-01T01:00:00Z",
                    "fieldsV1": { "f:spec": { owned: {} } },
                }]);
            });
            reply
                .stamp_of_write(&read, &sent, "kubectl-lease")
                .is_some()
        };
        for owned in crate::lease::record::field::OF_GRANT {
            assert_eq!(stamped(owned), owned == field, "{field} {owned}");
        }
    }
}

#[test]
fn a_reason_is_the_holders_unless_somebody_else_is_known_to_have_written_it() {
    let reason = |entries: &[(&str, bool, bool)]| {
        let entries = entries.iter().map(|(manager, holder, reason)| {
            let mut fields = json!({ "f:spec": {}, "f:metadata": { "f:annotations": {} } });
            if *holder {
                fields["f:spec"]["f:holderIdentity"] = json!({});
            }
            if *reason {
                fields["f:metadata"]["f:annotations"]["f:kubectl-lease/reason"] = json!({});
            }
            json!({ "manager": manager, "fieldsV1": fields })
        });
        let record = held("me", 15).with(|object| {
            object["metadata"]["annotations"] = json!({ "kubectl-lease/reason": "why" });
            object["metadata"]["managedFields"] = entries.collect();
        });
        // Nobody's, once it is free.
        let freed = record.with_spec("holderIdentity", Value::Null);
        assert_eq!(freed.reason(), None);
        record.reason().is_some()
    };
    assert!(reason(&[("a", true, true)]));
    assert!(reason(&[("a", true, true), ("b", true, false)]));
    assert!(!reason(&[("a", true, false), ("b", false, true)]));
    // Nobody is known to have written one of them.
    assert!(reason(&[]));
    assert!(reason(&[("a", true, false)]));
    assert!(reason(&[("a", false, true)]));
    assert!(reason(&[("a", false, false)]));
}

/// `--field-manager`: what was written under a name of somebody's choice is known by the annotation of the very grant.
#[test]
fn a_grant_under_another_name_is_ours_and_its_entry_a_sign_of_life_where_it_owns_nothing_else() {
    let terms = GrantTerms {
        reason: Some("why".to_owned()),
        manager: "my ci".parse().expect("a name"),
        ..grant_terms("pod-x_9cbf54e5-1136-44bd-8f9a-1dcd15c346b4")
    };
    let at = wall("2026-01-01T00:00:00Z");
    let granted = held("x", 15).granted(&terms, at).expect("a grant");
    let seen = |edit: fn(&mut Value)| {
        granted.with(|object| {
            object["metadata"]["managedFields"] = json!([{
                "manager": "my ci", "operation": "Update", "time": "2026-01-01T00:00:00Z",
                "fieldsV1": {
                    "f:metadata": { "f:annotations": {
                        ".": {}, "f:kubectl-lease/manager": {}, "f:kubectl-lease/reason": {},
                    } },
                    "f:spec": { "f:acquireTime": {}, "f:holderIdentity": {}, "f:leaseTransitions": {}, "f:renewTime": {} },
                },
            }]);
            edit(object);
        })
    };
    let ours = seen(|_| ());
    assert_eq!((ours.class(), ours.alive_stamp()), (Class::Lock, Some(at)));
    assert_eq!(ours.reason(), Some("why"));
    // What else it is told of by: a name that others have too, and labels may be theirs.
    for (edit, class) in [
        (
            (|object| {
                object["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"] =
                    json!({ "f:a": {} });
            }) as fn(&mut Value),
            Class::Lock,
        ),
        (
            |object| object["metadata"]["managedFields"][0]["manager"] = json!("other"),
            Class::LeaderElection,
        ),
        // The annotation of an earlier grant.
        (
            |object| object["spec"]["leaseTransitions"] = json!(6),
            Class::LeaderElection,
        ),
        (
            |object| {
                object["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"]
                    ["f:x"] = json!({});
            },
            Class::Lock,
        ),
    ] {
        let seen = seen(edit);
        assert_eq!(
            (seen.class(), seen.alive_stamp()),
            (class, None),
            "{seen:?}"
        );
    }
    // It goes with the grant, and with the next one.
    let annotation = |record: &Record| {
        record.as_json()["metadata"]["annotations"]
            .get("kubectl-lease/manager")
            .cloned()
    };
    assert_eq!(annotation(&granted), Some(json!("5 my ci")));
    assert_eq!(annotation(&granted.renewed(at)), Some(json!("5 my ci")));
    assert_eq!(annotation(&granted.released(at)), None);
    let terms = GrantTerms {
        manager: Default::default(),
        ..terms
    };
    assert_eq!(
        annotation(&granted.granted(&terms, at).expect("a grant")),
        None
    );
}
