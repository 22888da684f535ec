//! Killing a crowd where nothing is known of how processes are scheduled.

use nix::unistd::Pid;

use super::Process;

/// Those who die in one go.
#[derive(Default)]
pub struct Crowd;

impl Crowd {
    /// Nothing to do.
    pub fn dies(&mut self, _: &Process) {}

    /// Nothing to do.
    pub fn let_back(self, _: &[Pid]) {}
}
