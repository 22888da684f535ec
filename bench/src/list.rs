//! The list of as many Leases as a large cluster has nodes, against curl and kubectl fetching the same list.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lease_harness::lease;

use crate::{Contest, median, peak_resident, time};

const ROUNDS: usize = 45;
const WRITERS: usize = 16;

/// Adds Leases up to `size`, and compares; returns how many there are.
pub fn run(contest: &Contest, there: usize, size: usize) -> Result<usize, Box<dyn Error>> {
    let next = AtomicUsize::new(there);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= size {
                        return;
                    }
                    let name = format!("node-{index:06}.example.internal");
                    let node = lease(&name)
                        .holder(&name)
                        .duration(40)
                        .renewed_ago(3, 0)
                        .build();
                    contest.namespace.create(&node);
                }
            });
        }
    });
    let plugin = || contest.plugin(&["status"]);
    let curl = || contest.curl("");
    let kubectl = || contest.kubectl(&["get", "lease"]);
    let resident = peak_resident(&mut plugin())?;
    let curl_resident = peak_resident(&mut curl())?;
    let kubectl_resident = peak_resident(&mut kubectl())?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        times[0].push(time(&mut plugin())?);
        times[1].push(time(&mut curl())?);
        if round % 15 == 0 {
            times[2].push(time(&mut kubectl())?);
        }
    }
    let [ours, curls, kubectls] = times.map(median);
    let ratio = |of: Duration| of.as_secs_f64() / curls.as_secs_f64();
    let mib = |kib: i64| kib as f64 / 1024.0;
    println!("| {size} leases | median wall time | against curl | resident |");
    println!("| --- | --- | --- | --- |");
    for (name, took, kib) in [
        ("`kubectl-lease status`", ours, resident),
        ("`curl` of the list", curls, curl_resident),
        ("`kubectl get lease`", kubectls, kubectl_resident),
    ] {
        println!(
            "| {name} | {:.0} ms | {:.2} | {:.1} MiB |",
            took.as_secs_f64() * 1000.0,
            ratio(took),
            mib(kib)
        );
    }
    println!();
    Ok(size)
}
