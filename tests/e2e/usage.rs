//! Bad input: one line that names the value and what is allowed, exit 2, and no request sent.

use crate::support::{free, fresh, held, holder, matches, said, stored};
use lease_harness::{Command, Outlet, Proxy};
use serde_json::json;

const EMPTY: &str =
    "a holder identity must not be empty: an empty holder means that the lease is free";

/// Runs each and asserts its one line on stderr (`…` for what is clap's to word), exit 2, and that nothing was sent.
#[track_caller]
pub fn refused(cases: &[(&[&str], String)]) {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    for (arguments, expected) in cases {
        let output = ns.command(&user, *arguments).via(&proxy).run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(2), ""),
            "{output}"
        );
        assert!(
            matches(&output.stderr, &format!("{expected}\n")),
            "not\n{expected}\nbut\n{output}"
        );
    }
    assert_eq!(proxy.requests().len(), 0);
}

#[test]
fn what_is_wrong_is_one_line_and_sends_nothing() {
    let name = "a lease name is a DNS subdomain: …";
    refused(&[
        (
            &["acquire", "job\u{1b}[2J\n"],
            format!("error: invalid value \"job\\u{{1b}}[2J\\n\" for <NAME>: {name}"),
        ),
        (
            &["hold", "job", "--"],
            "error: no command after '--': …".into(),
        ),
        (
            &["aquire", "job"],
            "error: unrecognized subcommand 'aquire'…".into(),
        ),
        (
            &["status", "--time=5s"],
            "error: unknown flag '--time'…".into(),
        ),
        (
            &["status", "lease", "a"],
            "error: \"lease\" is what kubectl calls the kind; …".into(),
        ),
        (&["steal"], "error: …<NAME>… (see --help)".into()),
    ]);
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    for subcommand in ["acquire", "renew", "check", "release", "steal"] {
        let command = ns.command(&user, [subcommand, "job"]).via(&proxy);
        let output = command.env("KUBECTL_LEASE_HOLDER", "").run();
        let expected =
            format!("error: KUBECTL_LEASE_HOLDER=\"\": {EMPTY}; unset it or give --holder\n");
        said(&output, 2, "", &expected);
    }
    assert_eq!(proxy.requests().len(), 0);
}

#[cfg(unix)] // /dev/full
#[test]
fn what_cannot_be_written_is_an_error_and_what_nobody_reads_on_is_none() {
    let binary = env!("CARGO_BIN_EXE_kubectl-lease");
    let full = "error: cannot write to stdout: No space left on device (os error 28)\n";
    for arguments in [
        &[][..],
        &["help"],
        &["help", "hold"],
        &["hold", "-h"],
        &["--help"],
        &["status", "--help"],
        &["completion", "--help"],
        &["explain"],
        &["explain", "proof"],
        &["options"],
        &["version"],
        &["completion", "bash"],
        &["man"],
    ] {
        let to = |outlet| Command::new(binary, arguments).stdout(outlet).run();
        said(&to(Outlet::File("/dev/full".into())), 1, "", full);
        said(&to(Outlet::Broken), 0, "", "");
    }
    let (ns, user) = fresh();
    let mut lease = held("job", "me", 60);
    // More than a pipe holds.
    let reason = "x".repeat(200_000);
    lease["metadata"]["annotations"] = json!({ "kubectl-lease/reason": reason });
    ns.create(&lease);
    for arguments in [
        "status job -o json",
        "status -o wide",
        "renew job --holder=me -o json",
    ] {
        let script =
            format!("kubectl-lease {arguments} | head -1 >/dev/null; echo \"${{PIPESTATUS[0]}}\"");
        let output = ns.program(&user, "bash", ["-c", &script]).run();
        said(&output, 0, "0\n", "");
    }
    for arguments in ["status job", "status -o name"] {
        let script = format!("kubectl-lease {arguments} >/dev/full");
        let output = ns.program(&user, "bash", ["-c", &script]).run();
        said(&output, 1, "", full);
    }
}

