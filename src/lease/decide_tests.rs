//! The decisions of each subcommand on each state of a Lease, a test for each.

use serde_json::{Value, json};

use super::*;
use crate::lease::testing::{at, free, held, other, stamped, wall};
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
        mark: std::time::Duration::ZERO,
    }
}

fn terms() -> AcquireTerms {
    AcquireTerms {
        namespace: "default".into(),
        name: "my-lease".into(),
        grant: grant_terms("me"),
        create: false,
        reenter: false,
        min_duration: None,
        ancestors: Vec::new(),
    }
}

fn exported(holder: &str, uid: &str, transitions: i64) -> Exported {
    Exported {
        holder: holder.parse().expect("a holder"),
        uid: uid.to_owned(),
        transitions,
    }
}

fn seen(record: Record) -> Seen {
    Seen::Lease(Observation::first(record, at(100.0), None))
}

fn with(record: &Record, pointer: &str, value: Value) -> Record {
    record.with(|object| {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        object.pointer_mut(parent).expect("the parent")[field] = value;
    })
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
    let record = free(15).with(|object| object["spec"] = Value::Null);
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

/// The duration recorded by whoever grants it to itself, over each duration that a Lease may record.
fn recorded(holder: &str, seconds: Value, terms: &AcquireTerms) -> Option<u32> {
    let record = with(&held(holder, 15), "/spec/leaseDurationSeconds", seconds);
    // Expired, if it is held at all.
    match acquire(terms, &seen(record), Stamps::Unknown, now(5e9)) {
        AcquireStep::Replace(next) => next.duration().map(LeaseDuration::as_secs),
        _ => None,
    }
}

#[test]
fn a_grant_records_what_is_asked_for_else_what_the_lease_records_else_the_default() {
    let mut asked = terms();
    asked.grant.duration = LeaseDuration::from_secs(300);
    let nothing = [Value::Null, json!(0), json!(-5), json!(2_147_483_648_i64)];
    for seconds in nothing {
        assert_eq!(recorded("", seconds.clone(), &terms()), Some(60));
        assert_eq!(recorded("", seconds, &asked), Some(300));
    }
    for (seconds, expected) in [(2, 2), (15, 15), (i32::MAX, i32::MAX as u32)] {
        assert_eq!(recorded("", json!(seconds), &terms()), Some(expected));
        assert_eq!(recorded("", json!(seconds), &asked), Some(300));
    }
}

#[test]
fn one_second_in_a_free_lease_is_what_client_go_leaves_and_counts_as_nothing() {
    assert_eq!(recorded("", json!(1), &terms()), Some(60));
    assert_eq!(recorded("x", json!(1), &terms()), Some(1), "a holder asked");
    let mut asked = terms();
    asked.grant.duration = LeaseDuration::from_secs(1);
    assert_eq!(recorded("", json!(1), &asked), Some(1), "we ask");
    asked.create = true;
    let step = acquire(&asked, &Seen::Absent, Stamps::Unknown, now(100.0));
    let AcquireStep::Create(record) = step else {
        panic!("not created: {step:?}")
    };
    assert_eq!(record.duration(), LeaseDuration::from_secs(1));
}

#[test]
fn anothers_live_lease_is_waited_for_until_watching_proves_its_expiry() {
    let AcquireStep::Wait(waiting) =
        acquire(&terms(), &seen(held("x", 15)), Stamps::Unknown, now(100.0))
    else {
        panic!("did not wait")
    };
    assert_eq!(waiting.obstacle, Obstacle::HeldBy(other("x", Nature::Lock)));
    assert_eq!(
        (waiting.expired_at, waiting.try_out_at),
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
fn stamps_prove_an_expiry_by_a_dry_run_of_the_takeover_where_the_server_can_be_believed() {
    let record = stamped(held("x", 15), &["2026-01-01T00:00:00Z"]);
    let date = Some(wall("2026-01-01T00:00:46Z"));
    let first = Observation::first(record.clone(), at(100.0), date);
    let step = |seen: &Observation, stamps| {
        acquire(&terms(), &Seen::Lease(seen.clone()), stamps, now(100.0))
    };
    assert_eq!(step(&first, Stamps::Unknown), AcquireStep::AskVersion);
    let AcquireStep::TryOut(takeover) = step(&first, Stamps::Trusted) else {
        panic!("no dry run")
    };
    assert_eq!(takeover.holder(), Some("me"));
    assert_eq!(
        (takeover.uid(), takeover.resource_version()),
        (record.uid(), record.resource_version())
    );
    let told = first.clone().told(wall("2026-01-01T00:00:46Z"), at(100.0));
    assert_eq!(
        replaced(step(&told, Stamps::Trusted)),
        takeover,
        "what was tried out is what is written"
    );
    let AcquireStep::Wait(waiting) = step(&first, Stamps::Untrusted) else {
        panic!("an old server's stamp was believed")
    };
    assert_eq!(
        (waiting.expired_at, waiting.try_out_at),
        (Some(at(115.0)), None)
    );
}

#[test]
fn ones_own_live_lease_is_waited_for_unless_reentering() {
    let own = seen(held("me", 15));
    let AcquireStep::Wait(waiting) = acquire(&terms(), &own, Stamps::Unknown, now(100.0)) else {
        panic!("took it")
    };
    assert_eq!(waiting.obstacle, Obstacle::HeldByOneself(Nature::Lock));
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
fn a_grant_that_we_run_under_ourselves_is_not_waited_for_but_any_other_is() {
    let around = exported("x", "uid-1", 4);
    let step = |terms: &AcquireTerms, record: &Record, seconds| {
        let seen = seen(record.clone());
        acquire(terms, &seen, Stamps::Unknown, now(seconds))
    };
    let mut terms = terms();
    terms.ancestors = vec![exported("y", "uid-2", 1), around];
    let endless = with(&held("x", 15), "/spec/leaseDurationSeconds", Value::Null);
    for record in [held("x", 15), endless] {
        assert_eq!(
            step(&terms, &record, 100.0),
            AcquireStep::Refuse(Refusal::HeldByAncestor("x".into()))
        );
    }
    // Over: it has expired, or was released and granted to somebody else, or the Lease was made anew.
    replaced(step(&terms, &held("x", 15), 115.0));
    replaced(step(&terms, &free(15), 100.0));
    for other in [
        with(&held("x", 15), "/spec/leaseTransitions", json!(5)),
        with(&held("x", 15), "/metadata/uid", json!("uid-3")),
        held("z", 15),
    ] {
        let step = step(&terms, &other, 100.0);
        assert!(matches!(step, AcquireStep::Wait(_)), "{step:?}");
    }
    // Or the server can prove that it is.
    let stamps = stamped(held("x", 15), &["2026-01-01T00:00:00Z"]);
    let date = Some(wall("2026-01-01T00:00:46Z"));
    let stale = Seen::Lease(Observation::first(stamps, at(100.0), date));
    assert_eq!(
        acquire(&terms, &stale, Stamps::Unknown, now(100.0)),
        AcquireStep::AskVersion
    );
    assert!(matches!(
        acquire(&terms, &stale, Stamps::Trusted, now(100.0)),
        AcquireStep::TryOut(_)
    ));
    // Taking one's own grant anew waits for nobody.
    terms.grant.holder = "x".parse().expect("a holder");
    terms.reenter = true;
    replaced(step(&terms, &held("x", 15), 100.0));
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
        asks: true,
        waits: true,
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
        asks: true,
        waits: true,
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

#[path = "decide_later_tests.rs"]
mod later;
