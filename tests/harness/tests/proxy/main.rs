//! Each fault of the proxy by name, against the server that the suite runs on.

lease_harness::portable_commands!();

mod counted;
mod replies;
mod watches;

use lease_harness::{Api, Cluster, Command, Fault, Match, Namespace, Proxy, lease};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(10);
/// How long a silence must last to count as one.
const SILENCE: Duration = Duration::from_millis(200);

/// A Lease `job`, and a client that reaches it through a proxy.
struct Scene {
    ns: Namespace,
    proxy: Proxy,
    api: Api,
}

impl Scene {
    fn new() -> Scene {
        let ns = Cluster::shared().namespace();
        let user = ns.user(&["get", "list", "watch", "update"]);
        ns.create(&lease("job").duration(15).build());
        let proxy = Proxy::to(ns.cluster());
        let api = proxy.api(&user);
        Scene { ns, proxy, api }
    }

    fn path(&self) -> String {
        format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases/job",
            self.ns.name()
        )
    }

    /// A PUT that makes `holder` the holder, through the proxy.
    fn put(&self, holder: &str) -> std::io::Result<(u16, Value)> {
        let mut lease = self.ns.get("job").expect("it was created");
        lease["spec"]["holderIdentity"] = json!(holder);
        let answer = self.api.call("PUT", &self.path(), Some(&lease))?;
        Ok((answer.status, answer.body))
    }

    fn get(&self) -> std::io::Result<u16> {
        Ok(self.api.call("GET", &self.path(), None)?.status)
    }

    /// A raw connection with a watch on it, past its headers.
    fn watch(&self) -> TcpStream {
        self.watch_with("")
    }

    /// With more parameters.
    fn watch_with(&self, more: &str) -> TcpStream {
        let user = self.ns.user(&["watch"]);
        let mut stream = TcpStream::connect(self.proxy.plain_url().trim_start_matches("http://"))
            .expect("it listens");
        let query = format!("?watch=true&allowWatchBookmarks=false{more}");
        let path = self.path().replace("/job", &query);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            user.token
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        stream.set_read_timeout(Some(SOON)).expect("not zero");
        assert!(read_until(&mut stream, "\"ADDED\"").starts_with("HTTP/1.1 200 OK\r\n"));
        stream
    }
}

fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(wanted) {
        let count = stream.read(&mut buffer).expect("more to read");
        assert!(count > 0, "ended after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

/// Asserts that nothing comes, for a short while.
fn assert_silent(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).expect("not zero");
    let error = stream.read(&mut [0; 4096]).expect_err("nothing to read");
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    stream.set_read_timeout(Some(SOON)).expect("not zero");
}

#[test]
fn without_faults_requests_pass_and_are_recorded() {
    let scene = Scene::new();
    assert_eq!(scene.put("me").expect("an answer").0, 200);
    assert_eq!(scene.get().expect("an answer"), 200);
    let requests = scene.proxy.requests();
    assert_eq!(requests.len(), 2);
    let put = &requests[0];
    assert_eq!(
        (
            put.method.as_str(),
            put.status,
            put.upstream_status,
            put.fault
        ),
        ("PUT", Some(200), Some(200), None)
    );
    assert_eq!(put.json()["spec"]["holderIdentity"], "me");
    assert_eq!(put.user_agent(), "lease-harness");
    assert!(put.path.ends_with("/leases/job") && put.took.is_some_and(|took| took < SOON));
}

#[test]
fn each_fault_commits_or_not_and_answers_or_not() {
    let slow =
        || Fault::status(429, "TooManyRequests", "slow down").with_header("retry-after", "32");
    let moved = || Fault::status_after_commit(500, "InternalError", "leader changed");
    for (fault, name, committed, told) in [
        (Fault::DropReply, "DropReply", true, None),
        (Fault::Refuse, "Refuse", false, None),
        (slow(), "Respond", false, Some((429, "slow down"))),
        (
            moved(),
            "RespondAfterCommit",
            true,
            Some((500, "leader changed")),
        ),
    ] {
        let scene = Scene::new();
        let put = Match::put().path("/leases/job");
        scene.proxy.fault(put, fault, 1);
        let answer = scene.put("me").ok();
        let answer = answer
            .as_ref()
            .map(|(status, body)| (*status, body["message"].as_str().unwrap_or_default()));
        assert_eq!(answer, told, "{name}");
        assert_eq!(scene.ns.holder("job").is_some(), committed, "{name}");
        let request = scene.proxy.requests().remove(0);
        let upstream = committed.then_some(200);
        let seen = (request.fault, request.upstream_status, request.status);
        assert_eq!(seen, (Some(name), upstream, told.map(|told| told.0)));
        assert_eq!(scene.get().expect("not a PUT"), 200, "{name}");
        assert_eq!(scene.put("you").expect("used up").0, 200, "{name}");
    }
}

#[test]
fn a_reset_is_a_reset_and_not_an_orderly_close() {
    let scene = Scene::new();
    scene.proxy.fault(Match::any(), Fault::Refuse, 1);
    let mut stream = TcpStream::connect(scene.proxy.plain_url().trim_start_matches("http://"))
        .expect("it listens");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("it reads");
    let error = stream.read(&mut [0; 16]).expect_err("reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_hang_never_answers_and_commits_or_not() {
    hangs(Fault::Hang, None);
    hangs(Fault::HangAfterCommit, Some("me"));
}

fn hangs(fault: Fault, holder: Option<&str>) {
    let scene = Scene::new();
    let committed = holder.is_some();
    scene.proxy.fault(
        Match::put().body(|body| body["spec"]["holderIdentity"] == "me"),
        fault,
        1,
    );
    let (sender, answer) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(scene.put("me").is_ok()));
        scene.proxy.wait_for(
            |requests| {
                requests
                    .iter()
                    .any(|r| r.upstream_status.is_some() == committed)
            },
            SOON,
        );
        assert!(answer.recv_timeout(SILENCE).is_err());
        assert_eq!(scene.ns.holder("job").as_deref(), holder);
        scene.proxy.down();
        assert!(!answer.recv_timeout(SOON).expect("ended by the reset"));
    });
}

