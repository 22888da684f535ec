//! Several at once: at most one wins.

use crate::support::{SOON, free, fresh, holder, not_acquired_as, said, stored, transitions};
use lease_harness::{Command, Proxy};

const ROUNDS: i64 = 16;
const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

#[test]
fn of_two_acquirers_or_creators_exactly_one_wins_each_time() {
    let (ns, user) = fresh();
    // Plain HTTP to a proxy: no TLS handshake for each process.
    let proxy = Proxy::to(ns.cluster());
    let url = ns.kubeconfig_via(&user, &proxy.url());
    let acquire = |me: &str| -> Command {
        let flags = ["acquire", "job", "--create", "--timeout=0", "--holder", me];
        ns.command(&user, flags).kubeconfig(&url)
    };
    for round in 1..=ROUNDS {
        // There in every other round.
        let before = match round % 2 {
            0 => transitions(&ns.create(&free("job"))),
            _ => 0,
        };
        let (a, b) = (acquire("a").spawn(), acquire("b").spawn());
        let (a, b) = (a.wait(SOON), b.wait(SOON));
        let lease = stored(&ns, "job");
        let (winner, loser, won, lost) = match a.code {
            Some(0) => ("a", "b", &a, &b),
            _ => ("b", "a", &b, &a),
        };
        said(won, 0, ACQUIRED, "");
        let obstacle = format!("held by \"{winner}\" for at most 60s more unless renewed");
        let flag = format!(" --holder {loser}");
        let expected = not_acquired_as(&ns, "job", &obstacle, &flag);
        said(lost, 124, "", &expected);
        let stored = (holder(&lease), transitions(&lease));
        assert_eq!(stored, (winner, before + 1));
        ns.delete("job");
    }
}

#[test]
fn waiters_take_turns_until_all_had_the_lease() {
    let (ns, user) = fresh();
    ns.create(&crate::support::held("job", "first", 60));
    let mut waiters: Vec<_> = (0..4)
        .map(|number| {
            let me = format!("waiter-{number}");
            let running = ns.spawn(&user, ["acquire", "job", "--holder", &me]);
            running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
            (me, running)
        })
        .collect();
    let mut present = "first".to_owned();
    for turn in 1..=4 {
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
