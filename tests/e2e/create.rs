//! `create`: what it stores, says and leaves alone.

use crate::support::{
    VERBS, forbidden, free, fresh, fresh_in_process, said, said_like, shared, stored,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Command, Fault, Match, Namespace, Proxy, User};
use serde_json::json;

const CREATED: &str = "lease.coordination.k8s.io/job created\n";

#[test]
fn a_lease_is_created_free_with_a_duration_of_a_minute() {
    let (ns, user) = fresh();
    said(&ns.run(&user, ["create", "job"]), 0, CREATED, "");
    let expected = json!({ "leaseDurationSeconds": 60, "leaseTransitions": 0 });
    assert_eq!(stored(&ns, "job")["spec"], expected);
}

#[test]
fn duration_holder_reason_labels_and_annotations_are_recorded() {
    let (ns, user) = fresh();
    let arguments = [
        "create",
        "job",
        "--duration=1m30s",
        "--holder=me",
        "--reason=night run",
        "--labels=a=b,app.example.com/part=db",
        "-l",
        "c=",
        "--annotations=note=x y",
    ];
    said(&ns.run(&user, arguments), 0, CREATED, "");
    let lease = stored(&ns, "job");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 90);
    assert_eq!(lease["spec"]["holderIdentity"], "me");
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    assert_eq!(lease["spec"]["acquireTime"], lease["spec"]["renewTime"]);
    assert_eq!(
        lease["metadata"]["labels"],
        json!({ "a": "b", "c": "", "app.example.com/part": "db" })
    );
    assert_eq!(
        lease["metadata"]["annotations"],
        json!({ "note": "x y", "kubectl-lease/reason": "night run" })
    );
}

#[test]
fn a_lease_that_exists_is_left_alone_and_named() {
    let (ns, user) = fresh();
    let before = ns.create(&free("job"));
    let error = "Error from server (AlreadyExists): leases.coordination.k8s.io \"job\" already exists\n\
                 To leave it as it is, give --ignore-existing; to look at it: kubectl lease status job -n …\n";
    said_like(&ns.run(&user, ["create", "job"]), 1, "", error);
    said_like(
        &ns.run(&user, ["create", "job", "--dry-run=server"]),
        1,
        "",
        error,
    );
    assert_eq!(stored(&ns, "job"), before);
}

#[test]
fn ignore_existing_succeeds_and_shows_the_one_that_is_there() {
    let (ns, user) = fresh();
    let before = ns.create(&free("job"));
    let create = ["create", "job", "--duration=5", "--ignore-existing"];
    said(
        &ns.run(&user, create),
        0,
        "lease.coordination.k8s.io/job unchanged\n",
        "",
    );
    let shown = ns.command(&user, create).arg("-ojson").run();
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    assert_eq!(shown["spec"], before["spec"]);
    assert_eq!(stored(&ns, "job"), before);
}

#[test]
fn a_dry_run_at_the_client_sends_nothing() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    for flag in ["--dry-run", "--dry-run=client"] {
        let output = ns.command(&user, ["create", "job", flag]).via(&proxy).run();
        said(
            &output,
            0,
            "lease.coordination.k8s.io/job created (dry run)\n",
            "",
        );
    }
    assert_eq!(proxy.requests().len(), 0);
    assert!(ns.get("job").is_none());
}

#[test]
fn a_dry_run_at_the_client_needs_no_kubeconfig_unless_a_flag_names_something_in_one() {
    let run = |list: &str, flags: &[&str]| {
        let words = ["create", "job", "--dry-run=client", "-o", "yaml"];
        let words = words.iter().chain(flags).copied();
        let command = Command::new(env!("CARGO_BIN_EXE_kubectl-lease"), words);
        command.kubeconfig(list).run()
    };
    for list in ["", "/nope", "/dev/null"] {
        for (flags, namespace) in [(&[][..], "default"), (&["-n", "team"], "team")] {
            let output = run(list, flags);
            assert_eq!(output.code, Some(0), "{output}");
            let line = format!("\n  namespace: {namespace}\n");
            assert!(output.stdout.contains(&line), "{output}");
        }
        let output = run(list, &["--context", "prod"]);
        assert_eq!(output.code, Some(1), "{output}");
    }
}

#[test]
fn a_dry_run_at_the_client_prints_the_record_it_would_send() {
    let (ns, user) = fresh();
    let output = ns.run(
        &user,
        [
            "create",
            "job",
            "--dry-run=client",
            "-o",
            "yaml",
            "-l",
            "a=b",
        ],
    );
    let expected = format!(
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n  labels:\n    a: b\n  name: job\n  namespace: {}\nspec:\n  leaseDurationSeconds: 60\n  leaseTransitions: 0\n",
        ns.name()
    );
    said(&output, 0, &expected, "");
}