#[test]
fn delay_and_delay_reply_answer_later() {
    for fault in [Fault::Delay(SILENCE), Fault::DelayReply(SILENCE)] {
        let scene = Scene::new();
        scene.proxy.fault(Match::put(), fault, 1);
        let start = Instant::now();
        assert_eq!(scene.put("me").expect("an answer").0, 200);
        assert!(start.elapsed() >= SILENCE);
    }
}

#[test]
fn down_resets_and_refuses_and_up_serves_at_the_same_port() {
    let scene = Scene::new();
    let mut watch = scene.watch();
    scene.proxy.down();
    assert_eq!(
        watch.read(&mut [0; 16]).expect_err("reset").kind(),
        ErrorKind::ConnectionReset
    );
    let refused = TcpStream::connect(scene.proxy.plain_url().trim_start_matches("http://"))
        .expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    scene.proxy.up();
    assert_eq!(scene.get().expect("an answer"), 200);
}

#[test]
fn up_gets_its_port_back_while_other_tests_start_processes() {
    let scene = Scene::new();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let starting = scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                assert_eq!(Command::new("true", [""; 0]).run().code, Some(0));
            }
        });
        let cycling = scope.spawn(|| {
            for _ in 0..100 {
                scene.proxy.down();
                scene.proxy.up();
            }
        });
        let cycled = cycling.join();
        ended.store(true, Ordering::Relaxed);
        starting.join().expect("`true` succeeds");
        cycled.expect("the port was free each time");
    });
    assert_eq!(scene.get().expect("the server answers"), 200);
}

#[test]
fn freeze_accepts_and_sends_nothing_until_thaw() {
    let scene = Scene::new();
    let mut watch = scene.watch();
    scene.proxy.freeze();
    scene
        .ns
        .edit("job", |lease| lease["spec"]["holderIdentity"] = json!("me"));
    let (sender, answer) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(scene.get()));
        scene.proxy.wait_for(|requests| requests.len() == 2, SOON);
        assert_silent(&mut watch);
        assert!(answer.try_recv().is_err());
        scene.proxy.thaw();
        assert_eq!(
            answer
                .recv_timeout(SOON)
                .expect("an answer")
                .expect("an answer"),
            200
        );
    });
    read_until(&mut watch, "\"MODIFIED\"");
}

#[test]
fn watches_pass_at_once_can_be_ended_cut_and_paused() {
    let scene = Scene::new();
    let hold = |holder: &str| {
        let holder = json!(holder);
        scene.ns.edit("job", |lease| {
            lease["spec"]["holderIdentity"] = holder.clone()
        });
    };
    let mut watch = scene.watch();
    hold("me");
    read_until(&mut watch, "\"MODIFIED\"");
    scene.proxy.end_watches();
    read_until(&mut watch, "0\r\n\r\n");
    let mut watch = scene.watch();
    scene.proxy.cut_watches();
    let cut = watch.read(&mut [0; 16]).expect_err("cut").kind();
    assert_eq!(cut, ErrorKind::ConnectionReset);
    let mut watch = scene.watch();
    scene.proxy.pause_watches();
    hold("you");
    assert_silent(&mut watch);
    assert_eq!(scene.get().expect("not a watch"), 200);
    let ended = |all: &[lease_harness::Request]| all.iter().filter(|one| one.server_ended).count();
    assert_eq!(ended(&scene.proxy.requests()), 0);
    scene.proxy.resume_watches();
    let mut watch = scene.watch_with("&timeoutSeconds=1");
    read_until(&mut watch, "0\r\n\r\n");
    assert_eq!(ended(&scene.proxy.requests()), 1, "by the server");
}
