//! Who descends from this process, where the kernel hands orphans to somebody else but never changes what it says of a
//! process's first parent: whom we know, who is gone, and whose number is still its own. Asks the kernel by a trait only.

use std::collections::{HashMap, HashSet};
use std::io;

use nix::unistd::Pid;

/// So many looks in a row that find somebody new are enough for a walk.
const LOOKS: usize = 50;

/// So many are remembered before it is seen who of them is gone, however few there are.
const FEW: usize = 256;

/// What no other process has until the next boot. Whoever is forked later has a greater one, and an exec(2) changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

/// What the kernel says of the process that has a number now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub pid: Pid,
    /// Itself.
    pub id: Id,
    /// Who forked it, whoever its parent is by now.
    pub parent: Id,
    /// Whether it has ended, and somebody has yet to wait for it.
    pub ended: bool,
}

/// What is asked of the kernel.
pub trait Kernel {
    /// The numbers of all processes, ended ones too.
    ///
    /// # Errors
    /// When there can be some that are not listed.
    fn all(&mut self) -> io::Result<Vec<Pid>>;

    /// The numbers of the present children of a process, ended ones too.
    ///
    /// # Errors
    /// As [`Kernel::all`].
    fn children(&mut self, of: Pid) -> io::Result<Vec<Pid>>;

    /// The numbers of those in a process group, ended ones too.
    ///
    /// # Errors
    /// As [`Kernel::all`].
    fn group(&mut self, leader: Pid) -> io::Result<Vec<Pid>>;

    /// Who has this number now; `None` for nobody, or somebody who is just ending.
    fn see(&mut self, pid: Pid) -> Option<Seen>;

    /// Has us woken when this process forks, if that is possible.
    fn follow(&mut self, pid: Pid);
}

/// A descendant that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relative {
    /// Its number.
    pub pid: Pid,
    /// Itself.
    pub id: Id,
    /// The number of the child of ours that it is below, or is; that child may have ended.
    pub top: Pid,
    /// Whether it is that child.
    pub is_child: bool,
}

struct Member {
    pid: Pid,
    parent: Id,
    top: Pid,
    ended: bool,
}

/// The descendants of this process that were seen, until they are gone.
pub struct Family {
    us: Seen,
    members: HashMap<Id, Member>,
    /// How many there were when it was last seen who is gone.
    at_last_look: usize,
}

impl Family {
    /// That of this process.
    pub fn of(us: Seen) -> Self {
        Self {
            us,
            members: HashMap::new(),
            at_last_look: 0,
        }
    }

    /// Looks at all processes: finds every one whose parent is known, runs it or not, and forgets who is gone. Whoever is in
    /// the process group of `leader`, a child of ours that has not been waited for, is taken for one that it is an ancestor of.
    ///
    /// Somebody else is missed only if between two looks its parent was forked, forked it, and was gone: nothing of the parent is
    /// left then that would lead to us.
    ///
    /// # Errors
    /// When they cannot be listed. What was known stays known.
    pub fn look(&mut self, kernel: &mut dyn Kernel, leader: Option<Pid>) -> io::Result<()> {
        let numbers = kernel.all()?;
        let mut seen: Vec<Seen> = (numbers.iter())
            .filter_map(|&pid| kernel.see(pid))
            .collect();
        // The older first: a parent is known before its children.
        seen.sort_by_key(|process| process.id);
        let group: HashSet<Pid> = match leader {
            Some(leader) => kernel.group(leader)?.into_iter().collect(),
            None => HashSet::new(),
        };
        let mut new = Vec::new();
        for &process in &seen {
            let is_new = self.meet(process)
                || leader.is_some_and(|leader| {
                    // The same before and after the group was listed: it is the one that is in it.
                    group.contains(&process.pid)
                        && kernel.see(process.pid).map(|now| now.id) == Some(process.id)
                        && self.adopt(process, leader)
                });
            if is_new {
                new.push(process.pid);
            }
        }
        // Only now: whoever is gone had its last child before the list was made, so that all of them are known.
        let numbers: HashSet<Pid> = numbers.into_iter().collect();
        let owners: HashMap<Pid, Id> = (seen.iter())
            .map(|process| (process.pid, process.id))
            .collect();
        self.members.retain(|id, member| {
            // One that is listed and not shown is just ending, or was replaced since: the next look tells.
            numbers.contains(&member.pid) && owners.get(&member.pid).is_none_or(|owner| owner == id)
        });
        self.at_last_look = self.members.len();
        for &pid in &new {
            kernel.follow(pid);
        }
        self.descend(kernel, new).map(drop)
    }

