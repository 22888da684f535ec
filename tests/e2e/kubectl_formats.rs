//! What is printed beside what kubectl prints of the same objects, and kubectl as the reader of it. Where there is no kubectl on
//! PATH, the comparisons say SKIPPED.

use crate::support::{SOON, VERBS, free, fresh, held, said, shared};
use lease_harness::{Command, Namespace, Output, User, lease};
use serde_json::{Value, json};

fn has_kubectl() -> bool {
    let found = Command::new("/bin/sh", ["-c", "command -v kubectl"]).run();
    if found.code != Some(0) {
        println!("SKIPPED: there is no kubectl on PATH");
    }
    found.code == Some(0)
}

fn kubectl(ns: &Namespace, user: &User, words: &[&str]) -> Command {
    ns.program(user, "kubectl", words)
}

/// A Lease with something of everything that paths may ask for.
fn rich(name: &str) -> Value {
    let mut rich = held(name, "me", 600);
    rich["metadata"]["labels"] = json!({"tier": "db", "app.io/x": "1"});
    rich["metadata"]["annotations"] = json!({"n": "a b", "e": "", "q": "x'y\"z<&>"});
    rich["metadata"]["finalizers"] = json!(["f.io/a", "f.io/b", "f.io/c"]);
    rich
}

/// With the Lease's own paths kubectl and `status` find the same, and fail at the same.
#[track_caller]
fn same(ns: &Namespace, user: &User, names: &[&str], formats: &[&str]) {
    for format in formats {
        let get = [&["get", "lease"][..], names, &["-o", format]].concat();
        let theirs = kubectl(ns, user, &get).run();
        let status = [&["status"][..], names, &["-o", format]].concat();
        let ours = ns.run(user, &status);
        assert_eq!(
            ours.code == Some(0),
            theirs.code == Some(0),
            "{ours}{theirs}"
        );
        if theirs.code == Some(0) {
            assert_eq!(ours.stdout, theirs.stdout, "{format}");
        }
    }
}

#[test]
fn of_one_lease_paths_print_what_kubectl_prints() {
    let (ns, user) = fresh();
    ns.create(&rich("a"));
    if !has_kubectl() {
        return;
    }
    same(
        &ns,
        &user,
        &["a"],
        &[
            "name",
            "jsonpath=.metadata.name",
            "jsonpath=",
            "jsonpath",
            "jsonpath={.metadata.name",
            "jsonpath={.metadata.labels}",
            "jsonpath={.metadata.annotations}",
            "jsonpath={.metadata.annotations.q}",
            "jsonpath={.metadata.finalizers}",
            "jsonpath={.metadata.finalizers[0]} {.metadata.finalizers[-1]} {.metadata.finalizers[]}",
            "jsonpath={.metadata.finalizers[1:]}",
            "jsonpath={.metadata.finalizers[::2]}",
            "jsonpath={.metadata.finalizers[0,2]}",
            "jsonpath={.metadata.finalizers[5]}",
            "jsonpath={.metadata.finalizers[-5]}",
            "jsonpath={.metadata.finalizers[:9]}",
            "jsonpath={.metadata.finalizers[2:1]}",
            "jsonpath={.metadata.finalizers[a]}",
            "jsonpath={.metadata.finalizers[*",
            "jsonpath={.metadata.finalizers[?(@==\"f.io/a\")]}",
            "jsonpath={.metadata['name','namespace']}",
            "jsonpath={.metadata[\"name\"]}",
            "jsonpath={.metadata.labels['app\\.io/x']}",
            "jsonpath={.metadata.labels['app.io/x']}",
            "jsonpath={.metadata.labels.app\\.io/x}",
            "jsonpath={..name}",
            "jsonpath={.metadata..n}",
            "jsonpath={..metadata.name}",
            "jsonpath={..holderIdentity}",
            "jsonpath={.metadata.managedFields[*].manager}",
            "jsonpath={.metadata.creationTimestamp} {.metadata.uid} {.metadata.resourceVersion}",
            "jsonpath={.metadata}",
            "jsonpath={.spec[*]}",
            "jsonpath={.metadata.name[0]}",
            "jsonpath={.nothing}x{.spec.holderIdentity.foo}",
            "jsonpath={.spec.holderIdentity}",
            "jsonpath={.spec}",
            "jsonpath={range .metadata.finalizers[*]}{@}{\"\\n\"}{end}",
            "jsonpath={range .metadata.finalizers}{@}{'\\n'}{end}",
            "jsonpath={end}",
            "jsonpath={foo}",
            "jsonpath={.spec.leaseDurationSeconds}{\"\\t\"}{.spec.leaseTransitions}",
            "jsonpath={.metadata.name .spec}",
            "jsonpath={\"a\" \"b\"}{1}{true}",
            "jsonpath=x{\"\\u0041\\x42\"}y",
            "jsonpath-as-json={.metadata.annotations}{.spec.holderIdentity}",
            "jsonpath-as-json={.nothing}",
            "jsonpath-file=/does/not/exist",
            "custom-columns=N:metadata.name",
            "custom-columns=N:{.metadata.name},H:.spec.holderIdentity,D:.spec.leaseDurationSeconds",
            "custom-columns=L:.metadata.labels,F:.metadata.finalizers,X:.nothing,A:.metadata.annotations.n",
            "custom-columns=E:.metadata.annotations.e,N:.metadata.name",
            "custom-columns=F:.metadata.finalizers[*],G:.metadata.finalizers[-1]",
            "custom-columns=N:.metadata.name:x",
            "custom-columns=",
            "custom-columns=N",
            "custom-columns=F:.metadata.finalizers[5]",
            "nonsense",
        ],
    );
    ns.edit("a", |lease| lease["metadata"]["finalizers"] = json!([]));
}

