//! Answers that are not about the write they answer: something in between sends a write twice and tells of the second, puts
//! its own page in the place of the answer, or shows what somebody else wrote.

use crate::support::{
    SOON, free, fresh, held, holder, methods, said, said_like, stored, transitions, untouched,
};
use lease_harness::{Fault, Match, Outlet, Proxy};
use std::time::{Duration, Instant};

const ACQUIRE: [&str; 3] = ["acquire", "job", "--holder=me"];
const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

/// The first of two is carried out, and the answer is that to the second.
fn twice(reason: &str) -> Fault {
    Fault::status_after_commit(409, reason, "the object has been modified")
}

#[test]
fn a_grant_that_was_sent_twice_is_recognised_behind_its_conflict() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), twice("Conflict"), 1);
    let output = ns
        .command(&user, ACQUIRE)
        .arg("--timeout=0")
        .via(&proxy)
        .run();
    said(&output, 0, ACQUIRED, "");
    assert_eq!(transitions(&stored(&ns, "job")), 4);
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET"]);
}

#[test]
fn a_created_grant_that_was_sent_twice_is_recognised_behind_its_conflict() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::post(), twice("AlreadyExists"), 1);
    let output = ns.command(&user, ACQUIRE).arg("--create").via(&proxy).run();
    said(&output, 0, ACQUIRED, "");
    assert_eq!(methods(&proxy.requests()), ["GET", "POST", "GET"]);
}

#[test]
fn a_held_lease_whose_creation_was_sent_twice_was_created() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::post(), twice("AlreadyExists"), 1);
    let create = ["create", "job", "--holder=me"];
    let output = ns.command(&user, create).via(&proxy).run();
    said(&output, 0, "lease.coordination.k8s.io/job created\n", "");
    // Another's is another's.
    let again = ns.command(&user, create).run();
    assert_eq!(again.code, Some(1), "{again}");
}

#[test]
fn a_takeover_that_was_sent_twice_is_recognised_behind_its_conflict() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 60));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), twice("Conflict"), 1);
    let steal = ["steal", "job", "--holder=me", "--yes", "--now"];
    let output = ns.command(&user, steal).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 4));
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET"]);
}

#[test]
fn a_page_in_place_of_the_answer_hides_no_ghost() {
    for status in [403, 404, 413] {
        let (ns, user) = fresh();
        ns.create(&free("job"));
        let proxy = Proxy::to(ns.cluster());
        let page = Fault::RespondAfterCommit {
            status,
            headers: Vec::new(),
            body: "<html><title>no</title></html>".to_owned(),
        };
        proxy.fault(Match::put(), page, 1);
        let output = ns.command(&user, ACQUIRE).via(&proxy).run();
        assert_eq!(output.code, Some(1), "{output}");
        assert_eq!(holder(&stored(&ns, "job")), "", "{output}");
    }
}

#[test]
fn a_grant_of_somebody_else_that_is_shown_in_the_answer_is_not_given_back() {
    let (ns, user) = fresh();
    let stale = ns.create(&free("job"));
    let theirs = ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "other".into();
        lease["spec"]["acquireTime"] = "2026-01-01T00:00:03.000000Z".into();
        lease["spec"]["renewTime"] = "2026-01-01T00:00:04.000000Z".into();
        lease["spec"]["leaseTransitions"] = 4.into();
    });
    let shows = |object: &serde_json::Value| Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: object.to_string(),
    };
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::get(), shows(&stale), 1);
    proxy.fault(Match::put(), shows(&theirs), 1);
    let output = ns
        .command(&user, ACQUIRE)
        .arg("--timeout=0")
        .via(&proxy)
        .run();
    assert_eq!(output.code, Some(124), "{output}");
    assert!(output.stderr.contains("held by \"other\""), "{output}");
    untouched(&ns, &theirs);
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET"]);
}

#[test]
fn a_server_that_says_to_come_back_at_once_is_not_hammered() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let busy = Fault::status(429, "TooManyRequests", "busy").with_header("Retry-After", "0");
    proxy.fault(Match::put(), busy, 1_000_000);
    let output = ns
        .command(&user, ACQUIRE)
        .arg("--timeout=2")
        .via(&proxy)
        .run();
    assert_eq!(output.code, Some(124), "{output}");
    let puts = methods(&proxy.requests())
        .iter()
        .filter(|method| **method == "PUT")
        .count();
    assert!((2..=11).contains(&puts), "{puts} in two seconds");
}

#[test]
fn a_re_entry_whose_result_nobody_reads_frees_nothing() {
    let (ns, user) = fresh();
    // An earlier process of this identity may run.
    ns.create(&held("job", "me", 60));
    let full = Outlet::File("/dev/full".into());
    let command = ns.command(&user, ACQUIRE).arg("--reenter");
    let output = command.stdout(full).run();
    assert_eq!(output.code, Some(1), "{output}");
    let kept = "is held by \"me\" until its time is over";
    assert!(output.stderr.contains(kept), "{output}");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
}

