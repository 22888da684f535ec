//! Requests that come late or twice, and replies that are redated, broken off or very slow.

use super::{SILENCE, SOON, Scene};
use lease_harness::{Active, Fault, Match, lease};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// What comes back for a PUT that makes `me` the holder, byte by byte, and how the connection ends.
fn reply(scene: &Scene, fault: Fault) -> (String, Option<ErrorKind>, Active) {
    let active = scene.proxy.program(Match::put(), fault, 1);
    let mut stream = send(scene, "PUT");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).err();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (text, end.map(|end| end.kind()), active)
}

/// A PUT that makes `me` the holder, or a GET, on a connection of its own.
fn send(scene: &Scene, method: &str) -> TcpStream {
    let user = scene.ns.user(&["get", "update"]);
    let mut lease = scene.ns.get("job").expect("it was created");
    lease["spec"]["holderIdentity"] = json!("me");
    let body = if method == "PUT" {
        lease.to_string()
    } else {
        String::new()
    };
    let request = format!(
        "{method} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        scene.path(),
        user.token,
        body.len(),
    );
    let address = scene.proxy.plain_url().replace("http://", "");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    stream.set_read_timeout(Some(SOON)).expect("not zero");
    stream
}

/// How long the reply says that its body is, and how long it is.
fn lengths(reply: &str) -> (usize, usize) {
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    let head = head.to_lowercase();
    let (_, said) = head.split_once("content-length: ").expect("a length");
    let said = said.lines().next().and_then(|text| text.parse().ok());
    (said.expect("a number"), body.len())
}

#[test]
fn a_truncated_reply_ends_in_the_middle_in_good_order_and_a_broken_one_in_a_reset() {
    let reset = Some(ErrorKind::ConnectionReset);
    for (fault, end) in [(Fault::Truncate, None), (Fault::Break, reset)] {
        let scene = Scene::new();
        let name = format!("{fault:?}");
        let (reply, ended, active) = reply(&scene, fault);
        assert_eq!(ended, end, "{name}");
        let (said, came) = lengths(&reply);
        assert!(0 < came && came < said, "{name}: {came} of {said}");
        assert_eq!(scene.ns.holder("job").as_deref(), Some("me"), "{name}");
        assert!(active.released(SOON).is_some());
    }
}

#[test]
fn a_trickling_reply_comes_whole_and_slowly_and_counts_as_under_way_until_then() {
    let scene = Scene::new();
    let start = Instant::now();
    let (reply, ended, active) = reply(&scene, Fault::Trickle(2 * SILENCE));
    assert!(start.elapsed() >= 2 * SILENCE);
    assert_eq!(ended, None);
    let (said, came) = lengths(&reply);
    assert_eq!(said, came);
    let released = active.released(SOON).expect("it was met");
    assert!(released - start >= 2 * SILENCE - SILENCE / 10);
}

#[test]
fn the_date_of_a_reply_is_moved_both_ways_and_nothing_else() {
    let hour = 3600;
    let mut dates = [0, -2 * hour, 5 * hour].map(|seconds| {
        let scene = Scene::new();
        scene.proxy.program(Match::get(), Fault::Redate(seconds), 1);
        let mut stream = send(&scene, "GET");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("all of it");
        let (said, came) = lengths(&reply);
        assert_eq!(said, came);
        let head = reply.to_lowercase();
        let (_, date) = head.split_once("\ndate: ").expect("a date");
        let date = date.lines().next().expect("a line").replace("gmt", "+0000");
        let date = jiff::fmt::rfc2822::parse(&date).expect("an HTTP-date");
        date.timestamp().as_second() - seconds
    });
    dates.sort_unstable();
    assert!(dates[2] - dates[0] < hour / 2, "{dates:?}");
}

#[test]
fn what_is_sent_twice_is_carried_out_twice_and_answered_once() {
    let scene = Scene::new();
    let api = scene.proxy.api(&scene.ns.user(&["create"]));
    let twice = Fault::Twice(SILENCE);
    let active = scene.proxy.program(Match::post(), twice, 1);
    let mut lease = lease("x").build();
    lease["metadata"] = json!({ "generateName": "twice-" });
    let answer = api.call("POST", &scene.path().replace("/job", ""), Some(&lease));
    assert_eq!(answer.expect("an answer").status, 201);
    assert_eq!(made_twice(&scene), 1);
    active.released(SOON).expect("it was met");
    assert_eq!(made_twice(&scene), 2);
    assert_eq!(scene.proxy.requests().len(), 1);
}

fn made_twice(scene: &Scene) -> usize {
    let list = scene.path().replace("/job", "");
    let list = scene.ns.cluster().admin().call("GET", &list, None);
    let list = list.expect("an answer").body;
    let names = list["items"].as_array().expect("a list").iter();
    names
        .filter(|lease| {
            let name = lease["metadata"]["name"].as_str();
            name.is_some_and(|name| name.starts_with("twice-"))
        })
        .count()
}

#[test]
fn what_is_late_is_carried_out_also_when_its_client_has_gone_and_what_is_delayed_is_not() {
    for (fault, holder) in [
        (Fault::Late(SILENCE), Some("me")),
        (Fault::Delay(SILENCE), None),
    ] {
        let scene = Scene::new();
        let name = format!("{fault:?}");
        let active = scene.proxy.program(Match::put(), fault, 1);
        let mut stream = send(&scene, "PUT");
        let begun = Instant::now();
        assert!(active.wait_met(1, SOON));
        stream.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(stream.read(&mut [0; 16]).expect("no reset"), 0, "{name}");
        assert_eq!(scene.ns.holder("job"), None, "{name}");
        let released = active.released(SOON).expect("it was met");
        let in_time = holder.is_none() || released - begun >= SILENCE / 2;
        assert!(in_time, "{name}: {:?}", released - begun);
        assert_eq!(scene.ns.holder("job").as_deref(), holder, "{name}");
    }
}
