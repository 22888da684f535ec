//! The decision tables of those that begin with a lease in somebody's hands: renew, release, steal.

use super::*;

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
    let cases = [
        (
            with(&grant, "/spec/holderIdentity", json!("x")),
            Loss::TakenBy("x".into()),
        ),
        (
            with(&grant, "/spec/holderIdentity", json!("")),
            Loss::Released,
        ),
        (
            with(&grant, "/spec/holderIdentity", Value::Null),
            Loss::Released,
        ),
        (
            with(&grant, "/spec/leaseTransitions", json!(5)),
            Loss::Regranted,
        ),
        (
            with(
                &grant,
                "/spec/acquireTime",
                json!("2020-01-01T00:00:00.000001Z"),
            ),
            Loss::Regranted,
        ),
        (
            with(&grant, "/spec/leaseDurationSeconds", json!(14)),
            Loss::Shortened(LeaseDuration::constant(14)),
        ),
        (
            with(&grant, "/metadata/uid", json!("uid-2")),
            Loss::Recreated {
                holder: Some("me".into()),
            },
        ),
    ];
    for (record, loss) in cases {
        assert_eq!(lost(&grant, GRANTED, &seen(record)), Some(loss));
    }
    assert_eq!(lost(&grant, GRANTED, &Seen::Absent), Some(Loss::Deleted));
}

