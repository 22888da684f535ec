//! The decision tables of those that begin with a lease in somebody's hands: renew, release, steal.

use super::*;
use crate::lease::record::Taken;

/// What `held("me", 15)` was granted for.
const GRANTED: LeaseDuration = LeaseDuration::constant(15);

#[test]
fn a_renewal_goes_on_over_metadata_edits() {
    let grant = held("me", 15);
    let edited = with(
        &with(&grant, "/metadata/labels", json!({"a": "b"})),
        "/metadata/resourceVersion",
        json!("9"),
    );
    let next = edited.renewed_for(GRANTED, wall(NOW));
    assert_eq!(lost(&grant, GRANTED, &seen(edited)), None);
    assert_eq!(
        (next.resource_version(), next.renew_time()),
        ("9", Some(NOW))
    );
    assert_eq!(next.as_json()["metadata"]["labels"]["a"], "b");
    assert_eq!(next.transitions(), grant.transitions());
}

#[test]
fn a_renewal_is_lost_when_anything_that_makes_the_grant_differs() {
    let grant = held("me", 15);
    let another_time = json!("2020-01-01T00:00:00.000001Z");
    let shortened = Loss::Shortened(LeaseDuration::constant(14));
    for (field, value, loss) in [
        (
            "holderIdentity",
            json!("x"),
            Loss::TakenBy {
                holder: "x".into(),
                waits: false,
            },
        ),
        ("holderIdentity", json!(""), Loss::Released),
        ("holderIdentity", Value::Null, Loss::Released),
        (
            "leaseTransitions",
            json!(5),
            Loss::Regranted { waits: false },
        ),
        (
            "acquireTime",
            another_time,
            Loss::Regranted { waits: false },
        ),
        ("leaseDurationSeconds", json!(14), shortened),
    ] {
        let record = grant.with_spec(field, value);
        assert_eq!(lost(&grant, GRANTED, &seen(record)), Some(loss));
    }
    let anew = with(&grant, "/metadata/uid", json!("uid-2"));
    let holder = Some("me".into());
    let loss = Some(Loss::Recreated { holder });
    assert_eq!(lost(&grant, GRANTED, &seen(anew)), loss);
    assert_eq!(lost(&grant, GRANTED, &Seen::Absent), Some(Loss::Deleted));
}

#[test]
fn a_loss_tells_whether_whoever_has_taken_it_waits_for_us() {
    let grant = held("me", 15);
    let next = |holder: &str, transitions: i64| {
        let record = held(holder, 15).with_spec("leaseTransitions", json!(transitions));
        record.with_spec("acquireTime", json!("2020-01-01T00:00:02.000000Z"))
    };
    let waits = |record: Record| match lost(&grant, GRANTED, &seen(record)) {
        Some(Loss::TakenBy { waits, .. } | Loss::Regranted { waits }) => waits,
        other => panic!("{other:?}"),
    };
    for holder in ["thief", "me"] {
        assert!(waits(next(holder, 5).with_victim(Some("me"))), "{holder}");
        // At once: --now, another program, or a Lease whose duration was gone.
        assert!(!waits(next(holder, 5)), "{holder}");
        assert!(!waits(next(holder, 5).with_victim(Some("other"))));
        // Whoever comes after the one that waits for us does not.
        assert!(!waits(next(holder, 6).with_victim(Some("me"))));
    }
}

#[test]
fn a_grant_is_judged_by_the_duration_it_was_granted_with_whatever_is_recorded_meanwhile() {
    let recording = |seconds: Value| with(&held("me", 15), "/spec/leaseDurationSeconds", seconds);
    let gone = [json!(0), json!(-1), json!(-15), json!(2_147_483_648_i64)];
    let gone = gone.into_iter().chain([Value::Null]).collect::<Vec<_>>();
    let longer = [json!(16), json!(i32::MAX)];
    // What we saw last of our own grant may have been edited already.
    for last in gone.iter().chain(&longer).chain([&json!(15)]) {
        let grant = recording(last.clone());
        for now in gone.iter().chain(&longer).chain([&json!(15)]) {
            let record = recording(now.clone());
            let next = record.renewed_for(GRANTED, wall(NOW));
            let lost = lost(&grant, GRANTED, &seen(record));
            assert_eq!(lost, None, "{last} -> {now}");
            let ours = json!(15);
            let expected = if longer.contains(now) { now } else { &ours };
            assert_eq!(&next.as_json()["spec"]["leaseDurationSeconds"], expected);
        }
        for shorter in [1, 14] {
            let lost = lost(&grant, GRANTED, &seen(recording(json!(shorter))));
            let shortened = Loss::Shortened(LeaseDuration::constant(shorter));
            assert_eq!(lost, Some(shortened), "{last} -> {shorter}");
        }
    }
}

#[test]
fn a_renewal_always_writes_another_renew_time() {
    let grant = with(&held("me", 15), "/spec/renewTime", json!(NOW));
    assert_eq!(
        grant.renewed(wall(NOW)).renew_time(),
        Some("2026-05-05T05:05:05.123457Z")
    );
}

