//! `steal`, interrupted where nobody runs any more whom it was taken from: the lease is given back, whatever was being written.

use crate::support::{SOON, ended, fresh, held, holder, stored};
use lease_harness::{Fault, Match, Proxy, Request, TERMINATED};
use serde_json::Value;
use std::time::Duration;

const STEAL: [&str; 4] = ["steal", "--holder=me", "--yes", "--duration=1h"];
const FAULTS: [fn(Duration) -> Fault; 2] = [Fault::Delay, Fault::DelayReply];

fn is_long(lease: &Value) -> bool {
    lease["spec"]["leaseDurationSeconds"] == 3600
}

/// The writes that record the longer duration take so long that a signal comes first.
fn slow_to_record(proxy: &Proxy, name: &str, fault: fn(Duration) -> Fault) {
    let slow = fault(Duration::from_millis(2500));
    let records = |lease: &Value| is_long(lease) && holder(lease) == "me";
    proxy.fault(Match::put().path(name).body(records), slow, usize::MAX);
}

fn recording(name: &str) -> impl Fn(&[Request]) -> bool {
    let path = format!("/leases/{name}");
    let records = move |one: &Request| one.path.ends_with(&path) && is_long(&one.json());
    move |all| all.iter().any(&records)
}

#[test]
fn one_that_was_free_and_one_whose_holder_must_have_stopped_are_given_back() {
    let given_back =
        "interrupted: lease \"job\" is not yours any more, and nothing has begun under it\n";
    for before in ["", "victim"] {
        for fault in FAULTS {
            let (ns, user) = fresh();
            ns.create(&held("job", before, 2));
            let proxy = Proxy::to(ns.cluster());
            slow_to_record(&proxy, "job", fault);
            let running = ns
                .command(&user, STEAL)
                .arg("job")
                .via(&proxy)
                .own_console()
                .spawn();
            proxy.wait_for(recording("job"), SOON);
            running.terminate();
            let output = running.wait(SOON);
            ended(&output, TERMINATED, "");
            assert!(output.stderr.ends_with(given_back), "{output}");
            assert_eq!(holder(&stored(&ns, "job")), "", "{output}");
        }
    }
}

#[test]
fn of_several_those_are_given_back_and_the_others_stay() {
    for (fault, longest) in [(FAULTS[0], 2), (FAULTS[1], 2), (FAULTS[0], 60)] {
        let (ns, user) = fresh();
        ns.create(&held("a", "ada", longest));
        ns.create(&held("b", "", 2));
        let proxy = Proxy::to(ns.cluster());
        let running = ns
            .command(&user, STEAL)
            .arg("a")
            .arg("b")
            .via(&proxy)
            .own_console();
        let running = if longest == 2 {
            slow_to_record(&proxy, "/a", fault);
            let running = running.spawn();
            proxy.wait_for(recording("a"), SOON);
            running
        } else {
            let running = running.spawn();
            running.wait_stderr(|line| line.starts_with("waiting "), SOON);
            running
        };
        running.terminate();
        let output = running.wait(SOON);
        ended(&output, TERMINATED, "");
        let said = |names: &str| {
            let what = "interrupted: not yours any more, and nothing has begun under them: ";
            output.stderr.contains(&format!("{what}{names}\n"))
        };
        let (given_back, left) = match longest {
            2 => ("\"a\", \"b\"", ["", ""]),
            _ => ("\"b\"", ["me", ""]),
        };
        assert!(said(given_back), "{output}");
        assert_eq!(
            output.stderr.contains("may still be running"),
            longest == 60,
            "{output}"
        );
        for (name, left) in ["a", "b"].into_iter().zip(left) {
            assert_eq!(holder(&stored(&ns, name)), left, "{name}: {output}");
        }
    }
}
