//! Strings that others chose, on their way to a terminal or a shell.

use crate::support::{SOON, fresh, held, not_acquired, said, said_like};
use lease_harness::{Fault, Match, Proxy};
use serde_json::json;

/// Clears the screen, turns text around, begins a new line, rings.
const HOLDER: &str = "a\u{1b}[2J\u{202e}b\r\nc\u{7}\u{9b}31m";
/// What may be shown of it, inside quotes.
const SHOWN: &str = "a\\u{1b}[2J\\u{202e}b\\r\\nc\\u{7}\\u{9b}31m";

/// A line's own end aside, nothing that moves a cursor or turns text around.
fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\n') || ('\u{200b}'..='\u{202e}').contains(&c)
}

#[test]
fn what_a_holder_or_a_server_writes_to_the_terminal_is_shown_escaped() {
    let (ns, user) = fresh();
    ns.create(&held("job", HOLDER, 60));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    let obstacle = format!("held by \"{SHOWN}\" for at most 60s more unless renewed");
    said(&output, 124, "", &not_acquired(&ns, "job", &obstacle));
    let output = ns.run(&user, ["release", "job", "--holder=me"]);
    let expected = crate::support::not_held_by_you(&ns, "job", "me", SHOWN);
    said(&output, 122, "", &expected);
    let reason = json!({ "kubectl-lease/reason": "x\u{1b}]0;y" });
    ns.edit("job", |lease| {
        lease["metadata"]["annotations"] = reason.clone();
    });
    for arguments in [
        &["status"][..],
        &["status", "job"],
        &["status", "-o", "wide"],
        &["status", "-o", "jsonpath={.items[0].holder}"],
        &["status", "-o", "json"],
        &["steal", "job", "--holder=me", "--yes", "--now"],
    ] {
        let terminal = ns.command(&user, arguments).env("NO_COLOR", "1");
        let terminal = terminal.spawn_pty(50, 200);
        assert_eq!(terminal.wait(SOON).code(), Some(0));
        let text = String::from_utf8_lossy(&terminal.raw()).replace("\r\n", "\n");
        let bad: Vec<char> = text.chars().filter(|c| is_hostile(*c)).collect();
        assert!(bad.is_empty(), "{arguments:?}: {bad:?} in {text:?}");
        // What status shows of it is a word for a shell.
        let shown = match arguments {
            ["steal", ..] => SHOWN,
            [_, "-o", format] if format.starts_with('j') => continue,
            _ => r"$'a\033[2J\342\200\256b\015\012c\007\302\23331m'",
        };
        assert!(text.contains(shown), "{arguments:?}: {text}");
    }
    let proxy = Proxy::to(ns.cluster());
    let status = |answer| {
        proxy.fault(Match::get(), answer, 1);
        ns.command(&user, ["status", "job"]).via(&proxy).run()
    };
    let evil = Fault::status(422, "Inva\u{1b}lid", "no\u{1b}[2J\nerror: all is well");
    let expected = "Error from server (Inva\\u{1b}lid): no\\u{1b}[2J\\nerror: all is well\n";
    said(&status(evil), 1, "", expected);
    let odd = json!({
        "kind": "Lease",
        "metadata": { "name": "job", "namespace": ns.name(), "uid": 5, "managedFields": "x", "annotations": [] },
        "spec": { "holderIdentity": {}, "leaseDurationSeconds": "9", "leaseTransitions": 1.5 },
    });
    let odd = Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: odd.to_string(),
    };
    let expected = "error: … does not answer like a Kubernetes API server: the answer is not a lease: …\n\
        Is the address right, or is there a login page or a proxy in between? …\n";
    said_like(&status(odd), 1, "", expected);
}
