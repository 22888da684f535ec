//! The simulated world: the server, the time, and what outsiders and scenarios do to both.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use lease_model::lease::api::Write;
use lease_model::lease::record::field::STOPPED_ANNOTATION;
use lease_model::lease::record::{Lease, Record};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::checker::{Passage, Purpose, Sender};
use crate::clock::{SimulatedClock, TrueTime, instant};
use crate::faults::{Outage, RequestFault, Verb, WatchFault, Webhook};
use crate::server::Server;
use crate::{secs, sleep};

/// All that there is but for the actors.
pub struct World {
    pub began: tokio::time::Instant,
    server: RefCell<Server>,
    /// Tells of changes, in the order in which they were waited for: a `watch` channel would draw lots.
    pub written: Notify,
    /// The processes of each client that runs a command.
    pub processes: RefCell<BTreeMap<usize, Processes>>,
}

/// The processes of a `hold`.
pub struct Processes {
    pub supervisor: AbortHandle,
    /// Once the command is started: how it dies, and how it is frozen.
    pub watchdog: Option<(AbortHandle, SimulatedClock)>,
    /// Signals for the supervisor.
    pub signals: watch::Sender<Vec<i32>>,
    /// Whether one of them was frozen or killed: two at once are more than a hold promises to survive.
    pub disturbed: bool,
}

