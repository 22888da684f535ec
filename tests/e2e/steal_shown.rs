//! What `steal` shows of the Lease that it takes: the words of `status`, and why it waits.

use crate::support::{fresh_in_process, said_like};
use lease_harness::lease;
use lease_harness::lease_api_server::Options;

#[test]
fn what_status_calls_expired_is_called_that_by_steal_and_why_it_waits_all_the_same() {
    // Its stamps are not those of renewals.
    let (ns, user) = fresh_in_process(Options {
        version: (1, 20),
        restamp_managed_fields: false,
        ..Options::default()
    });
    ns.create(
        &lease("job")
            .holder("victim")
            .duration(2)
            .transitions(3)
            .acquired_ago(14_400, 0)
            .renewed_ago(10_800, 0)
            .build(),
    );
    let status = ns.run(&user, ["status", "job"]);
    assert!(
        status.stdout.contains("Expired (by the holder's renewTime"),
        "{status}"
    );
    let output = ns.run(&user, ["steal", "job", "--holder=me", "--yes"]);
    let expected = "lease \"job\" is held by \"victim\"\n  \
        Expired (by the holder's renewTime against the server's clock), acquired … ago, expired … ago (renewed … ago, for 2s)\n  \
        that is no proof, because the holder's clock may be wrong: it may be alive, so the takeover waits up to 2s for it to stop (--now does not)\n\
        waiting … until \"victim\" must have stopped; the lease is kept renewed (--now skips this)\n";
    said_like(
        &output,
        0,
        "lease.coordination.k8s.io/job stolen\n",
        expected,
    );
}
