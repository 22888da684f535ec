//! Tables of what is decided of several Leases of which any would do.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::lease::decide::Exported;
use crate::lease::evidence::Observation;
use crate::lease::record::GrantTerms;
use crate::lease::testing::{at, wall};
use crate::lease::values::LeaseDuration;

/// A slot as it was seen: `-` for one that is not there, else its holder, empty if it is free, and behind a `/` how many there
/// are, if it says so. A `~` before all that: it is being deleted.
fn seen(slot: usize, text: &str) -> Seen {
    if text == "-" {
        return Seen::Absent;
    }
    let (goes, text) = match text.strip_prefix('~') {
        Some(rest) => (json!("2020-01-01T00:00:00Z"), rest),
        None => (Value::Null, text),
    };
    let (holder, says) = text.split_once('/').unwrap_or((text, ""));
    let annotations = match says {
        "" => json!({}),
        says => json!({ "kubectl-lease/slots": says }),
    };
    let metadata = json!({ "annotations": annotations, "deletionTimestamp": goes });
    lease(slot, holder, metadata)
}

fn lease(slot: usize, holder: &str, metadata: Value) -> Seen {
    let mut object = json!({
        "metadata": {
            "name": format!("pool-{slot}"), "namespace": "n", "uid": format!("u-{slot}"),
            "resourceVersion": "7",
        },
        "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 10, "leaseTransitions": 4,
            "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2020-01-01T00:00:00.000000Z",
        },
    });
    for (key, value) in metadata.as_object().expect("a map") {
        object["metadata"][key] = value.clone();
    }
    let record = Record::new(object).expect("a lease");
    Seen::Lease(Observation::first(record, at(0.0), None))
}

fn terms(count: usize) -> SlotsTerms {
    let name = "pool".parse().expect("a name");
    let count = count.to_string().parse().expect("a count");
    SlotsTerms {
        slots: Slots::new(&name, count).expect("slots"),
        each: AcquireTerms {
            namespace: "n".to_owned(),
            name: "pool".to_owned(),
            grant: GrantTerms {
                holder: "bob".parse().expect("a holder"),
                duration: None,
                default_duration: LeaseDuration::constant(15),
                reason: None,
                mark: Duration::ZERO,
                manager: crate::lease::values::Manager::default(),
            },
            create: true,
            reenter: false,
            min_duration: None,
            deletes: false,
            ended: None,
            ancestors: Vec::new(),
        },
    }
}

fn all_seen(texts: &str) -> Vec<Seen> {
    let texts = texts.split(' ').enumerate();
    texts.map(|(slot, text)| seen(slot, text)).collect()
}

fn reentering(count: usize) -> SlotsTerms {
    let mut terms = terms(count);
    terms.each.reenter = true;
    terms
}

/// What is decided, in a word or two.
fn decided(terms: &SlotsTerms, texts: &str, seconds: f64, open: Option<usize>) -> String {
    decided_of(terms, &all_seen(texts), seconds, open)
}

fn decided_of(terms: &SlotsTerms, seen: &[Seen], seconds: f64, open: Option<usize>) -> String {
    let now = Now {
        instant: at(seconds),
        wall: wall("2020-01-01T00:00:09Z"),
    };
    let says = |record: &crate::lease::record::Lease| {
        let label = record.is_labelled_slot_of("pool");
        assert!(label, "it is written without the label");
        record.slots().unwrap_or_default().to_owned()
    };
    match slots(terms, seen, Stamps::Untrusted, now, open) {
        SlotsStep::Go { slot, step } => match step {
            AcquireStep::Create(lease) => format!("create {slot}/{}", says(&lease)),
            AcquireStep::Replace(record) => {
                let read = record.replaced().expect("it is over what was read");
                assert_eq!(Some(&*read), self::record(&seen[slot]).map(|seen| &**seen));
                format!("take {slot}/{}", says(&record))
            }
            AcquireStep::Refuse(refusal) => format!("refuse {slot}: {refusal:?}"),
            step => format!("{step} {slot}"),
        },
        SlotsStep::Mark(record) => {
            assert_eq!(record.renew_time(), Some("2020-01-01T00:00:00.000000Z"));
            format!("mark {}/{}", record.name(), says(&record))
        }
        SlotsStep::Make(lease) => {
            assert_eq!((lease.holder(), lease.name()), (None, "pool-0"));
            format!("make {}/{}", lease.name(), says(&lease))
        }
        SlotsStep::Wait(waiting) => {
            let Obstacle::Slots(held) = waiting.obstacle else {
                panic!("{waiting:?}");
            };
            let until = waiting
                .expired_at
                .map(|until| until.since(at(0.0)).as_secs());
            let each: Vec<usize> = held.each.iter().map(|(slot, _)| *slot).collect();
            format!("wait for {each:?} own {:?} until {until:?}", held.own)
        }
        SlotsStep::Refuse(SlotsRefusal::Missing { names, .. }) => {
            format!("missing {}", names.join(" "))
        }
        SlotsStep::Refuse(SlotsRefusal::Differ {
            lease,
            says,
            another,
            ..
        }) => match another {
            None => format!("{lease} says {says}"),
            Some((other, number)) => format!("{lease} says {says}, {other} {number}"),
        },
        SlotsStep::Refuse(refusal) => format!("{refusal:?}"),
    }
}

