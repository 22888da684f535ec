//! Collects orphans: those of everybody else where this is the first process of a container, and, as hold is a
//! subreaper, those of its own exec plugins.

use std::collections::HashSet;
use std::time::Duration;

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);

/// Collects the zombies that nobody else waits for, such as those of `kubectl exec` in a container. Whatever this
/// process waits for itself (an exec plugin, the watchdog) is gone within one look; only what was there at the look
/// before is collected.
pub fn reap() {
    tokio::spawn(async {
        let mut before = HashSet::new();
        loop {
            tokio::time::sleep(EVERY).await;
            let zombies: HashSet<i32> = zombie_children();
            for &zombie in zombies.intersection(&before) {
                let _ = waitpid(Pid::from_raw(zombie), Some(WaitPidFlag::WNOHANG));
            }
            before = zombies;
        }
    });
}

fn zombie_children() -> HashSet<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return HashSet::new();
    };
    let me = std::process::id().to_string();
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            (fields.next() == Some("Z") && fields.next() == Some(me.as_str())).then_some(pid)
        })
        .collect()
}
