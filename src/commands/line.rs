//! `--queue`: the line in which a lease is waited for.

use super::Session;
use crate::cli::GrantArgs;
use crate::clock::SystemClock;
use crate::lease::decide::AcquireTerms;
use crate::lease::operate::{End, Line, LineTerms};
use crate::lease::values::QueueName;
use crate::server::LeaseClient;

/// Whether it would be one's turn at once.
///
/// # Errors
/// When others stand in line.
pub async fn in_turn(line: Option<&Line<LeaseClient, SystemClock>>) -> Result<(), End> {
    match line {
        Some(line) => line.try_out().await,
        None => Ok(()),
    }
}

impl Session {
    /// The line in which the arguments have this Lease waited for, or the slots of this name.
    pub(super) fn line(
        &self,
        name: QueueName,
        args: &GrantArgs,
        terms: &AcquireTerms,
    ) -> Option<Line<LeaseClient, SystemClock>> {
        let queue = &args.queue;
        if !queue.queue {
            return None;
        }
        let client = self.store.queue(&self.namespace, &name);
        let terms = LineTerms {
            name,
            namespace: self.namespace.clone(),
            grant: terms.grant.clone(),
            priority: queue.priority,
            most: queue.max_waiters.map(|most| most as usize),
        };
        Some(Line::new(
            Box::new(client),
            SystemClock,
            terms,
            self.request_limit,
        ))
    }
}
