//! The ground truth: each write that was stored, from the in-process server's log, or from etcd's revisions and the audit
//! log together.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

use lease_harness::lease_api_server::ApiServer;
use lease_harness::{ControlPlane, Namespace, Revision};
use serde_json::{Value, json};

use super::audit::{self, Asked, Outcome};
use super::clocks::Clocks;
use crate::history::Commit;

/// Every write of the namespace's Leases, oldest first.
///
/// # Errors
///
/// When the server's history cannot be read.
pub fn commits(namespace: &Namespace, clocks: &Clocks) -> Result<Vec<Commit>, String> {
    let cluster = namespace.cluster();
    match (cluster.control_plane(), cluster.api_server()) {
        (Some(plane), _) => of_plane(plane, namespace.name(), clocks),
        (None, Some(own)) => Ok(of_own(own, namespace.name(), clocks)),
        (None, None) => Err("neither server is there".into()),
    }
}

fn of_plane(plane: &ControlPlane, namespace: &str, clocks: &Clocks) -> Result<Vec<Commit>, String> {
    let revisions = plane.revisions(&format!("/registry/leases/{namespace}/"))?;
    let path = plane.audit_log();
    let asked = File::open(&path)
        .and_then(|log| audit::read(BufReader::new(log), namespace, clocks))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(merge(revisions, asked))
}

fn of_own(own: &ApiServer, namespace: &str, clocks: &Clocks) -> Vec<Commit> {
    let commits = own.commits().into_iter();
    let here = commits.filter(|commit| commit.namespace == namespace);
    here.map(|commit| Commit {
        lease: commit.name,
        revision: commit.revision,
        user: commit.user,
        verb: commit.verb.to_owned(),
        received: Some(clocks.of(commit.received)),
        answered: commit.answered.map(|answered| clocks.of(answered)),
        before: commit.before.as_deref().cloned(),
        after: commit.after.as_deref().cloned(),
    })
    .collect()
}

/// What was stored, each with who asked for it, where the log tells.
fn merge(revisions: Vec<Revision>, asked: Vec<Asked>) -> Vec<Commit> {
    let mut writers = Writers::of(asked);
    let mut stored: HashMap<String, Value> = HashMap::new();
    let commit = |revision: Revision| {
        let Revision {
            revision,
            key: lease,
            mut value,
        } = revision;
        // As the API shows it; etcd has it outside of the object.
        if let Some(object) = &mut value {
            object["metadata"]["resourceVersion"] = json!(revision.to_string());
        }
        let before = match &value {
            Some(object) => stored.insert(lease.clone(), object.clone()),
            None => stored.remove(&lease),
        };
        let writer = writers.take(&lease, revision, before.as_ref(), value.as_ref());
        let (user, verb, received, answered) = match writer {
            None => (None, String::new(), None, None),
            Some(by) => (Some(by.user), by.verb, Some(by.received), Some(by.answered)),
        };
        Commit {
            lease,
            revision,
            user,
            verb,
            received,
            answered,
            before,
            after: value,
        }
    };
    revisions.into_iter().map(commit).collect()
}

/// Who asked for writes, by what is known of their fate.
#[derive(Default)]
struct Writers {
    stored: HashMap<(String, u64), Asked>,
    deleted: Vec<Asked>,
    unknown: Vec<Asked>,
}

impl Writers {
    fn of(asked: Vec<Asked>) -> Writers {
        let mut writers = Writers::default();
        for asked in asked {
            match &asked.outcome {
                // A patch that changes nothing is answered with what was stored before, later.
                Outcome::Stored(revision) => {
                    let key = (asked.lease.clone(), *revision);
                    writers.stored.entry(key).or_insert(asked);
                }
                Outcome::Deleted(_) => writers.deleted.push(asked),
                Outcome::Unknown { .. } => writers.unknown.push(asked),
            }
        }
        writers
    }

    fn take(
        &mut self,
        lease: &str,
        revision: u64,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Option<Asked> {
        let known = self.stored.remove(&(lease.to_owned(), revision));
        let metadata = |field: &str| before.and_then(|object| object["metadata"][field].as_str());
        known.or_else(|| match after {
            None => {
                let this =
                    |uid: &Option<String>| uid.is_none() || uid.as_deref() == metadata("uid");
                take(&mut self.deleted, |asked| {
                    asked.lease == lease
                        && matches!(&asked.outcome, Outcome::Deleted(uid) if this(uid))
                })
            }
            // Only one write can be stored over a resourceVersion.
            Some(after) => {
                let over: u64 = metadata("resourceVersion")?.parse().ok()?;
                let wanted = Outcome::Unknown {
                    over,
                    spec: after["spec"].clone(),
                };
                take(&mut self.unknown, |asked| {
                    asked.lease == lease && asked.outcome == wanted
                })
            }
        })
    }
}

fn take(asked: &mut Vec<Asked>, wanted: impl Fn(&Asked) -> bool) -> Option<Asked> {
    let index = asked.iter().position(wanted)?;
    Some(asked.remove(index))
}

#[cfg(test)]
mod tests;
