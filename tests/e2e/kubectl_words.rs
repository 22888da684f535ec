//! Words of kubectl's own that mean here what they mean there, or nothing.

use crate::support::{free, fresh, holder, stored};
use lease_harness::Proxy;
use serde_json::json;

#[test]
fn a_boolean_dry_run_is_taken_and_said_to_be_deprecated() {
    let (ns, user) = fresh();
    for value in ["true", "1"] {
        let output = ns.run(&user, ["create", "job", &format!("--dry-run={value}")]);
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(
            output.stderr,
            format!(
                "warning: --dry-run={value} is deprecated (boolean value) and can be replaced with --dry-run=client\n"
            )
        );
        assert!(ns.get("job").is_none(), "it was created");
    }
    let output = ns.run(&user, ["create", "job", "--dry-run=false", "--holder=me"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stderr.contains("--dry-run=none"), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
    let output = ns.run(&user, ["create", "other", "--dry-run=foo"]);
    assert_eq!(output.code, Some(2), "{output}");
}

#[test]
fn version_takes_the_flag_of_kubectls() {
    let (ns, user) = fresh();
    let plain = ns.run(&user, ["version"]);
    for flag in ["--client", "--client=true"] {
        let output = ns.run(&user, ["version", flag]);
        assert_eq!(
            (output.code, &output.stdout),
            (Some(0), &plain.stdout),
            "{output}"
        );
    }
}

#[test]
fn a_user_and_a_password_are_sent_as_they_are_given() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let words = ["status", "job", "--username=ada", "--password=secret"];
    let output = ns.command(&user, words).via(&proxy).run();
    let requests = proxy.requests();
    let headers = requests.iter().flat_map(|request| &request.headers);
    let sent: Vec<&str> = headers
        .filter(|(name, _)| name == "authorization")
        .map(|(_, value)| value.as_str())
        .collect();
    // ada:secret
    assert_eq!(sent.first(), Some(&"Basic YWRhOnNlY3JldA=="), "{output}");
    assert!(!output.stderr.contains("secret"), "{output}");
}

#[test]
fn an_annotation_may_be_json() {
    let (ns, user) = fresh();
    let json = r#"{"a":1,"b":"x=1,y"}"#;
    let flag = format!("--annotations=json={json},b=2");
    let output = ns.run(&user, ["create", "job", &flag]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(
        stored(&ns, "job")["metadata"]["annotations"],
        json!({"json": json, "b": "2"})
    );
}

#[test]
fn a_column_without_a_path_has_nothing() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let output = ns.run(
        &user,
        ["status", "-o", "custom-columns=N:,M:.metadata.name"],
    );
    assert_eq!(output.stdout, "N        M\n<none>   job\n", "{output}");
}

#[test]
fn no_help_is_wider_than_a_terminal() {
    let (ns, user) = fresh();
    for command in [
        "acquire",
        "check",
        "completion",
        "create",
        "explain",
        "hold",
        "options",
        "release",
        "renew",
        "status",
        "steal",
        "version",
    ] {
        let output = ns.run(&user, [command, "--help"]);
        let lines: Vec<&str> = output.stdout.lines().collect();
        for line in &lines {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
        // A paragraph whose line was broken where it was not written to be leaves a word alone.
        let alone =
            |line: &&&str| !line.starts_with(' ') && !line.is_empty() && !line.contains([' ', ':']);
        assert_eq!(lines.iter().find(alone), None, "{command}");
    }
}
