//! What a cluster admin is told to do about a missing permission: pasted, it helps, and it can be pasted again.

use crate::support::{each, forbidden, fresh, held, untouched};
use lease_harness::{Command, Namespace, User};

fn has_kubectl() -> bool {
    let found = Command::new("/bin/sh", ["-c", "command -v kubectl"]).run();
    if found.code != Some(0) {
        println!("SKIPPED: there is no kubectl on PATH");
    }
    found.code == Some(0)
}

/// The words behind `grants all that this takes: `, of every line that has them.
fn advised(stderr: &str) -> Vec<&str> {
    let lines = stderr.lines();
    lines
        .filter_map(|line| Some(line.split_once("grants all that this takes: ")?.1))
        .collect()
}

/// Two Leases of `user`, who may read the second.
fn scene() -> (Namespace, User) {
    let (ns, _) = fresh();
    let user = ns.user_with(&[]);
    for name in ["a", "b"] {
        ns.create(&held(name, "me", 60));
    }
    (ns, user)
}

/// In each namespace of its own: the call, what its user may, and what is missing.
#[test]
fn a_missing_verb_is_named_with_the_role_that_grants_it_and_nothing_is_written() {
    each(
        [
            (&["acquire", "job"][..], &["update"][..], "get"),
            (&["acquire", "job"], &["get", "list", "watch"], "update"),
            (
                &["acquire", "new", "--create"],
                &["get", "update"],
                "create",
            ),
            (&["create", "new"], &["get", "update"], "create"),
            (&["renew", "job"], &["get"], "update"),
            (&["release", "job"], &["get"], "update"),
            (&["steal", "job", "--yes", "--now"], &["get"], "update"),
            (&["check", "job"], &["list"], "get"),
        ],
        |(call, verbs, missing)| {
            let (ns, _) = fresh();
            let user = ns.user(verbs);
            let acquires = call[0] == "acquire";
            let before = ns.create(&held("job", if acquires { "" } else { "me" }, 60));
            let command = ns.command(&user, call);
            let output = command.env("KUBECTL_LEASE_HOLDER", "me").run();
            let words = match call {
                ["acquire", _, "--create"] => "acquire --create",
                _ => call[0],
            };
            let lease = (call[0] != "create").then_some(call[1]);
            let expected = forbidden(&ns, &user, missing, lease, words);
            assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""));
            // Before it, a steal shows whom it would rob.
            assert!(output.stderr.ends_with(&expected), "{output}");
            assert!(call[0] == "steal" || output.stderr == expected, "{output}");
            untouched(&ns, &before);
            assert!(ns.get("new").is_none());
        },
    );
    // One role for all names of a call.
    let (ns, user) = scene();
    for call in [
        &["release", "a", "b", "a", "--holder=me"][..],
        &["status", "a", "b"],
    ] {
        let output = ns.run(&user, call);
        assert_eq!(output.code, Some(1), "{output}");
        let advised = advised(&output.stderr);
        assert_eq!(advised.len(), 1, "{output}");
        let both = " --resource-name=a --resource-name=b --dry-run";
        assert!(advised[0].contains(both), "{output}");
        let refused = output.stderr.matches("(Forbidden)").count();
        assert_eq!(refused, 2, "{output}");
    }
    let alone = ns.run(&user, ["status", "b"]);
    assert!(
        alone.stderr.contains("role lease-get:b -n") && !alone.stderr.contains("=a "),
        "{alone}"
    );
}

/// Real server only: the in-process one keeps no roles.
#[test]
fn pasted_it_helps_and_is_pasted_again() {
    let (ns, user) = scene();
    if !ns.cluster().is_real() || !has_kubectl() {
        println!("SKIPPED: it takes a real server and kubectl");
        return;
    }
    let paste = |call: &[&str]| {
        let output = ns.run(&user, call);
        let script = advised(&output.stderr).join("\n");
        for _ in 0..2 {
            let pasted = ns.program(&ns.admin(), "sh", ["-c", &script]).run();
            assert_eq!(pasted.code, Some(0), "{script}\n{pasted}");
        }
        ns.run(&user, call)
    };
    let release = ["release", "a", "b", "--holder=me"];
    let released = paste(&release);
    assert_eq!(released.code, Some(0), "{released}");
    let listed = paste(&["status"]);
    assert_eq!(listed.code, Some(0), "{listed}");
    // Nobody is bound to a role that could not be made: another's, as it is, may have more.
    let output = ns.run(&user, ["create", "c"]);
    let script = advised(&output.stderr).join("\n");
    let broken = script.replacen("--verb=create", "--verb=", 1);
    let pasted = ns.program(&ns.admin(), "sh", ["-c", &broken]).run();
    assert_ne!(pasted.code, Some(0), "{pasted}");
    assert!(!pasted.stdout.contains("rolebinding"), "{pasted}");
}
