//! Several at once: at most one wins.

use crate::support::{
    SOON, free, fresh, holder, not_acquired_as, said, set_free, stored, transitions,
};
use lease_harness::{Command, Proxy};
use std::time::Instant;

const ROUNDS: i64 = 200;
const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

#[test]
fn of_two_acquirers_exactly_one_wins_each_of_two_hundred_times() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    // Plain HTTP to a proxy: no TLS handshake for each of four hundred processes.
    let proxy = Proxy::to(ns.cluster());
    let url = ns.kubeconfig_via(&user, &proxy.url());
    let acquire = |me: &str| -> Command {
        let flags = ["acquire", "job", "--timeout=0", "--holder", me];
        ns.command(&user, flags).kubeconfig(&url)
    };
    let begun = Instant::now();
    let mut wins = 0;
    for round in 1..=ROUNDS {
        let (a, b) = (acquire("a").spawn(), acquire("b").spawn());
        let (a, b) = (a.wait(SOON), b.wait(SOON));
        let lease = stored(&ns, "job");
        let (winner, won, lost) = if a.code == Some(0) {
            ("a", &a, &b)
        } else {
            ("b", &b, &a)
        };
        said(won, 0, ACQUIRED, "");
        let obstacle = format!("held by \"{winner}\" for at most 60s more unless renewed");
        let loser = if winner == "a" {
            " --holder b"
        } else {
            " --holder a"
        };
        said(
            lost,
            124,
            "",
            &not_acquired_as(&ns, "job", &obstacle, loser),
        );
        assert_eq!((holder(&lease), transitions(&lease)), (winner, 3 + round));
        wins += usize::from(winner == "a");
        set_free(&ns, "job");
        proxy.clear();
    }
    println!("a won {wins} of {ROUNDS} in {:?}", begun.elapsed());
}

#[test]
fn of_two_creators_exactly_one_wins() {
    let (ns, user) = fresh();
    for round in 0..20 {
        let name = format!("job-{round}");
        let spawn = |me: &str| {
            let flags = ["acquire", &name, "--create", "--timeout=0", "--holder", me];
            ns.spawn(&user, flags)
        };
        let (a, b) = (spawn("a"), spawn("b"));
        let mut codes = [a.wait(SOON).code, b.wait(SOON).code];
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(124)]);
        assert_eq!(transitions(&stored(&ns, &name)), 1);
    }
}

#[test]
fn waiters_take_turns_until_all_had_the_lease() {
    let (ns, user) = fresh();
    ns.create(&crate::support::held("job", "first", 60));
    let mut waiters: Vec<_> = (0..5)
        .map(|number| {
            let me = format!("waiter-{number}");
            let running = ns.spawn(&user, ["acquire", "job", "--holder", &me]);
            running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
            (me, running)
        })
        .collect();
    let mut present = "first".to_owned();
    for turn in 1..=5 {
        let release = ["release", "job", "--holder", &present];
        assert_eq!(ns.run(&user, release).code, Some(0));
        let lease = ns.wait_until("job", |lease| !holder(lease).is_empty(), SOON);
        present = holder(&lease).to_owned();
        assert_eq!(transitions(&lease), 3 + turn);
        let index = waiters.iter().position(|(me, _)| *me == present);
        let (_, winner) = waiters.remove(index.expect("a waiter that had no turn yet"));
        assert_eq!(winner.wait(SOON).stdout, ACQUIRED);
        assert!(waiters.iter().all(|(_, running)| running.is_running()));
    }
}
