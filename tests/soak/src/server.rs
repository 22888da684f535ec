//! The server under the soak, with a user and a proxy for each contender, and what it has stored, write by write.

mod audit;
mod clocks;
mod committed;
mod sent;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lease_harness::{Api, Cluster, Namespace, PlaneOptions, Proxy, Rule, User};

use crate::history::{Commit, Sent};
use crate::time::At;
use clocks::Clocks;

/// What a contender may do: with Leases everything, and tell of it.
const LEASES: [&str; 7] = [
    "get", "list", "watch", "create", "update", "patch", "delete",
];
const EVENTS: [&str; 2] = ["create", "patch"];
/// For requests that are under way when the commits are asked for.
const SETTLES: Duration = Duration::from_secs(20);

/// What a contender has of its own.
struct Contender {
    user: User,
    proxy: Proxy,
    alone: Mutex<()>,
}

/// A server for one run, real or in-process; it ends with this, and all of its processes and files with it.
pub struct Server {
    contenders: Vec<Contender>,
    namespace: Namespace,
    clocks: Mutex<Clocks>,
    whole: Mutex<()>,
}

impl Server {
    /// A real kube-apiserver with its etcd where KUBEBUILDER_ASSETS says where they are, else the in-process one.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(contenders: u32) -> Server {
        let cluster = Cluster::private_with(PlaneOptions { history: true });
        let namespace = cluster.namespace();
        let rules = [Rule::leases(&LEASES), Rule::leases(&EVENTS).on(&["events"])];
        let contender = |_| Contender {
            user: namespace.user_with(&rules),
            proxy: Proxy::to(&cluster),
            alone: Mutex::new(()),
        };
        Server {
            contenders: (0..contenders).map(contender).collect(),
            clocks: Mutex::new(Clocks::new()),
            whole: Mutex::new(()),
            namespace,
        }
    }

    /// `kube-apiserver`, or `in-process`.
    pub fn name(&self) -> &'static str {
        match self.cluster().is_real() {
            true => "kube-apiserver",
            false => "in-process",
        }
    }

    /// The namespace of the leases, and of nothing else.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The user of a contender, nobody else's.
    ///
    /// # Panics
    ///
    /// When there are not so many.
    pub fn user(&self, contender: u32) -> &User {
        &self.contender(contender).user
    }

    /// The way of a contender to the server, nobody else's.
    ///
    /// # Panics
    ///
    /// When there are not so many.
    pub fn proxy(&self, contender: u32) -> &Proxy {
        &self.contender(contender).proxy
    }

    /// How many contenders there are.
    pub fn contenders(&self) -> u32 {
        u32::try_from(self.contenders.len()).unwrap_or(u32::MAX)
    }

    /// Straight to the server, as who may do everything.
    pub fn admin(&self) -> &Api {
        self.cluster().admin()
    }

    /// The requests that are over and were not told before, by arrival. To be called every few seconds: all that is kept
    /// in the meantime is what has happened since.
    pub fn drain(&self) -> Vec<Sent> {
        let mut clocks = self.clocks();
        clocks.look();
        if let Some(own) = self.cluster().api_server() {
            own.clear_requests();
        }
        let mut sent: Vec<Sent> = Vec::new();
        for (contender, own) in (0..).zip(&self.contenders) {
            let requests = own.proxy.drain().into_iter();
            let of_leases = requests.filter(|request| !sent::is_of_ticket(request));
            sent.extend(of_leases.map(|request| sent::sent(contender, request, &clocks)));
        }
        sent.sort_by_key(|sent| sent.at);
        sent
    }

    /// Every write of a Lease that the server has stored, by the order of its resourceVersions: what it says itself, and on
    /// a real one its storage too. At the end, when no fault is on.
    ///
    /// # Panics
    ///
    /// When the server's history cannot be read: without it there is nothing to judge.
    pub fn commits(&self) -> Vec<Commit> {
        let deadline = At::now() + SETTLES;
        for Contender { proxy, .. } in &self.contenders {
            // Who has not had an answer by then never gets one.
            proxy.wait_over(proxy.arrived(), deadline.since(At::now()));
        }
        let mut clocks = self.clocks();
        clocks.look();
        committed::commits(&self.namespace, &clocks).unwrap_or_else(|error| panic!("{error}"))
    }

    /// An instant of CLOCK_MONOTONIC, as the requests that are told have it.
    pub fn at(&self, instant: Instant) -> At {
        let mut clocks = self.clocks();
        clocks.look();
        clocks.of(instant)
    }

    /// The server as a test knows it.
    pub fn cluster(&self) -> &Cluster {
        self.namespace.cluster()
    }

    /// Held by who does something to the server as a whole.
    pub fn whole(&self) -> MutexGuard<'_, ()> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held by who does something to all of a contender's requests.
    pub fn alone(&self, contender: u32) -> MutexGuard<'_, ()> {
        let alone = self.contender(contender).alone.lock();
        alone.unwrap_or_else(PoisonError::into_inner)
    }

    fn contender(&self, contender: u32) -> &Contender {
        &self.contenders[contender as usize]
    }

    fn clocks(&self) -> MutexGuard<'_, Clocks> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
