//! A simulated API server with one Lease, and what outsiders do to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::clock::{True, epoch, instant};
use super::faults::{Ailment, Course, Fates, Mishap, Outage, Verb, Webhook, rejected};
use super::ledger::{Ledger, Purpose, Sender};
use super::millis;
use crate::lease::api::{FIELD_MANAGER, Fault, Rejection, RejectionKind, Write};
use crate::lease::record::{Lease, Record};

/// The server, and all that is known about the run.
pub struct World {
    pub began: tokio::time::Instant,
    pub state: RefCell<State>,
    pub written: watch::Sender<usize>,
}

pub struct State {
    pub rng: fastrand::Rng,
    pub ledger: Ledger,
    pub fates: Fates,
    /// What `/version` says.
    pub version: Option<(u32, u32)>,
    /// Whether a change of renewTime restamps managedFields.
    pub restamps: bool,
    pub date: Date,
    /// The second API server's clock is so far ahead of the first's.
    pub server_skew: Duration,
    /// Dry runs are refused.
    pub refuses_dry_run: bool,
    /// Everybody gives `--proof observed`.
    pub observed_only: bool,
    pub object: Option<Record>,
    resource_version: u64,
    uids: u64,
    pub history: Vec<Option<Record>>,
    pub requests: BTreeMap<(usize, Verb), u64>,
}

/// What becomes of `Date` on the way.
#[derive(Clone, Copy, Debug)]
pub enum Date {
    Missing,
    /// Off by so many seconds.
    Off(i64),
    /// Always this.
    Cached(Timestamp),
}

impl World {
    pub fn new(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            began: instant(),
            state: RefCell::new(State {
                rng: fastrand::Rng::with_seed(seed),
                ledger: Ledger::default(),
                fates: Fates::default(),
                version: Some((1, 33)),
                restamps: true,
                date: Date::Off(0),
                server_skew: Duration::ZERO,
                refuses_dry_run: false,
                observed_only: false,
                object: None,
                resource_version: 100,
                uids: 0,
                history: Vec::new(),
                requests: BTreeMap::new(),
            }),
            written: watch::Sender::new(0),
        })
    }

    pub fn now(&self) -> True {
        self.began.elapsed()
    }

    /// The Lease as stored.
    pub fn record(&self) -> Option<Record> {
        self.state.borrow().object.clone()
    }

    pub fn note(&self, line: impl Into<String>) {
        let now = self.now();
        self.state.borrow_mut().ledger.note(now, line);
    }

    pub fn blame(&self, what: impl Into<String>) {
        let now = self.now();
        self.state.borrow_mut().ledger.blame(now, what);
    }

    /// So many requests of this kind came from this client.
    pub fn requests(&self, client: usize, verb: Verb) -> u64 {
        self.state
            .borrow()
            .requests
            .get(&(client, verb))
            .copied()
            .unwrap_or(0)
    }

    /// All requests of this client.
    pub fn all_requests(&self, client: usize) -> u64 {
        self.state
            .borrow()
            .requests
            .iter()
            .filter(|((by, _), _)| *by == client)
            .map(|(_, count)| count)
            .sum()
    }

    /// The next request of this kind goes wrong like this.
    pub fn mishap(&self, client: usize, verb: Verb, mishap: Mishap) {
        self.state
            .borrow_mut()
            .fates
            .scripted
            .entry((client, verb))
            .or_default()
            .push(mishap);
    }

    /// The next watches are unwell like this, the last for ever.
    pub fn ailments(&self, client: usize, ailments: &[Ailment]) {
        self.state
            .borrow_mut()
            .fates
            .ailments
            .insert(client, ailments.to_vec());
    }

    /// Somebody with kubectl stores this object.
    pub fn outsider(&self, edit: impl FnOnce(Option<Value>) -> Option<Value>) {
        let sender = Sender {
            client: usize::MAX,
            call: 0,
            purpose: Purpose::Outsider,
        };
        let before = self.record();
        match edit(before.as_ref().map(|record| record.as_json().clone())) {
            Some(object) => {
                let lease = Lease::new(object).expect("a lease");
                let mut state = self.state.borrow_mut();
                let answer = match before {
                    Some(_) => state.put(self.now(), sender, "outsider", &lease),
                    None => state.post(self.now(), sender, "outsider", &lease),
                };
                assert!(matches!(answer, Write::Done(_)), "{answer:?}");
            }
            None => {
                let mut state = self.state.borrow_mut();
                state.resource_version += 1;
                state.object = None;
                state.history.push(None);
            }
        }
        self.announce();
    }

    /// The storage comes back from a backup: the same Lease, and versions go on from an older one. Watches break.
    pub fn restore(&self, resource_version: u64) {
        let mut state = self.state.borrow_mut();
        state.resource_version = resource_version;
        if let Some(record) = &state.object {
            let mut object = record.as_json().clone();
            object["metadata"]["resourceVersion"] = json!(resource_version.to_string());
            state.object = Record::new(object).ok();
        }
    }

    /// Somebody edits a label.
    pub fn edit_label(&self, value: u64) {
        if self.record().is_some() {
            self.outsider(|object| {
                object.map(|mut object| {
                    object["metadata"]["labels"]["edited"] = json!(value.to_string());
                    object
                })
            });
        }
    }

    /// Another client takes the free Lease and writes its name alone.
    pub fn claim(&self) {
        self.note("a stranger writes the holder alone");
        self.outsider(|object| {
            object.map(|mut object| {
                object["spec"]["holderIdentity"] = json!("stranger");
                object
            })
        });
    }

    /// A Lease that is free.
    pub fn create(&self, duration: u32) {
        self.outsider(|_| {
            Some(json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": { "namespace": "default", "name": "my-lease", "labels": { "kept": "yes" }, "finalizers": [] },
                "spec": { "holderIdentity": "", "leaseDurationSeconds": duration, "leaseTransitions": 0, "x-unknown": [null, 1] },
                "x-unknown": { "a": null },
            }))
        });
    }

    pub fn announce(&self) {
        let length = self.state.borrow().history.len();
        self.written.send_replace(length);
    }
}

