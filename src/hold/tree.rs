//! Everything a command started: found, signalled.

use nix::sys::signal::{self, Signal};
use nix::unistd::{Pid, getpgid};

/// Sends `signal` to every process below `root`, and to the process group that the command leads. Whoever is stopped
/// is continued, so that it can act on what it was sent.
pub fn signal_all(root: Pid, group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // Gone already, or not ours to signal any more: nothing to do about either.
        let _ = signal::killpg(group, signal);
        let _ = signal::killpg(group, Signal::SIGCONT);
    }
    for process in descendants(root) {
        // Once each: to some programs a second interrupt means to drop everything.
        if group.is_some() && getpgid(Some(process)).ok() == group {
            continue;
        }
        signal_one(process, signal);
    }
}

/// Sends `signal` to one process, and continues it.
pub fn signal_one(process: Pid, signal: Signal) {
    // Gone already, or not ours to signal any more: nothing to do about either.
    let _ = signal::kill(process, signal);
    let _ = signal::kill(process, Signal::SIGCONT);
}

/// What a person calls a process: its id and its name.
pub fn describe(process: Pid) -> String {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    match name.trim_end() {
        "" => process.to_string(),
        name => format!("{process} ({name})"),
    }
}

/// The processes below `root`, children first. A process whose parent died is below the nearest subreaper above it
/// (prctl(2), PR_SET_CHILD_SUBREAPER), so that neither setsid nor a double fork leads out of the tree.
#[cfg(target_os = "linux")]
pub fn descendants(root: Pid) -> Vec<Pid> {
    let mut parents: Vec<(i32, i32)> = Vec::new();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    for entry in entries.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        // "pid (name) state ppid …"; the name may hold anything, so count from its last bracket (proc(5)).
        if let Ok(stat) = std::fs::read_to_string(entry.path().join("stat"))
            && let Some((_, rest)) = stat.rsplit_once(')')
            && let Some(parent) = rest
                .split_whitespace()
                .nth(1)
                .and_then(|word| word.parse().ok())
        {
            parents.push((pid, parent));
        }
    }
    let mut found = vec![root.as_raw()];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.into_iter().skip(1).map(Pid::from_raw).collect()
}

/// Elsewhere the process group is all that can be had.
#[cfg(not(target_os = "linux"))]
pub fn descendants(_: Pid) -> Vec<Pid> {
    Vec::new()
}

/// Has orphans below this process handed to it, instead of to the system's first process.
pub fn adopt_orphans() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_child_subreaper(true)
        .map_err(|error| format!("cannot become a subreaper: {error}"))?;
    Ok(())
}
