//! Several names in one call: each for itself, every error told, the first one's code.

use crate::support::{
    SOON, free, fresh, held, holder, methods, not_found, not_found_as_held, not_held_by_you,
    pass_to, said, stored,
};
use lease_harness::{Fault, Match, Namespace, Proxy, Rule};
use serde_json::Value;
use std::time::Duration;

fn names(all: &[&str]) -> String {
    let lines = all.iter();
    lines
        .map(|name| format!("lease.coordination.k8s.io/{name}\n"))
        .collect()
}

fn three(ns: &Namespace) {
    for name in ["a", "b", "c"] {
        ns.create(&held(name, "me", 60));
    }
}

#[test]
fn status_lists_the_leases_that_were_named_in_that_order_each_once_and_names_what_is_missing() {
    let (ns, user) = fresh();
    three(&ns);
    let status = |words: &str| ns.run(&user, std::iter::once("status").chain(words.split(' ')));
    let listed = names(&["c", "a"]);
    said(
        &status("c leases.coordination.k8s.io/a lease/c a -o name"),
        0,
        &listed,
        "",
    );
    // Unless another order is asked for.
    let sorted = names(&["a", "c"]);
    said(
        &status("c a -oname --sort-by=.metadata.name"),
        0,
        &sorted,
        "",
    );
    said(&status("c a -oname --sort-by=name"), 0, &sorted, "");
    said(
        &status("c a -o jsonpath={.items[*].metadata.name}"),
        0,
        "c a",
        "",
    );
    let columns = "c a -o custom-columns=N:.metadata.name --no-headers";
    said(&status(columns), 0, "c\na\n", "");
    let table = status("c a");
    let lines = table.stdout.lines();
    let first: Vec<_> = lines
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        (table.code, first),
        (Some(0), vec!["NAME", "c", "a"]),
        "{table}"
    );
    // As kubectl: whether it is a list is told by how many were asked for.
    for words in ["a a -ojson", "c gone -ojson", "c a -oyaml"] {
        let output = status(words);
        assert!(output.stdout.contains("LeaseStatusList"), "{output}");
    }
    // What to do about both is said once.
    let (first, second) = (not_found(&ns, "x"), not_found(&ns, "y"));
    let second = second.lines().next().unwrap_or_default();
    let missing = format!("{first}{second}\n");
    said(
        &status("x b y a -o name"),
        121,
        &names(&["b", "a"]),
        &missing,
    );
    said(
        &status("x b y -o name --ignore-not-found"),
        0,
        &names(&["b"]),
        "",
    );
    said(&status("x y -ojson --ignore-not-found"), 0, "", "");
    let output = status("x y -ojson");
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let expected = (Some(121), &Value::Array(Vec::new()));
    assert_eq!((output.code, &list["items"]), expected, "{output}");
    // Nor do those that may not be read hide the others.
    let user = ns.user_with(&[Rule::leases(&["get"]).named(&["b"])]);
    let output = ns.run(&user, ["status", "a", "b", "-o", "name"]);
    let result = (output.code, &output.stdout);
    assert_eq!(result, (Some(1), &names(&["b"])), "{output}");
    let forbidden = output.stderr.contains("Forbidden");
    assert!(forbidden && output.stderr.contains("\"a\""), "{output}");
    crate::usage::refused(&[
        (&["status", "a", "b", "-w"], "error: -w follows one lease, or all that -l, --field-selector and the other filters leave, and 2 are named".into()),
        (&["status", "a", "b", "c", "--exit-code"], "error: --exit-code tells the state of one lease, and 3 are named".into()),
    ]);
    let (ns, user) = fresh();
    for name in ["lease", "a"] {
        ns.create(&free(name));
    }
    for words in [
        &["status", "lease/lease", "a", "-oname"][..],
        &["status", "lease/lease", "lease/a", "-oname"],
    ] {
        said(&ns.run(&user, words), 0, &names(&["lease", "a"]), "");
    }
    said(
        &ns.run(&user, ["status", "lease", "-oname"]),
        0,
        &names(&["lease"]),
        "",
    );
}

#[test]
fn a_server_out_of_reach_is_told_once_with_what_was_left_out() {
    let (ns, user) = fresh();
    three(&ns);
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::any().path("/leases/b"), Fault::Refuse, usize::MAX);
    for subcommand in [&["status"][..], &["release", "--holder=me", "--timeout=0"]] {
        let words = subcommand
            .iter()
            .copied()
            .chain(["a", "b", "c", "-o", "name"]);
        let output = ns.command(&user, words).via(&proxy).run();
        assert_eq!(
            (output.code, &output.stdout),
            (Some(1), &names(&["a"])),
            "{output}"
        );
        assert_eq!(
            output.stderr.matches("no usable answer").count(),
            1,
            "{output}"
        );
        assert!(
            output
                .stderr
                .ends_with("error: not tried after that: \"c\"\n"),
            "{output}"
        );
    }
    assert_eq!(holder(&stored(&ns, "c")), "me");
}

