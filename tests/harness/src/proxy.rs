//! A fault proxy: HTTP/1.1 on loopback, with TLS and without on one port, in front of either server, with faults that a test programs.

mod fault;
mod front;
mod record;
mod reply;
mod serve;
mod stream;
mod tally;
mod tls;

pub use fault::{Fault, Latch, Match};
pub use record::Request;
pub use tally::Active;

use crate::access::User;
use crate::api::Api;
use crate::cluster::Cluster;
use crate::endpoint::Endpoint;
use crate::ports::free_port;
use crate::runtime::{block_on, runtime};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fault::Programmed;
use record::Record;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Long beyond any `fork` and `exec`, on any machine.
const PORT_LIMIT: Duration = Duration::from_secs(20);
const PORT_POLL: Duration = Duration::from_millis(1);

/// What can be switched while requests are under way. Counters: a task compares with what it saw at its start.
#[derive(Clone, Copy, Default)]
struct Switches {
    frozen: bool,
    watches_paused: bool,
    resets: u64,
    watch_cuts: u64,
    watch_ends: u64,
    watch_replays: u64,
}

/// What is counted beside the record.
#[derive(Default)]
struct Counts {
    watches: AtomicUsize,
    replayed: AtomicU64,
}

struct Shared {
    upstream: Endpoint,
    record: Record,
    faults: Mutex<Vec<Programmed>>,
    switches: watch::Sender<Switches>,
    counts: Counts,
    connections: Mutex<Vec<JoinHandle<()>>>,
    accepted: AtomicU64,
}

/// A running proxy; its address stays the same while it is down. Dropping it resets every connection.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Mutex<Option<JoinHandle<()>>>,
    _cluster: Cluster,
}

impl Proxy {
    /// A proxy in front of `cluster`, which lives at least as long.
    ///
    /// # Panics
    ///
    /// When no loopback port can be bound.
    pub fn to(cluster: &Cluster) -> Proxy {
        let shared = Arc::new(Shared {
            upstream: cluster.endpoint(),
            record: Record::default(),
            faults: Mutex::default(),
            switches: watch::Sender::default(),
            counts: Counts::default(),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
        });
        let (port, listener) = (0..10)
            .find_map(|_| {
                let port = free_port();
                Some((port, bind(port).ok()?))
            })
            .expect("one of ten free ports can be bound");
        let task = runtime().spawn(front::accept(listener, shared.clone()));
        Proxy {
            port,
            shared,
            listener: Mutex::new(Some(task)),
            _cluster: cluster.clone(),
        }
    }

