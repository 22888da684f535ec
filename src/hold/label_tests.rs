//! A pod labelled through lost replies, conflicts, refusals and late requests: by a simulated server, on a clock that jumps.

#[path = "label_own_tests.rs"]
mod own;

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::lease::api::{Rejection, RejectionKind};

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Carried out, and answered.
    Done,
    /// Carried out; the answer is lost.
    Unanswered,
    /// Carried out later, when [`Server::carry_out`] says so; the answer is lost.
    Late,
    /// Refused with this status.
    Refused(u16),
    /// Somebody else changes the pod first.
    Overtaken,
}

/// A server that has one pod.
#[derive(Default)]
struct Server {
    pod: RefCell<Option<Value>>,
    version: Cell<u64>,
    /// What becomes of the next requests.
    fates: RefCell<Vec<Fate>>,
    late: RefCell<Vec<Value>>,
    requests: Cell<usize>,
    now: Cell<Duration>,
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    for (key, value) in fields {
        if value.is_null() {
            target.as_object_mut().expect("an object").remove(key);
        } else {
            if !target[key].is_object() && value.is_object() {
                target[key] = json!({});
            }
            merge(&mut target[key], value);
        }
    }
}

/// As a server says it: with the pod's name, which can have any word in it.
fn said(code: u16) -> String {
    format!("Operation cannot be fulfilled on pods \"druid-0\": {code}, no")
}

fn rejected(code: u16, message: &str) -> Fault {
    Fault::Rejected(Rejection {
        code,
        reason: "No".to_owned(),
        message: message.to_owned(),
        kind: match code {
            403 => RejectionKind::Forbidden,
            409 => RejectionKind::Conflict,
            429 => RejectionKind::TooManyRequests { retry_after: None },
            _ => RejectionKind::Invalid,
        },
        advice: None,
        is_status: true,
    })
}

impl Server {
    fn with(pod: Value) -> Rc<Self> {
        let server = Self::default();
        server.version.set(7);
        *server.pod.borrow_mut() = Some(pod);
        Rc::new(server)
    }

    fn then(&self, fates: &[Fate]) {
        *self.fates.borrow_mut() = fates.iter().rev().copied().collect();
    }

    fn change(&self) {
        self.version.set(self.version.get() + 1);
        let version = self.version.get().to_string();
        if let Some(pod) = self.pod.borrow_mut().as_mut() {
            pod["metadata"]["resourceVersion"] = version.into();
        }
    }

    fn carry_out(&self, patch: &Value) -> Result<Value, Fault> {
        let before = self.pod.borrow().clone();
        let mut pod = before
            .clone()
            .ok_or_else(|| rejected(404, "pods \"p\" not found"))?;
        let (asked, there) = (&patch["metadata"], &pod["metadata"]);
        if asked["uid"].is_string() && asked["uid"] != there["uid"] {
            return Err(rejected(422, "metadata.uid: field is immutable"));
        }
        if asked["resourceVersion"].is_string()
            && asked["resourceVersion"] != there["resourceVersion"]
        {
            return Err(rejected(409, "the object has been modified"));
        }
        merge(&mut pod, patch);
        let changed = before.as_ref() != Some(&pod);
        *self.pod.borrow_mut() = Some(pod);
        if changed {
            self.change();
        }
        Ok(self.pod.borrow().clone().expect("it is there"))
    }

    /// Everything that was held back comes now.
    fn late_ones_come(&self) {
        for patch in self.late.take() {
            let _ = self.carry_out(&patch);
        }
    }

    fn value(&self) -> Option<String> {
        let pod = self.pod.borrow();
        Some(
            pod.as_ref()?["metadata"]["labels"]["role"]
                .as_str()?
                .to_owned(),
        )
    }

    fn annotations(&self) -> Value {
        self.pod.borrow().as_ref().expect("a pod")["metadata"]["annotations"].clone()
    }
}

impl Objects for Rc<Server> {
    async fn object(&self, _: &str, _: Duration) -> Result<Value, Fault> {
        unreachable!("there is no permission to get it")
    }

