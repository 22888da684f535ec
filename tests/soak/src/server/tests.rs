//! The server under the soak, on whichever of the two the tests run.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use lease_harness::{Fault, Match, lease};
use serde_json::{Value, json};

use super::Server;
use crate::faults::api::inject;
use crate::history::Commit;
use crate::time::At;

fn path(server: &Server, name: &str) -> String {
    let namespace = server.namespace().name();
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}");
    path.trim_end_matches('/').to_owned()
}

/// One request of a contender's.
fn ask(server: &Server, contender: u32, method: &str, query: &str, body: &Value) -> Option<Value> {
    let api = server.proxy(contender).api(server.user(contender));
    let name = if method == "POST" { "" } else { "job" };
    let path = path(server, name) + query;
    let body = (!body.is_null()).then_some(body);
    api.call(method, &path, body).ok().map(|answer| answer.body)
}

fn held(mut lease: Value, holder: &str) -> Value {
    lease["spec"]["holderIdentity"] = json!(holder);
    lease
}

/// Five writes that are stored, one without an answer, and some that are not, over a kill of the server.
fn course(server: &Server) -> [Value; 4] {
    let created = ask(server, 0, "POST", "", &lease("job").build()).expect("an answer");
    let tried = ask(server, 0, "PUT", "?dryRun=All", &held(created.clone(), "x"));
    assert_eq!(tried.expect("an answer")["spec"]["holderIdentity"], "x");
    server.proxy(1).fault(Match::put(), Fault::DropReply, 1);
    assert_eq!(ask(server, 1, "PUT", "", &held(created.clone(), "y")), None);
    let conflict = ask(server, 0, "PUT", "", &held(created.clone(), "z"));
    assert_eq!(conflict.expect("an answer")["code"], 409);
    let updated = server.namespace().get("job").expect("it is there");
    match (
        server.cluster().control_plane(),
        server.cluster().api_server(),
    ) {
        (Some(plane), _) => {
            plane.stop_api_server();
            plane.start_api_server();
        }
        (None, Some(own)) => {
            own.down();
            own.up();
        }
        (None, None) => panic!("neither server is there"),
    }
    let patch = json!({ "metadata": { "labels": { "a": "b" } } });
    let patched = ask(server, 1, "PATCH", "", &patch).expect("an answer");
    let again = ask(server, 0, "PATCH", "", &patch).expect("an answer");
    assert_eq!(again, patched);
    let kept = ask(server, 0, "PUT", "", &patched).expect("an answer");
    assert_eq!(kept, patched);
    ask(server, 2, "DELETE", "", &Value::Null).expect("an answer");
    let anew = server.namespace().create(&lease("job").build());
    [created, updated, patched, anew]
}

#[test]
fn every_write_that_was_stored_is_told_with_its_writer_and_its_time_and_no_other() {
    let server = Server::start(3);
    let begun = crate::time::At::now();
    let [created, updated, patched, anew] = course(&server);
    let commits = server.commits();

    let admin = server.namespace().admin().name;
    let user = |contender| server.user(contender).name.as_str();
    let told: Vec<_> = commits
        .iter()
        .map(|commit| (commit.verb.as_str(), commit.user.as_deref()))
        .collect();
    let wanted = [
        ("create", user(0)),
        ("update", user(1)),
        ("patch", user(1)),
        ("delete", user(2)),
        ("create", admin.as_str()),
    ];
    assert_eq!(told, wanted.map(|(verb, user)| (verb, Some(user))));
    let after = [
        Some(created),
        Some(updated),
        Some(patched),
        None,
        Some(anew),
    ];
    let after = after.map(Value::from);
    let mut before = Value::Null;
    let mut since = begun;
    for (commit, after) in commits.iter().zip(after) {
        assert_eq!(
            essence(&commit.before),
            essence(&Some(before)),
            "{commit:?}"
        );
        assert_eq!(
            essence(&commit.after),
            essence(&Some(after.clone())),
            "{commit:?}"
        );
        let (received, answered) = (
            commit.received.expect("told"),
            commit.answered.expect("told"),
        );
        // The audit log's times have microseconds.
        assert!(
            since.0 <= received.0 + 1_000 && received <= answered,
            "{commit:?}"
        );
        since = received;
        before = after;
    }
    assert!(commits.is_sorted_by_key(|commit: &Commit| commit.revision));
}

/// What the two ways to see an object have in common.
fn essence(object: &Option<Value>) -> Value {
    let object = object.clone().unwrap_or_default();
    let own = &object["metadata"];
    json!([
        own["uid"],
        own["resourceVersion"],
        own["labels"],
        own["managedFields"],
        object["spec"]
    ])
}

