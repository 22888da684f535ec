//! What the loss of a lease means for the command, and for who gives the lease back.

use std::time::Duration;

use crate::hold::timing::Timing;
use crate::lease::decide::Loss;

/// How long the command may take to end by itself.
pub fn grace(loss: &Loss, timing: &Timing) -> Duration {
    match loss {
        // Nothing keeps others out any more: the next one may have begun already.
        Loss::Released
        | Loss::Deleted
        | Loss::Recreated { .. }
        | Loss::Shortened(_)
        | Loss::Altered(_) => Duration::ZERO,
        // Whoever took it waits until we must have stopped, if it follows the rules.
        Loss::TakenBy(_) | Loss::Regranted | Loss::Deadline { .. } => timing.kill_after,
    }
}
