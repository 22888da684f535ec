//! What is known of a Lease that is wanted together with others, before any is taken.

use super::super::super::api::Api;
use super::super::super::decide::{self, AcquireStep, Seen};
use super::super::{End, Limits, Operations};
use super::Part;
use crate::clock::Clock;

impl<A: Api, C: Clock> Operations<A, C> {
    /// How it is, for its turn: a holder whose record has not changed until then has been watched from here on.
    ///
    /// # Errors
    /// Where it is refused in any case; for one try alone, where it is held.
    pub(super) async fn prospect(
        &self,
        part: &Part<'_, A, C>,
        limits: &Limits,
    ) -> Result<Seen, End> {
        let seen = self.read_patiently(None, limits, part.report).await?;
        match decide::acquire(part.terms, &seen, self.stamps.get(), self.now()) {
            AcquireStep::Refuse(refusal) => Err(End::Refused(refusal)),
            AcquireStep::Wait(waiting) if limits.once => {
                let at_most = waiting.expired_at.map(|at| at.since(self.clock.now()));
                Err(End::TimedOut {
                    obstacle: Some(waiting.obstacle),
                    at_most,
                    fault: None,
                    since: None,
                })
            }
            // Whether it has expired shows in its turn.
            AcquireStep::Wait(_)
            | AcquireStep::Create(_)
            | AcquireStep::Replace(_)
            | AcquireStep::AskVersion
            | AcquireStep::TryOut(_) => Ok(seen),
        }
    }
}
