//! Each kind, done to requests that it meets, on whichever of the two servers the tests run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lease_harness::{Api, Request, lease};
use serde_json::{Value, json};

use super::requests::Requests;
use super::{KINDS, client, inject, split, whole};
use crate::server::Server;
use crate::time::At;

/// So short that all kinds are tried in a moment.
const D: Duration = Duration::from_millis(60);

#[test]
fn each_kind_is_known_and_none_twice() {
    assert!(KINDS.len() >= 20);
    assert_eq!(KINDS.iter().collect::<BTreeSet<_>>().len(), KINDS.len());
    for kind in KINDS {
        let ways = [
            split(kind).is_some(),
            client::named(kind).is_some(),
            whole::named(kind).is_some(),
        ];
        assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{kind}");
    }
}

/// Watches again and again.
fn watch(server: &Server, contender: u32, ended: &AtomicBool) {
    let api = server.proxy(contender).api(server.user(contender));
    let namespace = server.namespace().name();
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
    while !ended.load(Ordering::Relaxed) {
        let watch = format!("{leases}?watch=true&timeoutSeconds=1");
        // Faults make it fail.
        let _ = api.call("GET", &watch, None);
    }
}

/// Asks for everything else that a fault can meet, again and again.
fn ask(server: &Server, contender: u32, ended: &AtomicBool) {
    let api = server.proxy(contender).api(server.user(contender));
    let namespace = server.namespace().name();
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
    let own = format!("{leases}/of-{contender}");
    let events = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    let made = lease(&format!("of-{contender}")).build();
    let call = |api: &Api, method: &str, path: &str, body: Value| {
        // Faults make it fail.
        let _ = api.call(method, path, (!body.is_null()).then_some(&body));
    };
    while !ended.load(Ordering::Relaxed) {
        call(&api, "GET", &own, Value::Null);
        call(&api, "POST", &leases, made.clone());
        call(&api, "POST", &events, json!({}));
        for change in [grant, release, acknowledge] {
            let Ok(found) = server.admin().call("GET", &own, None) else {
                continue;
            };
            let mut lease = found.body;
            change(&mut lease);
            call(&api, "PUT", &format!("{own}?dryRun=All"), lease.clone());
            call(&api, "PUT", &own, lease);
        }
    }
}

type Act = fn(&Server, u32, &AtomicBool);

fn grant(lease: &mut Value) {
    let now = "2026-01-01T00:00:00.000000Z";
    lease["spec"] = json!({ "holderIdentity": "me", "acquireTime": now, "renewTime": now });
}

fn release(lease: &mut Value) {
    lease["spec"] = json!({});
}

fn acknowledge(lease: &mut Value) {
    lease["metadata"]["annotations"] = json!({ "kubectl-lease/stopped": "1 x y" });
}

fn met(detail: &str) -> u64 {
    let met = detail.strip_prefix("met=").expect("it says whom it met");
    met.split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .expect("a number")
}

