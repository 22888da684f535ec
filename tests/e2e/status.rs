//! `status`: one Lease, the list, and what is said where there is nothing.

use crate::support::{free, fresh, held, not_found, said, shared};
use lease_harness::{Namespace, Output, Rule, lease};
use serde_json::{Value, json};

/// A Lease of each kind of state that needs no clock.
fn some(ns: &Namespace) {
    ns.create(&held("b-held", "other", 600));
    ns.create(&free("a-free"));
    ns.create(&lease("c-endless").holder("x").label("tier", "db").build());
}

/// The columns NAME, STATE and HOLDER of each row.
#[track_caller]
fn rows(output: &Output) -> Vec<Vec<&str>> {
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    let lines = output.stdout.lines();
    lines
        .map(|line| line.split_whitespace().take(3).collect())
        .collect()
}

#[test]
fn one_lease_is_described() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 600));
    let output = ns.run(&user, ["status", "job"]);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    let field = |label: &str| {
        let line = output
            .stdout
            .lines()
            .find(|line| line.starts_with(&format!("{label}:")));
        line.map(|line| line[label.len() + 1..].trim().to_owned())
    };
    assert_eq!(field("Name").as_deref(), Some("job"));
    assert_eq!(field("Namespace").as_deref(), Some(ns.name()));
    assert!(
        field("State").is_some_and(|state| state.starts_with("Held ")),
        "{output}"
    );
    assert_eq!(field("Holder").as_deref(), Some("other"));
    assert_eq!(field("Duration").as_deref(), Some("600s"));
    assert_eq!(field("Transitions").as_deref(), Some("3"));
    assert_eq!(field("Reason").as_deref(), Some("<none>"));
}

#[test]
fn a_free_one_and_an_endless_one_are_said_to_be_so() {
    let (ns, user) = fresh();
    some(&ns);
    let text = ns.run(&user, ["status", "a-free"]).stdout;
    assert!(
        text.contains("\nState:       Free\nHolder:      <none>\n"),
        "{text}"
    );
    let text = ns.run(&user, ["status", "c-endless"]).stdout;
    assert!(
        text.contains("\nState:       Held\nHolder:      x\n"),
        "{text}"
    );
    assert!(text.contains("\nExpires in:  never"), "{text}");
}

#[test]
fn the_reason_is_shown_until_it_is_released() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let acquire = ["acquire", "job", "--holder=me", "--reason=night run"];
    assert_eq!(ns.run(&user, acquire).code, Some(0));
    let text = ns.run(&user, ["status", "job"]).stdout;
    assert!(text.contains("\nReason:      night run\n"), "{text}");
    assert_eq!(
        ns.run(&user, ["release", "job", "--holder=me"]).code,
        Some(0)
    );
    let text = ns.run(&user, ["status", "job"]).stdout;
    assert!(text.contains("\nReason:      <none>\n"), "{text}");
}

#[test]
fn an_absent_lease_is_not_found_in_every_format() {
    let (ns, user) = fresh();
    for format in ["wide", "json", "yaml", "name"] {
        let output = ns.run(&user, ["status", "job", "-o", format]);
        said(&output, 121, "", &not_found(&ns, "job"));
    }
}

#[test]
fn the_list_is_a_table_sorted_by_name() {
    let (ns, user) = fresh();
    some(&ns);
    let expected = [
        ["NAME", "STATE", "HOLDER"],
        ["a-free", "Free", "-"],
        ["b-held", "Held", "other"],
        ["c-endless", "Held", "x"],
    ];
    assert_eq!(rows(&ns.run(&user, ["status"])), expected);
    let wide = ns.run(&user, ["status", "-o", "wide"]);
    assert_eq!(rows(&wide), expected);
    for column in ["DURATION", "ACQUIRED", "SKEW", "REASON"] {
        assert!(
            wide.stdout
                .lines()
                .next()
                .is_some_and(|header| header.contains(column)),
            "{wide}"
        );
    }
}

#[test]
fn a_label_selector_chooses() {
    let (ns, user) = fresh();
    some(&ns);
    let output = ns.run(&user, ["status", "-l", "tier in (db)", "-o", "name"]);
    said(&output, 0, "lease.coordination.k8s.io/c-endless\n", "");
    let output = ns.run(&user, ["status", "-l", "tier=none"]);
    said(
        &output,
        0,
        "",
        &format!("No leases found in {} namespace.\n", ns.name()),
    );
}

#[test]
fn a_selector_that_is_malformed_is_the_servers_to_refuse() {
    let (ns, user) = fresh();
    let output = ns.run(&user, ["status", "-l", "tier in db"]);
    let expected =
        "Error from server (BadRequest): unable to parse requirement: found 'db'…expected: '('\n";
    crate::support::said_like(&output, 1, "", expected);
}

