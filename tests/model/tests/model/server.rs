//! A simulated API server with one Lease: what it stores and answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use lease_model::lease::api::{Deletion, Fault, Rejection, RejectionKind, Write};
use lease_model::lease::record::{FIELD_MANAGER, Lease, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::checker::{Checker, Event, Purpose, Sender};
use crate::clock::{TrueTime, epoch};
use crate::faults::{FaultPlan, Timing, Verb, WatchFault, Webhook, rejected, rejection};
use crate::line::Line;

/// What becomes of `Date` on the way.
#[derive(Clone, Copy, Debug)]
pub enum Date {
    Missing,
    /// Off by so many seconds.
    Off(i64),
    /// Always this.
    Cached(Timestamp),
}

/// A rule of real servers that this one breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wrong {
    /// An update is stored whatever resourceVersion it carries.
    IgnoresVersions,
    /// An update of a Lease that was deleted makes it anew, whatever uid it carries.
    IgnoresUids,
}

pub struct Server {
    pub rng: Rng,
    pub checker: Checker,
    pub plan: FaultPlan,
    /// What `/version` says.
    pub version: Option<(u32, u32)>,
    /// Whether a change of renewTime restamps managedFields.
    pub restamps: bool,
    pub date: Date,
    /// There are two API servers behind one address: the clock of the second is so far ahead of the first's.
    pub skew: Duration,
    pub refuses_dry_run: bool,
    /// What is wrong with this server, for those who are to notice.
    pub wrong: Option<Wrong>,
    /// Everybody gives `--proof observed`.
    pub observed_only: bool,
    pub object: Option<Rc<Record>>,
    pub resource_version: u64,
    pub uids: u64,
    /// How many calls of the operations there were.
    pub calls: u64,
    /// What watches show: a state, or a deletion.
    pub history: Vec<Option<Rc<Record>>>,
    pub requests: BTreeMap<(usize, Verb), u64>,
    /// Those that stand in line for it.
    pub line: Line,
}

