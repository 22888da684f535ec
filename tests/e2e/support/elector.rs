//! A candidate and leader of an election as client-go's `tools/leaderelection/leaderelection.go` makes one, step by step: it takes a
//! deleted or blanked Lease back, observes others by its own clock, and gives up after its renew deadline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lease_harness::{Api, Namespace};
use serde_json::{Value, json};

use super::SOON;

/// `LeaseDuration` (whole seconds), `RenewDeadline` and `RetryPeriod`.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub lease: u64,
    pub deadline: Duration,
    pub retry: Duration,
}

impl Times {
    /// client-go's defaults have these proportions: 15 s, 10 s, 2 s.
    pub fn of(lease: u64) -> Self {
        let lease_millis = lease * 1000;
        Self {
            lease,
            deadline: Duration::from_millis(lease_millis * 2 / 3),
            retry: Duration::from_millis(lease_millis * 2 / 15),
        }
    }
}

/// A time as a leader; it has no end while it lasts.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    pub began: Instant,
    pub ended: Option<Instant>,
}

/// One process that takes part.
pub struct Elector {
    pub identity: String,
    stop: Arc<AtomicBool>,
    terms: Arc<Mutex<Vec<Term>>>,
    thread: Option<JoinHandle<()>>,
}

impl Elector {
    /// One that ends when it has lost its Lease, as a process that follows client-go's advice does.
    pub fn start(ns: &Namespace, lease: &str, identity: &str, times: Times) -> Self {
        Self::begin(ns, lease, identity, times, false)
    }

    /// One that runs for it again, under the same identity.
    pub fn persistent(ns: &Namespace, lease: &str, identity: &str, times: Times) -> Self {
        Self::begin(ns, lease, identity, times, true)
    }

    fn begin(ns: &Namespace, lease: &str, identity: &str, times: Times, again: bool) -> Self {
        let (stop, terms) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut election = Election {
            api: ns.cluster().api(&ns.admin()),
            base: format!(
                "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
                ns.name()
            ),
            name: lease.to_owned(),
            identity: identity.to_owned(),
            times,
            object: Value::Null,
            observed: None,
            raw: Value::Null,
            stop: stop.clone(),
        };
        let noted: Arc<Mutex<Vec<Term>>> = Arc::clone(&terms);
        let thread = std::thread::spawn(move || {
            while !election.is_stopped() {
                election.run(&noted);
                if !again {
                    return;
                }
            }
        });
        Self {
            identity: identity.to_owned(),
            stop,
            terms,
            thread: Some(thread),
        }
    }

    pub fn terms(&self) -> Vec<Term> {
        self.terms.lock().expect("nobody panics").clone()
    }

    /// Waits until it leads, which it has begun `since` then.
    #[track_caller]
    pub fn leads(&self) -> Term {
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            if let Some(term) = self.terms().last().filter(|term| term.ended.is_none()) {
                return *term;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} does not lead", self.identity);
    }
}

impl Drop for Elector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Election {
    api: Api,
    base: String,
    name: String,
    identity: String,
    times: Times,
    /// `LeaseLock.lease`: what was read or written last.
    object: Value,
    /// `observedRecord` and `observedTime`.
    observed: Option<(Value, Instant)>,
    /// `observedRawRecord`
    raw: Value,
    stop: Arc<AtomicBool>,
}

impl Election {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// `LeaderElector.Run`: acquire, then renew until that fails.
    fn run(&mut self, terms: &Mutex<Vec<Term>>) {
        loop {
            if self.is_stopped() {
                return;
            }
            if self.try_acquire_or_renew() {
                break;
            }
            // JitterUntil with JitterFactor 1.2.
            let jitter = 1.0 + 1.2 * f64::from(std::process::id() % 7) / 7.0;
            std::thread::sleep(self.times.retry.mul_f64(jitter));
        }
        let note = |term: Term| terms.lock().expect("nobody panics").push(term);
        note(Term {
            began: Instant::now(),
            ended: None,
        });
        while !self.is_stopped() && self.renews() {
            std::thread::sleep(self.times.retry);
        }
        if let Some(term) = terms.lock().expect("nobody panics").last_mut() {
            term.ended = Some(Instant::now());
        }
    }

