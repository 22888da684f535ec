//! Takeovers whose answers do not tell what became of them: nobody is forgotten whom one may have been from, and nobody is waited
//! for who has released.

use crate::doubted::{admin, between, blank, conflict, is_put, not_carried_out, rob};
use crate::support::{each, fresh, held, stored};
use lease_harness::{Fault, Namespace, Proxy};
use serde_json::json;
use std::time::Duration;

const CREATES: [&str; 8] = [
    "hold",
    "job",
    "--steal",
    "--create",
    "--yes",
    "--holder=me",
    "--",
    "true",
];

#[test]
fn whom_a_takeover_was_from_is_waited_for_though_its_answer_was_no_and_it_was_freed_since() {
    const D: Duration = Duration::from_secs(4);
    let internal = || Fault::status_after_commit(500, "InternalError", "leader changed");
    let set_back: fn(&Namespace) = |ns| {
        ns.edit("job", |lease| {
            lease["spec"] = json!({ "leaseDurationSeconds": 60, "leaseTransitions": 0 });
        });
    };
    let rows = [
        (conflict(), blank as fn(&Namespace)),
        (internal(), blank),
        (conflict(), set_back),
    ];
    each(rows, |(fault, since)| {
        let (ns, user) = fresh();
        ns.create(&held("job", "ada", 4));
        let proxy = Proxy::to(ns.cluster());
        let command = ns.command(&user, CREATES);
        let output = between(command, &proxy, is_put, vec![fault], || since(&ns));
        assert_eq!(output.code, Some(0), "{output}");
        assert!(
            output.stderr.contains("\"ada\" must have stopped"),
            "{output}"
        );
        assert!(output.elapsed >= D / 2, "{output}");
    });
}

/// Whoever creates it would begin beside whom it was taken from.
#[test]
fn what_was_taken_and_deleted_is_not_created_beside_its_holder() {
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, CREATES);
    let output = between(command, &proxy, is_put, vec![conflict()], || {
        ns.delete("job")
    });
    assert_eq!(output.code, Some(121), "{output}");
    assert!(output.stderr.contains("outcome is not known"), "{output}");
    assert!(ns.get("job").is_none(), "{output}");
}

/// Its holder may delete it once it has released it, with `--cleanup`.
#[test]
fn what_was_not_there_any_more_was_taken_from_nobody() {
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let proxy = Proxy::to(ns.cluster());
    let absent = Fault::status(
        404,
        "NotFound",
        "leases.coordination.k8s.io \"job\" not found",
    );
    let command = ns.command(&user, CREATES);
    let output = between(command, &proxy, is_put, vec![absent], || ns.delete("job"));
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.elapsed < Duration::from_secs(20), "{output}");
}

/// What was not carried out, and cannot be any more, was taken from nobody.
#[test]
fn who_has_released_since_is_not_waited_for() {
    let released: fn(&Namespace) = |ns| admin(ns, &["release", "job", "--holder=ada"]);
    let and_held: fn(&Namespace) = |ns| {
        admin(ns, &["release", "job", "--holder=ada"]);
        admin(ns, &["hold", "job", "--holder=B", "--", "true"]);
    };
    let too_late = Fault::status(409, "Conflict", "it has been modified");
    let lost = not_carried_out;
    let rows = [(lost(), released), (lost(), and_held), (too_late, and_held)];
    each(rows, |(fault, since)| who_has_released(fault, since));
}

fn who_has_released(fault: Fault, since: fn(&Namespace)) {
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, ["steal", "job", "--yes", "--holder=me"]);
    let output = between(command, &proxy, is_put, vec![fault], || since(&ns));
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!output.stderr.contains("must have stopped"), "{output}");
    assert!(output.elapsed < Duration::from_secs(20), "{output}");
    let victim = &stored(&ns, "job")["metadata"]["annotations"]["kubectl-lease/victim"];
    assert!(victim.is_null(), "{victim}");
}

#[test]
fn a_takeover_that_was_carried_out_and_lost_since_is_told_as_lost() {
    each([&["steal", "job", "--yes", "--holder=me"][..]], |words| {
        let (ns, user) = fresh();
        ns.create(&held("job", "ada", 60));
        let proxy = Proxy::to(ns.cluster());
        let command = ns.command(&user, words);
        let output = between(command, &proxy, is_put, vec![conflict()], || rob(&ns, "C"));
        assert_eq!(output.code, Some(123), "{output}");
        assert!(output.stderr.contains("taken over by \"C\""), "{output}");
    });
}
