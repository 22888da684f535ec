//! One request through the proxy: recorded, met by a fault, forwarded, answered.

use super::fault::{self, Fault};
use super::front::{ConnectionNumber, Reset};
use super::record::Request;
use super::reply::{self, Break};
use super::tally::Met;
use super::{Shared, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Response, StatusCode, header};
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::sleep;

pub(super) type Body = BoxBody<Bytes, io::Error>;

/// Answers a request, or fails: then the connection ends in a reset.
pub(super) async fn answer(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
    reset: Reset,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Exchange::new(parts, body, shared, reset);
    let result = request.run().await;
    let status = result
        .as_ref()
        .ok()
        .map(|response| response.status().as_u16());
    if status.is_none() {
        request.reset.set();
    }
    let took = request.at.elapsed();
    request.shared.record.update(request.number, |entry| {
        entry.status = status;
        entry.took = Some(took);
    });
    result
}

/// A request in the record that somebody works on: when the last lets go it is over.
pub(super) struct Entry {
    number: u64,
    met: Option<Met>,
    shared: Arc<Shared>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared
            .record
            .update(self.number, |entry| entry.over = true);
    }
}

struct Exchange {
    number: u64,
    at: Instant,
    entry: Arc<Entry>,
    watch: bool,
    fault: Option<Fault>,
    parts: hyper::http::request::Parts,
    body: Bytes,
    shared: Arc<Shared>,
    reset: Reset,
}

impl Exchange {
    fn new(
        parts: hyper::http::request::Parts,
        body: Bytes,
        shared: Arc<Shared>,
        reset: Reset,
    ) -> Exchange {
        let text =
            |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let at = Instant::now();
        let connection = parts.extensions.get::<ConnectionNumber>();
        let mut entry = Request {
            number: 0,
            connection: connection.map_or(0, |connection| connection.0),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
            at,
            took: None,
            upstream_status: None,
            status: None,
            fault: None,
            over: false,
            server_ended: false,
        };
        let met = fault::take(
            &mut shared.faults.lock().expect("no matcher panics"),
            &entry,
        );
        let (fault, met) = met.unzip();
        entry.fault = fault.as_ref().map(Fault::name);
        let watch = entry.is_watch();
        let number = shared.record.add(entry);
        Exchange {
            watch,
            number,
            entry: Arc::new(Entry {
                number,
                met,
                shared: shared.clone(),
            }),
            at,
            fault,
            parts,
            body,
            shared,
            reset,
        }
    }

