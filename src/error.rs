//! Errors as values: what happened, why, and what to do next; one exit code each.

mod advice;
mod command;
mod failover;
pub mod forbidden;
#[cfg(test)]
mod lease_tests;
#[cfg(test)]
mod lines_tests;
mod obstacle;
mod refused;
mod slots;
#[cfg(test)]
mod takeover_tests;
mod unfreed;
mod unsaid;

use crate::exit::Exit;
use crate::hint::{self, Hint};
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::operate::End;
use crate::server::ConfigError;

pub use failover::NotFailedOver;
pub use obstacle::{loss_text, obstacle_advice, obstacle_text, reason_text, waited_for};
pub use unsaid::Unsaid;

use advice::fault_lines;

/// Everything a subcommand can end with instead of its result.
#[derive(Debug)]
pub enum Error {
    /// Wrong usage that only shows once the arguments are put together.
    Usage(String),
    /// How to get to the server, or as whom, cannot be found out.
    Config(ConfigError),
    /// An operation on a Lease ended without its result.
    Lease(Box<LeaseError>),
    /// A request that is not about one Lease failed.
    Api {
        /// Which namespace; `None` for all.
        namespace: Option<String>,
        /// What happened.
        fault: Fault,
    },
    /// The namespace is not there.
    NamespaceMissing(String),
    /// A Lease of this name exists.
    AlreadyExists {
        /// Its name.
        name: String,
        /// Where it is.
        namespace: String,
    },
    /// Nobody has stepped down, or not who should has followed.
    Failover(Box<(Subject, NotFailedOver)>),
    /// The command of `hold` cannot be started.
    Command {
        /// The command and its arguments.
        words: Vec<String>,
        /// Why not.
        why: std::io::Error,
    },
    /// `hold` itself failed.
    Hold(String),
    /// Whoever read our output went away: a quiet end.
    BrokenPipe,
    /// A result that a lease depends on was not said.
    Unsaid(Unsaid),
    /// Something else was done before this error, or because of it.
    Despite {
        /// The error, whose exit code counts.
        why: Box<Error>,
        /// What was done, a line each.
        then: Vec<String>,
    },
    /// A Lease is not as it was waited for.
    NotMet {
        /// That, and what it is instead, a line each.
        lines: Vec<String>,
        /// What that is to its caller.
        exit: Exit,
    },
    /// The server stores a Lease otherwise than it was asked to.
    NotAsAsked {
        /// What became of it, and how it differs.
        what: String,
        /// The next step.
        next: String,
    },
    /// Anything else on this machine.
    Local(String),
}

/// An operation on one Lease that ended without its result.
#[derive(Debug)]
pub struct LeaseError {
    /// Which one, and who asked.
    pub subject: Subject,
    /// How it ended.
    pub end: End,
}

/// Which Lease, and who asked.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The identity that asked.
    pub holder: Option<String>,
    /// Whether nothing would have been written in any case, so that nobody has to be told that nothing was.
    pub only_asks: bool,
    /// The exit code for "not acquired in time"; `None` where nothing is being acquired.
    pub conflict: Option<Exit>,
    /// Whether `--reenter` and `--unique` were to be had.
    pub reenters: bool,
    /// Whom alone it was to be taken from (`--if-holder`).
    pub if_holder: Option<String>,
    /// Which subcommand is to take it from another, where one is.
    pub takes_by: TakesBy,
    /// Whether somebody else's grant is to be ended, and nothing to be held.
    pub frees: bool,
    /// Whether it is taken from another, who may still run beside whoever has it next.
    pub beside: bool,
    /// Whether it is stolen by its own name.
    pub steals: bool,
    /// Whether the name is that of slots, of which any would do.
    pub of_slots: bool,
}

/// The subcommands that take a Lease from its holder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TakesBy {
    /// `steal`, and what is advised where none was called.
    #[default]
    Steal,
    /// `hold --steal`
    Hold,
    /// `failover`
    Failover,
}

impl Subject {
    /// The identity that asked; empty where there is none.
    fn me(&self) -> &str {
        self.holder.as_deref().unwrap_or_default()
    }

