//! What goes into the holding machine and what comes out of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::lease::decide::Loss;

/// What a command's exit status is: eight bits of it (wait(2)).
#[cfg(unix)]
pub type Status = u8;

/// What a command's exit status is (GetExitCodeProcess).
#[cfg(windows)]
pub type Status = u32;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It exited with this status.
    Exited(Status),
    /// It died of this signal.
    Signalled(i32),
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The leases were granted, each by a request sent after this.
    Acquired {
        /// Before the requests were sent.
        sent_at: Vec<Instant>,
    },
    /// A renewal sent after `sent_at` was stored: its reply says so, or a watch, or a read. Another attempt may be under
    /// way; it is not waited for any more.
    Renewed {
        /// Before the request was sent.
        sent_at: Instant,
    },
    /// A renewal attempt brought no answer that decides anything.
    RenewalFailed {
        /// What stood in the way.
        why: String,
        /// What the server asked for.
        retry_after: Option<Duration>,
    },
    /// The record on the server was seen not to be our grant any more.
    RecordChanged(Loss),
    /// The renewal under way is over, and has found the same.
    RenewalLost(Loss),
    /// Somebody has removed the recorded duration: whoever steals would not know how long to wait.
    DurationGone,
    /// A deadline has come, or the machine woke from suspend: look at the time.
    Woken,
    /// The command could not be started.
    NotStarted,
    /// The command ended; what it started may still run.
    ChildExited(Ended),
    /// Whoever watches the command has heard of no renewal in time, and stops it.
    Fenced,
    /// Whoever watched the command died: it can be killed, and no more.
    WatchdogDied,
    /// Nothing that the command started runs any more.
    TreeGone,
    /// The command has ended, and what it left behind runs on.
    #[cfg_attr(windows, allow(dead_code, reason = "nothing is let go"))]
    Detached,
    /// The pod carries the label.
    LabelSet,
    /// It could not be set; the pod may carry it all the same.
    LabelNotSet,
    /// The pod does not carry it any more, or it is not tried any more.
    LabelOff,
    /// A signal asks us to end.
    Signal(i32),
    /// A signal that asks us for nothing: only a command can make sense of it.
    SignalForCommand(i32),
    /// The release is over.
    Released(Given),
    /// It was said, or given up, that this grant's command has stopped.
    StoppedSaid,
}

/// What came of giving the lease back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// It is free, by us.
    Freed,
    /// It was not ours any more: this is how it was lost.
    Lost(Loss),
    /// Nobody knows, or it is not free.
    Unknown,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the command.
    Start,
    /// Send one renewal of the lease of this number, which may take this long.
    Renew(usize, Duration),
    /// Pass a signal on to the command.
    Forward(i32),
    /// Ask everything that the command started to stop.
    StopTree,
    /// Kill it.
    KillTree,
    /// Set the label on the pod.
    SetLabel,
    /// Take it off again.
    ClearLabel,
    /// Do not try that any more.
    LeaveLabel,
    /// Release this grant, if it is still ours.
    Release(usize),
    /// Say to whoever has taken this lease that nothing runs any more under this grant.
    SayStopped(usize),
    /// Say that this lease is lost.
    SayLost(usize, Loss),
    /// Say that a renewal of this one failed and will be tried again.
    SayRenewalFailed(usize, String),
    /// Say that something does not die.
    SayUnkilled,
    /// The end.
    Finish(Outcome),
}

/// How the hold ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The command ran to its end under the lease.
    Ended(Ended),
    /// The command is gone, and nobody saw how it ended: whoever watched it died.
    EndUnseen,
    /// Without a command: a signal ended it.
    Signalled(i32),
    /// The command could not be started.
    NotStarted,
    /// The pod could not be labelled, so that nothing was started.
    Unlabelled,
    /// The lease was lost; the command was stopped.
    Lost,
}
