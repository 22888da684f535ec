//! What a simulated `hold` holds for: a command, a label on its pod, or nothing but the lease.

use serde::{Deserialize, Serialize};

use crate::command::Behaviour;

/// How a pod is labelled, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelling {
    pub set_after: u64,
    /// Else it could not be set.
    pub sets: bool,
    pub clear_after: u64,
}

/// What is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// `None` holds until a signal comes.
    pub command: Option<Behaviour>,
    /// When one does then.
    pub until: u64,
    pub label: Option<Labelling>,
    pub detaches: bool,
}