    /// The command about this Lease that a hint has.
    fn lease(&self, subcommand: &str) -> Hint {
        hint::lease(subcommand, &self.name, &self.namespace)
    }

    /// The command that shows it.
    fn shown(&self) -> Hint {
        let status = self.lease("status");
        match self.of_slots {
            true => status.with("--slots"),
            false => status,
        }
    }

    /// The same as that identity.
    fn lease_as(&self, subcommand: &str, holder: &str) -> Hint {
        hint::lease_as(subcommand, &self.name, &self.namespace, holder)
    }
}

impl Error {
    /// An operation on `subject` ended without its result.
    pub fn lease(subject: Subject, end: End) -> Self {
        Self::Lease(Box::new(LeaseError { subject, end }))
    }

    /// The exit code of this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::USAGE,
            Self::Config(error) if error.is_usage() => Exit::USAGE,
            Self::Config(_)
            | Self::Api { .. }
            | Self::NamespaceMissing(_)
            | Self::AlreadyExists { .. }
            | Self::NotAsAsked { .. }
            | Self::Local(_) => Exit::API,
            Self::BrokenPipe => Exit::DONE,
            Self::Unsaid(unsaid) => unsaid.exit(),
            Self::NotMet { exit, .. } => *exit,
            Self::Despite { why, .. } => why.exit(),
            Self::Hold(_) => Exit::HOLD_FAILED,
            Self::Command { why, .. } => match why.kind() {
                std::io::ErrorKind::NotFound => Exit::COMMAND_NOT_FOUND,
                _ => Exit::NOT_EXECUTABLE,
            },
            Self::Lease(error) => exit_of(&error.subject, &error.end),
            Self::Failover(error) => error.1.exit(),
        }
    }

    /// What happened, and then what to do, a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Usage(text) => vec![format!("error: {text}")],
            Self::Config(error) => error.lines(),
            Self::NotAsAsked { what, next } => vec![format!("error: {what}"), next.clone()],
            Self::Lease(error) => end_lines(&error.subject, &error.end),
            Self::Failover(error) => error.1.lines(&error.0),
            Self::Api { namespace, fault } => fault_lines(fault, namespace.as_deref(), None),
            Self::NamespaceMissing(namespace) => vec![
                format!("Error from server (NotFound): namespaces {namespace:?} not found"),
                advice::other_namespace(namespace),
            ],
            Self::AlreadyExists { name, namespace } => vec![
                format!(
                    "Error from server (AlreadyExists): leases.coordination.k8s.io {name:?} already exists"
                ),
                format!(
                    "To leave it as it is, give --ignore-existing; to look at it: {}",
                    hint::lease("status", name, namespace)
                ),
            ],
            Self::Command { words, why } => command::lines(words, why),
            Self::BrokenPipe => Vec::new(),
            Self::NotMet { lines, .. } => lines.clone(),
            Self::Unsaid(unsaid) => vec![unsaid.line()],
            Self::Despite { why, then } => [why.lines(), then.clone()].concat(),
            Self::Hold(text) | Self::Local(text) => vec![format!("error: {text}")],
        }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

fn exit_of(subject: &Subject, end: &End) -> Exit {
    match end {
        End::Refused(refusal) => refused::exit(subject, refusal),
        End::Fault(_) | End::Altered { .. } => Exit::API,
        // Where nothing is waited for, only the API server can have been in the way.
        End::TimedOut { .. } => subject.conflict.unwrap_or(Exit::API),
        End::Interrupted(signal) => Exit::signal(*signal),
        End::Lost(_) => Exit::LOST,
        End::Unsettled { end, .. } | End::Kept(end) => exit_of(subject, end),
        End::Declined(_) => Exit::DECLINED,
    }
}

