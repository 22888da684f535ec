//! `prune`: lists what expired long ago, deletes it once nobody can hold it any more, and nothing that is alive.

use crate::support::{
    SOON, ended, free, fresh, fresh_in_process, held, not_found, said, said_like, shared, untouched,
};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Namespace, Output, Proxy, Rule, User, lease};
use serde_json::{Value, json};
use std::time::Duration;

/// What pruning takes on either server.
pub const VERBS: [&str; 4] = ["get", "list", "update", "delete"];

pub const DAY: i64 = 86_400;

/// What is said where there is no stamp, or none that is worth anything.
pub const WATCHING: &str =
    "watching the leases for 1s: a holder that is alive renews in that time\n";

pub fn object(name: &str) -> String {
    format!("lease.coordination.k8s.io/{name}")
}

/// A server that is older than stamps are worth anything, whatever the suite runs on: there the holder's time is what a list goes
/// by, and only watching proves an expiry.
pub fn old() -> (Namespace, User) {
    let (ns, _) = if shared().is_real() {
        fresh()
    } else {
        fresh_in_process(Options {
            version: (1, 20),
            ..Options::default()
        })
    };
    let user = ns.user(&VERBS);
    (ns, user)
}

/// A server whose stamps prove what they say, a day and more after what was created so far.
pub fn later(ns: &Namespace, seconds: i64) {
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(seconds));
}

/// Renewed so long ago by the holder's own clock.
pub fn dead(name: &str, duration: i64, seconds: i64) -> Value {
    lease(name)
        .holder("ada")
        .duration(duration)
        .renewed_ago(seconds, 0)
        .build()
}

fn nothing(ns: &Namespace, than: &str) -> String {
    format!(
        "No leases to prune that expired more than {than} ago in {} namespace.\n",
        ns.name()
    )
}

fn names(output: &Output) -> Vec<&str> {
    output
        .stdout
        .lines()
        .map(|line| line.trim_start_matches("lease.coordination.k8s.io/"))
        .collect()
}

