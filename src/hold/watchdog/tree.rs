//! What a process started and still runs: its own children by the kernel's list of them, signalled and waited for.
//!
//! Everything below a subreaper stays below it (prctl(2), PR_SET_CHILD_SUBREAPER): neither setsid nor a double fork leads
//! out; only a PID namespace that was there before does, whose first process gets the orphans (kernel/exit.c,
//! find_new_reaper). A process that nobody but we wait for keeps its number until we do, so that a signal to it reaches
//! nobody else; every other is signalled through a pidfd.

#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "macos")]
mod libproc;
#[cfg(any(target_os = "macos", test))]
mod lineage;
#[cfg_attr(target_os = "linux", path = "tree/linux.rs")]
#[cfg_attr(target_os = "macos", path = "tree/macos.rs")]
#[cfg_attr(
    not(any(target_os = "linux", target_os = "macos")),
    path = "tree/elsewhere.rs"
)]
mod list;
mod wait;

use std::collections::HashSet;
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, getpgrp};

#[cfg(target_os = "linux")]
use crowd::Crowd;
#[cfg(not(target_os = "linux"))]
use list::Crowd;
pub use list::{
    Process, adopt_orphans, check, children_of, describe_running, go_first, visit_below,
};
#[cfg(target_os = "macos")]
pub use list::{heed_forks, notice_forks, somebody_below};
#[cfg(not(target_os = "macos"))]
pub use wait::is_zombie;
pub use wait::{ChildEvent, collect, end, ended, is_nobody, is_running, none_left};

/// After so many looks in a row that found somebody new, the caller gets a turn.
const LOOKS: usize = 1000;

/// How many dead children are collected before something else gets a turn.
const CROWD: usize = 256;

/// So many dead children are collected before the next look at the living, which cannot wait.
const COLLECTED: usize = 64;

/// The children of this process, and all that is below them.
pub struct Tree {
    leader: Pid,
    state: Leader,
    /// Whom the last kill was sent to.
    killed: HashSet<Pid>,
    crowded: bool,
}

/// The leader of the command's process group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leader {
    Runs,
    /// It has ended and is not waited for: its number stays its own, and its group's.
    Ended,
    /// Nothing else was left; its number may be anybody's.
    Collected,
}

impl Tree {
    /// The tree of a process that has started `leader`, the leader of a process group of its own.
    pub fn new(leader: Pid) -> Self {
        Self {
            leader,
            state: Leader::Runs,
            killed: HashSet::new(),
            crowded: false,
        }
    }

    /// Whether the leader has ended.
    pub fn leader_ended(&self) -> bool {
        self.state != Leader::Runs
    }

    /// Sends `signal` to the leader and its process group, wherever the leader has moved to. With `continued`, whoever
    /// is stopped is continued, so that it can act on what it was sent.
    pub fn signal_group(&self, signal: Signal, continued: bool) {
        if self.state == Leader::Collected {
            return;
        }
        let send = |signal| {
            // Gone already, or not ours to signal any more: nothing to do about either.
            let _ = killpg(self.leader, signal);
            if getpgid(Some(self.leader)) != Ok(self.leader) {
                let _ = kill(self.leader, signal);
            }
        };
        send(signal);
        if continued {
            send(Signal::SIGCONT);
        }
    }

    /// As [`Tree::signal_group`], a signal that has no name, and continues whoever is stopped.
    #[expect(unsafe_code, reason = "nix knows no real-time signals")]
    pub fn signal_group_by_number(&self, signal: i32) {
        if self.state == Leader::Collected {
            return;
        }
        // SAFETY: it has no memory to do with. Gone already, or no signal at all: nothing to do about either.
        unsafe {
            nix::libc::killpg(self.leader.as_raw(), signal);
            if getpgid(Some(self.leader)) != Ok(self.leader) {
                nix::libc::kill(self.leader.as_raw(), signal);
            }
        }
        self.signal_group(Signal::SIGCONT, false);
    }

