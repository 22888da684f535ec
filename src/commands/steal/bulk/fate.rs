//! What becomes of each lease that is taken, and what is said of those that are not.

use std::time::Duration;

use crate::commands::chosen::{Chosen, some};
use crate::commands::several::Errors;
use crate::error::Error;
use crate::lease::operate::Grant;
use crate::output::terminal;

/// What became of one lease.
pub enum Fate {
    /// It is ours: the record as it was chosen is beside it.
    Ours(Grant),
    /// It is ours, and a signal came before its earlier holder must have stopped.
    Kept,
    /// A signal came after that: it is not ours any more.
    GivenBack,
    /// It is not.
    Failed(Error),
}

/// Whom a lease was taken from.
pub struct Victim {
    pub(super) holder: String,
    /// How long anybody may still run of whom that is known.
    pub(super) wait: Duration,
    /// Those of whom nothing tells.
    pub(super) untold: Vec<String>,
}

/// What has become of each of them so far.
pub struct Fates {
    pub(super) all: Vec<Option<Fate>>,
    pub(super) victims: Vec<Option<Victim>>,
}

/// Says which were not tried any more; `false` if there are none.
pub fn say_not_tried(labels: &[String], signal: Option<i32>) -> bool {
    if labels.is_empty() {
        return false;
    }
    let why = match signal {
        Some(_) => "interrupted: not tried any more",
        None => "error: not tried after that",
    };
    terminal::say_always(&format!("{why}: {}", some(labels)));
    true
}

/// Says what has failed so far, in the order of the leases.
pub fn say_failures(all: &[Chosen], fates: &mut [Option<Fate>], errors: &mut Errors) {
    for (chosen, fate) in all.iter().zip(fates) {
        if let Some(Fate::Failed(error)) = fate {
            let _ = errors.say_of(chosen.place, error);
            *fate = None;
        }
    }
}