#[test]
fn whoever_wants_any_of_several_takes_the_first_in_its_own_order_that_can_be_had() {
    let three = terms(3);
    let order: Vec<usize> = three.slots.order(&three.each.grant.holder).collect();
    assert_eq!(order, [0, 1, 2], "the tables below are for this order");
    let without = |create| SlotsTerms {
        each: AcquireTerms {
            create,
            ..three.each.clone()
        },
        ..three.clone()
    };
    for (create, there, expected) in [
        (true, "/3 /3 /3", "take 0/3"),
        (true, "a/3 /3 /3", "take 1/3"),
        (true, "a/3 - b/3", "create 1/3"),
        (
            true,
            "a/3 b/3 c/3",
            "wait for [0, 1, 2] own None until Some(10)",
        ),
        // The first of them is the first to be made, and to say how many there are.
        (true, "- - -", "create 0/3"),
        (true, "- /3 -", "create 0/3"),
        (true, "- a/3 /3", "create 0/3"),
        (true, "a / /", "mark pool-0/3"),
        (true, "a b c", "wait for [0, 1, 2] own None until Some(10)"),
        (true, " / /", "take 0/3"),
        // Whoever has one gets no other.
        (
            true,
            "bob/3 /3 /3",
            "wait for [0, 1, 2] own Some(0) until Some(10)",
        ),
        // What somebody else says of them.
        (true, "/3 /2 /3", "pool-1 says 2, pool-0 3"),
        (true, "/5 /3 /3", "pool-0 says 5, pool-1 3"),
        (true, "/x /3 /3", "pool-0 says x, pool-1 3"),
        (true, "/03 /3 /3", "pool-0 says 03, pool-1 3"),
        (true, "a/5 b/5 c/5", "pool-0 says 5"),
        (true, "- - /5", "pool-2 says 5"),
        (false, "/3 - /3", "missing pool-1"),
        (false, "- - -", "missing pool-0 pool-1 pool-2"),
        (false, "- /2 -", "pool-1 says 2"),
    ] {
        let expected = match expected {
            // The others may be had, but not by it.
            own if own.contains("Some(0)") => "wait for [0] own Some(0) until Some(10)",
            other => other,
        };
        assert_eq!(
            decided(&without(create), there, 0.0, None),
            expected,
            "{there}"
        );
    }
}

#[test]
fn a_slot_that_has_expired_is_free_to_all_and_nothing_is_written_beside_one_that_is_open() {
    let three = terms(3);
    assert_eq!(decided(&three, "a/3 b/3 c/3", 10.0, None), "take 0/3");
    assert_eq!(decided(&three, "bob/3 b/3 /3", 10.0, None), "take 0/3");
    assert_eq!(decided(&three, "/3 /3 /3", 0.0, Some(2)), "take 2/3");
    assert_eq!(
        decided(&three, "/3 a/3 /3", 0.0, Some(1)),
        "wait for [1] own None until Some(10)"
    );
    assert_eq!(
        decided(&reentering(3), "/3 bob/3 /3", 0.0, None),
        "take 1/3"
    );
}

#[test]
fn nothing_is_written_to_another_slot_while_the_first_is_being_deleted() {
    let waits = "wait for [0] own None until None";
    for (there, open) in [
        ("~/2 /2", None),
        // It may not say yet how many there are, and nobody makes it say so.
        ("~ /", None),
        ("~ -", None),
        ("~a/2 -", None),
        ("~/2 /2", Some(1)),
    ] {
        for terms in [terms(2), reentering(2)] {
            assert_eq!(decided(&terms, there, 20.0, open), waits, "{there}");
        }
    }
    // Whoever has another is told so, and does not get that one anew either.
    assert_eq!(
        decided(&reentering(2), "~/2 bob/2", 0.0, None),
        "wait for [0] own Some(1) until None"
    );
    // When it is gone the first is made again, before any other.
    assert_eq!(decided(&terms(2), "- /2", 0.0, None), "create 0/2");
    // Another that is being deleted is in nobody's way.
    assert_eq!(decided(&terms(2), "a/2 ~/2", 10.0, None), "take 0/2");
    assert_eq!(decided(&terms(3), "a/3 ~/3 /3", 0.0, None), "take 2/3");
}