    /// Looks at the children of those who have forked, level by level: cheaper than a look at all, and fast enough to meet
    /// most of those who end at once. Where one has ended by now, its orphans are looked for.
    ///
    /// # Errors
    /// As [`Family::look`].
    pub fn heed(&mut self, kernel: &mut dyn Kernel, forked: &[Pid]) -> io::Result<()> {
        let runs = |&pid: &Pid| kernel.see(pid).is_some_and(|process| !process.ended);
        let all_run = forked.iter().all(runs);
        let mut parents = forked.to_vec();
        parents.push(self.us.pid);
        let all_met_run = self.descend(kernel, parents)?;
        if all_run && all_met_run && self.members.len() <= FEW + 2 * self.at_last_look {
            return Ok(());
        }
        self.look(kernel, None)
    }

    /// False if somebody whom it met has ended already.
    fn descend(&mut self, kernel: &mut dyn Kernel, mut parents: Vec<Pid>) -> io::Result<bool> {
        let mut all_run = true;
        while let Some(parent) = parents.pop() {
            for pid in kernel.children(parent)? {
                let Some(process) = kernel.see(pid) else {
                    continue;
                };
                // The parent's number may be another's by now, whose children are none of ours.
                if self.meet(process) {
                    all_run &= !process.ended;
                    // Before its children are listed: what it forks afterwards wakes us.
                    kernel.follow(pid);
                    parents.push(pid);
                }
            }
        }
        Ok(all_run)
    }

    /// Takes note of a process; true if it is a descendant that was not known.
    fn meet(&mut self, process: Seen) -> bool {
        if let Some(member) = self.members.get_mut(&process.id) {
            member.ended = process.ended;
            return false;
        }
        match self.members.get(&process.parent).map(|parent| parent.top) {
            Some(top) => self.adopt(process, top),
            None => process.parent == self.us.id && self.adopt(process, process.pid),
        }
    }

    /// Takes a process for one below `top`; true if it was not known.
    fn adopt(&mut self, process: Seen, top: Pid) -> bool {
        if process.id == self.us.id || self.members.contains_key(&process.id) {
            return false;
        }
        let member = Member {
            pid: process.pid,
            parent: process.parent,
            top,
            ended: process.ended,
        };
        self.members.insert(process.id, member);
        true
    }

    /// The descendants that run, as far as they are known, parents before their children.
    pub fn running(&self) -> Vec<Relative> {
        let mut running: Vec<Relative> = (self.members.iter())
            .filter(|(_, member)| !member.ended)
            .map(|(&id, member)| Relative {
                pid: member.pid,
                id,
                top: member.top,
                is_child: member.parent == self.us.id,
            })
            .collect();
        running.sort_by_key(|relative| relative.id);
        running
    }

    /// The children that a process of this number has, running or ended.
    pub fn children_of(&self, parent: Pid) -> Vec<Pid> {
        let parents: HashSet<Id> = (self.members.iter())
            .filter(|(_, member)| member.pid == parent)
            .map(|(&id, _)| id)
            .collect();
        (self.members.values())
            .filter(|member| parents.contains(&member.parent))
            .map(|member| member.pid)
            .collect()
    }
}

/// Whether a number is still that of this process, and it runs. To be asked right before it is signalled: the window that
/// remains is between this answer and the signal, in which it would have to end, be waited for, and its number be given away again.
pub fn is_itself(kernel: &mut dyn Kernel, pid: Pid, id: Id) -> bool {
    kernel
        .see(pid)
        .is_some_and(|process| process.id == id && !process.ended)
}

/// Calls `each` with everybody whom `look` finds, once, until a look finds nobody new; false if it was broken off.
pub fn visit_while(
    look: &mut dyn FnMut() -> Vec<Relative>,
    each: &mut dyn FnMut(&Relative) -> bool,
) -> bool {
    let mut visited = HashSet::new();
    for _ in 0..LOOKS {
        let mut is_new = false;
        for relative in look() {
            if visited.insert(relative.id) {
                is_new = true;
                if !each(&relative) {
                    return false;
                }
            }
        }
        if !is_new {
            break;
        }
    }
    true
}

#[cfg(test)]
#[path = "lineage_tests.rs"]
mod tests;
