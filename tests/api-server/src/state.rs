//! What the server's thread and its handle share: the store, the users, the clock and the record of requests.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use jiff::SignedDuration;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    clock::Clock, clock::seconds, commit::Commit, differences::Behaviour, differences::Difference,
    http::Call, options::Options, options::User, outage::Outages, store::Namespace, store::Store,
    uid,
};

/// A request that the server answered.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as it was sent; empty if there was none.
    pub query: String,
    /// Who authenticated; the impersonated user where there was one. `None`: nobody.
    pub user: Option<String>,
    /// The User-Agent header, or "".
    pub user_agent: String,
    /// The JSON body, or `Null`.
    pub body: Value,
    /// The status code of the answer.
    pub status: u16,
    /// When the request arrived, on the monotonic clock.
    pub at: Instant,
}

/// Shared by every connection.
#[derive(Debug)]
pub(crate) struct State {
    /// What its version does. It changes where the server is upgraded.
    behaviour: RwLock<Behaviour>,
    pub version_told: Option<Value>,
    pub date_header: bool,
    pub date_offset: SignedDuration,
    pub refuse_dry_run: Option<u16>,
    inner: Mutex<Inner>,
    /// Wakes the watch streams.
    pub changes: watch::Sender<()>,
    pub outages: Outages,
    calls: AtomicU64,
}

/// What changes while the server runs.
#[derive(Debug)]
pub(crate) struct Inner {
    pub store: Store,
    pub users: Vec<User>,
    pub clock: Clock,
    pub requests: Vec<Request>,
    pub commits: Vec<Commit>,
}

impl State {
    pub fn new(options: Options) -> Self {
        let mut inner = Inner {
            store: Store::new(),
            users: options.users,
            clock: Clock {
                offset: options.clock_offset,
            },
            requests: Vec::new(),
            commits: Vec::new(),
        };
        for name in &options.namespaces {
            inner.add_namespace(name);
        }
        Self {
            behaviour: RwLock::new(Behaviour {
                version: options.version,
                switched: options.switched,
            }),
            version_told: options.version_told,
            date_header: options.date_header,
            date_offset: options.date_offset,
            refuse_dry_run: options.refuse_dry_run,
            inner: Mutex::new(inner),
            changes: watch::Sender::new(()),
            outages: Outages::new(),
            calls: AtomicU64::new(0),
        }
    }

    /// The changing part. A test that panicked with the lock held must not take the server down with it.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server does as of now.
    pub fn behaviour(&self) -> Behaviour {
        let behaviour = self.behaviour.read();
        behaviour.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn does(&self, difference: Difference) -> bool {
        let behaviour = self.behaviour.read();
        behaviour
            .unwrap_or_else(PoisonError::into_inner)
            .does(difference)
    }

    /// From now on the server is of this version.
    pub fn become_version(&self, version: (u32, u32)) {
        let behaviour = self.behaviour.write();
        behaviour.unwrap_or_else(PoisonError::into_inner).version = version;
    }

    /// A number for a request, no other's.
    pub fn number(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes Leases as this request asks for, or without one as the handle does: what is stored is logged.
    pub fn write<T>(&self, call: Option<&Call>, change: impl FnOnce(&mut Inner) -> T) -> T {
        self.change(|inner| {
            let revision = inner.store.revision();
            let result = change(inner);
            inner.log_after(revision, call);
            result
        })
    }

    /// Changes something and wakes the watches.
    pub fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.lock());
        self.changes.send_replace(());
        result
    }

    pub fn set_clock_offset(&self, offset: SignedDuration) {
        self.lock().clock.offset = offset;
    }
}

impl Inner {
    pub fn add_namespace(&mut self, name: &str) {
        let created = seconds(self.clock.now());
        let revision = self.store.advance();
        let namespaces: &mut BTreeMap<_, _> = &mut self.store.namespaces;
        namespaces
            .entry(name.to_owned())
            .or_insert_with(|| Namespace {
                uid: uid::fresh(),
                revision,
                created,
            });
    }
}
