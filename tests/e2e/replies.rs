//! Replies that are lost, late or no answer: read again, decide from what is there, never twice.

use crate::support::{
    SOON, free, fresh, held, holder, methods, said, said_like, stored, transitions, untouched,
};
use lease_harness::{Fault, Match, Proxy};
use std::time::Duration;

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";
const ACQUIRE: [&str; 3] = ["acquire", "job", "--holder=me"];
const AGAIN: &str = "…; trying again\n";

/// What is carried out without the client being told so.
fn unknown_outcomes() -> [(Fault, &'static str); 4] {
    let after = |code, reason, message| Fault::status_after_commit(code, reason, message);
    [
        (Fault::DropReply, AGAIN),
        (
            after(500, "InternalError", "etcdserver: leader changed"),
            "the server answered 500: etcdserver: leader changed; trying again\n",
        ),
        (
            after(503, "ServiceUnavailable", "shutting down"),
            "the server answered 503: shutting down; trying again\n",
        ),
        (
            after(504, "Timeout", "request timed out"),
            "the server answered 504: request timed out; trying again\n",
        ),
    ]
}

#[test]
fn a_create_whose_reply_is_lost_created_the_lease_once() {
    for (fault, stderr) in unknown_outcomes() {
        let (ns, user) = fresh();
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::post(), fault, 1);
        let output = ns.command(&user, ["create", "job"]).via(&proxy).run();
        said_like(
            &output,
            0,
            "lease.coordination.k8s.io/job created\n",
            stderr,
        );
        assert_eq!(methods(&proxy.requests()), ["POST", "POST", "GET"]);
    }
}

#[test]
fn a_create_whose_reply_is_lost_does_not_claim_the_lease_of_another() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 5));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::post(), Fault::DropReply, 1);
    let output = ns.command(&user, ["create", "job"]).via(&proxy).run();
    let exists = "…; trying again\n\
        Error from server (AlreadyExists): leases.coordination.k8s.io \"job\" already exists\n\
        To leave it as it is, give --ignore-existing; to look at it: kubectl lease status job -n …\n";
    said_like(&output, 1, "", exists);
    untouched(&ns, &before);
}

#[test]
fn a_grant_whose_reply_is_lost_is_recognised_and_counted_once() {
    for (fault, stderr) in unknown_outcomes() {
        let (ns, user) = fresh();
        ns.create(&free("job"));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), fault, 1);
        let output = ns.command(&user, ACQUIRE).via(&proxy).run();
        said_like(&output, 0, ACQUIRED, stderr);
        let lease = stored(&ns, "job");
        assert_eq!((holder(&lease), transitions(&lease)), ("me", 4));
        assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET"]);
    }
}

#[test]
fn a_created_grant_whose_reply_is_lost_is_recognised_and_counted_once() {
    for (fault, stderr) in unknown_outcomes() {
        let (ns, user) = fresh();
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::post(), fault, 1);
        let output = ns.command(&user, ACQUIRE).arg("--create").via(&proxy).run();
        said_like(&output, 0, ACQUIRED, stderr);
        let lease = stored(&ns, "job");
        assert_eq!((holder(&lease), transitions(&lease)), ("me", 1));
        assert_eq!(methods(&proxy.requests()), ["GET", "POST", "GET"]);
    }
}

#[test]
fn a_write_that_never_arrived_is_sent_again() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::Refuse, 1);
    let output = ns.command(&user, ACQUIRE).via(&proxy).run();
    said_like(&output, 0, ACQUIRED, AGAIN);
    assert_eq!(transitions(&stored(&ns, "job")), 4);
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET", "PUT"]);
}

#[test]
fn a_read_whose_reply_is_lost_is_read_again() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let busy = Fault::status(503, "ServiceUnavailable", "starting");
    proxy.fault(Match::get(), busy, 1);
    let output = ns.command(&user, ACQUIRE).via(&proxy).run();
    let stderr = "the server answered 503: starting; trying again\n";
    said(&output, 0, ACQUIRED, stderr);
    assert_eq!(methods(&proxy.requests()), ["GET", "GET", "PUT"]);
}

#[test]
fn tried_once_a_lost_reply_is_given_back_and_nothing_is_held() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let lost = Fault::status_after_commit(504, "Timeout", "request timed out");
    proxy.fault(Match::put(), lost, 1);
    let command = ns.command(&user, ACQUIRE).arg("--timeout=0");
    let expected = "finding out what became of a write whose answer is missing (interrupt again to leave now)\n\
        error: no usable answer from the API server: the server answered 504: request timed out\n\
        Nothing is known to be wrong with the request; try again, and see kubectl get --raw /readyz\n";
    said(&command.via(&proxy).run(), 1, "", expected);
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("", 4));
}

