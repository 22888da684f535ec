//! `status NAME` against curl and kubectl on the same object, in turns, cold each time.

use std::error::Error;
use std::time::Duration;

use lease_harness::lease;

use crate::{Contest, median, peak_resident, time};

const ROUNDS: usize = 60;

pub fn run(contest: &Contest) -> Result<(), Box<dyn Error>> {
    contest
        .namespace
        .create(&lease("my-lease").holder("me").duration(15).build());
    let plugin = || contest.plugin(&["status", "my-lease"]);
    let curl = || contest.curl("/my-lease");
    let kubectl = || contest.kubectl(&["get", "lease", "my-lease"]);

    // Also warms the page cache, and kubectl's discovery cache.
    let resident = peak_resident(&mut plugin())?;
    time(&mut curl())?;
    time(&mut kubectl())?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        times[0].push(time(&mut plugin())?);
        times[1].push(time(&mut curl())?);
        if round % 4 == 0 {
            times[2].push(time(&mut kubectl())?);
        }
    }
    let [ours, curls, kubectls] = times.map(median);
    let ratio = |of: Duration| of.as_secs_f64() / curls.as_secs_f64();
    let ms = |of: Duration| of.as_secs_f64() * 1000.0;
    println!("| one lease | median wall time | against curl |");
    println!("| --- | --- | --- |");
    println!(
        "| `kubectl-lease status my-lease` | {:.1} ms | {:.2} |",
        ms(ours),
        ratio(ours)
    );
    println!("| `curl` of the same object | {:.1} ms | 1.00 |", ms(curls));
    println!(
        "| `kubectl get lease my-lease` | {:.1} ms | {:.1} |",
        ms(kubectls),
        ratio(kubectls)
    );
    let megabytes = std::fs::metadata(&contest.binary)?.len() as f64 / 1_048_576.0;
    println!(
        "\nResident: {:.1} MiB at most. Release binary: {megabytes:.1} MiB.\n",
        resident as f64 / 1024.0
    );
    contest.namespace.delete("my-lease");
    Ok(())
}