#[test]
fn names_and_documents_are_for_scripts() {
    let (ns, user) = fresh();
    some(&ns);
    let names =
        ["a-free", "b-held", "c-endless"].map(|n| format!("lease.coordination.k8s.io/{n}\n"));
    said(
        &ns.run(&user, ["status", "-o", "name"]),
        0,
        &names.concat(),
        "",
    );
    let output = ns.run(&user, ["status", "-o", "json"]);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(list["apiVersion"], "kubectl-lease/v1");
    assert_eq!(list["kind"], "LeaseStatusList");
    let states: Vec<&Value> = (0..3).map(|index| &list["items"][index]["state"]).collect();
    assert_eq!(states, ["Free", "Held", "HeldWithoutExpiry"]);
    let output = ns.run(&user, ["status", "b-held", "-o", "json"]);
    let one: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(one["kind"], "LeaseStatus");
    for field in ["holder", "durationSeconds", "transitions", "metadata"] {
        assert_eq!(one[field], list["items"][1][field], "{field}");
    }
    assert_eq!(
        (&one["holder"], &one["durationSeconds"]),
        (&json!("other"), &json!(600))
    );
    let output = ns.run(&user, ["status", "b-held", "-o", "yaml"]);
    assert!(
        output.stdout.contains("\napiVersion: kubectl-lease/v1\n"),
        "{output}"
    );
    assert!(output.stdout.contains("\nholder: other\n"), "{output}");
}

#[test]
fn all_namespaces_are_listed_with_their_names() {
    let (ns, other) = (shared().namespace(), shared().namespace());
    let user = ns.user_with(&[Rule::leases(&["list"]).everywhere()]);
    let name = format!("everywhere-{}", ns.name());
    for place in [&ns, &other] {
        let labelled = lease(&name).holder("x").label("test", ns.name());
        place.create(&labelled.build());
    }
    let selector = format!("test={}", ns.name());
    let output = ns.run(&user, ["status", "-A", "-l", &selector]);
    let mut expected = [ns.name(), other.name()].map(|place| vec![place, name.as_str(), "Held"]);
    expected.sort();
    let rows = rows(&output);
    assert_eq!(rows[0], ["NAMESPACE", "NAME", "STATE"]);
    assert_eq!(rows[1..], expected);
}

#[test]
fn nothing_to_list_is_said_on_stderr_and_no_error() {
    let (ns, user) = fresh();
    let nothing = format!("No leases found in {} namespace.\n", ns.name());
    said(&ns.run(&user, ["status"]), 0, "", &nothing);
    let output = ns.run(&user, ["status", "-o", "name"]);
    said(&output, 0, "", "");
    let output = ns.run(&user, ["status", "-o", "json"]);
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(list["items"], json!([]));
}

#[test]
fn a_namespace_that_does_not_exist_is_named() {
    let ns = shared().namespace();
    let expected = "Error from server (NotFound): namespaces \"nowhere\" not found\n\
                    Choose another with -n, or create it: kubectl create namespace nowhere\n";
    for arguments in [&["status"][..], &["status", "job"]] {
        let command = ns.command(&ns.admin(), arguments).arg("-n=nowhere");
        said(&command.run(), 1, "", expected);
    }
}

#[test]
fn without_permission_to_list_the_role_is_named() {
    let (ns, _) = fresh();
    let user = ns.user(&["get"]);
    let expected = crate::support::forbidden(&ns, &user, "list", None, "status");
    said(&ns.run(&user, ["status"]), 1, "", &expected);
    let everywhere = format!(
        "Error from server (Forbidden): leases.coordination.k8s.io is forbidden: User \"{0}\" cannot list resource \"leases\" in API group \"coordination.k8s.io\" at the cluster scope\n\
         The verb \"list\" is missing in all namespaces; give -n, or let a cluster admin grant it: kubectl create clusterrole lease-list --verb=list --resource=leases.coordination.k8s.io --dry-run=client -o yaml | kubectl apply -f - && kubectl create clusterrolebinding lease-list:{0} --clusterrole=lease-list --user={0} --dry-run=client -o yaml | kubectl apply -f -\n",
        user.name
    );
    said(&ns.run(&user, ["status", "-A"]), 1, "", &everywhere);
}

#[test]
fn without_permission_to_get_the_role_is_named() {
    let (ns, _) = fresh();
    let user = ns.user(&["list"]);
    ns.create(&free("job"));
    let expected = crate::support::forbidden(&ns, &user, "get", Some("job"), "status job");
    said(&ns.run(&user, ["status", "job"]), 1, "", &expected);
}

#[test]
fn a_long_holder_is_shortened_to_the_terminals_width_and_not_in_a_pipe() {
    let (ns, user) = fresh();
    let long = "x".repeat(300);
    ns.create(&held("job", &long, 600));
    assert!(ns.run(&user, ["status"]).stdout.contains(&long));
    let terminal = ns.command(&user, ["status"]).spawn_pty(24, 100);
    assert_eq!(terminal.wait(crate::support::SOON).code(), Some(0));
    let screen = terminal.screen();
    assert_eq!(screen.trim_end().lines().count(), 2, "{screen}");
    assert!(screen.contains('…'), "{screen}");
}
