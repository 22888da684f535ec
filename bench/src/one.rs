//! `status NAME` and `hold x -- true`, cold each time, in turns with those who do the same.

use std::error::Error;

use lease_harness::lease;

use crate::contest::Contest;
use crate::measure::{Typical, median, peak_resident, time};
use crate::table::{Row, Table};

/// `status NAME` against curl and kubectl on the same object.
pub fn status(
    contest: &Contest,
    rounds: usize,
    typical: Typical,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    let namespace = &contest.namespace;
    namespace.create(&lease("my-lease").holder("me").duration(15).build());
    let plugin = || contest.plugin(&["status", "my-lease"]);
    let curl = || contest.curl(&contest.lease("my-lease"));
    let kubectl = || contest.kubectl(&["get", "lease", "my-lease"]);
    // Also warms the page cache, and kubectl's discovery cache.
    let resident = peak_resident(&mut plugin())?;
    time(&mut curl())?;
    time(&mut kubectl())?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        times[0].push(time(&mut plugin())?);
        times[1].push(time(&mut curl())?);
        if round % 8 == 0 {
            times[2].push(time(&mut kubectl())?);
        }
    }
    let [ours, curls, kubectls] = times.map(|times| typical(&times));
    table.add(
        Row::new("`status NAME`", ours)
            .against("curl of the object", curls)
            .at_most_of_it(0.40)
            .steady(),
    );
    table.add(Row::new("`status NAME`", ours).against("`kubectl get lease NAME`", kubectls));
    table.add(Row::new("`status NAME`, peak resident", resident));
    namespace.delete("my-lease");
    Ok(())
}

/// `hold x -- true` of a free lease, against klock where it is.
pub fn hold(contest: &Contest, rounds: usize, table: &mut Table) -> Result<(), Box<dyn Error>> {
    let namespace = &contest.namespace;
    namespace.create(&lease("held").build());
    namespace.create(&lease("curled").build());
    let plugin = || contest.plugin(&["hold", "held", "--", "true"]);
    let klock = || contest.klock("klocked", &["true"]);
    time(&mut plugin())?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        times[0].push(time(&mut plugin())?);
        times[1].push(time(&mut contest.curl(&contest.lease("curled")))?);
        if let Some(mut klock) = klock() {
            times[2].push(time(&mut klock)?);
        }
    }
    let [ours, curls, klocks] = times;
    let ours = median(&ours);
    if !klocks.is_empty() {
        let row = Row::new("`hold x -- true`", ours).against("klock", median(&klocks));
        table.add(row.at_most_of_it(0.5).steady());
    }
    table.add(Row::new("`hold x -- true`", ours).against("curl of the object", median(&curls)));
    Ok(())
}
