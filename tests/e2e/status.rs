//! `status`: one Lease and the list, in every format, and what is said where there is nothing or no permission.

use crate::support::{free, fresh, held, methods, not_found, said, said_like};
use lease_harness::{Namespace, Output, Proxy, lease};
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

#[track_caller]
fn document(output: &Output) -> Value {
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    serde_json::from_str(&output.stdout).expect("JSON")
}

#[test]
fn one_lease_and_the_list_are_shown_in_every_format_with_one_request() {
    let (ns, user) = fresh();
    some(&ns);
    let proxy = Proxy::to(ns.cluster());
    let status = |words: &[&str]| {
        proxy.clear();
        let command = ns.command(&user, ["status"]).via(&proxy);
        let output = words
            .iter()
            .fold(command, |command, word| command.arg(word));
        let output = output.run();
        assert_eq!(methods(&proxy.requests()), ["GET"], "{output}");
        output
    };
    let text = status(&["b-held"]).stdout;
    for line in [
        "Name:        b-held",
        &format!("Namespace:   {}", ns.name()),
        "Holder:      other",
        "Reason:      <none>",
        "Duration:    600s",
        "Transitions: 3",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line}: {text}");
    }
    assert!(text.contains("\nState:       Held "), "{text}");
    let expected = [
        ["NAME", "STATE", "HOLDER"],
        ["a-free", "Free", "-"],
        ["b-held", "Held", "other"],
        ["c-endless", "Held", "x"],
    ];
    assert_eq!(rows(&status(&[])), expected);
    let wide = status(&["-o", "wide"]);
    assert_eq!(rows(&wide), expected);
    let header = wide.stdout.lines().next().unwrap_or_default();
    for column in ["DURATION", "ACQUIRED", "SKEW", "REASON"] {
        assert!(header.contains(column), "{wide}");
    }
    let names =
        ["a-free", "b-held", "c-endless"].map(|n| format!("lease.coordination.k8s.io/{n}\n"));
    said(&status(&["-o", "name"]), 0, &names.concat(), "");
    said(&status(&["b-held", "-o", "name"]), 0, &names[1], "");
    let list = document(&status(&["-o", "json"]));
    assert_eq!(
        (&list["apiVersion"], &list["kind"]),
        (&json!("kubectl-lease/v1"), &json!("LeaseStatusList"))
    );
    let states: Vec<&Value> = (0..3).map(|index| &list["items"][index]["state"]).collect();
    assert_eq!(states, ["Free", "Held", "HeldWithoutExpiry"]);
    let one = document(&status(&["b-held", "-o", "json"]));
    assert_eq!(one["kind"], "LeaseStatus");
    for field in [
        "holder",
        "durationSeconds",
        "transitions",
        "metadata",
        "spec",
    ] {
        assert_eq!(one[field], list["items"][1][field], "{field}");
    }
    // The Lease itself, beside what is made of it.
    let stored = ns.get("b-held").expect("a lease");
    assert_eq!(one["spec"], stored["spec"]);
    for field in ["labels", "annotations", "uid", "name"] {
        assert_eq!(one["metadata"][field], stored["metadata"][field], "{field}");
    }
    assert_eq!(one["metadata"].get("managedFields"), None);
    let whole = document(&status(&["b-held", "-o", "json", "--show-managed-fields"]));
    assert_eq!(
        whole["metadata"].get("managedFields"),
        stored["metadata"].get("managedFields")
    );
    let yaml = status(&["b-held", "-o", "yaml"]).stdout;
    assert!(yaml.contains("\napiVersion: kubectl-lease/v1\n"), "{yaml}");
    assert!(yaml.contains("\nholder: other\n"), "{yaml}");
    let labels = status(&["--show-labels", "-L", "tier,app.io/x", "-L", "none"]);
    let header: Vec<&str> = labels.stdout.lines().next().into_iter().collect();
    let header: Vec<&str> = header[0].split_whitespace().collect();
    assert_eq!(header[8..], ["TIER", "X", "NONE", "LABELS"], "{labels}");
    let last = labels.stdout.trim_end().lines().last().unwrap_or_default();
    assert!(
        last.contains(" db ") && last.ends_with("tier=db"),
        "{labels}"
    );
}

#[test]
fn what_is_not_there_is_said_and_can_be_ignored() {
    let (ns, user) = fresh();
    for format in ["wide", "json", "yaml", "name"] {
        let output = ns.run(&user, ["status", "job", "-o", format]);
        said(&output, 121, "", &not_found(&ns, "job"));
    }
    let ignored = ["status", "job", "--ignore-not-found"];
    said(&ns.run(&user, ignored), 0, "", "");
    said(&ns.run(&user, ["status", "--ignore-not-found"]), 0, "", "");
    let nothing = format!("No leases found in {} namespace.\n", ns.name());
    said(&ns.run(&user, ["status"]), 0, "", &nothing);
    said(&ns.run(&user, ["status", "-o", "name"]), 0, "", "");
    let list = document(&ns.run(&user, ["status", "-o", "json"]));
    assert_eq!(list["items"], json!([]));
    some(&ns);
    let output = ns.run(&user, ["status", "-l", "tier=none"]);
    said(&output, 0, "", &nothing);
    let output = ns.run(&user, ["status", "-l", "tier in db"]);
    let expected =
        "Error from server (BadRequest): unable to parse requirement: found 'db'…expected: '('\n";
    said_like(&output, 1, "", expected);
    let expected = "Error from server (NotFound): namespaces \"nowhere\" not found\n\
                    Choose another with -n, or create it: kubectl create namespace nowhere\n";
    for arguments in [
        &["status"][..],
        &["status", "job"],
        &["status", "job", "-w"],
        &["create", "job"],
    ] {
        let command = ns.command(&ns.admin(), arguments).arg("-n=nowhere");
        said(&command.run(), 1, "", expected);
    }
}
