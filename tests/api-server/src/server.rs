//! The server's handle: starts its thread, changes what it serves, stops it.

use std::{io, net::SocketAddr, sync::Arc, thread::JoinHandle};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    runtime,
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    clock::seconds,
    commit::Commit,
    http, kubeconfig,
    options::{Options, Rule, User},
    outage::Port,
    state::{Request, State},
    tls::Tls,
    uid,
};

/// How many threads serve its connections.
const WORKERS: usize = 4;

/// A running server. Dropping it closes every connection and ends its thread.
#[derive(Debug)]
pub struct ApiServer {
    state: Arc<State>,
    address: SocketAddr,
    ca_pem: Option<String>,
    runtime: runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ApiServer {
    /// Starts a server on a free port of 127.0.0.1. It answers when this returns.
    ///
    /// # Errors
    /// When loopback cannot be listened on, or a thread or certificate cannot be made.
    pub fn start(options: Options) -> io::Result<Self> {
        let tls = if options.tls {
            Some(Tls::generate()?)
        } else {
            None
        };
        let (acceptor, ca_pem) = tls.map(|tls| (tls.acceptor, tls.ca_pem)).unzip();
        let state = Arc::new(State::new(options));
        let port = Port::take()?;
        let address = port.address;
        // Of many that want a processor, one thread would get the share of one.
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("lease-api-server".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = live(port, acceptor, shared) => {}
                        _ = stopped => {}
                    }
                });
                // The runtime is dropped here, and every connection with it.
            })?;
        // From here on connections wait in the backlog until the thread accepts them.
        handle.block_on(state.outages.until_listening(true));
        Ok(Self {
            state,
            address,
            ca_pem,
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `https://127.0.0.1:<port>`, or `http://` without TLS.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate of the server's authority, if it serves TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The text of a kubeconfig for this user, complete in itself. A user who does not exist has an empty token.
    pub fn kubeconfig(&self, user: &str, namespace: &str) -> String {
        let token = self.token(user).unwrap_or_default();
        kubeconfig::text(&self.url(), self.ca_pem(), user, &token, namespace)
    }

    /// The bearer token of this user.
    pub fn token(&self, user: &str) -> Option<String> {
        self.state
            .lock()
            .users
            .iter()
            .find(|known| known.name == user)
            .map(|known| known.token.clone())
    }

    /// Adds a user, in place of one of the same name.
    pub fn add_user(&self, user: User) {
        let mut inner = self.state.lock();
        inner.users.retain(|known| known.name != user.name);
        inner.users.push(user);
    }

    /// Removes a user: requests with their token get 401.
    pub fn remove_user(&self, user: &str) {
        self.state.lock().users.retain(|known| known.name != user);
    }

    /// Gives a user other permissions. Watches that are open go on, as on a real server.
    pub fn set_rules(&self, user: &str, rules: Vec<Rule>) {
        let mut inner = self.state.lock();
        inner
            .users
            .iter_mut()
            .filter(|known| known.name == user)
            .for_each(|known| known.rules.clone_from(&rules));
    }

    /// Gives a user another token: the old one gets 401.
    pub fn set_token(&self, user: &str, token: &str) {
        let mut inner = self.state.lock();
        inner
            .users
            .iter_mut()
            .filter(|known| known.name == user)
            .for_each(|known| known.token = token.into());
    }

    /// Adds a namespace.
    pub fn add_namespace(&self, name: &str) {
        self.state.change(|inner| inner.add_namespace(name));
    }

    /// Every request that was answered since the start or the last [`clear_requests`](Self::clear_requests), in the
    /// order of the answers. A watch counts when it begins.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.state.lock().requests.clear();
    }

    /// Stores a Lease as it is, in place of one of the same name; no rule applies. Where absent, its namespace is
    /// `default`, and uid, resourceVersion and creationTimestamp are filled in; managedFields stay as given. A
    /// resourceVersion that is not ahead of the server's is replaced by the next one. Returns what was stored.
    pub fn seed(&self, mut lease: Value) -> Value {
        self.state.write(None, |inner| {
            let text = |field: &str| lease["metadata"][field].as_str().map(str::to_owned);
            let (name, namespace) = (text("name").unwrap_or_default(), text("namespace"));
            let namespace = namespace.unwrap_or_else(|| "default".to_owned());
            let wanted = text("resourceVersion").and_then(|version| version.parse().ok());
            let ahead = wanted.and_then(|version| inner.store.advance_to(version));
            let revision = ahead.unwrap_or_else(|| inner.store.advance()).to_string();
            let (uid, created) = (uid::fresh(), seconds(inner.clock.now()));
            fill(&mut lease, "apiVersion", "coordination.k8s.io/v1".into());
            fill(&mut lease, "kind", "Lease".into());
            fill(&mut lease, "spec", json!({}));
            fill(
                &mut lease["metadata"],
                "namespace",
                namespace.clone().into(),
            );
            fill(&mut lease["metadata"], "uid", uid.into());
            fill(&mut lease["metadata"], "creationTimestamp", created.into());
            lease["metadata"]["resourceVersion"] = revision.into();
            inner.store.put((namespace, name), Arc::new(lease.clone()));
            lease
        })
    }

    /// A Lease as it is stored now.
    pub fn lease(&self, namespace: &str, name: &str) -> Option<Value> {
        self.state
            .lock()
            .store
            .get(&(namespace.to_owned(), name.to_owned()))
            .map(|lease| (**lease).clone())
    }

    /// Sets the server's clock to the real one plus this.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        self.state.set_clock_offset(offset);
    }

    /// Is of this minor version of Kubernetes 1 from now on, as after an upgrade or a downgrade. What is stored stays, and
    /// so does what was switched by the options.
    pub fn become_kubernetes(&self, minor: u32) {
        self.state.become_version((1, minor));
    }

    /// Every write of a Lease that was stored since the start, in the order of their resourceVersions.
    pub fn commits(&self) -> Vec<Commit> {
        self.state.lock().commits.clone()
    }

    /// Ends every connection and refuses new ones until [`up`](Self::up), as if the server had been killed. What it has
    /// stored stays. Done when this returns; not to be called in an asynchronous task.
    pub fn down(&self) {
        self.state.outages.change(|outage| {
            outage.down = true;
            outage.lives += 1;
        });
        self.runtime
            .block_on(self.state.outages.until_listening(false));
    }

    /// Listens again at the same address.
    pub fn up(&self) {
        self.state.outages.change(|outage| outage.down = false);
        self.runtime
            .block_on(self.state.outages.until_listening(true));
    }

    /// Reads requests and answers none until [`resume`](Self::resume), but for those about the server itself: its storage
    /// does not answer. They are carried out then, also those whose client has gone.
    pub fn pause(&self) {
        self.state.outages.change(|outage| outage.paused = true);
    }

    /// How many requests wait for [`resume`](Self::resume).
    pub fn waiting(&self) -> usize {
        self.state.outages.waiting()
    }

    /// Ends [`pause`](Self::pause).
    pub fn resume(&self) {
        self.state.outages.change(|outage| outage.paused = false);
    }

    /// Forgets the history: watches and pages from resourceVersions before this moment get 410 Gone. Watches that are
    /// open have seen everything and go on.
    pub fn compact(&self) {
        self.state.change(|inner| inner.store.compact());
    }
}