    /// Sends `signal` to everything below this process, and continues it. Once each: to some programs a second
    /// interrupt means to drop everything. The command's group has it at once; the others one after the other, as long as
    /// `in_time` says so: a tree of thousands takes longer than some leases leave. False if some may not have it.
    pub fn signal_all(&self, signal: Signal, in_time: &dyn Fn() -> bool) -> bool {
        self.signal_group(signal, true);
        let in_group = self.state != Leader::Collected;
        list::visit_own_while(self.leader, &mut |process| {
            let pid = process.pid();
            if pid == self.leader || in_group && getpgid(Some(pid)) == Ok(self.leader) {
                return in_time();
            }
            process.signal(signal);
            process.signal(Signal::SIGCONT);
            in_time()
        })
    }

    /// Kills everything below this process, again and again until a look finds nobody new; true if somebody new was
    /// found to the last, and it should be called again at once.
    pub fn kill_all(&mut self) -> bool {
        // Even where nobody else could be listed.
        self.signal_group(Signal::SIGKILL, false);
        let leader = self.leader;
        let mut killed = std::mem::take(&mut self.killed);
        let again = kill_own(leader, &mut killed, &|_| false, |pid| pid != leader);
        self.killed = killed;
        again
    }

    /// Collects whatever else has ended and reports what has become of the leader, oldest first.
    pub fn changes(&mut self) -> Vec<ChildEvent> {
        let mut changes = Vec::new();
        if self.state == Leader::Runs {
            while let Some(stop) = wait::stopped(self.leader) {
                changes.push(stop);
            }
            if let Some(end) = wait::ended(self.leader) {
                self.state = Leader::Ended;
                changes.push(end);
            }
        }
        let mut others = list::own(self.leader).unwrap_or_default();
        others.retain(|&pid| pid != self.leader);
        let ended = others.into_iter().filter(|&pid| wait::collect(pid));
        let mut collected = 0;
        for pid in ended.take(CROWD) {
            self.killed.remove(&pid);
            collected += 1;
        }
        self.crowded = collected == CROWD;
        changes
    }

    /// Whether so many children had ended that [`Tree::changes`] is to be asked again.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Whether nothing is left: the kernel says that there is no child (ECHILD), and nothing less. The leader is waited
    /// for last, so that until then its number is nobody else's.
    pub fn is_gone(&mut self) -> bool {
        match self.state {
            Leader::Runs => return false,
            Leader::Ended => {
                // Who cannot be listed may be there.
                let others = list::own(self.leader)
                    .map_or(true, |all| all.iter().any(|&pid| pid != self.leader));
                if others || list::group_lives_on(self.leader) {
                    return false;
                }
                wait::collect(self.leader);
                self.state = Leader::Collected;
            }
            Leader::Collected => {}
        }
        wait::none_left()
    }

    /// What still runs, for a person: ids and names, of as many as were found while `in_time` said so.
    pub fn names(&self, in_time: &dyn Fn() -> bool) -> Vec<String> {
        let mut names = Vec::new();
        list::visit_own_while(self.leader, &mut |process| {
            names.extend(list::describe_running(process.pid()));
            in_time()
        });
        names
    }
}

/// Kills the children of this process that are not `exempt`, and what is below them. Those that `collect` names are
/// waited for once they have ended. See [`Tree::kill_all`].
///
/// A chain of processes that fork and exit, each in a session of its own, is caught when a look comes while the last one
/// found still runs, or has forked and the new one has not left its process group yet: the group is killed too, even
/// after its leader has ended, because the kernel does that and fork(2) one after the other. One chain ends within a few
/// looks, and many too where this process goes first ([`go_first`]). Where it may not they share the processors with it,
/// and have it wait for its turn for seconds.
pub fn kill_own(
    leader: Pid,
    killed: &mut HashSet<Pid>,
    exempt: &dyn Fn(Pid) -> bool,
    collect: impl Fn(Pid) -> bool,
) -> bool {
    // Somebody else may have collected some, whose numbers are free for others.
    killed.retain(|&pid| !wait::is_nobody(pid));
    let mut crowd = Crowd::default();
    let again = kill_in(&mut crowd, leader, killed, exempt, collect);
    crowd.let_back(&list::own_at_once(leader).unwrap_or_default());
    again
}

