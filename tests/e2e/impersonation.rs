//! Acting as somebody else: `--as` and its companions, and the same in the kubeconfig.

use crate::support::{held_by_another, holder, said, set_free, status_as, stored};
use lease_harness::{Command, Namespace, Output, Rule};
use serde_json::json;

const NAME: &str = "lease.coordination.k8s.io/job\n";

#[test]
fn impersonation_without_the_permission_names_it() {
    let (ns, user) = held_by_another();
    let output = ns.run(&user, ["status", "job", "--as", "somebody"]);
    let expected = format!(
        "Error from server (Forbidden): users \"somebody\" is forbidden: User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope\n\
         Acting as somebody else (--as, or \"as\" in the kubeconfig) takes the verb \"impersonate\". A cluster admin grants it for \"somebody\" alone: kubectl create clusterrole impersonate-users:somebody --verb=impersonate --resource=users --resource-name=somebody --dry-run=client -o yaml | kubectl apply -f - && kubectl create clusterrolebinding impersonate-users:somebody:{} --clusterrole=impersonate-users:somebody --user={} --dry-run=client -o yaml | kubectl apply -f -\n",
        user.name, user.name, user.name
    );
    said(&output, 1, "", &expected);
}

#[test]
fn impersonation_acts_as_the_other_user_and_with_their_permissions() {
    let (ns, user) = held_by_another();
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
}

#[test]
fn impersonating_a_group_takes_its_permissions() {
    let (ns, _) = held_by_another();
    let impersonator = ns.user_with(&[Rule::leases(&["impersonate"])
        .on(&["users", "groups"])
        .everywhere()]);
    let flags = [
        "status",
        "job",
        "-oname",
        "--as=nobody",
        "--as-group=system:masters",
    ];
    said(&ns.run(&impersonator, flags), 0, NAME, "");
    let without = ns.run(&impersonator, ["status", "job", "--as=nobody"]);
    assert_eq!(without.code, Some(1), "{without}");
}

#[test]
fn a_group_or_uid_without_a_user_is_wrong_usage() {
    let (ns, user) = held_by_another();
    for flag in ["--as-group=g", "--as-uid=u", "--as-user-extra=k=v"] {
        let output = ns.run(&user, ["acquire", "job", flag]);
        let expected = "error: --as-group, --as-uid and --as-user-extra need a user to impersonate: give --as\n";
        said(&output, 2, "", expected);
    }
    for credentials in [
        json!({ "token": user.token, "as-groups": ["g"] }),
        json!({ "token": user.token, "as-uid": "u" }),
        json!({ "token": user.token, "as-user-extra": { "k": ["v"] } }),
    ] {
        let output = status_as(&ns, &user, &credentials).run();
        assert_eq!(output.code, Some(1), "{output}");
        let expected = "and nobody to impersonate: give it \"as\" too";
        assert!(output.stderr.contains(expected), "{output}");
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

/// Real server only: the in-process one knows no permissions on what else is said of a user.
#[test]
fn what_else_is_said_of_who_is_impersonated_reaches_the_server() {
    let (ns, _) = held_by_another();
    if ns.cluster().control_plane().is_none() {
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

#[test]
fn a_name_to_impersonate_that_no_header_carries_is_wrong_usage() {
    let (ns, user) = held_by_another();
    for (flags, what) in [
        (vec!["--as=a\nb"], r#"--as "a\nb""#),
        (vec!["--as=a", "--as-group=g\r"], r#"--as-group "g\r""#),
        (vec!["--as=a", "--as-uid=u\nv"], r#"--as-uid "u\nv""#),
    ] {
        let output = ns.run(&user, ["status", "job"].iter().chain(&flags));
        let expected =
            format!("error: {what} contains more than one line, which no HTTP header can carry\n");
        said(&output, 2, "", &expected);
    }
}
