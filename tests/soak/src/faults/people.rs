//! What people and other clients do to leases: steal, release, delete, edit, lead by client-go's rules.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cast::calls::{Ended, Plan};
use crate::cast::contender::release;
use crate::cast::foreign::Candidate;
use crate::cast::{JOB, PAIR, POOL, SLOTS, Stage, section};
use crate::faults::surroundings::Surroundings;
use crate::history::{Exit, Injected, Role};
use crate::time::At;

/// All of them.
pub const KINDS: &[&str] = &[
    "stolen",
    "stolen-now",
    "freed-by-force",
    "freed-in-its-name",
    "failed-over",
    "deleted",
    "recreated",
    "labelled",
    "duration-longer",
    "duration-shorter",
    "duration-removed",
    "holder-blanked",
    "led-by-another-client",
];

/// So many of them act at once, each with a user and a proxy of its own after those of the contenders.
pub const PEOPLE: u32 = 3;
/// An edit is tried again so often when somebody else writes at the same time.
const TRIES: usize = 8;
/// A controller that keeps a label up to date writes so often.
const LABELS: Duration = Duration::from_millis(400);

/// Who is at leisure. Clones are the same people.
#[derive(Clone)]
pub struct People(Arc<Mutex<Leisure>>);

struct Leisure {
    free: Vec<u32>,
    count: u32,
}

/// Somebody, until it is dropped.
struct Person<'a> {
    number: u32,
    identity: String,
    people: &'a People,
}

impl Drop for Person<'_> {
    fn drop(&mut self) {
        self.people.leisure().free.push(self.number);
    }
}

impl People {
    pub fn of(stage: &Stage) -> People {
        let free = (stage.contenders..stage.contenders + PEOPLE).collect();
        People(Arc::new(Mutex::new(Leisure { free, count: 0 })))
    }

    fn leisure(&self) -> std::sync::MutexGuard<'_, Leisure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn somebody(&self) -> Option<Person<'_>> {
        let mut leisure = self.leisure();
        let number = leisure.free.pop()?;
        leisure.count += 1;
        let identity = format!("p{number:02}.{:04}", leisure.count);
        Some(Person {
            number,
            identity,
            people: self,
        })
    }

    /// Does it to some lease, and notes it.
    pub fn inject(&self, stage: &Stage, kind: &'static str, random: &mut fastrand::Rng) {
        let Some(person) = self.somebody() else {
            return;
        };
        let lease = lease(kind, random);
        let act = Act {
            stage,
            person: &person,
            kind,
            lease: &lease,
            unanswered: Cell::new(false),
        };
        let (begun, held_by) = (At::now(), stage.holder_of(&lease));
        // What had no answer may have been done all the same, also later.
        let detail = act.act(random);
        let unanswered = act.unanswered.get().then(|| "met=0 no answer".to_owned());
        if let Some(detail) = detail.or(unanswered) {
            stage.note_fault(Injected {
                kind: kind.to_owned(),
                family: "people".to_owned(),
                begun,
                over: At::now(),
                contenders: Vec::new(),
                call: None,
                lease: Some(lease.clone()),
                detail: format!("{detail}; held by {} before", held_by.unwrap_or_default()),
            });
        }
    }
}

/// Which lease: slots only where it does not break their number.
fn lease(kind: &str, random: &mut fastrand::Rng) -> String {
    let slots_too = matches!(kind, "stolen" | "stolen-now" | "labelled");
    match random.u32(0..10) {
        0 | 1 if slots_too => format!("{POOL}-{}", random.u32(0..SLOTS)),
        2 => PAIR[0].to_owned(),
        3 => PAIR[1].to_owned(),
        _ => JOB.to_owned(),
    }
}

/// One thing that one of them does.
struct Act<'a> {
    stage: &'a Stage,
    person: &'a Person<'a>,
    kind: &'static str,
    lease: &'a str,
    /// Whether a write of its own had no answer.
    unanswered: Cell<bool>,
}

