//! Everything below this process by the kernel's lists of children, level by level, with pidfds for whoever is not our own
//! child.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use super::wait::to_rustix;
use crate::children;
use crate::limits;

/// How many children of a process are opened before its list is read once more.
const BATCH: usize = 64;

/// How many of the newest processes are looked at; a look at one costs less than a microsecond.
const NEWEST: usize = 512;

/// A process below us that cannot be mistaken for another: a child of ours that we have not waited for, or an open pidfd.
pub struct Process {
    pid: Pid,
    /// The child of ours that it is below, or is.
    top: Pid,
    pidfd: Option<OwnedFd>,
}

impl Process {
    /// A child of ours that we have not waited for.
    pub fn own(pid: Pid) -> Self {
        Self {
            pid,
            top: pid,
            pidfd: None,
        }
    }

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

    /// Whether it runs and is not shown to us (proc(5), hidepid), so that its children cannot be listed.
    pub fn is_hidden(&self) -> bool {
        let shown = std::path::Path::new(&format!("/proc/{}", self.pid)).exists();
        (!shown || children::of(self.pid).is_err()) && self.is_itself()
    }

    /// Whether its number has been its own until now.
    pub fn is_itself(&self) -> bool {
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

/// Has this thread run before the command's processes, where that is allowed (CAP_SYS_NICE, or RLIMIT_RTPRIO): those can
/// be so many that it would come to run seconds late (sched(7)). Nobody inherits it. Not where the processor's time of such
/// a thread is limited (getrlimit(2), RLIMIT_RTTIME): a long kill would use it up, and the kernel would end this process.
#[expect(unsafe_code, reason = "nix has no such call, and musl's does nothing")]
pub fn go_first() {
    use nix::libc;

    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call fills the structure, which outlives it.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_RTTIME, &raw mut limit) } == 0;
    if !known || limit.rlim_cur != libc::RLIM_INFINITY {
        return;
    }
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // The kernel's sched_param is the priority and nothing else; musl's own has more fields.
    let lowest: libc::c_int = 1;
    // SAFETY: the call reads the number, which outlives it, and changes nothing else in this process. Refused: as it was.
    unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const lowest) };
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
    children::keep_open().map_err(|error| match limits::named(&error) {
        Some(limit) => limit.to_owned(),
        None => format!(
            "/proc lists no children ({error}): {advice}; the kernel needs CONFIG_PROC_CHILDREN"
        ),
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
///
/// # Errors
/// When there can be some that are not listed.
pub fn own(_: Pid) -> io::Result<Vec<Pid>> {
    children::own()
}

/// As [`own`], fast: whom this thread has started, and orphans.
///
/// # Errors
/// As [`own`].
pub fn own_at_once(_: Pid) -> io::Result<Vec<Pid>> {
    children::kept().unwrap_or_else(children::own)
}

/// The numbers of the newest processes of this system, newest first: whoever forks without a pause is among them.
pub fn newest() -> impl Iterator<Item = Pid> {
    let last = children::newest().unwrap_or_default();
    (1..=last).rev().take(NEWEST).map(Pid::from_raw)
}

/// For the group see [`own`]: who is left of it is below us.
pub fn group_lives_on(_: Pid) -> bool {
    false
}

/// The children, dead or alive, that a child of ours has.
///
/// # Errors
/// When it cannot be told.
pub fn children_of(pid: Pid) -> io::Result<Vec<Pid>> {
    children::of(pid)
}

fn listed_children(pid: Pid) -> Vec<Pid> {
    // Hidden (hidepid=2), gone, or a file too many for us: its children come to us when it dies.
    children::of(pid).unwrap_or_default()
}

/// Calls `each` with every process below this one, as far as they can be listed now, for as long as `each` says so; false
/// if it was broken off.
pub fn visit_own_while(leader: Pid, each: &mut dyn FnMut(&Process) -> bool) -> bool {
    for pid in own(leader).unwrap_or_default() {
        // Of many that nobody has collected yet each would cost as much as one that lives.
        if super::is_zombie(pid) {
            continue;
        }
        let child = Process::own(pid);
        if !each(&child) || !below(child, each) {
            return false;
        }
    }
    true
}

/// Calls `each` with everything that runs below a child of ours, which only we wait for.
pub fn visit_below(root: Pid, each: &mut dyn FnMut(&Process)) {
    below(Process::own(root), &mut |process| {
        each(process);
        true
    });
}

fn below(root: Process, each: &mut dyn FnMut(&Process) -> bool) -> bool {
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for batch in listed_children(parent.pid).chunks(BATCH) {
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
            let still = listed_children(parent.pid);
            if !parent.is_itself() {
                break;
            }
            for child in opened {
                if still.contains(&child.pid) {
                    if !each(&child) {
                        return false;
                    }
                    if !listed_children(child.pid).is_empty() {
                        parents.push(child);
                    }
                }
            }
        }
    }
    true
}

/// What a person calls a process, its id and its name; `None` for one that has ended.
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

    #[test]
    fn a_walk_over_a_tree_can_be_broken_off() {
        let mut sleepers: Vec<_> = (0..3)
            .map(|_| std::process::Command::new("sleep").arg("600").spawn())
            .map(|sleeper| sleeper.expect("sleep is everywhere"))
            .collect();
        let mut visited = 0;
        let whole = visit_own_while(Pid::from_raw(0), &mut |_| {
            visited += 1;
            visited < 2
        });
        for sleeper in &mut sleepers {
            sleeper.kill().expect("it is ours");
            sleeper.wait().expect("it is ours");
        }
        assert!(!whole);
        assert_eq!(visited, 2);
    }
}
