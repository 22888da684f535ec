//! `acquire` where it waits: for a release, an expiry, a deletion; by a watch, or without one.

use crate::support::{
    SOON, fresh, held, holder, in_time_once, not_acquired, pass_to, requested, said, said_like,
    set_free, stored, transitions, waiting, watching,
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
fn a_waiter_names_each_holder_once_however_often_it_renews_and_gives_up_after_its_timeout() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 60));
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me", "--timeout=5s"]);
    running.wait_stderr(|line| line.contains("\"first\""), SOON);
    for seconds in 1..=3 {
        crate::support::renew(&ns, "job", seconds);
    }
    let second = json!("second");
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = second.clone()
    });
    let output = running.wait(SOON);
    let obstacle = "held by \"second\" for at most … more unless renewed";
    let expected = waiting("job", "first", "60s")
        + &waiting("job", "second", "60s")
        + &not_acquired(&ns, "job", obstacle);
    said_like(&output, 124, "", &expected);
    let took = output.elapsed;
    let in_time = took >= Duration::from_secs(5) && took < Duration::from_secs(15);
    assert!(in_time, "{took:?}");
}

#[test]
fn a_released_lease_is_handed_over_within_half_a_second_or_soon_where_nothing_can_be_watched() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    in_time_once(Duration::from_millis(500), 1, |round| {
        let proxy = Proxy::to(ns.cluster());
        let running = wait_via(&ns, &user, &proxy, &[]);
        watching(&proxy);
        let released = Instant::now();
        set_free(&ns, "job");
        assert_eq!(running.wait(SOON).code, Some(0));
        let took = released.elapsed();
        let requests = proxy.requests();
        let undisturbed = requested(&requests, &["GET", "WATCH", "PUT"]);
        // The watch leaves the first one to the grant, which waits for no handshake.
        let connections = requests.iter().filter(|one| !one.is_of_events());
        let connections: Vec<u64> = connections.map(|one| one.connection).collect();
        assert!(!undisturbed || connections == [1, 2, 1], "{connections:?}");
        let round = i64::try_from(round).expect("they are few");
        assert_eq!(transitions(&stored(&ns, "job")), 4 + round);
        pass_to(&ns, "job", "other");
        took
    });
    // Without permission to watch, it is read.
    let user = ns.user(&["get", "update"]);
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
fn a_silent_holder_is_outlived_by_its_recorded_duration_whatever_happens_to_labels() {
    let (ns, user) = fresh();
    // Oneself, in a process that has ended, and a holder that wrote no renewTime.
    let mut own = held("own", "me", 2);
    own["metadata"]["namespace"] = ns.name().into();
    ns.create(&own);
    ns.create(&held("job", "dead", 2));
    ns.create(&lease("odd").holder("dead").duration(2).build());
    let start = |name: &str| {
        let running = ns.spawn(&user, ["acquire", name, "--holder=me"]);
        running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
        running
    };
    let (own, odd, running) = (start("own"), start("odd"), start("job"));
    let begun = Instant::now();
    let mut edits = 0;
    while running.is_running() && begun.elapsed() < SOON {
        edits += 1;
        let labels = json!({ "edit": edits.to_string() });
        ns.edit("job", |lease| lease["metadata"]["labels"] = labels.clone());
        // The pace of the edits, not a wait for anything.
        std::thread::sleep(Duration::from_millis(250));
    }
    let output = running.wait(SOON);
    said(&output, 0, ACQUIRED, &waiting("job", "dead", "2s"));
    let took = output.elapsed;
    let in_time = took >= Duration::from_secs(2) && took < Duration::from_secs(6);
    assert!(in_time && edits > 3, "{took:?} {edits}");
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("me", 4));
    assert!(after["metadata"]["labels"]["edit"].is_string());
    let of = |name: &str| ACQUIRED.replace("job", name);
    said(
        &odd.wait(SOON),
        0,
        &of("odd"),
        &waiting("odd", "dead", "2s"),
    );
    let expected = format!(
        "waiting for lease \"own\": already held by you, for at most 2s more unless renewed\n\
         To keep it: kubectl lease renew own -n {} --holder me; to begin a new grant for the same identity give --reenter, for another give --holder or --unique\n",
        ns.name()
    );
    said(&own.wait(SOON), 0, &of("own"), &expected);
}

#[test]
fn a_watch_that_breaks_ends_or_is_too_old_is_taken_up_again_and_an_outage_survived() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let proxy = Proxy::to(ns.cluster());
    let expired = Fault::status(410, "Expired", "too old resource version");
    proxy.fault(Match::watch(), expired, 1);
    let running = wait_via(&ns, &user, &proxy, &[]);
    let watches = |count: usize| {
        let open = |all: &[lease_harness::Request]| {
            let open = |r: &&lease_harness::Request| r.is_answered_watch();
            all.iter().filter(open).count() >= count
        };
        proxy.wait_for(open, SOON);
    };
    watches(1);
    proxy.cut_watches();
    watches(2);
    proxy.end_watches();
    watches(3);
    proxy.down();
    running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
    set_free(&ns, "job");
    proxy.up();
    let output = running.wait(SOON);
    // Refused; or reset, if it was on its way.
    let expected = waiting("job", "other", "60s") + "…; trying again\nthe server answers again\n";
    said_like(&output, 0, ACQUIRED, &expected);
}
