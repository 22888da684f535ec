//! Bad input: one line that names the value and what is allowed, exit 2, and no request sent.

use crate::support::{free, fresh, matches, said};
use lease_harness::{Command, Outlet, Proxy};

const NAME: &str = "a lease name is a DNS subdomain: at most 253 lower case letters, digits, '-' and '.', beginning and ending with a letter or digit";
const NAMESPACE: &str = "a namespace name is a DNS label: at most 63 lower case letters, digits and '-', beginning and ending with a letter or digit";
const DURATION: &str = "a duration is written like 90s, 10m, 1h30m or plain seconds";
const INT32: &str = "a lease duration is at most 2147483647s (an int32)";
const WHOLE: &str = "a lease duration is in whole seconds";
const ONE: &str = "a lease duration is at least 1s";
const NEGATIVE: &str = "a duration must not be negative";
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

pub fn invalid(value: &str, argument: &str, why: &str) -> String {
    format!("error: invalid value {value:?} for {argument}: {why}")
}

#[test]
fn lease_names_that_are_no_dns_subdomains_are_refused_by_every_subcommand() {
    let long = "a".repeat(254);
    let mut cases: Vec<(&[&str], String)> = Vec::new();
    for name in [
        "Job", "-job", "job-", "job_1", "a..b", ".a", "", "a b", "ümlaut", &long,
    ] {
        for subcommand in [
            "create", "acquire", "hold", "renew", "check", "release", "steal",
        ] {
            let arguments = vec![subcommand, "--", name].leak();
            let expected = match (subcommand, name) {
                // What follows `--` is the command.
                ("hold", _) => "error: …<NAME>…".to_owned(),
                ("release", name) => invalid(name, "<NAME>...", NAME),
                (_, name) => invalid(name, "<NAME>", NAME),
            };
            cases.push((arguments, expected));
        }
        let arguments = vec!["status", "--", name].leak();
        cases.push((arguments, invalid(name, "[NAME]...", NAME)));
    }
    cases.push((
        &["hold", "Job", "--", "true"],
        invalid("Job", "<NAME>", NAME),
    ));
    refused(&cases);
}

#[test]
fn durations_that_no_lease_can_have_are_refused() {
    let mut cases: Vec<(&[&str], String)> = Vec::new();
    for (value, why) in [
        ("0", ONE),
        ("0s", ONE),
        ("500ms", WHOLE),
        ("1.5s", WHOLE),
        ("-5s", NEGATIVE),
        ("-1", NEGATIVE),
        ("2147483648", INT32),
        ("600000h", INT32),
        ("99999999999999999999", DURATION),
        ("soon", DURATION),
        ("", DURATION),
        ("5 s", DURATION),
        ("1e3", DURATION),
    ] {
        for subcommand in ["create", "acquire", "hold", "steal"] {
            let flag = format!("--duration={value}").leak();
            let arguments = vec![subcommand, "job", flag].leak();
            cases.push((arguments, invalid(value, "--duration <DURATION>", why)));
        }
    }
    refused(&cases);
}

#[test]
fn timeouts_that_cannot_be_read_are_refused() {
    let bad = |flag: &'static str, value: &'static str, why| -> (&[&str], String) {
        let argument = flag.trim_end_matches('=');
        let arguments = vec!["hold", "job", format!("{flag}{value}").leak(), "--", "true"].leak();
        (
            arguments,
            invalid(value, &format!("{argument} <DURATION>"), why),
        )
    };
    refused(&[
        bad("--timeout=", "-1s", NEGATIVE),
        bad("--timeout=", "soon", DURATION),
        bad("--kill-after=", "x", DURATION),
        bad("--request-timeout=", "x", DURATION),
    ]);
}

