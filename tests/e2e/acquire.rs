//! `acquire` where the answer is known at once: free, held, absent, or refused. Waiting is in `waiting`.

use crate::support::{
    free, fresh, held, holder, not_acquired, not_found_to_take, said, shared, stored, transitions,
    untouched,
};
use lease_harness::{Rule, lease};
use serde_json::json;

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

#[test]
fn a_free_lease_is_granted_and_everything_else_in_it_is_kept() {
    let (ns, user) = fresh();
    let mut before = lease("job")
        .holder("")
        .duration(77)
        .transitions(3)
        .label("a", "b")
        .annotation("note", "kept")
        .build();
    before["metadata"]["finalizers"] = json!(["example.com/kept"]);
    let before = ns.create(&before);
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    said(&output, 0, ACQUIRED, "");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
    assert_eq!(after["spec"]["leaseDurationSeconds"], 77);
    assert_eq!(after["spec"]["acquireTime"], after["spec"]["renewTime"]);
    for field in ["uid", "labels", "annotations", "finalizers"] {
        let (after, before) = (&after["metadata"][field], &before["metadata"][field]);
        assert_eq!(after, before, "{field}");
    }
    // Duration and reason are recorded, and an older reason is cleared.
    let (ns, _) = fresh();
    // The least permission for a Lease that is there.
    let user = ns.user_with(&[Rule::leases(&["get", "update"]).named(&["job"])]);
    ns.create(&free("job"));
    let first = [
        "acquire",
        "job",
        "--holder=me",
        "--duration=10m",
        "--reason=migration",
    ];
    said(&ns.run(&user, first), 0, ACQUIRED, "");
    let lease = stored(&ns, "job");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 600);
    let reason = json!({ "kubectl-lease/reason": "migration" });
    assert_eq!(lease["metadata"]["annotations"], reason);
    let again = ["acquire", "job", "--holder=me", "--reenter"];
    said(&ns.run(&user, again), 0, ACQUIRED, "");
    let lease = stored(&ns, "job");
    let anew = json!({ "kubectl-lease/regranted": "5" });
    assert_eq!(lease["metadata"]["annotations"], anew);
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 600);
}

#[test]
fn an_absent_lease_is_named_or_made_already_held_and_so_is_a_namespace() {
    let (ns, user) = fresh();
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    said(&output, 121, "", &not_found_to_take(&ns, "job"));
    assert!(ns.get("job").is_none());
    let create = ["acquire", "job", "--holder=me", "--create", "--duration=30"];
    said(&ns.run(&user, create), 0, ACQUIRED, "");
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 1));
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 30);
    let ns = shared().namespace();
    for call in [
        &["acquire", "job", "--holder=me", "--timeout=0"][..],
        &["acquire", "job", "--holder=me", "--create"],
        &["create", "job"],
    ] {
        let output = ns
            .command(&ns.admin(), call)
            .arg("--namespace=nowhere")
            .run();
        let expected = "Error from server (NotFound): namespaces \"nowhere\" not found\n\
             Choose another with -n, or create it: kubectl create namespace nowhere\n";
        said(&output, 1, "", expected);
    }
}

#[test]
fn a_lease_of_another_is_not_acquired_and_ones_own_only_by_reentering() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 15));
    let run = |name: &str, flags: &[&str]| {
        let acquire = ["acquire", name, "--holder=me", "--timeout=0"];
        ns.run(&user, acquire.iter().chain(flags))
    };
    let obstacle = "held by \"other\" for at most 15s more unless renewed";
    let message = not_acquired(&ns, "job", obstacle);
    for (flags, code) in [
        (&[][..], 124),
        (&["-E7"], 7),
        (&["--conflict-exit-code=0"], 0),
    ] {
        said(&run("job", flags), code, "", &message);
    }
    untouched(&ns, &before);
    let absent = not_found_to_take(&ns, "absent");
    said(&run("absent", &["-E7"]), 121, "", &absent);
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "me", 15));
    let acquire = |flags: &[&str]| {
        let words = ["acquire", "job", "--timeout=0"];
        ns.run(&user, words.iter().chain(flags))
    };
    let expected = format!(
        "error: lease \"job\" not acquired: already held by you, for at most 15s more unless renewed\n\
         To keep it: kubectl lease renew job -n {} --holder me; to begin a new grant for the same identity give --reenter, for another give --holder or --unique\n",
        ns.name()
    );
    said(&acquire(&["--holder=me"]), 124, "", &expected);
    untouched(&ns, &before);
    said(&acquire(&["--holder=me", "--reenter"]), 0, ACQUIRED, "");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
    assert_ne!(after["spec"]["acquireTime"], before["spec"]["acquireTime"]);
    let another = acquire(&["--holder=another", "--reenter"]);
    assert_eq!(another.code, Some(124), "{another}");
    untouched(&ns, &after);
}

#[test]
fn an_empty_reason_is_none() {
    let (ns, user) = crate::support::fresh();
    ns.create(&crate::support::held("job", "ada", 1));
    let words = ["steal", "job", "--holder=me", "--yes", "--now", "--reason="];
    assert_eq!(ns.run(&user, words).code, Some(0));
    let lease = crate::support::stored(&ns, "job");
    let keys = crate::support::annotations(&lease);
    assert_eq!(keys, ["kubectl-lease/previous"], "{lease}");
}
