//! What docs/runbooks.md says about locks that are stale, and about many at once: every line of it, as it is written.

use crate::support::{fresh, held, holder, stored};
use lease_harness::{Namespace, User, lease};
use serde_json::json;

const RUNBOOKS: &str = include_str!("../../docs/runbooks.md");
const LOCK: &str = "lock-tfstate-default-app";

/// The lines that a shell is given in the section of this heading.
fn lines(heading: &str) -> Vec<&'static str> {
    let mut sections = RUNBOOKS.split("\n## ");
    let section = sections.find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("no section {heading:?}"));
    let mut blocks = section.split("\n```");
    blocks.next();
    blocks
        .filter_map(|block| block.strip_prefix("sh\n"))
        .flat_map(str::lines)
        .collect()
}

/// Runs one, which has to do what it is there for.
#[track_caller]
fn run(ns: &Namespace, user: &User, line: &str) -> lease_harness::Output {
    let plugin = env!("CARGO_BIN_EXE_kubectl-lease");
    let script = line.replace("kubectl lease ", &format!("{plugin} "));
    let output = ns.program(user, "bash", ["-c", &script]);
    let output = output.env("LOCK_ID", "3b8c-7").run();
    assert_eq!(output.code, Some(0), "{line}\n{output}");
    output
}

#[test]
fn stale_locks_of_terraform_are_found_and_freed() {
    let (ns, user) = fresh();
    let lock = |name: &str| {
        let lock = lease(name).holder("3b8c-7").label("tfstate", "true");
        let note = json!({ "ID": "3b8c-7", "Who": "ci@runner" }).to_string();
        ns.create(&lock.annotation("app.terraform.io/lock-info", &note).build());
    };
    let [list, show, one, many] = lines("Stale locks of Terraform")[..] else {
        panic!("other lines")
    };
    for name in [LOCK, "lock-tfstate-default-db"] {
        lock(name);
    }
    assert!(
        run(&ns, &user, list)
            .stdout
            .contains("lock-tfstate-default-db")
    );
    assert!(run(&ns, &user, show).stdout.contains("ci@runner"));
    run(&ns, &user, one);
    assert_eq!(stored(&ns, LOCK)["spec"].get("holderIdentity"), None);
    let freed = run(&ns, &user, many);
    assert_eq!(
        freed.stdout,
        "lease.coordination.k8s.io/lock-tfstate-default-db released\n"
    );
}

#[test]
fn everything_of_an_application_is_held_for_a_maintenance_and_given_back() {
    let (ns, user) = fresh();
    for (name, holder) in [("a", "ada"), ("b", "")] {
        let mut lease = held(name, holder, 1);
        lease["metadata"]["labels"] = json!({ "app": "shop" });
        ns.create(&lease);
    }
    let [steal, release] = lines("A maintenance window")[..] else {
        panic!("other lines")
    };
    run(&ns, &user, steal);
    for name in ["a", "b"] {
        let lease = stored(&ns, name);
        assert!(!["", "ada"].contains(&holder(&lease)), "{lease}");
        assert_eq!(lease["spec"]["leaseDurationSeconds"], 4 * 3600);
    }
    assert_eq!(run(&ns, &user, release).stdout.lines().count(), 2);
}
