//! What a worker was told: by the words of its command line, and of its grants by the environment that `hold` gives.

use std::path::PathBuf;
use std::time::Duration;

use crate::history::Exit;
use crate::time::At;

/// A lease and its fencing token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub lease: String,
    pub token: u64,
}

/// How a worker ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending(pub Exit);

/// All that a worker goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// The sink's socket.
    pub sink: PathBuf,
    /// The folder of the lock files.
    pub locks: PathBuf,
    pub manner: String,
    pub works: Duration,
    pub ending: Ending,
    pub holder: String,
    pub grants: Vec<Grant>,
    /// What it is in the tree.
    pub part: String,
    /// The end of what is done without a watchdog, whatever comes in between.
    pub deadline: Option<At>,
    /// Set where the locks are there already, from before an exec.
    pub locked: Option<bool>,
}

/// The words of a worker's command line, after the program.
pub fn words(
    sink: &std::path::Path,
    locks: &std::path::Path,
    manner: &str,
    works: Duration,
    ending: Ending,
) -> Vec<String> {
    vec![
        "worker".to_owned(),
        format!("sink={}", sink.display()),
        format!("locks={}", locks.display()),
        format!("manner={manner}"),
        format!("works={}", works.as_millis()),
        format!("ends={}", ending.word()),
    ]
}

impl Ending {
    fn word(self) -> String {
        match self.0 {
            Exit::Code(code) => format!("{code}"),
            Exit::Signal(signal) => format!("signal-{signal}"),
        }
    }

    fn read(word: &str) -> Option<Ending> {
        Some(Ending(match word.strip_prefix("signal-") {
            Some(signal) => Exit::Signal(signal.parse().ok()?),
            None => Exit::Code(word.parse().ok()?),
        }))
    }
}

impl Orders {
    pub fn read(words: &[String]) -> Option<Orders> {
        Self::read_from(words, |name| std::env::var(name).ok())
    }

    fn read_from(words: &[String], variable: impl Fn(&str) -> Option<String>) -> Option<Orders> {
        let value = |name: &str| {
            let of = |word: &String| Some(word.strip_prefix(name)?.strip_prefix('=')?.to_owned());
            words.iter().find_map(of)
        };
        let grants = match value("tokens").or_else(|| variable("KUBECTL_LEASE_FENCING_TOKENS")) {
            Some(list) => list
                .split_whitespace()
                .map(Grant::read)
                .collect::<Option<_>>()?,
            None => vec![Grant {
                lease: variable("KUBECTL_LEASE_NAME")?,
                token: variable("KUBECTL_LEASE_FENCING_TOKEN")?.parse().ok()?,
            }],
        };
        let at = |text: String| text.parse().ok().map(At);
        Some(Orders {
            sink: value("sink")?.into(),
            locks: value("locks")?.into(),
            manner: value("manner")?,
            works: Duration::from_millis(value("works")?.parse().ok()?),
            ending: Ending::read(&value("ends")?)?,
            holder: value("holder").or_else(|| variable("KUBECTL_LEASE_HOLDER"))?,
            grants,
            part: value("part").unwrap_or_else(|| "command".to_owned()),
            deadline: value("deadline").and_then(at),
            locked: value("locked").map(|_| true),
        })
    }

    /// The words by which the same worker goes on after an exec, with or without an environment: as `part`, for as
    /// long as is left.
    pub fn again(&self, part: &str, manner: &str, left: Duration) -> Vec<String> {
        let mut words = words(&self.sink, &self.locks, manner, left, self.ending);
        let tokens: Vec<String> = self.grants.iter().map(Grant::word).collect();
        words.push(format!("holder={}", self.holder));
        words.push(format!("tokens={}", tokens.join(" ")));
        words.push(format!("part={part}"));
        words.push("locked=yes".to_owned());
        words.extend(self.deadline.map(|at| format!("deadline={}", at.0)));
        words
    }
}

impl Grant {
    fn word(&self) -> String {
        format!("{}={}", self.lease, self.token)
    }

    fn read(word: &str) -> Option<Grant> {
        let (lease, token) = word.split_once('=')?;
        Some(Grant {
            lease: lease.to_owned(),
            token: token.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(variables: &[(&str, &str)]) -> Option<Orders> {
        let words = words(
            "/s".as_ref(),
            "/l".as_ref(),
            "plain",
            Duration::from_millis(70),
            Ending(Exit::Signal(34)),
        );
        Orders::read_from(&words, |name| {
            let found = variables.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn the_grants_are_those_of_the_environment_and_survive_an_exec_without_one() {
        let one = orders(&[
            ("KUBECTL_LEASE_HOLDER", "c01.0002"),
            ("KUBECTL_LEASE_NAME", "job"),
            ("KUBECTL_LEASE_FENCING_TOKEN", "17"),
        ]);
        let several = orders(&[
            ("KUBECTL_LEASE_HOLDER", "c01.0002"),
            ("KUBECTL_LEASE_NAME", "left"),
            ("KUBECTL_LEASE_FENCING_TOKEN", "17"),
            ("KUBECTL_LEASE_FENCING_TOKENS", "left=17 right=18"),
        ]);
        for (orders, count) in [(one, 1), (several, 2)] {
            let orders = orders.expect("complete");
            assert_eq!(orders.grants.len(), count);
            let words = orders.again("exec", "plain", orders.works);
            let again = Orders::read_from(&words, |_| None).expect("complete");
            assert_eq!(again.grants, orders.grants);
            assert_eq!((again.holder, again.ending), (orders.holder, orders.ending));
            assert_eq!((again.part.as_str(), again.locked), ("exec", Some(true)));
        }
        assert_eq!(orders(&[]), None);
    }
}
