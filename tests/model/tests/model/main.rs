//! Many holders of one simulated Lease, whose clocks are wrong and whose requests go astray. Minutes pass in milliseconds,
//! and everything that happens follows from a seed.

mod acknowledgement;
mod actor;
mod api;
mod checker;
mod clock;
mod command;
mod counts;
mod coverage;
mod expected;
mod faults;
mod ghosts;
mod histories;
mod job;
mod line;
mod process;
mod queue;
mod random;
mod reached;
mod scenarios;
mod server;
mod slots;
mod stay;
mod supervisor;
mod watch;
mod watchdog;
mod world;

use std::time::Duration;

/// Runs tasks on simulated time.
fn simulate<T>(seed: u64, tasks: impl Future<Output = T>) -> T {
    // The operations' own jitter.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, tasks)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

async fn sleep(seconds: f64) {
    tokio::time::sleep(secs(seconds)).await;
}
