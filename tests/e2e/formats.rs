//! `-o` of what is done to a Lease, and its paths, columns and documents beside kubectl's own. Where there is no kubectl on PATH, the
//! comparisons say SKIPPED.

use crate::support::{ENV, VERBS, free, fresh, held, holder, said, shared, stored};
use lease_harness::{Command, Namespace, Output, User, lease};
use serde_json::{Value, json};

/// Each subcommand that changes a Lease, in an order that succeeds.
const CHANGES: [&[&str]; 5] = [
    &["create", "job"],
    &["acquire", "job", "--holder=me"],
    &["renew", "job", "--holder=me"],
    &["release", "job", "--holder=me"],
    &["steal", "job", "--holder=me"],
];

#[test]
fn what_is_done_to_a_lease_is_printed_in_every_format() {
    let (ns, user) = fresh();
    let from_file = ns.file("template", "{.metadata.name}\n");
    let from_file = format!("jsonpath-file={}", from_file.display());
    for format in [
        "name",
        "json",
        "yaml",
        "jsonpath={.metadata.name}:{.kind}",
        "jsonpath-as-json={.metadata.name}",
        &from_file,
    ] {
        for arguments in CHANGES {
            let output = ns.command(&user, arguments).arg("-o").arg(format).run();
            let text = &output.stdout;
            // As kubectl, `create` prints what it has made; the others tell what they have done.
            let creates = arguments[0] == "create";
            let expected = match format {
                "name" => "lease.coordination.k8s.io/job\n",
                "jsonpath={.metadata.name}:{.kind}" if creates => "job:Lease",
                "jsonpath={.metadata.name}:{.kind}" => "job:Outcome",
                "jsonpath-as-json={.metadata.name}" => "[\n    \"job\"\n]\n",
                "json" | "yaml" => text,
                _ => "job\n",
            };
            said(&output, 0, expected, "");
            assert!(!text.contains("managedFields"), "{text}");
            let mut stored = stored(&ns, "job");
            if format == "json" {
                let document: Value = serde_json::from_str(text).expect("JSON");
                let lease = if creates {
                    &document
                } else {
                    &document["after"]
                };
                let metadata = stored["metadata"].as_object_mut();
                metadata.expect("a map").remove("managedFields");
                assert_eq!(*lease, stored, "{arguments:?}");
                assert!(
                    text.starts_with("{\n    \"a") && text.ends_with("\n}\n"),
                    "{text}"
                );
            } else if format == "yaml" {
                let head = match creates {
                    true => "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n",
                    false => "action: ",
                };
                assert!(text.starts_with(head) && text.contains("spec:\n"), "{text}");
                let version = &stored["metadata"]["resourceVersion"];
                let line = format!("  resourceVersion: {version}\n");
                assert!(text.contains(&line), "{text}");
            }
        }
        ns.delete("job");
    }
    let output = ns.run(&user, ["version", "-o", "jsonpath={.version}"]);
    let version = output.stdout.starts_with('v') && !output.stdout.ends_with('\n');
    assert!(version, "{output}");
    ns.create(&held("job", "me", 60));
    let renew = [
        "renew",
        "job",
        "--holder=me",
        "-ojson",
        "--show-managed-fields",
    ];
    let renewed: Value = serde_json::from_str(&ns.run(&user, renew).stdout).expect("JSON");
    assert_eq!(renewed["after"], stored(&ns, "job"));
    ns.create(&free("free"));
    let acquire = ["acquire", "free", "--holder=it's me", "-o", ENV];
    let output = ns.run(&user, acquire);
    let lease = stored(&ns, "free");
    let of = |field: &str| lease["metadata"][field].as_str().expect("text");
    let expected = format!(
        "export KUBECTL_LEASE_NAME=free\n\
         export KUBECTL_LEASE_NAMESPACE={}\n\
         export KUBECTL_LEASE_HOLDER='it'\\''s me'\n\
         export KUBECTL_LEASE_UID={}\n\
         export KUBECTL_LEASE_TRANSITIONS=4\n\
         export KUBECTL_LEASE_FENCING_TOKEN={}\n",
        ns.name(),
        of("uid"),
        of("resourceVersion"),
    );
    said(&output, 0, &expected, "");
    for format in ["name", "json", "yaml", ENV] {
        let output = ns.run(&user, ["acquire", "none", "--holder=me", "-o", format]);
        let absent = crate::support::not_found_to_take(&ns, "none");
        said(&output, 121, "", &absent);
    }
}

