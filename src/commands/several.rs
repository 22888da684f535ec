//! Several Leases in one call: each by itself, whatever became of the one before. Every error is said, and the first one's
//! code is that of the call.

use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::Fault;
use crate::lease::operate::End;
use crate::lease::values::LeaseName;
use crate::output::terminal;

/// The names in the order they were given, each once.
pub fn distinct(names: &[LeaseName]) -> Vec<&LeaseName> {
    let mut all: Vec<&LeaseName> = Vec::with_capacity(names.len());
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// Whether there is a point in going on with the next name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// What failed was about one Lease.
    GoOn,
    /// It would fail for the others too, or somebody wants it to end.
    Stop,
}

/// The errors of a call.
#[derive(Default)]
pub struct Errors {
    first: Option<Exit>,
    /// What was advised.
    advised: Vec<String>,
}

impl Errors {
    /// Says an error. What is to be done about several of them is said once.
    pub fn say(&mut self, error: &Error) -> Next {
        // What was done to each and could not be said has the same reason.
        let first = match error {
            Error::Despite { .. } => 0,
            _ => 1,
        };
        for (at, line) in error.lines().into_iter().enumerate() {
            if at >= first && self.advised.contains(&line) {
                continue;
            }
            terminal::say_always(&line);
            if at >= first {
                self.advised.push(line);
            }
        }
        self.first.get_or_insert(error.exit());
        next(error)
    }

    /// Says which names were left out after an error that stopped it.
    pub fn left_out(&self, names: &[&LeaseName]) {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            terminal::say_always(&format!(
                "error: not tried after that: {}",
                names.join(", ")
            ));
        }
    }

    /// The code of the first error, if there was one.
    pub fn exit(&self) -> Option<Exit> {
        self.first
    }
}

/// Whether others would fail by the same.
pub fn next(error: &Error) -> Next {
    match error {
        Error::Lease(error) => match &error.end {
            End::Refused(_) | End::Lost(_) | End::Altered { .. } | End::Declined(_) => Next::GoOn,
            End::Fault(Fault::Rejected(_) | Fault::NotStored(_)) => Next::GoOn,
            End::Fault(Fault::NotSent(_) | Fault::Unknown(_) | Fault::Foreign { .. }) => Next::Stop,
            // The time is over for all of them.
            End::TimedOut { .. } | End::Interrupted(_) => Next::Stop,
            End::Unsettled { .. } | End::Kept(_) => Next::Stop,
        },
        // It was done, only not said.
        Error::Despite { .. } | Error::BrokenPipe | Error::NotMet { .. } => Next::GoOn,
        Error::Usage(_)
        | Error::Config(_)
        | Error::Api { .. }
        | Error::NamespaceMissing(_)
        | Error::AlreadyExists { .. }
        | Error::Failover(_)
        | Error::Command { .. }
        | Error::Hold(_)
        | Error::Unsaid(_)
        | Error::NotAsAsked { .. }
        | Error::Local(_) => Next::Stop,
    }
}
