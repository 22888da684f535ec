//! The list of as many Leases as a large cluster has nodes, against curl and kubectl fetching the same list.

use std::error::Error;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use lease_harness::lease;

use crate::contest::Contest;
use crate::measure::{Typical, peak_resident, time};
use crate::table::{Row, Table};

const WRITERS: usize = 16;

/// How many, and what is wanted of them.
pub struct Size {
    pub leases: usize,
    /// Of curl's time.
    pub ratio: f64,
    /// Peak resident, MiB.
    pub resident: f64,
}

/// Adds Leases up to the size to those that are there, and compares.
pub fn run(
    contest: &Contest,
    there: usize,
    size: &Size,
    rounds: usize,
    typical: Typical,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    fill(contest, there, size.leases);
    let plugin = || {
        let mut plugin = contest.plugin(&["status", "-A"]);
        // How many there are of each kind.
        plugin.stderr(Stdio::null());
        plugin
    };
    let curl = || contest.curl(LEASES);
    let kubectl = || contest.kubectl(&["get", "lease", "-A"]);
    let resident = peak_resident(&mut plugin())?;
    let curl_resident = peak_resident(&mut curl())?;
    let kubectl_resident = peak_resident(&mut kubectl())?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        times[0].push(time(&mut plugin())?);
        times[1].push(time(&mut curl())?);
        if round % 15 == 0 {
            times[2].push(time(&mut kubectl())?);
        }
    }
    let [ours, curls, kubectls] = times.map(|times| typical(&times));
    let what = format!("`status -A`, {} leases", size.leases);
    table.add(
        Row::new(&what, ours)
            .against("curl of the list", curls)
            .at_most_of_it(size.ratio)
            .steady(),
    );
    table.add(Row::new(&what, ours).against("`kubectl get lease -A`", kubectls));
    let what = format!("{what}: peak resident");
    table.add(
        Row::new(&what, resident)
            .against("curl", curl_resident)
            .at_most(size.resident)
            .steady(),
    );
    table.add(Row::new(&what, resident).against("kubectl", kubectl_resident));
    Ok(())
}

const LEASES: &str = "/apis/coordination.k8s.io/v1/leases";

fn fill(contest: &Contest, there: usize, wanted: usize) {
    let next = AtomicUsize::new(there);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= wanted {
                        return;
                    }
                    let name = format!("node-{index:06}.example.internal");
                    let node = lease(&name).holder(&name).duration(40);
                    contest.namespace.create(&node.renewed_ago(3, 0).build());
                }
            });
        }
    });
}
