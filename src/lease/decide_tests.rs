//! The decisions of each subcommand on each state of a Lease, a test for each.

use serde_json::{Value, json};

use super::*;
use crate::lease::testing::{at, free, grant_terms, held, other, stamped, wall};
use crate::lease::values::LeaseDuration;

const NOW: &str = "2026-05-05T05:05:05.123456Z";

fn now(seconds: f64) -> Now {
    Now {
        instant: at(seconds),
        wall: wall(NOW),
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
        deletes: false,
        ended: None,
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
    let record = record.clone();
    Agreement { record, expired }
}

#[track_caller]
fn replaced(step: AcquireStep) -> Record {
    match step {
        AcquireStep::Replace(record) => record,
        other => panic!("not a replace: {other:?}"),
    }
}

/// The step at the first sight of this record.
fn first(terms: &AcquireTerms, record: Record) -> AcquireStep {
    acquire(terms, &seen(record), Stamps::Unknown, now(100.0))
}

#[track_caller]
fn waits(step: AcquireStep) -> Waiting {
    match step {
        AcquireStep::Wait(waiting) => waiting,
        other => panic!("did not wait: {other:?}"),
    }
}

#[track_caller]
fn created(terms: &AcquireTerms) -> Lease {
    match acquire(terms, &Seen::Absent, Stamps::Unknown, now(100.0)) {
        AcquireStep::Create(lease) => lease,
        other => panic!("not created: {other:?}"),
    }
}

fn secs(lease: &Lease) -> Option<u32> {
    lease.duration().map(LeaseDuration::as_secs)
}

fn steal_terms() -> StealTerms {
    StealTerms {
        grant: grant_terms("me"),
        if_holder: None,
        asks: true,
        waits: true,
        ancestors: Vec::new(),
        taken: crate::lease::record::Taken::Stolen,
    }
}

#[test]
fn beside_a_victim_nothing_shorter_is_recorded_and_while_it_is_waited_for_at_most_a_minute_more() {
    for (longest, asked, waiting, at_once) in [
        (2, 3600, 60, 3600),
        (30, 45, 45, 45),
        (15, 15, 15, 15),
        (15, 2, 15, 15),
        (300, 2, 300, 300),
        (300, 3600, 300, 3600),
    ] {
        let recorded = |waits: bool| {
            let terms = StealTerms {
                waits,
                ..steal_terms()
            };
            let [longest, asked] = [longest, asked].map(LeaseDuration::constant);
            terms.duration_beside(longest, asked).as_secs()
        };
        assert_eq!(
            (recorded(true), recorded(false)),
            (waiting, at_once),
            "{longest} {asked}"
        );
    }
}

fn steals(terms: &StealTerms, record: &Record, agreed: Option<&Agreement>) -> StealStep {
    steal(terms, &seen(record.clone()), agreed, now(100.0))
}

#[test]
fn who_runs_under_a_hold_does_not_steal_its_grant_and_wait_for_that_to_stop() {
    let record = held("outer", 15);
    let ancestor = Exported {
        holder: "outer".parse().expect("it is one"),
        uid: record.uid().to_owned(),
        transitions: record.transitions(),
    };
    let asked = |terms: &StealTerms, record: &Record| steals(terms, record, None);
    let mut terms = StealTerms {
        ancestors: vec![ancestor],
        ..steal_terms()
    };
    let refused = StealStep::Refuse(Refusal::VictimIsAncestor("outer".to_owned()));
    assert_eq!(asked(&terms, &record), refused);
    let another = record.clone().with_spec("leaseTransitions", json!(99));
    assert_eq!(asked(&terms, &another), StealStep::Ask);
    terms.waits = false;
    assert_eq!(asked(&terms, &record), StealStep::Ask);
}

#[test]
fn a_missing_lease_is_created_with_create_and_refused_without() {
    assert_eq!(
        acquire(&terms(), &Seen::Absent, Stamps::Unknown, now(100.0)),
        AcquireStep::Refuse(Refusal::NotFound)
    );
    let mut terms = terms();
    terms.create = true;
    let made = created(&terms);
    assert_eq!((made.holder(), made.transitions()), (Some("me"), 1));
    let times = (made.acquire_time(), made.renew_time());
    assert_eq!(times, (Some(NOW), Some(NOW)));
    assert_eq!((secs(&made), made.resource_version()), (Some(60), ""));
}

#[test]
fn a_free_lease_is_taken_with_its_version_and_uid_whatever_the_times_say() {
    let future = json!("2999-01-01T00:00:00.000000Z");
    for record in [
        free(15),
        free(15).with_spec("holderIdentity", Value::Null),
        free(15).with_spec("renewTime", future),
    ] {
        let next = replaced(first(&terms(), record));
        assert_eq!((next.holder(), next.transitions()), (Some("me"), 5));
        let times = (next.acquire_time(), next.renew_time());
        assert_eq!(times, (Some(NOW), Some(NOW)));
        assert_eq!((next.resource_version(), next.uid()), ("7", "uid-1"));
        assert_eq!(secs(&next), Some(15));
    }
}

#[test]
fn absent_transitions_count_as_zero_and_an_absent_spec_is_free() {
    let record = free(15).with(|object| object["spec"] = Value::Null);
    let next = replaced(first(&terms(), record));
    assert_eq!((next.transitions(), secs(&next)), (1, Some(60)));
}

/// The duration recorded by whoever grants it to itself, over each duration that a Lease may record.
fn recorded(holder: &str, seconds: Value, terms: &AcquireTerms) -> Option<u32> {
    let record = held(holder, 15).with_spec("leaseDurationSeconds", seconds);
    // Expired, if it is held at all.
    match acquire(terms, &seen(record), Stamps::Unknown, now(5e9)) {
        AcquireStep::Replace(next) => secs(&next),
        _ => None,
    }
}

#[test]
fn a_grant_records_what_is_asked_for_else_what_the_lease_records_else_the_default() {
    let mut asked = terms();
    asked.grant.duration = LeaseDuration::from_secs(300);
    for (seconds, expected) in [
        (Value::Null, 60),
        (json!(0), 60),
        (json!(-5), 60),
        (json!(2_147_483_648_i64), 60),
        (json!(2), 2),
        (json!(15), 15),
        (json!(i32::MAX), i32::MAX as u32),
    ] {
        let (unasked, asked) = (terms(), &asked);
        assert_eq!(recorded("", seconds.clone(), &unasked), Some(expected));
        assert_eq!(recorded("", seconds, asked), Some(300));
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
    assert_eq!(secs(&created(&asked)), Some(1));
}

#[test]
fn anothers_live_lease_is_waited_for_until_watching_proves_its_expiry() {
    let waiting = waits(first(&terms(), held("x", 15)));
    assert_eq!(waiting.obstacle, Obstacle::HeldBy(other("x", Nature::Lock)));
    let when = (waiting.expired_at, waiting.try_out_at);
    assert_eq!(when, (Some(at(115.0)), None));
    let live = seen(held("x", 15));
    let next = replaced(acquire(&terms(), &live, Stamps::Unknown, now(115.0)));
    assert_eq!((next.holder(), next.transitions()), (Some("me"), 5));
}

#[test]
fn a_lease_without_duration_is_waited_for_without_end() {
    let record = held("x", 15).with_spec("leaseDurationSeconds", Value::Null);
    let step = acquire(&terms(), &seen(record), Stamps::Trusted, now(1e9));
    assert_eq!(waits(step).expired_at, None);
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
    // An old server's stamp is not believed.
    let waiting = waits(step(&first, Stamps::Untrusted));
    let when = (waiting.expired_at, waiting.try_out_at);
    assert_eq!(when, (Some(at(115.0)), None));
}

#[test]
fn ones_own_live_lease_is_waited_for_unless_reentering() {
    let waiting = waits(first(&terms(), held("me", 15)));
    assert_eq!(waiting.obstacle, Obstacle::HeldByOneself(Nature::Lock));
    let mut reentering = terms();
    reentering.reenter = true;
    let next = replaced(first(&reentering, held("me", 15)));
    assert_eq!((next.transitions(), next.acquire_time()), (5, Some(NOW)));
    waits(first(&reentering, held("x", 15)));
}

#[test]
fn a_grant_of_ours_whose_command_has_ended_is_taken_at_once_and_no_other_of_the_same_identity() {
    let mine = held("me", 15);
    let terms = AcquireTerms {
        ended: Some(mine.clone()),
        ..terms()
    };
    let renewed = mine.with_spec("renewTime", json!("2020-01-01T00:00:03.000000Z"));
    let next = replaced(first(&terms, renewed));
    assert_eq!((next.transitions(), next.acquire_time()), (5, Some(NOW)));
    for (field, value) in [
        ("leaseTransitions", json!(5)),
        ("acquireTime", json!("2020-01-01T00:00:00.000001Z")),
        ("holderIdentity", json!("x")),
    ] {
        waits(first(&terms, mine.with_spec(field, value)));
    }
    waits(first(&terms, with(&mine, "/metadata/uid", json!("uid-2"))));
    // Whom it was stolen from may still run.
    waits(first(&terms, mine.with_victim(Some("victim"))));
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
    let endless = held("x", 15).with_spec("leaseDurationSeconds", Value::Null);
    for record in [held("x", 15), endless] {
        let refusal = AcquireStep::Refuse(Refusal::HeldByAncestor("x".into()));
        assert_eq!(step(&terms, &record, 100.0), refusal);
    }
    // Over: it has expired, or was released and granted to somebody else, or the Lease was made anew.
    replaced(step(&terms, &held("x", 15), 115.0));
    replaced(step(&terms, &free(15), 100.0));
    for other in [
        with(&held("x", 15), "/spec/leaseTransitions", json!(5)),
        with(&held("x", 15), "/metadata/uid", json!("uid-3")),
        held("z", 15),
    ] {
        waits(step(&terms, &other, 100.0));
    }
    // Or the server can prove that it is.
    let stamps = stamped(held("x", 15), &["2026-01-01T00:00:00Z"]);
    let date = Some(wall("2026-01-01T00:00:46Z"));
    let stale = Seen::Lease(Observation::first(stamps, at(100.0), date));
    let step_by = |stamps| acquire(&terms, &stale, stamps, now(100.0));
    assert_eq!(step_by(Stamps::Unknown), AcquireStep::AskVersion);
    assert!(matches!(step_by(Stamps::Trusted), AcquireStep::TryOut(_)));
    // Taking one's own grant anew waits for nobody.
    terms.grant.holder = "x".parse().expect("a holder");
    terms.reenter = true;
    replaced(step(&terms, &held("x", 15), 100.0));
}

#[test]
fn what_cannot_be_counted_or_is_elected_is_refused() {
    let strategy = "OldestEmulationVersion";
    for (field, value, refusal) in [
        (
            "leaseTransitions",
            json!(2_147_483_647),
            Refusal::TransitionsExhausted,
        ),
        (
            "strategy",
            json!(strategy),
            Refusal::Coordinated(strategy.into()),
        ),
    ] {
        let record = free(15).with_spec(field, value);
        let stolen = steals(&steal_terms(), &record, None);
        assert_eq!(stolen, StealStep::Refuse(refusal.clone()));
        assert_eq!(first(&terms(), record), AcquireStep::Refuse(refusal));
    }
}

#[test]
fn a_lease_being_deleted_is_waited_out_even_if_free() {
    let since = json!("2026-01-01T00:00:00Z");
    let record = with(&free(15), "/metadata/deletionTimestamp", since);
    let step = acquire(&terms(), &seen(record), Stamps::Unknown, now(1e6));
    assert_eq!(waits(step).obstacle, Obstacle::Terminating);
}

#[path = "decide_later_tests.rs"]
mod later;
#[path = "decide_said_tests.rs"]
mod said;

#[test]
fn a_place_in_line_is_no_lock_to_acquire_whoever_is_there() {
    for record in [held("ada", 15), free(15)] {
        let labels = json!({ "kubectl-lease/queue-of": "deploy" });
        let step = first(&terms(), with(&record, "/metadata/labels", labels));
        let AcquireStep::Refuse(Refusal::NoLock(Keeper::Waiter(ticket))) = step else {
            panic!("not refused: {step:?}");
        };
        assert_eq!(ticket.of, "deploy");
    }
}
