//! What is said to who steals what has its own way of being stopped, and what is advised where a steal would be refused.

use crate::other_clients::heartbeat;
use crate::support::{fresh, held, holder, stored};
use lease_harness::lease;
use serde_json::{Value, json};

fn terraforms() -> Value {
    let mut lock = lease("job").label("tfstate", "true").build();
    lock["spec"] = json!({ "holderIdentity": "1111" });
    lock["metadata"]["annotations"] = json!({ "app.terraform.io/lock-info": "{\"ID\":\"1111\"}" });
    lock
}

fn leader() -> Value {
    held("job", "pod-1_9ca3a9c7-610d-4b47-91bb-2d916d1307ed", 15)
}

#[test]
fn a_steal_is_advised_only_where_it_is_right_and_warned_of_where_it_stops_nobody() {
    for (object, goes_on, instead) in [
        (
            terraforms(),
            "nothing stops who has locked the state: an apply goes on",
            "If nobody works with that state any more: terraform force-unlock 1111   (tofu for OpenTofu)",
        ),
        (
            leader(),
            "its leader works on until it notices",
            "It elects a leader, who is best stopped by its own means (kubectl scale)",
        ),
    ] {
        let (ns, user) = fresh();
        ns.create(&object);
        let released = ns.run(&user, ["release", "job", "--holder=me"]);
        assert!(released.stderr.contains(instead), "{released}");
        let stolen = ns.run(&user, ["steal", "job", "--holder=me", "--yes", "--now"]);
        assert_eq!(stolen.code, Some(0), "{stolen}");
        let warning = format!("  warning: {goes_on}");
        assert!(stolen.stderr.contains(&warning), "{stolen}");
        assert!(
            stolen.stderr.contains(&format!("  {instead}\n")),
            "{stolen}"
        );
        assert_eq!(holder(&stored(&ns, "job")), "me");
    }
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let stolen = ns.run(&user, ["steal", "job", "--holder=me", "--yes", "--now"]);
    assert!(!stolen.stderr.contains("warning"), "{stolen}");
    // A node is drained by its name, which need not be its lease's.
    let (ns, user) = fresh();
    ns.create(&heartbeat());
    for call in [
        &["acquire", "job", "--timeout=0"][..],
        &["release", "job", "--holder=me"],
        &["steal", "job", "--yes"],
    ] {
        let output = ns.run(&user, call);
        let drain = ": kubectl drain node-a --ignore-daemonsets";
        assert!(output.stderr.contains(drain), "{output}");
    }
    for duration in [1, 600] {
        let (ns, user) = fresh();
        let mut exhausted = held("job", "ada", duration);
        exhausted["spec"]["leaseTransitions"] = json!(i32::MAX);
        if duration == 1 {
            exhausted["spec"]["leaseDurationSeconds"] = Value::Null;
        }
        ns.create(&exhausted);
        for call in [
            &["release", "job", "--holder=me"][..],
            &["renew", "job", "--holder=me"],
            &["check", "job", "--holder=me"],
            &["steal", "job", "--if-holder=other", "--yes"],
            &["acquire", "job", "--holder=me", "--timeout=0"],
            &["acquire", "job", "--holder=ada", "--timeout=0"],
            &["steal", "job", "--holder=me", "--yes", "--now"],
            &["status", "job"],
        ] {
            let output = ns.run(&user, call);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(!said.contains("kubectl lease steal"), "{call:?} {output}");
            assert!(!said.contains("--reenter"), "{call:?} {output}");
            let has_way = said.contains("delete it and create it again: kubectl delete lease job");
            let needs_none = call[0] == "status" && duration == 600 || said.contains("To keep it");
            assert!(has_way || needs_none, "{call:?} {output}");
        }
    }
}