#[test]
fn identities_that_are_empty_or_said_twice_are_refused() {
    let empty = |argument: &str| invalid("", argument, EMPTY);
    refused(&[
        (
            &["acquire", "job", "--holder="],
            empty("--holder <IDENTITY>"),
        ),
        (
            &["create", "job", "--holder="],
            empty("--holder <IDENTITY>"),
        ),
        (
            &["hold", "job", "--holder", ""],
            empty("--holder <IDENTITY>"),
        ),
        (
            &["renew", "job", "--holder", ""],
            empty("--holder <IDENTITY>"),
        ),
        (
            &["check", "job", "--holder", ""],
            empty("--holder <IDENTITY>"),
        ),
        (
            &["release", "job", "--holder", ""],
            empty("--holder <IDENTITY>"),
        ),
        (
            &["steal", "job", "--holder", ""],
            empty("--holder <IDENTITY>"),
        ),
        (
            &["steal", "job", "--if-holder="],
            empty("--if-holder <IDENTITY>"),
        ),
        (
            &["acquire", "job", "--holder", "  "],
            invalid("  ", "--holder <IDENTITY>", EMPTY),
        ),
        (
            &["acquire", "job", "--holder=me", "--unique"],
            "error: the argument '--holder <IDENTITY>' cannot be used with '--unique' (see --help)"
                .into(),
        ),
    ]);
}

#[test]
fn an_empty_identity_in_the_environment_is_refused_by_its_name() {
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

#[test]
fn labels_and_annotations_that_are_malformed_are_refused() {
    const KEY: &str = "is not allowed: an optional DNS subdomain and '/', then at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
    const VALUE: &str = "is not allowed: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
    const LABELS: &str = "--labels <KEY=VALUE,…>";
    const ANNOTATIONS: &str = "--annotations <KEY=VALUE,…>";
    refused(&[
        (
            &["create", "job", "-l", "a"],
            invalid("a", LABELS, "\"a\" is not of the form key=value"),
        ),
        (
            &["create", "job", "-l", ""],
            invalid("", LABELS, "\"\" is not of the form key=value"),
        ),
        (
            &["create", "job", "-l", "=x"],
            invalid("=x", LABELS, &format!("key \"\" {KEY}")),
        ),
        (
            &["create", "job", "-l", "a b=c"],
            invalid("a b=c", LABELS, &format!("key \"a b\" {KEY}")),
        ),
        (
            &["create", "job", "-l", "/a=c"],
            invalid("/a=c", LABELS, &format!("key \"/a\" {KEY}")),
        ),
        (
            &["create", "job", "-l", "a=b,c=-d"],
            invalid("a=b,c=-d", LABELS, &format!("label value \"-d\" {VALUE}")),
        ),
        (
            &["create", "job", "--annotations=a"],
            invalid("a", ANNOTATIONS, "\"a\" is not of the form key=value"),
        ),
        (
            &["create", "job", "--annotations=/=x"],
            invalid("/=x", ANNOTATIONS, &format!("key \"/\" {KEY}")),
        ),
    ]);
}

#[test]
fn an_unknown_format_names_those_there_are() {
    let wrong = |own: &str| {
        let allowed = format!(
            "allowed: {own}json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE, jsonpath-file=FILE"
        );
        invalid("xml", "--output <FORMAT>", &allowed)
    };
    refused(&[
        (&["create", "job", "-oxml"], wrong("name, ")),
        (&["acquire", "job", "-oxml"], wrong("env, name, ")),
        (&["renew", "job", "-oxml"], wrong("name, ")),
        (&["release", "job", "-oxml"], wrong("name, ")),
        (&["steal", "job", "-oxml"], wrong("env, name, ")),
        (
            &["status", "-oxml"],
            wrong("wide, name, custom-columns=HEADER:PATH,…, custom-columns-file=FILE, "),
        ),
        (&["version", "-oxml"], wrong("")),
        (
            &["create", "job", "--dry-run=x"],
            invalid("x", "--dry-run[=<WHERE>]", "allowed: none, client, server"),
        ),
        (
            &["completion", "tcsh"],
            invalid("tcsh", "<SHELL>", "allowed: bash, zsh, fish, powershell"),
        ),
    ]);
}

#[test]
fn namespaces_that_are_no_dns_labels_are_refused() {
    let wrong = |value: &str| invalid(value, "--namespace <NAME>", NAMESPACE);
    refused(&[
        (&["status", "-n", "A"], wrong("A")),
        (&["status", "-n", "a.b"], wrong("a.b")),
        (&["-n", "../x", "status"], wrong("../x")),
    ]);
}

#[test]
fn what_is_missing_unknown_or_contradictory_is_named() {
    refused(&[
        (&["hold", "job", "--"], "error: no command after '--': give one, or leave '--' out to hold until interrupted".into()),
        (&["acquire"], "error: the following required arguments were not provided: <NAME> (see --help)".into()),
        (&["aquire", "job"], "error: unrecognized subcommand 'aquire'…acquire…(see --help)".into()),
        (&["acquire", "job", "--wait"], "error: unknown flag '--wait'…(see --help)".into()),
        (&["acquire", "job", "-E", "300"], "error: invalid value \"300\" for --conflict-exit-code <CODE>: …255…".into()),
        (&["acquire", "job", "-E", "x"], "error: invalid value \"x\" for --conflict-exit-code <CODE>: …".into()),
        (&["status", "job", "-A"], "error: …cannot be used with…(see --help)".into()),
        (&["status", "job", "-l", "a=b"], "error: …cannot be used with…(see --help)".into()),
        (&["create", "job", "--preferred-holder=x"], "error: the following required arguments were not provided: --strategy <STRATEGY> (see --help)".into()),
        (&["acquire", "job", "--holder"], "error: …'--holder <IDENTITY>'…(see --help)".into()),
    ]);
}

#[test]
fn bad_input_in_any_bytes_is_escaped() {
    refused(&[(
        &["acquire", "job\u{1b}[2J\n"],
        format!("error: invalid value \"job\\u{{1b}}[2J\\n\" for <NAME>: {NAME}"),
    )]);
}

#[test]
fn help_is_printed_on_stdout_and_speaks_as_kubectl_lease() {
    let (ns, user) = fresh();
    let run = |arguments: &[&str]| ns.run(&user, arguments);
    for arguments in [&["--help"][..], &["-h"], &["help"], &[]] {
        let output = run(arguments);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output}"
        );
        assert!(
            output
                .stdout
                .contains("Usage: kubectl lease [OPTIONS] <COMMAND>"),
            "{output}"
        );
        assert!(
            output.stdout.contains("124  not acquired in time"),
            "{output}"
        );
    }
    let output = run(&["steal", "--help"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output
            .stdout
            .contains("Usage: kubectl lease steal [OPTIONS] <NAME>"),
        "{output}"
    );
    let error = run(&["steal"]);
    assert_eq!(
        (error.code, error.stdout.as_str()),
        (Some(2), ""),
        "{error}"
    );
}