    /// `PollUntilContextTimeout(RetryPeriod, RenewDeadline, immediate)`
    fn renews(&mut self) -> bool {
        let deadline = Instant::now() + self.times.deadline;
        loop {
            if self.try_acquire_or_renew() {
                return true;
            }
            if self.is_stopped() || Instant::now() + self.times.retry > deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                std::thread::sleep(left);
                return false;
            }
            std::thread::sleep(self.times.retry);
        }
    }

    fn try_acquire_or_renew(&mut self) -> bool {
        let now = jiff::Timestamp::now();
        let now = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let mut spec = json!({
            "holderIdentity": self.identity, "leaseDurationSeconds": self.times.lease,
            "acquireTime": now, "renewTime": now, "leaseTransitions": 0,
        });
        // 1. fast path for the leader
        if self.is_leader() && self.is_valid() {
            let observed = self.observed.as_ref().map(|(spec, _)| spec.clone());
            let observed = observed.unwrap_or_default();
            spec["acquireTime"] = observed["acquireTime"].clone();
            spec["leaseTransitions"] = observed["leaseTransitions"].clone();
            if self.update(&spec) {
                return true;
            }
        }
        // 2. obtain or create
        let Ok(answer) = self
            .api
            .call("GET", &format!("{}/{}", self.base, self.name), None)
        else {
            return false;
        };
        match answer.status {
            200 => self.object = answer.body,
            404 => return self.create(&spec),
            _ => return false,
        }
        // 3. check the identity and the time
        let old = self.object["spec"].clone();
        if self.raw != old {
            self.observed = Some((old.clone(), Instant::now()));
            self.raw = old.clone();
        }
        let is_held = !old["holderIdentity"]
            .as_str()
            .unwrap_or_default()
            .is_empty();
        if is_held && self.is_valid() && !self.is_leader() {
            return false;
        }
        // 4. update
        let transitions = old["leaseTransitions"].as_i64().unwrap_or(0);
        if self.is_leader() {
            spec["acquireTime"] = old["acquireTime"].clone();
            spec["leaseTransitions"] = json!(transitions);
        } else {
            spec["leaseTransitions"] = json!(transitions + 1);
        }
        self.update(&spec)
    }

    /// `IsLeader`
    fn is_leader(&self) -> bool {
        let observed = self.observed.as_ref();
        observed.is_some_and(|(spec, _)| spec["holderIdentity"] == *self.identity)
    }

    /// `isLeaseValid`: by its own clock, from when it has observed the record.
    fn is_valid(&self) -> bool {
        self.observed.as_ref().is_some_and(|(spec, since)| {
            let seconds = spec["leaseDurationSeconds"].as_u64().unwrap_or(0);
            since.elapsed() < Duration::from_secs(seconds)
        })
    }

    fn create(&mut self, spec: &Value) -> bool {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": self.name }, "spec": spec,
        });
        let answer = self.api.call("POST", &self.base, Some(&lease));
        self.stored(
            answer
                .ok()
                .filter(|answer| answer.status == 201)
                .map(|answer| answer.body),
            spec,
        )
    }

    fn update(&mut self, spec: &Value) -> bool {
        let mut lease = self.object.clone();
        lease["spec"] = spec.clone();
        let path = format!("{}/{}", self.base, self.name);
        let answer = self.api.call("PUT", &path, Some(&lease));
        self.stored(
            answer
                .ok()
                .filter(|answer| answer.status == 200)
                .map(|answer| answer.body),
            spec,
        )
    }

    /// `setObservedRecord`; the raw record stays what was read last.
    fn stored(&mut self, object: Option<Value>, spec: &Value) -> bool {
        let Some(object) = object else { return false };
        self.object = object;
        self.observed = Some((spec.clone(), Instant::now()));
        true
    }
}
