//! What the loss of a lease means for the command, and for who gives the lease back.

use std::time::Duration;

use super::state::{State, Tree};
use super::{Effect, Machine};
use crate::clock::Instant;
use crate::hold::timing::Timing;
use crate::lease::decide::Loss;

impl Machine {
    /// The watchdog stops the command: it has not heard in time of a renewal that was acknowledged in the last moment. The lease may
    /// be held, but what the command dies of is not its own end.
    pub(super) fn fenced(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let oldest = (0..self.leases.len()).min_by_key(|lease| self.leases[*lease].sent_at);
        if let (State::Held, Tree::Running, Some(oldest)) = (&self.state, self.tree, oldest) {
            let last = self.leases[oldest].last_trouble.take();
            self.lose(oldest, Loss::Deadline { last }, now, effects);
        }
    }

    /// Nobody watches the command any more.
    pub(super) fn watchdog_died(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        // What it had found is found no more: orphans of others come to us as well.
        self.withholds = true;
        // The lease is renewed until all are gone: nobody else may begin beside them.
        if matches!(self.state, State::Held | State::Fencing)
            && matches!(self.tree, Tree::Running | Tree::Remains(_))
        {
            self.kill(now, effects);
        }
    }
}

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