#[test]
#[allow(clippy::disallowed_macros, reason = "what is skipped is said")]
fn the_audit_log_and_the_storage_tell_the_same() {
    let server = Server::start(3);
    let Some(plane) = server.cluster().control_plane() else {
        eprintln!("SKIPPED: the in-process server has one log");
        return;
    };
    course(&server);
    let stored: Vec<Value> = server.commits().iter().map(|c| essence(&c.after)).collect();
    let log = fs::read_to_string(plane.audit_log()).expect("there is one");
    let events = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let mut told: Vec<Value> = events
        .filter(|event: &Value| {
            let uri = event["requestURI"].as_str().unwrap_or_default();
            event["responseStatus"]["code"]
                .as_u64()
                .is_some_and(|code| code < 300)
                && uri.contains(server.namespace().name())
                && !uri.contains("dryRun")
        })
        .map(|event| match event["verb"] == "delete" {
            true => essence(&None),
            false => essence(&Some(event["responseObject"].clone())),
        })
        .collect();
    // What changes nothing is answered with what is stored.
    told.dedup();
    assert_eq!(stored, told);
    assert_eq!(stored.len(), 5);
}

/// What writers are told, and whether they are to go on.
#[derive(Default)]
struct Writers {
    /// The resourceVersions of writes that were acknowledged, with whose they are.
    acknowledged: Mutex<Vec<(u64, u32)>>,
    ended: AtomicBool,
}

impl Writers {
    fn acknowledged(&self) -> MutexGuard<'_, Vec<(u64, u32)>> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one lease as fast as it can.
    fn write(&self, server: &Server, contender: u32) {
        let api = server.proxy(contender).api(server.user(contender));
        let path = path(server, "job");
        for number in 0.. {
            if self.ended.load(Ordering::Relaxed) {
                return;
            }
            let Ok(found) = api.call("GET", &path, None) else {
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            let next = held(found.body, &format!("{contender}-{number}"));
            if let Ok(answer) = api.call("PUT", &path, Some(&next))
                && answer.status == 200
            {
                let version = answer.body["metadata"]["resourceVersion"].as_str();
                let version = version.expect("it has one").parse().expect("a number");
                self.acknowledged().push((version, contender));
            }
        }
    }

    /// Waits until some more have been acknowledged.
    fn go_on(&self) {
        let (before, begun) = (self.acknowledged().len(), At::now());
        while self.acknowledged().len() < before + 20 {
            assert!(
                At::now().since(begun) < super::SETTLES,
                "nothing is written"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

/// Ends the writers, also when the test fails.
struct Ending<'a>(&'a Writers);

#[test]
fn no_write_that_was_acknowledged_is_missing_however_often_the_server_is_killed() {
    let server = Server::start(3);
    server.namespace().create(&lease("job").build());
    let writers = Writers::default();
    thread::scope(|scope| {
        let ending = Ending(&writers);
        for contender in 0..3 {
            let (server, writers) = (&server, &writers);
            scope.spawn(move || writers.write(server, contender));
        }
        let mut random = fastrand::Rng::with_seed(3);
        for kind in [
            "server-killed",
            "etcd-paused",
            "server-killed",
            "server-frozen",
        ] {
            writers.go_on();
            inject(kind, &mut random, &server, 0, Duration::from_millis(300));
            server.drain();
        }
        writers.go_on();
        drop(ending);
    });
    let commits = server.commits();
    let told: BTreeMap<u64, Option<&str>> = commits
        .iter()
        .map(|commit| (commit.revision, commit.user.as_deref()))
        .collect();
    assert_eq!(told.len(), commits.len());
    let acknowledged = writers.acknowledged();
    for (version, contender) in &*acknowledged {
        let user = told.get(version).expect("an acknowledged write is stored");
        let own = &server.user(*contender).name;
        assert!(
            user.is_none_or(|user| user == own),
            "{version}: {user:?}, and {own}"
        );
    }
    let nobodys = told.values().filter(|user| user.is_none()).count();
    // Of each kill at most one of each writer's.
    assert!(nobodys <= 6, "{nobodys}");
    for pair in commits.windows(2) {
        assert_eq!(pair[0].after, pair[1].before);
    }
}

#[test]
fn requests_are_told_once_with_the_contender_that_sent_them() {
    let server = Server::start(3);
    course(&server);
    for contender in 0..3 {
        let proxy = server.proxy(contender);
        assert!(proxy.wait_over(proxy.arrived(), super::SETTLES));
    }
    let sent = server.drain();
    let told: Vec<_> = sent
        .iter()
        .map(|s| (s.contender, s.method.as_str(), s.status, s.fault.as_deref()))
        .collect();
    let dropped = (1, "PUT", None, Some("DropReply"));
    let wanted = [
        (0, "POST", Some(201), None),
        (0, "PUT", Some(200), None),
        dropped,
        (0, "PUT", Some(409), None),
        (1, "PATCH", Some(200), None),
        (0, "PATCH", Some(200), None),
        (0, "PUT", Some(200), None),
        (2, "DELETE", Some(200), None),
    ];
    assert_eq!(told, wanted);
    assert_eq!(sent[1].query, "dryRun=All");
    assert_eq!(sent[2].upstream_status, Some(200));
    assert_eq!(sent[2].body["spec"]["holderIdentity"], "y");
    assert!(
        sent.iter()
            .all(|s| s.answered.is_some_and(|answered| s.at <= answered))
    );
    assert_eq!(server.drain(), []);
}
