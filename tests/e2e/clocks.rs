//! Holders whose clocks are wrong: never taken while they renew, taken soon after they stop.

use crate::support::{SOON, VERBS, holder, renew, said, shared, stored, transitions, watching};
use lease_harness::lease_api_server::Options;
use lease_harness::{Cluster, Namespace, Proxy, lease};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The recorded duration, seconds.
const D: u64 = 2;
/// How often the holder renews.
const PACE: Duration = Duration::from_millis(300);
/// How long it goes on: several durations.
const ALIVE: Duration = Duration::from_secs(2 * D + 1);

/// A waiter beside a holder that is `skew` seconds ahead, renews for a while and stops; it is taken within `taken`.
fn outlive(ns: &Namespace, skew: i64, watch_is_mute: bool) {
    let before = lease("job").holder("skewed").duration(D.cast_signed());
    let before = before.transitions(1).acquired_ago(0, skew);
    ns.create(&before.renewed_ago(0, skew).build());
    let proxy = Proxy::to(ns.cluster());
    let user = ns.user(&VERBS);
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).spawn();
    watching(&proxy);
    if watch_is_mute {
        proxy.pause_watches();
    }
    let lives = || {
        assert_eq!(
            holder(&stored(ns, "job")),
            "skewed",
            "taken from a live holder"
        )
    };
    let begun = Instant::now();
    while begun.elapsed() < ALIVE {
        lives();
        renew(ns, "job", skew);
        // The pace of the renewals, not a wait for anything.
        sleep(PACE);
    }
    lives();
    renew(ns, "job", skew);
    let stopped = Instant::now();
    let stderr =
        "waiting for lease \"job\": held by \"skewed\" for at most 2s more unless renewed\n";
    let stdout = "lease.coordination.k8s.io/job acquired\n";
    said(&running.wait(SOON), 0, stdout, stderr);
    let took = stopped.elapsed();
    println!("clock {skew} s ahead: taken {took:?} after the last renewal");
    let (least, most) = if watch_is_mute {
        (0, 2 * D + 3)
    } else {
        (D, D + 3)
    };
    assert!(
        took + PACE >= Duration::from_secs(least) && took < Duration::from_secs(most),
        "{took:?}"
    );
    assert_eq!(transitions(&stored(ns, "job")), 2);
}

/// In-process only, the last: the server does not stamp renewals, as 1.20 (which the real suite runs on), and has a wrong
/// clock.
#[test]
fn no_live_holder_is_taken_for_dead_whatever_its_clock_the_servers_or_the_watch_says() {
    let old = Cluster::in_process(Options {
        version: (1, 24),
        clock_offset: jiff::SignedDuration::from_secs(7200),
        ..Options::default()
    });
    let cluster = shared();
    std::thread::scope(|scope| {
        for (cluster, skew, mute) in [
            (cluster, 3600, false),
            (cluster, -3600, false),
            (cluster, 0, true),
            (&old, -3600, false),
        ] {
            scope.spawn(move || outlive(&cluster.namespace(), skew, mute));
        }
    });
}