#[test]
fn templates_and_columns_are_filled_in_and_no_grant_is_kept_that_cannot_be_told() {
    let (ns, user) = fresh();
    ns.create(&held("a", "me", 600));
    ns.create(&free("b"));
    let file = ns.file("template", "{.metadata.name}!");
    let file = file.to_str().expect("text");
    let strict = "--allow-missing-template-keys=false";
    let both =
        "-o=jsonpath={.spec.holderIdentity} {.holder} {.state} {.durationSeconds} {.reason}.";
    let each = "-o=jsonpath={range .items[*]}{.metadata.name} {.state} {.holder}{\"\\n\"}{end}";
    let some = "-o=jsonpath={.items[?(@.state==\"Free\")].metadata.name}";
    let columns = "-o=custom-columns=LEASE:.metadata.name,WHO:.holder,N:.transitions";
    for (words, expected) in [
        (&["a", both][..], "me me Held 600 ."),
        (&[each], "a Held me\nb Free \n"),
        (&[some], "b"),
        (
            &[columns],
            "LEASE   WHO      N\na       me       3\nb       <none>   3\n",
        ),
        (&["a", columns, "--no-headers"], "a     me    3\n"),
        // What is there, and what is no template.
        (&["a", "-ojsonpath={.metadata.name}", strict], "a"),
        (&["a", "-oname", strict], "lease.coordination.k8s.io/a\n"),
        (&["a", "-ocustom-columns=A:.nope", strict], "A\n<none>\n"),
        // A template in a flag of its own; as in kubectl, other formats have none.
        (&["a", "-ojsonpath", "--template={.metadata.name}"], "a"),
        (
            &["a", "--template={.metadata.name}", "-ojsonpath-as-json"],
            "[\n    \"a\"\n]\n",
        ),
        (&["a", "-ojsonpath-file", "--template", file], "a!"),
        (
            &["a", "-oname", "--template={.metadata.name}"],
            "lease.coordination.k8s.io/a\n",
        ),
    ] {
        let words = ["status"].iter().chain(words);
        said(&ns.run(&user, words), 0, expected, "");
    }
    // What is not found is an error where it has to be, and no grant is kept that cannot be told.
    let missing = "error: the template cannot be filled in: nope is not found\n";
    for subcommand in ["renew", "release"] {
        let words = [subcommand, "a", "--holder=me", "-o"];
        let lenient = words.iter().chain(&["jsonpath-as-json={.nope}"]);
        said(&ns.run(&user, lenient), 0, "[]\n", "");
        if subcommand == "release" {
            ns.edit("a", |lease| lease["spec"]["holderIdentity"] = "me".into());
        }
        let output = ns.run(&user, words.iter().chain(&["jsonpath={.nope}", strict]));
        let failed = (output.code, output.stdout.as_str());
        assert_eq!(failed, (Some(1), ""), "{output}");
        assert!(output.stderr.starts_with(missing), "{output}");
    }
    let format = "-o=jsonpath={.metadata.name[0]}";
    let output = ns.run(&user, ["acquire", "b", "--holder=me", format]);
    let failed = (output.code, output.stdout.as_str());
    assert_eq!(failed, (Some(1), ""), "{output}");
    assert_eq!(holder(&stored(&ns, "b")), "");
}

#[cfg(unix)]
fn has_kubectl() -> bool {
    let found = Command::new("/bin/sh", ["-c", "command -v kubectl"]).run();
    if found.code != Some(0) {
        println!("SKIPPED: there is no kubectl on PATH");
    }
    found.code == Some(0)
}

