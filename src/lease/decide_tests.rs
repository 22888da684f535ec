//! The decision tables of design section 6, a test for each row.

use serde_json::{Value, json};

use super::*;
use crate::lease::testing::{at, free, held, stamped, wall};
use crate::lease::values::LeaseDuration;

const NOW: &str = "2026-05-05T05:05:05.123456Z";

fn now(seconds: f64) -> Now {
    Now {
        instant: at(seconds),
        wall: wall(NOW),
    }
}

fn grant_terms(holder: &str) -> GrantTerms {
    GrantTerms {
        holder: holder.parse().expect("a holder"),
        duration: None,
        default_duration: LeaseDuration::constant(60),
        reason: None,
    }
}

fn terms() -> AcquireTerms {
    AcquireTerms {
        namespace: "default".into(),
        name: "my-lease".into(),
        grant: grant_terms("me"),
        create: false,
        reenter: false,
        least_duration: None,
    }
}

fn seen(record: Record) -> Seen {
    Seen::Lease(Observation::first(record, at(100.0), None))
}

fn with(record: &Record, pointer: &str, value: Value) -> Record {
    let mut object = record.as_json().clone();
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    object.pointer_mut(parent).expect("the parent")[field] = value;
    Record::new(object).expect("an object")
}

fn agreement(record: &Record, expired: bool) -> Agreement {
    Agreement {
        record: record.clone(),
        expired,
    }
}

fn replaced(step: AcquireStep) -> Record {
    match step {
        AcquireStep::Replace(record) => record,
        other => panic!("not a replace: {other:?}"),
    }
}

#[test]
fn a_missing_lease_is_created_with_create_and_refused_without() {
    assert_eq!(
        acquire(&terms(), &Seen::Absent, Stamps::Unknown, now(100.0)),
        AcquireStep::Refuse(Refusal::NotFound)
    );
    let mut terms = terms();
    terms.create = true;
    let AcquireStep::Create(record) = acquire(&terms, &Seen::Absent, Stamps::Unknown, now(100.0))
    else {
        panic!("not created")
    };
    assert_eq!(record.holder(), Some("me"));
    assert_eq!(record.acquire_time(), Some(NOW));
    assert_eq!(record.renew_time(), Some(NOW));
    assert_eq!(record.transitions(), 1);
    assert_eq!(record.duration().map(LeaseDuration::as_secs), Some(60));
    assert_eq!(record.resource_version(), "");
}

#[test]
fn a_free_lease_is_taken_with_its_version_and_uid_whatever_the_times_say() {
    for record in [
        free(15),
        with(&free(15), "/spec/holderIdentity", Value::Null),
        with(
            &free(15),
            "/spec/renewTime",
            json!("2999-01-01T00:00:00.000000Z"),
        ),
    ] {
        let next = replaced(acquire(
            &terms(),
            &seen(record),
            Stamps::Unknown,
            now(100.0),
        ));
        assert_eq!((next.holder(), next.transitions()), (Some("me"), 5));
        assert_eq!(
            (next.acquire_time(), next.renew_time()),
            (Some(NOW), Some(NOW))
        );
        assert_eq!((next.resource_version(), next.uid()), ("7", "uid-1"));
        assert_eq!(next.duration().map(LeaseDuration::as_secs), Some(15));
    }
}

#[test]
fn absent_transitions_count_as_zero_and_an_absent_spec_is_free() {
    let record = Record::new(json!({"metadata": {"name": "x"}, "spec": null})).expect("an object");
    let next = replaced(acquire(
        &terms(),
        &seen(record),
        Stamps::Unknown,
        now(100.0),
    ));
    assert_eq!(next.transitions(), 1);
    assert_eq!(next.duration().map(LeaseDuration::as_secs), Some(60));
}

#[test]
fn the_duration_is_written_if_asked_for_else_kept() {
    let mut asked = terms();
    asked.grant.duration = LeaseDuration::from_secs(300);
    let next = replaced(acquire(
        &asked,
        &seen(free(15)),
        Stamps::Unknown,
        now(100.0),
    ));
    assert_eq!(next.duration().map(LeaseDuration::as_secs), Some(300));
}

#[test]
fn anothers_live_lease_is_waited_for_until_watching_proves_its_expiry() {
    let AcquireStep::Wait(waiting) =
        acquire(&terms(), &seen(held("x", 15)), Stamps::Unknown, now(100.0))
    else {
        panic!("did not wait")
    };
    assert_eq!(waiting.obstacle, Obstacle::HeldBy("x".into()));
    assert_eq!(
        (waiting.expired_at, waiting.read_again_at),
        (Some(at(115.0)), None)
    );
    let next = replaced(acquire(
        &terms(),
        &seen(held("x", 15)),
        Stamps::Unknown,
        now(115.0),
    ));
    assert_eq!((next.holder(), next.transitions()), (Some("me"), 5));
}

#[test]
fn a_lease_without_duration_is_waited_for_without_end() {
    let record = with(&held("x", 15), "/spec/leaseDurationSeconds", Value::Null);
    let step = acquire(&terms(), &seen(record), Stamps::Trusted, now(1e9));
    assert!(
        matches!(
            step,
            AcquireStep::Wait(Waiting {
                expired_at: None,
                ..
            })
        ),
        "{step:?}"
    );
}

