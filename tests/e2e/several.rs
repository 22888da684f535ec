//! Several names in one call: each for itself, every error told, the first one's code.

use crate::support::{
    free, fresh, held, holder, methods, not_found, not_found_as_held, not_held_by_you, said, stored,
};
use lease_harness::{Fault, Match, Namespace, Proxy, Rule};
use serde_json::Value;

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
fn status_lists_the_leases_that_were_named_in_that_order_each_once() {
    let (ns, user) = fresh();
    three(&ns);
    let listed = names(&["c", "a"]);
    for words in [
        &["status", "c", "a", "-o", "name"][..],
        &["status", "lease/c", "lease/a", "-o", "name"],
        &["status", "c", "leases.coordination.k8s.io/a", "-o", "name"],
        &["status", "c", "a", "lease/c", "a", "-o", "name"],
    ] {
        said(&ns.run(&user, words), 0, &listed, "");
    }
    // Unless another order is asked for.
    for order in ["--sort-by=.metadata.name", "--sort-by=name"] {
        let sorted = ["status", "c", "a", "-oname", order];
        said(&ns.run(&user, sorted), 0, &names(&["a", "c"]), "");
    }
    let table = ns.run(&user, ["status", "c", "a"]);
    let first: Vec<&str> = table
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        (table.code, first),
        (Some(0), vec!["NAME", "c", "a"]),
        "{table}"
    );
    let output = ns.run(
        &user,
        [
            "status",
            "c",
            "a",
            "-o",
            "jsonpath={.items[*].metadata.name}",
        ],
    );
    said(&output, 0, "c a", "");
    let columns = [
        "status",
        "c",
        "a",
        "-o",
        "custom-columns=N:.metadata.name",
        "--no-headers",
    ];
    said(&ns.run(&user, columns), 0, "c\na\n", "");
    // As kubectl: whether it is a list is told by how many were asked for.
    for words in [
        &["status", "a", "a", "-ojson"][..],
        &["status", "c", "gone", "-ojson"],
        &["status", "c", "a", "-oyaml"],
    ] {
        let output = ns.run(&user, words);
        assert!(output.stdout.contains("LeaseStatusList"), "{output}");
    }
}

#[test]
fn status_names_each_that_is_missing_and_shows_the_others() {
    let (ns, user) = fresh();
    three(&ns);
    let missing = not_found(&ns, "x") + &not_found(&ns, "y");
    let output = ns.run(&user, ["status", "x", "b", "y", "a", "-o", "name"]);
    said(&output, 121, &names(&["b", "a"]), &missing);
    let output = ns.run(
        &user,
        ["status", "x", "b", "y", "-o", "name", "--ignore-not-found"],
    );
    said(&output, 0, &names(&["b"]), "");
    said(&ns.run(&user, ["status", "x", "y"]), 121, "", &missing);
    said(
        &ns.run(&user, ["status", "x", "y", "--ignore-not-found"]),
        0,
        "",
        "",
    );
    said(
        &ns.run(&user, ["status", "x", "y", "-ojson", "--ignore-not-found"]),
        0,
        "",
        "",
    );
    let output = ns.run(&user, ["status", "x", "y", "-ojson"]);
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(
        (output.code, &list["items"]),
        (Some(121), &Value::Array(Vec::new())),
        "{output}"
    );
}

#[test]
fn status_shows_those_that_may_be_read_and_tells_of_the_others() {
    let (ns, _) = fresh();
    three(&ns);
    let user = ns.user_with(&[Rule::leases(&["get"]).named(&["b"])]);
    let output = ns.run(&user, ["status", "a", "b", "-o", "name"]);
    assert_eq!(
        (output.code, &output.stdout),
        (Some(1), &names(&["b"])),
        "{output}"
    );
    assert!(
        output.stderr.contains("Forbidden") && output.stderr.contains("\"a\""),
        "{output}"
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
fn release_frees_what_is_ours_and_tells_of_each_other() {
    let (ns, user) = fresh();
    three(&ns);
    ns.edit("b", |lease| {
        lease["spec"]["holderIdentity"] = "other".into()
    });
    let output = ns.run(
        &user,
        ["release", "a", "b", "gone", "lease/c", "--holder=me"],
    );
    let errors = not_held_by_you(&ns, "b", "me", "other") + &not_found_as_held(&ns, "gone");
    let released = "lease.coordination.k8s.io/a released\nlease.coordination.k8s.io/c released\n";
    said(&output, 122, released, &errors);
    for (name, by) in [("a", ""), ("b", "other"), ("c", "")] {
        assert_eq!(holder(&stored(&ns, name)), by, "{name}");
    }
    // The first error's code counts.
    let output = ns.run(&user, ["release", "gone", "b", "--holder=other"]);
    said(
        &output,
        121,
        "lease.coordination.k8s.io/b released\n",
        &not_found_as_held(&ns, "gone"),
    );
}

#[test]
fn release_frees_a_lease_that_is_named_twice_once() {
    let (ns, user) = fresh();
    three(&ns);
    let proxy = Proxy::to(ns.cluster());
    let words = ["release", "a", "lease/a", "a", "--holder=me", "-o", "name"];
    let output = ns.command(&user, words).via(&proxy).run();
    said(&output, 0, &names(&["a"]), "");
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT"]);
}

#[test]
fn release_of_several_as_a_document_is_one_list() {
    let (ns, user) = fresh();
    three(&ns);
    let output = ns.run(
        &user,
        ["release", "a", "gone", "b", "--holder=me", "-ojson"],
    );
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(
        (output.code, &list["kind"]),
        (Some(121), &Value::from("List")),
        "{output}"
    );
    let released = |at: usize| list["items"][at]["metadata"]["name"].as_str();
    assert_eq!(
        (released(0), released(1), released(2)),
        (Some("a"), Some("b"), None)
    );
    let template = "jsonpath={range .items[*]}{.metadata.name},{end}";
    ns.edit("a", |lease| lease["spec"]["holderIdentity"] = "me".into());
    let output = ns.run(&user, ["release", "a", "c", "--holder=me", "-o", template]);
    said(&output, 0, "a,c,", "");
}

#[test]
fn release_goes_on_when_nobody_reads_what_it_says() {
    let (ns, user) = fresh();
    three(&ns);
    let command = ns.command(&user, ["release", "a", "b", "c", "--holder=me"]);
    said(
        &command.stdout(lease_harness::Outlet::Broken).run(),
        0,
        "",
        "",
    );
    for name in ["a", "b", "c"] {
        assert_eq!(holder(&stored(&ns, name)), "", "{name}");
    }
}

#[test]
fn what_takes_one_name_says_so_and_the_kind_is_not_guessed() {
    crate::usage::refused(&[
        (&["status", "a", "b", "-w"], "error: -w follows one lease, or all that -l, --field-selector and the other filters leave, and 2 are named".into()),
        (&["status", "a", "b", "c", "--exit-code"], "error: --exit-code tells the state of one lease, and 3 are named".into()),
    ]);
    let (ns, user) = fresh();
    ns.create(&free("lease"));
    ns.create(&free("a"));
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
