//! `acquire` where the answer is known at once: free, held, absent, or refused. Waiting is in `waiting`.

use crate::support::{
    VERBS, forbidden, free, fresh, fresh_in_process, held, holder, not_acquired, not_found_to_take,
    said, shared, stored, transitions, untouched,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Proxy, Rule, lease};
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
    said(
        &ns.run(&user, ["acquire", "job", "--holder=me"]),
        0,
        ACQUIRED,
        "",
    );
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
    assert_eq!(after["spec"]["leaseDurationSeconds"], 77);
    assert_eq!(after["spec"]["acquireTime"], after["spec"]["renewTime"]);
    for field in ["uid", "labels", "annotations", "finalizers"] {
        assert_eq!(
            after["metadata"][field], before["metadata"][field],
            "{field}"
        );
    }
}

#[test]
fn a_lease_without_duration_or_transitions_gets_a_minute_and_counts_one() {
    let (ns, user) = fresh();
    ns.create(&lease("job").build());
    said(
        &ns.run(&user, ["acquire", "job", "--holder=me"]),
        0,
        ACQUIRED,
        "",
    );
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 1));
    assert_eq!(after["spec"]["leaseDurationSeconds"], 60);
}

#[test]
fn the_times_of_a_free_lease_do_not_matter() {
    let (ns, user) = fresh();
    ns.create(
        &lease("job")
            .holder("")
            .duration(60)
            .renewed_ago(0, 3600)
            .build(),
    );
    said(
        &ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]),
        0,
        ACQUIRED,
        "",
    );
}

#[test]
fn duration_and_reason_are_recorded_and_an_older_reason_is_cleared() {
    let (ns, user) = fresh();
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
    assert_eq!(
        lease["metadata"]["annotations"],
        json!({ "kubectl-lease/reason": "migration" })
    );
    let again = ["acquire", "job", "--holder=me", "--reenter"];
    said(&ns.run(&user, again), 0, ACQUIRED, "");
    let lease = stored(&ns, "job");
    assert_eq!(lease["metadata"].get("annotations"), None);
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 600);
}

#[test]
fn an_absent_lease_is_not_found_and_create_is_named() {
    let (ns, user) = fresh();
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    said(&output, 121, "", &not_found_to_take(&ns, "job"));
    assert!(ns.get("job").is_none());
}

#[test]
fn create_makes_an_absent_lease_already_held() {
    let (ns, user) = fresh();
    let output = ns.run(
        &user,
        ["acquire", "job", "--holder=me", "--create", "--duration=30"],
    );
    said(&output, 0, ACQUIRED, "");
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 1));
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 30);
}

#[test]
fn create_takes_a_lease_that_is_there_as_it_is() {
    let (ns, user) = fresh();
    let before = ns.create(&free("job"));
    said(
        &ns.run(&user, ["acquire", "job", "--holder=me", "--create"]),
        0,
        ACQUIRED,
        "",
    );
    let after = stored(&ns, "job");
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(transitions(&after), 4);
}

#[test]
fn create_that_is_overtaken_by_another_reads_again() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let absent = Fault::status(404, "NotFound", "leases \"job\" not found");
    proxy.fault(Match::get(), absent, 1);
    let output = ns
        .command(
            &user,
            ["acquire", "job", "--holder=me", "--create", "--timeout=0"],
        )
        .via(&proxy)
        .run();
    let obstacle = "held by \"other\" for at most 60s more unless renewed";
    said(&output, 124, "", &not_acquired(&ns, "job", obstacle));
    untouched(&ns, &before);
}

#[test]
fn without_permission_to_create_create_names_the_role() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "update"]);
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--create"]);
    said(
        &output,
        1,
        "",
        &forbidden(&ns, &user, "create", Some("job"), "acquire --create"),
    );
    assert!(ns.get("job").is_none());
}

#[test]
fn without_permission_to_get_the_role_is_named() {
    let (ns, _) = fresh();
    let user = ns.user(&["update"]);
    let before = ns.create(&free("job"));
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    said(
        &output,
        1,
        "",
        &forbidden(&ns, &user, "get", Some("job"), "acquire"),
    );
    untouched(&ns, &before);
}

#[test]
fn without_permission_to_update_the_role_is_named_and_nothing_is_retried() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "list", "watch"]);
    let before = ns.create(&free("job"));
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    said(
        &output,
        1,
        "",
        &forbidden(&ns, &user, "update", Some("job"), "acquire"),
    );
    untouched(&ns, &before);
}

#[test]
fn get_and_update_of_one_name_are_enough_for_a_free_lease() {
    let (ns, _) = fresh();
    let user = ns.user_with(&[Rule::leases(&["get", "update"]).named(&["job"])]);
    ns.create(&free("job"));
    said(
        &ns.run(&user, ["acquire", "job", "--holder=me"]),
        0,
        ACQUIRED,
        "",
    );
}

#[test]
fn a_namespace_that_does_not_exist_is_named_with_and_without_create() {
    let ns = shared().namespace();
    for flags in [&["--timeout=0"][..], &["--create"]] {
        let command = ns.command(
            &ns.admin(),
            ["acquire", "job", "-n", "nowhere", "--holder=me"],
        );
        let output = flags.iter().fold(command, |c, flag| c.arg(flag)).run();
        said(
            &output,
            1,
            "",
            "Error from server (NotFound): namespaces \"nowhere\" not found\n\
             Choose another with -n, or create it: kubectl create namespace nowhere\n",
        );
    }
}

