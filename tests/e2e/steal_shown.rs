//! What `steal` shows of the Lease that it takes: the words of `status`, and why it waits.

use crate::support::{SOON, VERBS, fresh, fresh_in_process, held, said_like};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Proxy, Rule, lease};
use serde_json::json;

#[test]
fn what_status_calls_expired_is_called_that_by_steal_and_why_it_waits_all_the_same() {
    // Its stamps are not those of renewals.
    let (ns, user) = fresh_in_process(Options {
        version: (1, 20),
        restamp_managed_fields: false,
        ..Options::default()
    });
    ns.create(
        &lease("job")
            .holder("victim")
            .duration(2)
            .transitions(3)
            .acquired_ago(14_400, 0)
            .renewed_ago(10_800, 0)
            .build(),
    );
    let status = ns.run(&user, ["status", "job"]);
    assert!(
        status.stdout.contains("Expired (by the holder's renewTime"),
        "{status}"
    );
    let output = ns.run(&user, ["steal", "job", "--holder=me", "--yes"]);
    let expected = "lease \"job\" is held by \"victim\"\n  \
        Expired (by the holder's renewTime against the server's clock), acquired … ago, expired … ago (renewed … ago, for 2s)\n  \
        that is no proof, because the holder's clock may be wrong: it may be alive, so the takeover waits up to 2s for it to stop (--now does not)\n\
        waiting … until \"victim\" must have stopped; the lease is kept renewed (--now skips this)\n";
    said_like(
        &output,
        0,
        "lease.coordination.k8s.io/job stolen\n",
        expected,
    );
}

#[test]
fn who_is_asked_sees_the_pod_behind_the_holder() {
    let (ns, _) = fresh();
    let user = ns.user_with(&[
        Rule::leases(&VERBS),
        Rule::leases(&["get"]).on(&["pods", "nodes"]).everywhere(),
    ]);
    ns.create(&held("job", "pod-1", 60));
    let pod = json!({
        "metadata": {"name": "pod-1", "ownerReferences": [{"kind": "Job", "name": "nightly"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(
        Match::get().path("/pods/pod-1"),
        Fault::Respond {
            status: 200,
            headers: Vec::new(),
            body: pod.to_string(),
        },
        1,
    );
    let asked = ns
        .command(&user, ["steal", "job", "--holder=me"])
        .via(&proxy)
        .spawn_pty(40, 120);
    let screen = asked.wait_screen(|text| text.contains("Take it over?"), SOON);
    let line = "  holder is: Pod pod-1: Running, ready, of Job nightly";
    assert!(
        screen.lines().any(|shown| shown.trim_end() == line),
        "{screen}"
    );
    asked.send(b"n\r");
    assert_eq!(asked.wait(SOON).code(), Some(120));
}
