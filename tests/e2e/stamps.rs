//! Expiry proven by the server's own stamps. All on in-process servers, whose clocks can be set.

use crate::support::{SOON, fresh_in_process, held, matches, not_acquired, said, said_like};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Namespace, Output, Proxy, User};

const TAKE: [&str; 4] = ["acquire", "job", "--holder=me", "--timeout=0"];

/// What was asked of the server, one word a request.
fn asked(ns: &Namespace) -> Vec<&'static str> {
    let server = ns.cluster().api_server().expect("in-process");
    let requests = server.requests();
    requests
        .iter()
        .filter(|request| !request.path.ends_with("/events"))
        .map(|request| match request.method.as_str() {
            "GET" if request.path == "/version" => "version",
            "GET" if request.query.contains("watch=") => "watch",
            "GET" => "read",
            "PUT" if request.query.contains("dryRun=All") => "dry run",
            "PUT" => "write",
            _ => "other",
        })
        .collect()
}

fn later(ns: &Namespace, seconds: i64) {
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(seconds));
    server.clear_requests();
}

/// Another holds it for 15 s at a time, and wrote it so many seconds ago by the server's clock.
fn take_after(seconds: i64, flags: &[&str]) -> (Namespace, User, Output) {
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "other", 15));
    later(&ns, seconds);
    let command = ns.command(&user, TAKE);
    let output = flags.iter().fold(command, |c, flag| c.arg(flag)).run();
    (ns, user, output)
}

fn not_taken(ns: &Namespace, output: &Output) {
    let obstacle = "held by \"other\" for at most 15s more unless renewed";
    said(output, 124, "", &not_acquired(ns, "job", obstacle));
    let stored = ns.get("job").expect("it is there");
    assert_eq!(stored["spec"]["holderIdentity"], "other");
}

#[test]
fn a_stamp_and_the_stamp_of_a_dry_run_prove_an_expiry_at_once() {
    let (ns, _, output) = take_after(48, &[]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(asked(&ns), ["read", "version", "dry run", "write"]);
    let server = ns.cluster().api_server().expect("in-process");
    let sent: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT")
        .collect();
    for field in ["uid", "resourceVersion"] {
        assert_eq!(
            sent[0].body["metadata"][field],
            sent[1].body["metadata"][field]
        );
    }
    for field in ["holderIdentity", "leaseDurationSeconds", "leaseTransitions"] {
        assert_eq!(sent[0].body["spec"][field], sent[1].body["spec"][field]);
    }
    assert_eq!(
        ns.get("job").expect("it is there")["spec"]["leaseTransitions"],
        4
    );
    let (ns, _, output) = take_after(40, &[]);
    assert_eq!(asked(&ns), ["read"]);
    not_taken(&ns, &output);
    let (ns, _, output) = take_after(3600, &["--proof=observed"]);
    assert_eq!(asked(&ns), ["read"]);
    not_taken(&ns, &output);
}

#[test]
fn steal_does_not_wait_and_hold_begins_where_stamps_prove_it() {
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "other", 60));
    later(&ns, 100);
    let steal = ["steal", "job", "--holder=me", "--yes"];
    let output = ns.run(&user, steal);
    let expected = "lease \"job\" is held by \"other\"\n  Expired…, acquired … ago, expired … ago (renewed … ago, for 60s)\n  the server's own stamps prove it: it has not changed for …\n";
    said_like(
        &output,
        0,
        "lease.coordination.k8s.io/job stolen\n",
        expected,
    );
    assert!(output.elapsed < SOON, "{output}");
    let hold = ["hold", "job", "--timeout=0"];
    later(&ns, 200);
    for (flag, code) in [("--proof=observed", 124), ("--proof=any", 0)] {
        let command = ns.command(&user, hold).arg(flag);
        let output = command.arg("--").arg("true").run();
        assert_eq!(output.code, Some(code), "{output}");
    }
}

