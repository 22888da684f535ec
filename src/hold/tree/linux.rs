//! The kernel's lists of children, `/proc/PID/task/TID/children` (proc(5)), level by level, with pidfds for whoever is not
//! our own child.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use super::wait::to_rustix;

/// How many children of a process are opened before its list is read once more.
const BATCH: usize = 64;

/// A process below us that cannot be mistaken for another: a child of ours that we have not waited for, or an open pidfd.
pub struct Process {
    pid: Pid,
    /// The child of ours that it is below, or is.
    top: Pid,
    pidfd: Option<OwnedFd>,
}

impl Process {
    /// Its number, which may be another's once it has ended if it is not our own child.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The child of ours that it is below, or is.
    pub fn top(&self) -> Pid {
        self.top
    }

    /// Sends it a signal. Gone already, or not ours to signal any more: nothing to do about either.
    pub fn signal(&self, signal: Signal) {
        match &self.pidfd {
            None => {
                let _ = kill(self.pid, signal);
            }
            Some(pidfd) => {
                if let Some(signal) = rustix::process::Signal::from_named_raw(signal as i32) {
                    let _ = pidfd_send_signal(pidfd, signal);
                }
            }
        }
    }

    /// Whether its number has been its own until now.
    fn is_itself(&self) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return true;
        };
        // It becomes readable when the process ends (pidfd_open(2)).
        let mut sources = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        poll(&mut sources, PollTimeout::ZERO) == Ok(0)
    }
}

/// Has orphans below this process handed to it, instead of to the system's first process.
///
/// # Errors
/// Where the kernel does not do that.
pub fn adopt_orphans() -> Result<(), String> {
    nix::sys::prctl::set_child_subreaper(true)
        .map_err(|error| format!("cannot become a subreaper: {error}"))
}

/// Whether this system lets us find our own children.
///
/// # Errors
/// Where it does not: why, and what to do.
pub fn check() -> Result<(), String> {
    let advice = "hold needs it to find what the command starts";
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| {
        format!("/proc cannot be read ({error}): {advice}; mount it: mount -t proc proc /proc")
    })?;
    if !shows(&status, getpid()) {
        return Err(format!(
            "/proc belongs to another PID namespace: {advice}; mount one of this namespace (unshare --mount-proc)"
        ));
    }
    let thread = nix::unistd::gettid();
    std::fs::read(format!("/proc/self/task/{thread}/children"))
        .map(|_| ())
        .map_err(|error| {
            format!(
                "/proc lists no children ({error}): {advice}; the kernel needs CONFIG_PROC_CHILDREN"
            )
        })
}

/// Whether a `/proc/self/status` is ours, in a /proc of our own PID namespace: our number is the one there, and the only
/// one. `NSpid` has one for each namespace from that of the /proc inwards (proc(5)); before Linux 4.1 it is missing.
fn shows(status: &str, us: Pid) -> bool {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().collect::<Vec<_>>())
    };
    let us = us.to_string();
    let numbers = field("NSpid:").or_else(|| field("Pid:"));
    numbers.is_some_and(|numbers| numbers == [us.as_str()])
}

/// The children of this process, dead or alive. They stay in the list until they are waited for.
pub fn own(_: Pid) -> Vec<Pid> {
    children("/proc/self/task").unwrap_or_default()
}

/// For the group see [`own`]: who is left of it is below us.
pub fn group_lives_on(_: Pid) -> bool {
    false
}

/// The children that a process has by all of its threads. Not to be relied upon where somebody else waits for them at
/// this time, but then there is a next look.
fn children(tasks: &str) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(tasks)? {
        // A thread may end meanwhile: its children are another thread's then.
        let Ok(list) = std::fs::read_to_string(task?.path().join("children")) else {
            continue;
        };
        let numbers = list.split_ascii_whitespace();
        found.extend(numbers.filter_map(|number| Some(Pid::from_raw(number.parse().ok()?))));
    }
    Ok(found)
}

fn children_of(pid: Pid) -> Vec<Pid> {
    // Hidden (hidepid=2), or gone: its children come to us when it dies.
    children(&format!("/proc/{pid}/task")).unwrap_or_default()
}

/// Calls `each` with every process below this one.
pub fn visit_own(leader: Pid, each: &mut dyn FnMut(&Process)) {
    for pid in own(leader) {
        let child = Process {
            pid,
            top: pid,
            pidfd: None,
        };
        each(&child);
        below(child, each);
    }
}

/// Calls `each` with every process below a child of ours.
pub fn visit_below(root: Pid, each: &mut dyn FnMut(&Process)) {
    let root = Process {
        pid: root,
        top: root,
        pidfd: None,
    };
    below(root, each);
}

fn below(root: Process, each: &mut dyn FnMut(&Process)) {
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for batch in children_of(parent.pid).chunks(BATCH) {
            let opened: Vec<Process> = (batch.iter())
                .filter_map(|&pid| {
                    let pidfd = pidfd_open(to_rustix(pid)?, PidfdFlags::empty()).ok()?;
                    Some(Process {
                        pid,
                        top: parent.top,
                        pidfd: Some(pidfd),
                    })
                })
                .collect();
            // A number may have become somebody else's before it was opened. What is still in the list is a child of the
            // parent, if the parent is still itself.
            let still = children_of(parent.pid);
            if !parent.is_itself() {
                break;
            }
            for child in opened {
                if still.contains(&child.pid) {
                    each(&child);
                    if !children_of(child.pid).is_empty() {
                        parents.push(child);
                    }
                }
            }
        }
    }
}

/// What a person calls a process: its id and its name.
pub fn describe(process: Pid) -> String {
    describe_running(process).unwrap_or_else(|| process.to_string())
}

/// As [`describe`]; `None` for one that has ended.
pub fn describe_running(process: Pid) -> Option<String> {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        // Hidden, if it is there.
        let there = kill(process, None) != Err(nix::errno::Errno::ESRCH);
        return (there && !super::is_zombie(process)).then(|| process.to_string());
    };
    // "pid (name) state …"; the name may hold anything, a bracket too (proc(5)).
    let (start, rest) = stat.rsplit_once(')')?;
    let (_, name) = start.split_once('(')?;
    let name: String = name
        .chars()
        .map(|char| if char.is_control() { '?' } else { char })
        .collect();
    let ended = rest.trim_start().starts_with(['Z', 'X']);
    (!ended).then(|| format!("{process} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_believed_only_where_our_number_is_the_only_one() {
        let us = Pid::from_raw(7);
        assert!(shows("Name:\tx\nPid:\t7\nNSpid:\t7\n", us));
        assert!(shows("Name:\tx\nPid:\t7\n", us));
        // Of an outer namespace, by chance with the same number there.
        assert!(!shows("Name:\tx\nPid:\t7\nNSpid:\t7\t7\n", us));
        assert!(!shows("Name:\tx\nPid:\t4711\nNSpid:\t4711\t7\n", us));
        assert!(!shows("Name:\tx\nPid:\t8\n", us));
        assert!(!shows("", us));
    }
}