#[test]
fn timed_out_with_a_write_in_flight_nothing_is_held() {
    let (ns, user) = fresh();
    ns.create(&lease_harness::lease("job").duration(3).build());
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
    let command = ns.command(&user, ACQUIRE).arg("--timeout=500ms");
    let expected = "no answer within 1s; trying again\n\
        finding out what became of a write whose answer is missing (interrupt again to leave now)\n\
        error: lease \"job\" not acquired in time: no answer within 1s\n";
    said(&command.via(&proxy).run(), 124, "", expected);
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn an_overloaded_server_is_asked_again_when_it_says() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let busy = || Fault::status(429, "TooManyRequests", "slow down");
    proxy.fault(Match::put(), busy().with_header("Retry-After", "1"), 1);
    let output = ns.command(&user, ACQUIRE).via(&proxy).run();
    let stderr = "Error from server (TooManyRequests): slow down; trying again\n";
    said(&output, 0, ACQUIRED, stderr);
    let requests = proxy.requests();
    assert_eq!(methods(&requests), ["GET", "PUT", "GET", "PUT"]);
    assert!(requests[2].at - requests[1].at >= Duration::from_secs(1));
}

#[test]
fn a_long_retry_after_is_cut_by_the_timeout() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let busy = Fault::status(429, "TooManyRequests", "slow down");
    proxy.fault(Match::get(), busy.with_header("Retry-After", "3600"), 1);
    let command = ns.command(&user, ACQUIRE).arg("--timeout=1s");
    let output = command.via(&proxy).run();
    let stderr = "Error from server (TooManyRequests): slow down; trying again\n\
        error: lease \"job\" not acquired in time: Error from server (TooManyRequests): slow down\n";
    said(&output, 124, "", stderr);
    assert!(output.elapsed < SOON / 2);
}

#[test]
fn an_overloaded_server_tried_once_is_an_error() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let busy = Fault::status(429, "TooManyRequests", "slow down");
    proxy.fault(Match::get(), busy, 1);
    let command = ns.command(&user, ACQUIRE).arg("--timeout=0");
    let stderr = "Error from server (TooManyRequests): slow down\n\
                  The API server is overloaded; try again later\n";
    said(&command.via(&proxy).run(), 1, "", stderr);
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn releases_and_renewals_whose_reply_is_lost_are_done() {
    for (subcommand, verb, after) in [("renew", "renewed", "me"), ("release", "released", "")] {
        for (fault, stderr) in unknown_outcomes() {
            let (ns, user) = fresh();
            ns.create(&held("job", "me", 60));
            let proxy = Proxy::to(ns.cluster());
            proxy.fault(Match::put(), fault, 1);
            let command = ns.command(&user, [subcommand, "job", "--holder=me"]);
            let output = command.via(&proxy).run();
            let stdout = format!("lease.coordination.k8s.io/job {verb}\n");
            said_like(&output, 0, &stdout, stderr);
            let lease = stored(&ns, "job");
            assert_eq!((holder(&lease), transitions(&lease)), (after, 3));
        }
    }
}

#[test]
fn a_takeover_whose_reply_is_lost_is_recognised_and_counted_once() {
    for (fault, again) in unknown_outcomes() {
        let (ns, user) = fresh();
        ns.create(&held("job", "victim", 60));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), fault, 1);
        let flags = ["steal", "job", "--holder=me", "--yes", "--now"];
        let output = ns.command(&user, flags).via(&proxy).run();
        let stderr = format!(
            "lease \"job\" is held by \"victim\"\n  Held…, acquired … ago, expires in … (renewed … ago, for 60s): it may be alive\n{again}"
        );
        said_like(
            &output,
            0,
            "lease.coordination.k8s.io/job stolen\n",
            &stderr,
        );
        let lease = stored(&ns, "job");
        assert_eq!((holder(&lease), transitions(&lease)), ("me", 4));
    }
}

#[test]
fn a_lost_grant_that_another_took_over_since_is_not_claimed() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
    let command = ns.command(&user, ACQUIRE).arg("--timeout=7s");
    let running = command.via(&proxy).spawn();
    ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    let thief = ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "thief".into();
        lease["spec"]["leaseTransitions"] = 5.into();
    });
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(124), ""),
        "{output}"
    );
    untouched(&ns, &thief);
}

/// An answer with what is stored in `object`, as a cache gives it that mixes up answers.
fn mixed_up(object: &serde_json::Value) -> Fault {
    Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: object.to_string(),
    }
}

#[test]
fn an_answer_about_another_lease_proves_nothing_of_this_one() {
    let (elsewhere, _) = fresh();
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 60));
    for free in [
        ns.create(&free("neighbour")),
        elsewhere.create(&free("job")),
    ] {
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::get(), mixed_up(&free), 100);
        let output = ns.command(&user, ACQUIRE).via(&proxy).run();
        let expected = format!(
            " does not answer like a Kubernetes API server: asked about lease \"job\" in namespace {:?}, it tells of {} in {}\n",
            ns.name(),
            free["metadata"]["name"],
            free["metadata"]["namespace"]
        );
        assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""));
        assert!(output.stderr.contains(&expected), "{output:?}");
        assert_eq!(methods(&proxy.requests()), ["GET"]);
        untouched(&ns, &before);
    }
}

#[test]
fn an_answer_to_a_write_about_another_lease_is_an_unknown_outcome() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let mut theirs = ns.create(&free("neighbour"));
    theirs["spec"]["holderIdentity"] = "me".into();
    ns.edit("job", |lease| lease["spec"]["holderIdentity"] = "".into());
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), mixed_up(&theirs), 1);
    let output = ns.command(&user, ACQUIRE).via(&proxy).run();
    said_like(&output, 0, ACQUIRED, AGAIN);
    assert_eq!(holder(&stored(&ns, "job")), "me");
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET", "PUT"]);
}
