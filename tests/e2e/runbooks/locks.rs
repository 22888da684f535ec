//! The pages on locks that somebody has: stuck, stale, or held for a maintenance.

use lease_harness::lease;
use serde_json::json;

use super::page::Page;
use crate::support::{SOON, free, held, holder, set_free, stored};

const TAKE: &str = "Take it over?";

/// With what `hold` adds to an identity.
const RUNNER: &str = "ci-runner-7_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10";

/// A live one, as a CI job has it.
fn runner(page: &Page, name: &str) -> lease_harness::Running {
    let line = format!(
        "exec kubectl lease hold {name} --holder {RUNNER} --create --duration 10s -- sleep 600"
    );
    let running = page.shell(&line).spawn();
    let is_held = |lease: &serde_json::Value| holder(lease) == RUNNER;
    page.ns.wait_until(name, is_held, SOON);
    running
}

pub fn stuck(page: &mut Page) {
    page.replace("ci-runner-7", RUNNER);
    page.ns.create(&free("deploy"));
    let victim = runner(page, "deploy");
    let shown = page.run("kubectl lease status deploy", 0);
    assert!(shown.stdout.contains("ci-runner-7"), "{shown}");
    // The robbed hold acknowledges its stop; a machine that is too busy for that costs 10 s.
    page.agree("kubectl lease steal deploy", TAKE);
    let output = victim.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    page.run("kubectl lease release deploy", 0);
    let victim = runner(page, "deploy");
    let screen = page.agree("kubectl lease hold deploy --steal", TAKE);
    assert!(screen.contains("deploy.sh runs"), "{screen}");
    assert_eq!(victim.wait(SOON).code, Some(123));
    page.ns.edit("deploy", |lease| {
        lease["spec"] = held("deploy", RUNNER, 3600)["spec"].clone();
    });
    page.agree("kubectl lease release deploy --force", "Free it?");
    assert_eq!(holder(&stored(&page.ns, "deploy")), "");
    page.run("kubectl lease wait deploy --for=free", 0);
    page.run("kubectl lease status deploy --exit-code", 4);
    let gone = lease("stuck").holder("nightly-28391-x7k2p").build();
    page.ns.create(&gone);
    let shown = page.run("kubectl lease status -A --holder-gone", 0);
    let line = |line: &str| line.contains(page.ns.name()) && line.contains("nightly-28391-x7k2p");
    assert!(shown.stdout.lines().any(line), "{shown}");
}

pub fn maintenance(page: &mut Page) {
    for (name, holder) in [("a", "ada"), ("b", "")] {
        let mut lease = held(name, holder, 1);
        lease["metadata"]["labels"] = json!({ "app": "shop" });
        page.ns.create(&lease);
    }
    let shown = page.run("kubectl lease status -l app=shop", 0);
    assert!(shown.stdout.contains("ada"), "{shown}");
    page.run("kubectl lease steal -l app=shop", 0);
    for name in ["a", "b"] {
        let lease = stored(&page.ns, name);
        assert!(!["", "ada"].contains(&holder(&lease)), "{lease}");
        assert_eq!(lease["spec"]["leaseDurationSeconds"], 4 * 3600);
    }
    let shown = page.run("kubectl lease status -l app=shop --state held", 0);
    assert_eq!(shown.stdout.lines().count(), 3, "{shown}");
    // A job that is queued takes its lease as soon as it is free, and is not stopped by what the page does then.
    let queued = page.shell("exec kubectl lease hold a -- sh -c 'sleep 2; echo done'");
    let queued = queued.spawn();
    queued.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    // Nor is one of whoever came in the window.
    let mut other = held("c", "a-job", 40);
    other["metadata"]["labels"] = json!({ "app": "shop" });
    page.ns.create(&other);
    page.run("for lease in ", 0);
    assert_eq!(stored(&page.ns, "c")["spec"], other["spec"]);
    let freed = page.run("kubectl lease release -l app=shop", 0);
    assert_eq!(freed.stdout.lines().count(), 2, "{freed}");
    let queued = queued.wait(SOON);
    assert_eq!(
        (queued.code, &*queued.stdout),
        (Some(0), "done\n"),
        "{queued}"
    );
    for name in ["a", "b"] {
        assert_eq!(stored(&page.ns, name)["spec"]["leaseDurationSeconds"], 15);
    }
}

pub fn terraform(page: &mut Page) {
    const LOCK: &str = "lock-tfstate-default-app";
    page.set("LOCK_ID", "3b8c-7");
    for name in [LOCK, "lock-tfstate-default-db"] {
        let lock = lease(name).holder("3b8c-7").label("tfstate", "true");
        let note = json!({ "ID": "3b8c-7", "Who": "ci@runner" }).to_string();
        let lock = lock.annotation("app.terraform.io/lock-info", &note);
        page.ns.create(&lock.build());
    }
    let shown = page.run("kubectl lease status -l tfstate=true", 0);
    assert!(shown.stdout.contains("lock-tfstate-default-db"), "{shown}");
    let shown = page.run("kubectl lease status lock-tfstate-default-app", 0);
    for part in ["ci@runner", "3b8c-7"] {
        assert!(shown.stdout.contains(part), "{shown}");
    }
    page.run("kubectl lease release lock-tfstate-default-app --force", 0);
    let lock = stored(&page.ns, LOCK);
    assert_eq!(lock["spec"].get("holderIdentity"), None, "{lock}");
    let note = &lock["metadata"]["annotations"]["app.terraform.io/lock-info"];
    assert!(note.is_null(), "{lock}");
    let freed = page.run("kubectl lease release -l tfstate=true", 0);
    let other = "lease.coordination.k8s.io/lock-tfstate-default-db released\n";
    assert_eq!(freed.stdout, other);
    let shown = page.run("kubectl lease status -l tfstate=true --state held", 0);
    assert!(!shown.stdout.contains("lock-tfstate"), "{shown}");
}

pub fn mine(page: &mut Page) {
    let acquire = "kubectl lease acquire deploy --create --duration 60s";
    assert_eq!(page.shell(acquire).run().code, Some(0));
    page.run("kubectl lease check deploy", 0);
    page.run("kubectl lease renew deploy", 0);
    // And where it is not.
    page.ns.edit("deploy", |lease| {
        lease["spec"]["holderIdentity"] = json!("ci-runner-7");
    });
    for command in ["check", "renew"] {
        let output = page.shell(&format!("kubectl lease {command} deploy")).run();
        assert_eq!(output.code, Some(122), "{output}");
    }
    set_free(&page.ns, "deploy");
}

pub fn clock(page: &mut Page) {
    // A clock that is a quarter of an hour ahead.
    let lease = lease("deploy").holder("ci-runner-7").duration(60);
    page.ns.create(&lease.renewed_ago(0, 900).build());
    let shown = page.run("kubectl lease status deploy", 0);
    assert!(shown.stdout.contains("Skew"), "{shown}");
    let shown = page.run("kubectl lease status -o wide", 0);
    assert!(shown.stdout.contains("SKEW"), "{shown}");
}
