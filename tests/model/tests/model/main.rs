//! A model of many holders on one simulated Lease API, where clocks are wrong and requests go astray; minutes pass in
//! milliseconds, and everything that happens follows from a seed.

mod actor;
mod api;
mod checker;
mod clock;
mod faults;
mod random;
mod scenarios;
mod server;
mod watch;

use std::time::Duration;

/// How many seeds the default run plays; `KUBECTL_LEASE_MODEL_SEEDS` asks for more, `first..last` for a range.
const SEEDS: u64 = 200;

#[test]
#[expect(clippy::disallowed_macros, reason = "what a test has to say")]
fn at_most_one_holder_is_ever_inside_whatever_clocks_and_requests_do() {
    let asked = std::env::var("KUBECTL_LEASE_MODEL_SEEDS").ok();
    let number = |text: &str| {
        text.parse::<u64>()
            .expect("KUBECTL_LEASE_MODEL_SEEDS is a number or first..last")
    };
    let seeds = match asked
        .as_deref()
        .map(|text| text.split_once("..").ok_or(text))
    {
        None => 0..SEEDS,
        Some(Err(count)) => 0..number(count),
        Some(Ok((first, last))) => number(first)..number(last),
    };
    let seeds: Vec<u64> = seeds.collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let shares: Vec<Vec<u64>> = (0..threads)
        .map(|first| seeds.iter().skip(first).step_by(threads).copied().collect())
        .collect();
    let mut total = checker::Totals::default();
    let mut failed: Vec<u64> = Vec::new();
    std::thread::scope(|scope| {
        let shares: Vec<_> = shares
            .iter()
            .map(|share| scope.spawn(|| play_all(share)))
            .collect();
        for share in shares {
            let (totals, failures) = share.join().expect("a simulation panicked");
            total.add(&totals);
            failed.extend(failures);
        }
    });
    failed.sort_unstable();
    println!("{total:?}");
    assert!(failed.is_empty(), "the model fails for seeds {failed:?}");
    assert!(
        asked.is_some() || total.grants > SEEDS * 5,
        "hardly anything happened: {total:?}"
    );
}

/// Plays seeds one after the other; what happened in all, and which failed.
#[expect(clippy::disallowed_macros, reason = "what a test has to say")]
fn play_all(seeds: &[u64]) -> (checker::Totals, Vec<u64>) {
    let mut total = checker::Totals::default();
    let failed = seeds
        .iter()
        .copied()
        .filter(|seed| match random::play(*seed) {
            Ok(totals) => {
                total.add(&totals);
                false
            }
            Err(story) => {
                eprintln!(
                    "seed {seed} (KUBECTL_LEASE_MODEL_SEEDS={seed}..{}):\n{story}\n",
                    seed + 1
                );
                true
            }
        });
    let failed = failed.collect();
    (total, failed)
}

/// Runs a world's tasks on simulated time.
fn simulate<T>(seed: u64, world: impl Future<Output = T>) -> T {
    // The operations' own jitter.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, world)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}
