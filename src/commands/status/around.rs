//! What other objects say about a Lease: its holder's Pod or Node, the candidates of its election.

use std::time::Duration;

use serde_json::Value;

use crate::commands::{Session, exported};
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::record::Record;
use crate::lease::report::{Row, State};
use crate::lease::summary::{self, Class, Summary};
use crate::lease::values::LeaseName;
use crate::output::status::describe::Surroundings;

/// Where the API of Leases says which versions it has.
const GROUP: &str = "/apis/coordination.k8s.io";

/// Objects are asked for only where the identity names one, so that most Leases cost one request.
pub async fn surroundings(session: &Session, row: &Row, record: &Record) -> Surroundings {
    Surroundings {
        holder: holder(session, row, record, session.request_limit).await,
        candidates: if row.lease.strategy.is_some() {
            candidates(session, &row.lease).await
        } else {
            Vec::new()
        },
        token: exported::token(record),
        ..Surroundings::default()
    }
}

/// What the holder is, by the object that its identity names; each is asked for within `limit`.
pub async fn holder(
    session: &Session,
    row: &Row,
    record: &Record,
    limit: Duration,
) -> Option<String> {
    let lease = &row.lease;
    let holder = lease.holder.as_deref()?;
    // Somebody who is not in this cluster may be well; who does not renew any more is not.
    let ended = row.condition.state == State::Expired;
    match lease.class {
        Class::ApiServer => Some(api_server(record, ended)),
        Class::Node => Some(node(session, lease, record, ended, limit).await),
        Class::LeaderElection | Class::Lock | Class::Waiter => match summary::instance(holder) {
            Some(named) => {
                named.parse::<LeaseName>().ok()?;
                let found = pod_or_node(session, &lease.namespace, named, limit).await;
                Some(found.unwrap_or_else(|absent| absent.words(named, &lease.namespace, ended)))
            }
            // It costs a request or two to find out. It may be anything, a user's name too: nothing is said of what is not
            // there.
            None if summary::may_be_an_objects_name(holder) => {
                let found = pod_or_node(session, &lease.namespace, holder, limit).await;
                found.ok()
            }
            None => None,
        },
    }
}

/// It holds its own Lease, which says that it lives; no other object does.
fn api_server(record: &Record, ended: bool) -> String {
    let mut labels = record.labels();
    let host = labels.find(|(key, _)| *key == "kubernetes.io/hostname");
    let host = host.map_or_else(String::new, |(_, host)| format!(" on host {host}"));
    if ended {
        format!("gone: the API server{host} whose identity this is does not renew it any more")
    } else {
        format!("an API server{host}: this is its identity")
    }
}

/// A node's heartbeat is named after its Node; whoever writes it may be named otherwise.
async fn node(
    session: &Session,
    lease: &Summary,
    record: &Record,
    ended: bool,
    limit: Duration,
) -> String {
    let name = record.owning_node().unwrap_or(&lease.name);
    if name.parse::<LeaseName>().is_err() {
        return "a node's heartbeat, of no name that a Node could have".to_owned();
    }
    let writer = lease.holder.as_deref().filter(|holder| *holder != name);
    let writer = writer.map_or_else(String::new, |writer| format!(", written by {writer}"));
    let path = format!("/api/v1/nodes/{name}");
    match session.object(&path, limit).await {
        Ok(Some(found)) => format!("the heartbeat of Node {name}: {}{writer}", ready(&found)),
        Ok(None) if ended => {
            format!("gone: there is no Node {name}, and its heartbeat has stopped{writer}")
        }
        Ok(None) => {
            format!("the heartbeat of Node {name}, which is not found in this cluster{writer}")
        }
        Err(fault) => unknown("Node", name, &fault),
    }
}

