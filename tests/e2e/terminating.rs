//! Leases that are being deleted and wait for a finalizer.

use crate::support::{
    SOON, fresh, held, holder, not_found_to_take, said, stored, transitions, untouched,
};
use lease_harness::Namespace;
use serde_json::{Value, json};

const WAITING: &str =
    "waiting for lease \"job\": it is being deleted and waits for its finalizers\n";

/// A Lease that is deleted, but for its finalizer.
fn terminating(ns: &Namespace) -> Value {
    let mut lease = held("job", "other", 60);
    lease["metadata"]["finalizers"] = json!(["example.com/wait"]);
    ns.create(&lease);
    ns.delete("job");
    stored(ns, "job")
}

fn finish(ns: &Namespace) {
    ns.edit("job", |lease| lease["metadata"]["finalizers"] = json!([]));
}

#[test]
fn a_terminating_lease_is_waited_out_and_then_not_found() {
    let (ns, user) = fresh();
    let before = terminating(&ns);
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me"]);
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    untouched(&ns, &before);
    finish(&ns);
    let expected = WAITING.to_owned() + &not_found_to_take(&ns, "job");
    said(&running.wait(SOON), 121, "", &expected);
}

#[test]
fn a_terminating_lease_is_waited_out_and_created_anew() {
    let (ns, user) = fresh();
    let before = terminating(&ns);
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me", "--create"]);
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    finish(&ns);
    let stdout = "lease.coordination.k8s.io/job acquired\n";
    said(&running.wait(SOON), 0, stdout, WAITING);
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 1));
    assert_ne!(lease["metadata"]["uid"], before["metadata"]["uid"]);
}

#[test]
fn a_terminating_lease_is_not_acquired_in_time_even_when_free() {
    let (ns, user) = fresh();
    terminating(&ns);
    let before = ns.edit("job", |lease| lease["spec"]["holderIdentity"] = json!(""));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    let expected =
        "error: lease \"job\" not acquired: it is being deleted and waits for its finalizers\n";
    said(&output, 124, "", expected);
    untouched(&ns, &before);
}

#[test]
fn a_terminating_lease_is_not_stolen() {
    let (ns, user) = fresh();
    let before = terminating(&ns);
    let output = ns.run(&user, ["steal", "job", "--holder=me", "--yes"]);
    let expected = format!(
        "error: lease \"job\" is being deleted and waits for its finalizers\n\
         See which: kubectl get lease job -n {} -o jsonpath='{{.metadata.finalizers}}'\n",
        ns.name()
    );
    said(&output, 1, "", &expected);
    untouched(&ns, &before);
}

#[test]
fn the_holder_of_a_terminating_lease_can_still_renew_and_release_it() {
    let (ns, user) = fresh();
    terminating(&ns);
    for (subcommand, verb) in [("renew", "renewed"), ("release", "released")] {
        let output = ns.run(&user, [subcommand, "job", "--holder=other"]);
        let stdout = format!("lease.coordination.k8s.io/job {verb}\n");
        said(&output, 0, &stdout, "");
    }
    assert_eq!(holder(&stored(&ns, "job")), "");
}