    async fn objects(&self, _: &str, _: u32, _: Option<&str>, _: Duration) -> Result<Value, Fault> {
        unreachable!("nor to list it")
    }

    async fn post(&self, _: &str, _: &Value, _: Duration) -> Result<Value, Fault> {
        unreachable!("nor to make one")
    }

    async fn patch(&self, path: &str, patch: &Value, _: Duration) -> Result<Value, Fault> {
        assert_eq!(path, "/api/v1/namespaces/n/pods/p");
        self.requests.set(self.requests.get() + 1);
        let fate = self.fates.borrow_mut().pop().unwrap_or(Fate::Done);
        let lost = Err(Fault::Unknown("no answer".to_owned()));
        match fate {
            Fate::Done => self.carry_out(patch),
            Fate::Unanswered => {
                let _ = self.carry_out(patch);
                lost
            }
            Fate::Late => {
                self.late.borrow_mut().push(patch.clone());
                lost
            }
            Fate::Refused(code) => Err(rejected(code, &said(code))),
            Fate::Overtaken => {
                self.change();
                self.carry_out(patch)
            }
        }
    }
}

/// Time goes on when somebody waits for it.
impl Clock for Rc<Server> {
    fn now(&self) -> Instant {
        Instant::from_origin(self.now.get())
    }

    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    async fn sleep_until(&self, instant: Instant) {
        self.now.set(self.now.get().max(instant.since_origin()));
    }
}

const PATIENCE: Duration = Duration::from_secs(15);

fn pod() -> Value {
    json!({ "metadata": {
        "uid": "u", "resourceVersion": "7", "labels": { "app": "web" }, "annotations": { "a": "b" },
        "ownerReferences": [{ "kind": "ReplicaSet", "controller": true }],
    }})
}

fn labelled(server: &Rc<Server>) -> LabelledPod<Rc<Server>, Rc<Server>> {
    let label = Label {
        key: "role".to_owned(),
        value: "active".to_owned(),
    };
    let place = Place {
        namespace: "n".to_owned(),
        pod: "p".to_owned(),
        label,
    };
    LabelledPod::new(server.clone(), server.clone(), place, None)
}

/// None of these waits for anything but its own clock.
fn done<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it does not wait")
}

#[track_caller]
fn set(label: &impl PodLabel) -> Result<(), Trouble> {
    done(label.set(PATIENCE))
}

#[track_caller]
fn cleared(label: &impl PodLabel) {
    assert_eq!(done(label.clear(PATIENCE, &|_| ())), Ok(()));
}

#[test]
fn it_is_set_and_taken_off_in_one_request_each_and_nothing_else_is_touched() {
    let server = Server::with(pod());
    let label = labelled(&server);
    assert_eq!(done(label.prepare(PATIENCE)), Ok(()));
    assert_eq!(server.requests.get(), 1);
    assert_eq!(server.version.get(), 7, "nothing was changed");
    assert_eq!(set(&label), Ok(()));
    assert_eq!(
        (server.value().as_deref(), server.requests.get()),
        (Some("active"), 2)
    );
    cleared(&label);
    assert_eq!((server.value(), server.requests.get()), (None, 3));
    assert_eq!(server.annotations(), json!({ "a": "b" }));
}

#[test]
fn whatever_becomes_of_the_requests_it_is_as_it_was_aimed_at() {
    let fates = [
        Fate::Done,
        Fate::Unanswered,
        Fate::Late,
        Fate::Overtaken,
        Fate::Refused(429),
        Fate::Refused(409),
    ];
    for first in fates {
        for second in fates {
            for third in fates {
                let server = Server::with(pod());
                let label = labelled(&server);
                server.then(&[first, second, third]);
                assert_eq!(set(&label), Ok(()));
                assert_eq!(server.value().as_deref(), Some("active"));
                server.then(&[third, first, second]);
                cleared(&label);
                assert_eq!(server.value(), None);
                server.late_ones_come();
                assert_eq!(server.value(), None, "a late request has set it");
                // And those of a run before do not take it off again.
                server.then(&[second, third]);
                assert_eq!(set(&label), Ok(()));
                server.late_ones_come();
                assert_eq!(server.value().as_deref(), Some("active"));
            }
        }
    }
}

