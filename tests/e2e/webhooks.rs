//! Servers that say no for reasons of their own, and admission webhooks that change what is sent: no hammering, no false
//! success, and the reason is named.

use std::time::Duration;

use crate::support::{fresh, held, stored};
use lease_harness::{Fault, Match, Namespace, Output, Proxy, User};
use serde_json::{Value, json};

const COMMANDS: [&[&str]; 4] = [
    &["release", "job", "--holder=me", "--timeout=3s"],
    &["renew", "job", "--holder=me", "--timeout=3s"],
    &["acquire", "job", "--holder=me", "--timeout=3s", "--reenter"],
    &[
        "hold",
        "job",
        "--holder=other",
        "--timeout=3s",
        "--",
        "true",
    ],
];

/// Through a proxy with this fault; what was said, and how many requests were sent.
fn through(ns: &Namespace, user: &User, fault: &Fault, words: &[&str]) -> (Output, usize) {
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), fault.clone(), usize::MAX);
    let output = ns.command(user, words).via(&proxy).run();
    (output, proxy.requests().len())
}

#[test]
fn a_server_that_says_no_to_every_write_is_asked_a_few_times_until_the_timeout_and_quoted() {
    let says = Fault::status(409, "Conflict", "the policy says no");
    let gone = Fault::status(
        404,
        "NotFound",
        "leases.coordination.k8s.io \"job\" not found",
    );
    for (fault, words) in [
        (says, "the policy says no"),
        (gone, "\"job\" not found"),
        (Fault::Echo, "stored nothing"),
    ] {
        let (ns, user) = fresh();
        for command in COMMANDS {
            let holder = if command[0] == "hold" { "" } else { "me" };
            ns.create(&held("job", holder, 60));
            let (output, sent) = through(&ns, &user, &fault, command);
            assert!(matches!(output.code, Some(1 | 124)), "{output}");
            assert!(output.stderr.contains(words), "{words:?}: {output}");
            assert!(sent < 25, "{command:?}: {sent} requests in 3 s");
            assert!(output.elapsed < Duration::from_secs(8), "{output}");
            ns.delete("job");
        }
    }
}

#[test]
fn with_a_timeout_of_0_a_server_that_says_no_is_asked_once_or_twice() {
    let says = Fault::status(409, "Conflict", "the policy says no");
    for command in COMMANDS {
        let (ns, user) = fresh();
        let holder = if command[0] == "hold" { "" } else { "me" };
        ns.create(&held("job", holder, 60));
        let command: Vec<&str> = command
            .iter()
            .map(|word| {
                if *word == "--timeout=3s" {
                    "--timeout=0"
                } else {
                    word
                }
            })
            .collect();
        let (output, sent) = through(&ns, &user, &says, &command);
        assert!(matches!(output.code, Some(1 | 124)), "{output}");
        assert!(output.stderr.contains("the policy says no"), "{output}");
        // The last is a look at what became of the write: a conflict may be the answer to another.
        assert!(sent <= 7, "{command:?}: {sent} requests");
    }
}

fn prefixed(object: &mut Value) {
    let holder = object["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default();
    if !holder.is_empty() {
        object["spec"]["holderIdentity"] = json!(format!("team-{holder}"));
    }
}

#[test]
fn another_holder_than_asked_for_is_no_success_and_holds_nothing() {
    for words in [
        &["acquire", "job", "--holder=me"][..],
        &["steal", "job", "--holder=me", "--yes"],
        &["hold", "job", "--holder=me", "--", "echo", "ran"],
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "", 60));
        let (output, _) = through(&ns, &user, &Fault::Alter(prefixed), words);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{output}"
        );
        let named = "holderIdentity \"team-me\" instead of \"me\" (an admission webhook?)";
        assert!(output.stderr.contains(named), "{output}");
        assert_eq!(ns.holder("job").as_deref().unwrap_or(""), "", "{output}");
    }
}

#[test]
fn a_lease_created_for_another_holder_than_asked_for_is_freed_and_an_error() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::post(), Fault::Alter(prefixed), usize::MAX);
    for words in [
        &["create", "one", "--holder=me"][..],
        &["acquire", "two", "--holder=me", "--create"],
    ] {
        let output = ns.command(&user, words).via(&proxy).run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{output}"
        );
        assert!(
            output.stderr.contains("\"team-me\" instead of \"me\""),
            "{output}"
        );
        assert_eq!(ns.holder(words[1]).as_deref().unwrap_or(""), "", "{output}");
    }
}

#[test]
fn a_renewal_stored_otherwise_than_it_was_sent_is_no_success() {
    type Change = fn(&mut Value);
    let changes: [(Change, i32, &str); 3] = [
        (prefixed, 123, "holderIdentity \"team-me\""),
        (
            |o| o["spec"]["leaseDurationSeconds"] = json!(2),
            123,
            "leaseDurationSeconds 2 instead of 60",
        ),
        (
            |o| o["spec"]["renewTime"] = json!("2020-01-01T00:00:00.000000Z"),
            1,
            "renewTime",
        ),
    ];
    for (change, code, words) in changes {
        let (ns, user) = fresh();
        ns.create(&held("job", "me", 60));
        let renew = ["renew", "job", "--holder=me"];
        let (output, sent) = through(&ns, &user, &Fault::Alter(change), &renew);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(code), ""),
            "{output}"
        );
        assert!(output.stderr.contains(words), "{output}");
        assert_eq!(sent, 2);
    }
}

#[test]
fn a_release_after_which_somebody_holds_it_is_no_success() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let keeper = Fault::Alter(|object| object["spec"]["holderIdentity"] = json!("keeper"));
    let (output, sent) = through(&ns, &user, &keeper, &["release", "job", "--holder=me"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    assert!(output.stderr.contains("--holder keeper"), "{output}");
    assert_eq!(sent, 2);
}

#[test]
fn labels_and_other_ways_to_write_a_time_are_no_alteration() {
    fn harmless(object: &mut Value) {
        object["metadata"]["labels"]["team"] = json!("a");
        object["metadata"]["annotations"]["seen"] = json!("yes");
    }
    let (ns, user) = fresh();
    ns.create(&held("job", "", 60));
    for words in [
        &["acquire", "job", "--holder=me"][..],
        &["renew", "job", "--holder=me"],
        &["release", "job", "--holder=me"],
    ] {
        let (output, _) = through(&ns, &user, &Fault::Alter(harmless), words);
        assert_eq!(output.code, Some(0), "{output}");
        assert!(!output.stderr.contains("webhook"), "{output}");
    }
    assert_eq!(stored(&ns, "job")["metadata"]["labels"]["team"], "a");
}

#[test]
fn a_reason_that_is_dropped_is_named_and_the_grant_counts() {
    for words in [
        &["acquire", "job", "--holder=me", "--reason=night run"][..],
        &["steal", "job", "--holder=me", "--reason=night run", "--yes"],
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "", 60));
        let strips = |object: &mut Value| object["metadata"]["annotations"] = json!(null);
        let (output, _) = through(&ns, &user, &Fault::Alter(strips), words);
        assert_eq!(output.code, Some(0), "{output}");
        let named = "the server stored no annotation kubectl-lease/reason instead of \"night run\" (an admission webhook?); going by what is stored\n";
        assert!(output.stderr.contains(named), "{output}");
        assert_eq!(ns.holder("job").as_deref(), Some("me"), "{output}");
    }
}
