//! `status NAME` and `status NAME --slots` show who waits in line.

use super::{VERBS, leave, left_behind, line_of, scene, waiter, waiters};
use crate::hold::scene::shell;
use crate::prune::old;
use crate::status_schema::fits;
use crate::support::{SOON, fresh, held, matches, stored, wait_until};
use lease_harness::{Fault, Match, Proxy, Request, lease};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn who_waits_is_shown_in_the_order_in_which_they_are_served() {
    let (ns, user) = scene();
    let shown = ns.run(&user, ["status", "job"]);
    assert_eq!(
        line_of(&shown.stdout),
        ["In line:     nobody (who waits without --queue is not seen)"],
        "{shown}"
    );
    let mut all = vec![
        waiter(&ns, &user, "ada", &["--reason=release 7"]),
        waiter(&ns, &user, "bob", &[]),
        waiter(&ns, &user, "eve", &["--priority=5"]),
    ];
    // Who waits without a place is not seen.
    let command = ns.command(&user, ["hold", "job", "--holder=unseen", "--"]);
    let unseen = command.args(shell("true")).own_console().spawn();
    unseen.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    all.push(unseen);
    let shown = ns.run(&user, ["status", "job"]);
    let lines = line_of(&shown.stdout);
    let expected = [
        "In line:     3 (who waits without --queue is not seen)",
        "  #  Waiter  Since   Priority  Reason",
        "  -  ------  -----   --------  ------",
        "  1  eve     …s ago  5",
        "  2  ada     …s ago  0         release 7",
        "  3  bob     …s ago  0",
    ];
    let like = |(line, pattern): (&&str, &str)| matches(line, pattern);
    assert!(
        lines.len() == expected.len() && lines.iter().zip(expected).all(like),
        "{shown}"
    );
    let document = ns.run(&user, ["status", "job", "-o", "json"]).stdout;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    fits("LeaseStatus", &document);
    let second = &document["waiters"][1];
    assert_eq!(
        (&second["position"], &second["holder"], &second["reason"]),
        (&json!(2), &json!("ada"), &json!("release 7")),
        "{document:#}"
    );
    assert!(
        second["ticket"]
            .as_str()
            .is_some_and(|name| ns.get(name).is_some())
    );
    leave(all);
    wait_until(|| waiters(&ns, &user, "job").is_empty());
}

#[test]
fn a_place_that_nobody_renews_is_marked_until_it_is_ended() {
    // What a server stamps now is not expired.
    let (ns, _) = old();
    let user = ns.user(&VERBS);
    for lease in [
        held("job", "x", 600),
        left_behind("job", 60),
        left_behind("other", 60),
    ] {
        ns.create(&lease);
    }
    let shown = ns.run(&user, ["status", "job"]);
    let lines = line_of(&shown.stdout);
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(
        matches(lines[3], "  1  killed  …  expired …s ago"),
        "{shown}"
    );
    assert_eq!(waiters(&ns, &user, "job"), ["killed"]);
}

#[test]
fn a_line_that_may_not_be_seen_or_is_not_answered_in_time_stops_nothing() {
    let (ns, _) = scene();
    let user = ns.user(&["get"]);
    let shown = ns.run(&user, ["status", "job", "-v"]);
    assert_eq!(shown.code, Some(0), "{shown}");
    assert_eq!(line_of(&shown.stdout), [""; 0], "{shown}");
    assert!(
        shown
            .stderr
            .contains("waiters are not shown: Error from server (Forbidden)"),
        "{shown}"
    );
    let document = ns.run(&user, ["status", "job", "-o", "json"]);
    let document: Value = serde_json::from_str(&document.stdout).expect("JSON");
    assert_eq!(document["waiters"], Value::Null);
    fits("LeaseStatus", &document);
    let user = ns.user(&VERBS);
    let proxy = Proxy::to(ns.cluster());
    let status = ns.command(&user, ["status", "job"]).via(&proxy);
    for (fault, why) in [
        (Fault::Hang, "no answer in time"),
        (
            Fault::status(500, "InternalError", "etcd is slow"),
            "the server answered 500: etcd is slow",
        ),
    ] {
        proxy.clear();
        proxy.fault(Match::when(Request::is_of_a_line), fault, 1);
        let shown = status.run();
        assert_eq!((shown.code, &*shown.stderr), (Some(0), ""), "{shown}");
        let line = format!("In line:     unknown: {why}");
        assert_eq!(line_of(&shown.stdout), [line.as_str()], "{shown}");
        assert!(shown.elapsed < Duration::from_secs(5), "{shown}");
    }
}

