//! The Lease API over HTTP: get, create, replace, watch, list; maps every answer to a closed set.

#[cfg(all(test, unix))]
mod answers_tests;
mod ask;
mod body;
mod changes;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod lease;
mod leases;
mod patience;
mod query;
mod queue;
mod under_way;
mod unread;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use http::{HeaderMap, Method, Response, header};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::Value;
use tokio::sync::Notify;

use crate::clock::{Clock, SystemClock};
use crate::lease::api::{Fault, Lines, RejectionKind, TransportError};
use crate::lease::values::Manager;
use crate::server::progress::{RequestProgress, Stage};
use crate::server::{Connection, Link, Wanted};

pub use changes::ChangesClient;
pub use lease::LeaseClient;
pub use leases::LeasesClient;
pub use query::Selection;
pub use queue::QueueClient;

use super::faults::{fault_of, foreign, late, rejection};
use ask::{Ask, Shape};
use body::Most;
use under_way::{OnItsWay, UnderWay};
use unread::{is_about_credentials, with_unread};

/// Our name in the API server's logs and in managedFields.
pub const USER_AGENT: &str = concat!("kubectl-lease/", env!("CARGO_PKG_VERSION"));

/// How long one watch request lasts, seconds; the server ends it then.
const WATCH_SECONDS: u32 = 290;

/// A connection that is made anew after a timeout or a 401, with credentials read anew.
#[derive(Clone)]
pub struct Client {
    connection: Rc<Connection>,
    link: Rc<RefCell<Option<Link>>>,
    /// How far the last write got.
    written: Rc<RefCell<RequestProgress>>,
    /// Under which name its writes are noted.
    manager: Rc<Manager>,
    /// Tells of each new link.
    linked: Rc<Notify>,
    /// What it asks for is no matter of the lease: see [`Client::aside`].
    aside: bool,
    under_way: UnderWay,
}

struct Reply {
    body: Bytes,
    date: Option<Timestamp>,
}

