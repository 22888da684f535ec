//! Several at once: at most one wins.

use crate::support::{SOON, free, fresh, holder, not_acquired_as, said, stored, transitions};
use lease_harness::{Command, Proxy};

const ROUNDS: i64 = 6;
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