#[test]
fn of_a_list_paths_print_what_kubectl_prints() {
    let (ns, user) = fresh();
    let mut a = rich("a");
    a["metadata"]["finalizers"] = json!([]);
    ns.create(&a);
    ns.create(&lease("b-10").holder("x").build());
    ns.create(&lease("b-9").duration(5).build());
    if !has_kubectl() {
        return;
    }
    same(
        &ns,
        &user,
        &[],
        &[
            "name",
            "jsonpath={..metadata.name}",
            "jsonpath={.items..leaseDurationSeconds}",
            "jsonpath={.items[*].metadata.name}",
            "jsonpath={.items[0,1].metadata.name}",
            "jsonpath={.items[-1:].metadata.name}",
            "jsonpath={.items[7]}",
            "jsonpath={.items[?(@.metadata.name==\"a\")].spec.holderIdentity}",
            "jsonpath={.items[?(@.metadata.name != 'a' )].metadata.name}",
            "jsonpath={.items[?(@.spec.leaseDurationSeconds>10)].metadata.name}",
            "jsonpath={.items[?(@.spec.leaseDurationSeconds==\"x\")].metadata.name}",
            "jsonpath={.items[?(@.spec.holderIdentity)].metadata.name}",
            "jsonpath={.items[?(@.metadata.labels.app\\.io/x==\"1\")].metadata.name}",
            "jsonpath={.items[*]['metadata.name', 'spec.holderIdentity']}",
            "jsonpath={range .items[*]}[{.metadata.name}, {.spec.holderIdentity}] {end}\n",
            "jsonpath={range .items[?(@.metadata.name==\"zz\")]}{.x}{end}end",
            "custom-columns=NAME:.metadata.name,HOLDER:.spec.holderIdentity,L:.metadata.labels",
        ],
    );
    for order in [
        ".metadata.name",
        "{.metadata.name}",
        ".spec.leaseDurationSeconds",
        ".nothing",
    ] {
        let sort = format!("--sort-by={order}");
        let theirs = kubectl(&ns, &user, &["get", "lease", "-o", "name", &sort]).run();
        let ours = ns.run(&user, ["status", "-o", "name", &sort]);
        assert_eq!(
            (ours.code, &ours.stdout),
            (theirs.code, &theirs.stdout),
            "{ours}{theirs}"
        );
    }
}

