//! The first process of a container collects the orphans of everybody else in it.

use std::collections::HashSet;
use std::time::Duration;

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);

/// As process 1, collects the zombies that nobody else waits for, such as those of `kubectl exec`. Whatever this
/// process waits for itself (an exec plugin, the watchdog) is gone within one look; only what was there at the look
/// before is collected.
pub fn reap_as_first_process() {
    if std::process::id() != 1 {
        return;
    }
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
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            (fields.next() == Some("Z") && fields.next() == Some("1")).then_some(pid)
        })
        .collect()
}
