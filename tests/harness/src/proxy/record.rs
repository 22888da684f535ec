//! The proxy's record of requests, which tests can wait on.

use serde_json::Value;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// A request as it came, and what became of it so far.
#[derive(Debug, Clone)]
pub struct Request {
    /// Counts from 1 over the proxy's life.
    pub number: u64,
    /// Over which connection it came; that counts from 1, too.
    pub connection: u64,
    /// `GET`, `PUT`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Without the question mark; empty when there is none.
    pub query: String,
    /// In order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// As sent.
    pub body: String,
    /// When it was read completely, by the monotonic clock.
    pub at: Instant,
    /// From then until its answer was handed to the client, or the connection reset. A watch: until its first byte.
    pub took: Option<Duration>,
    /// The status that the server gave.
    pub upstream_status: Option<u16>,
    /// The status that the client was given.
    pub status: Option<u16>,
    /// The name of the fault that it met, such as `DropReply`; `Unreachable` when the server could not be reached.
    pub fault: Option<&'static str>,
    /// Nothing more will be known of it: it was answered or its connection is gone, and the server is done with it.
    pub over: bool,
    /// A watch that the server ended while the client was still there: a busy kube-apiserver does so with those that do not take
    /// its events at once ("Forcing watcher close due to unresponsiveness" in its log), and none is asked.
    pub server_ended: bool,
}

/// Of the label that names a queue, as it is in an address.
const QUEUE_LABEL: &str = "queue%2Dof";

impl Request {
    /// Whether it asks for a watch.
    pub fn is_watch(&self) -> bool {
        let parameters = self.query.split('&');
        parameters
            .into_iter()
            .any(|parameter| matches!(parameter, "watch" | "watch=1" | "watch=true" | "watch=True"))
    }

    /// Whether it is a watch that was answered, whatever has become of it since, of Leases themselves: one of who waits in line for
    /// them, as `status` has it beside, is not.
    pub fn is_answered_watch(&self) -> bool {
        self.is_watch() && self.status == Some(200) && !self.query.contains(QUEUE_LABEL)
    }

    /// Whether it is about Events, which are told beside what is done to Leases.
    pub fn is_of_events(&self) -> bool {
        self.path.starts_with("/apis/events.k8s.io/")
    }

    /// Whether it asks who waits for a Lease in line, as `status` does beside it.
    pub fn is_of_a_line(&self) -> bool {
        let parameters = [QUEUE_LABEL, "resourceVersion=0"];
        parameters.iter().all(|part| self.query.contains(part)) && !self.is_watch()
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What the client calls itself.
    pub fn user_agent(&self) -> &str {
        self.header("user-agent").unwrap_or_default()
    }
}

#[derive(Default)]
pub(super) struct Record {
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    requests: Vec<Request>,
    /// The number of the last request.
    last: u64,
    /// Counts every change, for those who wait.
    changes: u64,
}

impl Record {
    /// Numbers and keeps a request.
    pub(super) fn add(&self, mut request: Request) -> u64 {
        self.change(|kept| {
            kept.last += 1;
            request.number = kept.last;
            kept.requests.push(request);
            kept.last
        })
    }

    /// Changes what is known of a request, unless it was cleared meanwhile.
    pub(super) fn update(&self, number: u64, change: impl FnOnce(&mut Request)) {
        self.change(|kept| {
            kept.requests
                .iter_mut()
                // Most changes are to the newest.
                .rev()
                .find(|request| request.number == number)
                .map(change)
        });
    }

    pub(super) fn all(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// Takes those out that are over.
    pub(super) fn drain(&self) -> Vec<Request> {
        self.change(|kept| {
            kept.requests
                .extract_if(.., |request| request.over)
                .collect()
        })
    }

    /// The number of the last request, and how many are not over.
    pub(super) fn count(&self) -> (u64, usize) {
        let kept = self.lock();
        let open = kept.requests.iter().filter(|request| !request.over);
        (kept.last, open.count())
    }

    /// Waits until every request up to this number that is `meant` is over; returns whether that is so within `timeout`.
    pub(super) fn wait_over(
        &self,
        last: u64,
        meant: impl Fn(&Request) -> bool,
        timeout: Duration,
    ) -> bool {
        let open = |kept: &mut Kept| {
            let mut requests = kept.requests.iter();
            requests.any(|request| request.number <= last && !request.over && meant(request))
        };
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, open);
        !waited
            .expect("nothing panics while the record is locked")
            .1
            .timed_out()
    }

    pub(super) fn clear(&self) {
        self.change(|kept| kept.requests.clear());
    }

    /// The requests once they are as `wanted`, or as an error after `timeout`. `wanted` runs without the lock.
    pub(super) fn wait_for(
        &self,
        wanted: impl Fn(&[Request]) -> bool,
        timeout: Duration,
    ) -> Result<Vec<Request>, Vec<Request>> {
        let deadline = Instant::now() + timeout;
        loop {
            let kept = self.lock();
            let (changes, requests) = (kept.changes, kept.requests.clone());
            drop(kept);
            if wanted(&requests) {
                return Ok(requests);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(requests);
            }
            let unchanged = |kept: &mut Kept| kept.changes == changes;
            let waited = self
                .changed
                .wait_timeout_while(self.lock(), left, unchanged);
            drop(waited.expect("nothing panics while the record is locked"));
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        let mut kept = self.lock();
        kept.changes += 1;
        let result = change(&mut kept);
        self.changed.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept
            .lock()
            .expect("nothing panics while the record is locked")
    }
}

/// One line a request.
pub(super) fn show(requests: &[Request]) -> String {
    let line = |request: &Request| {
        format!(
            "{} {} {}?{} -> {:?} (server {:?}, fault {:?}, took {:?})\n",
            request.number,
            request.method,
            request.path,
            request.query,
            request.status,
            request.upstream_status,
            request.fault,
            request.took,
        )
    };
    requests.iter().map(line).collect()
}