/// Strings that some parser of YAML takes for something else.
const ODD: &[&str] = &[
    "y",
    "n",
    "yes",
    "no",
    "on",
    "off",
    "null",
    "~",
    "true",
    "1",
    "017",
    "0o17",
    "0x1f",
    "1e3",
    "1_000",
    "1:30",
    ".inf",
    ".nan",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "=",
    "<<",
    " x",
    "x ",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "'a'",
    "\"a\"",
    "{a}",
    "[a]",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "a\nb",
    "a\n",
    "\ta",
    "a\u{85}b",
    "a\u{2028}b",
    "a\u{1b}[2Jb",
    "ป\u{e34}ด",
    "\u{202e}x",
];

#[test]
fn kubectl_reads_yaml_as_it_was_meant() {
    let (ns, user) = fresh();
    if !has_kubectl() {
        return;
    }
    let labels = "protected=yes,n=1a,y=no,off=1e3,t=0x1f,u=1_000,v=017";
    let mut create = vec![
        "create",
        "all",
        "--dry-run=client",
        "-o",
        "yaml",
        "-l",
        labels,
        "--holder=1_000",
    ];
    let reasons: Vec<String> = ODD.iter().map(|odd| format!("--reason={odd}")).collect();
    let read = |yaml: &str| -> Vec<Value> {
        let words = [
            "create",
            "--dry-run=client",
            "--validate=false",
            "-o",
            "json",
            "-f",
            "-",
        ];
        let output = kubectl(&ns, &user, &words).stdin(yaml).run();
        assert_eq!(output.code, Some(0), "{output}\n{yaml}");
        let documents = serde_json::Deserializer::from_str(&output.stdout).into_iter();
        documents.map(|document| document.expect("JSON")).collect()
    };
    let mut documents = ns.run(&user, &create).stdout;
    for reason in &reasons {
        create.push(reason);
        documents.push_str("---\n");
        documents.push_str(&ns.run(&user, &create).stdout);
        create.pop();
    }
    let items = read(&documents);
    assert_eq!(items.len(), 1 + ODD.len());
    assert_eq!(
        items[0]["metadata"]["labels"],
        json!({"protected": "yes", "n": "1a", "y": "no", "off": "1e3", "t": "0x1f", "u": "1_000", "v": "017"})
    );
    assert_eq!(items[0]["spec"]["holderIdentity"], "1_000");
    for (item, odd) in items[1..].iter().zip(ODD) {
        let reason = &item["metadata"]["annotations"]["kubectl-lease/reason"];
        assert_eq!(reason.as_str(), Some(*odd));
    }
}

#[test]
fn what_is_printed_can_be_created_and_applied() {
    let (ns, _) = fresh();
    let user = ns.user(&[&VERBS[..], &["patch"]].concat());
    if !has_kubectl() {
        return;
    }
    let create = [
        "create",
        "x",
        "-l",
        "protected=yes,n=1a",
        "--dry-run=client",
        "-o",
        "yaml",
    ];
    let yaml = ns.run(&user, create).stdout;
    let words = ["create", "--validate=false", "-f", "-"];
    let output = kubectl(&ns, &user, &words).stdin(&yaml).run();
    said(&output, 0, "lease.coordination.k8s.io/x created\n", "");
    let stored = ns.get("x").expect("a lease");
    assert_eq!(
        stored["metadata"]["labels"],
        json!({"protected": "yes", "n": "1a"})
    );

    // Only a real server takes an apply, and only one with managed fields can refuse it.
    if shared().is_real() {
        for words in [
            ["acquire", "x", "--holder=me"],
            ["renew", "x", "--holder=me"],
        ] {
            let lease = ns.command(&user, words).arg("-o").arg("yaml").run().stdout;
            let words = [
                "apply",
                "--server-side",
                "--force-conflicts",
                "--validate=false",
                "-f",
                "-",
            ];
            let output = kubectl(&ns, &user, &words).stdin(&lease).run();
            assert_eq!(output.code, Some(0), "{output}");
        }
    }
}