impl Act<'_> {
    /// What there is to say of it; none where there was nothing to do it to.
    fn act(&self, random: &mut fastrand::Rng) -> Option<String> {
        let held = || self.stage.holder_of(self.lease);
        match self.kind {
            "stolen" => self.steal(Role::Steal, &[], random),
            "stolen-now" => self.steal(Role::StealNow, &["--now"], random),
            "freed-by-force" => {
                held()?;
                Some(say(&self.call(
                    Role::ReleaseForce,
                    &["--force", "--yes"],
                    None,
                )))
            }
            "freed-in-its-name" => {
                let holder = held()?;
                let word = format!("--holder={holder}");
                Some(say(&self.call(Role::ReleaseForce, &[&word], None)))
            }
            "failed-over" => {
                held()?;
                let words = ["--yes", "--timeout=10s"];
                Some(say(&self.call(Role::Failover, &words, Some(10.0))))
            }
            "deleted" => self.delete(),
            "recreated" => {
                self.delete()?;
                self.create()
            }
            "led-by-another-client" => {
                let candidate = Candidate {
                    stage: self.stage,
                    api: self.stage.server.admin(),
                    identity: format!("foreign.{}", self.person.identity),
                    lease: self.lease,
                    unanswered: Cell::new(false),
                };
                let leads = Duration::from_secs_f64(1.0 + 6.0 * random.f64());
                let led = candidate.run(Duration::from_secs(10), leads);
                self.unanswered.set(candidate.unanswered.get());
                led.then(|| "it led".to_owned())
            }
            "labelled" => self.label(random),
            _ => self.edit(random),
        }
    }

    /// Once, as a person does, or again and again as a controller does, for longer than most durations here.
    fn label(&self, random: &mut fastrand::Rng) -> Option<String> {
        let times = if random.bool() { 1 } else { random.u32(8..=20) };
        let first = self.edit(random)?;
        for _ in 1..times {
            self.stage.pass(LABELS, Stage::faults_over);
            // It may be gone by now.
            let _ = self.edit(random);
        }
        Some(format!("{first}; {times} times"))
    }

    fn steal(&self, role: Role, more: &[&str], random: &mut fastrand::Rng) -> Option<String> {
        let duration = format!("--duration={}s", random.u32(3..=5));
        let mut words = vec!["--yes", "-o", "env", duration.as_str()];
        words.extend(more);
        let works = Duration::from_millis(random.u64(50..500));
        let ended = self.call(role, &words, None);
        if ended.exit == Exit::Code(0) {
            section::work(self.stage, &ended, self.lease, works);
            let (number, identity) = (self.person.number, &self.person.identity);
            release(self.stage, number, identity, self.lease);
        }
        Some(say(&ended))
    }

    /// Calls the tool, in one's own name unless a word says another.
    fn call(&self, role: Role, more: &[&str], timeout: Option<f64>) -> Ended {
        let verb = match role {
            Role::Steal | Role::StealNow => "steal",
            Role::Failover => "failover",
            _ => "release",
        };
        let named = role != Role::ReleaseForce;
        let holder = named.then(|| self.person.identity.clone());
        let mut words = vec![verb.to_owned(), self.lease.to_owned()];
        words.extend(holder.as_ref().map(|it| format!("--holder={it}")));
        words.extend(more.iter().map(|word| (*word).to_owned()));
        self.stage.perform(Plan {
            contender: self.person.number,
            role,
            holder,
            leases: vec![self.lease.to_owned()],
            words,
            command: None,
            surroundings: Surroundings::default(),
            timeout,
        })
    }

    fn delete(&self) -> Option<String> {
        let answer = self.ask("DELETE", &self.stage.path_of(self.lease), None)?;
        (answer.0 == 200).then(|| "deleted".to_owned())
    }

    fn create(&self) -> Option<String> {
        let path = self.stage.path_of("");
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": self.lease },
            "spec": { "leaseDurationSeconds": 3 },
        });
        let answer = self.ask("POST", path.trim_end_matches('/'), Some(&lease))?;
        Some(format!("deleted, and created again: {}", answer.0))
    }

    /// Reads, changes and writes, again after a conflict.
    fn edit(&self, random: &mut fastrand::Rng) -> Option<String> {
        let (longer, note) = (random.u64(5..=9), random.u32(..));
        let path = self.stage.path_of(self.lease);
        for _ in 0..TRIES {
            let (status, mut lease) = self.ask("GET", &path, None)?;
            if status != 200 {
                return None;
            }
            let before = lease["spec"]["leaseDurationSeconds"].clone();
            match self.kind {
                "labelled" => lease["metadata"]["labels"]["soak"] = json!(note.to_string()),
                "duration-longer" => lease["spec"]["leaseDurationSeconds"] = json!(longer),
                "duration-shorter" => lease["spec"]["leaseDurationSeconds"] = json!(1),
                "duration-removed" => remove(&mut lease, "leaseDurationSeconds"),
                _ => remove(&mut lease, "holderIdentity"),
            }
            let (status, after) = self.ask("PUT", &path, Some(&lease))?;
            if status == 200 {
                let after = &after["spec"]["leaseDurationSeconds"];
                return Some(format!("duration {before}, then {after}"));
            }
        }
        None
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let answer = self.stage.server.admin().call(method, path, body);
        if answer.is_err() && method != "GET" {
            self.unanswered.set(true);
        }
        let answer = answer.ok()?;
        Some((answer.status, answer.body))
    }
}

fn remove(lease: &mut Value, field: &str) {
    if let Some(spec) = lease["spec"].as_object_mut() {
        spec.remove(field);
    }
}

fn say(ended: &Ended) -> String {
    format!("call {}: {:?}", ended.call, ended.exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_neither_deleted_nor_edited() {
        let mut random = fastrand::Rng::with_seed(1);
        for kind in KINDS {
            let slots = (0..200)
                .filter(|_| lease(kind, &mut random).starts_with(POOL))
                .count();
            let may = matches!(*kind, "stolen" | "stolen-now" | "labelled");
            assert_eq!(slots > 0, may, "{kind}");
        }
    }
}
