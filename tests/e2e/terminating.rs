//! A Lease that is being deleted and waits for a finalizer.

use crate::support::{SOON, fresh, held, holder, said, stored, transitions, untouched};
use serde_json::json;

#[test]
fn a_terminating_lease_is_its_holders_until_it_is_gone_and_is_then_created_anew() {
    let (ns, user) = fresh();
    let mut lease = held("job", "other", 60);
    lease["metadata"]["finalizers"] = json!(["example.com/wait"]);
    ns.create(&lease);
    ns.delete("job");
    let before = stored(&ns, "job");
    let waits = "it is being deleted and waits for its finalizers\n";
    let output = ns.run(&user, ["steal", "job", "--holder=me", "--yes"]);
    let expected = format!(
        "error: lease \"job\" is being deleted and waits for its finalizers\n\
         See which: kubectl get lease job -n {} -o jsonpath='{{.metadata.finalizers}}'\n",
        ns.name()
    );
    said(&output, 1, "", &expected);
    untouched(&ns, &before);
    for (subcommand, verb) in [("renew", "renewed"), ("release", "released")] {
        let output = ns.run(&user, [subcommand, "job", "--holder=other"]);
        let stdout = format!("lease.coordination.k8s.io/job {verb}\n");
        said(&output, 0, &stdout, "");
    }
    // Not even when it is free.
    let acquire = ["acquire", "job", "--holder=me", "--create"];
    let output = ns.command(&user, acquire).arg("--timeout=0").run();
    let expected = format!("error: lease \"job\" not acquired: {waits}");
    said(&output, 124, "", &expected);
    let running = ns.spawn(&user, acquire);
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    ns.edit("job", |lease| lease["metadata"]["finalizers"] = json!([]));
    let stdout = "lease.coordination.k8s.io/job acquired\n";
    let expected = format!("waiting for lease \"job\": {waits}");
    said(&running.wait(SOON), 0, stdout, &expected);
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 1));
    assert_ne!(lease["metadata"]["uid"], before["metadata"]["uid"]);
}
