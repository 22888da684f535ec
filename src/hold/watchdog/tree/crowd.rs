//! Killing a crowd: a processor is kept free of those that die, so that who kills them is not held up by each.
//!
//! A kill costs microseconds, and the end of the killed a fraction of a millisecond, in which it is scheduled as any other:
//! who kills thousands waits for thousands (sched(7): with autogroup each session has as much time as this process). Anybody
//! may say where their own processes run.

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use super::Process;

/// This thread.
const SELF: Pid = Pid::from_raw(0);

/// From so many deaths on it is worth it.
const MANY: usize = 64;

/// Those who die in one go. While it lives, this thread has a processor that it keeps the later ones off.
#[derive(Default)]
pub struct Crowd {
    deaths: usize,
    apart: Option<Apart>,
}

/// The processors that all may run on, and those that are left to others.
struct Apart {
    all: CpuSet,
    theirs: CpuSet,
}

impl Crowd {
    /// To be called before a process is killed.
    pub fn dies(&mut self, process: &Process) {
        self.deaths += 1;
        if self.deaths == MANY {
            self.apart = Apart::new();
        }
        if let Some(apart) = &self.apart {
            apart.keep_off(process);
        }
    }

    /// Lets our own children, and this thread, run anywhere again: what is left to those is to end.
    pub fn let_back(self, children: &[Pid]) {
        let Some(apart) = &self.apart else { return };
        for &child in children {
            // One that has ended needs it no more.
            let _ = sched_setaffinity(child, &apart.all);
        }
    }
}

impl Apart {
    /// `None` where there is one processor only, or this is not allowed.
    fn new() -> Option<Self> {
        let all = sched_getaffinity(SELF).ok()?;
        let own = sched_getcpu().ok()?;
        let (mut ours, mut theirs) = (CpuSet::new(), all);
        ours.set(own).ok()?;
        theirs.unset(own).ok()?;
        if theirs == CpuSet::new() {
            return None;
        }
        sched_setaffinity(SELF, &ours).ok()?;
        Some(Self { all, theirs })
    }

    /// Keeps a process off, and whom it starts from now on.
    fn keep_off(&self, process: &Process) {
        let pid = process.pid();
        let before = sched_getaffinity(pid);
        // One that has ended is nobody's rival.
        let _ = sched_setaffinity(pid, &self.theirs);
        if let Ok(before) = before
            && !process.is_itself()
        {
            // The number was another's.
            let _ = sched_setaffinity(pid, &before);
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = sched_setaffinity(SELF, &self.all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_kept_off_runs_elsewhere_and_all_is_as_before_after_it() {
        let mut sleeper = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("sleep is everywhere");
        let child = Pid::from_raw(i32::try_from(sleeper.id()).expect("a process id"));
        let allowed = |pid| sched_getaffinity(pid).expect("it is told");
        let processors = |set: &CpuSet| -> Vec<usize> {
            let all = 0..CpuSet::count();
            all.filter(|&cpu| set.is_set(cpu) == Ok(true)).collect()
        };
        let before = allowed(SELF);
        let mut crowd = Crowd::default();
        for _ in 1..MANY {
            crowd.dies(&Process::own(child));
        }
        assert_eq!((allowed(SELF), allowed(child)), (before, before));
        crowd.dies(&Process::own(child));
        if processors(&before).len() > 1 {
            let (ours, theirs) = (processors(&allowed(SELF)), processors(&allowed(child)));
            assert_eq!(ours.len(), 1);
            assert_eq!(theirs.len(), processors(&before).len() - 1);
            assert!(!theirs.contains(&ours[0]));
        }
        crowd.let_back(&[child]);
        assert_eq!(allowed(SELF), before);
        assert_eq!(allowed(child), before);
        sleeper.kill().expect("it is ours");
        sleeper.wait().expect("it is ours");
    }
}
