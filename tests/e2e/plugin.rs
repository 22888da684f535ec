//! kubectl itself runs the plugin. Where there is no kubectl on PATH, these tests say SKIPPED.

use crate::support::{fresh, held, not_found, said};
use lease_harness::{Command, Namespace, User};

/// `kubectl lease …` with the binary on PATH; kubectl sends no token over plain HTTP, so straight to the server.
fn kubectl(ns: &Namespace, user: &User, arguments: &[&str]) -> Option<Command> {
    let found = Command::new("/bin/sh", ["-c", "command -v kubectl"]).run();
    if found.code != Some(0) {
        println!("SKIPPED: there is no kubectl on PATH");
        return None;
    }
    let command = ns.program(user, "kubectl", ["lease"]);
    Some(
        arguments
            .iter()
            .fold(command, |c, argument| c.arg(argument)),
    )
}

#[test]
fn kubectl_lists_the_plugin_runs_it_and_shows_what_it_holds() {
    let (ns, user) = fresh();
    let Some(status) = kubectl(&ns, &user, &["status", "job", "-o", "name"]) else {
        return;
    };
    said(&status.run(), 121, "", &not_found(&ns, "job"));
    ns.create(&held("job", "other", 60));
    said(&status.run(), 0, "lease.coordination.k8s.io/job\n", "");
    let output = kubectl(&ns, &user, &["acquire", "job", "--timeout=0", "-E", "7"]);
    assert_eq!(output.map(|command| command.run().code), Some(Some(7)));
    let output = ns.program(&user, "kubectl", ["plugin", "list"]).run();
    let binary = env!("CARGO_BIN_EXE_kubectl-lease");
    assert!(output.stdout.lines().any(|line| line == binary), "{output}");
    let flags = ["acquire", "new", "--create", "--holder=me"];
    let Some(acquire) = kubectl(&ns, &user, &flags) else {
        return;
    };
    said(
        &acquire.run(),
        0,
        "lease.coordination.k8s.io/new acquired\n",
        "",
    );
    let path = "jsonpath={.spec.holderIdentity} {.spec.leaseTransitions}";
    let get = ["get", "lease", "new", "-o", path];
    said(&ns.program(&user, "kubectl", get).run(), 0, "me 1", "");
}
