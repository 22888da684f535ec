//! One Lease: everything about it, and the objects that its holder's identity names.

use jiff::Timestamp;
use serde_json::Value;

use super::{keep, stamps};
use crate::cli::{StatusArgs, StatusFormat};
use crate::commands::Session;
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::lease::api::{Api, Fault, Found};
use crate::lease::condition::{self, State};
use crate::lease::decide::Refusal;
use crate::lease::evidence::Stamps;
use crate::lease::operate::End;
use crate::lease::record::Record;
use crate::lease::summary::{self, Class, Keep, Summary};
use crate::lease::values::LeaseName;
use crate::output::columns;
use crate::output::document::{failed, object_name, value};
use crate::output::status::describe::{Surroundings, describe};
use crate::output::status::{Row, document};
use crate::output::terminal;

/// A Lease as one reply showed it.
pub struct Reading {
    record: Record,
    row: Row,
}

impl Reading {
    /// The Lease.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

pub async fn run(session: &Session, name: &LeaseName, args: &StatusArgs) -> Result<Exit, Error> {
    let reading = match read_keeping(session, name, keep(args)).await {
        Err(error) if args.ignore_not_found && error.exit() == Exit::NOT_FOUND => {
            return Ok(Exit::DONE);
        }
        reading => reading?,
    };
    let row = &reading.row;
    let out = match &args.output {
        None | Some(StatusFormat::Wide) => describe(
            row,
            &reading.record,
            &surroundings(session, &row.lease).await,
        ),
        Some(StatusFormat::Name) => format!("{}\n", object_name(&row.lease.name)),
        Some(StatusFormat::Value(format)) => value(&document::for_format(row, format), format)?,
        Some(StatusFormat::CustomColumns(columns)) => columns::Printer::default()
            .page(columns, &[document::for_templates(row)], args.no_headers)
            .map_err(failed)?,
    };
    terminal::print(&out)?;
    Ok(if args.exit_code {
        exit_of(row)
    } else {
        Exit::DONE
    })
}

/// For a shell's `if`.
fn exit_of(row: &Row) -> Exit {
    match row.condition.state {
        State::Held | State::HeldWithoutExpiry => Exit::DONE,
        State::Expired => Exit::EXPIRED,
        State::Free | State::Deleted => Exit::FREE,
        State::Terminating if row.lease.holder.is_some() => Exit::DONE,
        State::Terminating => Exit::FREE,
    }
}

/// Reads one Lease; what its server stamps are worth is asked only if that decides its state.
///
/// # Errors
/// When it is not there, or cannot be read.
pub async fn read(session: &Session, name: &LeaseName) -> Result<Reading, Error> {
    read_keeping(session, name, Keep::Facts).await
}

async fn read_keeping(session: &Session, name: &LeaseName, keep: Keep) -> Result<Reading, Error> {
    let subject = || session.subject(name, None);
    let failed = |fault| Error::lease(subject(), End::Fault(fault));
    let operations = session.lease(name);
    match operations
        .api()
        .get(session.request_limit)
        .await
        .map_err(failed)?
    {
        Found::Absent => Err(session
            .error(subject(), End::Refused(Refusal::NotFound))
            .await),
        Found::Lease { record, date } => reading(session, record, date, &subject(), keep).await,
    }
}

async fn reading(
    session: &Session,
    record: Record,
    date: Option<Timestamp>,
    subject: &Subject,
    keep: Keep,
) -> Result<Reading, Error> {
    let unreadable = |error: serde_json::Error| {
        Error::lease(
            subject.clone(),
            End::Fault(Fault::Unknown(format!(
                "the answer is not a lease: {error}"
            ))),
        )
    };
    let lease = keep.of(&record).map_err(unreadable)?;
    let stamps = if condition::needs_version(&lease, date) {
        stamps(session).await
    } else {
        Stamps::Unknown
    };
    Ok(Reading {
        record,
        row: Row {
            condition: condition::of(&lease, date, stamps),
            lease,
            date,
        },
    })
}

/// What other objects say: only where the identity names one, so that most Leases cost one request.
async fn surroundings(session: &Session, lease: &Summary) -> Surroundings {
    let mut around = Surroundings::default();
    let Some(holder) = &lease.holder else {
        return around;
    };
    if lease.class == Class::Node {
        around.holder = Some(node(session, holder).await);
    } else if let Some(named) =
        summary::instance(holder).filter(|name| name.parse::<LeaseName>().is_ok())
    {
        around.holder = Some(pod_or_node(session, &lease.namespace, named).await);
    }
    if lease.strategy.is_some() {
        around.candidates = candidates(session, lease).await;
    }
    around
}

async fn pod_or_node(session: &Session, namespace: &str, name: &str) -> String {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    match session.store.object(&path, session.request_limit).await {
        Ok(Some(pod)) => {
            let phase = pod
                .pointer("/status/phase")
                .and_then(Value::as_str)
                .unwrap_or("of unknown phase");
            let owner = owner(&pod)
                .map(|owner| format!(", of {owner}"))
                .unwrap_or_default();
            format!("Pod {name}: {phase}, {}{owner}", ready(&pod))
        }
        // Host names of control plane components are node names.
        Ok(None) => match session
            .store
            .object(&format!("/api/v1/nodes/{name}"), session.request_limit)
            .await
        {
            Ok(Some(found)) => format!("Node {name}: {}", ready(&found)),
            Ok(None) => format!("gone: there is no Pod or Node {name}"),
            Err(fault) => unknown("Node", name, &fault),
        },
        Err(fault) => unknown("Pod", name, &fault),
    }
}

async fn node(session: &Session, name: &str) -> String {
    if name.parse::<LeaseName>().is_err() {
        return "not the name of a Node".to_owned();
    }
    match session
        .store
        .object(&format!("/api/v1/nodes/{name}"), session.request_limit)
        .await
    {
        Ok(Some(found)) => format!("Node {name}: {}", ready(&found)),
        Ok(None) => format!("gone: there is no Node {name}"),
        Err(fault) => unknown("Node", name, &fault),
    }
}

fn unknown(kind: &str, name: &str, fault: &Fault) -> String {
    match fault {
        Fault::Rejected(rejection) if rejection.code == 403 => {
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
    for version in ["v1beta1", "v1alpha2", "v1alpha1"] {
        let path = format!(
            "/apis/coordination.k8s.io/{version}/namespaces/{}/leasecandidates",
            lease.namespace
        );
        let list = match session.store.object(&path, session.request_limit).await {
            Ok(Some(list)) => list,
            Ok(None) => continue,
            Err(Fault::Rejected(rejection)) if rejection.code == 403 => {
                return vec!["unknown: no permission to list leasecandidates".to_owned()];
            }
            Err(fault) => return vec![format!("unknown: {fault}")],
        };
        let items = list["items"].as_array().cloned().unwrap_or_default();
        return items
            .iter()
            .filter(|candidate| {
                candidate.pointer("/spec/leaseName").and_then(Value::as_str) == Some(&lease.name)
            })
            .filter_map(|candidate| Some(candidate.pointer("/metadata/name")?.as_str()?.to_owned()))
            .collect();
    }
    Vec::new()
}