#[test]
fn where_the_first_is_missing_whoever_is_bound_to_another_slot_makes_it_and_leaves_it_free() {
    // It has that slot, or may have it: the first would be a second one.
    assert_eq!(
        decided(&reentering(3), "- bob/3 /3", 0.0, None),
        "make pool-0/3"
    );
    assert_eq!(
        decided(&reentering(3), "/3 bob/3 /3", 0.0, None),
        "take 1/3"
    );
    assert_eq!(decided(&terms(3), "- /3 /3", 0.0, Some(2)), "make pool-0/3");
    assert_eq!(decided(&terms(3), "- - -", 0.0, Some(0)), "create 0/3");
    // Nothing is written for who only waits.
    assert_eq!(
        decided(&terms(3), "- bob/3 /3", 0.0, None),
        "wait for [1] own Some(1) until Some(10)"
    );
    // What has expired is nobody's.
    assert_eq!(decided(&terms(3), "- bob/3 /3", 10.0, None), "create 0/3");
}

#[test]
fn whoever_would_rather_have_another_slot_takes_the_first_where_that_one_is_missing() {
    let mut terms = terms(3);
    let rather_another =
        ["ada", "carl", "eve", "mallory"].map(|name| name.parse().expect("a name"));
    let first = |holder: &_| terms.slots.order(holder).next();
    let holder = rather_another.iter().find(|name| first(name) != Some(0));
    let holder = holder.expect("not all of them prefer the first").clone();
    terms.each.grant.holder = holder;
    for there in ["- /3 /3", "- - -"] {
        assert_eq!(decided(&terms, there, 0.0, None), "create 0/3", "{there}");
    }
}

#[test]
fn of_two_slots_of_one_identity_the_one_in_force_is_its_own() {
    let of = |seconds, renewed| {
        let mut seen = all_seen("bob/2 bob/2");
        let again = all_seen("bob/2 bob/2").remove(renewed);
        let Seen::Lease(again) = again else {
            panic!("it is there");
        };
        let record = again.record().clone();
        seen[renewed] = Seen::Lease(Observation::first(record, at(9.0), None));
        decided_of(&reentering(2), &seen, seconds, None)
    };
    assert_eq!(of(10.0, 1), "take 1/2");
    assert_eq!(of(10.0, 0), "take 0/2");
}

#[test]
fn a_lost_grant_of_ones_own_that_has_ended_is_taken_again_before_any_other() {
    let mut terms = terms(3);
    let seen = all_seen("/3 bob/3 /3");
    terms.each.ended = record(&seen[1]).cloned();
    assert_eq!(decided_of(&terms, &seen, 0.0, None), "take 1/3");
}

#[test]
fn whoever_runs_under_a_slot_gets_no_other() {
    let mut terms = terms(2);
    let ancestor = Exported {
        holder: "mother".parse().expect("a holder"),
        uid: "u-1".to_owned(),
        transitions: 4,
    };
    terms.each.ancestors = vec![ancestor];
    assert_eq!(
        decided(&terms, "/2 mother/2", 0.0, None),
        "refuse 1: HeldByAncestor(\"mother\")"
    );
}

#[test]
fn what_is_no_lock_is_no_slot_unless_it_says_so() {
    let now = Now {
        instant: at(0.0),
        wall: wall("2020-01-01T00:00:09Z"),
    };
    for (metadata, is_slot) in [
        (json!({}), true),
        (
            json!({ "ownerReferences": [{ "kind": "Node", "name": "a" }] }),
            false,
        ),
        (
            json!({ "labels": { "k8s.io/component": "kube-apiserver" } }),
            false,
        ),
        (
            json!({
                "labels": { "k8s.io/component": "kube-apiserver" },
                "annotations": { "kubectl-lease/slots": "1" },
            }),
            true,
        ),
    ] {
        let seen = [lease(0, "", metadata.clone())];
        let step = slots(&terms(1), &seen, Stamps::Untrusted, now, None);
        let refused = matches!(step, SlotsStep::Refuse(SlotsRefusal::NoSlot { .. }));
        assert_eq!(!refused, is_slot, "{metadata}: {step:?}");
    }
}

#[test]
fn only_where_some_are_not_there_would_it_help_to_make_them() {
    let lease = || "pool-1".to_owned();
    for (refusal, is_of_absent) in [
        (SlotsRefusal::None, true),
        (
            SlotsRefusal::Missing {
                names: vec![lease()],
                asked: 3,
            },
            true,
        ),
        (
            SlotsRefusal::Differ {
                asked: 3,
                lease: lease(),
                says: "2".to_owned(),
                another: None,
            },
            false,
        ),
        (
            SlotsRefusal::NoSlot {
                lease: lease(),
                asked: 3,
                nature: Nature::Lock,
            },
            false,
        ),
    ] {
        assert_eq!(refusal.is_of_absent(), is_of_absent, "{refusal:?}");
    }
}