fn kill_in(
    crowd: &mut Crowd,
    leader: Pid,
    killed: &mut HashSet<Pid>,
    exempt: &dyn Fn(Pid) -> bool,
    collect: impl Fn(Pid) -> bool,
) -> bool {
    kill_newest(crowd, exempt);
    for look in 0..LOOKS {
        let Ok(mut found) = list::own_at_once(leader) else {
            // Not at once, but at the next time: memory is short.
            return false;
        };
        found.retain(|&pid| !exempt(pid));
        let mut new = false;
        // The newest first: of a chain the older ones are dead, and the newest is about to fork.
        for &pid in found.iter().rev() {
            let first = killed.insert(pid);
            new |= first;
            // Once each time is enough: whoever it forks after that dies with it, or comes to us.
            if !first && look > 0 {
                continue;
            }
            if first {
                crowd.dies(&Process::own(pid));
            }
            kill_with_group(pid);
        }
        let some = if new { COLLECTED } else { found.len() };
        for pid in found.into_iter().take(some) {
            if collect(pid) && wait::collect(pid) {
                killed.remove(&pid);
            }
        }
        if new {
            continue;
        }
        // A parent that is about to end still has its children: with the kernel busy, several generations of a chain at
        // a time. Nor does every parent die at once: one may be in a system call that cannot be interrupted.
        visit_own(leader, &mut |process| {
            if process.top() != process.pid() && !exempt(process.top()) {
                crowd.dies(process);
                process.signal(Signal::SIGKILL);
            }
        });
        return false;
    }
    true
}

/// Kills those of our children that are among the newest processes of this system, again and again until none of them is
/// new. Chains that outnumber the processors leave this process little time, and more dead than it can collect: a list of
/// children is as long as those are many, and is out of date when it has been read. The newest numbers cost the same each
/// time, and whoever waits for a processor is killed before it gets one.
fn kill_newest(crowd: &mut Crowd, exempt: &dyn Fn(Pid) -> bool) {
    let mut killed = HashSet::new();
    for _ in 0..LOOKS {
        let before = killed.len();
        for pid in list::newest() {
            // A child of ours that only we wait for: the number is its own.
            if !killed.contains(&pid) && wait::is_running(pid) && !exempt(pid) {
                crowd.dies(&Process::own(pid));
                kill_with_group(pid);
                killed.insert(pid);
            }
        }
        if killed.len() == before {
            return;
        }
    }
}

/// Kills an unreaped child, dead or alive, and the group that only it can have founded.
fn kill_with_group(pid: Pid) {
    let _ = kill(pid, Signal::SIGKILL);
    if pid != getpgrp() {
        let _ = killpg(pid, Signal::SIGKILL);
    }
}

/// The children of this process, dead or alive.
///
/// # Errors
/// When there can be some that are not listed. It is not the same as having none.
pub fn own() -> io::Result<Vec<Pid>> {
    list::own(Pid::from_raw(0))
}

/// Calls `each` with everything that runs below this process, as far as it can be listed now.
pub fn visit(each: &mut dyn FnMut(&Process)) {
    visit_own(Pid::from_raw(0), each);
}

fn visit_own(leader: Pid, each: &mut dyn FnMut(&Process)) {
    list::visit_own_while(leader, &mut |process| {
        each(process);
        true
    });
}

/// Whether nobody is left in a process group, not even somebody dead.
pub fn is_empty(group: Pid) -> bool {
    killpg(group, None) == Err(Errno::ESRCH)
}

/// Kills a process group of which nobody else knows anything, where there is no list of children.
pub fn kill_group(group: Pid) {
    let _ = killpg(group, Signal::SIGKILL);
}