    /// `https://127.0.0.1:port`: over plain HTTP no client sends its credentials.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:port`, of the same port.
    pub fn plain_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The authority of every proxy's certificate.
    pub fn ca_pem() -> &'static str {
        &tls::tls().ca_pem
    }

    /// The cluster's entry of a kubeconfig.
    pub fn cluster_entry(&self) -> Value {
        json!({
            "server": self.url(),
            "certificate-authority-data": BASE64_STANDARD.encode(Proxy::ca_pem()),
        })
    }

    /// Requests through the proxy as `user`.
    pub fn api(&self, user: &User) -> Api {
        Api::new(Endpoint::new(&self.plain_url(), None), &user.token)
    }

    /// Applies `fault` to the next `times` requests that `matching` matches; `usize::MAX` for ever.
    ///
    /// Of several programmed faults the first that matches is used.
    pub fn fault(&self, matching: Match, fault: Fault, times: usize) {
        self.program(matching, fault, times);
    }

    /// The same, for who wants to know what it met, and to withdraw it alone.
    pub fn program(&self, matching: Match, fault: Fault, times: usize) -> Active {
        let active = Active::new();
        self.programmed().push(Programmed {
            matching,
            fault,
            times,
            active: active.clone(),
        });
        active
    }

    /// Forgets the faults that have not been used up.
    pub fn clear_faults(&self) {
        self.programmed().clear();
    }

    /// Every request since the start or the last [`Proxy::clear`], in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.all()
    }

    /// Takes the requests that are over out of the record, in order of arrival: so that it stays small for hours.
    pub fn drain(&self) -> Vec<Request> {
        self.shared.record.drain()
    }

    /// How many requests have come since the start.
    pub fn arrived(&self) -> u64 {
        self.shared.record.count().0
    }

    /// How many requests are under way; a watch only until it has begun.
    pub fn under_way(&self) -> usize {
        self.shared.record.count().1
    }

    /// How many connections clients have open.
    pub fn connections(&self) -> usize {
        let connections = self.shared.connections();
        let open = connections.iter().filter(|task| !task.is_finished());
        open.count()
    }

    /// Waits until the first `arrived` requests are over; returns whether they are within `timeout`.
    pub fn wait_over(&self, arrived: u64, timeout: Duration) -> bool {
        self.shared.record.wait_over(arrived, |_| true, timeout)
    }

    /// The same, without those that have met a programmed fault.
    pub fn wait_over_unharmed(&self, arrived: u64, timeout: Duration) -> bool {
        let unharmed = |request: &Request| request.fault.is_none();
        self.shared.record.wait_over(arrived, unharmed, timeout)
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.shared.record.clear();
    }

    /// Waits until the requests are as `wanted`, looking at each change, and returns them.
    ///
    /// # Panics
    ///
    /// When they are not within `timeout`: with the requests there were.
    #[track_caller]
    pub fn wait_for(&self, wanted: impl Fn(&[Request]) -> bool, timeout: Duration) -> Vec<Request> {
        match self.shared.record.wait_for(wanted, timeout) {
            Ok(requests) => requests,
            Err(requests) => panic!(
                "not seen by the proxy within {timeout:?}; requests:\n{}",
                record::show(&requests)
            ),
        }
    }

    /// Resets every connection and refuses new ones until [`Proxy::up`]. Done when this returns.
    pub fn down(&self) {
        if let Some(task) = self.listener().take() {
            task.abort();
            let _ = block_on(task);
        }
        self.reset_connections();
    }

    /// Listens again on the same port.
    ///
    /// A process that another test starts has the old listener until its `exec`: the port is tried until it is free.
    ///
    /// # Panics
    ///
    /// When something else keeps the port.
    pub fn up(&self) {
        let mut listener = self.listener();
        if listener.is_none() {
            let bound = bind_in_time(self.port);
            *listener = Some(runtime().spawn(front::accept(bound, self.shared.clone())));
        }
    }

    /// Resets the open connections, watches included; new ones are served.
    pub fn reset_connections(&self) {
        self.switch(|switches| switches.resets += 1);
        let connections = std::mem::take(&mut *self.shared.connections());
        block_on(async {
            for connection in connections {
                let _ = connection.await;
            }
        });
    }

    /// Accepts connections and requests and sends nothing at all, watches included, until [`Proxy::thaw`]. Requests
    /// whose client is still there are forwarded then.
    pub fn freeze(&self) {
        self.switch(|switches| switches.frozen = true);
    }

    /// Ends [`Proxy::freeze`].
    pub fn thaw(&self) {
        self.switch(|switches| switches.frozen = false);
    }

    /// Watches, present and new, stay open and say nothing from now on; the rest is served.
    pub fn pause_watches(&self) {
        self.switch(|switches| switches.watches_paused = true);
    }

    /// Ends [`Proxy::pause_watches`]: they say what they would have said.
    pub fn resume_watches(&self) {
        self.switch(|switches| switches.watches_paused = false);
    }

    /// The open watches tell their last events again, at most 16 each.
    pub fn replay_watches(&self) {
        self.switch(|switches| switches.watch_replays += 1);
    }

    /// How many watches are open.
    pub fn watches(&self) -> usize {
        self.shared.counts.watches.load(Ordering::SeqCst)
    }

    /// How many events have been told again.
    pub fn replayed(&self) -> u64 {
        self.shared.counts.replayed.load(Ordering::SeqCst)
    }

    /// Breaks off the open watches: the connection is reset in mid-body.
    pub fn cut_watches(&self) {
        self.switch(|switches| switches.watch_cuts += 1);
    }

    /// Ends the open watches as a server does after `timeoutSeconds`: the body is complete.
    pub fn end_watches(&self) {
        self.switch(|switches| switches.watch_ends += 1);
    }

    fn switch(&self, change: impl FnOnce(&mut Switches)) {
        self.shared.switches.send_modify(change);
    }

    fn programmed(&self) -> std::sync::MutexGuard<'_, Vec<Programmed>> {
        self.shared.faults.lock().expect("no matcher panics")
    }

    /// Also after a panic of [`Proxy::up`], so that it is the only one.
    fn listener(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.down();
    }
}

impl Shared {
    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.connections
            .lock()
            .expect("no panics while the list changes")
    }

    async fn until_thawed(&self) {
        self.until(|switches| !switches.frozen).await;
    }

    async fn until(&self, wanted: impl FnMut(&Switches) -> bool) {
        let mut switches = self.switches.subscribe();
        // The sender lives as long as the connections that ask.
        let _ = switches.wait_for(wanted).await;
    }
}

fn bind_in_time(port: u16) -> TcpListener {
    let deadline = Instant::now() + PORT_LIMIT;
    loop {
        match bind(port) {
            Ok(listener) => return listener,
            Err(error) if Instant::now() > deadline => panic!("127.0.0.1:{port}: {error}"),
            Err(_) => std::thread::sleep(PORT_POLL),
        }
    }
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
}
