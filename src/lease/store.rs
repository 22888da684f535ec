//! The Lease API over HTTP: get, create, replace, watch, list; maps every answer to a closed set.

mod faults;
mod query;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture, Shared};
use futures::stream::LocalBoxStream;
use futures::{AsyncBufReadExt, StreamExt};
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::core::{Resource, WatchEvent};
use serde_json::Value;

use super::api::{
    Api, Change, Fault, Found, Rejection, RejectionKind, Trouble, Unusable, Why, Write,
};
use super::record::Record;
use crate::clock::{Clock, Instant, SystemClock};
use crate::cluster::{Connection, Link, cause};

pub use query::Selection;

use faults::{fault_of, foreign, rejection};
use query::Query;

/// Our name in the API server's logs and in managedFields.
pub const USER_AGENT: &str = concat!("kubectl-lease/", env!("CARGO_PKG_VERSION"));

/// How long one watch request lasts, seconds; the server ends it then.
const WATCH_SECONDS: u32 = 290;

/// A connection that is made anew after a timeout or a 401, with credentials read anew.
#[derive(Clone)]
pub struct Store {
    connection: Rc<Connection>,
    link: Rc<RefCell<Option<Link>>>,
    connecting: Rc<RefCell<Option<Connecting>>>,
}

/// A client on its way, and since when. An exec plugin may hang: whoever asks meanwhile waits for the same one, so that
/// they do not pile up.
type Connecting = (
    Instant,
    Shared<LocalBoxFuture<'static, Result<Link, Unusable>>>,
);

/// After this a client on its way is given up, and another one is begun.
const CONNECTING_LIMIT: Duration = Duration::from_secs(60);

/// One Lease in the store.
#[derive(Clone)]
pub struct LeaseStore {
    store: Store,
    namespace: String,
    name: String,
}

/// A page of a list, not decoded yet.
pub struct Page {
    /// The answer's body.
    pub body: Bytes,
    /// The server's `Date`.
    pub date: Option<Timestamp>,
}

struct Reply {
    body: Bytes,
    date: Option<Timestamp>,
}