impl State {
    pub fn server_time(&self, now: True, ahead: bool) -> Timestamp {
        let skew = if ahead {
            self.server_skew
        } else {
            Duration::ZERO
        };
        let exact = epoch() + now + skew;
        Timestamp::from_second(exact.as_second()).expect("2026")
    }

    /// The `Date` of a reply by one of the servers.
    pub fn reply_date(&mut self, now: True) -> Option<Timestamp> {
        let ahead = self.rng.bool();
        match self.date {
            Date::Missing => None,
            Date::Off(seconds) => {
                Some(self.server_time(now, ahead) + SignedDuration::from_secs(seconds))
            }
            Date::Cached(time) => Some(time),
        }
    }

    /// managedFields as one of the servers writes them for `manager`.
    fn stamp(&mut self, now: True, manager: &str, before: Option<&Record>, object: &mut Value) {
        let ahead = self.rng.bool();
        let time = json!(self.server_time(now, ahead).to_string());
        let old = before.map(|record| record.as_json());
        let changed: Vec<String> = object["spec"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, value)| old.and_then(|old| old["spec"].get(*key)) != Some(value))
            .map(|(key, _)| format!("f:{key}"))
            .collect();
        let mut entries: Vec<Value> = old
            .and_then(|old| old["metadata"]["managedFields"].as_array().cloned())
            .unwrap_or_default();
        if !changed.is_empty() {
            let mut own = None;
            entries.retain_mut(|entry| {
                if entry["manager"] == *manager {
                    own = Some(entry.take());
                    return false;
                }
                let Some(fields) = entry["fieldsV1"]["f:spec"].as_object_mut() else {
                    return true;
                };
                fields.retain(|field, _| !changed.contains(field));
                !fields.is_empty()
            });
            let mut own = own.unwrap_or_else(|| {
                json!({ "manager": manager, "operation": "Update", "fieldsV1": { "f:spec": {} } })
            });
            let set = own["fieldsV1"].clone();
            for field in changed {
                own["fieldsV1"]["f:spec"][field] = json!({});
            }
            if self.restamps || own["fieldsV1"] != set {
                own["time"] = time;
            }
            entries.push(own);
        }
        object["metadata"]["managedFields"] = entries.into();
    }

    fn store(&mut self, now: True, sender: Sender, name: &str, mut object: Value) -> Write {
        let before = self.object.take();
        let manager = match sender.purpose {
            Purpose::Outsider => "outsider",
            Purpose::Acquire | Purpose::Steal | Purpose::Keep => FIELD_MANAGER,
        };
        self.stamp(now, manager, before.as_ref(), &mut object);
        self.resource_version += self.rng.u64(1..4);
        object["metadata"]["resourceVersion"] = json!(self.resource_version.to_string());
        let after = Record::new(object).expect("an object");
        self.ledger
            .stored(now, sender, name, before.as_ref(), &after);
        self.object = Some(after.clone());
        self.history.push(Some(after.clone()));
        Write::Done((*after).clone())
    }

    /// A PUT with `dryRun=All`.
    pub fn dry_run(&mut self, now: True, manager: &str, record: &Record) -> Result<Write, Fault> {
        self.ledger.totals.dry_runs += 1;
        if self.refuses_dry_run {
            return Err(rejected(400, "BadRequest", RejectionKind::Invalid));
        }
        let Some(stored) = self.object.clone() else {
            return Ok(Write::Conflict(conflict(409, "Conflict")));
        };
        if stored.uid() != record.uid() || stored.resource_version() != record.resource_version() {
            return Ok(Write::Conflict(conflict(409, "Conflict")));
        }
        let mut object = record.as_json().clone();
        self.stamp(now, manager, Some(&stored), &mut object);
        Ok(Write::Done(Lease::new(object).expect("a lease")))
    }

    pub fn post(&mut self, now: True, sender: Sender, name: &str, lease: &Lease) -> Write {
        let lease = &match self.admit(sender, lease) {
            Ok(lease) => lease,
            Err(Write::Conflict(says)) => return Write::Exists(says),
            Err(answer) => return answer,
        };
        if self.object.is_some() {
            return Write::Exists(conflict(409, "AlreadyExists"));
        }
        self.uids += 1;
        let mut object = lease.as_json().clone();
        object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
        self.store(now, sender, name, object)
    }

    /// What a webhook makes of a write: the answer, or what is to be stored.
    fn admit(&self, sender: Sender, lease: &Lease) -> Result<Lease, Write> {
        match self.fates.webhooks.get(&sender.client) {
            None | Some(Webhook::SendsTwice) => Ok(lease.clone()),
            Some(Webhook::SaysConflict) => {
                let mut says = conflict(409, "Conflict");
                says.message = "the webhook says no".into();
                Err(Write::Conflict(says))
            }
            Some(Webhook::SaysAbsent) => Err(Write::Absent(conflict(404, "NotFound"))),
            Some(Webhook::Echoes) => Err(Write::Done(lease.clone())),
            Some(Webhook::Alters(change)) => {
                let mut object = lease.as_json().clone();
                change(&mut object);
                Ok(Lease::new(object).expect("a lease"))
            }
        }
    }

    pub fn put(&mut self, now: True, sender: Sender, name: &str, lease: &Lease) -> Write {
        let lease = &match self.admit(sender, lease) {
            Ok(lease) => lease,
            Err(answer) => return answer,
        };
        match &self.object {
            // The precondition on the uid fails with a 409; older servers say 404.
            None if self.rng.bool() => Write::Conflict(conflict(409, "Conflict")),
            None => Write::Absent(conflict(404, "NotFound")),
            Some(stored)
                if stored.uid() != lease.uid()
                    || stored.resource_version() != lease.resource_version() =>
            {
                Write::Conflict(conflict(409, "Conflict"))
            }
            Some(stored) if **stored == *lease => Write::Done(lease.clone()),
            Some(_) => {
                let twice = self.fates.webhooks.get(&sender.client);
                let twice = matches!(twice, Some(Webhook::SendsTwice));
                let answer = self.store(now, sender, name, lease.as_json().clone());
                if twice {
                    Write::Conflict(conflict(409, "Conflict"))
                } else {
                    answer
                }
            }
        }
    }

    pub fn course(&mut self, now: True, client: usize, verb: Verb, limit: Duration) -> Course {
        let (latency, mishaps) = self
            .fates
            .weather
            .as_ref()
            .map_or((5, 0), |weather| (weather.latency, weather.mishaps));
        let there = millis(self.rng.u64(1..=latency));
        let late = match (&self.fates.weather, verb) {
            (Some(weather), Verb::Create | Verb::Replace | Verb::DryRun) => weather.late,
            (_, Verb::Get | Verb::Watch | Verb::Version) | (None, _) => 0,
        };
        let back = millis(self.rng.u64(1..=latency) + late);
        let scripted = self
            .fates
            .scripted
            .get_mut(&(client, verb))
            .filter(|left| !left.is_empty())
            .map(|left| left.remove(0));
        let mishap = match (scripted, self.fates.outages.get(&client)) {
            (Some(mishap), _) => Some(mishap),
            (None, Some((until, Outage::Refused))) if now < *until => Some(Mishap::Refused),
            (None, Some((until, Outage::BlackHole))) if now < *until => Some(Mishap::LostRequest),
            (None, _) => {
                (self.rng.u32(0..1000) < mishaps).then(|| Mishap::any(&mut self.rng, limit))
            }
        };
        let mishap = mishap.map(|mishap| match (mishap, verb) {
            (Mishap::DoneThenRefused(_), Verb::Create | Verb::Replace) => mishap,
            // A write to which more than one answer comes.
            (Mishap::DoneThenRefused(_), _) => Mishap::TooMany(None),
            (mishap, _) => mishap,
        });
        let mut course = match mishap {
            None => Course {
                done: Some(there),
                heard: there + back,
                instead: None,
            },
            Some(mishap) => {
                self.ledger.totals.mishaps += 1;
                if matches!(verb, Verb::Create | Verb::Replace) {
                    self.ledger
                        .note(now, format!("client {client} {verb:?}: {mishap:?}"));
                }
                mishap.course(there, back, limit)
            }
        };
        if course.heard > limit {
            course.heard = limit;
            course
                .instead
                .get_or_insert_with(|| Fault::Unknown(format!("no answer within {limit:?}")));
        }
        course
    }
}

fn conflict(code: u16, reason: &str) -> Rejection {
    Rejection {
        code,
        reason: reason.into(),
        message: "the object has been modified".into(),
        kind: RejectionKind::Invalid,
        advice: None,
        is_status: true,
    }
}

pub fn version(record: &Record) -> u64 {
    record.resource_version().parse().unwrap_or(0)
}