fn fill(object: &mut Value, field: &str, value: Value) {
    if object[field].is_null() {
        object[field] = value;
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // Fails only when the thread has ended already.
        let _ended = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Listens, but not while it is down.
async fn live(port: Port, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    loop {
        state.outages.until(|outage| !outage.down).await;
        let life = state.outages.now().lives;
        let listener = port.listen().await;
        state.outages.set_listening(true);
        tokio::select! {
            () = accept(&listener, acceptor.as_ref(), &state, life) => {}
            () = state.outages.until(|outage| outage.down) => {}
        }
        drop(listener);
        state.outages.set_listening(false);
    }
}

async fn accept(
    listener: &TcpListener,
    acceptor: Option<&TlsAcceptor>,
    state: &Arc<State>,
    life: u64,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Without this, answers wait 40 ms for the client's delayed acknowledgement.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let (acceptor, state) = (acceptor.cloned(), Arc::clone(state));
        tokio::spawn(async move {
            tokio::select! {
                () = encrypted(stream, acceptor, Arc::clone(&state)) => {}
                () = state.outages.until(|outage| outage.lives != life) => {}
            }
        });
    }
}

async fn encrypted(stream: TcpStream, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    match acceptor {
        None => connection(stream, state).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => connection(stream, state).await,
            Err(_no_tls) => {}
        },
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let service = service_fn(move |request| http::serve(Arc::clone(&state), request));
    let served = http1::Builder::new()
        .auto_date_header(false)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // A client that goes away in the middle is its own business.
    let _gone = served;
}