#[test]
fn a_lease_of_another_is_not_acquired_in_time_zero() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 15));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    let obstacle = "held by \"other\" for at most 15s more unless renewed";
    said(&output, 124, "", &not_acquired(&ns, "job", obstacle));
    untouched(&ns, &before);
}

#[test]
fn a_lease_of_another_without_duration_never_expires() {
    let (ns, user) = fresh();
    let before = ns.create(&lease("job").holder("other").renewed_ago(9999, 0).build());
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    let obstacle = "held by \"other\" without an expiry: only release or steal ends it";
    said(&output, 124, "", &not_acquired(&ns, "job", obstacle));
    untouched(&ns, &before);
}

#[test]
fn the_conflict_exit_code_replaces_124_and_no_other() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 15));
    let run = |name: &str, flag: &str| {
        let acquire = ["acquire", name, "--holder=me", "--timeout=0", flag];
        ns.run(&user, acquire)
    };
    let obstacle = "held by \"other\" for at most 15s more unless renewed";
    let message = not_acquired(&ns, "job", obstacle);
    said(&run("job", "-E7"), 7, "", &message);
    said(&run("job", "--conflict-exit-code=0"), 0, "", &message);
    said(
        &run("absent", "-E7"),
        121,
        "",
        &not_found_to_take(&ns, "absent"),
    );
}

#[test]
fn a_lease_that_one_holds_already_is_not_granted_twice() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "me", 15));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    let expected = format!(
        "error: lease \"job\" not acquired: held by yourself already, for at most 15s more unless renewed\n\
         To keep it: kubectl lease renew job -n {} --holder me; to begin a new grant for the same identity give --reenter, for another give --holder or --unique\n",
        ns.name()
    );
    said(&output, 124, "", &expected);
    untouched(&ns, &before);
}

#[test]
fn reenter_begins_a_new_grant_for_the_same_identity_only() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "me", 15));
    let acquire = |holder: &str| {
        let flags = ["acquire", "job", "--reenter", "--timeout=0", "--holder"];
        ns.command(&user, flags).arg(holder).run()
    };
    said(&acquire("me"), 0, ACQUIRED, "");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
    assert_ne!(after["spec"]["acquireTime"], before["spec"]["acquireTime"]);
    assert_eq!(acquire("another").code, Some(124));
    untouched(&ns, &after);
}

#[test]
fn a_put_that_conflicts_is_decided_anew() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let conflict = Fault::status(409, "Conflict", "the object has been modified");
    proxy.fault(Match::put(), conflict, 2);
    let output = ns
        .command(&user, ["acquire", "job", "--holder=me", "--timeout=0"])
        .via(&proxy)
        .run();
    said(&output, 0, ACQUIRED, "");
    assert_eq!(transitions(&stored(&ns, "job")), 4);
    assert_eq!(proxy.requests().len(), 6);
}

#[test]
fn transitions_at_their_limit_are_refused_and_nothing_wraps() {
    let (ns, user) = fresh();
    let before = ns.create(
        &lease("job")
            .duration(60)
            .transitions(i64::from(i32::MAX))
            .build(),
    );
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    let expected = format!(
        "error: lease \"job\" has counted 2147483647 transitions, the most there can be\n\
         When nobody holds it, delete it and create it anew: kubectl delete lease job -n {}\n",
        ns.name()
    );
    said(&output, 1, "", &expected);
    untouched(&ns, &before);
    ns.edit("job", |lease| {
        lease["spec"]["leaseTransitions"] = json!(i32::MAX - 1);
    });
    said(
        &ns.run(&user, ["acquire", "job", "--holder=me"]),
        0,
        ACQUIRED,
        "",
    );
    assert_eq!(transitions(&stored(&ns, "job")), i64::from(i32::MAX));
}

/// In-process only: the real server of the suite is older than this field and drops it.
#[test]
fn a_lease_of_a_coordinated_election_is_refused() {
    let (ns, user) = fresh_in_process(Options::default());
    let before = ns.create(
        &lease("job")
            .spec("strategy", json!("OldestEmulationVersion"))
            .build(),
    );
    let expected = "error: lease \"job\" has strategy \"OldestEmulationVersion\": the control plane elects its holder\n\
                    It cannot be acquired or stolen; use a lease of your own.\n";
    for command in [["acquire", "job", "--holder=me"], ["steal", "job", "--yes"]] {
        said(&ns.run(&user, command), 1, "", expected);
    }
    untouched(&ns, &before);
}

#[test]
fn every_verb_is_enough_for_everything() {
    let (ns, _) = fresh();
    let user = ns.user(&VERBS);
    for (arguments, stdout) in [
        (&["create", "job"][..], "created"),
        (&["acquire", "job"], "acquired"),
        (&["renew", "job"], "renewed"),
        (&["check", "job"], "held"),
        (&["release", "job"], "released"),
        (&["steal", "job", "--yes"], "stolen"),
    ] {
        let output = ns
            .command(&user, arguments)
            .env("KUBECTL_LEASE_HOLDER", "me")
            .run();
        said(
            &output,
            0,
            &format!("lease.coordination.k8s.io/job {stdout}\n"),
            "",
        );
    }
}
