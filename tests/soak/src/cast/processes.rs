//! Processes as the kernel shows them: whose child, with which environment, with which file open. All of it by /proc.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// The environment variable by which everything that a call started can be found again.
pub const MARK: &str = "LEASE_SOAK_CALL";

/// Its value: which soak, of several on one machine, and the call's number.
pub fn mark(call: u32) -> String {
    format!("{}.{call}", std::process::id())
}

/// The processes of a hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// `kubectl-lease hold` itself.
    pub supervisor: Option<u32>,
    /// What kills by the deadline.
    pub watchdog: Option<u32>,
    /// The command itself, not what it starts.
    pub command: Option<u32>,
}

/// The family below, or at, the process that was started: something may be in between (a pid namespace's parent). The
/// command is the watchdog's first child: orphans that have come to it since are listed after it.
pub fn family(started: u32) -> Family {
    let mut family = Family::default();
    let mut below = std::collections::VecDeque::from([started]);
    while let Some(pid) = below.pop_front() {
        let words = words(pid);
        let word = |number: usize| words.get(number).map(String::as_str).unwrap_or_default();
        if word(1) == "--watchdog" {
            family.watchdog = family.watchdog.or(Some(pid));
        } else if word(0).ends_with("kubectl-lease") && word(1) != "--plugin" {
            family.supervisor = family.supervisor.or(Some(pid));
        } else if word(1) == "worker" {
            family.command = family.command.or(Some(pid));
            // What it has started is the command's own affair.
            continue;
        }
        below.extend(children(pid));
    }
    family
}

fn words(pid: u32) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0);
    words
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let pids = list.split_whitespace().filter_map(|word| word.parse().ok());
            pids.collect::<Vec<u32>>()
        })
        .collect()
}

/// Every process id there is.
fn all() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The processes that carry the mark, and the call that each is of; zombies too, where they can be told to be ours.
pub fn marked() -> Vec<(u32, u32)> {
    let start = format!("{MARK}={}.", std::process::id());
    let call = |pid: u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut entries = environment.split(|byte| *byte == 0);
        let call = entries.find_map(|entry| entry.strip_prefix(start.as_bytes()))?;
        std::str::from_utf8(call).ok()?.parse().ok()
    };
    all()
        .into_iter()
        .filter_map(|pid| Some((pid, call(pid)?)))
        .collect()
}

/// Our own zombies: children that nobody has waited for.
pub fn zombies() -> Vec<u32> {
    children(std::process::id())
        .into_iter()
        .filter(|pid| state(*pid) == Some('Z'))
        .collect()
}

/// The state in /proc, which follows the command's name in parentheses; that may hold any character (proc(5)).
pub fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

/// The processes that have this file open, as far as we may see.
pub fn with_open(file: &Path) -> Vec<u32> {
    let has_it = |pid: &u32| {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd"));
        let mut descriptors = descriptors.into_iter().flatten().flatten();
        descriptors.any(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to == file))
    };
    all().into_iter().filter(has_it).collect()
}

/// What a process is called, for people.
pub fn title(pid: u32) -> String {
    let name = words(pid).join(" ");
    let state = state(pid).unwrap_or('?');
    format!("process {pid} ({state}) {}", name.trim())
}

/// Exactly one process, whatever becomes of its number.
pub struct Handle {
    descriptor: OwnedFd,
    /// Its number, for what takes no handle. Only for words.
    pub pid: u32,
}

impl Handle {
    /// The process, if `still` says that it is the one that is meant: asked after the handle is there.
    pub fn of(pid: u32, still: impl Fn(u32) -> bool) -> Option<Handle> {
        // SAFETY: pidfd_open takes two numbers and returns a new file descriptor or -1.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = i32::try_from(descriptor)
            .ok()
            .filter(|number| *number >= 0)?;
        // SAFETY: the descriptor is new and nobody else's.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        still(pid).then_some(Handle { descriptor, pid })
    }

    /// Sends it a signal, 1 to 64. False if it is gone, or the signal is none.
    pub fn signal(&self, number: i32) -> bool {
        let nothing = std::ptr::null_mut::<libc::siginfo_t>();
        let descriptor = self.descriptor.as_raw_fd();
        // SAFETY: the descriptor is open; a null siginfo means one as of kill(2).
        let result =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, descriptor, number, nothing, 0) };
        result == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_of_the_process_that_is_meant_or_none() {
        let this = std::process::id();
        assert!(Handle::of(this, |_| false).is_none());
        let handle = Handle::of(this, |pid| pid == this).expect("it is there");
        assert!(handle.signal(0));
    }

    #[test]
    fn a_file_is_found_in_the_process_that_has_it_open() {
        let path = std::env::current_exe().expect("known");
        let file = std::fs::File::open(&path).expect("there");
        assert!(with_open(&path).contains(&std::process::id()));
        drop(file);
        assert!(!with_open(&path).contains(&std::process::id()));
    }
}
