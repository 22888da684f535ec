//! `--dry-run`: what would be done is said with the exit code of the real thing, and nothing is stored, nor waited for.

use crate::outcomes::read;
use crate::support::{
    ENV, VERBS, annotations, each, fresh, fresh_in_process, held, not_acquired, not_found_as_held,
    said, said_like, stored, untouched,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Proxy, Request, lease, portable};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WHERE: [(&str, &str); 2] = [("client", "dry run"), ("server", "server dry run")];

/// Nothing but reads, and writes that the server is told not to store.
#[track_caller]
fn stores_nothing(requests: &[Request], place: &str) {
    for request in requests {
        let dry = place == "server" && request.query.contains("dryRun=All");
        assert!(request.method == "GET" || dry, "{request:?}");
    }
}

#[test]
fn what_would_be_done_is_said_and_nothing_is_stored() {
    let rows = [
        ("acquire job", "", "acquired"),
        ("acquire new --create", "", "acquired"),
        ("acquire job --reenter", "me", "acquired"),
        ("acquire job --timeout=0 --reason=why", "", "acquired"),
        ("renew job", "me", "renewed"),
        ("release job", "me", "released"),
        ("steal job --yes", "ada", "stolen"),
        // Nothing is asked that nothing follows.
        ("steal job --now", "ada", "stolen"),
        ("steal job --if-holder=ada", "ada", "stolen"),
        ("steal job", "", "stolen"),
    ];
    each(rows, |(words, by, done)| {
        for (place, words_of_it) in WHERE {
            let (ns, user) = fresh();
            let before = ns.create(&held("job", by, 60));
            let proxy = Proxy::to(ns.cluster());
            let run = |more: &[&str]| {
                let dry_run = format!("--dry-run={place}");
                let words = words.split(' ').chain(["--holder=me"]);
                let words = words.chain(more.iter().copied());
                ns.command(&user, words).arg(dry_run).via(&proxy).run()
            };
            let name = if words.contains(" new") { "new" } else { "job" };
            let expected = format!("lease.coordination.k8s.io/{name} {done} ({words_of_it})\n");
            let output = run(&[]);
            let result = (output.code, output.stdout.as_str());
            assert_eq!(result, (Some(0), expected.as_str()), "{output}");
            let document = read("Outcome", &run(&["-ojson"]).stdout);
            assert_eq!(
                (&document["dryRun"], &document["action"]),
                (&json!(place), &json!(done))
            );
            assert_eq!(document["grant"].get("fencingToken"), None);
            let holder = if done == "released" {
                Value::Null
            } else {
                json!("me")
            };
            assert_eq!(
                document["after"]["spec"]["holderIdentity"], holder,
                "{document:#}"
            );
            if name == "job" {
                assert_eq!(document["before"]["spec"], before["spec"]);
            } else {
                assert_eq!((document.get("before"), ns.get("new")), (None, None));
            }
            said(
                &run(&["-oname", "-q"]),
                0,
                &format!("lease.coordination.k8s.io/{name}\n"),
                "",
            );
            untouched(&ns, &before);
            stores_nothing(&proxy.requests(), place);
        }
    });
}

#[test]
fn what_would_not_be_done_ends_as_the_real_thing_at_once() {
    let rows = [
        ("acquire job", "ada", 124),
        ("acquire job --timeout=60s", "ada", 124),
        ("acquire job --timeout=60s -E 7", "ada", 7),
        ("acquire job", "me", 124),
        ("acquire none", "", 121),
        ("renew job", "ada", 122),
        ("renew job", "", 122),
        ("renew none", "", 121),
        ("release job", "ada", 122),
        ("release none", "", 121),
        ("steal none --yes", "", 121),
        ("steal job --if-holder=bob", "ada", 122),
        ("hold job -- true", "ada", 124),
        ("hold none -- true", "", 121),
    ];
    each(rows, |(words, by, code)| {
        for (place, _) in WHERE {
            let (ns, user) = fresh();
            let before = ns.create(&held("job", by, 60));
            let proxy = Proxy::to(ns.cluster());
            let dry_run = format!("--dry-run={place}");
            let (own, command) = words.split_once(" -- ").unwrap_or((words, ""));
            let words = own.split(' ').chain(["--holder=me", &dry_run]);
            let words = words.chain((!command.is_empty()).then_some("--"));
            let words = words.chain((!command.is_empty()).then_some(command));
            let begun = Instant::now();
            let output = ns.command(&user, words).via(&proxy).run();
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(code), ""),
                "{output}"
            );
            assert!(
                output.stderr.starts_with("error: ") || code == 121,
                "{output}"
            );
            assert!(begun.elapsed() < Duration::from_secs(20), "{output}");
            untouched(&ns, &before);
            stores_nothing(&proxy.requests(), place);
        }
    });
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--dry-run"]);
    let obstacle = "held by \"ada\" for at most 60s more unless renewed";
    said(&output, 124, "", &not_acquired(&ns, "job", obstacle));
    // Each of several for itself.
    ns.create(&held("mine", "me", 60));
    let release = ["release", "mine", "gone", "--holder=me", "--dry-run=server"];
    let released = "lease.coordination.k8s.io/mine released (server dry run)\n";
    said(
        &ns.run(&user, release),
        121,
        released,
        &not_found_as_held(&ns, "gone"),
    );
    let output = ns.command(&user, release).arg("-ojson").run();
    let list = read("OutcomeList", &output.stdout);
    assert_eq!(list["items"][0]["dryRun"], "server");
    // A grant that is not made cannot be handed on.
    let env = [
        "acquire",
        "mine",
        "--holder=me",
        "--dry-run=server",
        "-o",
        ENV,
    ];
    let refused = "error: -o env hands a grant on, and a dry run makes none\n";
    said(&ns.run(&user, env), 2, "", refused);
    // A heartbeat is refused in a dry run too.
    let node = lease("node").holder("node").duration(40).renewed_ago(1, 0);
    let mut node = node.build();
    node["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Node", "name": "node", "uid": "u" }]);
    ns.create(&node);
    let steal = ["steal", "node", "--yes", "--holder=me", "--dry-run=server"];
    let output = ns.run(&user, steal);
    assert_eq!(output.code, Some(120), "{output}");
}

