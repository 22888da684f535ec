//! The ground truth: each write that was stored, from the in-process server's log, or from etcd's revisions and the audit
//! log together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::BufReader;

use lease_harness::lease_api_server::ApiServer;
use lease_harness::{ControlPlane, Namespace, Revision};
use serde_json::{Value, json};

use super::audit::{self, Asked, Meant, Outcome};
use super::clocks::Clocks;
use super::sent::TICKET;
use crate::history::Commit;

/// Every write of the namespace's Leases, oldest first.
///
/// # Errors
///
/// When the server's history cannot be read.
pub fn commits(namespace: &Namespace, clocks: &Clocks) -> Result<Vec<Commit>, String> {
    let cluster = namespace.cluster();
    let mut all = match (cluster.control_plane(), cluster.api_server()) {
        (Some(plane), _) => of_plane(plane, namespace.name(), clocks)?,
        (None, Some(own)) => of_own(own, namespace.name(), clocks),
        (None, None) => return Err("neither server is there".into()),
    };
    all.retain(|commit| !commit.lease.contains(TICKET));
    Ok(all)
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
                Outcome::Stored(revision) => {
                    let key = (asked.lease.clone(), *revision);
                    match writers.stored.entry(key) {
                        Entry::Vacant(entry) => drop(entry.insert(asked)),
                        Entry::Occupied(mut entry)
                            if is_patch(entry.get()) && !is_patch(&asked) =>
                        {
                            entry.insert(asked);
                        }
                        Entry::Occupied(_) => {}
                    }
                }
                Outcome::Deleted(_) => writers.deleted.push(asked),
                Outcome::Unknown(_) => writers.unknown.push(asked),
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
        let Some(after) = after else {
            let uid = before.and_then(|object| object["metadata"]["uid"].as_str());
            let this = |of: &Option<String>| of.is_none() || of.as_deref() == uid;
            let deleted =
                |asked: &Asked| matches!(&asked.outcome, Outcome::Deleted(uid) if this(uid));
            return take(&mut self.deleted, |asked| {
                asked.lease == lease && deleted(asked)
            });
        };
        let attempt = |asked: &Asked| {
            let may_be = known.as_ref().is_none_or(|known| {
                is_patch(known) && asked.user == known.user && asked.received <= known.received
            });
            may_be && asked.lease == lease && fits(asked, before, after)
        };
        let attempt = take(&mut self.unknown, attempt);
        match (known, attempt) {
            // Of an attempt that went unanswered and its repetition either may have stored it.
            (Some(known), Some(attempt)) => Some(Asked {
                received: attempt.received,
                ..known
            }),
            (known, attempt) => known.or(attempt),
        }
    }
}

/// A patch that changes nothing is answered with what was stored before, by whomever.
fn is_patch(asked: &Asked) -> bool {
    asked.verb == "patch"
}

/// Whether a write whose fate is not known may have made this of that.
fn fits(asked: &Asked, before: Option<&Value>, after: &Value) -> bool {
    match &asked.outcome {
        // Only one write can be stored over a resourceVersion.
        Outcome::Unknown(Meant::Replace { over, spec }) => {
            let version = before.and_then(|object| object["metadata"]["resourceVersion"].as_str());
            version.is_some_and(|version| version == over.to_string()) && *spec == after["spec"]
        }
        Outcome::Unknown(Meant::Patch(patch)) => {
            before.is_some_and(|before| !has(before, patch)) && has(after, patch)
        }
        Outcome::Stored(_) | Outcome::Deleted(_) => false,
    }
}

/// Whether an object is as a JSON merge patch wants it; by what version it was to replace none is known.
fn has(object: &Value, patch: &Value) -> bool {
    let conditions = ["resourceVersion", "uid"];
    match patch {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !conditions.contains(&name.as_str()))
            .all(|(name, wanted)| has(&object[name.as_str()], wanted)),
        wanted => object == wanted,
    }
}

fn take(asked: &mut Vec<Asked>, wanted: impl Fn(&Asked) -> bool) -> Option<Asked> {
    let index = asked.iter().position(wanted)?;
    Some(asked.remove(index))
}

#[cfg(test)]
mod tests;
