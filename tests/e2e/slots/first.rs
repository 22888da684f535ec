//! The first slot, which says how many there are: no other is written while it is missing or being deleted, and nothing deletes it by
//! the way.

use super::{acquire, hold, holders, pool, slot, slots_of, waits};
use crate::support::{SOON, ended, free, fresh, held, said, stored, untouched};
use lease_harness::{Fault, Match, Namespace, Proxy};
use serde_json::json;

/// Deletes it, and it stays because of a finalizer.
fn linger(ns: &Namespace, name: &str) {
    ns.edit(name, |lease| {
        lease["metadata"]["finalizers"] = json!(["example.com/keep"])
    });
    ns.delete(name);
}

fn go(ns: &Namespace, name: &str) {
    ns.edit(name, |lease| lease["metadata"]["finalizers"] = json!([]));
}

#[test]
fn while_it_is_being_deleted_no_other_slot_is_acquired_and_then_it_is_made_again() {
    let (ns, user) = pool(&["", ""], 60);
    linger(&ns, "pool-0");
    let before = ns.get("pool-0").expect("it is there");
    let flags = ["--holder=me", "--create"];
    let output = acquire(&ns, &user, "2", &[&flags[..], &["--timeout=0"]].concat()).run();
    let expected = format!(
        "error: no slot of \"pool\" acquired: slot 0, which says how many there are, is being deleted and waits for its finalizers\n\
         See which: kubectl get lease pool-0 -n {} -o jsonpath='{{.metadata.finalizers}}'; no other slot is acquired before it is gone\n",
        ns.name()
    );
    said(&output, 124, "", &expected);
    let running = acquire(&ns, &user, "2", &flags).spawn();
    waits(&running);
    untouched(&ns, &before);
    assert_eq!(holders(&ns, 2), ["", ""]);
    go(&ns, "pool-0");
    let output = running.wait(SOON);
    ended(&output, 0, "lease.coordination.k8s.io/pool-0 acquired\n");
    let output = acquire(&ns, &user, "1", &["--holder=other", "--timeout=0"]).run();
    assert_eq!(output.code, Some(2), "{output}");
}

#[test]
fn one_that_is_being_deleted_is_not_made_to_say_how_many_there_are() {
    let (ns, user) = fresh();
    ns.create(&free("pool-0"));
    linger(&ns, "pool-0");
    let before = ns.get("pool-0").expect("it is there");
    let running = hold(&ns, &user, "2", "echo $KUBECTL_LEASE_SLOT").spawn();
    waits(&running);
    untouched(&ns, &before);
    assert_eq!(ns.get("pool-1"), None);
    go(&ns, "pool-0");
    ended(&running.wait(SOON), 0, "0\n");
}

#[test]
fn where_it_is_missing_who_has_another_slot_makes_it_again_free_and_keeps_that_one() {
    for lost in [false, true] {
        let (ns, user) = fresh();
        ns.create(&slot(held("pool-1", "me", 60), 3));
        let proxy = Proxy::to(ns.cluster());
        if lost {
            proxy.fault(Match::post(), Fault::DropReply, 1);
        }
        let flags = ["--holder=me", "--reenter", "--create", "--no-events"];
        let output = acquire(&ns, &user, "3", &flags).via(&proxy).run();
        ended(&output, 0, "lease.coordination.k8s.io/pool-1 acquired\n");
        assert_eq!(slots_of(&ns, 2, "me"), [1], "{output}");
        let first = stored(&ns, "pool-0");
        assert_eq!(first["metadata"]["annotations"]["kubectl-lease/slots"], "3");
        assert_eq!(first["metadata"]["labels"]["kubectl-lease/slot-of"], "pool");
    }
    // Whoever only waits for its own slot writes nothing.
    let (ns, user) = fresh();
    ns.create(&slot(held("pool-1", "me", 60), 3));
    let flags = ["--holder=me", "--create", "--timeout=0"];
    let output = acquire(&ns, &user, "3", &flags).run();
    assert_eq!(output.code, Some(124), "{output}");
    assert_eq!(ns.get("pool-0"), None);
}

#[test]
fn a_slot_is_not_held_to_be_deleted_by_any_of_its_signs() {
    for sign in ["annotations", "labels"] {
        let (ns, _) = pool(&[""], 60);
        let user = ns.user(&["get", "list", "watch", "create", "update", "delete"]);
        ns.edit("pool-0", |lease| {
            lease["metadata"][sign] = json!({});
        });
        let before = stored(&ns, "pool-0");
        let expected = format!(
            "error: lease \"pool-0\" is a slot of \"pool\": --cleanup would delete it, and with it the record of how many slots there are\n\
             Nothing was written. Hold it without --cleanup. To delete the slots, wait until all are free: kubectl lease status pool -n {} --slots\n",
            ns.name()
        );
        for more in [&[][..], &["--steal", "--yes"], &["--dry-run=client"]] {
            let words = [
                &["hold", "pool-0", "--cleanup"],
                more,
                &["--", "echo", "ran"],
            ]
            .concat();
            said(&ns.run(&user, words), 2, "", &expected);
            untouched(&ns, &before);
        }
        // Another's that would be stolen.
        ns.edit("pool-0", |lease| {
            lease["spec"]["holderIdentity"] = "ada".into();
            lease["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z".into();
            lease["spec"]["acquireTime"] = "2020-01-01T00:00:00.000000Z".into();
            lease["spec"]["leaseDurationSeconds"] = 60.into();
        });
        let before = stored(&ns, "pool-0");
        let words = "hold pool-0 --cleanup --steal --yes -- echo ran";
        said(&ns.run(&user, words.split(' ')), 2, "", &expected);
        untouched(&ns, &before);
    }
}

#[test]
fn a_lease_that_became_a_slot_while_it_was_held_is_not_deleted() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "list", "watch", "create", "update", "delete"]);
    let running = ns.command(&user, ["hold", "pool-0", "--create", "--cleanup"]);
    let running = running.own_console().spawn();
    running.wait_stdout(|line| line.ends_with("acquired"), SOON);
    let flags = ["--holder=other", "--create"];
    let output = acquire(&ns, &user, "2", &flags).run();
    ended(&output, 0, "lease.coordination.k8s.io/pool-1 acquired\n");
    running.interrupt();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    assert!(
        output
            .stderr
            .contains("lease \"pool-0\" is released and not deleted: it has become a slot, and says how many there are\n"),
        "{output}"
    );
    let first = stored(&ns, "pool-0");
    assert_eq!(first["metadata"]["annotations"]["kubectl-lease/slots"], "2");
    assert_eq!(holders(&ns, 2), ["", "other"]);
}
