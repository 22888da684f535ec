//! How a grant ends that we do not end.

use super::Seen;
use crate::lease::record::Record;
use crate::lease::values::LeaseDuration;

/// How a grant ended that we did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The Lease was deleted.
    Deleted,
    /// It was deleted and made again; the new one is another's, or nobody's.
    Recreated {
        /// Who holds the new one.
        holder: Option<String>,
    },
    /// The holder was blanked.
    Released,
    /// Somebody else holds it.
    TakenBy {
        /// Who.
        holder: String,
        /// Whether that one waits until we must have stopped, as the Lease says.
        waits: bool,
    },
    /// The same identity was granted it anew, by another process.
    Regranted {
        /// Whether that one waits likewise.
        waits: bool,
    },
    /// Somebody recorded a shorter duration: others may prove it expired sooner than we reckon.
    Shortened(LeaseDuration),
    /// The server stored something else than the renewal that was sent: what, in words.
    Altered(String),
    /// No renewal was acknowledged in time.
    Deadline {
        /// What stood in the way of the last attempt.
        last: Option<String>,
    },
}

impl Loss {
    /// Whether somebody has taken it.
    pub fn is_takeover(&self) -> bool {
        match self {
            Self::TakenBy { .. } | Self::Regranted { .. } | Self::Recreated { holder: Some(_) } => {
                true
            }
            Self::Deleted
            | Self::Recreated { holder: None }
            | Self::Released
            | Self::Shortened(_)
            | Self::Altered(_)
            | Self::Deadline { .. } => false,
        }
    }

    /// Whether what was lost like this may still stand as ours, to be given back; the release finds out.
    pub fn may_be_ours(&self) -> bool {
        match self {
            Self::Deadline { .. } | Self::Shortened(_) | Self::Altered(_) => true,
            Self::Deleted
            | Self::Recreated { .. }
            | Self::Released
            | Self::TakenBy { .. }
            | Self::Regranted { .. } => false,
        }
    }
}

/// Whether what was seen ends the grant, which was for `duration`: others count by what is recorded now, so that a longer
/// one does no harm. None keeps out whoever acquires, and is recorded again as soon as that is seen: who steals would not know how
/// long to wait.
pub fn lost(grant: &Record, duration: LeaseDuration, seen: &Seen) -> Option<Loss> {
    let record = match seen {
        Seen::Absent => return Some(Loss::Deleted),
        Seen::Lease(seen) => seen.record(),
    };
    if record.uid() != grant.uid() {
        return Some(Loss::Recreated {
            holder: record.holder().map(str::to_owned),
        });
    }
    match record.holder() {
        None => Some(Loss::Released),
        Some(holder) if Some(holder) != grant.holder() => Some(Loss::TakenBy {
            holder: holder.to_owned(),
            waits: record.waits_for(grant),
        }),
        Some(_) if !record.same_grant(grant) => Some(Loss::Regranted {
            waits: record.waits_for(grant),
        }),
        Some(_) => record
            .duration()
            .filter(|recorded| *recorded < duration)
            .map(Loss::Shortened),
    }
}