/// Each subcommand that changes a Lease, in an order that succeeds.
const CHANGES: [&[&str]; 5] = [
    &["create", "job"],
    &["acquire", "job", "--holder=me"],
    &["renew", "job", "--holder=me"],
    &["release", "job", "--holder=me"],
    &["steal", "job", "--holder=me"],
];

#[test]
fn every_command_fills_templates_in_and_hides_managed_fields_unless_asked() {
    let (ns, user) = fresh();
    let folder = std::env::temp_dir().join(format!("kubectl-formats-{}", ns.name()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("template");
    std::fs::write(&file, "{.metadata.name}\n").expect("a file");
    let from_file = format!("jsonpath-file={}", file.display());
    let formats = [
        "jsonpath={.metadata.name}:{.kind}",
        "jsonpath-as-json={.metadata.name}",
        &from_file,
        "json",
        "yaml",
    ];
    for (round, format) in formats.into_iter().enumerate() {
        for arguments in CHANGES {
            let output = ns.command(&user, arguments).arg("-o").arg(format).run();
            match round {
                0 => said(&output, 0, "job:Lease", ""),
                1 => said(&output, 0, "[\n    \"job\"\n]\n", ""),
                2 => said(&output, 0, "job\n", ""),
                _ => assert!(!output.stdout.contains("managedFields"), "{output}"),
            }
        }
        ns.delete("job");
    }
    let output = ns.run(&user, ["version", "-o", "jsonpath={.version}"]);
    assert!(
        output.stdout.starts_with('v') && !output.stdout.ends_with('\n'),
        "{output}"
    );
    std::fs::remove_dir_all(&folder).expect("it is there");

    ns.create(&rich("job"));
    let output = ns.run(
        &user,
        [
            "renew",
            "job",
            "--holder=me",
            "-o",
            "json",
            "--show-managed-fields",
        ],
    );
    let lease: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(lease, ns.get("job").expect("a lease"));
    ns.edit("job", |lease| lease["metadata"]["finalizers"] = json!([]));
}

#[test]
fn what_cannot_be_filled_in_is_an_error_and_changes_are_done_all_the_same() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let output = ns.run(&user, ["status", "job", "-o=jsonpath={.metadata.name[0]}"]);
    said(
        &output,
        1,
        "",
        "error: the template cannot be filled in: a string is not array or slice\n",
    );
    let output = ns.run(
        &user,
        ["status", "job", "-o=go-template={{.metadata.name}}"],
    );
    assert_eq!(output.code, Some(2), "{output}");
    assert!(
        output
            .stderr
            .contains("Go templates need Go; use -o jsonpath=TEMPLATE"),
        "{output}"
    );
}

#[test]
fn a_grant_that_cannot_be_told_is_given_back() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let output = ns.run(
        &user,
        [
            "acquire",
            "job",
            "--holder=me",
            "-o=jsonpath={.metadata.name[0]}",
        ],
    );
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    let lease = ns.get("job").expect("a lease");
    assert_eq!(crate::support::holder(&lease), "");
}