/// Why nothing is known of what an identity names.
enum Absent {
    /// There is neither a Pod nor a Node of that name.
    Neither,
    /// It cannot be told of this kind of object.
    Unknown(&'static str, Fault),
}

impl Absent {
    fn words(&self, name: &str, namespace: &str, ended: bool) -> String {
        match self {
            Self::Neither if ended => format!(
                "gone: there is no Pod {name} in namespace {namespace} and no such Node, and nobody renews"
            ),
            Self::Neither => format!(
                "not found in this cluster: there is no Pod {name} in namespace {namespace} and no such Node"
            ),
            Self::Unknown(kind, fault) => unknown(kind, name, fault),
        }
    }
}

async fn pod_or_node(
    session: &Session,
    namespace: &str,
    name: &str,
    limit: Duration,
) -> Result<String, Absent> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let no_pod = match session.object(&path, limit).await {
        Ok(Some(pod)) => {
            let phase = pod
                .pointer("/status/phase")
                .and_then(Value::as_str)
                .unwrap_or("of unknown phase");
            let owner = owner(&pod)
                .map(|owner| format!(", of {owner}"))
                .unwrap_or_default();
            return Ok(format!("Pod {name}: {phase}, {}{owner}", ready(&pod)));
        }
        Ok(None) => Absent::Neither,
        // It may be allowed to see Nodes all the same.
        Err(fault @ Fault::Rejected(_)) => Absent::Unknown("Pod", fault),
        Err(fault) => return Err(Absent::Unknown("Pod", fault)),
    };
    // Host names of control plane components are node names.
    let path = format!("/api/v1/nodes/{name}");
    match (session.object(&path, limit).await, no_pod) {
        (Ok(Some(found)), _) => Ok(format!("Node {name}: {}", ready(&found))),
        (_, unseen @ Absent::Unknown(..)) => Err(unseen),
        (Ok(None), Absent::Neither) => Err(Absent::Neither),
        (Err(fault), Absent::Neither) => Err(Absent::Unknown("Node", fault)),
    }
}

fn unknown(kind: &str, name: &str, fault: &Fault) -> String {
    match fault {
        fault if fault.rejected() == Some(RejectionKind::Forbidden) => {
            format!("perhaps {kind} {name}: no permission to get it")
        }
        fault => format!("perhaps {kind} {name}: {fault}"),
    }
}

fn ready(object: &Value) -> &'static str {
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready");
    match ready.and_then(|condition| condition["status"].as_str()) {
        Some("True") => "ready",
        Some("False") => "not ready",
        _ => "readiness unknown",
    }
}

fn owner(object: &Value) -> Option<String> {
    let owner = object.pointer("/metadata/ownerReferences/0")?;
    Some(format!(
        "{} {}",
        owner["kind"].as_str()?,
        owner["name"].as_str()?
    ))
}

/// The names of the LeaseCandidates where the server has that API, or why they cannot be told.
async fn candidates(session: &Session, lease: &Summary) -> Vec<String> {
    let found = match version_with_candidates(session).await {
        Ok(Some(version)) => {
            let namespace = &lease.namespace;
            let path = format!("{GROUP}/{version}/namespaces/{namespace}/leasecandidates");
            session.object(&path, session.request_limit).await
        }
        Ok(None) => return Vec::new(),
        Err(fault) => Err(fault),
    };
    match found {
        Ok(list) => {
            let items = list.as_ref().and_then(|list| list["items"].as_array());
            items
                .into_iter()
                .flatten()
                .filter(|candidate| {
                    let of = candidate.pointer("/spec/leaseName").and_then(Value::as_str);
                    of == Some(&lease.name)
                })
                .filter_map(|candidate| {
                    Some(candidate.pointer("/metadata/name")?.as_str()?.to_owned())
                })
                .collect()
        }
        Err(fault) if fault.rejected() == Some(RejectionKind::Forbidden) => {
            vec!["unknown: no permission to list leasecandidates".to_owned()]
        }
        Err(fault) => vec![format!("unknown: {fault}")],
    }
}

/// Which version of the API this server has LeaseCandidates in, in its own order: it says so, whoever asks.
async fn version_with_candidates(session: &Session) -> Result<Option<String>, Fault> {
    let limit = session.request_limit;
    let group = session.object(GROUP, limit).await?;
    let versions = group
        .as_ref()
        .and_then(|group| group["versions"].as_array());
    let named = |version: &Value| Some(version["version"].as_str()?.to_owned());
    for version in versions.into_iter().flatten().filter_map(named) {
        // It becomes part of a path.
        if version.parse::<LeaseName>().is_err() {
            continue;
        }
        let path = format!("{GROUP}/{version}");
        let resources = session.object(&path, limit).await?;
        let has = |list: &Value| {
            let resources = list["resources"].as_array().into_iter().flatten();
            resources
                .map(|resource| &resource["name"])
                .any(|name| name == "leasecandidates")
        };
        if resources.as_ref().is_some_and(has) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