impl Store {
    /// A store behind `connection`; nothing is sent yet.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection: Rc::new(connection),
            link: Rc::default(),
            connecting: Rc::default(),
        }
    }

    /// One Lease of this store.
    pub fn lease(&self, namespace: &str, name: &str) -> LeaseStore {
        LeaseStore {
            store: self.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    async fn link(&self) -> Result<Link, Fault> {
        if let Some(link) = self.link.borrow().as_ref() {
            return Ok(link.clone());
        }
        let now = SystemClock.now();
        let connecting = {
            let mut slot = self.connecting.borrow_mut();
            slot.take_if(|(since, _)| now.since(*since) > CONNECTING_LIMIT);
            let connection = Rc::clone(&self.connection);
            let begin = || {
                (
                    now,
                    async move { connection.link().await }
                        .boxed_local()
                        .shared(),
                )
            };
            slot.get_or_insert_with(begin).1.clone()
        };
        let link = connecting.await;
        self.connecting.borrow_mut().take();
        let link = link.map_err(|error| Fault::NotSent(Trouble::Credentials(error)))?;
        *self.link.borrow_mut() = Some(link.clone());
        Ok(link)
    }

    /// The next request makes a new connection and reads the credentials anew.
    fn forget_client(&self) {
        self.link.borrow_mut().take();
    }

    /// One request, one answer, within `limit`.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Reply, Fault> {
        let sent = SystemClock.now();
        let asked = format!("{method} {path}");
        let outcome = match tokio::time::timeout(limit, self.exchange(method, path, body)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.silence(limit)),
        };
        log::debug!(
            "{asked}: {} in {:.1?} (at most {limit:.1?})",
            outcome
                .as_ref()
                .err()
                .map_or_else(|| "ok".to_owned(), ToString::to_string),
            SystemClock.now().since(sent)
        );
        if let Err(fault) = &outcome {
            let stale = match fault {
                Fault::Unknown(_) | Fault::Foreign { .. } | Fault::NotSent(_) => true,
                // 403 too: the token may have become another identity's (design section 6, renew).
                Fault::Rejected(rejection) => match rejection.kind {
                    RejectionKind::Unauthorized => true,
                    RejectionKind::Forbidden => self.connection.credentials_change(),
                    RejectionKind::NamespaceMissing
                    | RejectionKind::LeaseMissing
                    | RejectionKind::NotServed
                    | RejectionKind::TooManyRequests { .. }
                    | RejectionKind::Invalid => false,
                },
            };
            if stale {
                self.forget_client();
            }
        }
        outcome
    }

    /// What it means that a request is not over within `limit`: how far did it get?
    fn silence(&self, limit: Duration) -> Fault {
        match self.link.borrow().as_ref() {
            // A plugin may be asking its user: that is no reason to give up.
            None => Fault::Unknown(self.connection.no_credentials_within(limit)),
            Some(link) if !link.connected() => Fault::NotSent(Trouble::Connect {
                server: self.connection.server(),
                detail: format!("no connection within {limit:?}"),
                why: Why::Silence,
            }),
            Some(_) => Fault::Unknown(format!("no answer within {limit:?}")),
        }
    }

    /// A 401 is answered once with credentials read anew: a token file rotates, an exec plugin's token expires. The
    /// server did nothing with the first request, so that repeating it is safe even for a write.
    async fn exchange(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Reply, Fault> {
        let was_connected = self.link.borrow().is_some();
        match self.exchange_once(method.clone(), path, body.clone()).await {
            Err(Fault::Rejected(rejection))
                if rejection.kind == RejectionKind::Unauthorized
                    && was_connected
                    && self.connection.credentials_change() =>
            {
                self.forget_client();
                self.exchange_once(method, path, body).await
            }
            answer => answer,
        }
    }

    async fn exchange_once(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Reply, Fault> {
        let client = self.link().await?.client;
        let request = request(method, path, body)?;
        let response = client
            .send(request.map(kube::client::Body::from))
            .await
            .map_err(|error| self.connection_fault(&error))?;
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| Fault::Unknown(cause::words(&error)))?
            .to_bytes();
        if parts.status.is_success() {
            Ok(Reply {
                body,
                date: date(&parts.headers),
            })
        } else {
            Err(rejection(
                parts.status,
                &parts.headers,
                &body,
                &self.connection,
            ))
        }
    }

    fn connection_fault(&self, error: &kube::Error) -> Fault {
        fault_of(error, &self.connection)
    }

    /// One page of Leases.
    ///
    /// # Errors
    /// As every request.
    pub async fn list(
        &self,
        selection: &Selection,
        limit: u32,
        from: Option<&str>,
        within: Duration,
    ) -> Result<Page, Fault> {
        let mut query = selection.query();
        query.add("limit", &limit.to_string());
        if let Some(from) = from {
            query.add("continue", from);
        }
        let Reply { body, date } = self
            .send(Method::GET, query.text(), Vec::new(), within)
            .await?;
        Ok(Page { body, date })
    }

    /// The changes after `resource_version`, a JSON watch event a line, undecoded; ends when the server ends it.
    ///
    /// # Errors
    /// As every request.
    pub async fn watch_lines(
        &self,
        selection: &Selection,
        resource_version: &str,
    ) -> Result<impl futures::Stream<Item = std::io::Result<String>> + use<>, Fault> {
        let mut query = selection.query();
        query.add("watch", "true");
        query.add("allowWatchBookmarks", "true");
        query.add("timeoutSeconds", &WATCH_SECONDS.to_string());
        query.add("resourceVersion", resource_version);
        log::debug!("GET {}: watching", query.text());
        let client = self.link().await?.client;
        let mut request = request(Method::GET, query.text(), Vec::new())?;
        // A stream of events is decoded as it comes; compressed, some servers send each as a stream of its own.
        request.headers_mut().insert(
            header::ACCEPT_ENCODING,
            http::HeaderValue::from_static("identity"),
        );
        let reader = client
            .request_stream(request)
            .await
            .map_err(|error| self.connection_fault(&error))?;
        Ok(reader.lines())
    }

    /// Any other object, for what is said about a Lease; `None` if it is not there.
    ///
    /// # Errors
    /// As every request.
    pub async fn object(&self, path: &str, within: Duration) -> Result<Option<Value>, Fault> {
        match self.send(Method::GET, path, Vec::new(), within).await {
            Ok(reply) => self.parse(&reply.body, "an object").map(Some),
            Err(Fault::Rejected(rejection)) if rejection.code == 404 => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Whether a namespace is there; `None` if that cannot be told (it takes a permission of its own).
    pub async fn namespace_exists(&self, namespace: &str, limit: Duration) -> Option<bool> {
        let path = format!("/api/v1/namespaces/{namespace}");
        match self.send(Method::GET, &path, Vec::new(), limit).await {
            Ok(_) => Some(true),
            Err(Fault::Rejected(rejection))
                if rejection.kind == RejectionKind::NamespaceMissing =>
            {
                Some(false)
            }
            Err(_) => None,
        }
    }

    /// A 200 with something that is not what was asked for.
    pub fn foreign(&self, body: &[u8], wanted: &str) -> Fault {
        foreign(body, wanted, &self.connection)
    }

    fn parse(&self, body: &[u8], wanted: &str) -> Result<Value, Fault> {
        serde_json::from_slice(body).map_err(|_| self.foreign(body, wanted))
    }
}

impl LeaseStore {
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
        record: &Record,
        limit: Duration,
    ) -> Result<Write, Fault> {
        // The server gives up when we do, so that a write whose reply we stopped waiting for does not come late.
        query.add("timeout", &format!("{}s", limit.as_secs().max(1)));
        query.add("fieldManager", "kubectl-lease");
        let creating = method == Method::POST;
        let body = serde_json::to_vec(record.as_json())
            .map_err(|error| Fault::Unknown(error.to_string()))?;
        match self.store.send(method, query.text(), body, limit).await {
            Ok(reply) => Ok(Write::Done(self.record(&reply)?)),
            Err(Fault::Rejected(rejection)) if creating && rejection.reason == "AlreadyExists" => {
                Ok(Write::Exists)
            }
            // A POST that conflicts with something else (a quota that is being updated) may succeed the next time.
            Err(Fault::Rejected(rejection)) if creating && rejection.code == 409 => {
                Err(Fault::Rejected(Rejection {
                    kind: RejectionKind::TooManyRequests { retry_after: None },
                    ..rejection
                }))
            }
            Err(Fault::Rejected(rejection)) if rejection.code == 409 => Ok(Write::Conflict),
            Err(Fault::Rejected(rejection))
                if rejection.kind == RejectionKind::LeaseMissing && !creating =>
            {
                Ok(Write::Absent)
            }
            Err(fault) => Err(fault),
        }
    }

    fn record(&self, reply: &Reply) -> Result<Record, Fault> {
        let object = self.store.parse(&reply.body, "a Lease")?;
        let is_lease = object["kind"] == "Lease";
        Record::new(object)
            .filter(|_| is_lease)
            .ok_or_else(|| self.store.foreign(&reply.body, "a Lease"))
    }
}

impl Api for LeaseStore {
    async fn get(&self, limit: Duration) -> Result<Found, Fault> {
        match self
            .store
            .send(Method::GET, self.object().text(), Vec::new(), limit)
            .await
        {
            Ok(reply) => Ok(Found::Lease {
                record: self.record(&reply)?,
                date: reply.date,
            }),
            Err(Fault::Rejected(rejection)) if rejection.kind == RejectionKind::LeaseMissing => {
                Ok(Found::Absent)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn create(
        &self,
        record: &Record,
        dry_run: bool,
        limit: Duration,
    ) -> Result<Write, Fault> {
        let mut query = self.collection();
        if dry_run {
            query.add("dryRun", "All");
        }
        self.write(Method::POST, query, record, limit).await
    }

    async fn replace(&self, record: &Record, limit: Duration) -> Result<Write, Fault> {
        self.write(Method::PUT, self.object(), record, limit).await
    }

    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, Change> {
        let mut query = self.collection();
        query.add("watch", "true");
        query.add("allowWatchBookmarks", "true");
        query.add("timeoutSeconds", &WATCH_SECONDS.to_string());
        // One name: a Role that grants watch with resourceNames allows exactly this.
        query.add("fieldSelector", &format!("metadata.name={}", self.name));
        query.add("resourceVersion", resource_version);
        let store = self.store.clone();
        futures::stream::once(async move {
            match open_watch(&store, query.text()).await {
                Ok(events) => futures::stream::iter([Change::Open])
                    .chain(events)
                    .left_stream(),
                Err(fault) => futures::stream::iter([Change::Broken(fault)]).right_stream(),
            }
        })
        .flatten()
        .boxed_local()
    }

    async fn version(&self, limit: Duration) -> Result<Option<(u32, u32)>, Fault> {
        let reply = self
            .store
            .send(Method::GET, "/version", Vec::new(), limit)
            .await?;
        let version: Value = self.store.parse(&reply.body, "a version")?;
        // "20+" on some distributions
        let number = |field: &str| -> Option<u32> {
            let digits: String = version[field]
                .as_str()?
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse().ok()
        };
        Ok(number("major").zip(number("minor")))
    }
}

async fn open_watch(store: &Store, path: &str) -> Result<LocalBoxStream<'static, Change>, Fault> {
    log::debug!("GET {path}: watching");
    let client = store.link().await?.client;
    let connection = Rc::clone(&store.connection);
    let events = client
        .request_events::<Value>(request(Method::GET, path, Vec::new())?)
        .await
        .map_err(|error| fault_of(&error, &connection))?;
    Ok(events
        .map(
            move |event: Result<WatchEvent<Value>, kube::Error>| match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    match Record::new(object) {
                        Some(record) => Change::Lease(record),
                        None => {
                            Change::Broken(Fault::Unknown("the event is not an object".to_owned()))
                        }
                    }
                }
                Ok(WatchEvent::Deleted(_)) => Change::Deleted,
                Ok(WatchEvent::Bookmark(_)) => Change::Bookmark,
                Ok(WatchEvent::Error(status)) => Change::Broken(Fault::Unknown(status.message)),
                Err(error) => Change::Broken(fault_of(&error, &connection)),
            },
        )
        .boxed_local())
}

fn request(method: Method, path: &str, body: Vec<u8>) -> Result<Request<Vec<u8>>, Fault> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .map_err(|error| {
            Fault::NotSent(Trouble::Connect {
                server: path.to_owned(),
                detail: error.to_string(),
                why: Why::Other,
            })
        })
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}
