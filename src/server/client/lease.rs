//! One Lease over HTTP: its paths, its answers, its watch.

use std::future::ready;
use std::time::Duration;

use futures::stream::{self, LocalBoxStream};
use futures::{FutureExt, StreamExt};
use http::Method;
use k8s_openapi::api::coordination::v1::Lease;
use kube::core::{Resource, WatchEvent};
use serde_json::{Value, json};

use super::query::Query;
use super::{Client, Most, Reply, Selection};
use crate::lease::api::{
    Api, Deletion, Fault, Found, LeaseEvent, Rejection, RejectionKind, WATCH_OPENING, Write,
};
use crate::lease::record::{self, Record};

/// One Lease in the store.
#[derive(Clone)]
pub struct LeaseClient {
    pub(super) store: Client,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl LeaseClient {
    fn collection(&self) -> Query {
        Query::new(Lease::url_path(&(), Some(&self.namespace)))
    }

    fn object(&self) -> Query {
        Query::new(format!(
            "{}/{}",
            Lease::url_path(&(), Some(&self.namespace)),
            self.name
        ))
    }

    async fn write(
        &self,
        method: Method,
        mut query: Query,
        lease: &record::Lease,
        manager: &str,
        limit: Duration,
    ) -> Result<Write, Fault> {
        // The server gives up when we do, so that a write whose reply we stopped waiting for does not come late.
        query.add("timeout", &format!("{}s", limit.as_secs().max(1)));
        query.add("fieldManager", manager);
        let creating = method == Method::POST;
        let body = serde_json::to_vec(lease.as_json())
            .map_err(|error| Fault::Unknown(error.to_string()))?;
        let sending = self
            .store
            .send(method, query.text(), body, Most::LEASE, limit);
        match sending.await {
            Ok(reply) => self.lease(&reply).map(Write::Done),
            Err(Fault::Rejected(rejection)) => match (creating, rejection.kind) {
                (true, _) if rejection.reason == "AlreadyExists" => Ok(Write::Exists(rejection)),
                // A POST that conflicts with something else (a quota that is being updated) may succeed the next time.
                (false, RejectionKind::Conflict) => Ok(Write::Conflict(rejection)),
                (false, RejectionKind::LeaseMissing) => Ok(Write::Absent(rejection)),
                (true | false, _) => Err(Fault::Rejected(rejection)),
            },
            Err(fault) => Err(fault),
        }
    }

    fn lease(&self, reply: &Reply) -> Result<record::Lease, Fault> {
        let object = self.store.parse(&reply.body, "a Lease")?;
        if object["kind"] != "Lease" {
            return Err(self.store.foreign(&reply.body, "a Lease"));
        }
        // What became of a write that is answered like this is not known.
        let unreadable = |why| Fault::Unknown(format!("the answer is not a lease: {why}"));
        let lease = record::Lease::new(object).map_err(unreadable)?;
        if self.is_it(&lease) {
            Ok(lease)
        } else {
            // A cache or a proxy that mixes up answers: what it says of another Lease proves nothing of this one.
            let (namespace, name) = (lease.namespace(), lease.name());
            Err(self.foreign(format!(
                "asked about lease {:?} in namespace {:?}, it answered about {name:?} in {namespace:?}",
                self.name, self.namespace
            )))
        }
    }

    fn foreign(&self, answer: String) -> Fault {
        let server = self.store.connection.server();
        Fault::Foreign { server, answer }
    }

    fn is_it(&self, lease: &record::Lease) -> bool {
        lease.name() == self.name && lease.namespace() == self.namespace
    }
}

/// What a line of a watch tells; `None` where it tells of another Lease, as if the selector was dropped on the way.
pub(super) fn told(
    store: &Client,
    line: &[u8],
    is_one: impl Fn(&record::Lease) -> bool,
) -> Result<Option<LeaseEvent>, Fault> {
    let foreign = || store.foreign(line, "a watch event");
    let record = |object| {
        let record = Record::new(object).map_err(|_| foreign())?;
        Ok(Some(record).filter(|record| is_one(record)))
    };
    match serde_json::from_slice(line) {
        Ok(WatchEvent::<Value>::Added(object) | WatchEvent::Modified(object)) => {
            Ok(record(object)?.map(LeaseEvent::Lease))
        }
        Ok(WatchEvent::Deleted(object)) => Ok(record(object)?.map(|_| LeaseEvent::Deleted)),
        Ok(WatchEvent::Bookmark(_)) => Ok(Some(LeaseEvent::Bookmark)),
        // What the server has forgotten it says in the stream.
        Ok(WatchEvent::Error(status)) if status.code == 410 => Err(Fault::Rejected(Rejection {
            code: status.code,
            reason: status.reason,
            message: status.message,
            kind: RejectionKind::Gone,
            advice: None,
            is_status: true,
        })),
        Ok(WatchEvent::Error(status)) => Err(Fault::Unknown(status.message)),
        // The connection ended within it.
        Err(error) if error.is_eof() => Err(Fault::Unknown("the watch broke off".to_owned())),
        Err(_) => Err(foreign()),
    }
}

impl Api for LeaseClient {
    fn manager(&self) -> &str {
        self.store.manager.as_str()
    }

