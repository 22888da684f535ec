//! Replies that are lost, late or no answer: read again, decide from what is there, never twice.

use crate::support::{
    SOON, each, ended, free, fresh, held, holder, methods, said, said_like, stored, transitions,
    untouched,
};
use lease_harness::{Fault, Match, Proxy};
use std::time::Duration;

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";
const ACQUIRE: [&str; 3] = ["acquire", "job", "--holder=me"];

/// Which answers leave the outcome open is a table of the client's.
#[test]
fn what_was_carried_out_and_not_answered_is_recognised_and_counted_once() {
    let busy = || Fault::status_after_commit(503, "ServiceUnavailable", "shutting down");
    let stopping = "the server answered 503: shutting down; trying again\n";
    each(
        [
            (
                &["create", "job"][..],
                None,
                "created",
                ("", 0),
                &["POST", "POST", "GET"][..],
            ),
            (
                &["acquire", "job"],
                Some(""),
                "acquired",
                ("me", 4),
                &["GET", "PUT", "GET"],
            ),
            (
                &["acquire", "job", "--create"],
                None,
                "acquired",
                ("me", 1),
                &["GET", "POST", "GET"],
            ),
            (
                &["renew", "job"],
                Some("me"),
                "renewed",
                ("me", 3),
                &["GET", "PUT", "GET"],
            ),
            (
                &["release", "job"],
                Some("me"),
                "released",
                ("", 3),
                &["GET", "PUT", "GET"],
            ),
            (
                &["steal", "job", "--yes", "--now"],
                Some("victim"),
                "stolen",
                ("me", 4),
                &["GET", "PUT", "GET"],
            ),
        ],
        |(call, before, done, after, sent)| {
            let faults = [(Fault::DropReply, "; trying again\n"), (busy(), stopping)];
            // One call meets both.
            let faults = faults
                .into_iter()
                .take(if call == ["acquire", "job"] { 2 } else { 1 });
            for (fault, said) in faults {
                let (ns, user) = fresh();
                if let Some(holder) = before {
                    ns.create(&held("job", holder, 60));
                }
                let proxy = Proxy::to(ns.cluster());
                let writes = |request: &lease_harness::Request| request.method != "GET";
                proxy.fault(Match::when(writes), fault, 1);
                let command = ns.command(&user, call).via(&proxy);
                let command = match call[0] {
                    "create" => command,
                    _ => command.env("KUBECTL_LEASE_HOLDER", "me"),
                };
                let output = command.run();
                let stdout = format!("lease.coordination.k8s.io/job {done}\n");
                ended(&output, 0, stdout.as_str());
                assert!(output.stderr.ends_with(said), "{output}");
                let lease = stored(&ns, "job");
                assert_eq!((holder(&lease), transitions(&lease)), after, "{output}");
                let requests = proxy.requests();
                let enough = methods(&requests).starts_with(&sent[..2]);
                assert!(enough && requests.len() <= 4, "{:?}", methods(&requests));
            }
        },
    );
    // Another's is not claimed.
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 5));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::post(), Fault::DropReply, 1);
    let output = ns.command(&user, ["create", "job"]).via(&proxy).run();
    let exists = "…; trying again\n\
        Error from server (AlreadyExists): leases.coordination.k8s.io \"job\" already exists\n…\n";
    said_like(&output, 1, "", exists);
    untouched(&ns, &before);
}

#[test]
fn an_overloaded_server_is_asked_again_when_it_says_and_one_that_mixes_up_answers_is_told() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let busy = |seconds: &str| {
        let busy = Fault::status(429, "TooManyRequests", "slow down");
        busy.with_header("Retry-After", seconds)
    };
    proxy.fault(Match::put(), busy("1"), 1);
    let output = ns.command(&user, ACQUIRE).via(&proxy).run();
    let again = "Error from server (TooManyRequests): slow down; trying again\n";
    said(&output, 0, ACQUIRED, again);
    let requests = proxy.requests();
    assert_eq!(methods(&requests), ["GET", "PUT", "GET", "PUT"]);
    assert!(requests[2].at - requests[1].at >= Duration::from_secs(1));
    crate::support::set_free(&ns, "job");
    proxy.fault(Match::put(), busy("3600"), 1);
    let command = ns.command(&user, ACQUIRE).arg("--timeout=1s");
    let output = command.via(&proxy).run();
    let expected = format!(
        "{again}error: lease \"job\" not acquired in time: Error from server (TooManyRequests): slow down\n"
    );
    said(&output, 124, "", &expected);
    assert!(output.elapsed < SOON / 2);
    // As a cache gives it that mixes up answers.
    proxy.clear();
    crate::support::set_free(&ns, "job");
    let before = stored(&ns, "job");
    let mixed_up = Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: ns.create(&free("neighbour")).to_string(),
    };
    proxy.fault(Match::get(), mixed_up, 100);
    let output = ns.command(&user, ACQUIRE).via(&proxy).run();
    let expected = format!(
        "error: … does not answer like a Kubernetes API server: asked about lease \"job\" in namespace {ns:?}, it answered about \"neighbour\" in {ns:?}\n…\n",
        ns = ns.name()
    );
    said_like(&output, 1, "", &expected);
    assert_eq!(methods(&proxy.requests()), ["GET"]);
    untouched(&ns, &before);
}