#[test]
fn a_grant_is_judged_by_the_duration_it_was_granted_with_whatever_is_recorded_meanwhile() {
    let recording = |seconds: Value| with(&held("me", 15), "/spec/leaseDurationSeconds", seconds);
    let gone = [
        Value::Null,
        json!(0),
        json!(-1),
        json!(-15),
        json!(2_147_483_648_i64),
    ];
    let longer = [json!(16), json!(i32::MAX)];
    // What we saw last of our own grant may have been edited already.
    for last in gone.iter().chain(&longer).chain([&json!(15)]) {
        let grant = recording(last.clone());
        for now in gone.iter().chain(&longer).chain([&json!(15)]) {
            let record = recording(now.clone());
            let next = record.renewed_for(GRANTED, wall(NOW));
            let lost = lost(&grant, GRANTED, &seen(record));
            assert_eq!(lost, None, "{last} -> {now}");
            let expected = if longer.contains(now) {
                now
            } else {
                &json!(15)
            };
            assert_eq!(&next.as_json()["spec"]["leaseDurationSeconds"], expected);
        }
        for shorter in [1, 14] {
            assert_eq!(
                lost(&grant, GRANTED, &seen(recording(json!(shorter)))),
                Some(Loss::Shortened(LeaseDuration::constant(shorter))),
                "{last} -> {shorter}"
            );
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

#[test]
fn a_release_frees_only_what_is_ours_and_keeps_duration_and_transitions() {
    let record = held("me", 15).with(|object| {
        object["metadata"]["annotations"] = json!({ "kubectl-lease/reason": "maintenance" });
    });
    let ours = Ours::Identity("me".parse().expect("a holder"));
    let OursStep::Replace(next) = release(&ours, &seen(record), wall(NOW)) else {
        panic!("refused")
    };
    assert_eq!(next.as_json()["spec"].get("holderIdentity"), None);
    assert_eq!((next.renew_time(), next.transitions()), (Some(NOW), 4));
    assert_eq!(next.duration().map(LeaseDuration::as_secs), Some(15));
    assert_eq!(next.reason(), None);
    assert_eq!(
        release(&ours, &seen(held("x", 15)), wall(NOW)),
        OursStep::Refuse(Refusal::HolderIs(Some(other("x", Nature::Lock))))
    );
    let elected = held("x", 15).with_spec("strategy", "OldestEmulationVersion".into());
    assert_eq!(
        release(&ours, &seen(elected), wall(NOW)),
        OursStep::Refuse(Refusal::HolderIs(Some(other(
            "x",
            Nature::Kept(Keeper::Election)
        )))),
        "no steal is advised that is refused"
    );
    assert_eq!(
        release(&ours, &seen(free(15)), wall(NOW)),
        OursStep::Refuse(Refusal::HolderIs(None))
    );
    assert_eq!(
        release(&ours, &Seen::Absent, wall(NOW)),
        OursStep::Refuse(Refusal::NotFound)
    );
}

#[test]
fn hold_releases_only_its_own_grant() {
    let ours = Ours::Grant(held("me", 15));
    assert!(matches!(
        release(&ours, &seen(held("me", 15)), wall(NOW)),
        OursStep::Replace(_)
    ));
    let regranted = with(&held("me", 15), "/spec/leaseTransitions", json!(5));
    assert!(matches!(
        release(&ours, &seen(regranted), wall(NOW)),
        OursStep::Refuse(_)
    ));
}

#[test]
fn steal_asks_first_and_writes_only_over_what_was_agreed_to() {
    let terms = StealTerms {
        grant: grant_terms("me"),
        if_holder: None,
        asks: true,
        waits: true,
    };
    let record = held("x", 15);
    assert_eq!(
        steal(&terms, &seen(record.clone()), None, now(100.0)),
        StealStep::Ask
    );
    let StealStep::Replace(next) = steal(
        &terms,
        &seen(record.clone()),
        Some(&agreement(&record, false)),
        now(100.0),
    ) else {
        panic!("did not write")
    };
    assert_eq!(
        (next.holder(), next.transitions(), next.resource_version()),
        (Some("me"), 5, "7")
    );
    // A holder that goes on renewing is what was shown; a dead one that renews is not, nor is another grant.
    let renewed = record.renewed(wall(NOW));
    let alive = agreement(&record, false);
    let dead = agreement(&record, true);
    let another = with(&record, "/spec/leaseTransitions", json!(5));
    let step =
        |record: &Record, agreed| steal(&terms, &seen(record.clone()), Some(agreed), now(100.0));
    assert!(matches!(step(&renewed, &alive), StealStep::Replace(_)));
    assert_eq!(step(&renewed, &dead), StealStep::Ask);
    assert_eq!(step(&another, &alive), StealStep::Ask);
}

#[test]
fn where_nobody_can_be_asked_again_only_the_grant_that_was_shown_is_taken() {
    let mut terms = StealTerms {
        grant: grant_terms("me"),
        if_holder: None,
        asks: false,
        waits: true,
    };
    let shown = held("x", 15);
    let renewed = shown.renewed(wall(NOW));
    let anew = with(&shown, "/spec/leaseTransitions", json!(5));
    let shorter = with(&shown, "/spec/leaseDurationSeconds", json!(2));
    let (alive, dead) = (agreement(&shown, false), agreement(&shown, true));
    let not_as_shown = |holder: &str| {
        StealStep::Refuse(Refusal::NotAsShown {
            shown: Some("x".into()),
            now: other(holder, Nature::Lock),
        })
    };
    let step = |terms: &StealTerms, record: &Record, agreed| {
        steal(terms, &seen(record.clone()), agreed, now(100.0))
    };
    assert_eq!(step(&terms, &shown, None), StealStep::Ask);
    for (record, agreed) in [(&shown, &alive), (&renewed, &alive), (&shown, &dead)] {
        let step = step(&terms, record, Some(agreed));
        assert!(matches!(step, StealStep::Replace(_)), "{step:?}");
    }
    assert!(matches!(
        step(&terms, &free(15), Some(&alive)),
        StealStep::Replace(_)
    ));
    for (record, agreed, holder) in [
        (&held("y", 15), &alive, "y"),
        (&held("me", 15), &alive, "me"),
        (&anew, &alive, "x"),
        (&shorter, &alive, "x"),
        (&renewed, &dead, "x"),
    ] {
        assert_eq!(step(&terms, record, Some(agreed)), not_as_shown(holder));
    }
    let was_free = agreement(&free(15), false);
    assert_eq!(
        step(&terms, &shown, Some(&was_free)),
        StealStep::Refuse(Refusal::NotAsShown {
            shown: None,
            now: other("x", Nature::Lock)
        })
    );
    // Whoever names the holder means whatever grant it has.
    terms.if_holder = Some("x".into());
    assert_eq!(step(&terms, &anew, Some(&alive)), StealStep::Ask);
}

#[test]
fn steal_if_holder_refuses_every_other_holder() {
    let terms = StealTerms {
        grant: grant_terms("me"),
        if_holder: Some("y".into()),
        asks: true,
        waits: true,
    };
    assert_eq!(
        steal(&terms, &seen(held("x", 15)), None, now(100.0)),
        StealStep::Refuse(Refusal::HolderIs(Some(other("x", Nature::Lock))))
    );
    assert_eq!(
        steal(&terms, &seen(free(15)), None, now(100.0)),
        StealStep::Refuse(Refusal::HolderIs(None))
    );
    assert_eq!(
        steal(&terms, &seen(held("y", 15)), None, now(100.0)),
        StealStep::Ask
    );
}

#[test]
fn a_free_lease_is_stolen_without_a_question_and_a_missing_one_not_at_all() {
    let terms = StealTerms {
        grant: grant_terms("me"),
        if_holder: None,
        asks: true,
        waits: true,
    };
    assert!(matches!(
        steal(&terms, &seen(free(15)), None, now(100.0)),
        StealStep::Replace(_)
    ));
    assert_eq!(
        steal(&terms, &Seen::Absent, None, now(100.0)),
        StealStep::Refuse(Refusal::NotFound)
    );
}

#[test]
fn a_victim_must_have_stopped_its_duration_after_the_last_change_we_saw() {
    let seen = Observation::first(held("x", 15), at(100.0), None);
    assert_eq!(
        victim_stops(&seen, Stamps::Unknown, at(104.0)),
        Ok(at(115.0))
    );
    assert_eq!(
        victim_stops(&seen, Stamps::Unknown, at(120.0)),
        Ok(at(120.0))
    );
    let endless = Observation::first(
        with(&held("x", 15), "/spec/leaseDurationSeconds", Value::Null),
        at(100.0),
        None,
    );
    assert_eq!(
        victim_stops(&endless, Stamps::Unknown, at(104.0)),
        Err(NeverExpires)
    );
}

#[test]
fn a_lease_whose_duration_is_too_short_is_refused_before_anything_is_written() {
    let mut terms = terms();
    terms.min_duration = LeaseDuration::from_secs(20);
    assert_eq!(
        acquire(&terms, &seen(free(15)), Stamps::Unknown, now(100.0)),
        AcquireStep::Refuse(Refusal::TooShort(LeaseDuration::constant(15)))
    );
    terms.grant.duration = LeaseDuration::from_secs(20);
    replaced(acquire(
        &terms,
        &seen(free(15)),
        Stamps::Unknown,
        now(100.0),
    ));
}

#[test]
fn the_default_is_checked_as_any_other_duration_before_anything_is_written() {
    let mut terms = terms();
    terms.create = true;
    terms.min_duration = LeaseDuration::from_secs(61);
    let no_duration = with(&free(15), "/spec/leaseDurationSeconds", Value::Null);
    let no_spec = free(15).with(|object| object["spec"] = Value::Null);
    let held_without = with(&held("x", 15), "/spec/leaseDurationSeconds", Value::Null);
    for seen in [
        Seen::Absent,
        seen(no_duration),
        seen(no_spec),
        seen(free(1)),
        seen(held_without),
    ] {
        assert_eq!(
            acquire(&terms, &seen, Stamps::Unknown, now(100.0)),
            AcquireStep::Refuse(Refusal::TooShort(LeaseDuration::constant(60))),
            "{seen:?}"
        );
    }
}

#[test]
fn an_exported_grant_is_no_other_grant_of_the_same_identity() {
    let exported = |transitions| Ours::Exported(exported("me", "uid-1", transitions));
    assert!(matches!(
        release(&exported(4), &seen(held("me", 15)), wall(NOW)),
        OursStep::Replace(_)
    ));
    for ours in [exported(3), exported(5)] {
        assert!(matches!(
            release(&ours, &seen(held("me", 15)), wall(NOW)),
            OursStep::Refuse(_)
        ));
        assert!(matches!(
            renew_ours(&ours, &seen(held("me", 15)), wall(NOW)),
            OursStep::Refuse(_)
        ));
    }
}

#[test]
fn the_victim_of_another_grant_keeps_nobody_from_releasing_his_own() {
    let ours = Ours::Identity("me".parse().expect("a holder"));
    let stolen = held("me", 15).with_victim(Some("the victim"));
    let refusal = OursStep::Refuse(Refusal::VictimMayRun("the victim".into()));
    assert_eq!(
        release_ours(&ours, &seen(stolen.clone()), wall(NOW)),
        refusal
    );
    assert!(matches!(
        release(&ours, &seen(stolen.clone()), wall(NOW)),
        OursStep::Replace(_)
    ));
    // Who took it from us has counted its own grant, and left the annotation.
    let taken = stolen.with_spec("leaseTransitions", json!(5));
    assert!(matches!(
        release_ours(&ours, &seen(taken), wall(NOW)),
        OursStep::Replace(_)
    ));
}
