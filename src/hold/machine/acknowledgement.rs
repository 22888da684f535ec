//! The machine's acknowledgement to whoever has taken the lease: nothing runs any more under this grant. When it is owed, given
//! and withheld.

use super::{Effect, Machine, State};
use crate::lease::decide::Loss;

/// The acknowledgement to whoever has taken a lease: nothing runs any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Nobody is known to have taken it.
    #[default]
    Unasked,
    /// Somebody has taken it, and may wait for it.
    Owed,
    /// It is being said.
    Saying,
    /// It was said, or could not be.
    Over,
}

/// Whether all that a command has started is found here: by the kernel's lists of children, or in a job object. Elsewhere what
/// leaves its process group is not, and nothing is acknowledged.
pub(super) const TREES_ARE_FOUND: bool = cfg!(any(target_os = "linux", windows));

impl Machine {
    /// Somebody has taken this lease, perhaps, and may wait until it hears that nothing runs any more.
    pub(super) fn owe_acknowledgement(&mut self, lease: usize, loss: &Loss) {
        let Some(lease) = self.leases.get_mut(lease) else {
            return;
        };
        if lease.acknowledgement == Acknowledgement::Unasked && robs(loss) {
            lease.acknowledgement = Acknowledgement::Owed;
        }
    }

    /// Only once the tree is gone: of each lease by itself.
    pub(super) fn say_stopped(&mut self, lease: usize, effects: &mut Vec<Effect>) {
        if self.withholds || !self.nothing_runs() {
            return;
        }
        if let Some(found) = self.leases.get_mut(lease)
            && found.acknowledgement == Acknowledgement::Owed
        {
            found.acknowledgement = Acknowledgement::Saying;
            effects.push(Effect::SayStopped(lease));
        }
    }

    /// Whether one is being said.
    pub(super) fn is_saying(&self) -> bool {
        !self.withholds
            && self
                .leases
                .iter()
                .any(|lease| lease.acknowledgement == Acknowledgement::Saying)
    }

    /// It was said, or given up.
    pub(super) fn acknowledgement_is_over(&mut self, lease: usize, effects: &mut Vec<Effect>) {
        if let Some(lease) = self.leases.get_mut(lease)
            && lease.acknowledgement == Acknowledgement::Saying
        {
            lease.acknowledgement = Acknowledgement::Over;
        }
        self.finish_said(effects);
    }

    /// The end, once nothing is being said.
    pub(super) fn finish_said(&mut self, effects: &mut Vec<Effect>) {
        if let State::Saying(outcome) = &self.state
            && !self.is_saying()
        {
            effects.push(Effect::Finish(outcome.clone()));
            self.state = State::Done;
        }
    }
}

/// Whether somebody has put a grant on top of ours.
fn robs(loss: &Loss) -> bool {
    match loss {
        Loss::TakenBy { .. } | Loss::Regranted { .. } => true,
        Loss::Deleted
        | Loss::Recreated { .. }
        | Loss::Released
        | Loss::Shortened(_)
        | Loss::Altered(_)
        | Loss::Deadline { .. } => false,
    }
}
