//! Waiting for oneself: a lease that the process runs under already, however many others are between.

use crate::hold::scene::shell;
use crate::support::{SOON, ended, fresh, holder, stored, transitions};
use lease_harness::{Command, Namespace, Output, User, lease};
use serde_json::json;
use std::time::Duration;

const TOOL: &str = env!("CARGO_BIN_EXE_kubectl-lease");
const ITSELF: &str = "so it would wait for itself";

/// Free leases of this duration, so long that nothing expires while a test runs.
fn leases(names: &[&str]) -> (Namespace, User) {
    let (ns, user) = fresh();
    for name in names {
        ns.create(&lease(name).duration(120).build());
    }
    (ns, user)
}

/// `hold`, which takes the first lease and runs a script under it.
fn outer(ns: &Namespace, user: &User, script: &str) -> Command {
    ns.command(user, ["hold", "job", "--"]).args(shell(script))
}

/// Whether a script needs a shell that is not there.
fn is_skipped(script: &str) -> bool {
    cfg!(not(unix)) && script.contains("eval")
}

#[track_caller]
fn refused(output: &Output, code: i32) {
    ended(output, code, "");
    assert!(output.stderr.contains(ITSELF), "{output}");
    assert!(!output.stderr.contains("steal"), "{output}");
    assert!(output.elapsed < Duration::from_secs(15), "{output}");
}

#[test]
fn inside_a_hold_the_same_lease_is_refused_at_once_and_stolen_only_now() {
    let (ns, user) = leases(&["job", "other", "third"]);
    for (script, code) in [
        (
            "exec kubectl lease hold job --timeout 0 -E 77 -- echo ran",
            77,
        ),
        ("kubectl lease acquire job --holder somebody -E 9", 9),
        (
            "kubectl lease hold other -- kubectl lease hold third -- kubectl lease acquire job",
            124,
        ),
        (
            "eval \"$(kubectl lease acquire other --unique -o env)\"; kubectl lease release other >&2; kubectl lease hold job -- echo ran",
            124,
        ),
        ("kubectl lease hold job --steal --yes -- echo ran", 124),
    ] {
        if is_skipped(script) {
            continue;
        }
        refused(&outer(&ns, &user, script).run(), code);
        assert_eq!(holder(&stored(&ns, "job")), "", "given back after {script}");
    }
    // Whoever waits for its own hold to stop is stopped by it, and leaves what it took to nobody.
    for (steal, others) in [
        ("steal job --holder thief --yes", ""),
        (
            "steal job other --holder me --yes -o name",
            "lease.coordination.k8s.io/other\n",
        ),
        ("steal job --holder thief --yes --dry-run=server", ""),
    ] {
        let script = format!("kubectl lease hold third -- kubectl lease {steal}; echo exit $?");
        let output = outer(&ns, &user, &script).run();
        ended(&output, 0, &format!("{others}exit 120\n"));
        for said in [
            "not stolen: this process runs under it",
            "would be stopped half-way",
        ] {
            assert!(output.stderr.contains(said), "{output}");
        }
        assert_eq!(holder(&stored(&ns, "job")), "", "given back after {steal}");
    }
    let script = "kubectl lease steal job --holder thief --yes --now; exec sleep 600";
    let running = outer(&ns, &user, script).spawn();
    running.wait_stderr(
        |line| line.contains("this process already runs under it"),
        SOON,
    );
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "thief");
}

/// The hold kills whoever says it, as soon as the lease is not its own any more.
#[test]
fn inside_a_hold_all_is_said_before_its_own_lease_is_stolen_or_freed() {
    for (words, last, left) in [
        (
            "steal job --holder thief --now",
            "a hold around it will stop it when the lease is taken",
            "thief",
        ),
        (
            "steal job other --holder thief --now",
            "\"job\": this process already runs under it: a hold around it will stop it",
            "thief",
        ),
        (
            "release job --holder thief --force",
            "To wait for that, take it over: ",
            "",
        ),
        (
            "release job other --holder thief --force --ignore-not-held",
            "warning: this process runs under \"job\": a hold around it will stop it",
            "",
        ),
    ] {
        let (ns, user) = leases(&["job", "other"]);
        let script = format!("kubectl lease {words} --yes; exec sleep 600");
        let output = outer(&ns, &user, &script).run();
        assert_eq!(output.code, Some(123), "{words}: {output}");
        assert!(output.stderr.contains(last), "{words}: {output}");
        assert_eq!(holder(&stored(&ns, "job")), left, "{words}: {output}");
    }
}