impl Client {
    /// A store behind `connection`; nothing is sent yet.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection: Rc::new(connection),
            link: Rc::default(),
            written: Rc::default(),
            manager: Rc::default(),
            linked: Rc::default(),
            aside: false,
            under_way: UnderWay::default(),
        }
    }

    /// The same, whose writes are noted in managedFields under this name.
    #[must_use]
    pub fn written_as(self, manager: &Manager) -> Self {
        Self {
            manager: Rc::new(manager.clone()),
            ..self
        }
    }

    /// The same for what is only said about a Lease, beside what is done to it: it uses the connections and credentials that
    /// there are, and waits for those until the other has them. What becomes of its requests changes neither, so that a
    /// missing permission runs no credential plugin, and a slow answer closes no connection that a renewal needs.
    #[must_use]
    pub fn aside(&self) -> Self {
        Self {
            aside: true,
            ..self.clone()
        }
    }

    /// One Lease of this store.
    pub fn lease(&self, namespace: &str, name: &str) -> LeaseClient {
        LeaseClient {
            store: self.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The Leases of this store that a selection has.
    pub fn leases(&self, selection: Selection) -> LeasesClient {
        LeasesClient {
            store: self.clone(),
            selection,
            remembered: false,
        }
    }

    async fn link_with(&self, wanted: Wanted) -> Result<Link, Fault> {
        if self.aside {
            return Ok(self.present_link().await);
        }
        let no_credentials = |error| Fault::NotSent(TransportError::Credentials(error));
        let known = self.link.borrow().clone();
        if let Some(link) = known
            && link.does(wanted).await.map_err(no_credentials)?
        {
            return Ok(link);
        }
        let link = self.connection.link(wanted).await;
        let link = link.map_err(no_credentials)?;
        *self.link.borrow_mut() = Some(link.clone());
        self.linked.notify_waiters();
        Ok(link)
    }

    /// The link that there is, once there is one.
    async fn present_link(&self) -> Link {
        loop {
            // Nothing else runs in between.
            if let Some(link) = self.link.borrow().clone() {
                return link;
            }
            self.linked.notified().await;
        }
    }

    /// Returns once nothing else is on its way, or that takes long.
    async fn turn(&self) -> OnItsWay {
        self.present_link().await;
        self.under_way.over().await;
        self.under_way.one()
    }

    /// The next request makes a new connection and reads the credentials anew.
    fn forget_client(&self) {
        self.link.borrow_mut().take();
    }

    async fn get(&self, path: &str, most: Most, limit: Duration) -> Result<Reply, Fault> {
        self.send(Method::GET, path, Vec::new(), most, limit).await
    }

    /// One request, one answer, within `limit`.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        most: Most,
        limit: Duration,
    ) -> Result<Reply, Fault> {
        let sent = SystemClock.now();
        let asked = format!("{method} {path}");
        let writes = method != Method::GET;
        let ask = Ask::new(method, path, body, Shape::Object);
        let progress = ask.progress.clone();
        let _one = (!self.aside).then(|| self.under_way.one());
        if writes && !self.aside {
            self.written.replace(progress.clone());
        }
        let whole = async {
            // One after the other, as long as they are quick.
            let _one = match self.aside {
                // Apart, so that no request of a lease takes more room for it.
                true => Some(self.turn().boxed_local().await),
                false => None,
            };
            let response = self.exchange(ask).await?;
            let date = date(response.headers());
            match body::read(response.into_body(), most).await? {
                (body, true) => Ok(Reply { body, date }),
                (_, false) => Err(body::too_long(most, &self.connection.server())),
            }
        };
        // A write is for the time it was made at, so that it waits for a person only where nothing was granted yet.
        let patient = !self.aside && (!writes || self.link.borrow().is_none());
        let outcome = self.in_time(limit, patient, &progress, whole).await;
        log::debug!(
            "{asked}: {} in {:.1?} (at most {limit:.1?})",
            outcome
                .as_ref()
                .err()
                .map_or_else(|| "ok".to_owned(), ToString::to_string),
            SystemClock.now().since(sent)
        );
        if let Err(fault) = &outcome
            && !self.aside
        {
            let stale = match fault {
                Fault::Unknown(_) | Fault::Foreign { .. } | Fault::NotSent(_) => true,
                Fault::NotStored(_) => false,
                // 403 too: the token may have become another identity's, and a renewal is tried again with fresh ones.
                Fault::Rejected(rejection) => match rejection.kind {
                    RejectionKind::Unauthorized => true,
                    RejectionKind::Forbidden => self.connection.credentials_change(),
                    RejectionKind::NamespaceMissing
                    | RejectionKind::LeaseMissing
                    | RejectionKind::NotServed
                    | RejectionKind::Conflict
                    | RejectionKind::Gone
                    | RejectionKind::TooManyRequests { .. }
                    | RejectionKind::Invalid => false,
                },
            };
            if stale {
                self.forget_client();
            }
            if fault.rejected() == Some(RejectionKind::Forbidden) {
                self.connection.doubt_credentials();
            }
        }
        outcome
    }

    /// What it means that the last write has brought nothing for `limit`: how far did it get?
    fn silence(&self, limit: Duration) -> Fault {
        let stage = self.written.borrow().before_sending();
        late(stage, limit, &self.connection)
    }

    /// What is refused because of a certificate, a key or a token is asked once more where those read anew differ: a
    /// token file rotates, an authority is replaced, an exec plugin's token expires. The server did nothing with the
    /// first request, so that repeating it is safe even for a write.
    async fn exchange(&self, ask: Ask) -> Result<Response<Body>, Fault> {
        let before = self.link.borrow().clone();
        let (mut sent_with, mut wrote) = (None, ask.writes());
        let first = self.exchange_once(ask.clone(), Wanted::Kept, &mut sent_with);
        let first = first.await;
        let Err(fault) = &first else { return first };
        if self.aside || !is_about_credentials(fault) {
            return first;
        }
        wrote &= matches!(fault, Fault::Rejected(_));
        let refused = matches!(fault, Fault::Rejected(_)) && self.connection.has_plugin();
        if let Some(number) = sent_with.filter(|_| refused) {
            // A plugin's very first token may be a stale one of its own cache. Once: what it gives now is all it has.
            self.forget_client();
            let newer = Wanted::NewerThan(number);
            let second = self.exchange_once(ask, newer, &mut sent_with).await;
            return ask::answered(second, wrote);
        }
        let Some(link) = before else { return first };
        if !self.connection.differs_from(&link).await {
            return first;
        }
        self.forget_client();
        let second = self.exchange_once(ask, Wanted::Kept, &mut sent_with).await;
        ask::answered(second, wrote)
    }

    /// The answer, its body not read yet, if it is a good one; and the number of the credentials it was asked with.
    async fn exchange_once(
        &self,
        ask: Ask,
        wanted: Wanted,
        sent_with: &mut Option<u64>,
    ) -> Result<Response<Body>, Fault> {
        let progress = ask.progress.clone();
        progress.begin();
        let link = self.link_with(wanted).await?;
        *sent_with = Some(link.credentials_number());
        progress.reach(Stage::Connected);
        let response = link.client.send(ask.request()?).await;
        let response = response.map_err(|error| {
            with_unread(fault_of(&error, &progress, &self.connection), link.unread())
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        // The status says what happened; of an endless page about it the beginning will do.
        let (body, _) = body::read(body, Most::ERROR).await?;
        let connection = &self.connection;
        let fault = rejection(parts.status, &parts.headers, &body, connection);
        Err(with_unread(fault, link.unread()))
    }

    /// The changes after `resource_version`, a JSON watch event a line, undecoded. The answer has to begin within `opening`.
    async fn watch(
        &self,
        selection: &Selection,
        resource_version: &str,
        opening: Duration,
    ) -> Result<Lines, Fault> {
        let mut query = selection.query();
        query.add("watch", "true");
        query.add("allowWatchBookmarks", "true");
        query.add("timeoutSeconds", &WATCH_SECONDS.to_string());
        if !resource_version.is_empty() {
            query.add("resourceVersion", resource_version);
        }
        let path = query.text();
        log::debug!("GET {path}: watching");
        let ask = Ask::new(Method::GET, path, Vec::new(), Shape::Events);
        let progress = ask.progress.clone();
        let answer = self.exchange(ask);
        let answer = self.in_time(opening, true, &progress, answer).await;
        let answer = answer.inspect_err(|fault| {
            if is_about_credentials(fault) {
                self.forget_client();
            }
        })?;
        let server = self.connection.server();
        Ok(body::lines(answer.into_body(), Most::LEASE, server).boxed_local())
    }

    /// Major and minor version of the server.
    async fn version(&self, limit: Duration) -> Result<Option<(u32, u32)>, Fault> {
        let reply = self.get("/version", Most::VERSION, limit);
        let version = self.parse(&reply.await?.body, "a version")?;
        Ok(numbers(&version))
    }

    /// A 200 with something that is not what was asked for.
    fn foreign(&self, body: &[u8], wanted: &str) -> Fault {
        foreign(body, wanted, &self.connection)
    }

    fn parse(&self, body: &[u8], wanted: &str) -> Result<Value, Fault> {
        serde_json::from_slice(body).map_err(|_| self.foreign(body, wanted))
    }
}

/// Major and minor of a version, `20+` on some distributions.
fn numbers(version: &Value) -> Option<(u32, u32)> {
    let number = |field: &str| -> Option<u32> {
        let digits: String = version[field]
            .as_str()?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    };
    number("major").zip(number("minor"))
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}
