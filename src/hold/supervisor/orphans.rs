//! Collects orphans: those of everybody else where this is the first process of a container, and, as hold is a
//! subreaper, those of its own exec plugins.

use std::collections::HashSet;
use std::time::Duration;

use nix::unistd::Pid;

use super::child;
use crate::hold::watchdog::tree;
use crate::side;

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);

/// Collects the zombies that nobody else waits for, such as those of `kubectl exec` in a container. Whatever this
/// process waits for itself is passed over: the watchdog, exec plugins while they are noted, and what was not there at
/// the look before.
pub fn reap() {
    tokio::spawn(async {
        let mut before = HashSet::new();
        loop {
            tokio::time::sleep(EVERY).await;
            let zombies = zombies();
            for &zombie in zombies.intersection(&before) {
                tree::collect(zombie);
            }
            before = zombies;
        }
    });
}

fn zombies() -> HashSet<Pid> {
    let side = side::processes();
    let on_the_side = |pid: Pid| side.contains(&pid.as_raw());
    // One that is not listed now is collected another time.
    let children = tree::own().unwrap_or_default().into_iter();
    children
        .filter(|&pid| !child::is_watchdog(pid) && !on_the_side(pid) && tree::is_zombie(pid))
        .collect()
}
