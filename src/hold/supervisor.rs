//! The supervisor: renews the lease while its command runs, and releases it once all that the command started is gone.

#[cfg(unix)]
mod child;
#[cfg(windows)]
#[path = "supervisor/child_windows.rs"]
mod child;
#[cfg(unix)]
mod job;
#[cfg(windows)]
#[path = "supervisor/job_windows.rs"]
mod job;
mod news;
#[cfg(target_os = "linux")]
pub mod orphans;
mod run;
#[cfg(unix)]
mod shell;
#[cfg(unix)]
mod tty;

use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use super::label::{PodLabel, Trouble};
use super::machine::Outcome;
use super::timing::Timing;
use crate::lease::decide::Loss;
use crate::lease::record::Record;
use crate::signals::Received;

pub use child::{Prepared, Preparing};
pub use job::Job;
pub use run::hold;

/// What to run under the lease.
pub struct HoldTerms {
    /// The command; empty to hold until interrupted.
    pub command: Vec<OsString>,
    /// Variables for it.
    pub environment: Vec<(&'static str, String)>,
    /// The checked times.
    pub timing: Timing,
    /// The signal that asks it to stop when the lease is lost.
    pub on_lost: i32,
    /// Whether what it leaves behind runs on.
    pub detaches: bool,
    /// The label that the pod carries while it runs, or without one while the lease is held.
    pub label: Option<Rc<dyn PodLabel>>,
}

/// How a hold went.
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The errno of a command that could not be started, or Windows' own number for the error.
    pub errno: Option<i32>,
    /// Why the command could not be started by this system, whatever the command is.
    pub no_watchdog: Option<String>,
    /// Which of the leases were given back by us, by number: after a loss that is said already.
    pub released: Vec<usize>,
    /// Whether the watchdog died.
    pub watchdog_died: bool,
    /// Whether the command ended by itself, before the lease was known to be lost.
    pub ended_by_itself: bool,
    /// Whether something that the command left behind runs on: nobody may say then that all of it has ended.
    pub detached: bool,
    /// Why the pod could not be labelled.
    pub unlabelled: Option<Trouble>,
    /// The grants as they were seen last, one for each lease.
    pub grants: Vec<Record>,
    /// Those of them that a next grant of this process may replace at once, where they still stand.
    pub replaceable: Vec<Option<Record>>,
}

impl Report {
    /// Whether all of the leases were given back, by us.
    pub fn all_released(&self) -> bool {
        !self.grants.is_empty() && self.released.len() == self.grants.len()
    }
}

/// Something to say while holding.
#[cfg_attr(
    windows,
    allow(dead_code, reason = "no job control, and nothing is let go")
)]
pub enum Note {
    /// The lease is lost.
    Lost(Loss),
    /// A renewal failed; this much is left.
    RenewalFailed {
        /// What stood in the way.
        why: String,
        /// Until the command is stopped.
        left: Duration,
    },
    /// This job is about to stop, as by Ctrl-Z; this much is left.
    Stopped {
        /// Until the command is killed, or without one until the lease is lost.
        left: Duration,
        /// Whether there is a command.
        command: bool,
        /// Whether the terminal may have echoed `^Z`, and is still on that line.
        echoed: bool,
    },
    /// The command waits for the terminal, which nobody will give it.
    WaitsForTerminal,
    /// Lost for want of renewals, and yet released: nobody had taken it.
    ReleasedAfterLoss,
    /// Another that is held with it was lost, and so it was released.
    ReleasedToo,
    /// The command has ended; these processes that it left behind are asked to stop.
    Left(String),
    /// The command has ended; these processes that it left behind run on.
    Detached(String),
    /// The label is still on the pod, for this reason; it is tried for this much longer.
    LabelStays(Trouble, Duration),
    /// It is not tried any more.
    LabelLeft,
    /// These processes do not die.
    Unkilled(Vec<String>),
    /// Changes cannot be watched, for now.
    Unwatched,
    /// They can again.
    Watched,
    /// It is not released, because whom it was taken from may still run.
    Kept,
    /// The release did not go through, or nobody knows whether it did.
    NotReleased {
        /// Why, if that is known.
        why: Option<String>,
        /// Whether it may have.
        is_open: bool,
    },
}

/// The signals that a hold hears. They are heard before anything is said of the grant: whoever reads that may answer
/// with Ctrl-Z at once.
pub struct Signals {
    /// They ask us to end, and are passed on.
    pub to_end: Received,
    /// They are only passed on.
    pub for_command: Received,
    /// Those of job control.
    pub job: Job,
}
