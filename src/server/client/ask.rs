//! A request before it is sent, which may be asked twice.

use http::{Method, Request, header};
use kube::client::Body;

use super::USER_AGENT;
use crate::lease::api::{ConnectFailure, Fault, TransportError};
use crate::server::progress::RequestProgress;

/// What an answer is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One JSON object.
    Object,
    /// JSON objects as they come. Compressed, some servers send each as a gzip stream of its own.
    Events,
}

/// A request, and how far it has got.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    path: String,
    body: Vec<u8>,
    shape: Shape,
    /// How far it has got.
    pub progress: RequestProgress,
}

impl Ask {
    /// One that was not sent yet.
    pub fn new(method: Method, path: &str, body: Vec<u8>, shape: Shape) -> Self {
        Self {
            method,
            path: path.to_owned(),
            body,
            shape,
            progress: RequestProgress::default(),
        }
    }

    /// As it is sent.
    pub fn request(self) -> Result<Request<Body>, Fault> {
        let content = match self.method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let mut request = Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, content);
        if self.shape == Shape::Events {
            request = request.header(header::ACCEPT_ENCODING, "identity");
        }
        let request = request.extension(self.progress);
        request.body(Body::from(self.body)).map_err(|error| {
            Fault::NotSent(TransportError::Connect {
                server: self.path,
                detail: error.to_string(),
                why: ConnectFailure::Other,
            })
        })
    }
}
