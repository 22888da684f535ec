//! The Lease API over HTTP: get, create, replace, watch, list; maps every answer to a closed set.

mod faults;
mod lease;
mod query;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::AsyncBufReadExt;
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;

use super::api::{Fault, RejectionKind, Trouble, Why};
use crate::clock::{Clock, SystemClock};
use crate::cluster::{Connection, Link, Wanted, cause};

pub use lease::LeaseStore;
pub use query::Selection;

use faults::{fault_of, foreign, rejection};

/// Our name in the API server's logs and in managedFields.
pub const USER_AGENT: &str = concat!("kubectl-lease/", env!("CARGO_PKG_VERSION"));

/// How long one watch request lasts, seconds; the server ends it then.
const WATCH_SECONDS: u32 = 290;

/// A connection that is made anew after a timeout or a 401, with credentials read anew.
#[derive(Clone)]
pub struct Store {
    connection: Rc<Connection>,
    link: Rc<RefCell<Option<Link>>>,
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
        let wanted = match self.link.borrow().is_some() {
            true => Wanted::Kept,
            false => Wanted::Read,
        };
        self.link_with(wanted).await
    }

    async fn link_with(&self, wanted: Wanted) -> Result<Link, Fault> {
        let no_credentials = |error| Fault::NotSent(Trouble::Credentials(error));
        let identity = self.connection.credentials(wanted).await;
        let identity = identity.map_err(no_credentials)?;
        if let Some(link) = self.link.borrow().as_ref()
            && link.shows(&identity)
        {
            return Ok(link.clone());
        }
        let link = self.connection.link(identity).map_err(no_credentials)?;
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
                Fault::NotStored(_) => false,
                // 403 too: the token may have become another identity's (design section 6, renew).
                Fault::Rejected(rejection) => match rejection.kind {
                    RejectionKind::Unauthorized => true,
                    RejectionKind::Forbidden => self.connection.credentials_change(),
                    RejectionKind::NamespaceMissing
                    | RejectionKind::LeaseMissing
                    | RejectionKind::NotServed
                    | RejectionKind::Conflict
                    | RejectionKind::TooManyRequests { .. }
                    | RejectionKind::Invalid => false,
                },
            };
            if stale {
                self.forget_client();
            }
            if let Fault::Rejected(rejection) = fault
                && rejection.kind == RejectionKind::Forbidden
            {
                self.connection.doubt_credentials();
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
                detail: self.connection.no_connection_within(limit),
                why: Why::Silence,
            }),
            Some(_) => Fault::Unknown(format!("no answer within {limit:?}")),
        }
    }

    /// A 401 is answered once with credentials read anew: a token file rotates, an exec plugin's token expires. The
    /// server did nothing with the first request, so that repeating it is safe even for a write.
    async fn exchange(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Reply, Fault> {
        let before = self.connection.credentials_number();
        let link = self.link().await?;
        let number = self.connection.credentials_number();
        match self
            .exchange_once(link, method.clone(), path, body.clone())
            .await
        {
            Err(Fault::Rejected(rejection))
                if rejection.kind == RejectionKind::Unauthorized
                    && before == number
                    && self.connection.credentials_change() =>
            {
                self.forget_client();
                let link = self.link_with(Wanted::NewerThan(number)).await?;
                self.exchange_once(link, method, path, body).await
            }
            answer => answer,
        }
    }

    async fn exchange_once(
        &self,
        link: Link,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Reply, Fault> {
        let client = link.client;
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