impl World {
    pub fn new(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            began: instant(),
            server: RefCell::new(Server::new(seed)),
            written: Notify::new(),
            processes: RefCell::default(),
        })
    }

    pub fn now(&self) -> TrueTime {
        self.began.elapsed()
    }

    pub fn server(&self) -> RefMut<'_, Server> {
        self.server.borrow_mut()
    }

    /// The Lease as stored.
    pub fn record(&self) -> Option<Record> {
        self.server().object.as_deref().cloned()
    }

    pub fn holder(&self) -> Option<String> {
        let server = self.server();
        server.object.as_ref()?.holder().map(str::to_owned)
    }

    pub fn recorded_secs(&self) -> Option<u32> {
        let server = self.server();
        Some(server.object.as_ref()?.duration()?.as_secs())
    }

    pub fn note(&self, line: impl Into<String>) {
        let now = self.now();
        self.server().checker.note(now, line);
    }

    pub fn violation(&self, what: impl Into<String>) {
        let now = self.now();
        self.server().checker.violation(now, what);
    }

    pub fn is_broken(&self) -> bool {
        !self.server().checker.violations.is_empty()
    }

    /// Returns soon after a rule was broken.
    pub async fn broken(&self) {
        while !self.is_broken() {
            sleep(1.0).await;
        }
    }

    pub fn assert_no_violations(&self) {
        let checker = &self.server().checker;
        assert!(checker.violations.is_empty(), "{}", checker.story());
    }

    /// So many requests of this kind came from this client.
    pub fn requests(&self, client: usize, verb: Verb) -> u64 {
        let server = self.server();
        server.requests.get(&(client, verb)).copied().unwrap_or(0)
    }

    /// All requests of this client.
    pub fn all_requests(&self, client: usize) -> u64 {
        let server = self.server();
        let of_client = server.requests.iter().filter(|((by, _), _)| *by == client);
        of_client.map(|(_, count)| count).sum()
    }

    /// The next requests of this kind go wrong like this, one after the other.
    pub fn fail(&self, client: usize, verb: Verb, faults: impl IntoIterator<Item = RequestFault>) {
        let mut server = self.server();
        let planned = server.plan.requests.entry((client, verb)).or_default();
        planned.extend(faults);
    }

    /// The next writes of an update go wrong like this, one after the other.
    pub fn fail_replace(&self, client: usize, faults: impl IntoIterator<Item = RequestFault>) {
        self.fail(client, Verb::Replace, faults);
    }

    /// The next watches go wrong like this, the last for ever.
    pub fn fail_watches(&self, client: usize, faults: &[WatchFault]) {
        self.server().plan.watches.insert(client, faults.to_vec());
    }

    /// From now on nothing of this client gets through for so many seconds.
    pub fn cut_off(&self, client: usize, seconds: f64, outage: Outage) {
        let until = self.now() + secs(seconds);
        self.server().plan.outages.insert(client, (until, outage));
    }

    /// This meets the client's writes from now on.
    pub fn interfere(&self, client: usize, webhook: Webhook) {
        self.server().plan.webhooks.insert(client, webhook);
    }

    /// Does something in a while.
    pub fn after(self: &Rc<Self>, seconds: f64, what: impl FnOnce(&Self) + 'static) {
        let world = self.clone();
        tokio::task::spawn_local(async move {
            sleep(seconds).await;
            what(&world);
        });
    }

    /// Somebody edits a label again and again.
    pub fn edit_labels_every(self: &Rc<Self>, seconds: f64) {
        let world = self.clone();
        tokio::task::spawn_local(async move {
            for edit in 0.. {
                world.edit_label(edit);
                sleep(seconds).await;
            }
        });
    }

    /// Somebody with kubectl stores this object.
    fn outsider(&self, store: impl FnOnce(&mut Server, TrueTime, Sender) -> Write) {
        let sender = Sender {
            client: usize::MAX,
            call: 0,
            purpose: Purpose::Outsider,
            passage: Passage {
                sent: self.now(),
                astray: false,
            },
        };
        let answer = store(&mut self.server(), self.now(), sender);
        assert!(matches!(answer, Write::Done(_)), "{answer:?}");
        self.announce();
    }

    /// Somebody with kubectl edits the Lease, if there is one.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let Some(record) = self.record() else { return };
        let mut object = record.as_json().clone();
        change(&mut object);
        let lease = Lease::new(object).expect("a lease");
        self.outsider(|server, now, sender| server.put(now, sender, "outsider", &lease));
    }

    pub fn edit_spec(&self, field: &str, value: impl Into<Value>) {
        self.edit(|object| object["spec"][field] = value.into());
    }

    pub fn edit_label(&self, value: u64) {
        self.edit(|object| object["metadata"]["labels"]["edited"] = json!(value.to_string()));
    }

    /// Somebody says of a grant that is not the one below the present one that it has stopped: `which` of those that could be
    /// taken for it.
    pub fn forge_word(&self, which: u8) {
        let Some(record) = self.record() else { return };
        let (below, acquired) = (record.transitions() - 1, record.acquire_time());
        let (acquired, uid) = (acquired.unwrap_or("x").to_owned(), record.uid().to_owned());
        let word = match which % 5 {
            // Of the present grant itself.
            0 => format!("{} {acquired} {uid}", below + 1),
            // With another acquireTime, uid or number.
            1 => format!("{below} {acquired} {uid}"),
            2 => format!("{below} {acquired} uid-0"),
            3 => format!("{} {acquired} {uid}", below - 1),
            _ => format!("{below}"),
        };
        self.note(format!("somebody forges {word:?}"));
        self.edit(|object| object["metadata"]["annotations"][STOPPED_ANNOTATION] = word.into());
    }

    /// Another client takes the free Lease and writes its name alone.
    pub fn claim(&self) {
        self.note("a stranger writes the holder alone");
        self.edit_spec("holderIdentity", "stranger");
    }

    pub fn delete(&self) {
        let now = self.now();
        self.server().delete(now);
        self.announce();
    }

    /// A Lease that is free.
    pub fn create(&self, duration: u32) {
        let metadata = json!({ "namespace": "default", "name": "my-lease", "labels": { "kept": "yes" }, "finalizers": [] });
        self.create_with(metadata, duration);
    }

    /// The same with this metadata.
    pub fn create_with(&self, metadata: Value, duration: u32) {
        let lease = Lease::new(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata,
            "spec": { "holderIdentity": "", "leaseDurationSeconds": duration, "leaseTransitions": 0, "x-unknown": [null, 1] },
            "x-unknown": { "a": null },
        }));
        let lease = lease.expect("a lease");
        self.outsider(|server, now, sender| server.post(now, sender, "outsider", &lease));
    }

    /// Tells the watches that something was written.
    pub fn announce(&self) {
        self.written.notify_waiters();
    }
}
