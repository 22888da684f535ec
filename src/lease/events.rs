//! Kubernetes Events about Leases, pure: what is written of something that was done to one, and what those say that there are.

mod read;
mod text;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::{Previous, Record, beginning, micro_time};
pub use read::{Recorded, newest, read};
use text::{plain, quoted, reasoned};

/// Who writes them: the API wants a qualified name.
const CONTROLLER: &str = "kubectl-lease";

/// What the API server takes at most, bytes (`ValidateEventCreate` in Kubernetes' `pkg/apis/core/validation/events.go`).
const LONGEST_NOTE: usize = 1024;
const LONGEST_INSTANCE: usize = 128;
const LONGEST_NAME: usize = 253;

/// What was done to a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventReason {
    /// Acquired. From whom, if it had not been released, the Lease itself says.
    Acquired,
    /// Stolen.
    Stolen {
        /// The victim.
        from: String,
    },
    /// Taken from its holder, and handed over to the next candidate.
    FailedOver {
        /// Who held it.
        from: String,
        /// Who has it since; `None` if nobody has.
        to: Option<String>,
    },
    /// Released by somebody else than its holder.
    ForceReleased {
        /// Who held it.
        from: String,
    },
    /// Lost by its holder: how, in words.
    Lost(String),
    /// Deleted because nobody had used it for long.
    Pruned {
        /// Who held it last.
        from: Option<String>,
        /// For how long it had been expired, in words.
        expired: String,
    },
}

/// Something that was done to a Lease, by whom and when.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// What.
    pub reason: EventReason,
    /// The Lease afterwards; of one that was deleted, before.
    pub lease: &'a Record,
    /// The identity of who did it.
    pub by: &'a str,
    /// What `--reason` said.
    pub because: Option<&'a str>,
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// Tells its name from that of another of the same microsecond: less than 1000.
    pub mark: u16,
}

/// Where the Events of a namespace are. Servers have this version since 1.19.
pub fn path(namespace: &str) -> String {
    format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events")
}

/// Those about the Leases of this name, of which there may have been several one after the other.
pub fn path_of(namespace: &str, lease: &str) -> String {
    // A name needs no escaping.
    format!(
        "{}?fieldSelector=regarding.kind%3DLease%2Cregarding.name%3D{lease}",
        path(namespace)
    )
}

impl EventReason {
    /// The reason word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acquired => "LeaseAcquired",
            Self::Stolen { .. } => "LeaseStolen",
            Self::FailedOver { .. } => "LeaseFailedOver",
            Self::ForceReleased { .. } => "LeaseForceReleased",
            Self::Lost(_) => "LeaseLost",
            Self::Pruned { .. } => "LeasePruned",
        }
    }

    fn action(&self) -> &'static str {
        match self {
            Self::Acquired => "Acquire",
            Self::Stolen { .. } => "Steal",
            Self::FailedOver { .. } => "Failover",
            Self::ForceReleased { .. } => "Release",
            Self::Lost(_) => "Hold",
            Self::Pruned { .. } => "Prune",
        }
    }

    /// `Warning` where somebody was not asked.
    fn kind(&self) -> &'static str {
        match self {
            Self::Acquired | Self::FailedOver { .. } | Self::Pruned { .. } => "Normal",
            Self::Stolen { .. } | Self::ForceReleased { .. } | Self::Lost(_) => "Warning",
        }
    }
}

impl Event<'_> {
    /// The object, as `events.k8s.io/v1` has it.
    pub fn to_json(&self) -> Value {
        let lease = self.lease;
        json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": { "namespace": lease.namespace(), "name": self.name() },
            "eventTime": micro_time(self.at),
            "type": self.reason.kind(),
            "reason": self.reason.word(),
            "action": self.reason.action(),
            "note": self.note(),
            "reportingController": CONTROLLER,
            "reportingInstance": beginning(&plain(self.by), LONGEST_INSTANCE),
            "regarding": {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "namespace": lease.namespace(),
                "name": lease.name(),
                "uid": lease.uid(),
                "resourceVersion": lease.resource_version(),
            },
        })
    }

    /// As client-go names them: the object's name and the time in nanoseconds.
    fn name(&self) -> String {
        let time = self.at.as_nanosecond().max(0) / 1000 * 1000 + i128::from(self.mark % 1000);
        let time = format!("{time:x}");
        let name = self.lease.name();
        // A name has no other characters, and no part of it ends like that.
        let room = LONGEST_NAME - 1 - time.len();
        let head = name
            .get(..room)
            .unwrap_or(name)
            .trim_end_matches(['-', '.']);
        format!("{head}.{time}")
    }

    fn note(&self) -> String {
        let by = reasoned(self.by, self.because);
        let taken = self.lease.taken_from();
        let reason_of = |holder: &str| {
            let noted = taken.as_ref().filter(|taken| taken.holder == holder);
            noted.and_then(|taken| taken.reason.as_deref())
        };
        let note = match &self.reason {
            EventReason::Acquired => acquired(&by, taken.as_ref()),
            EventReason::Stolen { from } => {
                format!("stolen by {by} from {}", reasoned(from, reason_of(from)))
            }
            EventReason::FailedOver { from, to } => {
                let from = reasoned(from, reason_of(from));
                let to = to.as_deref().map_or_else(
                    || "nobody has taken over yet".to_owned(),
                    |to| format!("{} has taken over", quoted(to)),
                );
                format!("failed over by {by} from {from}: {to}")
            }
            EventReason::ForceReleased { from } if from == self.by => {
                format!("released by {by}, by force")
            }
            EventReason::ForceReleased { from } => {
                let from = reasoned(from, reason_of(from));
                format!("released by {by}, who is not its holder: it was held by {from}")
            }
            EventReason::Lost(how) => format!("lost by {by}: {}", plain(how)),
            EventReason::Pruned { from, expired } => {
                let from = from.as_deref().map_or_else(String::new, |from| {
                    format!(", last held by {}", quoted(from))
                });
                format!("deleted by {by}: expired for {expired}{from}")
            }
        };
        beginning(&note, LONGEST_NOTE)
    }
}

fn acquired(by: &str, taken: Option<&Previous>) -> String {
    match taken {
        None => format!("acquired by {by}"),
        Some(taken) => format!(
            "acquired by {by}: the lease of {} had expired",
            reasoned(&taken.holder, taken.reason.as_deref())
        ),
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
