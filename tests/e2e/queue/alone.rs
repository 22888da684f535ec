//! What fails of one place in line, or is left of the dead, keeps nobody else from a free lease.

use super::*;
use lease_harness::{Fault, Match, lease};

/// The ticket of somebody who was killed long ago.
fn left_behind(ns: &Namespace) {
    let dead = lease("job.waiter-dead").holder("dead").duration(3);
    let dead = dead.renewed_ago(600, 0);
    ns.create(&dead.label("kubectl-lease/queue-of", "job").build());
}

#[test]
fn a_killed_waiter_refuses_nobody_for_good() {
    let (ns, user) = lined();
    ns.create(&held("job", "", 5));
    left_behind(&ns);
    let acquire = [
        "acquire",
        "job",
        "--queue",
        "--max-waiters=1",
        "--holder=me",
    ];
    let output = ns.run(&user, acquire);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(ns.holder("job").as_deref(), Some("me"));
    assert_eq!(tickets(&ns, "job").len(), 0);
    // Who stands there alive does.
    let log = ns.file("log", "");
    let waits = stands(&waiter(&ns, &user, "a", &[], &log).own_console());
    let output = ns.run(
        &user,
        [
            "acquire",
            "job",
            "--queue",
            "--max-waiters=1",
            "--holder=late",
        ],
    );
    assert_eq!(output.code, Some(124), "{output}");
    assert!(
        output.stderr.contains("and --max-waiters is 1\n"),
        "{output}"
    );
    waits.interrupt();
    assert_eq!(waits.wait(SOON).code, Some(130));
}

#[test]
fn whose_ticket_is_refused_while_all_else_is_answered_says_so_and_goes_on_without_a_place() {
    let renewals = || Match::put().path("job.waiter-");
    let draws = Match::post().and(|one| !one.is_of_events());
    for (refused, status) in [(renewals(), 500), (draws, 503), (renewals(), 422)] {
        let (ns, user) = lined();
        ns.create(&held("job", "other", 60));
        let proxy = Proxy::to(ns.cluster());
        let log = ns.file("log", "");
        let fault = Fault::status(status, "Refused", "not this one");
        proxy.fault(refused, fault, usize::MAX);
        let waits = waiter(&ns, &user, "me", &["--duration=3s"], &log).via(&proxy);
        let waits = waits.spawn();
        let without = |line: &str| line.starts_with("no place in line for \"job\": ");
        waits.wait_stderr(without, SOON + Duration::from_secs(10));
        set_free(&ns, "job");
        let output = waits.wait(SOON);
        assert_eq!(output.code, Some(0), "{output}");
        assert!(output.stderr.contains("not this one"), "{output}");
        assert_eq!(logged(&log), ["me"]);
        assert_eq!(tickets(&ns, "job").len(), 0, "{output}");
    }
}

/// What has expired is anybody's, whoever held it.
#[test]
fn a_second_one_of_the_dead_holders_identity_is_served_after_who_came_before_it() {
    let (ns, user) = lined();
    ns.create(&held("job", "ci", 4));
    let log = ns.file("log", "");
    let waiting = ["dave", "ci", "erin"].map(|name| stands(&waiter(&ns, &user, name, &[], &log)));
    for one in waiting {
        ended(&one.wait(SOON), 0, "");
    }
    assert_eq!(logged(&log), ["dave", "ci", "erin"]);
}