#[track_caller]
fn written(step: OursStep) -> Record {
    match step {
        OursStep::Replace(record) => record,
        OursStep::Refuse(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn a_release_frees_only_what_is_ours_and_keeps_duration_and_transitions() {
    let record = held("me", 15).with(|object| {
        object["metadata"]["annotations"] = json!({ "kubectl-lease/reason": "maintenance" });
    });
    let ours = Ours::Identity("me".parse().expect("a holder"));
    let next = written(release(&ours, &seen(record), wall(NOW)));
    assert_eq!(next.as_json()["spec"].get("holderIdentity"), None);
    assert_eq!((next.renew_time(), next.transitions()), (Some(NOW), 4));
    assert_eq!((secs(&next), next.reason()), (Some(15), None));
    let elected = held("x", 15).with_spec("strategy", "OldestEmulationVersion".into());
    let holder_is = |nature| Refusal::HolderIs(Some(other("x", nature)));
    for (seen, refusal) in [
        (seen(held("x", 15)), holder_is(Nature::Lock)),
        // No steal is advised that is refused.
        (seen(elected), holder_is(Nature::Kept(Keeper::Election))),
        (seen(free(15)), Refusal::HolderIs(None)),
        (Seen::Absent, Refusal::NotFound),
    ] {
        let step = release(&ours, &seen, wall(NOW));
        assert_eq!(step, OursStep::Refuse(refusal));
    }
}

#[test]
fn hold_releases_only_its_own_grant() {
    let ours = Ours::Grant(held("me", 15));
    written(release(&ours, &seen(held("me", 15)), wall(NOW)));
    let regranted = held("me", 15).with_spec("leaseTransitions", json!(5));
    let step = release(&ours, &seen(regranted), wall(NOW));
    assert!(matches!(step, OursStep::Refuse(_)), "{step:?}");
}

#[track_caller]
fn stolen(step: StealStep) -> Record {
    match step {
        StealStep::Replace(record) => record,
        other => panic!("did not write: {other:?}"),
    }
}

#[test]
fn steal_asks_first_and_writes_only_over_what_was_agreed_to() {
    let terms = steal_terms();
    let record = held("x", 15);
    let (alive, dead) = (agreement(&record, false), agreement(&record, true));
    assert_eq!(steals(&terms, &record, None), StealStep::Ask);
    let next = stolen(steals(&terms, &record, Some(&alive)));
    assert_eq!((next.holder(), next.transitions()), (Some("me"), 5));
    assert_eq!(next.resource_version(), "7");
    // A holder that goes on renewing is what was shown; a dead one that renews is not, nor is another grant.
    let renewed = record.renewed(wall(NOW));
    let another = record.with_spec("leaseTransitions", json!(5));
    stolen(steals(&terms, &renewed, Some(&alive)));
    assert_eq!(steals(&terms, &renewed, Some(&dead)), StealStep::Ask);
    assert_eq!(steals(&terms, &another, Some(&alive)), StealStep::Ask);
}

#[test]
fn where_nobody_can_be_asked_again_only_the_grant_that_was_shown_is_taken() {
    let mut terms = steal_terms();
    terms.asks = false;
    let shown = held("x", 15);
    let renewed = shown.renewed(wall(NOW));
    let anew = shown.with_spec("leaseTransitions", json!(5));
    let shorter = shown.with_spec("leaseDurationSeconds", json!(2));
    let (alive, dead) = (agreement(&shown, false), agreement(&shown, true));
    assert_eq!(steals(&terms, &shown, None), StealStep::Ask);
    for (record, agreed) in [
        (&shown, &alive),
        (&renewed, &alive),
        (&shown, &dead),
        (&free(15), &alive),
    ] {
        stolen(steals(&terms, record, Some(agreed)));
    }
    let was_free = agreement(&free(15), false);
    let another = Change::Holder(Some("x".to_owned()));
    let edited = Change::Duration {
        shown: shown.duration(),
        now: shorter.duration(),
    };
    for (record, agreed, change, holder) in [
        (&held("y", 15), &alive, another.clone(), "y"),
        (&held("me", 15), &alive, another, "me"),
        (&anew, &alive, Change::Regranted, "x"),
        (&shorter, &alive, edited, "x"),
        (&renewed, &dead, Change::Revived, "x"),
        (&shown, &was_free, Change::Holder(None), "x"),
    ] {
        let not_as_shown = Refusal::NotAsShown {
            change,
            now: other(holder, Nature::Lock),
        };
        let step = steals(&terms, record, Some(agreed));
        assert_eq!(step, StealStep::Refuse(not_as_shown));
    }
    // Somebody has taken it over first, and waits for the very one that was shown.
    let taken = held("y", 15).with_victim(Some("x"));
    let step = steals(&terms, &taken, Some(&alive));
    let (by, victim) = (other("y", Nature::Lock), "x".to_owned());
    assert_eq!(
        step,
        StealStep::Refuse(Refusal::BeingTakenOver { by, victim })
    );
    // Whoever names the holder means whatever grant it has.
    terms.if_holder = Some("x".into());
    assert_eq!(steals(&terms, &anew, Some(&alive)), StealStep::Ask);
}

#[test]
fn a_failover_leaves_a_transition_for_whoever_follows_and_a_steal_need_not() {
    let mut terms = steal_terms();
    let most = i64::from(i32::MAX);
    for (taken, transitions, refusal) in [
        (Taken::FailedOver, most - 1, Some(Refusal::LastTransition)),
        (Taken::FailedOver, most - 2, None),
        (Taken::Stolen, most - 1, None),
    ] {
        terms.taken = taken;
        let record = held("x", 15).with_spec("leaseTransitions", transitions.into());
        let step = steals(&terms, &record, None);
        let expected = refusal.map_or(StealStep::Ask, StealStep::Refuse);
        assert_eq!(step, expected, "{taken:?} {transitions}");
    }
}

#[test]
fn steal_if_holder_refuses_every_other_holder() {
    let mut terms = steal_terms();
    terms.if_holder = Some("y".into());
    for (holder, is) in [("x", Some(other("x", Nature::Lock))), ("", None)] {
        let step = steals(&terms, &held(holder, 15), None);
        assert_eq!(step, StealStep::Refuse(Refusal::HolderIs(is)));
    }
    assert_eq!(steals(&terms, &held("y", 15), None), StealStep::Ask);
}

#[test]
fn a_free_lease_is_stolen_without_a_question_and_a_missing_one_not_at_all() {
    let terms = steal_terms();
    stolen(steals(&terms, &free(15), None));
    let step = steal(&terms, &Seen::Absent, None, now(100.0));
    assert_eq!(step, StealStep::Refuse(Refusal::NotFound));
}

#[test]
fn a_victim_must_have_stopped_its_duration_after_the_last_change_we_saw() {
    let endless = held("x", 15).with_spec("leaseDurationSeconds", Value::Null);
    for (record, seconds, stops) in [
        (&held("x", 15), 104.0, Ok(at(115.0))),
        (&held("x", 15), 120.0, Ok(at(120.0))),
        (&endless, 104.0, Err(NeverExpires)),
    ] {
        let seen = Observation::first(record.clone(), at(100.0), None);
        assert_eq!(victim_stops(&seen, Stamps::Unknown, at(seconds)), stops);
    }
}

#[test]
fn a_lease_whose_duration_is_too_short_is_refused_before_anything_is_written() {
    let mut terms = terms();
    terms.min_duration = LeaseDuration::from_secs(20);
    let too_short = Refusal::TooShort(LeaseDuration::constant(15));
    assert_eq!(first(&terms, free(15)), AcquireStep::Refuse(too_short));
    terms.grant.duration = LeaseDuration::from_secs(20);
    replaced(first(&terms, free(15)));
}

#[test]
fn the_default_is_checked_as_any_other_duration_before_anything_is_written() {
    let mut terms = terms();
    terms.create = true;
    terms.min_duration = LeaseDuration::from_secs(61);
    let no_duration = free(15).with_spec("leaseDurationSeconds", Value::Null);
    let no_spec = free(15).with(|object| object["spec"] = Value::Null);
    let held_without = held("x", 15).with_spec("leaseDurationSeconds", Value::Null);
    let found = [no_duration, no_spec, free(1), held_without].map(seen);
    for seen in found.into_iter().chain([Seen::Absent]) {
        assert_eq!(
            acquire(&terms, &seen, Stamps::Unknown, now(100.0)),
            AcquireStep::Refuse(Refusal::TooShort(LeaseDuration::constant(60))),
            "{seen:?}"
        );
    }
}

#[test]
fn an_exported_grant_is_no_other_grant_of_the_same_identity() {
    let found = seen(held("me", 15));
    for (transitions, is_ours) in [(3, false), (4, true), (5, false)] {
        let ours = Ours::Exported(exported("me", "uid-1", transitions));
        for step in [release, renew_ours].map(|step| step(&ours, &found, wall(NOW))) {
            assert_eq!(matches!(step, OursStep::Replace(_)), is_ours, "{step:?}");
        }
    }
}

#[test]
fn the_victim_of_another_grant_keeps_nobody_from_releasing_his_own() {
    let ours = Ours::Identity("me".parse().expect("a holder"));
    let of_ours = held("me", 15).with_victim(Some("the victim"));
    // Who took it from us has counted its own grant, and left the annotation.
    let taken = of_ours.with_spec("leaseTransitions", json!(5));
    let (of_ours, taken) = (seen(of_ours), seen(taken));
    let refusal = Refusal::VictimMayRun("the victim".into());
    let step = release_ours(&ours, &of_ours, wall(NOW));
    assert_eq!(step, OursStep::Refuse(refusal));
    written(release(&ours, &of_ours, wall(NOW)));
    written(release_ours(&ours, &taken, wall(NOW)));
}