    async fn get(&self, limit: Duration) -> Result<Found, Fault> {
        let path = self.object();
        match self.store.get(path.text(), Most::LEASE, limit).await {
            Ok(reply) => {
                // No API server stores such a Lease, or leaves that out.
                let lease = self.lease(&reply).map_err(|fault| match fault {
                    Fault::Unknown(why) => self.foreign(why),
                    fault => fault,
                })?;
                let record = lease.into_record().ok_or_else(|| {
                    self.foreign("a Lease without uid or resourceVersion".to_owned())
                })?;
                let date = reply.date;
                Ok(Found::Lease { record, date })
            }
            Err(fault) if fault.rejected() == Some(RejectionKind::LeaseMissing) => {
                Ok(Found::Absent)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn create(
        &self,
        lease: &record::Lease,
        dry_run: bool,
        limit: Duration,
    ) -> Result<Write, Fault> {
        let mut query = self.collection();
        if dry_run {
            query.add("dryRun", "All");
        }
        self.write(Method::POST, query, lease, self.manager(), limit)
            .await
    }

    async fn replace(&self, record: &Record, limit: Duration) -> Result<Write, Fault> {
        self.write(Method::PUT, self.object(), record, self.manager(), limit)
            .await
    }

    async fn try_replace(
        &self,
        record: &Record,
        manager: &str,
        limit: Duration,
    ) -> Result<Write, Fault> {
        let mut query = self.object();
        query.add("dryRun", "All");
        self.write(Method::PUT, query, record, manager, limit).await
    }

    async fn delete(
        &self,
        record: &Record,
        dry_run: bool,
        limit: Duration,
    ) -> Result<Deletion, Fault> {
        let mut query = self.object();
        query.add("timeout", &format!("{}s", limit.as_secs().max(1)));
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": record.uid(), "resourceVersion": record.resource_version() },
        });
        if dry_run {
            // Of a DELETE with a body the server does not read the query's.
            options["dryRun"] = json!(["All"]);
        }
        let body = options.to_string().into_bytes();
        let sending = self
            .store
            .send(Method::DELETE, query.text(), body, Most::LEASE, limit);
        match sending.await {
            Ok(reply) => {
                let answer = self.store.parse(&reply.body, "what became of a deletion")?;
                // The object itself where finalizers keep it for now.
                match answer["kind"].as_str() {
                    Some("Status" | "Lease") => Ok(Deletion::Done),
                    _ => Err(self.store.foreign(&reply.body, "what became of a deletion")),
                }
            }
            Err(Fault::Rejected(rejection)) => match rejection.kind {
                RejectionKind::Conflict => Ok(Deletion::Conflict(rejection)),
                RejectionKind::LeaseMissing => Ok(Deletion::Absent),
                _ => Err(Fault::Rejected(rejection)),
            },
            Err(fault) => Err(fault),
        }
    }

    fn silent(&self, limit: Duration) -> Fault {
        let fault = self.store.silence(limit);
        self.store.forget_client();
        fault
    }

    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent> {
        let (lease, from) = (self.clone(), resource_version.to_owned());
        let selection = Selection {
            namespace: Some(self.namespace.clone()),
            // One name: a Role that grants watch with resourceNames allows exactly this.
            field_selector: Some(format!("metadata.name={}", self.name)),
            label_selector: None,
        };
        let events = async move {
            let opening = lease.store.watch(&selection, &from, WATCH_OPENING);
            let (first, lines) = match opening.await {
                Ok(lines) => (LeaseEvent::Open, lines),
                Err(fault) => (LeaseEvent::Broken(fault), stream::empty().boxed_local()),
            };
            let events = lines.filter_map(move |line| {
                let event = line.and_then(|line| told(&lease.store, &line, |it| lease.is_it(it)));
                ready(event.unwrap_or_else(|fault| Some(LeaseEvent::Broken(fault))))
            });
            stream::iter([first]).chain(events)
        };
        events.flatten_stream().boxed_local()
    }

    async fn version(&self, limit: Duration) -> Result<Option<(u32, u32)>, Fault> {
        self.store.version(limit).await
    }
}
