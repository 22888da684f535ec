//! `hold --again` beside other flags, end to end.

use lease_harness::{Fault, Match, Request, Rule, wait_gone};

use super::again::{Active, run};
use super::scene::{SOON, announced, ask_to_end, shell, until, until_asked};
use crate::support::{VERBS, pass_to, set_free};

#[test]
fn an_outage_while_the_pod_is_labelled_is_waited_out() {
    let active = Active::new(3);
    let ns = &active.scene.ns;
    ns.create_pod("web-0");
    let user = ns.user_with(&[Rule::leases(&VERBS), Rule::leases(&["patch"]).on(&["pods"])]);
    let sets = |request: &Request| {
        request.method == "PATCH" && request.json()["metadata"]["labels"]["role"] == "active"
    };
    active.scene.proxy.fault(Match::when(sets), Fault::Hang, 1);
    active.scene.proxy.fault(
        Match::when(sets),
        Fault::status(503, "ServiceUnavailable", "busy"),
        40,
    );
    let gate = active.scene.gate();
    let words = [
        "hold",
        "job",
        "--again",
        "--label-pod",
        "role=active",
        "--pod",
        "web-0",
        "--",
    ];
    let command = ns.command(&user, words).via(&active.scene.proxy);
    let command = command.args(shell(&announced(&until_asked(&gate))));
    let running = command.env("POD_NAMESPACE", ns.name()).spawn();
    running.wait_stderr(
        |line| line.contains("the command runs again once the lease is acquired"),
        SOON,
    );
    active.scene.proxy.clear_faults();
    run(&running, 1);
    assert_eq!(ns.pod_label("web-0", "role").as_deref(), Some("active"));
    // At a loss it is off, and on again with the next run.
    set_free(ns, "job");
    run(&running, 2);
    assert_eq!(ns.pod_label("web-0", "role").as_deref(), Some("active"));
    let ended = ask_to_end(&running, &gate);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(ended), "{output}");
    assert_eq!(ns.pod_label("web-0", "role"), None, "{output}");
}

#[cfg(unix)] // --detach-children is not to be had elsewhere
#[test]
fn all_of_it_together() {
    let active = Active::new(3);
    let ns = &active.scene.ns;
    ns.create_pod("web-0");
    pass_to(ns, "job", "victim");
    let user = ns.user_with(&[
        Rule::leases(&[&VERBS[..], &["delete"]].concat()),
        Rule::leases(&["patch"]).on(&["pods"]),
    ]);
    let gate = active.scene.gate();
    let script = announced(&format!(
        "sleep 601 >/dev/null 2>&1 & {}; exit 6",
        until(&gate)
    ));
    let words = [
        "hold",
        "job",
        "--steal",
        "--yes",
        "--again",
        "--max-restarts=5",
        "--label-pod=role=active",
        "--pod=web-0",
        "--cleanup",
        "--detach-children",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let command = ns.command(&user, words).via(&active.scene.proxy);
    let running = command.env("POD_NAMESPACE", ns.name()).spawn();
    let first = run(&running, 1);
    assert_eq!(ns.pod_label("web-0", "role").as_deref(), Some("active"));
    // Robbed: it is not stolen back, but waited for.
    pass_to(ns, "job", "thief");
    wait_gone(first, SOON);
    running.wait_stderr(
        |line| line.starts_with("waiting for lease \"job\": held by \"thief\""),
        SOON,
    );
    assert_eq!(ns.pod_label("web-0", "role"), None);
    assert_eq!(ns.holder("job").as_deref(), Some("thief"));
    set_free(ns, "job");
    run(&running, 2);
    assert_eq!(ns.pod_label("web-0", "role").as_deref(), Some("active"));
    std::fs::write(&gate, "").expect("the folder is ours");
    running.wait_stderr(|line| line.contains("runs on without the lease"), SOON);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(6), "{output}");
    assert_eq!(ns.pod_label("web-0", "role"), None, "{output}");
    assert_eq!(ns.get("job"), None, "{output}");
}
