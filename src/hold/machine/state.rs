//! The states of the holding machine: of its leases, and of its command with all that this has started.

use super::{Ended, Machine, Outcome};

/// What the leases are to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not granted yet.
    Waiting,
    /// All are granted, and renewed.
    Held,
    /// One is lost, or as good as: the command is being stopped.
    Fencing,
    /// The tree is gone; the last of these is being given back, and then those before it.
    Releasing(Vec<usize>, Outcome),
    /// Saying to whoever has taken one that the tree is gone.
    Saying(Outcome),
    /// Over.
    Done,
}

/// What there is of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// There is no command.
    None,
    /// The command is started once the label is on the pod.
    Unstarted,
    /// The command runs.
    Running,
    /// The command ended; what it started is being stopped, or let go.
    Remains(Ended),
    /// The command ended; what it started runs on, and nobody stops it.
    Detached(Ended),
    /// All gone.
    Gone(Option<Ended>),
}

impl Tree {
    /// Whether there is nothing that anybody would stop: no command, or none any more.
    pub fn is_over(self) -> bool {
        match self {
            Self::None | Self::Unstarted | Self::Gone(_) | Self::Detached(_) => true,
            Self::Running | Self::Remains(_) => false,
        }
    }
}

impl Machine {
    /// What the leases are to us, and what there is of the command.
    pub fn stands(&self) -> (&State, Tree) {
        (&self.state, self.tree)
    }
}