#[test]
fn a_hold_is_checked_and_its_command_not_run() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "", 60));
    let marker = ns.file("marker", "");
    let mark = portable(&["append", &marker.display().to_string(), "ran"]);
    for (place, words) in WHERE {
        let dry_run = format!("--dry-run={place}");
        let hold = ns.command(&user, ["hold", "job", &dry_run, "--"]);
        let expected = format!("lease.coordination.k8s.io/job acquired ({words})\n");
        said(&hold.args(&mark).run(), 0, &expected, "");
        let missing = ["hold", "job", &dry_run, "--", "no-such-program"];
        assert_eq!(ns.run(&user, missing).code, Some(127));
        let short = ["hold", "job", "--kill-after=2m", &dry_run, "--", "true"];
        let output = ns.run(&user, short);
        assert_eq!(output.code, Some(2), "{output}");
        assert!(
            output.stderr.starts_with("error: the times do not fit: "),
            "{output}"
        );
    }
    assert_eq!(std::fs::read_to_string(&marker).expect("it is there"), "");
    untouched(&ns, &before);
}

#[test]
fn what_the_server_says_counts_and_whoever_may_only_read_decides_here() {
    let (ns, _) = fresh();
    let before = ns.create(&held("job", "", 60));
    let reader = ns.user(&["get"]);
    let acquire = |place: &str| format!("acquire job --holder=me --dry-run={place}");
    let run = |user, place: &str| ns.run(user, acquire(place).split(' '));
    assert_eq!(run(&reader, "client").code, Some(0));
    let output = run(&reader, "server");
    assert_eq!(
        (output.code, output.stderr.contains("\"update\" is missing")),
        (Some(1), true),
        "{output}"
    );
    // What a webhook would make of it.
    let user = ns.user(&VERBS);
    let proxy = Proxy::to(ns.cluster());
    let renames = |lease: &mut Value| lease["spec"]["holderIdentity"] = json!("hook");
    proxy.fault(Match::put(), Fault::Alter(renames), 1);
    let words = acquire("server");
    let output = ns.command(&user, words.split(' ')).via(&proxy).run();
    said_like(
        &output,
        1,
        "",
        "error: lease \"job\" would not be acquired: in a dry run …\nList the webhooks: …\n",
    );
    // One that has no dry run.
    let refusal = Fault::status(400, "BadRequest", "webhook \"w\" does not support dry run");
    proxy.fault(Match::put(), refusal, 1);
    let output = ns.command(&user, words.split(' ')).via(&proxy).run();
    let expected = "Error from server (BadRequest): webhook \"w\" does not support dry run\n";
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.starts_with(expected), "{output}");
    // Somebody writes in between: decided upon anew.
    proxy.fault(Match::put(), Fault::status(409, "Conflict", "changed"), 1);
    let output = ns.command(&user, words.split(' ')).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
    untouched(&ns, &before);
}

/// The server's time comes with the answer to a write, so that here only the server tells that it has expired.
#[test]
fn an_expired_lease_would_be_taken_as_the_server_sees_it() {
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "ada", 600));
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(jiff::SignedDuration::from_secs(700));
    let before = stored(&ns, "job");
    for (place, code) in [("client", 124), ("server", 0)] {
        let words = format!("acquire job --holder=me --dry-run={place}");
        let output = ns.run(&user, words.split(' '));
        assert_eq!(output.code, Some(code), "{output}");
    }
    untouched(&ns, &before);
}

/// While its holder is waited for the Lease would have that one's duration: what is told is how it would be left.
#[test]
fn a_takeover_tells_the_duration_that_it_would_leave() {
    for (place, _) in WHERE {
        for (asked, how, at_the_end) in [
            ("--duration=4h", "--yes", 14_400),
            ("--duration=2s", "--yes", 2),
            // Beside its holder it keeps that one's duration.
            ("--duration=4h", "--now", 14_400),
            ("--duration=2s", "--now", 60),
        ] {
            let (ns, user) = fresh();
            ns.create(&held("job", "ada", 60));
            let dry_run = format!("--dry-run={place}");
            let steal = [
                "steal",
                "job",
                "--holder=me",
                how,
                "-ojson",
                asked,
                &dry_run,
            ];
            let output = ns.run(&user, steal);
            let after = &read("Outcome", &output.stdout)["after"];
            let duration = &after["spec"]["leaseDurationSeconds"];
            assert_eq!(*duration, at_the_end, "{output}");
            assert_eq!(annotations(after), ["kubectl-lease/previous"], "{output}");
        }
    }
}
