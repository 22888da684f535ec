//! The log of committed writes: each write of a Lease that was stored, in order, with who asked for it. A real server
//! has its audit log for this.

use std::{sync::Arc, time::Instant};

use serde_json::Value;

use crate::{http::Call, state::Inner};

/// A write of a Lease that was stored; a try (`dryRun`) or a replace that changes nothing is none.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The resourceVersion that it was given; a deletion has one of its own, which no object carries.
    pub revision: u64,
    /// The Lease's namespace.
    pub namespace: String,
    /// The Lease's name.
    pub name: String,
    /// Who wrote it; none where the server's own handle did.
    pub user: Option<String>,
    /// `create`, `update`, `patch` or `delete`, as the request asked for; `seed` for the handle.
    pub verb: &'static str,
    /// When the request had been read, on the monotonic clock.
    pub received: Instant,
    /// When the answer was ready to be sent; none before.
    pub answered: Option<Instant>,
    /// The Lease before.
    pub before: Option<Arc<Value>>,
    /// The Lease as stored; none once it is deleted.
    pub after: Option<Arc<Value>>,
    /// Which request it came with.
    pub(crate) call: Option<u64>,
}

impl Inner {
    /// Takes down what was stored after this resourceVersion, which one request asked for, or the handle.
    pub fn log_after(&mut self, revision: u64, call: Option<&Call>) {
        let events = self.store.events_after(revision);
        let of_leases = events.filter(|event| event.storage.is_none());
        let commits = of_leases.map(|event| Commit {
            revision: event.revision,
            namespace: event.key.0.clone(),
            name: event.key.1.clone(),
            user: call.map(|call| call.user.name.clone()),
            verb: call.map_or("seed", |call| verb(&call.method)),
            received: call.map_or_else(Instant::now, |call| call.at),
            answered: None,
            before: event.before.clone(),
            after: event.after.clone(),
            call: call.map(|call| call.number),
        });
        self.commits.extend(commits);
    }

    /// Notes that the answer to this request is ready.
    pub fn log_answer(&mut self, number: u64) {
        let now = Instant::now();
        // A request's commits are among the last: as many as there are requests at once.
        let own = |commit: &&mut Commit| commit.call == Some(number);
        let last = self.commits.iter_mut().rev().take(RECENT);
        last.filter(own)
            .for_each(|commit| commit.answered = Some(now));
    }
}

/// More than requests are ever answered at once.
const RECENT: usize = 1000;

fn verb(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "update",
    }
}
