//! `wait` for what is over: an expiry that a waiter makes use of at once, and a lease where there is no namespace.

use crate::support::{SOON, ended, fresh, held, holder, said, shared};

const MET: &str = "lease.coordination.k8s.io/job condition met\n";

#[test]
fn an_expiry_is_seen_though_whoever_waited_for_the_lease_takes_it_at_that_moment() {
    let (ns, user) = fresh();
    ns.create(&held("job", "gone", 3));
    let looks = ["wait", "job", "--for=expired", "--timeout=15s"];
    // Whoever comes first has proven it first.
    let queue = ["acquire", "job", "--holder=next", "--duration=60s"];
    let waiter = ns.spawn(&user, queue);
    waiter.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    let looking = ns.spawn(&user, looks);
    looking.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    ended(
        &waiter.wait(SOON),
        0,
        "lease.coordination.k8s.io/job acquired\n",
    );
    ended(&looking.wait(SOON), 0, MET);
    // A theft is none.
    let looks = ["wait", "job", "--for=expired", "--timeout=2s"];
    let looking = ns.spawn(&user, looks);
    looking.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    let steal = ["steal", "job", "--holder=thief", "--yes", "--now", "-q"];
    ended(&ns.run(&user, steal), 0, "");
    ended(&looking.wait(SOON), 124, "");
    assert_eq!(holder(&ns.get("job").expect("it is there")), "thief");
}

#[test]
fn nothing_is_deleted_where_there_is_no_namespace() {
    let ns = shared().namespace();
    let admin = ns.admin();
    let gone = ["wait", "job", "--for=deleted", "--timeout=0"];
    said(&ns.run(&admin, gone), 0, MET, "");
    let output = ns.command(&admin, gone).arg("--namespace=misspelt").run();
    assert_eq!(output.code, Some(1), "{output}");
    let missing = "Error from server (NotFound): namespaces \"misspelt\" not found\n";
    assert!(output.stderr.starts_with(missing), "{output}");
    assert_eq!(output.stdout, "");
}
