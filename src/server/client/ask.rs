//! A request before it is sent, which may be asked twice.

use http::{Method, Request, header};
use kube::client::Body;

use super::USER_AGENT;
use crate::lease::api::{ConnectFailure, Fault, TransportError};
use crate::server::Lasting;
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

    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        self.method != Method::GET
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
            request = request.extension(Lasting);
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

/// The second answer. A write that a server has refused (`wrote`) and that was not sent again may have been carried out: something on the
/// way may have sent the first twice.
pub fn answered<T>(second: Result<T, Fault>, wrote: bool) -> Result<T, Fault> {
    second.map_err(|fault| match fault {
        Fault::NotSent(why) if wrote => Fault::Unknown(Fault::NotSent(why).to_string()),
        fault => fault,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_cannot_be_sent_again_leaves_its_outcome_open_and_nothing_else_does() {
        let refused = || {
            Fault::NotSent(TransportError::Refused {
                server: "https://api:6443".to_owned(),
            })
        };
        let write = answered::<()>(Err(refused()), true).expect_err("not sent");
        assert!(
            write.leaves_outcome_open() && write.is_transient(),
            "{write}"
        );
        assert_eq!(write.to_string(), refused().to_string());
        // A read, or what has not reached any server, is tried again as if for the first time.
        assert_eq!(answered::<()>(Err(refused()), false), Err(refused()));
        assert_eq!(answered(Ok(1), true), Ok(1));
    }
}