#[test]
fn the_document_has_the_lease_itself_beside_what_is_made_of_it() {
    let (ns, user) = fresh();
    ns.create(&rich("job"));
    let document = |more: &[&str]| -> Value {
        let output = ns.run(&user, [&["status", "job", "-o", "json"], more].concat());
        serde_json::from_str(&output.stdout).expect("JSON")
    };
    let (stored, shown) = (ns.get("job").expect("a lease"), document(&[]));
    assert_eq!(shown["spec"], stored["spec"]);
    for field in ["labels", "annotations", "finalizers", "uid", "name"] {
        assert_eq!(
            shown["metadata"][field], stored["metadata"][field],
            "{field}"
        );
    }
    assert_eq!(shown["metadata"].get("managedFields"), None);
    let whole = document(&["--show-managed-fields"]);
    assert_eq!(
        whole["metadata"].get("managedFields"),
        stored["metadata"].get("managedFields")
    );
    let both = "-o=jsonpath={.spec.holderIdentity} {.holder} {.state} {.reason}.";
    said(
        &ns.run(&user, ["status", "job", both]),
        0,
        "me me Held .",
        "",
    );
    ns.edit("job", |lease| lease["metadata"]["finalizers"] = json!([]));
}

/// The rows of a table, each as its words.
fn rows(output: &Output) -> Vec<Vec<&str>> {
    output
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[test]
fn labels_are_shown_in_columns_as_kubectl_shows_them() {
    let (ns, user) = fresh();
    ns.create(
        &lease("a")
            .label("tier", "db")
            .label("app.io/x", "1")
            .build(),
    );
    ns.create(&lease("b").build());
    let output = ns.run(
        &user,
        [
            "status",
            "--show-labels",
            "-L",
            "tier,app.io/x",
            "-L",
            "none",
        ],
    );
    let rows = rows(&output);
    assert_eq!(rows[0][8..], ["TIER", "X", "NONE", "LABELS"], "{output}");
    assert_eq!(rows[1][7..], ["db", "1", "app.io/x=1,tier=db"], "{output}");
    assert_eq!(rows[2].last(), Some(&"<none>"), "{output}");
}

#[test]
fn what_is_not_there_can_be_ignored() {
    let (ns, user) = fresh();
    said(
        &ns.run(&user, ["status", "job", "--ignore-not-found"]),
        0,
        "",
        "",
    );
    said(&ns.run(&user, ["status", "--ignore-not-found"]), 0, "", "");
}

#[test]
fn a_chunk_is_as_large_as_asked_for() {
    let (ns, user) = fresh();
    for number in 0..5 {
        ns.create(&free(&format!("job-{number}")));
    }
    let expected: String = (0..5)
        .map(|n| format!("lease.coordination.k8s.io/job-{n}\n"))
        .collect();
    for size in ["1", "2", "5", "0"] {
        let proxy = lease_harness::Proxy::to(ns.cluster());
        let words = ["status", "-o", "name", "--chunk-size", size];
        let output = ns.command(&user, words).via(&proxy).run();
        said(&output, 0, &expected, "");
        let lists = proxy.requests().len();
        assert_eq!(
            lists,
            match size {
                "1" => 5,
                "2" => 3,
                _ => 1,
            },
            "{size}"
        );
    }
}

#[test]
fn a_watch_goes_on_in_every_format() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    for (format, first, second) in [
        ("yaml", "state: Free", "---"),
        (
            "jsonpath={.metadata.name} {.state}{\"\\n\"}",
            "job Free",
            "job Held",
        ),
        ("jsonpath-as-json={.state}", "    \"Free\"", "    \"Held\""),
        (
            "custom-columns=N:.metadata.name,S:.state",
            "job   Free",
            "job   Held",
        ),
    ] {
        let watch = ns.spawn(&user, ["status", "-w", "-o", format]);
        watch.wait_stdout(|line| line.contains(first), SOON);
        let acquired = ns.run(&user, ["acquire", "job", "--holder=me"]);
        assert_eq!(acquired.code, Some(0), "{acquired}");
        watch.wait_stdout(|line| line.contains(second), SOON);
        assert_eq!(
            watch.stdout().matches("N     S\n").count(),
            usize::from(format.starts_with("custom"))
        );
        let released = ns.run(&user, ["release", "job", "--holder=me"]);
        assert_eq!(released.code, Some(0), "{released}");
    }
}
