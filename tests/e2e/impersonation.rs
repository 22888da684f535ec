//! Acting as somebody else: `--as` and its companions, and the same in the kubeconfig.

use crate::support::{AND, held_by_another, holder, said, set_free, status_as, stored};
use lease_harness::{Command, Namespace, Output, Rule};
use serde_json::json;

const NAME: &str = "lease.coordination.k8s.io/job\n";

#[test]
fn impersonation_takes_a_permission_and_gives_those_of_whom_it_is_for() {
    let (ns, user) = held_by_another();
    let output = ns.run(&user, ["status", "job", "--as", "somebody"]);
    let role = "impersonate-users:somebody";
    let expected = format!(
        "Error from server (Forbidden): users \"somebody\" is forbidden: User \"{0}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope\n\
         Acting as somebody else (--as, or \"as\" in the kubeconfig) takes the verb \"impersonate\". A cluster admin grants it for \"somebody\" alone: kubectl create clusterrole {role} --verb=impersonate --resource=users --resource-name=somebody --dry-run=client -o yaml | kubectl apply -f -{AND}kubectl create clusterrolebinding {role}:{0} --clusterrole={role} --user={0} --dry-run=client -o yaml | kubectl apply -f -\n",
        user.name
    );
    said(&output, 1, "", &expected);
    let reader = ns.user(&["get"]);
    let impersonator = ns.user_with(&[Rule::leases(&["impersonate"])
        .on(&["users", "groups"])
        .everywhere()]);
    let run = |arguments: &[&str], name: &str| {
        let command = ns.command(&impersonator, arguments);
        command.arg("--as").arg(name).run()
    };
    let status = ["status", "job", "-o", "name"];
    said(&run(&status, &reader.name), 0, NAME, "");
    set_free(&ns, "job");
    let acquire = ["acquire", "job", "--holder=me"];
    let output = run(&acquire, &reader.name);
    let expected = crate::support::forbidden(&ns, &reader, "update", Some("job"), "acquire");
    said(&output, 1, "", &expected);
    said(
        &run(&acquire, &user.name),
        0,
        "lease.coordination.k8s.io/job acquired\n",
        "",
    );
    assert_eq!(holder(&stored(&ns, "job")), "me");
    let group = ["--as=nobody", "--as-group=system:masters"];
    let output = ns.run(&impersonator, status.iter().chain(&group));
    said(&output, 0, NAME, "");
    let without = ns.run(&impersonator, ["status", "job", "--as=nobody"]);
    assert_eq!(without.code, Some(1), "{without}");
    // Real server only: the in-process one knows no permissions on what else is said of a user.
    if !ns.cluster().is_real() {
        println!("SKIPPED: the in-process server does not look at it");
        return;
    }
    let impersonator = ns.user_with(&[Rule::leases(&["impersonate"]).on(&["users"]).everywhere()]);
    let flags = ["status", "job", "--as=nobody", "--as-user-extra"];
    let given = ns.command(&impersonator, flags).arg("Team/a=x y").run();
    let file = json!({
        "token": impersonator.token, "as": "nobody", "as-user-extra": { "Team/a": ["x y"] },
    });
    let has_kubectl = Command::new("/bin/sh", ["-c", "command -v kubectl"]);
    if has_kubectl.run().code != Some(0) {
        println!("SKIPPED: there is no kubectl on PATH");
        return;
    }
    for output in [given, status_as(&ns, &impersonator, &file).run()] {
        assert_eq!(output.code, Some(1), "{output}");
        let expected = "cannot impersonate resource \"userextras/team/a\"";
        assert!(output.stderr.contains(expected), "{output}");
        assert!(output.stderr.contains("\"x y\""), "{output}");
    }
    let account = format!("--as=system:serviceaccount:{}:ci", ns.name());
    for call in [
        &["--as=nobody", "--as-user-extra=Team/a=x y"][..],
        &["--as=nobody", "--as-uid=u"],
        &["--as=nobody", "--as-group=it's"],
        &[&account],
    ] {
        let run = || ns.run(&impersonator, ["status", "job"].iter().chain(call));
        let output = run();
        if output.stderr.contains("cannot impersonate") {
            is_granted_by_the_commands_in(&output.stderr, &ns, run);
        }
    }
    for wrong in ["x", "=v", ""] {
        let output = ns.command(&impersonator, flags).arg(wrong).run();
        assert_eq!(output.code, Some(2), "{output}");
        assert!(output.stderr.contains("give KEY=VALUE"), "{output}");
    }
}

/// All commands of the advice as an admin, twice, and then the call is not refused for that any more.
#[track_caller]
fn is_granted_by_the_commands_in(stderr: &str, ns: &Namespace, again: impl Fn() -> Output) {
    let commands = stderr
        .split(" alone: ")
        .nth(1)
        .expect("commands")
        .lines()
        .next();
    let script = commands.unwrap_or_default();
    for _ in 0..2 {
        let output = ns.program(&ns.admin(), "sh", ["-c", script]).run();
        assert_eq!(output.code, Some(0), "{script}\n{output}");
    }
    let refused = stderr.lines().next().unwrap_or_default();
    let output = again();
    assert!(!output.stderr.contains(refused), "{script}\n{output}");
}