#[test]
fn version_and_completion_need_no_cluster() {
    let binary = env!("CARGO_BIN_EXE_kubectl-lease");
    let run = |arguments: &[&str]| Command::new(binary, arguments).run();
    let version = env!("CARGO_PKG_VERSION");
    said(
        &run(&["version"]),
        0,
        &format!("kubectl-lease v{version}\n"),
        "",
    );
    said(
        &run(&["version", "-oyaml"]),
        0,
        &format!("version: v{version}\n"),
        "",
    );
    let json = format!("{{\n    \"version\": \"v{version}\"\n}}\n");
    said(&run(&["version", "-ojson"]), 0, &json, "");
    for version in [&["--version"][..], &["version", "--client=true"]] {
        assert!(run(version).stdout.starts_with("kubectl-lease v"));
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = run(&["completion", shell]);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output}"
        );
        assert!(output.stdout.contains("acquire"), "{shell}");
    }
}

/// From the fewest with which the program's libraries can be loaded.
#[cfg(unix)] // resource limits
#[test]
fn few_open_files_are_enough_or_the_limit_is_named() {
    let binary = env!("CARGO_BIN_EXE_kubectl-lease");
    let (ns, user) = fresh();
    ns.create(&free("job"));
    for limit in (4..24).chain([32, 40]) {
        for (arguments, failed) in [
            (&["status"][..], 1),
            (&["acquire", "job"], 1),
            (&["release", "job"], 1),
            (&["hold", "job", "--", "true"], 125),
            (&["create", "job", "--ignore-existing"], 1),
            (&["version"], 1),
        ] {
            // The one that needs the most with each, the others in turn.
            let turn = limit % 5 == arguments[0].len() % 5;
            if arguments[0] != "hold" && !turn && limit < 32 {
                continue;
            }
            if arguments[0] == "acquire" || arguments[0] == "hold" {
                crate::support::set_free(&ns, "job");
            }
            let line = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
            let words = ["-c", &line, binary]
                .into_iter()
                .chain(arguments.iter().copied());
            let output = ns.program(&user, "sh", words).run();
            if output.code == Some(0) {
                continue;
            }
            assert!(limit < 32, "{limit}: {output}");
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(failed), ""),
                "{limit}: {output}"
            );
            assert!(output.stderr.contains("(ulimit -n)"), "{limit}: {output}");
        }
    }
}

#[test]
fn what_is_typed_for_kubectl_is_taken() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let name = "lease.coordination.k8s.io/job\n";
    let ignored = "--cache-dir=/tmp/x --match-server-version --disable-compression=true --warnings-as-errors=false \
        --profile=none --log-flush-frequency=5s --kuberc=off --vmodule=a=1";
    let run = |line: &str| ns.run(&user, line.split_whitespace());
    said(
        &run(&format!("status {ignored} job --output=name")),
        0,
        name,
        "",
    );
    said(
        &run("status job -wA=false -w=0 -oname --help=false"),
        0,
        name,
        "",
    );
    said(&run("status job -v 0 -oname"), 0, name, "");
    let traced = run("status -v 8 job -oname");
    assert_eq!(
        (traced.code, traced.stdout.as_str()),
        (Some(0), name),
        "{traced}"
    );
    assert!(traced.stderr.contains("GET "), "level 8 traces: {traced}");
    for value in ["true", "1"] {
        let output = ns.run(&user, ["create", "new", &format!("--dry-run={value}")]);
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(
            output.stderr,
            format!(
                "warning: --dry-run={value} is deprecated (boolean value) and can be replaced with --dry-run=client\n"
            )
        );
        assert!(ns.get("new").is_none(), "it was created");
    }
    let output = ns.run(&user, ["create", "new", "--dry-run=false", "--holder=me"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stderr.contains("--dry-run=none"), "{output}");
    assert_eq!(holder(&stored(&ns, "new")), "me");
    let output = ns.run(&user, ["create", "other", "--dry-run=foo"]);
    assert_eq!(output.code, Some(2), "{output}");
}
