//! Why an operation ended without what was wanted.

use std::time::Duration;

use jiff::Timestamp;

use super::super::api::Fault;
use super::super::decide::{Loss, Obstacle, Refusal};

/// Why an operation ended without what was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The decision was no.
    Refused(Refusal),
    /// The API server could not be asked, or said no.
    Fault(Fault),
    /// Not acquired in time.
    TimedOut {
        /// What stood in the way, if it is known.
        obstacle: Option<Obstacle>,
        /// The longest it could still have taken without a renewal.
        at_most: Option<Duration>,
        /// The last trouble with the API server, if that was the obstacle.
        fault: Option<Fault>,
        /// Since when nothing is known, by this machine's clock, where that is so: the obstacle is as of then.
        since: Option<Timestamp>,
    },
    /// A signal asked us to end.
    Interrupted(i32),
    /// It was ours, and is no more.
    Lost(Loss),
    /// Ended with a write whose fate could not be learned.
    Unsettled {
        /// How it would have ended otherwise.
        end: Box<End>,
        /// What stood in the way of learning it.
        fault: Option<Fault>,
    },
    /// The server stored something else than what was sent, and that is no grant.
    Altered {
        /// What it stored instead.
        what: String,
        /// Who holds it now, by what was stored; `None` if that was given back, or is free.
        left: Option<String>,
    },
    /// What was taken stays held until it expires: freed at once it would let somebody in beside a command that may still
    /// run.
    Kept(Box<End>),
    /// The user said no, or could not be asked.
    Declined(String),
}

impl End {
    /// Not acquired in time, for this trouble with the API server if there was any.
    pub(super) fn timed_out(fault: Option<Fault>) -> Self {
        Self::TimedOut {
            obstacle: None,
            at_most: None,
            fault,
            since: None,
        }
    }

    /// The signal after which what was taken stays held.
    pub fn kept_by(&self) -> Option<i32> {
        if let Self::Kept(end) = self
            && let Self::Interrupted(signal) = **end
        {
            return Some(signal);
        }
        None
    }

    /// What stood in the way, where it was the API server.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Fault(fault)
            | Self::TimedOut {
                fault: Some(fault), ..
            }
            | Self::Unsettled {
                fault: Some(fault), ..
            } => Some(fault.to_string()),
            Self::Unsettled { end, fault: None } | Self::Kept(end) => end.why(),
            Self::Altered { what, .. } => Some(what.clone()),
            Self::Refused(_)
            | Self::TimedOut { fault: None, .. }
            | Self::Interrupted(_)
            | Self::Lost(_)
            | Self::Declined(_) => None,
        }
    }
}

/// How an operation ended that had sent a write whose outcome is not known.
pub(super) fn unsettled(end: End) -> End {
    match end {
        End::Fault(_) | End::TimedOut { .. } | End::Interrupted(_) | End::Declined(_) => {
            End::Unsettled {
                end: Box::new(end),
                fault: None,
            }
        }
        end => end,
    }
}