/// kubectl, which asks once what the server has.
fn kubectl(ns: &Namespace, user: &User, words: &[&str]) -> Command {
    let folder = ns.file("kubectl", "").with_file_name("kubectl-cache");
    let command = ns.program(user, "kubectl", words);
    command.arg("--cache-dir").arg(folder)
}

/// kubectl and `status` find the same in the Lease's own paths.
#[track_caller]
fn same(ns: &Namespace, user: &User, words: &[&str]) -> Output {
    let theirs = kubectl(ns, user, &[&["get", "lease"], words].concat()).run();
    let ours = ns.run(user, [&["status"], words].concat());
    let agree = (ours.code == Some(0)) == (theirs.code == Some(0));
    assert!(agree, "{ours}{theirs}");
    if theirs.code == Some(0) {
        assert_eq!(ours.stdout, theirs.stdout, "{words:?}");
    }
    ours
}

/// What is printed of one of these paths is in the tables of `src/jsonpath`; here all at once.
#[cfg(unix)] // kubectl on a POSIX PATH
#[test]
fn paths_and_columns_print_what_kubectl_prints() {
    let (ns, user) = fresh();
    if !has_kubectl() {
        return;
    }
    let mut a = held("a", "me", 600);
    a["metadata"]["labels"] = json!({"tier": "db", "app.io/x": "1"});
    a["metadata"]["annotations"] = json!({"n": "a b", "e": "", "q": "x'y\"z<&>", "f": "f.io/a"});
    ns.create(&a);
    let one = [
        "{.metadata.name}{\"\\t\"}{.spec}{.metadata}",
        "{.metadata.labels}{.metadata.annotations}{.metadata.annotations.q}",
        "{.metadata['name','namespace']}{.metadata.labels['app\\.io/x']}{.metadata.labels['app.io/x']}{.metadata.labels.app\\.io/x}",
        "{..name}{.metadata..n}{..metadata.name}{..holderIdentity}",
        "{.metadata.managedFields[*].manager}{.metadata.managedFields[0].manager}{.metadata.managedFields[-1].manager}",
        "{.metadata.creationTimestamp} {.metadata.uid} {.metadata.resourceVersion}",
        "{.nothing}x{.spec.holderIdentity.foo}{.metadata.name .spec}",
        "{\"a\" \"b\"}{1}{true}x{\"\\u0041\\x42\"}y",
    ];
    let one = format!("jsonpath={}", one.join("|"));
    for format in [
        &one,
        "jsonpath-as-json={.metadata.annotations}{.spec.holderIdentity}",
        "custom-columns=N:{.metadata.name},H:.spec.holderIdentity,D:.spec.leaseDurationSeconds,L:.metadata.labels,X:.nothing,A:.metadata.annotations.n,M:.metadata.managedFields[-1].manager",
        "custom-columns=E:.metadata.annotations.e,N:metadata.name",
    ] {
        let output = same(&ns, &user, &["a", "-o", format]);
        assert_eq!(output.code, Some(0), "{output}");
    }
    for format in [
        "jsonpath={.metadata.managedFields[5]}",
        "jsonpath={.metadata.name[0]}",
        "custom-columns=N",
    ] {
        let output = same(&ns, &user, &["a", "-o", format]);
        assert_ne!(output.code, Some(0), "{output}");
    }
    ns.create(&lease("b-10").holder("x").build());
    ns.create(&lease("b-9").duration(5).build());
    let list = [
        "{..metadata.name}{.items..leaseDurationSeconds}{.items[*].metadata.name}{.items[0,1].metadata.name}{.items[-1:].metadata.name}",
        "{.items[?(@.metadata.name==\"a\")].spec.holderIdentity}{.items[?(@.metadata.name != 'a' )].metadata.name}{.items[?(@.spec.leaseDurationSeconds>10)].metadata.name}{.items[?(@.spec.holderIdentity)].metadata.name}{.items[?(@.metadata.labels.app\\.io/x==\"1\")].metadata.name}",
        "{.items[*]['metadata.name', 'spec.holderIdentity']}{range .items[*]}[{.metadata.name}, {.spec.holderIdentity}] {end}\n",
    ];
    let list = format!("jsonpath={}", list.join("|"));
    for words in [
        &["-o", &list][..],
        &[
            "-o",
            "custom-columns=NAME:.metadata.name,HOLDER:.spec.holderIdentity,L:.metadata.labels",
        ],
        &["-o", "name", "--sort-by={.metadata.name}"],
        &["-o", "name", "--sort-by=.spec.leaseDurationSeconds"],
    ] {
        let output = same(&ns, &user, words);
        assert_eq!(output.code, Some(0), "{output}");
    }
    for words in [
        [
            "-o",
            "jsonpath={.items[?(@.spec.leaseDurationSeconds==\"x\")].metadata.name}",
        ],
        ["--sort-by=.nothing", "-oname"],
    ] {
        same(&ns, &user, &words);
    }
}

