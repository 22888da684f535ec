//! Strings that others chose, on their way to a terminal or a shell.

use crate::support::{SOON, fresh, held, not_acquired, said, said_like};
use lease_harness::{Fault, Match, Proxy};

/// Clears the screen, turns text around, begins a new line, rings.
const HOLDER: &str = "a\u{1b}[2J\u{202e}b\r\nc\u{7}\u{9b}31m";
/// What may be shown of it, inside quotes.
const SHOWN: &str = "a\\u{1b}[2J\\u{202e}b\\r\\nc\\u{7}\\u{9b}31m";

#[test]
fn a_holder_that_writes_to_the_terminal_is_shown_escaped_in_errors() {
    let (ns, user) = fresh();
    ns.create(&held("job", HOLDER, 60));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    let obstacle = format!("held by \"{SHOWN}\" for at most 60s more unless renewed");
    said(&output, 124, "", &not_acquired(&ns, "job", &obstacle));
    let output = ns.run(&user, ["release", "job", "--holder=me"]);
    let expected = crate::support::not_held_by_you(&ns, "job", "me", SHOWN);
    said(&output, 122, "", &expected);
}

#[test]
fn a_holder_that_writes_to_the_terminal_is_shown_escaped_by_status_and_steal() {
    let (ns, user) = fresh();
    let mut lease = held("job", HOLDER, 60);
    lease["metadata"]["annotations"] = serde_json::json!({ "kubectl-lease/reason": "x\u{1b}]0;y" });
    ns.create(&lease);
    for arguments in [
        &["status"][..],
        &["status", "job"],
        &["status", "-o", "wide"],
        &["steal", "job", "--holder=me", "--yes", "--now"],
    ] {
        let output = ns.run(&user, arguments);
        assert_eq!(output.code, Some(0), "{output}");
        let text = output.stdout + &output.stderr;
        let bad: Vec<char> = text.chars().filter(|c| is_hostile(*c)).collect();
        assert!(bad.is_empty(), "{arguments:?}: {bad:?} in {text:?}");
        // What status shows can be pasted back.
        let shown = match arguments[0] {
            "status" => r"$'a\033[2J\342\200\256b\015\012c\007\302\23331m'",
            _ => SHOWN,
        };
        assert!(text.contains(shown), "{arguments:?}: {text}");
    }
}

/// A line's own end aside, nothing that moves a cursor or turns text around.
fn is_hostile(c: char) -> bool {
    (c.is_control() && c != '\n') || ('\u{200b}'..='\u{202e}').contains(&c)
}

/// JSON and YAML escape by their own rules, and are read back unchanged.
#[test]
fn a_document_keeps_the_holder_exactly() {
    let (ns, user) = fresh();
    ns.create(&held("job", HOLDER, 60));
    let output = ns.run(&user, ["status", "job", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(document["holder"], HOLDER, "{output}");
}

#[test]
fn a_server_that_writes_to_the_terminal_is_shown_escaped() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let evil = Fault::status(422, "Inva\u{1b}lid", "no\u{1b}[2J\nerror: all is well");
    proxy.fault(Match::get(), evil, 1);
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    let expected = "Error from server (Inva\\u{1b}lid): no\\u{1b}[2J\\nerror: all is well\n";
    said(&output, 1, "", expected);
}

#[test]
fn an_answer_that_is_a_web_page_is_shown_in_one_line() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let page = Fault::Respond {
        status: 404,
        headers: vec![("content-type".into(), "text/html".into())],
        body: "<html>\n<body>lost\u{7}</body>".into(),
    };
    proxy.fault(Match::get(), page, 1);
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    let expected =
        "Error from server (PageNotFound): an HTML page\nLeases need Kubernetes 1.14 or newer: …\n";
    said_like(&output, 1, "", expected);
}

#[test]
fn an_answer_that_is_no_lease_is_no_answer() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    for body in ["", "[]", "{", "\"x\""] {
        let answer = Fault::Respond {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
        };
        proxy.fault(Match::get(), answer, 1);
        let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{output}"
        );
        let says = "does not answer like a Kubernetes API server: ";
        assert!(output.stderr.contains(says), "{output}");
    }
}

#[test]
fn a_lease_of_wrong_types_is_no_answer_either() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let odd = serde_json::json!({
        "kind": "Lease",
        "metadata": { "name": "job", "namespace": ns.name(), "uid": 5, "managedFields": "x", "annotations": [] },
        "spec": { "holderIdentity": {}, "leaseDurationSeconds": "9", "leaseTransitions": 1.5 },
    });
    let answer = Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: odd.to_string(),
    };
    proxy.fault(Match::get(), answer, 1);
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    let expected = "error: no usable answer from the API server: the answer is not a lease: …\n\
        Nothing is known to be wrong with the request; try again, and see kubectl get --raw /readyz\n";
    said_like(&output, 1, "", expected);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (ns, user) = fresh();
    let mut lease = held("job", "me", 60);
    // More than a pipe holds.
    let reason = "x".repeat(200_000);
    lease["metadata"]["annotations"] = serde_json::json!({ "kubectl-lease/reason": reason });
    ns.create(&lease);
    for arguments in [
        "status job -o json",
        "status -o wide",
        "renew job --holder=me -o json",
    ] {
        let script = format!("kubectl-lease {arguments} | head -1; echo \"${{PIPESTATUS[0]}}\"");
        let output = ns
            .program(&user, "bash", ["-c", &script])
            .spawn()
            .wait(SOON);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{arguments}"
        );
        assert_eq!(output.stdout.lines().last(), Some("0"), "{arguments}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let script = "kubectl-lease status job > /dev/full";
    let output = ns.program(&user, "bash", ["-c", script]).run();
    let expected = "error: cannot write to stdout: No space left on device (os error 28)\n";
    said(&output, 1, "", expected);
}
