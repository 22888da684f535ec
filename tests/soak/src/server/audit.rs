//! kube-apiserver's audit log of Leases: which write was asked for by whom, when, and what came of it.

use std::io::{self, BufRead};

use jiff::Timestamp;
use serde_json::Value;

use super::clocks::Clocks;
use crate::time::At;

/// How each line begins, as kube-apiserver writes it.
const BEGIN: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/"#;

/// A write that was asked for, and may have been stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The Lease's name.
    pub lease: String,
    /// `create`, `update`, ….
    pub verb: String,
    /// By whom.
    pub user: String,
    /// When the server had it.
    pub received: At,
    /// When it was done with it.
    pub answered: At,
    /// What came of it.
    pub outcome: Outcome,
}

/// What the log tells of a write's fate.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Stored under this resourceVersion.
    Stored(u64),
    /// The object of this uid was deleted; of whatever uid where it does not say.
    Deleted(Option<String>),
    /// Answered with a failure of the server's own: it may have been stored.
    Unknown(Meant),
}

/// What a write whose fate is not known was to make.
#[derive(Clone, Debug, PartialEq)]
pub enum Meant {
    /// An object of this spec, over this resourceVersion.
    Replace { over: u64, spec: Value },
    /// This JSON merge patch.
    Patch(Value),
}

/// The writes of this namespace, in the order of the log.
///
/// # Errors
///
/// When it cannot be read.
pub fn read(log: impl BufRead, namespace: &str, clocks: &Clocks) -> io::Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for line in log.split(b'\n') {
        let line = line?;
        let event = event(&String::from_utf8_lossy(&line));
        asked.extend(event.and_then(|event| interpret(&event, namespace, clocks)));
    }
    Ok(asked)
}

/// The event of a line; of a line that two servers wrote, the first of which was killed at it, that of the second.
fn event(line: &str) -> Option<Value> {
    let begin = line.rfind(BEGIN)?;
    serde_json::from_str(line)
        .or_else(|_| serde_json::from_str(&line[begin..]))
        .ok()
}

fn interpret(event: &Value, namespace: &str, clocks: &Clocks) -> Option<Asked> {
    let object = &event["objectRef"];
    if object["namespace"] != namespace || is_try(event) {
        return None;
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let time = |field: &str| {
        let time: Timestamp = event[field].as_str()?.parse().ok()?;
        Some(clocks.of_wall(time.as_nanosecond()))
    };
    let verb = text(&event["verb"])?;
    let impersonated = text(&event["impersonatedUser"]["username"]);
    Some(Asked {
        outcome: outcome(event, &verb)?,
        // A creation has its name in what is created.
        lease: text(&object["name"])
            .or_else(|| text(&event["requestObject"]["metadata"]["name"]))?,
        user: impersonated.or_else(|| text(&event["user"]["username"]))?,
        received: time("requestReceivedTimestamp")?,
        answered: time("stageTimestamp")?,
        verb,
    })
}

fn is_try(event: &Value) -> bool {
    let uri = event["requestURI"].as_str().unwrap_or_default();
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let asked = query.split('&').any(|pair| pair.starts_with("dryRun="));
    let body = event["requestObject"]["dryRun"].as_array();
    asked || body.is_some_and(|modes| !modes.is_empty())
}

fn outcome(event: &Value, verb: &str) -> Option<Outcome> {
    let (sent, stored) = (&event["requestObject"], &event["responseObject"]);
    let status = event["responseStatus"]["code"].as_u64().unwrap_or(0);
    let version = |object: &Value| object["metadata"]["resourceVersion"].as_str()?.parse().ok();
    if (200..300).contains(&status) {
        if verb == "delete" && stored["kind"] != "Lease" {
            let uid = stored["details"]["uid"].as_str().map(str::to_owned);
            return Some(Outcome::Deleted(uid));
        }
        let stored: u64 = version(stored)?;
        // A replace by what is there already stores nothing.
        let changed = verb != "update" || version(sent) != Some(stored);
        return changed.then_some(Outcome::Stored(stored));
    }
    // A refusal is one; a failure may come after the fact.
    if (300..500).contains(&status) {
        return None;
    }
    let meant = match verb {
        "update" => Meant::Replace {
            over: version(sent)?,
            spec: sent["spec"].clone(),
        },
        "patch" => Meant::Patch(sent.clone()),
        _ => return None,
    };
    Some(Outcome::Unknown(meant))
}

#[cfg(test)]
mod tests;
