//! From the end of one hold's command to the beginning of the next one's, who waits.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use lease_harness::lease;

use crate::child::Held;
use crate::contest::Contest;
use crate::measure::{median, percentile};
use crate::table::{Row, Table};

/// After its line about waiting a hold begins its watch.
const SETTLED: Duration = Duration::from_millis(60);

/// As many handovers as `rounds` says, from one to the next.
pub fn run(contest: &Contest, rounds: usize, table: &mut Table) -> Result<(), Box<dyn Error>> {
    contest.namespace.create(&lease("handed-over").build());
    let hold = || Held::start(contest.plugin(&["hold", "handed-over", "--"]));
    let mut holder = hold()?;
    holder.stamp()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let mut next = hold()?;
        next.waits()?;
        sleep(SETTLED);
        holder.end();
        let ended = holder.stamp()?;
        times.push(next.stamp()?.saturating_sub(ended));
        holder.hold.wait()?;
        holder = next;
    }
    holder.end();
    holder.hold.wait()?;
    let what = "handover, a command's end to the next one's beginning";
    table.add(Row::new(format!("{what}, p50"), median(&times)).at_most(8.0));
    table.add(Row::new(format!("{what}, p99"), percentile(&times, 0.99)).at_most(20.0));
    Ok(())
}