fn end_lines(subject: &Subject, end: &End) -> Vec<String> {
    let (namespace, name) = (&subject.namespace, &subject.name);
    match end {
        End::Refused(refusal) => refused::lines(subject, refusal),
        End::Fault(fault) => fault_lines(fault, Some(namespace), Some(name)),
        End::TimedOut {
            obstacle,
            at_most,
            fault,
            since,
        } => {
            let then = since.zip(obstacle.as_ref());
            let obstacle = obstacle.as_ref().filter(|_| since.is_none());
            let mut lines = vec![match (obstacle, fault) {
                (Some(obstacle), _) if subject.of_slots => format!(
                    "error: no slot of {name:?} acquired: {}",
                    obstacle_text(obstacle, *at_most)
                ),
                (Some(obstacle), _) => format!(
                    "error: lease {name:?} not acquired: {}",
                    obstacle_text(obstacle, *at_most)
                ),
                (None, Some(fault)) if subject.conflict.is_none() && said_no(fault) => {
                    format!("error: ran out of time on lease {name:?}: {fault}")
                }
                (None, Some(fault)) if subject.conflict.is_none() => {
                    format!(
                        "error: no usable answer from the API server about lease {name:?}: {fault}"
                    )
                }
                (None, Some(fault)) => {
                    format!("error: lease {name:?} not acquired in time: {fault}")
                }
                (None, None) => format!("error: lease {name:?} not acquired in time"),
            }];
            match (obstacle, fault) {
                (Some(obstacle), _) => lines.extend(obstacle_advice(obstacle, subject)),
                (None, Some(fault)) if said_no(fault) => {
                    lines.extend(
                        fault_lines(fault, Some(namespace), Some(name))
                            .into_iter()
                            .skip(1),
                    );
                }
                (None, Some(_) | None) => {}
            }
            if let Some((since, obstacle)) = then {
                lines.push(format!(
                    "The server has not answered since {since:.0}. Until then: {}",
                    waited_for(obstacle, None)
                ));
            }
            lines
        }
        End::Interrupted(_) if subject.conflict.is_some() => {
            // It may be held, by another grant of this same identity.
            vec![format!("interrupted: lease {name:?} was not acquired")]
        }
        End::Interrupted(_) => vec![format!(
            "interrupted: as far as is known, lease {name:?} was not changed"
        )],
        End::Altered { what, left } => {
            let mut lines = vec![format!("error: {what}: that is not what was asked for")];
            lines.push(match left {
                Some(left) => format!(
                    "Lease {name:?} is held by {left:?} now. Free it: {}",
                    subject.lease_as("release", left)
                ),
                None => format!(
                    "Nobody holds the lease as it was stored. List the webhooks: {}",
                    hint::kubectl("get mutatingwebhookconfigurations")
                ),
            });
            lines
        }
        End::Lost(loss) => vec![format!("error: lease {name:?} lost: {}", loss_text(loss))],
        End::Kept(end) => {
            let mut lines = end_lines(subject, end);
            lines.retain(|line| !line.starts_with("interrupted"));
            lines.extend(unsaid::kept_lines(subject));
            lines
        }
        End::Unsettled { end, .. } if matches!(**end, End::Refused(_) | End::Declined(_)) => {
            let mut lines = refused::without_outcome(end_lines(subject, end));
            lines.push(format!(
                "error: a write to lease {name:?} was sent before that, and its outcome is not known"
            ));
            lines
        }
        End::Unsettled { end, fault } => {
            let mut lines = end_lines(subject, end);
            lines.retain(|line| !line.starts_with("interrupted"));
            lines.push(match fault {
                Some(fault) => format!("error: a write to lease {name:?} was sent and its outcome could not be learned: {fault}"),
                None => format!("error: a write to lease {name:?} was sent and its outcome is not known"),
            });
            lines.push(if subject.frees {
                unfreed::may_be_free_line(subject)
            } else if subject.me().is_empty() {
                format!(
                    "It may exist already, or appear later. Look: {}",
                    subject.lease("status")
                )
            } else {
                unsaid::may_be_held_line(subject)
            });
            lines
        }
        End::Declined(why) => vec![format!("{why}; nothing was written")],
    }
}

/// Whether the server refused writes for a reason of its own, time and again.
fn said_no(fault: &Fault) -> bool {
    matches!(fault, Fault::NotStored(_)) || fault.rejected() == Some(RejectionKind::Conflict)
}
