//! What is left below the supervisor when the watchdog is dead: killed and collected, but for whoever is none of the
//! command's.

use nix::unistd::Pid;

use super::Child;
use crate::hold::watchdog::tree;
use crate::side;

impl Child {
    /// Whether a child of ours is none of the command's: it was there before, or it is an exec plugin of ours. Its group
    /// says nothing: the command's processes may join any of their session.
    pub(super) fn is_exempt(&self, child: Pid) -> bool {
        self.older_children.contains(&child) || side::processes().contains(&child.as_raw())
    }

    /// Kills and collects what is left below us; true if nothing is, but for exec plugins that run now and whoever was
    /// there before the command. What those left to us since they cannot be told from what the command did.
    pub(super) fn end_what_is_left(&mut self) -> bool {
        tree::go_first();
        self.watchdog.has_ended();
        let Ok(children) = tree::own() else {
            // Who cannot be listed may be there. The group at least is known, and its number its own as long as its
            // leader is our child.
            if let Some(group) = self.group.filter(|&group| !tree::is_nobody(group)) {
                tree::kill_group(group);
            }
            return self.watchdog.is_gone() && tree::none_left();
        };
        self.older_children.retain(|pid| children.contains(pid));
        // Where nobody's orphans come to us, the group is all that is known.
        let group_left = cfg!(not(target_os = "linux"))
            && self.group.is_some_and(|group| !tree::is_empty(group));
        if let Some(group) = self.group.filter(|_| group_left) {
            tree::kill_group(group);
        }
        // Nor do those come whom a dead watchdog leaves, and who have left the group.
        #[cfg(target_os = "macos")]
        let group_left = group_left || tree::somebody_below(&|child| self.is_exempt(child));
        let mut killed = std::mem::take(&mut self.killed);
        let again = tree::kill_own(
            Pid::from_raw(0),
            &mut killed,
            &|child| self.is_exempt(child),
            |_| true,
        );
        self.killed = killed;
        let watchdog_gone = self.watchdog.is_gone();
        let nobody = |children: Vec<Pid>| match children.is_empty() {
            // The list can miss one while others come and go (proc(5)).
            true => tree::none_left(),
            false => children.into_iter().all(|child| self.is_exempt(child)),
        };
        watchdog_gone && !again && tree::own().is_ok_and(nobody) && !group_left
    }
}