/// Strings that some parser of YAML takes for something else; more are in `src/output/yaml_tests.rs`.
const ODD: [&str; 16] = [
    "y",
    "off",
    "null",
    "~",
    "017",
    "0x1f",
    "1e3",
    "1:30",
    "2026-01-01T00:00:00Z",
    " x",
    "a: b",
    "a #b",
    "a\nb\n",
    "a\u{85}b",
    "a\u{1b}[2Jb",
    "ป\u{e34}ด\u{202e}x",
];

#[cfg(unix)] // kubectl on a POSIX PATH
#[test]
fn kubectl_reads_yaml_as_it_was_meant_and_creates_and_applies_it() {
    let (ns, _) = fresh();
    let user = ns.user(&[&VERBS[..], &["patch"]].concat());
    if !has_kubectl() {
        return;
    }
    let labels = "protected=yes,n=1a,y=no,off=1e3,t=0x1f,u=1_000,v=017";
    let made = [
        "create",
        "x",
        "--dry-run=client",
        "-o",
        "yaml",
        "--holder=1_000",
        "-l",
        labels,
    ];
    let mut documents = String::new();
    for odd in ODD {
        let reason = format!("--reason={odd}");
        let words = made.iter().copied().chain([reason.as_str()]);
        documents += &format!("---\n{}", ns.run(&user, words).stdout);
    }
    let words = [
        "create",
        "--dry-run=client",
        "--validate=false",
        "-ojson",
        "-f",
        "-",
    ];
    let output = kubectl(&ns, &user, &words).stdin(&documents).run();
    assert_eq!(output.code, Some(0), "{output}\n{documents}");
    let items = serde_json::Deserializer::from_str(&output.stdout).into_iter();
    let items: Vec<Value> = items.map(|item| item.expect("JSON")).collect();
    assert_eq!(items.len(), ODD.len());
    for (item, odd) in items.iter().zip(ODD) {
        let reason = &item["metadata"]["annotations"]["kubectl-lease/reason"];
        assert_eq!(reason.as_str(), Some(odd));
    }
    let labels = json!({"protected": "yes", "n": "1a", "y": "no", "off": "1e3", "t": "0x1f", "u": "1_000", "v": "017"});
    let yaml = ns.run(&user, made).stdout;
    let words = ["create", "--validate=false", "-f", "-"];
    let output = kubectl(&ns, &user, &words).stdin(&yaml).run();
    said(&output, 0, "lease.coordination.k8s.io/x created\n", "");
    let lease = stored(&ns, "x");
    assert_eq!(lease["metadata"]["labels"], labels);
    assert_eq!(lease["spec"]["holderIdentity"], "1_000");
    // Only a real server takes an apply, and only one with managed fields can refuse it.
    if shared().is_real() {
        let renew = ["renew", "x", "--holder=1_000", "-ojson"];
        let renewed = ns.run(&user, renew).stdout;
        let renewed: Value = serde_json::from_str(&renewed).expect("JSON");
        let lease = renewed["after"].to_string();
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=false",
            "-f",
            "-",
        ];
        let output = kubectl(&ns, &user, &apply).stdin(&lease).run();
        assert_eq!(output.code, Some(0), "{output}");
    }
}
