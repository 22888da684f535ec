//! `acquire` where it waits: for a release, an expiry, a deletion; by a watch, or without one.

use crate::support::{
    SOON, fresh, held, holder, methods, not_acquired, not_found_to_take, said, said_like, set_free,
    stored, transitions, waiting, watching,
};
use lease_harness::{Fault, Match, Namespace, Proxy, Running, User, lease};
use serde_json::json;
use std::time::{Duration, Instant};

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

fn wait_via(ns: &Namespace, user: &User, proxy: &Proxy, flags: &[&str]) -> Running {
    let command = ns.command(user, ["acquire", "job", "--holder=me"]);
    let command = flags.iter().fold(command, |c, flag| c.arg(flag));
    let running = command.via(proxy).spawn();
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    running
}

#[test]
fn a_waiter_gives_up_after_its_timeout() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=1s"]);
    let obstacle = "held by \"other\" for at most 60s more unless renewed";
    let expected = waiting("job", "other", "60s") + &not_acquired(&ns, "job", obstacle);
    said(&output, 124, "", &expected);
    let elapsed = output.elapsed;
    assert!(
        elapsed >= Duration::from_secs(1) && elapsed < Duration::from_secs(5),
        "{elapsed:?}"
    );
}

#[test]
fn each_holder_is_named_once_however_often_it_renews() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 60));
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me"]);
    running.wait_stderr(|line| line.contains("\"first\""), SOON);
    for seconds in 1..=3 {
        crate::support::renew(&ns, "job", seconds);
    }
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!("second")
    });
    running.wait_stderr(|line| line.contains("\"second\""), SOON);
    set_free(&ns, "job");
    let expected = waiting("job", "first", "60s") + &waiting("job", "second", "60s");
    said(&running.wait(SOON), 0, ACQUIRED, &expected);
}

#[test]
fn a_released_lease_is_handed_over_within_half_a_second() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let mut measured: Vec<Duration> = (0..5)
        .map(|round| {
            let proxy = Proxy::to(ns.cluster());
            let running = wait_via(&ns, &user, &proxy, &[]);
            watching(&proxy);
            let released = Instant::now();
            set_free(&ns, "job");
            assert_eq!(running.wait(SOON).code, Some(0));
            let took = released.elapsed();
            assert_eq!(transitions(&stored(&ns, "job")), 4 + round);
            ns.edit("job", |lease| {
                lease["spec"]["holderIdentity"] = json!("other")
            });
            took
        })
        .collect();
    measured.sort();
    println!("from release to the waiter's exit: {measured:?}");
    assert!(measured[2] < Duration::from_millis(500), "{measured:?}");
}

#[test]
fn a_silent_holder_is_outlived_by_its_recorded_duration() {
    let (ns, user) = fresh();
    ns.create(&held("job", "dead", 2));
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    said(&output, 0, ACQUIRED, &waiting("job", "dead", "2s"));
    let elapsed = output.elapsed;
    assert!(
        elapsed >= Duration::from_secs(2) && elapsed < Duration::from_secs(5),
        "{elapsed:?}"
    );
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 4));
}

#[test]
fn edits_of_labels_do_not_keep_a_silent_holder_alive() {
    let (ns, user) = fresh();
    ns.create(&held("job", "dead", 3));
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me"]);
    let begun = Instant::now();
    let mut edits = 0;
    while running.is_running() && begun.elapsed() < SOON {
        edits += 1;
        ns.edit("job", |lease| {
            lease["metadata"]["labels"] = json!({ "edit": edits.to_string() });
        });
        // The pace of the edits, not a wait for anything.
        std::thread::sleep(Duration::from_millis(250));
    }
    said(
        &running.wait(SOON),
        0,
        ACQUIRED,
        &waiting("job", "dead", "3s"),
    );
    assert!(begun.elapsed() < Duration::from_secs(6) && edits > 5);
    let lease = stored(&ns, "job");
    assert_eq!(holder(&lease), "me");
    assert!(lease["metadata"]["labels"]["edit"].is_string());
}

#[test]
fn a_lease_without_renew_time_expires_by_being_watched() {
    let (ns, user) = fresh();
    ns.create(&lease("job").holder("dead").duration(2).build());
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    said(&output, 0, ACQUIRED, &waiting("job", "dead", "2s"));
}

#[test]
fn a_waiter_for_itself_says_so_and_is_granted_anew_after_its_own_expiry() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 2));
    let output = ns.run(&user, ["acquire", "job", "--holder=me"]);
    let expected = format!(
        "waiting for lease \"job\": held by yourself already, for at most 2s more unless renewed\n\
         To keep it: kubectl lease renew job -n {} --holder me; to begin a new grant for the same identity give --reenter, for another give --holder or --unique\n",
        ns.name()
    );
    said(&output, 0, ACQUIRED, &expected);
    assert_eq!(transitions(&stored(&ns, "job")), 4);
}

#[test]
fn a_hold_beside_its_own_identity_is_not_told_of_flags_that_it_does_not_have() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let output = ns.run(
        &user,
        ["hold", "job", "--holder=me", "--timeout=0", "--", "true"],
    );
    assert_eq!(output.code, Some(124), "{output}");
    let advice = "Another process holds it under the same identity. Without --holder each hold has one of its own\n";
    assert!(output.stderr.ends_with(advice), "{output}");
    for flag in ["--reenter", "--unique"] {
        assert!(!output.stderr.contains(flag), "{output}");
    }
}

