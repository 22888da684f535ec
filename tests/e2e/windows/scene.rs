//! What the journeys on Windows share: a hold whose command starts processes that it names.

use std::time::{Duration, Instant};

use lease_harness::{Running, alive, wait_gone};

use crate::hold::scene::{Held, SOON, Scene};

/// What nobody waits for is there within this, on a machine that is busy with other things.
pub const AT_ONCE: Duration = Duration::from_secs(5);

/// The ways in which a process leaves its parent here: a process group, no console, out of the job.
pub const LEAVING: [&str; 4] = ["beside", "group", "detached", "breakaway"];

/// A hold whose command has started one process in each of these ways, and goes on with the rest. Whoever is asked to end
/// has half a second for that.
#[track_caller]
pub fn start_with_children(scene: &Scene, ways: &[&str], rest: &[&str]) -> (Held, Vec<u32>) {
    let mut script = Vec::new();
    for way in ways {
        script.extend(["start", way, "sleep 600", "then"]);
    }
    script.extend(["announce", "then"]);
    script.extend(rest);
    let held = Held::start(&scene.hold_portable(&["--kill-after=500ms"], &script));
    let children = started(&held.running);
    assert!(!children.is_empty(), "{}", held.running.stdout());
    (held, children)
}

/// Those of whom the command has said that it started them.
pub fn started(running: &Running) -> Vec<u32> {
    let said = running.stdout();
    let pids = said
        .lines()
        .filter_map(|line| line.strip_prefix("started "));
    pids.map(|pid| pid.trim().parse().expect("a process id"))
        .collect()
}

/// All of them dead, and how long that took.
#[track_caller]
pub fn all_gone(pids: &[u32]) -> Duration {
    let begun = Instant::now();
    for pid in pids {
        wait_gone(*pid, SOON);
    }
    begun.elapsed()
}

/// Those that are alive.
pub fn living(pids: &[u32]) -> Vec<u32> {
    pids.iter().copied().filter(|pid| alive(*pid)).collect()
}