#[test]
fn inside_a_hold_nobody_fails_its_lease_over() {
    let (ns, user) = leases(&["job"]);
    let script = "kubectl lease failover job --yes; echo exit $?; exit 7";
    let output = outer(&ns, &user, script).run();
    ended(&output, 7, "exit 120\n");
    assert!(
        output.stderr.contains("would be stopped half-way"),
        "{output}"
    );
    let stored = stored(&ns, "job");
    assert_eq!((holder(&stored), transitions(&stored)), ("", 1));
}

#[cfg(unix)] // a POSIX shell
#[test]
fn after_acquire_a_second_one_in_the_same_shell_is_refused_unless_it_reenters() {
    let (ns, user) = leases(&["job", "other"]);
    let shell = |script: &str| {
        let script = script.replace("kubectl lease", TOOL);
        ns.program(&user, "/bin/sh", ["-c", &script])
            .env("KUBECTL_LEASE_HOLDER", "it's \"me\"")
            .run()
    };
    let acquired = "eval \"$(kubectl lease acquire job -o env)\"; eval \"$(kubectl lease acquire other -o env)\"; ";
    refused(
        &shell(&format!(
            "{acquired} exec kubectl lease hold job -- echo ran"
        )),
        124,
    );
    crate::support::set_free(&ns, "job");
    crate::support::set_free(&ns, "other");
    let output = shell(&format!(
        "{acquired} exec kubectl lease acquire job --reenter"
    ));
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(transitions(&stored(&ns, "job")), 3);
    // Taken again and again, the name keeps its length.
    crate::support::set_free(&ns, "job");
    let script = "for i in 1 2 3; do \
            grant=$(kubectl lease acquire job --unique -o env) || exit; eval \"$grant\"; \
            echo $KUBECTL_LEASE_HOLDER; kubectl lease release job >&2 || exit; \
        done";
    let script = script.replace("kubectl lease", TOOL);
    let output = ns.program(&user, "/bin/sh", ["-c", &script]).run();
    let names: Vec<&str> = output.stdout.lines().collect();
    assert_eq!((output.code, names.len()), (Some(0), 3), "{output}");
    assert_eq!(names[0].len(), names[2].len(), "{output}");
    assert!(names[0] != names[1] && names[1] != names[2], "{output}");
}

#[test]
fn the_grant_of_a_hold_is_not_for_what_runs_under_it_to_release_whatever_is_between() {
    let (ns, user) = leases(&["job", "other", "third"]);
    for script in [
        "kubectl lease release job; echo $?",
        "kubectl lease release job --holder $KUBECTL_LEASE_HOLDER --now; echo $?",
        "kubectl lease hold other -- kubectl lease hold third --holder me -- kubectl lease release job --holder me --now; echo $?",
        "eval \"$(kubectl lease acquire other -o env --holder me)\"; kubectl lease release job --holder me; echo $?",
    ] {
        if is_skipped(script) {
            continue;
        }
        let command = ns.command(&user, ["hold", "job", "--holder=me", "--"]);
        let output = command.args(shell(script)).run();
        ended(&output, 0, "122\n");
        let kept = "a hold around this command keeps it";
        assert!(output.stderr.contains(kept), "{output}");
        assert_eq!(holder(&stored(&ns, "job")), "", "{output}");
        crate::support::set_free(&ns, "other");
    }
}

#[cfg(unix)] // a POSIX shell
#[test]
fn what_the_command_of_a_hold_has_taken_is_its_own_to_release() {
    let (ns, user) = leases(&["job", "other"]);
    let script = "grant=$(kubectl lease acquire other --unique -o env) || exit; eval \"$grant\"; \
        kubectl lease release other >&2 && echo freed";
    let output = outer(&ns, &user, script).run();
    assert_eq!(output.stdout, "freed\n", "{output}");
}

#[test]
fn below_a_hold_its_lease_is_not_released_with_the_others() {
    let (ns, user) = fresh();
    for name in ["inner", "outer"] {
        let mut free = lease(name).duration(60).build();
        free["metadata"]["labels"] = json!({ "app": "x" });
        ns.create(&free);
    }
    ns.edit("inner", |lease| {
        lease["spec"]["holderIdentity"] = "me".into()
    });
    let script =
        "kubectl lease release -l app=x; echo $?; kubectl lease release -l app=x --force --yes";
    let hold = ns.command(&user, ["hold", "outer", "--holder=me", "--"]);
    let output = hold.args(shell(script)).run();
    let code = "lease.coordination.k8s.io/inner released\n122\n";
    assert!(output.stdout.starts_with(code), "{output}");
    let refused = "error: lease \"outer\" not released: a hold around this command keeps it\n";
    assert!(output.stderr.contains(refused), "{output}");
    // By force it is, and that is said before.
    let warning = "warning: this process runs under \"outer\": a hold around it will stop it\n";
    assert!(output.stderr.contains(warning), "{output}");
    assert_eq!(output.code, Some(123), "{output}");
}