impl Server {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            checker: Checker::default(),
            plan: FaultPlan::default(),
            version: Some((1, 33)),
            restamps: true,
            date: Date::Off(0),
            skew: Duration::ZERO,
            refuses_dry_run: false,
            wrong: None,
            observed_only: false,
            object: None,
            resource_version: 100,
            uids: 0,
            calls: 0,
            history: Vec::new(),
            requests: BTreeMap::new(),
            line: Line::default(),
        }
    }

    /// From before 1.25: stamps say nothing of renewals.
    pub fn make_old(&mut self) {
        (self.version, self.restamps) = (Some((1, 20)), false);
    }

    /// A request arrives: it is counted, and what becomes of it.
    pub fn receive(&mut self, now: TrueTime, client: usize, verb: Verb, limit: Duration) -> Timing {
        let number = self.count(client, verb);
        let request = (verb, number);
        self.checker.reached.asked(verb);
        let (fault, timing) = (self.plan).next_request(&mut self.rng, now, client, request, limit);
        if let Some(fault) = fault {
            (self.checker.reached).request_fault(&fault, verb);
            self.checker.counts.add(Event::RequestFault);
            self.checker
                .note(now, format!("client {client} {verb:?}: {fault:?}"));
        }
        timing
    }

    /// Counts a request; its number among those of its kind.
    pub fn count(&mut self, client: usize, verb: Verb) -> u64 {
        self.checker.counts.add(Event::Request);
        let count = self.requests.entry((client, verb)).or_default();
        *count += 1;
        *count
    }

    /// A watch begins: what is wrong with it.
    pub fn watched(&mut self, client: usize) -> WatchFault {
        let number = self.count(client, Verb::Watch);
        let fault = self.plan.next_watch(&mut self.rng, client, number);
        self.checker.reached.watch_fault(&fault);
        fault
    }

    /// What one of the servers takes for the time.
    fn time(&mut self, now: TrueTime) -> Timestamp {
        let ahead = self.rng.bool();
        let exact = epoch() + now + if ahead { self.skew } else { Duration::ZERO };
        Timestamp::from_second(exact.as_second()).expect("2026")
    }

    /// The `Date` of a reply by one of the servers.
    pub fn reply_date(&mut self, now: TrueTime) -> Option<Timestamp> {
        let time = self.time(now);
        match self.date {
            Date::Missing => None,
            Date::Off(seconds) => Some(time + SignedDuration::from_secs(seconds)),
            Date::Cached(time) => Some(time),
        }
    }

    /// managedFields as one of the servers writes them for `manager`.
    pub fn stamp(
        &mut self,
        now: TrueTime,
        manager: &str,
        before: Option<&Record>,
        object: &mut Value,
    ) {
        let time = json!(self.time(now).to_string());
        let old = before.map(|record| record.as_json());
        let changed: Vec<String> = (object["spec"].as_object().into_iter().flatten())
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

    fn store(&mut self, now: TrueTime, sender: Sender, name: &str, mut object: Value) -> Write {
        let before = self.object.take();
        let manager = match sender.purpose {
            Purpose::Outsider => "outsider",
            Purpose::Acquire
            | Purpose::Steal
            | Purpose::Free
            | Purpose::Keep
            | Purpose::Acknowledge => FIELD_MANAGER,
        };
        self.stamp(now, manager, before.as_deref(), &mut object);
        self.resource_version += self.rng.u64(1..4);
        object["metadata"]["resourceVersion"] = json!(self.resource_version.to_string());
        let after = Rc::new(Record::new(object).expect("a stored lease"));
        (self.checker).stored(now, sender, name, before.as_deref(), &after);
        if sender.purpose == Purpose::Acquire
            && (before.as_deref()).is_none_or(|before| !before.same_grant(&after))
        {
            let holder = after.holder().unwrap_or_default();
            if let Some((own, other)) = self.line.granted(sender.passage.sent, holder) {
                let what = format!("{own:?} has overtaken {other:?}");
                self.checker.violation(now, what);
            }
        }
        self.object = Some(after.clone());
        self.history.push(Some(after.clone()));
        Write::Done(Lease::clone(&after))
    }

    /// A DELETE under the uid and the resourceVersion of `record`.
    pub fn delete_as(&mut self, now: TrueTime, record: &Record, dry_run: bool) -> Deletion {
        if self.object.is_none() {
            return Deletion::Absent;
        }
        if self.matching(record).is_none() {
            return Deletion::Conflict(conflict("Conflict"));
        }
        if !dry_run {
            self.delete(now);
        }
        Deletion::Done
    }

    pub fn delete(&mut self, now: TrueTime) {
        self.checker.deleted(now);
        self.resource_version += 1;
        self.object = None;
        self.history.push(None);
    }

    /// The storage comes back from a backup: the same Lease, and versions go on from an older one.
    pub fn restore(&mut self, resource_version: u64) {
        self.resource_version = resource_version;
        if let Some(record) = &self.object {
            let mut object = record.as_json().clone();
            object["metadata"]["resourceVersion"] = json!(resource_version.to_string());
            self.object = Record::new(object).ok().map(Rc::new);
        }
    }

    /// What is stored, if `lease` carries its uid and resourceVersion.
    fn matching(&self, lease: &Lease) -> Option<Rc<Record>> {
        let stored = self.object.as_ref().filter(|stored| {
            let same_version = stored.resource_version() == lease.resource_version();
            let (ignores_versions, ignores_uids) = (
                self.wrong == Some(Wrong::IgnoresVersions),
                self.wrong == Some(Wrong::IgnoresUids),
            );
            (ignores_uids || stored.uid() == lease.uid()) && (ignores_versions || same_version)
        });
        stored.cloned()
    }

    /// A PUT with `dryRun=All`.
    pub fn dry_run(
        &mut self,
        now: TrueTime,
        manager: &str,
        record: &Record,
    ) -> Result<Write, Fault> {
        self.checker.counts.add(Event::DryRun);
        if self.refuses_dry_run {
            return Err(rejected(400, "BadRequest", RejectionKind::Invalid));
        }
        let Some(stored) = self.matching(record) else {
            return Ok(Write::Conflict(conflict("Conflict")));
        };
        let mut object = record.as_json().clone();
        self.stamp(now, manager, Some(&stored), &mut object);
        Ok(Write::Done(Lease::new(object).expect("a lease")))
    }

    pub fn post(&mut self, now: TrueTime, sender: Sender, name: &str, lease: &Lease) -> Write {
        let lease = match self.admit(sender, lease) {
            Ok(lease) => lease,
            Err(Write::Conflict(says)) => return Write::Exists(says),
            Err(answer) => return answer,
        };
        if self.object.is_some() {
            return Write::Exists(conflict("AlreadyExists"));
        }
        self.uids += 1;
        let mut object = lease.as_json().clone();
        object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
        self.store(now, sender, name, object)
    }

    pub fn put(&mut self, now: TrueTime, sender: Sender, name: &str, lease: &Lease) -> Write {
        let lease = match self.admit(sender, lease) {
            Ok(lease) => lease,
            Err(answer) => return answer,
        };
        match self.matching(&lease) {
            None if self.object.is_none() && self.wrong == Some(Wrong::IgnoresUids) => {
                self.uids += 1;
                let mut object = lease.as_json().clone();
                object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
                self.store(now, sender, name, object)
            }
            // The precondition on the uid fails with a 409; older servers say 404.
            None if self.object.is_none() && self.rng.bool() => Write::Absent(absent()),
            None => Write::Conflict(conflict("Conflict")),
            Some(stored) if **stored == *lease => Write::Done(lease.into_owned()),
            Some(_) => {
                let answer = self.store(now, sender, name, lease.as_json().clone());
                match self.plan.webhooks.get(&sender.client) {
                    Some(Webhook::SendsTwice) => Write::Conflict(conflict("Conflict")),
                    Some(_) | None => answer,
                }
            }
        }
    }

    /// What a webhook makes of a write: the answer, or what is to be stored.
    fn admit<'l>(&self, sender: Sender, lease: &'l Lease) -> Result<Cow<'l, Lease>, Write> {
        match self.plan.webhooks.get(&sender.client) {
            None | Some(Webhook::SendsTwice) => Ok(Cow::Borrowed(lease)),
            Some(Webhook::SaysConflict) => Err(Write::Conflict(Rejection {
                message: "the webhook says no".into(),
                ..conflict("Conflict")
            })),
            Some(Webhook::SaysAbsent) => Err(Write::Absent(absent())),
            Some(Webhook::Echoes) => Err(Write::Done(lease.clone())),
            Some(Webhook::Alters(change)) => {
                let mut object = lease.as_json().clone();
                change(&mut object);
                Ok(Cow::Owned(Lease::new(object).expect("a lease")))
            }
        }
    }
}

pub fn conflict(reason: &str) -> Rejection {
    let message = "the object has been modified";
    rejection(409, reason, message, RejectionKind::Invalid)
}

pub fn absent() -> Rejection {
    Rejection {
        code: 404,
        ..conflict("NotFound")
    }
}

pub fn version(record: &Record) -> u64 {
    record.resource_version().parse().unwrap_or(0)
}