#[test]
fn a_dry_run_at_the_server_is_checked_and_stores_nothing() {
    let (ns, user) = fresh();
    let output = ns.run(&user, ["create", "job", "--dry-run=server"]);
    said(
        &output,
        0,
        "lease.coordination.k8s.io/job created (server dry run)\n",
        "",
    );
    assert!(ns.get("job").is_none());
}

#[test]
fn without_permission_to_create_the_role_is_named() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "update"]);
    let output = ns.run(&user, ["create", "job"]);
    said(
        &output,
        1,
        "",
        &forbidden(&ns, &user, "create", None, "create"),
    );
    assert!(ns.get("job").is_none());
}

#[test]
fn a_namespace_that_does_not_exist_is_named() {
    let ns = shared().namespace();
    let output = ns.run(&ns.admin(), ["create", "job", "-n", "nowhere"]);
    said(
        &output,
        1,
        "",
        "Error from server (NotFound): namespaces \"nowhere\" not found\n\
         Choose another with -n, or create it: kubectl create namespace nowhere\n",
    );
}

#[test]
fn the_namespace_flag_chooses_another_namespace() {
    let (ns, other) = (shared().namespace(), shared().namespace());
    let user = other.user(&VERBS);
    let output = ns.run(&user, ["create", "job", "-n", other.name()]);
    said(&output, 0, CREATED, "");
    assert!(ns.get("job").is_none() && other.get("job").is_some());
}

/// In-process only: the real server of the suite is older than these fields and drops them.
#[test]
fn strategy_and_preferred_holder_are_recorded_for_a_coordinated_election() {
    let (ns, user): (_, User) = fresh_in_process(Options::default());
    let arguments = [
        "create",
        "job",
        "--strategy=OldestEmulationVersion",
        "--preferred-holder=me",
    ];
    said(&ns.run(&user, arguments), 0, CREATED, "");
    let lease = stored(&ns, "job");
    assert_eq!(lease["spec"]["strategy"], "OldestEmulationVersion");
    assert_eq!(lease["spec"]["preferredHolder"], "me");
}

const COORDINATED: [&str; 4] = [
    "create",
    "job",
    "--strategy=OldestEmulationVersion",
    "--preferred-holder=me",
];
const NEEDS: &str = "Coordinated elections need Kubernetes 1.31 or newer with the feature gate CoordinatedLeaderElection (kubectl version).";
const DROPPED: &str = "the server stored no preferredHolder instead of \"me\", no strategy instead of \"OldestEmulationVersion\" (an admission webhook?)";

/// A server that does not know these fields stores the rest without a word.
fn older() -> (Namespace, User) {
    if shared().is_real() {
        return fresh();
    }
    fresh_in_process(Options {
        version: (1, 20),
        ..Options::default()
    })
}

#[test]
fn fields_that_the_server_would_drop_are_named_and_nothing_is_created() {
    let (ns, user) = older();
    for flag in [None, Some("--dry-run=server"), Some("--holder=x")] {
        let output = ns.run(&user, COORDINATED.into_iter().chain(flag));
        let expected =
            format!("error: lease \"job\" not created: in a dry run {DROPPED}\n{NEEDS}\n");
        said(&output, 1, "", &expected);
        assert!(ns.get("job").is_none());
    }
}

#[test]
fn fields_that_the_server_dropped_are_named_where_it_tries_nothing_and_the_lease_with_them() {
    let (ns, user) = older();
    let proxy = Proxy::to(ns.cluster());
    let says = Fault::status(403, "Forbidden", "no dry runs here");
    proxy.fault(Match::post(), says, 1);
    let output = ns.command(&user, COORDINATED).via(&proxy).run();
    let expected = format!(
        "error: lease \"job\" was created, but not as asked for: {DROPPED}\n{NEEDS} To delete it: kubectl delete lease job -n {}\n",
        ns.name()
    );
    said(&output, 1, "", &expected);
    assert!(ns.get("job").is_some());
}

#[test]
fn a_label_that_a_webhook_removes_is_named_and_the_lease_with_it() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let strips = |lease: &mut serde_json::Value| lease["metadata"]["labels"] = json!(null);
    proxy.fault(Match::post(), Fault::Alter(strips), 1);
    let output = ns
        .command(&user, ["create", "job", "-l", "a=b"])
        .via(&proxy)
        .run();
    let expected = format!(
        "error: lease \"job\" was created, but not as asked for: the server stored no label a instead of \"b\" (an admission webhook?)\n\
         Which webhooks there are: kubectl get mutatingwebhookconfigurations. To delete it: kubectl delete lease job -n {}\n",
        ns.name()
    );
    said(&output, 1, "", &expected);
}
