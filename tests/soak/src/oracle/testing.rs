//! Histories, made by hand in a few words: for the rules' own tests.

mod people;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Violation, judge};
use crate::history::{
    Call, ClockLie, Command, Commit, Contended, Exit, History, Injected, Overlap, Role, Sent, Work,
};
use crate::time::At;
pub use people::blanked;

/// The recorded duration of all these leases, in milliseconds.
pub const D: u64 = 3000;

/// The only lease of most of them.
pub const JOB: &str = "job";

const BEGIN: u64 = 1_000_000_000_000;
/// Some day in 2026.
const WALL_OFFSET: i64 = 1_790_000_000_000_000_000;

/// So many milliseconds into the run.
pub fn ms(of: u64) -> At {
    At(BEGIN + of * 1_000_000)
}

pub fn wall(at: At) -> String {
    let nanoseconds = i128::from(at.0) + i128::from(WALL_OFFSET);
    let time = jiff::Timestamp::from_nanosecond(nanoseconds).expect("a time of these years");
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A history in the making.
pub struct Scene {
    pub history: History,
    objects: BTreeMap<String, Value>,
    revision: u64,
}

impl Scene {
    /// A free lease, and nobody there.
    pub fn new() -> Self {
        let mut scene = Self {
            history: History::default(),
            objects: BTreeMap::new(),
            revision: 100,
        };
        let run = &mut scene.history.run;
        run.contenders = 4;
        run.started = ms(0);
        run.faults_ended = ms(40_000);
        run.starts_ended = ms(50_000);
        run.ended = ms(60_000);
        run.wall_offset = WALL_OFFSET;
        run.leases = vec![Contended {
            name: JOB.to_owned(),
            slots: 0,
        }];
        scene.create(JOB);
        scene
    }

    /// A call of a contender of its own, since a moment.
    pub fn call(&mut self, role: Role, started: u64) -> u32 {
        let id = u32::try_from(self.history.calls.len()).expect("a few");
        self.history.calls.push(Call {
            id,
            contender: id,
            user: format!("user-{id}"),
            holder: Some(format!("c{id:02}.0")),
            role,
            leases: vec![JOB.to_owned()],
            words: vec!["hold".to_owned(), JOB.to_owned()],
            started: ms(started),
            ended: None,
            exit: None,
            stderr: String::new(),
            pid: 1000 + id,
            command: Some(Command {
                manner: "plain".to_owned(),
                works: 0,
                exit: Exit::Code(0),
            }),
            clock: ClockLie::default(),
            surroundings: Vec::new(),
            timeout: None,
        });
        id
    }

    pub fn of(&mut self, call: u32) -> &mut Call {
        &mut self.history.calls[call as usize]
    }

    pub fn end(&mut self, call: u32, at: u64, exit: Exit) {
        let call = self.of(call);
        call.ended = Some(ms(at));
        call.exit = Some(exit);
    }

    fn holder(&self, call: u32) -> String {
        let holder = self.history.calls[call as usize].holder.clone();
        holder.expect("these calls have one")
    }

    /// One write: a commit, and the request that it came from where a contender made it.
    pub fn write(
        &mut self,
        at: u64,
        user: &str,
        lease: &str,
        edit: impl FnOnce(&mut Value),
    ) -> u64 {
        self.revision += 1;
        let before = self.objects.get(lease).cloned();
        let mut after = before.clone().unwrap_or(Value::Null);
        edit(&mut after);
        let mut body = after.clone();
        if after.is_null() {
            self.objects.remove(lease);
        } else {
            after["metadata"]["resourceVersion"] = json!(self.revision.to_string());
            self.objects.insert(lease.to_owned(), after.clone());
        }
        if let Some(contender) = user.strip_prefix("user-") {
            if let Some(version) = before.as_ref().map(|of| &of["metadata"]["resourceVersion"]) {
                body["metadata"]["resourceVersion"] = version.clone();
            }
            self.history.requests.push(Sent {
                contender: contender.parse().expect("a number"),
                at: ms(at),
                answered: Some(ms(at + 3)),
                method: "PUT".to_owned(),
                path: format!("/apis/coordination.k8s.io/v1/namespaces/soak/leases/{lease}"),
                query: String::new(),
                body,
                upstream_status: Some(200),
                status: Some(200),
                fault: None,
            });
        }
        let verb = match (&before, after.is_null()) {
            (None, _) => "create",
            (_, true) => "delete",
            _ => "update",
        };
        self.history.commits.push(Commit {
            lease: lease.to_owned(),
            revision: self.revision,
            user: Some(user.to_owned()),
            verb: verb.to_owned(),
            received: Some(ms(at) + Duration::from_micros(500)),
            answered: Some(ms(at + 2)),
            before,
            after: (!after.is_null()).then_some(after),
        });
        self.revision
    }

    fn by(&mut self, at: u64, call: u32, lease: &str, edit: impl FnOnce(&mut Value)) -> u64 {
        let user = self.of(call).user.clone();
        self.write(at, &user, lease, edit)
    }

    /// A grant to a call.
    pub fn grant(&mut self, at: u64, call: u32) -> u64 {
        self.grant_of(JOB, at, call)
    }

    pub fn grant_of(&mut self, lease: &str, at: u64, call: u32) -> u64 {
        let holder = self.holder(call);
        self.by(at, call, lease, |object| granted(object, at, &holder))
    }

    /// A grant to a thief who waits for its victim.
    pub fn steal(&mut self, at: u64, call: u32) -> u64 {
        let holder = self.holder(call);
        self.by(at, call, JOB, |object| {
            let victim = object["spec"]["holderIdentity"]
                .as_str()
                .unwrap_or_default();
            let transitions = object["spec"]["leaseTransitions"].as_i64().unwrap_or(0) + 1;
            let victim = format!("{transitions} {victim}");
            granted(object, at, &holder);
            object["metadata"]["annotations"] = json!({ "kubectl-lease/victim": victim });
        })
    }

    pub fn renew(&mut self, at: u64, call: u32) -> u64 {
        self.renew_of(JOB, at, call)
    }

    pub fn renew_of(&mut self, lease: &str, at: u64, call: u32) -> u64 {
        self.by(at, call, lease, |object| {
            object["spec"]["renewTime"] = json!(wall(ms(at)));
        })
    }

    /// A renewal of what it saw last, whatever has become of it.
    pub fn renew_like(&mut self, at: u64, call: u32, mut seen: Value) -> u64 {
        seen["spec"]["renewTime"] = json!(wall(ms(at)));
        self.by(at, call, JOB, |object| *object = seen)
    }

    pub fn release(&mut self, at: u64, call: u32) -> u64 {
        self.release_of(JOB, at, call)
    }

    pub fn release_of(&mut self, lease: &str, at: u64, call: u32) -> u64 {
        self.by(at, call, lease, |object| freed(object, at))
    }

    /// A robbed call says that it has stopped.
    pub fn acknowledge(&mut self, at: u64, call: u32) -> u64 {
        let holder = self.holder(call);
        let commits = self.history.commits.iter().rev();
        let mut held = commits.filter_map(|commit| commit.after.as_ref());
        let own = held.find(|object| object["spec"]["holderIdentity"] == json!(holder));
        let own = own.expect("it had it").clone();
        self.by(at, call, JOB, |object| {
            let said = format!(
                "{} {} {}",
                own["spec"]["leaseTransitions"],
                own["spec"]["acquireTime"].as_str().unwrap_or_default(),
                own["metadata"]["uid"].as_str().unwrap_or_default()
            );
            object["metadata"]["annotations"]["kubectl-lease/stopped"] = json!(said);
        })
    }

    pub fn work(&mut self, call: u32, token: u64, from: u64, to: u64) -> &mut Work {
        self.work_on(JOB, call, token, from, to)
    }

    pub fn work_on(&mut self, lease: &str, call: u32, token: u64, from: u64, to: u64) -> &mut Work {
        let work = Work {
            lease: lease.to_owned(),
            token,
            holder: self.holder(call),
            pid: 5000 + u32::try_from(self.history.work.len()).expect("a few"),
            part: "command".to_owned(),
            first: ms(from),
            last: ms(to),
            taken: (to - from) / 5,
            refused: 0,
            first_refused: None,
            last_taken: Some(ms(to)),
        };
        self.history.work.push(work);
        self.history.work.last_mut().expect("just pushed")
    }

    /// The sink refuses what this one writes from then on.
    pub fn refuses(&mut self, work: usize, from: u64) {
        let work = &mut self.history.work[work];
        work.refused = (work.last.0.saturating_sub(ms(from).0)) / 5_000_000;
        work.last_taken = Some(ms(from));
    }

    pub fn overlap(&mut self, at: u64, call: u32, token: u64, beside: &[u32]) {
        let beside = beside.iter().map(|of| (self.holder(*of), 5000)).collect();
        self.history.overlaps.push(Overlap {
            lease: JOB.to_owned(),
            at: ms(at),
            token,
            holder: self.holder(call),
            pid: 6000,
            beside,
        });
    }

    pub fn fault(&mut self, family: &str, kind: &str, from: u64, to: u64) -> &mut Injected {
        let signal = match kind.rsplit('-').next() {
            Some("stopped") => "signal 19 to 7, 8",
            Some("killed") => "signal 9 to 7",
            _ => "",
        };
        self.history.faults.push(Injected {
            kind: kind.to_owned(),
            family: family.to_owned(),
            begun: ms(from),
            over: ms(to),
            contenders: Vec::new(),
            call: None,
            lease: None,
            detail: signal.to_owned(),
        });
        self.history.faults.last_mut().expect("just pushed")
    }

    /// A hold that gets the lease at `from`, renews it, works, and gives it back at `to`.
    pub fn hold(&mut self, from: u64, to: u64) -> u32 {
        let call = self.call(Role::Hold, from.saturating_sub(100));
        let token = self.grant(from, call);
        self.work(call, token, from + 20, to - 10);
        for at in (from + 1000..to).step_by(1000) {
            self.renew(at, call);
        }
        self.release(to, call);
        self.of(call).command.as_mut().expect("it has one").works = to - from - 30;
        self.end(call, to + 20, Exit::Code(0));
        call
    }

    /// A hold that is granted it at 1000 and gives it up, as lost, at `to`, without a renewal; its command worked until `last`.
    pub fn lost(&mut self, last: u64, to: u64) -> u32 {
        let call = self.call(Role::Hold, 900);
        let token = self.grant(1000, call);
        self.work(call, token, 1020, last);
        self.release(to, call);
        self.end(call, to + 10, Exit::Code(123));
        call
    }

    /// What a judge says, where each call reads first, unless a test says when.
    pub fn judged(&self) -> Vec<Violation> {
        let mut history = self.history.clone();
        let Some(like) = self.history.requests.first() else {
            return judge(&history);
        };
        let reads = |call: &&Call| {
            let mut all = self.history.requests.iter();
            !all.any(|sent| sent.method == "GET" && sent.contender == call.contender)
        };
        let looks = self.history.calls.iter().filter(reads).map(|call| Sent {
            contender: call.contender,
            at: call.started + Duration::from_millis(20),
            answered: Some(call.started + Duration::from_millis(30)),
            method: "GET".to_owned(),
            body: Value::Null,
            status: Some(200),
            upstream_status: Some(200),
            fault: None,
            ..like.clone()
        });
        history.requests.extend(looks);
        judge(&history)
    }

    /// The rules that are broken, each once.
    pub fn broken(&self) -> Vec<&'static str> {
        let mut all: Vec<_> = self.judged().iter().map(|of| of.rule).collect();
        all.dedup();
        all
    }

    /// Fails, and shows the report, unless nothing is broken.
    pub fn is_clean(&self) {
        let found = self.judged();
        assert!(
            found.is_empty(),
            "{}",
            crate::report::text(&self.history, &found)
        );
    }

    /// Fails, and shows the report, unless it is this rule that is broken and no other.
    pub fn breaks(&self, rule: &str) {
        let found = self.judged();
        assert!(
            !found.is_empty() && found.iter().all(|of| of.rule == rule),
            "{}",
            crate::report::text(&self.history, &found)
        );
    }
}

fn granted(object: &mut Value, at: u64, holder: &str) {
    let transitions = object["spec"]["leaseTransitions"].as_i64().unwrap_or(0);
    object["spec"] = json!({
        "holderIdentity": holder,
        "leaseDurationSeconds": D / 1000,
        "leaseTransitions": transitions + 1,
        "acquireTime": wall(ms(at)),
        "renewTime": wall(ms(at)),
    });
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("annotations");
    }
}

/// Frees it, as a release does.
fn freed(object: &mut Value, at: u64) {
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("holderIdentity");
        spec.insert("renewTime".to_owned(), json!(wall(ms(at))));
    }
}