#[test]
fn what_expired_long_ago_is_listed_and_stays_until_it_is_to_be_deleted() {
    let (ns, user) = old();
    let leases = [
        ns.create(&dead("a-old", 1, 2 * DAY)),
        ns.create(&dead("b-yesterday", 1, DAY / 2)),
        ns.create(&dead("c-longer", DAY, DAY + 60)),
        ns.create(&held("d-held", "ada", 600)),
        ns.create(&free("e-free")),
        ns.create(&lease("f-endless").holder("ada").build()),
        ns.create(&dead("g-ahead", 1, -DAY)),
    ];
    let again = |flags: &str| format!("kubectl lease prune {flags} -n {} --yes\n", ns.name());
    let output = ns.run(&user, ["prune"]);
    assert_eq!(output.code, Some(0), "{output}");
    let rows: Vec<&str> = output
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(rows, ["NAME", "a-old"]);
    let hint = format!(
        "Nothing was deleted. To delete it: {}",
        again("--older-than 86400s")
    );
    assert_eq!(output.stderr, hint);
    for (words, expected) in [
        (&["--older-than=1h"][..], "a-old b-yesterday"),
        (&["--older-than=0"], "a-old b-yesterday c-longer"),
        (
            &[
                "--older-than=1h",
                "--class=lock",
                "--dry-run=client",
                "--yes",
            ],
            "a-old b-yesterday",
        ),
        (
            &[
                "--older-than=1h",
                "--field-selector=metadata.name=b-yesterday",
            ],
            "b-yesterday",
        ),
        (&["--older-than=1h", "--class=node"], ""),
        (
            &["--older-than=1h", "b-yesterday", "lease/a-old", "a-old"],
            "b-yesterday a-old",
        ),
        (&["--older-than=72h"], ""),
    ] {
        let words = ["prune", "-o", "name"].iter().chain(words);
        let output = ns.run(&user, words);
        assert_eq!(
            (output.code, names(&output).join(" ")),
            (Some(0), expected.to_owned()),
            "{output}"
        );
    }
    let output = ns.run(&user, ["prune", "-o", "json", "--older-than=1h"]);
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(list["items"][1]["metadata"]["name"], "b-yesterday");
    assert_eq!(list["items"][1]["kind"], "Lease");
    said(
        &ns.run(&user, ["prune", "--older-than=72h"]),
        0,
        "",
        &nothing(&ns, "3d"),
    );
    // The server is asked, and deletes nothing.
    let output = ns.run(&user, ["prune", "--dry-run=server"]);
    said(
        &output,
        0,
        &format!("{} pruned (server dry run)\n", object("a-old")),
        "",
    );
    // Each name has its own answer.
    let expected = not_found(&ns, "x")
        + "lease \"d-held\" is left: it has not expired\n"
        + &hint.replace("prune", "prune x d-held a-old");
    let output = ns.run(&user, ["prune", "x", "d-held", "a-old", "-oname"]);
    said(&output, 121, &format!("{}\n", object("a-old")), &expected);
    let why = "lease \"b-yesterday\" is left: it has not expired more than 24h ago\n\
               lease \"e-free\" is left: nobody holds it, and free leases are not pruned\n\
               lease \"f-endless\" is left: it is held without an expiry\n";
    let output = ns.run(&user, ["prune", "b-yesterday", "e-free", "f-endless"]);
    said(&output, 0, "", why);
    for lease in &leases {
        untouched(&ns, lease);
    }
    let proxy = Proxy::to(ns.cluster());
    let output = ns
        .command(&user, ["prune", "--older-than=1h", "--yes"])
        .via(&proxy)
        .run();
    let pruned = format!(
        "{} pruned\n{} pruned\n",
        object("a-old"),
        object("b-yesterday")
    );
    said(&output, 0, &pruned, WATCHING);
    assert!(output.elapsed >= Duration::from_secs(1), "{output}");
    for request in proxy
        .requests()
        .iter()
        .filter(|request| request.method == "DELETE")
    {
        let lease = leases.iter().find(|lease| {
            request
                .path
                .ends_with(lease["metadata"]["name"].as_str().expect("a name"))
        });
        let metadata = &lease.expect("one of ours")["metadata"];
        let expected =
            json!({ "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] });
        assert_eq!(request.json()["preconditions"], expected);
    }
    assert_eq!((ns.get("a-old"), ns.get("b-yesterday")), (None, None));
    for lease in &leases[2..] {
        untouched(&ns, lease);
    }
}

/// Its clock is two days behind, so that each renewal looks like an old one.
#[test]
fn what_would_have_to_be_watched_for_too_long_is_left_at_once() {
    let (ns, user) = old();
    let before = ns.create(&dead("job", 3600, 2 * DAY));
    let output = ns.run(&user, ["prune", "--yes"]);
    let expected = format!(
        "error: lease \"job\" is left: only watching it for 3600s proves that nobody renews it\n\
         Give it the time with --timeout 3600s. What is known of it: kubectl lease status job -n {}\n",
        ns.name()
    );
    said(&output, 124, "", &expected);
    assert!(output.elapsed < SOON);
    untouched(&ns, &before);
}

#[test]
fn what_the_control_plane_keeps_is_pruned_only_where_it_is_named() {
    let (ns, _) = fresh_in_process(Options::default());
    let server = ns.cluster().api_server().expect("in-process");
    let put = |namespace: &str, name: &str, edit: &dyn Fn(&mut Value)| {
        let mut lease = held(name, "x", 1);
        lease["metadata"]["namespace"] = namespace.into();
        edit(&mut lease);
        server.seed(lease);
    };
    let same = |_: &mut Value| ();
    put(ns.name(), "mine", &same);
    put(ns.name(), "elected", &|lease| {
        lease["spec"]["strategy"] = "OldestEmulationVersion".into()
    });
    put("kube-system", "controller", &same);
    put("kube-system", "apiserver", &|lease| {
        lease["metadata"]["labels"] =
            json!({ "apiserver.kubernetes.io/identity": "kube-apiserver" });
    });
    put("kube-node-lease", "here", &same);
    put("kube-node-lease", "gone", &same);
    ns.cluster().create_node("here");
    later(&ns, 2 * DAY);
    let admin = ns.admin();
    let there = |namespace: &str, name: &str| server.lease(namespace, name).is_some();
    let output = ns.run(&admin, ["prune", "-A", "--yes"]);
    let mine = format!("{} pruned from {} namespace\n", object("mine"), ns.name());
    let left = "left: 2 in kube-node-lease (-n kube-node-lease looks there), 2 in kube-system (-n kube-system looks there), \
         1 of coordinated elections\n";
    said(&output, 0, &mine, &(left.to_owned() + WATCHING));
    // A context's own namespace is not a name in the command.
    for namespace in ["kube-system", "kube-node-lease"] {
        let mut config = ns.kubeconfig_json(&admin);
        config["contexts"][0]["context"]["namespace"] = namespace.into();
        let file = ns.file(namespace, config.to_string());
        let output = ns
            .command(&admin, ["prune", "--yes"])
            .kubeconfig(&file)
            .run();
        let expected = format!(
            "error: the namespace here is {namespace}, as the kubeconfig has it; to prune there, name it: \
             kubectl lease prune --older-than 86400s -n {namespace}\n"
        );
        said(&output, 2, "", &expected);
    }
    let of_selector = [
        "prune",
        "-A",
        "-oname",
        "--field-selector=metadata.namespace=kube-system",
    ];
    assert_eq!(names(&ns.run(&admin, of_selector)), ["controller"]);
    let output = ns.run(&admin, ["prune", "-n", "kube-node-lease", "--yes"]);
    said(
        &output,
        0,
        &format!("{} pruned\n", object("gone")),
        &("left: 1 of Nodes that exist\n".to_owned() + WATCHING),
    );
    assert!(there("kube-node-lease", "here") && !there("kube-node-lease", "gone"));
    let output = ns.run(&admin, ["prune", "-n", "kube-system", "--yes"]);
    let left = "left: 1 of API servers (--class apiserver takes them)\n";
    said(
        &output,
        0,
        &format!("{} pruned\n", object("controller")),
        &(left.to_owned() + WATCHING),
    );
    let output = ns.run(
        &admin,
        ["prune", "-n", "kube-system", "--class=apiserver", "--yes"],
    );
    said(
        &output,
        0,
        &format!("{} pruned\n", object("apiserver")),
        WATCHING,
    );
    // Who may not see the Nodes leaves their heartbeats alone.
    let everywhere = |verbs: &[&str]| Rule::leases(verbs).everywhere();
    let user = ns.user_with(&[everywhere(&["list", "delete", "update"])]);
    let output = ns.run(&user, ["prune", "-n", "kube-node-lease", "--yes"]);
    let unseen =
        "error: no permission to list nodes: heartbeats are left whose Nodes may exist: 1\n…\n";
    said_like(&output, 1, "", unseen);
    assert!(there("kube-node-lease", "here"));
}

#[test]
fn who_may_not_delete_is_told_and_a_lost_reply_is_looked_into() {
    let (ns, user) = old();
    let before = ns.create(&dead("job", 1, 2 * DAY));
    let lister = ns.user(&["list"]);
    let output = ns.run(&lister, ["prune", "--yes"]);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("--verb=list,delete"), "{output}");
    untouched(&ns, &before);
    let proxy = Proxy::to(ns.cluster());
    let deletion = || Match::when(|request| request.method == "DELETE");
    proxy.fault(deletion(), Fault::DropReply, 1);
    let output = ns.command(&user, ["prune", "--yes"]).via(&proxy).run();
    ended(&output, 0, &format!("{} pruned\n", object("job")));
    assert_eq!(ns.get("job"), None);
    let output = ns.run(&ns.user(&["get"]), ["prune"]);
    ended(&output, 1, "");
}

#[test]
fn an_interruption_leaves_what_was_not_yet_deleted() {
    let (ns, user) = old();
    let before = ns.create(&dead("job", 60, 2 * DAY));
    let running = ns.command(&user, ["prune", "--yes"]);
    let running = running.own_console().spawn();
    running.wait_stderr(|line| line.starts_with("watching the leases"), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    ended(&output, 130, "");
    assert!(
        output.stderr.ends_with("interrupted: 0 of 1 were pruned\n"),
        "{output}"
    );
    untouched(&ns, &before);
}
