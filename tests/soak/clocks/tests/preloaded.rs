//! A program that this library is preloaded into sees its clocks, waits by them, and so does what is below it.
#![allow(clippy::disallowed_methods, reason = "a true time, to compare with")]
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use lease_harness::Cluster;
use lease_harness::lease_api_server::Options;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

/// The folder of what is built.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let this = std::env::current_exe().expect("a test has a file");
    let folder = this.ancestors().nth(2).expect("it is in target/debug/deps");
    folder.to_owned()
});

/// The library, built: cargo builds none that nothing links. The program with it, as this test is of another package.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "-p",
            "lease-clocks",
            "-p",
            "kubectl-lease",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo can be run");
    assert!(status.success());
    BUILT.join("liblease_clocks.so")
});

fn preloaded(program: &Path, offset_in_ms: i64, slew: i64) -> Command {
    let mut command = Command::new(program);
    command
        .env("LD_PRELOAD", &*LIBRARY)
        .env("LEASE_CLOCKS_OFFSET", offset_in_ms.to_string())
        .env("LEASE_CLOCKS_SLEW", slew.to_string())
        .env_remove("LEASE_CLOCKS_ORIGIN");
    command
}

/// What the example prints under it.
fn shown(offset_in_ms: i64, slew: i64, word: &str) -> HashMap<String, i64> {
    let output = preloaded(&BUILT.join("examples/clocks"), offset_in_ms, slew)
        .arg(word)
        .output()
        .expect("the example can be run");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .map(|(name, number)| (name.to_owned(), number.parse().expect("a number")))
        .collect()
}

#[test]
fn the_wall_clock_is_ahead_and_no_other() {
    let seen = shown(-3_600_000, 0, "");
    assert!((seen["true-wall"] - seen["wall"] - HOUR).abs() < SECOND);
    assert!(seen["true-monotonic"] - seen["monotonic"] < SECOND);
    assert!(seen["true-raw"] >= seen["raw"]);
}

#[test]
fn slewed_clocks_run_at_their_rate_and_are_right_where_the_tree_began() {
    // Started later by 200 ms of its parent's time: the parent's origin is its own.
    let seen = shown(0, 900_000, "below");
    let ahead = seen["monotonic"] - seen["raw"] - (seen["true-monotonic"] - seen["true-raw"]);
    assert!(ahead > 90 * SECOND / 1_900, "{ahead}");
    let first = shown(0, 900_000, "");
    let at_first =
        first["monotonic"] - first["raw"] - (first["true-monotonic"] - first["true-raw"]);
    assert!(at_first < ahead, "{at_first}");
    // What a machine has been suspended does not change by it.
    let suspended = seen["boot"] - seen["monotonic"];
    assert!((0..HOUR * 24 * 365).contains(&suspended));
}

#[test]
fn what_waits_by_a_slow_clock_waits_longer_and_is_never_early() {
    let seen = shown(3_600_000, -500_000, "waits");
    for wait in ["sleep", "park", "poll", "epoll", "timer"] {
        assert!(seen[wait] >= SECOND / 5, "{wait}: {}", seen[wait]);
        let by_itself = seen[&format!("{wait}-shown")];
        assert!(by_itself >= SECOND / 10, "{wait}: {by_itself}");
    }
}

#[test]
fn what_waits_by_a_fast_clock_waits_for_less() {
    // Any machine is quick once in a while.
    let mut late = vec!["sleep", "park", "poll", "epoll", "timer"];
    for _ in 0..50 {
        let seen = shown(-3_600_000, 900_000, "waits");
        for wait in ["sleep", "park", "poll", "epoll", "timer"] {
            let by_itself = seen[&format!("{wait}-shown")];
            assert!(by_itself >= SECOND / 10, "{wait}: {by_itself}");
        }
        late.retain(|wait| seen[*wait] >= SECOND / 10);
        if late.is_empty() {
            return;
        }
    }
    panic!("{late:?}");
}

#[test]
fn the_program_itself_writes_the_time_of_a_wrong_wall_clock() {
    let library = LIBRARY.as_os_str();
    lease_harness::set_binary(BUILT.join("kubectl-lease"));
    let namespace = Cluster::in_process(Options::default()).namespace();
    let user = namespace.user(&["get", "update", "create"]);
    for hours in [-1, 0, 1] {
        let name = format!("lease-{}", hours + 1);
        let offset = (hours * 3_600_000).to_string();
        let before = Timestamp::now();
        let acquired = namespace
            .command(&user, ["acquire", &name, "--create"])
            .env("LD_PRELOAD", library)
            .env("LEASE_CLOCKS_OFFSET", offset)
            .run();
        assert_eq!(acquired.code, Some(0), "{acquired}");
        let lease = namespace.get(&name).expect("it was created");
        let written = lease["spec"]["renewTime"].as_str().expect("it is renewed");
        let written: Timestamp = written.parse().expect("a time");
        let ahead = written.duration_since(before) - SignedDuration::from_hours(hours);
        // The call itself takes its time, on a busy machine.
        assert!((0..60).contains(&ahead.as_secs()), "{hours}: {ahead}");
    }
}