#[test]
fn nobody_is_asked_for_where_nobody_can_wait_or_it_is_not_shown() {
    let (ns, user) = scene();
    let mut elected = held("elected", "x", 600);
    elected["spec"]["strategy"] = "OldestEmulationVersion".into();
    let identity = held("identity", "x", 600);
    let mut beat = held("beat", "n-1", 600);
    beat["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Node", "name": "n-1", "uid": "u" }]);
    let server = lease("server").label("k8s.io/component", "kube-apiserver");
    for lease in [elected, identity, beat, server.holder("x").build()] {
        ns.create(&lease);
    }
    ns.create(&left_behind("job", 0));
    let proxy = Proxy::to(ns.cluster());
    let asked = |words: &[&str]| {
        proxy.clear();
        let output = ns.command(&user, words).via(&proxy).run();
        assert_eq!(output.code, Some(0), "{output}");
        let requests = proxy.requests();
        requests.iter().filter(|one| one.is_of_a_line()).count()
    };
    // Servers before 1.31 drop the strategy.
    let elects = !stored(&ns, "elected")["spec"]["strategy"].is_null();
    let elected = ["elected"].into_iter().filter(|_| elects);
    for name in elected.chain(["beat", "server", "job.waiter-left"]) {
        assert_eq!(asked(&["status", name]), 0, "{name}");
    }
    for name in ["job", "identity"] {
        assert_eq!(asked(&["status", name]), 1, "{name}");
    }
    for (format, count) in [
        ("name", 0),
        ("prometheus", 0),
        ("json", 1),
        ("yaml", 1),
        ("jsonpath={.holder}", 0),
        ("jsonpath={.waiters}", 1),
        ("custom-columns=H:.holder", 0),
        ("custom-columns=W:.waiters[0].holder", 1),
    ] {
        assert_eq!(asked(&["status", "job", "-o", format]), count, "{format}");
    }
    assert_eq!(asked(&["status", "job", "-q", "--exit-code"]), 0);
}

#[test]
fn who_waits_for_a_slot_is_shown_below_the_slots() {
    let (ns, _) = fresh();
    let user = ns.user(&VERBS);
    let mut slot = held("pool-0", "other", 600);
    slot["metadata"]["labels"] = json!({ "kubectl-lease/slot-of": "pool" });
    slot["metadata"]["annotations"] = json!({ "kubectl-lease/slots": "1" });
    ns.create(&slot);
    let free = "Of 1 slots of \"pool\": 0 free\n";
    let shown = ns.run(&user, ["status", "pool", "--slots"]);
    assert_eq!(shown.stderr, free, "{shown}");
    let words = ["hold", "pool", "--slots=1", "--queue", "--holder=ada", "--"];
    let waiter = ns.command(&user, words).args(shell("true"));
    let waiter = waiter.own_console().spawn();
    let expected = format!(
        "{free}In line for \"pool\": 1 (who waits without --queue is not seen)\n  #  Waiter  Since\n  -  ------  -----\n  1  ada     …s ago\n"
    );
    wait_until(|| {
        let shown = ns.run(&user, ["status", "pool", "--slots"]);
        matches(&shown.stderr, &expected)
    });
    leave(vec![waiter]);
}

/// `cargo test --test e2e -- --ignored --nocapture who_waits_costs`: docs/performance.md has what it prints.
#[test]
#[ignore = "measures, and asserts nothing"]
fn to_ask_who_waits_costs_one_request_more() {
    const ROUNDS: usize = 100;
    let (ns, user) = scene();
    let pairs = [
        (
            "alone",
            "jsonpath={.holder}",
            "jsonpath={.holder}{.waiters}",
        ),
        (
            "beside the Events",
            "jsonpath={.holder}{.events}",
            "jsonpath={.holder}{.events}{.waiters}",
        ),
    ];
    for (name, without, with) in pairs {
        let mut took = [Vec::new(), Vec::new()];
        for round in 0..2 * ROUNDS {
            let format = [without, with][round % 2];
            let output = ns.run(&user, ["status", "job", "-o", format]);
            assert_eq!(output.code, Some(0), "{output}");
            took[round % 2].push(output.elapsed);
        }
        for (kind, mut all) in ["without", "with"].into_iter().zip(took) {
            all.sort();
            let (median, least) = (all[all.len() / 2], all[0]);
            println!("{name}, {kind} who waits: median {median:.1?}, least {least:.1?}");
        }
    }
}