#[test]
fn release_frees_what_is_ours_once_and_tells_of_each_other() {
    let (ns, user) = fresh();
    three(&ns);
    pass_to(&ns, "b", "other");
    let proxy = Proxy::to(ns.cluster());
    let release = |words: &str| {
        let words = ["release", "--holder=me"]
            .into_iter()
            .chain(words.split(' '));
        ns.command(&user, words).via(&proxy)
    };
    let output = release("a b gone lease/c lease/a").run();
    let errors = not_held_by_you(&ns, "b", "me", "other") + &not_found_as_held(&ns, "gone");
    let released = "lease.coordination.k8s.io/a released\nlease.coordination.k8s.io/c released\n";
    said(&output, 122, released, &errors);
    for (name, by) in [("a", ""), ("b", "other"), ("c", "")] {
        assert_eq!(holder(&stored(&ns, name)), by, "{name}");
    }
    let sent = proxy.requests();
    let puts = methods(&sent)
        .iter()
        .filter(|method| **method == "PUT")
        .count();
    assert_eq!(puts, 2);
    // A document of several is one list; and all are freed when nobody reads it.
    let again = |name: &str| ns.edit(name, |lease| lease["spec"]["holderIdentity"] = "me".into());
    again("a");
    again("c");
    let output = release("a gone c -ojson").run();
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let released = |at: usize| list["items"][at]["metadata"]["name"].as_str();
    let listed = (list["kind"].as_str(), released(0), released(1), released(2));
    assert_eq!(
        listed,
        (Some("OutcomeList"), Some("a"), Some("c"), None),
        "{output}"
    );
    assert_eq!(output.code, Some(121), "{output}");
    again("a");
    again("c");
    let output = release("a c").stdout(lease_harness::Outlet::Broken).run();
    said(&output, 0, "", "");
    assert_eq!(holder(&stored(&ns, "c")), "");
}

#[test]
fn a_wait_tells_in_every_format_what_was_met_before_it_was_interrupted() {
    let (ns, user) = fresh();
    ns.create(&free("a"));
    ns.create(&held("b", "ada", 60));
    for format in ["name", "json", "jsonpath={.items[*].metadata.name}"] {
        // Only its trace tells that the other is met: a list is printed at the end.
        let words = ["wait", "b", "a", "--for=free", "-v", "-o", format];
        let running = ns.command(&user, words).own_console().spawn();
        running.wait_stderr(|line| line.contains("waiting for lease \"b\""), SOON);
        running.wait_stderr(|line| line.ends_with("decided: Met"), SOON);
        running.interrupt();
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(130), "{output}");
        let told = match format {
            "name" => output.stdout == "lease.coordination.k8s.io/a\n",
            "json" => serde_json::from_str::<Value>(&output.stdout)
                .is_ok_and(|list| list["items"][0]["metadata"]["name"] == "a"),
            _ => output.stdout.trim_end() == "a",
        };
        assert!(told, "{format}: {output}");
    }
}

#[test]
fn of_a_wait_for_several_the_first_that_was_named_and_fails_has_the_status_whichever_is_known_sooner()
 {
    let (ns, user) = fresh();
    ns.create(&held("a", "ada", 60));
    for (names, code) in [(["a", "x"], 124), (["x", "a"], 121)] {
        for slow in names {
            let proxy = Proxy::to(ns.cluster());
            let path = format!("/leases/{slow}");
            let delay = Fault::DelayReply(Duration::from_millis(400));
            proxy.fault(Match::when(move |one| one.path.ends_with(&path)), delay, 1);
            let words = ["wait", names[0], names[1], "--for=free", "--timeout=0"];
            let output = ns.command(&user, words).via(&proxy).run();
            assert_eq!(output.code, Some(code), "{slow} is slow: {output}");
            // Each is told.
            assert!(output.stderr.contains("condition not met for leases/a"));
            assert!(output.stderr.contains("\"x\" not found"), "{output}");
        }
    }
}

#[test]
fn the_first_that_was_named_and_fails_has_the_status_whatever_is_found_out_sooner() {
    let (ns, user) = fresh();
    ns.create(&held("theirs", "other", 60));
    ns.create(&free("free"));
    for (words, code) in [
        ("release theirs nope --holder me", 122),
        ("release nope theirs --holder me", 121),
        ("release free nope --force --yes", 122),
        ("release nope free --force --yes", 121),
        ("steal theirs nope --if-holder zz --yes", 122),
        ("steal nope theirs --if-holder zz --yes", 121),
    ] {
        let output = ns.run(&user, words.split(' '));
        assert_eq!(output.code, Some(code), "{words}: {output}");
    }
}

#[test]
fn the_one_that_a_busy_server_does_not_write_is_named() {
    let (ns, user) = fresh();
    for name in ["a", "b", "c"] {
        ns.create(&held(name, "me", 600));
    }
    let proxy = Proxy::to(ns.cluster());
    let busy = Fault::status(429, "TooManyRequests", "slow down");
    proxy.fault(Match::put().path("/leases/b"), busy, usize::MAX);
    let release = [
        "release",
        "a",
        "b",
        "c",
        "--holder=me",
        "--timeout=1s",
        "-oname",
    ];
    let output = ns.command(&user, release).via(&proxy).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert_eq!(output.stdout, names(&["a"]), "{output}");
    let error = "error: no usable answer from the API server about lease \"b\": ";
    assert!(output.stderr.contains(error), "{output}");
}
