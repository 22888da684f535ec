//! The tickets that a simulated server stores beside its Lease: what is written to them, what became of it, and who drew each.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use lease_model::lease::api::{Deletion, Fault, RejectionKind, Write};
use lease_model::lease::record::{FIELD_MANAGER, Lease, Record};
use serde_json::json;

use crate::clock::TrueTime;
use crate::faults::{rejected, rejection};
use crate::server::{Server, absent, conflict};

/// Those that stand in line.
#[derive(Default)]
pub struct Line {
    stored: BTreeMap<Rc<str>, Rc<Record>>,
    /// What watches show of each: a state, or that it was deleted.
    pub history: Vec<Change>,
    /// All that were ever drawn, by uid.
    pub drawn: BTreeMap<String, Drawn>,
    /// Writes that were stored.
    pub writes: u64,
    /// What nobody may do with them.
    pub forbidden: Option<&'static str>,
    /// What fails with a 429, whoever does it with them.
    pub fails: Option<&'static str>,
    /// The places that were served. Whose it was may not have deleted its ticket yet.
    served: Vec<u64>,
    /// Who waits without a place, whatever became of its ticket.
    pub placeless: BTreeSet<String>,
    /// So long it may take until somebody hears of one that goes before it.
    pub told_within: Duration,
}

/// A change of one of them.
pub struct Change {
    pub version: u64,
    pub name: Rc<str>,
    /// What it is since; `None` if it was deleted.
    pub record: Option<Rc<Record>>,
}

/// One that was drawn.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// By whom.
    pub holder: String,
    /// As which version of the storage.
    pub place: u64,
    pub priority: i32,
    pub at: TrueTime,
}

impl Line {
    pub fn all(&self) -> Vec<Record> {
        let all = self.stored.values();
        all.map(|record| Record::clone(record)).collect()
    }

    pub fn of(&self, name: &str) -> Option<&Rc<Record>> {
        self.stored.get(name)
    }

    /// Those that were drawn, are there, and were not given back.
    pub fn standing(&self) -> impl Iterator<Item = &Drawn> {
        let there = self.stored.values().filter(|one| one.stands_in_line());
        there.filter_map(|one| self.drawn.get(one.uid()))
    }

    /// The Lease was granted to `holder`, who has asked for it at `sent`. Who stood before it, if anybody did, and was to be served first.
    pub fn granted(&mut self, sent: TrueTime, holder: &str) -> Option<(Drawn, Drawn)> {
        let rank = |one: &Drawn| (std::cmp::Reverse(one.priority), one.place);
        // A creation that was held back may have drawn another for it, which nobody renews.
        let own = self.standing().filter(|one| one.holder == holder);
        let own = own.min_by_key(|one| rank(one))?.clone();
        if sent < own.at {
            // It was asked for before there was a line to stand in.
            return None;
        }
        let overtaken = self.standing().find(|one| {
            let is_told = one.priority == own.priority || one.at + self.told_within < sent;
            rank(one) < rank(&own) && is_told && !self.served.contains(&one.place)
        });
        let overtaken = overtaken.cloned();
        self.served.push(own.place);
        let overtaken = overtaken.filter(|_| !self.placeless.contains(holder));
        Some((own, overtaken?))
    }

    /// The number of the first change after this version.
    pub fn after(&self, version: u64) -> usize {
        (self.history).partition_point(|change| change.version <= version)
    }
}

impl Server {
    /// What is stored: the Lease, or a ticket.
    pub fn stored(&self, ticket: Option<&str>) -> Option<Rc<Record>> {
        match ticket {
            None => self.object.clone(),
            Some(name) => self.line.of(name).cloned(),
        }
    }

    /// Whether it is allowed to do this with them.
    pub fn may(&self, verb: &str) -> Result<(), Fault> {
        match self.line.forbidden {
            Some(forbidden) if forbidden == verb => {
                Err(rejected(403, "Forbidden", RejectionKind::Forbidden))
            }
            _ if self.line.fails == Some(verb) => {
                let kind = RejectionKind::TooManyRequests { retry_after: None };
                Err(rejected(429, "TooManyRequests", kind))
            }
            _ => Ok(()),
        }
    }

