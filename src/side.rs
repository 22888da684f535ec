//! The process groups that this process runs on the side for its own purposes (exec credential plugins), so that who
//! looks for what is left of a command passes them over.

use std::sync::{Mutex, PoisonError};

static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// A process group on the side, until dropped.
#[derive(Debug)]
pub struct OnTheSide(i32);

/// Notes that the process group `group` is ours, and no command's.
#[cfg_attr(not(unix), allow(dead_code, reason = "there are no process groups"))]
pub fn note(group: i32) -> OnTheSide {
    all().push(group);
    OnTheSide(group)
}

/// The process groups on the side now.
#[allow(dead_code, reason = "as note")]
pub fn groups() -> Vec<i32> {
    all().clone()
}

fn all() -> std::sync::MutexGuard<'static, Vec<i32>> {
    // A list of numbers is whole whatever happened to whoever held the lock.
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for OnTheSide {
    fn drop(&mut self) {
        let mut groups = all();
        if let Some(at) = groups.iter().position(|&group| group == self.0) {
            groups.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_group_is_on_the_side_until_dropped() {
        // No process group has such a number.
        let noted = super::note(-1);
        assert!(super::groups().contains(&-1));
        drop(noted);
        assert!(!super::groups().contains(&-1));
    }
}