/// Ends those who ask, also when the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn each_kind_meets_requests_says_how_many_and_when_and_leaves_the_server_as_it_was() {
    let server = Server::start(4);
    let ended = AtomicBool::new(false);
    let mut random = fastrand::Rng::with_seed(7);
    thread::scope(|scope| {
        let askers: Vec<_> = (0..server.contenders())
            .flat_map(|contender| [ask as Act, ask, watch].map(|act| (contender, act)))
            .map(|(contender, act)| {
                let (server, ended) = (&server, &ended);
                scope.spawn(move || act(server, contender, ended))
            })
            .collect();
        let ending = Ending(&ended);
        let mut silent = Vec::new();
        for (kind, contender) in KINDS.iter().zip((0..4).cycle()) {
            // Who asks little may be missed by a fault that is over soon.
            let tried = (0..40).find(|_| {
                let before = At::now();
                let done = inject(kind, &mut random, &server, contender, D);
                assert_eq!((done.kind.as_str(), done.family.as_str()), (*kind, "api"));
                assert!(before <= done.begun && done.begun <= done.over && done.over <= At::now());
                let of_all = kind.starts_with("server") || kind.starts_with("etcd");
                let wanted = if of_all { vec![] } else { vec![contender] };
                assert_eq!(done.contenders, wanted);
                let met = met(&done.detail);
                let sent = server.drain().into_iter();
                // A server that is killed is told as unreachable.
                let of_this = sent.filter(|s| s.contender == contender && s.fault.is_some());
                let of_this: Vec<_> = of_this.filter(|_| split(kind).is_some()).collect();
                for sent in &of_this {
                    let answered = sent.answered.unwrap_or(sent.at);
                    // A request's time is taken a moment before a fault can meet it, which is longer on a busy machine; and
                    // both are told by clocks that were looked at one after the other.
                    let early = done.begun - Duration::from_millis(500);
                    let late = done.over + Duration::from_millis(1);
                    assert!(early <= sent.at && answered <= late, "{done:?}: {sent:?}");
                }
                let counted = split(kind).is_none() || of_this.len() as u64 == met;
                assert!(counted, "{kind}: {met} and {of_this:?}");
                met > 0
            });
            silent.extend(tried.is_none().then_some(*kind));
        }
        drop(ending);
        for asker in askers {
            asker.join().expect("it only asks");
        }
        assert_eq!(silent, [""; 0], "met nobody");
    });
    server.drain();
    for contender in 0..server.contenders() {
        let api = server.proxy(contender).api(server.user(contender));
        let answer = api.call("GET", "/version", None);
        assert_eq!(answer.expect("nothing is on any more").status, 200);
    }
    let sent = server.drain();
    let faults: Vec<_> = sent.iter().map(|sent| sent.fault.as_deref()).collect();
    assert_eq!(faults, [None; 4]);
}

#[test]
fn a_fault_that_meets_nobody_says_so_and_ends() {
    let server = Server::start(1);
    let mut random = fastrand::Rng::with_seed(1);
    for kind in KINDS.iter().filter(|kind| whole::named(kind).is_none()) {
        let done = inject(kind, &mut random, &server, 0, Duration::from_millis(5));
        assert_eq!(met(&done.detail), 0, "{kind}");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a request has one")]
fn requests_are_told_apart() {
    let request = |method: &str, query: &str, body: Value| Request {
        number: 1,
        connection: 1,
        method: method.into(),
        path: "/apis/coordination.k8s.io/v1/namespaces/ns/leases/job".into(),
        query: query.into(),
        headers: Vec::new(),
        body: body.to_string(),
        at: std::time::Instant::now(),
        took: None,
        upstream_status: None,
        status: None,
        fault: None,
        over: false,
        server_ended: false,
    };
    let put = |change: fn(&mut Value)| {
        let mut body = lease("job").holder("me").build();
        change(&mut body);
        request("PUT", "", body)
    };
    let all = [
        Requests::Get,
        Requests::Put,
        Requests::Grant,
        Requests::Release,
        Requests::Acknowledgement,
        Requests::Try,
        Requests::Post,
        Requests::Watch,
    ];
    let sorts = |request: Request| {
        let sorts = all.into_iter().filter(|sort| sort.has(&request));
        sorts.collect::<Vec<_>>()
    };
    assert_eq!(sorts(put(|_| ())), [Requests::Put]);
    assert_eq!(sorts(put(grant)), [Requests::Put, Requests::Grant]);
    assert_eq!(sorts(put(release)), [Requests::Put, Requests::Release]);
    assert_eq!(
        sorts(put(acknowledge)),
        [Requests::Put, Requests::Acknowledgement]
    );
    assert_eq!(
        sorts(request("PUT", "dryRun=All", json!({}))),
        [Requests::Try]
    );
    assert_eq!(sorts(request("POST", "", json!({}))), [Requests::Post]);
    assert_eq!(
        sorts(request("GET", "watch=true", json!({}))),
        [Requests::Watch]
    );
    assert_eq!(sorts(request("GET", "", json!({}))), [Requests::Get]);
}
