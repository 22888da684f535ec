//! The processes that this one runs on the side for its own purposes (exec credential plugins), so that who looks for what
//! is left of a command passes them over. By their own numbers: any process of the session can join a group.

#[cfg(unix)]
pub mod socket;

use std::sync::{Mutex, PoisonError};

static PROCESSES: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// A process on the side, until dropped.
#[derive(Debug)]
pub struct OnTheSide(i32);

/// Notes that `process` is ours, and no command's.
#[cfg_attr(not(unix), allow(dead_code, reason = "there is no tree of processes"))]
pub fn note(process: i32) -> OnTheSide {
    all().push(process);
    OnTheSide(process)
}

/// The processes on the side now.
#[allow(dead_code, reason = "as note")]
pub fn processes() -> Vec<i32> {
    all().clone()
}

fn all() -> std::sync::MutexGuard<'static, Vec<i32>> {
    // A list of numbers is whole whatever happened to whoever held the lock.
    PROCESSES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for OnTheSide {
    fn drop(&mut self) {
        let mut noted = all();
        if let Some(at) = noted.iter().position(|&process| process == self.0) {
            noted.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_is_on_the_side_until_dropped() {
        // No process has such a number.
        let noted = super::note(-1);
        assert!(super::processes().contains(&-1));
        drop(noted);
        assert!(!super::processes().contains(&-1));
    }
}
