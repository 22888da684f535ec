//! A blocking JSON client for tests' own requests, with one user's token.

use crate::endpoint::{Endpoint, Sender};
use crate::runtime::block_on;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Response, header};
use serde_json::Value;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::time::{timeout, timeout_at};

/// Far more than a loopback server needs.
const LIMIT: Duration = Duration::from_secs(20);

/// What a server said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` when it was empty, a string when it was not JSON.
    pub body: Value,
}

/// A client of one server as one user.
pub struct Api {
    endpoint: Endpoint,
    token: String,
    idle: Mutex<Vec<Sender>>,
}

impl Api {
    pub(crate) fn new(endpoint: Endpoint, token: &str) -> Api {
        Api {
            endpoint,
            token: token.to_owned(),
            idle: Mutex::default(),
        }
    }

    /// One request and its answer, whatever the status.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, or does not answer within 20 seconds.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        block_on(async {
            let exchange = async {
                let (response, sender) = self.send(method, path, body).await?;
                let status = response.status().as_u16();
                let bytes = response
                    .into_body()
                    .collect()
                    .await
                    .map_err(io::Error::other)?
                    .to_bytes();
                self.idle
                    .lock()
                    .expect("no panics while pooling")
                    .push(sender);
                Ok(Answer {
                    status,
                    body: parse(&bytes),
                })
            };
            timeout(LIMIT, exchange).await.map_err(io::Error::from)?
        })
    }

    /// Follows a watch until `seen` returns true for an event, the stream ends or `deadline` passes.
    ///
    /// # Errors
    ///
    /// When the watch cannot be started, breaks or is still open at the deadline ([`io::ErrorKind::TimedOut`]).
    pub(crate) fn follow(
        &self,
        path: &str,
        deadline: Instant,
        seen: impl FnMut(&Value) -> bool,
    ) -> io::Result<()> {
        self.follow_call("GET", path, None, deadline, seen)
    }

    /// Reads an answer that comes in lines, as [`Api::follow`] does.
    ///
    /// # Errors
    ///
    /// The same.
    pub(crate) fn follow_call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        deadline: Instant,
        mut seen: impl FnMut(&Value) -> bool,
    ) -> io::Result<()> {
        let watch = async {
            let (response, _sender) = self.send(method, path, body).await?;
            let mut body = response.into_body();
            // A line of etcd's can have megabytes.
            let (mut pending, mut searched) = (Vec::new(), 0);
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(io::Error::other)?;
                pending.extend_from_slice(frame.data_ref().map_or(&[][..], |bytes| bytes));
                while let Some(end) = pending[searched..].iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = pending.drain(..=searched + end).collect();
                    searched = 0;
                    if seen(&parse(&line)) {
                        return Ok(());
                    }
                }
                searched = pending.len();
            }
            Ok(())
        };
        block_on(async {
            timeout_at(deadline.into(), watch)
                .await
                .map_err(io::Error::from)?
        })
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<(Response<Incoming>, Sender)> {
        let mut request = self.request(method, path, body)?;
        // A pooled connection may have been closed since; hyper hands back a request that it did not send.
        while let Some(mut sender) = self.pooled() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut unsent) => match unsent.take_message() {
                    Some(message) => request = message,
                    None => return Err(io::Error::other(unsent.into_error())),
                },
            }
        }
        let mut sender = self.endpoint.connect().await?;
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        Ok((response, sender))
    }

    fn pooled(&self) -> Option<Sender> {
        self.idle.lock().expect("no panics while pooling").pop()
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<hyper::Request<Full<Bytes>>> {
        // A PATCH is a merge patch.
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let bytes = body.map(|value| value.to_string()).unwrap_or_default();
        let mut request = hyper::Request::builder();
        // etcd refuses a token that it does not know, an empty one too.
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        request
            .method(Method::from_bytes(method.as_bytes()).map_err(io::Error::other)?)
            .uri(path)
            .header(header::HOST, &self.endpoint.authority)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, kind)
            .header(header::USER_AGENT, "lease-harness")
            .body(Full::new(Bytes::from(bytes)))
            .map_err(io::Error::other)
    }
}

fn parse(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}
