//! Holders whose clocks are wrong: never taken while they renew, taken soon after they stop.

use crate::support::{
    SOON, VERBS, fresh, holder, renew, said, shared, stored, transitions, watching,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Cluster, Namespace, Proxy, lease};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The recorded duration, seconds.
const D: u64 = 2;
/// How often the holder renews.
const PACE: Duration = Duration::from_millis(300);
/// How long it goes on: several durations.
const ALIVE: Duration = Duration::from_secs(3 * D);
/// From its last renewal to the takeover, at the latest.
const TAKEN: Duration = Duration::from_secs(D + 3);

/// A waiter beside a holder that is `skew` seconds ahead, renews for a while and stops.
fn outlive(ns: &Namespace, skew: i64, with_watch: bool) {
    ns.create(
        &lease("job")
            .holder("skewed")
            .duration(D.cast_signed())
            .transitions(1)
            .acquired_ago(0, skew)
            .renewed_ago(0, skew)
            .build(),
    );
    let proxy = Proxy::to(ns.cluster());
    let user = ns.user(&VERBS);
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).spawn();
    if with_watch {
        watching(&proxy);
    } else {
        running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    }
    let begun = Instant::now();
    while begun.elapsed() < ALIVE {
        assert_eq!(
            holder(&stored(ns, "job")),
            "skewed",
            "taken from a live holder"
        );
        renew(ns, "job", skew);
        sleep(PACE);
    }
    assert_eq!(
        holder(&stored(ns, "job")),
        "skewed",
        "taken from a live holder"
    );
    renew(ns, "job", skew);
    let stopped = Instant::now();
    let stderr =
        "waiting for lease \"job\": held by \"skewed\" for at most 2s more unless renewed\n";
    let stdout = "lease.coordination.k8s.io/job acquired\n";
    said(&running.wait(SOON), 0, stdout, stderr);
    let took = stopped.elapsed();
    println!("clock {skew} s ahead: taken {took:?} after the last renewal");
    assert!(
        took >= Duration::from_secs(D) - PACE && took < TAKEN,
        "{took:?}"
    );
    assert_eq!(transitions(&stored(ns, "job")), 2);
}

#[test]
fn a_holder_an_hour_ahead_is_taken_only_after_it_stops() {
    outlive(&fresh().0, 3600, true);
}

#[test]
fn a_holder_an_hour_behind_is_taken_only_after_it_stops() {
    outlive(&fresh().0, -3600, true);
}

/// In-process only: the server does not stamp renewals, as 1.20 (which the real suite runs on), and has a wrong clock.
#[test]
fn a_holder_is_not_taken_for_dead_where_the_server_stamps_no_renewals() {
    let options = Options {
        version: (1, 24),
        restamp_managed_fields: false,
        clock_offset: jiff::SignedDuration::from_secs(7200),
        ..Options::default()
    };
    lease_harness::set_binary(env!("CARGO_BIN_EXE_kubectl-lease"));
    outlive(&Cluster::in_process(options).namespace(), -3600, true);
}

#[test]
fn a_holder_is_not_taken_while_the_watch_says_nothing() {
    let ns = shared().namespace();
    ns.create(
        &lease("job")
            .holder("other")
            .duration(D.cast_signed())
            .renewed_ago(0, 0)
            .build(),
    );
    let proxy = Proxy::to(ns.cluster());
    let user = ns.user(&VERBS);
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).spawn();
    watching(&proxy);
    proxy.pause_watches();
    let begun = Instant::now();
    while begun.elapsed() < ALIVE {
        assert_eq!(
            holder(&stored(&ns, "job")),
            "other",
            "taken from a live holder"
        );
        renew(&ns, "job", 0);
        sleep(PACE);
    }
    let stopped = Instant::now();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    let took = stopped.elapsed();
    println!("with a silent watch: taken {took:?} after the last renewal");
    assert!(took < Duration::from_secs(2 * D + 3), "{took:?}");
}