#[test]
fn whose_victim_may_still_run_is_not_told_that_the_lease_is_held() {
    let (ns, user) = fresh();
    let mut lease = held("job", "me", 60);
    lease["metadata"]["annotations"] = serde_json::json!({ "kubectl-lease/victim": "3 victim" });
    ns.create(&lease);
    let check = ns.command(&user, ["check", "job", "--holder=me"]).run();
    let words = "lease.coordination.k8s.io/job is held by you, but \"victim\", whom it was stolen from, may still run\n\
                 Wait until the steal is done. If it was interrupted, this waits until \"victim\" must have stopped, and begins anew: kubectl lease acquire job …--reenter\n";
    said_like(&check, 122, "", words);
    // Renewed again and again, it would never be known when that is over.
    let before = stored(&ns, "job");
    let renewed = ns.command(&user, ["renew", "job", "--holder=me"]).run();
    let refused = "error: lease \"job\" was stolen from \"victim\", who may still run, and nobody waited until that was over\nNothing was written: …";
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
}

#[test]
fn a_steal_that_waits_for_its_victim_heeds_a_signal_while_the_server_is_away() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 6));
    let proxy = Proxy::to(ns.cluster());
    let steal = ["steal", "job", "--holder=me", "--yes"];
    let running = ns.command(&user, steal).via(&proxy).spawn();
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
    let begun = Instant::now();
    running.signal(nix::libc::SIGTERM);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(143), "{output}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

/// The second of two may be refused for a reason of its own: the server is busy by then, or the token is not good any more.
#[test]
fn what_was_carried_out_and_answered_with_a_refusal_leaves_no_ghost_and_is_not_denied() {
    for (code, reason) in [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (410, "Gone"),
        (413, "RequestEntityTooLarge"),
        (422, "Invalid"),
        (429, "TooManyRequests"),
    ] {
        let (ns, user) = fresh();
        ns.create(&free("job"));
        let proxy = Proxy::to(ns.cluster());
        let hit = |matching: Match| {
            let refused = Fault::status_after_commit(code, reason, "not a second time");
            proxy.fault(matching, refused, 1);
        };
        let run = |words: &[&str]| ns.command(&user, words).via(&proxy).run();
        hit(Match::put());
        let output = run(&["acquire", "job", "--holder=me", "--timeout=0"]);
        assert_eq!(output.code, Some(1), "{code} {output}");
        assert_eq!(holder(&stored(&ns, "job")), "", "{code} {output}");
        hit(Match::post());
        let output = run(&["acquire", "new", "--create", "--holder=me", "--timeout=0"]);
        assert_eq!(output.code, Some(1), "{code} {output}");
        assert_eq!(holder(&stored(&ns, "new")), "", "{code} {output}");
        // Released once more: what was stored before is theirs.
        let mut theirs = held("theirs", "victim", 60);
        theirs["metadata"]["namespace"] = ns.name().into();
        ns.create(&theirs);
        hit(Match::put());
        let output = run(&["steal", "theirs", "--holder=me", "--yes", "--now"]);
        assert_eq!(output.code, Some(0), "{code} {output}");
        assert_eq!(holder(&stored(&ns, "theirs")), "me", "{code} {output}");
        hit(Match::put());
        let output = run(&["release", "theirs", "--holder=me"]);
        assert_eq!(output.code, Some(0), "{code} {output}");
        assert_eq!(holder(&stored(&ns, "theirs")), "", "{code} {output}");
        hit(Match::when(|request| {
            request.method == "PUT" && request.json()["spec"].get("holderIdentity").is_none()
        }));
        let output = run(&["hold", "job", "--", "true"]);
        assert_eq!(output.code, Some(0), "{code} {output}");
        assert_eq!(holder(&stored(&ns, "job")), "", "{code} {output}");
    }
}

#[test]
fn a_refusal_after_which_nothing_can_be_read_is_owned_up_to() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(
        Match::put(),
        Fault::status_after_commit(403, "Forbidden", "not a second time"),
        1,
    );
    // All but the first, which finds it free.
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let later = Match::when(move |request| {
        request.method == "GET" && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0
    });
    proxy.fault(
        later,
        Fault::status(403, "Forbidden", "no reading now"),
        usize::MAX,
    );
    let acquire = ["acquire", "job", "--holder=me", "--timeout=0"];
    let output = ns.command(&user, acquire).via(&proxy).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(
        output.stderr.contains("outcome could not be learned"),
        "{output}"
    );
    assert!(
        output.stderr.contains("It may be held by \"me\""),
        "{output}"
    );
    ns.delete("job");
    // One that passes is waited out.
    ns.create(&held("job", "victim", 60));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(
        Match::put(),
        Fault::status_after_commit(403, "Forbidden", "not a second time"),
        1,
    );
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let second = Match::when(move |request| {
        request.method == "GET" && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1
    });
    proxy.fault(
        second,
        Fault::status(503, "ServiceUnavailable", "a moment"),
        usize::MAX,
    );
    let steal = ["steal", "job", "--holder=me", "--yes", "--now"];
    let output = ns.command(&user, steal).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
}
