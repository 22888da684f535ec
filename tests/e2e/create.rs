//! `create`: what it stores, says and leaves alone.

use crate::support::{VERBS, free, fresh, fresh_in_process, said, said_like, shared, stored};
use lease_harness::lease_api_server::Options;
use lease_harness::{Command, Fault, Match, Namespace, Proxy, User};
use serde_json::json;

fn created(name: &str) -> String {
    format!("lease.coordination.k8s.io/{name} created\n")
}

#[test]
fn a_lease_is_created_free_for_a_minute_or_as_the_flags_say() {
    let (ns, user) = fresh();
    said(
        &ns.run(&user, ["create", "plain"]),
        0,
        &created("plain"),
        "",
    );
    let expected = json!({ "leaseDurationSeconds": 60, "leaseTransitions": 0 });
    assert_eq!(stored(&ns, "plain")["spec"], expected);
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
    said(&ns.run(&user, arguments), 0, &created("job"), "");
    let lease = stored(&ns, "job");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 90);
    assert_eq!(lease["spec"]["holderIdentity"], "me");
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    assert_eq!(lease["spec"]["acquireTime"], lease["spec"]["renewTime"]);
    let labels = json!({ "a": "b", "c": "", "app.example.com/part": "db" });
    assert_eq!(lease["metadata"]["labels"], labels);
    let annotations = json!({ "note": "x y", "kubectl-lease/reason": "night run" });
    assert_eq!(lease["metadata"]["annotations"], annotations);
    // Not in the namespace of the kubeconfig, where another is named.
    let other = shared().namespace();
    let user = other.user(&VERBS);
    let elsewhere = ["create", "there", "-n", other.name()];
    said(&ns.run(&user, elsewhere), 0, &created("there"), "");
    assert!(ns.get("there").is_none() && other.get("there").is_some());
    let (ns, user) = fresh();
    let before = ns.create(&free("job"));
    let error = "Error from server (AlreadyExists): leases.coordination.k8s.io \"job\" already exists\n\
                 To leave it as it is, give --ignore-existing; to look at it: kubectl lease status job -n …\n";
    for call in [
        &["create", "job"][..],
        &["create", "job", "--dry-run=server"],
    ] {
        said_like(&ns.run(&user, call), 1, "", error);
    }
    let create = ["create", "job", "--duration=5", "--ignore-existing"];
    let unchanged = "lease.coordination.k8s.io/job unchanged\n";
    said(&ns.run(&user, create), 0, unchanged, "");
    let shown = ns.command(&user, create).arg("-ojson").run();
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    assert_eq!(shown["spec"], before["spec"]);
    assert_eq!(stored(&ns, "job"), before);
}

#[test]
fn a_dry_run_stores_nothing_and_one_at_the_client_sends_nothing() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let run = |flags: &[&str]| {
        let words = ["create", "job"].iter().chain(flags);
        ns.command(&user, words).via(&proxy).run()
    };
    let done = "lease.coordination.k8s.io/job created (dry run)\n";
    said(&run(&["--dry-run"]), 0, done, "");
    said(&run(&["--dry-run=client"]), 0, done, "");
    let expected = format!(
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n  labels:\n    a: b\n  name: job\n  namespace: {}\nspec:\n  leaseDurationSeconds: 60\n  leaseTransitions: 0\n",
        ns.name()
    );
    said(
        &run(&["--dry-run=client", "-oyaml", "-l", "a=b"]),
        0,
        &expected,
        "",
    );
    assert_eq!(proxy.requests().len(), 0);
    let done = "lease.coordination.k8s.io/job created (server dry run)\n";
    said(&run(&["--dry-run=server"]), 0, done, "");
    assert!(ns.get("job").is_none());
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
fn a_coordinated_election_is_recorded_and_what_the_server_drops_of_it_named() {
    let (ns, user) = older();
    for flag in [None, Some("--dry-run=server"), Some("--holder=x")] {
        let output = ns.run(&user, COORDINATED.into_iter().chain(flag));
        let expected =
            format!("error: lease \"job\" not created: in a dry run {DROPPED}\n{NEEDS}\n");
        said(&output, 1, "", &expected);
        assert!(ns.get("job").is_none());
    }
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
    // As an admission webhook does.
    let strips = |lease: &mut serde_json::Value| lease["metadata"]["labels"] = json!(null);
    proxy.fault(Match::post(), Fault::Alter(strips), 1);
    let labelled = ["create", "labelled", "-l", "a=b"];
    let output = ns.command(&user, labelled).via(&proxy).run();
    let expected = format!(
        "error: lease \"labelled\" was created, but not as asked for: the server stored no label a instead of \"b\" (an admission webhook?)\n\
         List the webhooks: kubectl get mutatingwebhookconfigurations. To delete it: kubectl delete lease labelled -n {}\n",
        ns.name()
    );
    said(&output, 1, "", &expected);
    // In-process only: the real server of the suite is older than these fields.
    let (ns, user): (_, User) = fresh_in_process(Options::default());
    said(&ns.run(&user, COORDINATED), 0, &created("job"), "");
    let lease = stored(&ns, "job");
    assert_eq!(lease["spec"]["strategy"], "OldestEmulationVersion");
    assert_eq!(lease["spec"]["preferredHolder"], "me");
}
