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
        | Loss::Altered(_)
        // Whoever took it does not say that it waits: another program, `--now`, or a Lease without a duration.
        | Loss::TakenBy { waits: false, .. }
        | Loss::Regranted { waits: false } => Duration::ZERO,
        // Nobody comes in before we must have stopped.
        Loss::TakenBy { waits: true, .. }
        | Loss::Regranted { waits: true }
        | Loss::Deadline { .. } => timing.kill_after,
    }
}
