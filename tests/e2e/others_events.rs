//! Kubernetes Events of what is done to the Leases of others: failed over, freed by force, stolen in bulk, pruned.

use crate::prune::{DAY, dead, old};
use crate::support::{SOON, held, holder, pass_to, shared};
use lease_harness::{Namespace, Output, Rule, User};

/// A namespace, and a user who may do all of it, record Events and see them.
fn recorded() -> (Namespace, User) {
    let ns = shared().namespace();
    let user = ns.user_with(&[
        Rule::leases(&["get", "list", "watch", "update", "delete"]),
        Rule::leases(&["create", "list"]).on(&["events"]),
    ]);
    (ns, user)
}

fn notes(ns: &Namespace, name: &str) -> Vec<String> {
    let all = ns.events(name);
    let text =
        |event: &serde_json::Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    all.iter()
        .map(|event| format!("{}: {}", text(event, "reason"), text(event, "note")))
        .collect()
}

#[track_caller]
fn well(output: Output) -> Output {
    assert_eq!(output.code, Some(0), "{output}");
    output
}

/// Lets `next` take the lease once it is free.
fn failed_over(ns: &Namespace, user: &User, flags: &[&str]) -> Output {
    let words = ["failover", "job", "--holder=me", "--yes", "--reason=drain"];
    let running = ns.spawn(user, words.iter().chain(flags));
    running.wait_stderr(|line| line.contains("has stepped down"), SOON);
    pass_to(ns, "job", "second");
    well(running.wait(SOON))
}

#[test]
fn a_failover_tells_from_whom_and_to_whom_and_the_lease_notes_it() {
    let (ns, user) = recorded();
    ns.create(&held("job", "first", 1));
    failed_over(&ns, &user, &[]);
    let expected = "LeaseFailedOver: failed over by \"me\" (reason: drain) from \"first\": \"second\" has taken over";
    assert_eq!(notes(&ns, "job"), [expected]);
    // Nobody has taken it.
    let (ns, user) = recorded();
    ns.create(&held("job", "first", 1));
    let words = ["failover", "job", "--holder=me", "--yes", "--timeout=0"];
    let output = ns.run(&user, words);
    assert_eq!(output.code, Some(124), "{output}");
    let expected =
        "LeaseFailedOver: failed over by \"me\" from \"first\": nobody has taken over yet";
    assert_eq!(notes(&ns, "job"), [expected]);
    let status = well(ns.run(&user, ["status", "job"]));
    assert!(status.stdout.contains("failed over by me"), "{status}");
    ns.edit("job", |lease| lease["spec"]["holderIdentity"] = "x".into());
    ns.run(&user, [&words[..], &["--no-events"]].concat());
    assert_eq!(notes(&ns, "job").len(), 1);
}

#[test]
fn a_failover_that_does_not_hand_over_tells_that_it_took_the_lease() {
    let (ns, user) = recorded();
    ns.create(&held("job", "first", 60));
    let running = ns.spawn(&user, ["failover", "job", "--holder=me", "--yes"]);
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    pass_to(&ns, "job", "third");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert_eq!(
        notes(&ns, "job"),
        ["LeaseStolen: stolen by \"me\" from \"first\""]
    );
}

#[test]
fn a_forced_release_tells_whose_it_was_and_why_and_the_lease_notes_it() {
    let (ns, user) = recorded();
    ns.create(&held("job", "ada", 60));
    let free = ["release", "job", "--holder=me", "--force", "--yes"];
    let reason = "--reason=laptop lost";
    well(ns.run(&user, [&free[..], &[reason]].concat()));
    let expected = "LeaseForceReleased: released by \"me\" (reason: laptop lost), who is not its holder: it was held by \"ada\"";
    assert_eq!(notes(&ns, "job"), [expected]);
    let status = well(ns.run(&user, ["status", "job"]));
    let line = "released by me, who was not its holder,";
    assert!(status.stdout.contains(line), "{status}");
    ns.create(&held("a", "bob", 60));
    ns.create(&held("b", "eve", 60));
    let many = ["release", "a", "b", "--holder=me", "--force", "--yes"];
    well(ns.run(&user, many));
    for (name, by) in [("a", "bob"), ("b", "eve")] {
        let expected = format!(
            "LeaseForceReleased: released by \"me\", who is not its holder: it was held by \"{by}\""
        );
        assert_eq!(notes(&ns, name), [expected]);
    }
    // What is one's own is no news, and neither is what is not to be told.
    ns.create(&held("own", "me", 60));
    well(ns.run(&user, ["release", "own", "--holder=me"]));
    ns.create(&held("quiet", "ada", 60));
    let quiet = [
        "release",
        "quiet",
        "--holder=me",
        "--force",
        "--yes",
        "--no-events",
    ];
    well(ns.run(&user, quiet));
    assert_eq!((notes(&ns, "own").len(), notes(&ns, "quiet").len()), (0, 0));
}

#[test]
fn each_that_is_stolen_in_bulk_is_told_of() {
    let (ns, user) = recorded();
    ns.create(&held("a", "ada", 60));
    ns.create(&held("b", "", 60));
    well(ns.run(&user, ["steal", "a", "b", "--holder=me", "--yes", "--now"]));
    assert_eq!(
        notes(&ns, "a"),
        ["LeaseStolen: stolen by \"me\" from \"ada\""]
    );
    assert_eq!(notes(&ns, "b"), ["LeaseAcquired: acquired by \"me\""]);
}

#[test]
fn what_is_pruned_is_told_of_and_a_dry_run_tells_nothing() {
    let (ns, _) = old();
    let user = ns.user_with(&[
        Rule::leases(&["get", "list", "update", "delete"]),
        Rule::leases(&["create"]).on(&["events"]),
    ]);
    ns.create(&dead("job", 1, 2 * DAY + 1800));
    let run = |flag: &str| {
        let command = ns.command(&user, ["prune", "job", flag]);
        well(command.env("KUBECTL_LEASE_HOLDER", "me").run())
    };
    run("--dry-run=server");
    run("--dry-run=client");
    assert_eq!(notes(&ns, "job").len(), 0);
    run("--yes");
    let expected = "LeasePruned: deleted by \"me\": expired for 2d, last held by \"ada\"";
    assert_eq!(notes(&ns, "job"), [expected]);
}

#[test]
fn a_failover_says_it_as_a_document_with_its_times() {
    let (ns, user) = recorded();
    let before = ns.create(&held("job", "first", 1));
    let output = failed_over(&ns, &user, &["-ojson"]);
    let document = crate::outcomes::read("Outcome", &output.stdout);
    assert_eq!(document["action"], "failedOver");
    assert_eq!(document["previous"]["holder"], "first");
    assert_eq!(document["before"]["spec"], before["spec"]);
    assert_eq!(document["grant"]["holder"], "second");
    assert_eq!(holder(&document["after"]), "second");
    assert!(
        document["waitedSeconds"].as_f64() > Some(0.5),
        "{document:#}"
    );
    assert!(document["vacantSeconds"].is_number(), "{document:#}");
}