#[test]
fn a_help_that_cannot_be_written_is_an_error_and_one_that_nobody_reads_on_is_none() {
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
        &["version"],
        &["completion", "bash"],
        &["man"],
    ] {
        let to = |outlet| Command::new(binary, arguments).stdout(outlet).run();
        said(&to(Outlet::File("/dev/full".into())), 1, "", full);
        said(&to(Outlet::Broken), 0, "", "");
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
    let flags = [
        "-v",
        "8",
        "--cache-dir=/tmp/x",
        "--match-server-version",
        "--disable-compression=true",
        "--warnings-as-errors=false",
        "--profile=none",
        "--log-flush-frequency=5s",
        "--kuberc=off",
        "--vmodule=a=1",
    ];
    let plain = ns.run(&user, ["status", "job", "-o", "name"]);
    let output = flags
        .iter()
        .fold(ns.command(&user, ["status"]), |command, flag| {
            command.arg(flag)
        })
        .arg("job")
        .arg("--output=name")
        .run();
    assert_eq!(
        (output.code, &output.stdout),
        (Some(0), &plain.stdout),
        "{output}"
    );
    assert!(output.stderr.contains("GET "), "level 8 traces: {output}");
    let version = ns.run(&user, ["--version"]);
    let word = ns.run(&user, ["version"]);
    assert_eq!((version.code, version.stdout), (Some(0), word.stdout));
}
