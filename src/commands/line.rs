//! `--queue`: the line in which a lease is waited for.

use super::Session;
use crate::cli::GrantArgs;
use crate::clock::SystemClock;
use crate::error::Subject;
use crate::hint;
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::decide::AcquireTerms;
use crate::lease::operate::{End, Line, LineTerms};
use crate::lease::values::QueueName;
use crate::server::LeaseClient;
use crate::words::pasted;

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

/// Why there is no place.
pub fn no_place(subject: &Subject, fault: &Fault) -> String {
    let name = &subject.name;
    let forbidden = fault.rejected() == Some(RejectionKind::Forbidden);
    let takes = forbidden.then(|| {
        let asks = hint::lease("can-i", name, &subject.namespace);
        let asks = asks.with(format!("--for {}", pasted("hold --queue")));
        format!(". What it takes: {asks}")
    });
    format!(
        "no place in line for {name:?}: {fault}; waiting without one{}",
        takes.unwrap_or_default()
    )
}

/// That a place is lost.
pub fn lost(name: &str) -> String {
    format!(
        "the place in line for {name:?} is lost: it was not renewed in time, or somebody has removed it; going to the end of the line"
    )
}

/// That a place is given up.
pub fn given_up(name: &str) -> String {
    format!(
        "first in line for {name:?}, which could not be taken for 15s: going to the end of the line, so that others can try"
    )
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
        let client = self.queue(&name);
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