#[test]
fn without_permission_to_watch_the_lease_is_polled() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "update"]);
    ns.create(&held("job", "other", 60));
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me"]);
    running.wait_stderr(|line| line.contains("cannot be watched"), SOON);
    let released = Instant::now();
    set_free(&ns, "job");
    let expected = waiting("job", "other", "60s")
        + "changes cannot be watched, so the lease is read every second (the verb watch would make this immediate)\n";
    said(&running.wait(SOON), 0, ACQUIRED, &expected);
    assert!(released.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_watch_that_breaks_ends_or_is_too_old_is_taken_up_again() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let expired = Fault::status(410, "Expired", "too old resource version");
    proxy.fault(Match::watch(), expired, 1);
    let running = wait_via(&ns, &user, &proxy, &[]);
    let watches = |count: usize| {
        let open = |all: &[lease_harness::Request]| {
            let open = |r: &&lease_harness::Request| r.is_watch() && r.status == Some(200);
            all.iter().filter(open).count() >= count
        };
        proxy.wait_for(open, SOON);
    };
    watches(1);
    proxy.cut_watches();
    watches(2);
    proxy.end_watches();
    watches(3);
    set_free(&ns, "job");
    said(
        &running.wait(SOON),
        0,
        ACQUIRED,
        &waiting("job", "other", "60s"),
    );
}

#[test]
fn a_watch_that_is_never_answered_is_given_up() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::watch(), Fault::Hang, 1);
    let running = wait_via(&ns, &user, &proxy, &[]);
    proxy.wait_for(|all| methods(all).contains(&"WATCH"), SOON);
    set_free(&ns, "job");
    let output = running.wait(SOON);
    said(&output, 0, ACQUIRED, &waiting("job", "other", "60s"));
}

#[test]
fn a_server_that_hangs_is_said_so_and_so_is_its_answer_and_a_release_meanwhile_is_noticed() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 600));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &[]);
    watching(&proxy);
    proxy.freeze();
    let silent = |line: &str| {
        line.starts_with("no answer from the server since 2") && line.ends_with("; trying again")
    };
    running.wait_stderr(silent, 2 * SOON);
    set_free(&ns, "job");
    proxy.thaw();
    let output = running.wait(SOON);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ACQUIRED));
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{output}");
    assert_eq!(lines[2], "the server is heard again");
}

#[test]
fn a_timeout_tells_no_old_news_as_what_is_so() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 600));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["--timeout=12s"]);
    watching(&proxy);
    proxy.freeze();
    let output = running.wait(2 * SOON);
    assert_eq!(output.code, Some(124), "{output}");
    let lines: Vec<&str> = output.stderr.lines().collect();
    let since = |line: &str, before: &str, after: &str| {
        let time = line
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after));
        time.unwrap_or_else(|| panic!("{output}")).to_owned()
    };
    let said = since(
        lines[1],
        "no answer from the server since ",
        "; trying again",
    );
    assert!(lines[2].starts_with("error: lease \"job\" not acquired in time: no answer within "));
    let then = since(
        lines[3],
        "Nothing is known since ",
        ". As of then: held by \"other\"",
    );
    assert_eq!((said, lines.len()), (then, 4), "{output}");
}

#[test]
fn a_release_that_a_silent_watch_hides_is_found_by_the_time_of_expiry() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 4));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &[]);
    watching(&proxy);
    proxy.pause_watches();
    set_free(&ns, "job");
    let released = Instant::now();
    let output = running.wait(SOON);
    said(&output, 0, ACQUIRED, &waiting("job", "other", "4s"));
    assert!(released.elapsed() < Duration::from_secs(7));
}

#[test]
fn an_outage_while_waiting_is_survived() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &[]);
    watching(&proxy);
    proxy.down();
    running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
    set_free(&ns, "job");
    proxy.up();
    let output = running.wait(SOON);
    // Refused; or reset, if it was on its way.
    let expected = waiting("job", "other", "60s") + "…; trying again\nthe server is heard again\n";
    said_like(&output, 0, ACQUIRED, &expected);
}

#[test]
fn a_lease_deleted_under_a_waiter_is_not_found() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &[]);
    watching(&proxy);
    ns.delete("job");
    let expected = waiting("job", "other", "60s") + &not_found_to_take(&ns, "job");
    said(&running.wait(SOON), 121, "", &expected);
    assert!(ns.get("job").is_none());
}

#[test]
fn a_lease_deleted_under_a_waiter_with_create_is_made_anew() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["--create"]);
    watching(&proxy);
    ns.delete("job");
    said(
        &running.wait(SOON),
        0,
        ACQUIRED,
        &waiting("job", "other", "60s"),
    );
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 1));
    assert_ne!(lease["metadata"]["uid"], before["metadata"]["uid"]);
}

#[test]
fn a_lease_recreated_under_a_waiter_is_observed_anew() {
    let (ns, user) = fresh();
    let text = held("job", "other", 3);
    ns.create(&text);
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me", "--create"]);
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    // Most of its time passes before another takes its place: the same text, a new uid.
    std::thread::sleep(Duration::from_millis(1500));
    let api = ns.cluster().admin();
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/job",
        ns.name()
    );
    assert_eq!(
        api.call("DELETE", &path, None).map(|a| a.status).ok(),
        Some(200)
    );
    let recreated = Instant::now();
    let collection = path.trim_end_matches("/job");
    let answer = api.call("POST", collection, Some(&text)).map(|a| a.status);
    let output = running.wait(SOON);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ACQUIRED));
    // Either the waiter's own create came first, or the newcomer had its full time.
    match answer.ok() {
        Some(201) => assert!(recreated.elapsed() >= Duration::from_millis(2900)),
        answer => assert_eq!(answer, Some(409)),
    }
}
