//! How far a request has got, for what is said about one that is not over in time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use kube::client::Body;
use tower::Service;

use crate::clock::{Clock, Instant, SystemClock};

tokio::task_local! {
    static CURRENT: RequestProgress;
}

/// Where a request is on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// There is nothing to send it with yet: the credentials are on their way.
    #[default]
    Credentials,
    /// The host's name is being looked up.
    Name(String),
    /// A TCP connection to the host, the server or the proxy, is coming up.
    Connecting,
    /// The proxy has been asked to connect to the server.
    Proxy,
    /// The server has been reached, and TLS is being agreed on.
    Handshake,
    /// A connection is there, or nothing is known about it.
    Connected,
}

/// How far one request has got. Clones are about the same request.
#[derive(Clone, Default)]
pub struct RequestProgress(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stage: Stage,
    /// Since when it waits for credentials.
    asking: Option<Instant>,
    /// How long it waited for them before.
    asked: Duration,
    sent: bool,
    dialled: Option<String>,
    /// What to do once the connection is there, TLS and all.
    then: Option<Box<dyn FnOnce() + Send>>,
}

impl State {
    fn asked_until(&self, now: Instant) -> Duration {
        let running = self.asking.map_or(Duration::ZERO, |since| now.since(since));
        self.asked + running
    }
}

impl RequestProgress {
    /// That of the request whose future is being polled.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a future as this request's.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// It begins, for the first time or anew.
    pub fn begin(&self) {
        let now = SystemClock.now();
        let mut state = self.state();
        let asked = state.asked_until(now);
        *state = State {
            asking: Some(now),
            asked,
            ..State::default()
        };
    }

    /// How long it has waited for credentials, all its beginnings together.
    pub fn asked(&self) -> Duration {
        self.state().asked_until(SystemClock.now())
    }

    /// It has come to here.
    pub fn reach(&self, stage: Stage) {
        let then = {
            let mut state = self.state();
            state.stage = stage;
            if state.stage != Stage::Credentials {
                state.asked = state.asked_until(SystemClock.now());
                state.asking = None;
            }
            match state.stage {
                Stage::Connected => state.then.take(),
                Stage::Credentials
                | Stage::Name(_)
                | Stage::Connecting
                | Stage::Proxy
                | Stage::Handshake => None,
            }
        };
        if let Some(then) = then {
            then();
        }
    }

    /// To be done when the connection is there, TLS and all.
    pub fn when_connected(&self, then: impl FnOnce() + Send + 'static) {
        self.state().then = Some(Box::new(then));
    }

    /// Where it is; `None` once the body of a write was handed to a connection, from when on it may have arrived.
    pub fn before_sending(&self) -> Option<Stage> {
        let state = self.state();
        (!state.sent).then(|| state.stage.clone())
    }

    /// There is no connection to the host, in words: hyper-util's SOCKS keeps why to itself.
    pub fn note_failure(&self, why: String) {
        self.state().dialled = Some(why);
    }

    /// Why there is no connection to the host.
    pub fn failure(&self) -> Option<String> {
        self.state().dialled.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A connector that notes how far a connection is once it is through with it.
#[derive(Clone)]
pub struct Reaching<C> {
    connector: C,
    stage: Stage,
}

/// The same connector, beyond which lies `stage`.
pub fn reaching<C>(connector: C, stage: Stage) -> Reaching<C> {
    Reaching { connector, stage }
}

impl<C> Service<Uri> for Reaching<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: 'static,
    C::Error: 'static,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (progress, stage) = (RequestProgress::current(), self.stage.clone());
        let connecting = self.connector.call(to);
        Box::pin(async move {
            let connected = connecting.await;
            if connected.is_ok() {
                progress.reach(stage);
            }
            connected
        })
    }
}

/// The body of a request that notes when it is sent. hyper asks for the body before it flushes the head, so that no
/// request can have arrived whole that was not noted. A request without a body only reads.
pub struct Noted {
    body: Body,
    progress: RequestProgress,
}

impl Noted {
    /// `body`, of the request that `progress` is about.
    pub fn new(body: Body, progress: RequestProgress) -> Self {
        Self { body, progress }
    }
}

impl HttpBody for Noted {
    type Data = Bytes;
    type Error = kube::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, kube::Error>>> {
        self.progress.state().sent = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