#[test]
fn a_request_that_nobody_listens_to_any_more_does_not_set_it_afterwards() {
    let server = Server::with(pod());
    let label = labelled(&server);
    assert_eq!(done(label.prepare(PATIENCE)), Ok(()));
    server.then(&[Fate::Late]);
    // Given up by whoever waited: the lease was lost meanwhile.
    assert!(done(label.set(Duration::from_millis(1))).is_err());
    assert_eq!(server.late.borrow().len(), 1);
    cleared(&label);
    server.late_ones_come();
    assert_eq!(server.value(), None);
    assert_eq!(server.annotations(), json!({ "a": "b" }));
}

#[test]
fn what_an_earlier_process_has_left_is_taken_off() {
    let server = Server::with(pod());
    assert_eq!(set(&labelled(&server)), Ok(()));
    let restarted = labelled(&server);
    assert_eq!(done(restarted.prepare(PATIENCE)), Ok(()));
    assert_eq!(server.value(), None);
}

#[test]
fn a_label_of_somebody_elses_is_refused_and_left() {
    for value in ["active", "standby"] {
        let mut pod = pod();
        pod["metadata"]["labels"]["role"] = value.into();
        let server = Server::with(pod);
        let label = labelled(&server);
        let foreign = Err(Trouble::Foreign(value.to_owned()));
        assert_eq!(done(label.prepare(PATIENCE)), foreign);
        assert_eq!(set(&label), foreign);
        assert_eq!(server.value().as_deref(), Some(value));
    }
}

#[test]
fn a_pod_that_got_the_name_afterwards_is_neither_labelled_nor_touched() {
    let server = Server::with(pod());
    let label = labelled(&server);
    assert_eq!(set(&label), Ok(()));
    let mut next = pod();
    next["metadata"]["uid"] = "another".into();
    next["metadata"]["labels"]["role"] = "active".into();
    *server.pod.borrow_mut() = Some(next.clone());
    cleared(&label);
    assert_eq!(set(&label), Err(Trouble::Another));
    assert_eq!(server.pod.borrow().as_ref(), Some(&next));
    // One that is gone carries nothing.
    *server.pod.borrow_mut() = None;
    cleared(&label);
    assert_eq!(set(&label), Err(Trouble::Missing));
}

#[test]
fn a_server_that_says_conflict_for_a_reason_of_its_own_is_not_asked_without_a_pause() {
    let server = Server::with(pod());
    let label = labelled(&server);
    assert_eq!(done(label.prepare(PATIENCE)), Ok(()));
    // Every write; not the reads between them.
    server.then(&[Fate::Refused(409), Fate::Done].repeat(500));
    assert!(set(&label).is_err());
    assert!(server.requests.get() < 100, "{}", server.requests.get());
    assert_eq!(server.value(), None);
}

#[test]
fn a_server_that_stores_something_else_is_not_asked_for_ever() {
    let server = Server::with(pod());
    let label = labelled(&server);
    assert_eq!(done(label.prepare(PATIENCE)), Ok(()));
    // Answered as if it were done, again and again.
    server.then(&[Fate::Done; 8]);
    struct Drops(Rc<Server>);
    impl Objects for Drops {
        async fn object(&self, _: &str, _: Duration) -> Result<Value, Fault> {
            unreachable!()
        }
        async fn objects(
            &self,
            _: &str,
            _: u32,
            _: Option<&str>,
            _: Duration,
        ) -> Result<Value, Fault> {
            unreachable!()
        }
        async fn post(&self, _: &str, _: &Value, _: Duration) -> Result<Value, Fault> {
            unreachable!()
        }
        async fn patch(&self, _: &str, _: &Value, _: Duration) -> Result<Value, Fault> {
            Ok(self.0.pod.borrow().clone().expect("a pod"))
        }
    }
    let place = label.place().clone();
    let label = LabelledPod::new(Drops(server.clone()), server.clone(), place, None);
    assert_eq!(set(&label), Err(Trouble::Altered));
}
