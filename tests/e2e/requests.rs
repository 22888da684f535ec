//! What is sent, and how often: the cost of each subcommand, and what every write carries.

use crate::support::{SOON, free, fresh, held, methods, said, set_free, watching};
use lease_harness::{Namespace, Proxy, Request, User};
use std::time::Duration;

fn requests(ns: &Namespace, user: &User, arguments: &[&str]) -> Vec<Request> {
    let proxy = Proxy::to(ns.cluster());
    let output = ns.command(user, arguments).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
    proxy.requests()
}

#[test]
fn each_subcommand_sends_no_more_than_it_must() {
    let (ns, user) = fresh();
    for (arguments, expected) in [
        (&["create", "job"][..], &["POST"][..]),
        (&["create", "job", "--ignore-existing"], &["POST"]),
        (&["acquire", "job", "--holder=me"], &["GET", "PUT"]),
        (&["renew", "job", "--holder=me"], &["GET", "PUT"]),
        (&["check", "job", "--holder=me"], &["GET", "PUT"]),
        (&["status", "job"], &["GET"]),
        (&["status"], &["GET"]),
        (&["release", "job", "--holder=me"], &["GET", "PUT"]),
        (
            &["acquire", "new", "--holder=me", "--create"],
            &["GET", "POST"],
        ),
        (
            &["steal", "new", "--holder=x", "--yes", "--now"],
            &["GET", "PUT"],
        ),
        (&["version"], &[]),
        (&["completion", "bash"], &[]),
    ] {
        let sent = requests(&ns, &user, arguments);
        assert_eq!(methods(&sent), expected, "{arguments:?}");
    }
}

#[test]
fn a_waiter_sends_one_watch_and_no_more_while_that_is_young() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).spawn();
    watching(&proxy);
    // There is nothing to await: this is how long nothing must happen.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(methods(&proxy.requests()), ["GET", "WATCH"]);
    set_free(&ns, "job");
    assert_eq!(running.wait(SOON).code, Some(0));
    assert_eq!(methods(&proxy.requests()), ["GET", "WATCH", "PUT"]);
}

#[test]
fn a_waiter_that_is_renewed_against_sends_nothing_more() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).spawn();
    watching(&proxy);
    for _ in 0..5 {
        crate::support::renew(&ns, "job", 0);
    }
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "next".into()
    });
    running.wait_stderr(|line| line.contains("\"next\""), SOON);
    assert_eq!(methods(&proxy.requests()), ["GET", "WATCH"]);
}

#[test]
fn every_write_is_a_whole_object_with_uid_and_version_and_says_who_sends_it() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    for arguments in [
        &["acquire", "job"][..],
        &["renew", "job"],
        &["acquire", "job", "--reenter"],
        &["steal", "job", "--yes", "--now"],
        &["release", "job"],
        &["create", "other"],
        &["status"],
        &["status", "job"],
    ] {
        let command = ns.command(&user, arguments).via(&proxy);
        let output = command.env("KUBECTL_LEASE_HOLDER", "me").run();
        assert_eq!(output.code, Some(0), "{output}");
    }
    let agent = concat!("kubectl-lease/", env!("CARGO_PKG_VERSION"));
    let mut puts = 0;
    for request in proxy.requests() {
        assert_eq!(
            request.user_agent(),
            agent,
            "{} {}",
            request.method,
            request.path
        );
        assert!(matches!(request.method.as_str(), "GET" | "PUT" | "POST"));
        if request.method == "GET" {
            assert!(
                !request.query.contains("resourceVersion"),
                "{}",
                request.query
            );
            continue;
        }
        assert!(
            request.query.contains("fieldManager=kubectl%2Dlease"),
            "{}",
            request.query
        );
        assert!(request.query.contains("timeout="), "{}", request.query);
        if request.method == "PUT" {
            puts += 1;
            let metadata = &request.json()["metadata"];
            for field in ["uid", "resourceVersion", "name", "namespace"] {
                assert!(metadata[field].is_string(), "{field}: {}", request.body);
            }
        }
    }
    assert_eq!(puts, 5);
}

#[test]
fn times_are_written_with_six_digits() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let flags = ["acquire", "job", "--create", "--holder=me"];
    said(
        &ns.command(&user, flags).via(&proxy).run(),
        0,
        "lease.coordination.k8s.io/job acquired\n",
        "",
    );
    let sent = proxy.requests()[1].json();
    for field in ["acquireTime", "renewTime"] {
        let text = sent["spec"][field].as_str().unwrap_or_default();
        let digits = text.split('.').nth(1).unwrap_or_default();
        assert!(digits.len() == 7 && digits.ends_with('Z'), "{text}");
    }
}