    async fn run(&self) -> io::Result<Response<Body>> {
        self.shared.until_thawed().await;
        let response = match &self.fault {
            None => self.forward(self.body.clone()).await,
            Some(Fault::Alter(change)) => {
                let mut object = serde_json::from_slice(&self.body).map_err(io::Error::other)?;
                change(&mut object);
                self.forward(object.to_string().into()).await
            }
            Some(Fault::Echo) => {
                let body = String::from_utf8_lossy(&self.body);
                respond(200, &[], &body)
            }
            Some(Fault::Refuse) => Err(io::ErrorKind::ConnectionReset.into()),
            Some(Fault::Hang) => self.hang().await,
            Some(Fault::Respond {
                status,
                headers,
                body,
            }) => respond(*status, headers, body),
            Some(Fault::Delay(time)) => {
                sleep(*time).await;
                self.forward(self.body.clone()).await
            }
            Some(Fault::Late(time)) => {
                let (time, late) = (*time, self.sending(self.body.clone()));
                let task = tokio::spawn(async move {
                    sleep(time).await;
                    late.await
                });
                task.await.map_err(io::Error::other)?
            }
            Some(Fault::HeldBack(latch)) => {
                latch.opened().await;
                self.forward(self.body.clone()).await
            }
            Some(Fault::DelayReply(time)) => {
                let response = self.forward(self.body.clone()).await;
                sleep(*time).await;
                response
            }
            Some(Fault::DropReply) => {
                self.forward(self.body.clone()).await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(Fault::HangAfterCommit) => {
                self.forward(self.body.clone()).await?;
                self.hang().await
            }
            Some(Fault::Twice(time)) => {
                let response = self.forward(self.body.clone()).await;
                let (time, again) = (*time, self.again());
                tokio::spawn(async move {
                    sleep(time).await;
                    // What becomes of it is the server's to say.
                    let _ = again.await;
                });
                response
            }
            Some(Fault::Redate(seconds)) => {
                let mut response = self.forward(self.body.clone()).await?;
                reply::redate(response.headers_mut(), *seconds);
                Ok(response)
            }
            Some(Fault::Truncate) => {
                let response = self.forward(self.body.clone()).await?;
                reply::broken(
                    response,
                    Break::Close,
                    self.reset.clone(),
                    self.entry.clone(),
                )
                .await
            }
            Some(Fault::Break) => {
                let response = self.forward(self.body.clone()).await?;
                reply::broken(
                    response,
                    Break::Reset,
                    self.reset.clone(),
                    self.entry.clone(),
                )
                .await
            }
            Some(Fault::Trickle(time)) => {
                let response = self.forward(self.body.clone()).await?;
                reply::trickling(response, *time, self.entry.clone()).await
            }
            Some(Fault::RespondAfterCommit {
                status,
                headers,
                body,
            }) => {
                self.forward(self.body.clone()).await?;
                respond(*status, headers, body)
            }
        };
        // Frozen while the server worked: the answer waits too.
        self.shared.until_thawed().await;
        response
    }

    /// Never answers; resets the connection once the fault is to let go.
    async fn hang(&self) -> io::Result<Response<Body>> {
        match &self.entry.met {
            Some(met) => met.let_go().await,
            None => pending().await,
        }
        Err(io::ErrorKind::ConnectionReset.into())
    }

    /// Sends it once more, for nobody to hear the answer; under way until then.
    fn again(&self) -> impl Future<Output = io::Result<()>> + use<> {
        let (shared, reset) = (self.shared.clone(), self.reset.clone());
        let (request, entry) = (self.upstream(self.body.clone()), self.entry.clone());
        async move {
            exchange(&shared, request?, None, reset).await?;
            drop(entry);
            Ok(())
        }
    }

    /// Sends it to the server in a task of its own: once sent, it is carried out even when the client goes away.
    async fn forward(&self, body: Bytes) -> io::Result<Response<Body>> {
        let task = tokio::spawn(self.sending(body));
        task.await.map_err(io::Error::other)?
    }

    /// Sends it to the server, for a task of its own.
    fn sending(&self, body: Bytes) -> impl Future<Output = io::Result<Response<Body>>> + use<> {
        let request = self.upstream(body);
        let (shared, number, watch) = (self.shared.clone(), self.number, self.watch);
        let (reset, under_way) = (self.reset.clone(), self.entry.clone());
        async move {
            let response = exchange(&shared, request?, watch.then_some(number), reset).await;
            shared.record.update(number, |entry| match &response {
                Ok(response) => entry.upstream_status = Some(response.status().as_u16()),
                Err(_) => entry.fault = entry.fault.or(Some("Unreachable")),
            });
            drop(under_way);
            response
        }
    }

    /// The request as the server gets it.
    fn upstream(&self, body: Bytes) -> io::Result<hyper::Request<Full<Bytes>>> {
        let mut request = hyper::Request::from_parts(self.parts.clone(), Full::new(body));
        let authority = self
            .shared
            .upstream
            .authority
            .parse()
            .map_err(io::Error::other)?;
        request.headers_mut().insert(header::HOST, authority);
        request.headers_mut().remove(header::CONNECTION);
        request.headers_mut().remove(header::CONTENT_LENGTH);
        request.headers_mut().remove(header::TRANSFER_ENCODING);
        Ok(request)
    }
}

/// On a connection of its own: a proxy that keeps them would add failures of its own when the server restarts. `watch` is the
/// number of one.
async fn exchange(
    shared: &Arc<Shared>,
    request: hyper::Request<Full<Bytes>>,
    watch: Option<u64>,
    reset: Reset,
) -> io::Result<Response<Body>> {
    let mut sender = shared.upstream.connect().await?;
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONNECTION);
    parts.headers.remove(header::TRANSFER_ENCODING);
    if let Some(number) = watch.filter(|_| parts.status.is_success()) {
        let body = stream::pass(body, number, shared.clone(), reset);
        return Ok(Response::from_parts(parts, body));
    }
    let whole = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(parts, full(whole)))
}

fn respond(status: u16, headers: &[(String, String)], body: &str) -> io::Result<Response<Body>> {
    let mut response = Response::new(full(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let content_type = ("content-type".to_owned(), "application/json".to_owned());
    for (name, value) in std::iter::once(&content_type).chain(headers) {
        let name = header::HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
        response
            .headers_mut()
            .insert(name, value.parse().map_err(io::Error::other)?);
    }
    Ok(response)
}

pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
