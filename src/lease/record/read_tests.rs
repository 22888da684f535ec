//! What each field means where it is there, absent, or of another form.

use serde_json::{Value, json};

use crate::lease::record::Record;
use crate::lease::testing::{held, wall};

fn with_metadata(field: &str, value: Value) -> Record {
    held("me", 15).with(|object| object["metadata"][field] = value)
}

#[test]
fn what_the_server_says_of_the_object_is_read() {
    let record = held("me", 15);
    assert_eq!(record.created(), Some(wall("2020-01-01T00:00:00Z")));
    for unknown in [json!(null), json!("then")] {
        let record = with_metadata("creationTimestamp", unknown);
        assert_eq!(record.created(), None);
    }
    assert_eq!(record.finalizers(), Vec::<&str>::new());
    let kept = with_metadata("finalizers", json!(["a/b", "c"]));
    assert_eq!(kept.finalizers(), ["a/b", "c"]);
}

#[test]
fn the_first_owner_is_named_and_a_node_wherever_it_stands() {
    let owned = |owners: Value| {
        let record = with_metadata("ownerReferences", owners);
        let node = record.owning_node().map(str::to_owned);
        (record.owner(), node)
    };
    let (job, node) = (
        json!({ "kind": "Job", "name": "j" }),
        json!({ "kind": "Node", "name": "n-1" }),
    );
    let job_is_first = (Some("Job/j".to_owned()), Some("n-1".to_owned()));
    assert_eq!(owned(json!([job, node])), job_is_first);
    assert_eq!(owned(json!([job])), (Some("Job/j".to_owned()), None));
    for nobody in [json!(null), json!([]), json!([{ "kind": "Job" }])] {
        assert_eq!(owned(nobody), (None, None));
    }
}

#[test]
fn who_is_to_be_preferred_is_read_and_empty_is_nobody() {
    let preferred = |value: Value| {
        let record = held("me", 15).with_spec("preferredHolder", value);
        record.preferred_holder().map(str::to_owned)
    };
    assert_eq!(preferred(json!("you")), Some("you".to_owned()));
    assert_eq!((preferred(json!("")), preferred(json!(null))), (None, None));
}

#[test]
fn labels_and_annotations_are_read_but_for_those_that_are_shown_by_themselves() {
    let labelled = with_metadata("labels", json!({ "a": "b", "c": "" }));
    assert_eq!(
        labelled.labels().collect::<Vec<_>>(),
        [("a", "b"), ("c", "")]
    );
    assert_eq!(
        (labelled.label("a"), labelled.label("b")),
        (Some("b"), None)
    );
    let of_ours = json!({
        "kubectl-lease/reason": "why", "kubectl-lease/victim": "4 x", "kubectl-lease/stopped": "4 t u",
        "kubectl-lease/manager": "4 ci", "kubectl-lease/regranted": "4", "kubectl-lease/slots": "3", "note": "mine",
    });
    let noted = with_metadata("annotations", of_ours);
    let shown: Vec<_> = noted.annotations().collect();
    assert_eq!(shown, [("kubectl-lease/slots", "3"), ("note", "mine")]);
    assert_eq!(noted.other_annotations().collect::<Vec<_>>(), shown);
    assert_eq!(held("me", 15).annotations().count(), 0);
}

fn slot(name: &str, count: Option<&str>, label: Option<&str>) -> Record {
    held("me", 15).with(|object| {
        object["metadata"]["name"] = json!(name);
        object["metadata"]["annotations"] = json!({ "kubectl-lease/slots": count });
        object["metadata"]["labels"] = json!({ "kubectl-lease/slot-of": label });
        for field in ["annotations", "labels"] {
            let map = object["metadata"][field].as_object_mut().expect("a map");
            map.retain(|_, value| !value.is_null());
        }
    })
}

#[test]
fn which_slot_it_is_is_told_by_its_name_below_the_number_that_it_says() {
    for (name, count, index) in [
        ("pool-0", Some("3"), Some(0)),
        ("pool-2", Some("3"), Some(2)),
        ("pool-3", Some("3"), None),
        ("pool-4", Some("3"), None),
        ("a-pool-1", Some("3"), Some(1)),
        ("pool", Some("3"), None),
        ("pool-x", Some("3"), None),
        ("pool-0", Some("many"), None),
        ("pool-0", None, None),
    ] {
        let slot = slot(name, count, None);
        assert_eq!(slot.slot(), index, "{name} of {count:?}");
        assert_eq!(slot.slots(), count);
    }
}

#[test]
fn of_which_slots_it_is_one_is_told_by_its_label_or_else_by_its_name() {
    for (name, label, of) in [
        ("pool-0", None, "pool"),
        ("a-pool-1", None, "a-pool"),
        ("pool", None, "pool"),
        ("pool-0", Some("other"), "other"),
    ] {
        let slot = slot(name, None, label);
        assert_eq!(slot.slot_of(), of, "{name} {label:?}");
        assert_eq!(slot.is_slot(), label.is_some());
        assert!(!slot.is_labelled_slot_of("pool"));
        assert_eq!(slot.is_labelled_slot_of("other"), label.is_some());
    }
    assert!(slot("pool-0", Some("3"), None).is_slot());
}

#[test]
fn a_renewal_is_known_by_its_time_however_that_is_written() {
    let record = held("me", 15);
    assert!(record.renewed_at("2020-01-01T00:00:00.000000Z"));
    assert!(record.renewed_at("2020-01-01T01:00:00+01:00"));
    assert!(!record.renewed_at("2020-01-01T00:00:00.000001Z"));
    assert!(!record.renewed_at("then"));
    let never = record.with_spec("renewTime", Value::Null);
    assert!(!never.renewed_at("2020-01-01T00:00:00.000000Z"));
}

#[test]
fn a_write_is_known_by_when_it_was_acquired_and_its_transitions_whoever_is_named() {
    let written = held("me", 15);
    let edited = |field: &str, value: Value| written.with_spec(field, value);
    for (there, is_of_it) in [
        (written.clone(), true),
        (edited("holderIdentity", json!("webhook-me")), true),
        (edited("acquireTime", json!("2020-01-01T00:00:00Z")), true),
        (edited("acquireTime", json!("2020-01-01T00:00:01Z")), false),
        (edited("acquireTime", Value::Null), false),
        (edited("leaseTransitions", json!(5)), false),
    ] {
        assert_eq!(there.is_of_write(&written), is_of_it, "{there:?}");
    }
    let timeless = edited("acquireTime", Value::Null);
    assert!(
        !timeless.is_of_write(&timeless),
        "nothing tells it from another"
    );
}