#[test]
fn server_stamps_prove_expiry_at_once_where_the_server_can_be_believed() {
    let record = stamped(held("x", 15), &["2026-01-01T00:00:00Z"]);
    let seen = Seen::Lease(Observation::first(
        record,
        at(100.0),
        Some(wall("2026-01-01T00:00:17Z")),
    ));
    assert_eq!(
        acquire(&terms(), &seen, Stamps::Unknown, now(100.0)),
        AcquireStep::AskVersion
    );
    replaced(acquire(&terms(), &seen, Stamps::Trusted, now(100.0)));
    assert!(matches!(
        acquire(&terms(), &seen, Stamps::Untrusted, now(100.0)),
        AcquireStep::Wait(_)
    ));
}

#[test]
fn ones_own_live_lease_is_waited_for_unless_reentering() {
    let own = seen(held("me", 15));
    let AcquireStep::Wait(waiting) = acquire(&terms(), &own, Stamps::Unknown, now(100.0)) else {
        panic!("took it")
    };
    assert_eq!(waiting.obstacle, Obstacle::HeldByOneself);
    let mut reentering = terms();
    reentering.reenter = true;
    let next = replaced(acquire(&reentering, &own, Stamps::Unknown, now(100.0)));
    assert_eq!((next.transitions(), next.acquire_time()), (5, Some(NOW)));
    assert!(matches!(
        acquire(
            &reentering,
            &seen(held("x", 15)),
            Stamps::Unknown,
            now(100.0)
        ),
        AcquireStep::Wait(_)
    ));
}

#[test]
fn transitions_at_the_int32_limit_are_refused() {
    let record = with(&free(15), "/spec/leaseTransitions", json!(2_147_483_647));
    assert_eq!(
        acquire(&terms(), &seen(record.clone()), Stamps::Unknown, now(100.0)),
        AcquireStep::Refuse(Refusal::TransitionsExhausted)
    );
    let steal_terms = StealTerms {
        grant: grant_terms("me"),
        if_holder: None,
    };
    assert_eq!(
        steal(&steal_terms, &seen(record), None, now(100.0)),
        StealStep::Refuse(Refusal::TransitionsExhausted)
    );
}

#[test]
fn a_lease_under_coordinated_election_is_refused() {
    let record = with(&free(15), "/spec/strategy", json!("OldestEmulationVersion"));
    assert_eq!(
        acquire(&terms(), &seen(record.clone()), Stamps::Unknown, now(100.0)),
        AcquireStep::Refuse(Refusal::Coordinated("OldestEmulationVersion".into()))
    );
    let steal_terms = StealTerms {
        grant: grant_terms("me"),
        if_holder: None,
    };
    assert!(matches!(
        steal(&steal_terms, &seen(record), None, now(100.0)),
        StealStep::Refuse(_)
    ));
}

#[test]
fn a_lease_being_deleted_is_waited_out_even_if_free() {
    let record = with(
        &free(15),
        "/metadata/deletionTimestamp",
        json!("2026-01-01T00:00:00Z"),
    );
    let step = acquire(&terms(), &seen(record), Stamps::Unknown, now(1e6));
    assert!(matches!(
        step,
        AcquireStep::Wait(Waiting {
            obstacle: Obstacle::Terminating,
            ..
        })
    ));
}

#[test]
fn a_renewal_goes_on_over_metadata_edits() {
    let grant = held("me", 15);
    let edited = with(
        &with(&grant, "/metadata/labels", json!({"a": "b"})),
        "/metadata/resourceVersion",
        json!("9"),
    );
    let RenewStep::Replace(next) = renew(&grant, &seen(edited), wall(NOW)) else {
        panic!("lost")
    };
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
        assert_eq!(
            renew(&grant, &seen(record), wall(NOW)),
            RenewStep::Lost(loss)
        );
    }
    assert_eq!(
        renew(&grant, &Seen::Absent, wall(NOW)),
        RenewStep::Lost(Loss::Deleted)
    );
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
    let record = held("me", 15).with_reason(Some("maintenance"));
    let ours = Ours::Identity("me".parse().expect("a holder"));
    let OursStep::Replace(next) = release(&ours, &seen(record), wall(NOW)) else {
        panic!("refused")
    };
    assert_eq!(next.as_json()["spec"]["holderIdentity"], "");
    assert_eq!((next.renew_time(), next.transitions()), (Some(NOW), 4));
    assert_eq!(next.duration().map(LeaseDuration::as_secs), Some(15));
    assert_eq!(next.reason(), None);
    assert_eq!(
        release(&ours, &seen(held("x", 15)), wall(NOW)),
        OursStep::Refuse(Refusal::HolderIs(Some("x".into())))
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
fn steal_if_holder_refuses_every_other_holder() {
    let terms = StealTerms {
        grant: grant_terms("me"),
        if_holder: Some("y".into()),
    };
    assert_eq!(
        steal(&terms, &seen(held("x", 15)), None, now(100.0)),
        StealStep::Refuse(Refusal::HolderIs(Some("x".into())))
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
    terms.least_duration = LeaseDuration::from_secs(20);
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
fn an_exported_grant_is_no_other_grant_of_the_same_identity() {
    let exported = |transitions| Ours::Exported {
        holder: "me".parse().expect("a holder"),
        uid: "uid-1".to_owned(),
        transitions,
    };
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