    /// All tickets.
    pub fn listed(&self) -> Result<Vec<Record>, Fault> {
        self.may("list")?;
        Ok(self.line.all())
    }

    /// A ticket is created.
    pub fn draw(&mut self, now: TrueTime, lease: &Lease) -> Result<Write, Fault> {
        self.may("create")?;
        if self.line.of(lease.name()).is_some() {
            let exists = rejection(409, "AlreadyExists", "exists", RejectionKind::Invalid);
            return Ok(Write::Exists(exists));
        }
        self.uids += 1;
        let mut object = lease.as_json().clone();
        object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
        let after = self.keep(now, None, object);
        let drawn = Drawn {
            holder: after.holder().unwrap_or_default().to_owned(),
            place: crate::server::version(&after),
            priority: after.priority(),
            at: now,
        };
        self.line.drawn.insert(after.uid().to_owned(), drawn);
        Ok(Write::Done(Lease::clone(&after)))
    }

    fn keep(
        &mut self,
        now: TrueTime,
        before: Option<&Record>,
        mut object: serde_json::Value,
    ) -> Rc<Record> {
        self.stamp(now, FIELD_MANAGER, before, &mut object);
        self.resource_version += self.rng.u64(1..4);
        object["metadata"]["resourceVersion"] = json!(self.resource_version.to_string());
        let after = Rc::new(Record::new(object).expect("a stored ticket"));
        let name: Rc<str> = after.name().into();
        self.line.stored.insert(name.clone(), after.clone());
        self.line.history.push(Change {
            version: self.resource_version,
            name,
            record: Some(after.clone()),
        });
        self.line.writes += 1;
        let (name, holder) = (after.name(), after.holder());
        (self.checker).note(
            now,
            format!("ticket {name} of {holder:?}, place {}", after.place()),
        );
        after
    }

    fn ticket_as(&self, record: &Lease) -> Option<Rc<Record>> {
        let stored = self.line.of(record.name())?;
        let same =
            stored.uid() == record.uid() && stored.resource_version() == record.resource_version();
        same.then(|| stored.clone())
    }

    /// A ticket is renewed.
    pub fn change(&mut self, now: TrueTime, record: &Record) -> Write {
        if self.line.of(record.name()).is_none() && self.rng.bool() {
            return Write::Absent(absent());
        }
        match self.ticket_as(record) {
            None => Write::Conflict(conflict("Conflict")),
            Some(before) => {
                let after = self.keep(now, Some(&before), record.as_json().clone());
                Write::Done(Lease::clone(&after))
            }
        }
    }

    /// The same with `dryRun=All`.
    pub fn try_change(
        &mut self,
        now: TrueTime,
        manager: &str,
        record: &Record,
    ) -> Result<Write, Fault> {
        if self.refuses_dry_run {
            return Err(rejected(400, "BadRequest", RejectionKind::Invalid));
        }
        let Some(before) = self.ticket_as(record) else {
            return Ok(Write::Conflict(conflict("Conflict")));
        };
        let mut object = record.as_json().clone();
        self.stamp(now, manager, Some(&before), &mut object);
        Ok(Write::Done(Lease::new(object).expect("a lease")))
    }

    /// A ticket is deleted.
    pub fn tear(
        &mut self,
        now: TrueTime,
        client: usize,
        record: &Record,
        dry_run: bool,
    ) -> Result<Deletion, Fault> {
        self.may("delete")?;
        if self.line.of(record.name()).is_none() {
            return Ok(Deletion::Absent);
        }
        if self.ticket_as(record).is_none() {
            return Ok(Deletion::Conflict(conflict("Conflict")));
        }
        if !dry_run {
            self.line.stored.remove(record.name());
            self.line.writes += 1;
            self.resource_version += 1;
            self.line.history.push(Change {
                version: self.resource_version,
                name: record.name().into(),
                record: None,
            });
            let note = format!(
                "the ticket {} of {:?} is deleted by {client}",
                record.name(),
                record.holder()
            );
            self.checker.note(now, note);
        }
        Ok(Deletion::Done)
    }
}
