//! Answers that are not about the write they answer: something in between sends a write twice and tells of the second, puts
//! its own page in the place of the answer, or shows what somebody else wrote.

use crate::support::{
    SOON, each, free, fresh, held, holder, methods, said_like, stored, untouched,
};
use lease_harness::{Fault, Match, Proxy, TERMINATED};
use std::time::{Duration, Instant};

const ACQUIRE: [&str; 3] = ["acquire", "job", "--holder=me"];

#[test]
fn whose_victim_may_still_run_is_not_told_that_the_lease_is_held_and_waits_and_can_be_interrupted()
{
    let (ns, user) = fresh();
    let mut lease = held("job", "me", 60);
    lease["metadata"]["annotations"] = serde_json::json!({ "kubectl-lease/victim": "3 victim" });
    ns.create(&lease);
    let check = ns.command(&user, ["check", "job", "--holder=me"]).run();
    let words = "lease.coordination.k8s.io/job is held by you, but \"victim\", whom it was stolen from, may still run\n\
                 Wait until the steal is done. If it was interrupted, this waits until \"victim\" must have stopped, and then acquires it again: kubectl lease acquire job …--reenter\n";
    said_like(&check, 122, "", words);
    // Renewed again and again, it would never be known when that is over.
    let before = stored(&ns, "job");
    let renewed = ns.command(&user, ["renew", "job", "--holder=me"]).run();
    let refused = "error: lease \"job\" was stolen from \"victim\", who may still run: the steal did not wait to the end\nNothing was written: …";
    said_like(&renewed, 122, "", &format!("{refused}\n"));
    untouched(&ns, &before);
    // To begin anew is to wait, as for anybody.
    let again = ns
        .command(&user, ACQUIRE)
        .arg("--reenter")
        .arg("--timeout=0")
        .run();
    let waits = "error: lease \"job\" not acquired: held by \"me\" …\nLook: …\n";
    said_like(&again, 124, "", waits);
    ns.edit("job", |lease| {
        lease["spec"]["leaseDurationSeconds"] = 1.into();
        lease["metadata"]["annotations"]["kubectl-lease/victim"] = "3 victim".into();
    });
    let again = ns
        .command(&user, ACQUIRE)
        .arg("--reenter")
        .arg("--timeout=20s")
        .run();
    assert_eq!(again.code, Some(0), "{again}");
    assert_eq!(
        stored(&ns, "job")["metadata"]["annotations"].get("kubectl-lease/victim"),
        None
    );
    // A steal that waits heeds a signal while the server is away.
    ns.delete("job");
    ns.create(&held("job", "victim", 12));
    let proxy = Proxy::to(ns.cluster());
    let steal = ["steal", "job", "--holder=me", "--yes"];
    let running = ns.command(&user, steal).via(&proxy).own_console().spawn();
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    proxy.fault(Match::put(), Fault::Hang, 1_000);
    // A renewal is under way.
    proxy.wait_for(
        |all| {
            methods(all)
                .iter()
                .filter(|method| **method == "PUT")
                .count()
                >= 2
        },
        SOON,
    );
    running.terminate();
    let begun = Instant::now();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(TERMINATED), "{output}");
    assert!(begun.elapsed() < Duration::from_millis(1500), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

/// The second of two may be refused for a reason of its own, or be met by a gateway's page.
#[test]
fn what_was_carried_out_and_answered_with_a_refusal_leaves_no_ghost_and_is_not_denied() {
    let page = Fault::RespondAfterCommit {
        status: 404,
        headers: Vec::new(),
        body: "<html><title>no</title></html>".to_owned(),
    };
    let refusal = |code, reason| Fault::status_after_commit(code, reason, "not a second time");
    each(
        [
            (404, page.clone(), page),
            (409, refusal(409, "Conflict"), refusal(409, "AlreadyExists")),
        ],
        |(code, on_put, on_post)| {
            let (ns, user) = fresh();
            ns.create(&free("job"));
            ns.create(&held("theirs", "victim", 60));
            let proxy = Proxy::to(ns.cluster());
            // What was written at first is theirs, however the answer to the second reads.
            let check = |matching: Match, words: &[&str], lease: &str, expected: (i32, &str)| {
                let fault = if words.contains(&"--create") || words[0] == "create" {
                    &on_post
                } else {
                    &on_put
                };
                proxy.fault(matching, fault.clone(), 1);
                let command = ns.command(&user, words).env("KUBECTL_LEASE_HOLDER", "me");
                let output = command.via(&proxy).run();
                let found = (output.code, holder(&stored(&ns, lease)).to_owned());
                let expected = (Some(expected.0), expected.1.to_owned());
                assert_eq!(found, expected, "{code} {output}");
            };
            // A conflict is looked into, and whatever else is refused is given back.
            let granted = if code == 409 { (0, "me") } else { (1, "") };
            let acquire = ["acquire", "job", "--timeout=0"];
            check(Match::put(), &acquire, "job", granted);
            if code == 409 {
                crate::support::set_free(&ns, "job");
            }
            let create = ["acquire", "new", "--create", "--timeout=0"];
            check(Match::post(), &create, "new", granted);
            let steal = ["steal", "theirs", "--yes", "--now"];
            check(Match::put(), &steal, "theirs", (0, "me"));
            check(Match::put(), &["release", "theirs"], "theirs", (0, ""));
            let release = Match::when(|request| {
                request.method == "PUT" && request.json()["spec"].get("holderIdentity").is_none()
            });
            check(release, &["hold", "job", "--", "true"], "job", (0, ""));
            if code == 409 {
                let create = ["create", "held", "--holder=me"];
                check(Match::post(), &create, "held", (0, "me"));
                // Another's is another's.
                let again = ns.run(&user, create);
                assert_eq!(again.code, Some(1), "{again}");
            }
        },
    );
}
