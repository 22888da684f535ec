//! Several Leases in one call: each by itself, whatever became of the one before. Every error is said, and the code of the first
//! Lease that has failed is that of the call: the first in their order, whichever was known sooner.

use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::Fault;
use crate::lease::operate::End;
use crate::lease::values::LeaseName;
use crate::output::terminal;

/// So many are written at once: each takes its own connection, and the server is asked by others too.
pub const AT_ONCE: usize = 8;

/// What control planes keep their leases in. `-A` alone does not reach it, and a context's own namespace is no name of it either:
/// somebody who means these leases names their namespace.
const THE_CLUSTERS_OWN: [&str; 2] = ["kube-system", "kube-node-lease"];

/// Whether it is one of them.
pub fn is_the_clusters_own(namespace: &str) -> bool {
    THE_CLUSTERS_OWN.contains(&namespace)
}

/// Their names, for a line.
pub fn the_clusters_own() -> String {
    THE_CLUSTERS_OWN.join(" or ")
}

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
    /// The place of the Lease in their order, and its code.
    first: Option<(usize, Exit)>,
    /// What was advised.
    advised: Vec<String>,
}

impl Errors {
    /// Says an error that has its turn: it comes after those that were said before, and before those that are said later.
    pub fn say(&mut self, error: &Error) -> Next {
        self.say_of(0, error)
    }

    /// Says an error of the Lease at this place in their order, where they are known in any. What is to be done about several of
    /// them is said once.
    pub fn say_of(&mut self, place: usize, error: &Error) -> Next {
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
        if self.first.is_none_or(|(first, _)| place < first) {
            self.first = Some((place, error.exit()));
        }
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
        self.first.map(|(_, exit)| exit)
    }
}

/// Whether others would come to the same end.
pub fn next_after(end: &End) -> Next {
    match end {
        End::Refused(_) | End::Lost(_) | End::Altered { .. } | End::Declined(_) => Next::GoOn,
        End::Fault(Fault::Rejected(_) | Fault::NotStored(_)) => Next::GoOn,
        End::Fault(Fault::NotSent(_) | Fault::Unknown(_) | Fault::Foreign { .. }) => Next::Stop,
        // The time is over for all of them.
        End::TimedOut { .. } | End::Interrupted(_) => Next::Stop,
        // What is there was read; only not whether that was by our write.
        End::Unsettled { end, .. } if matches!(**end, End::Refused(_)) => Next::GoOn,
        End::Unsettled { .. } | End::Kept(_) => Next::Stop,
    }
}

/// Whether others would fail by the same.
pub fn next(error: &Error) -> Next {
    match error {
        Error::Lease(error) => next_after(&error.end),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_the_first_in_their_order_whichever_is_known_sooner() {
        let error = |code| Error::NotMet {
            lines: Vec::new(),
            exit: Exit(code),
        };
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut errors = Errors::default();
            for place in order {
                let _ = errors.say_of(place, &error(10 + place as u32));
            }
            assert_eq!(errors.exit(), Some(Exit(10)), "{order:?}");
        }
        let mut errors = Errors::default();
        for code in [9, 3] {
            let _ = errors.say(&error(code));
        }
        assert_eq!(errors.exit(), Some(Exit(9)));
    }
}