#[test]
fn who_is_proven_dead_is_freed_without_a_warning_and_taken_from_without_a_wait_however_many_they_are()
 {
    let (ns, user) = fresh_in_process(Options::default());
    for name in ["job", "other", "third"] {
        ns.create(&held(name, "victim", 3600));
    }
    later(&ns, 3700);
    let output = ns.run(&user, ["release", "job", "--holder=me", "--force", "--yes"]);
    let released = "lease.coordination.k8s.io/job released\n";
    let shown = "lease \"job\" is held by \"victim\"\n  Expired…\n  the server's own stamps prove it: it has not changed for …\n";
    said_like(&output, 0, released, shown);
    // The dry run is of a renewal, and changes nothing.
    assert_eq!(asked(&ns), ["read", "version", "dry run", "write"]);
    later(&ns, 3700);
    let steal = ["steal", "other", "third", "--holder=me", "--yes"];
    let output = ns.run(&user, steal);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!output.stderr.contains("waiting"), "{output}");
    assert!(output.elapsed < SOON, "{output}");
    // What the stamps are worth is known when they are taken.
    let mut asked = asked(&ns);
    asked.sort_unstable();
    let expected = [
        "dry run", "dry run", "read", "read", "version", "version", "write", "write",
    ];
    assert_eq!(asked, expected);
    // Stamps that are not believed prove nothing.
    ns.create(&held("late", "victim", 3600));
    later(&ns, 7400);
    let steal = [
        "steal",
        "late",
        "third",
        "--holder=me",
        "--yes",
        "--proof=observed",
    ];
    let running = ns.command(&user, steal).own_console().spawn();
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    running.interrupt();
    assert_eq!(running.wait(SOON).code, Some(130));
}

/// Soon over, and then it is nobody's in a window of hours.
#[test]
fn of_what_is_ones_own_for_a_while_only_it_is_said_how_to_have_it_for_longer() {
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "me", 3600));
    ns.create(&held("other", "victim", 1));
    later(&ns, 3000);
    for names in [
        &["job", "other"][..],
        &["--field-selector=metadata.name=job"],
    ] {
        let output = ns.run(
            &user,
            [&["steal", "--holder=me", "--yes"][..], names].concat(),
        );
        assert_eq!(output.code, Some(0), "{output}");
        let left = output.stderr.lines().any(|line| {
            let what = "lease \"job\" is left: it is yours already, for … more. \
                To have it for longer: kubectl lease renew job -n … --holder me";
            matches(line, what)
        });
        assert!(left, "{output}");
    }
}

#[test]
fn a_yes_to_a_list_is_not_for_whoever_has_come_while_the_proof_was_asked_for() {
    let (ns, user) = fresh_in_process(Options::default());
    for name in ["job", "other"] {
        ns.create(&held(name, "victim", 15));
    }
    later(&ns, 60);
    let proxy = Proxy::to(ns.cluster());
    // The first one is the dry run.
    let latch = lease_harness::Latch::closed();
    let held_back = Fault::HeldBack(latch.clone());
    proxy.fault(Match::put().path("/leases/job"), held_back, 1);
    let steal = ["steal", "job", "other", "--holder=me", "--yes"];
    let running = ns.command(&user, steal).via(&proxy).spawn();
    let is_asked = |request: &lease_harness::Request| {
        request.method == "PUT" && request.path.contains("/leases/job")
    };
    proxy.wait_for(|all| all.iter().any(is_asked), SOON);
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "third".into();
        lease["spec"]["leaseTransitions"] = 9.into();
    });
    latch.open();
    let output = running.wait(SOON);
    let stolen = "lease.coordination.k8s.io/other stolen\n";
    assert_eq!(
        (output.code, &*output.stdout),
        (Some(122), stolen),
        "{output}"
    );
    let refusal =
        "error: lease \"job\" is held by \"third\" now, not by \"victim\", who was shown\n";
    assert!(output.stderr.contains(refusal), "{output}");
    let job = ns.get("job").expect("it is there");
    assert_eq!(job["spec"]["holderIdentity"], "third");
}
