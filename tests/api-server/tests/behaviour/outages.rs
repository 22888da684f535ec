//! Outages on request: gone and back again, and a storage that does not answer.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::client::{Client, LEASES, lease, path};

const SOON: Duration = Duration::from_secs(20);
/// How long nothing must come to count as silence.
const SILENCE: Duration = Duration::from_millis(150);

#[test]
fn down_ends_every_connection_and_refuses_and_up_serves_what_was_stored_at_the_same_address() {
    let client = Client::admin();
    client.create("a", json!({}));
    let address = client.server.url().replace("http://", "");
    for _ in 0..20 {
        let mut events = client.watch("");
        assert!(events.next().is_some());
        client.server.down();
        let begun = Instant::now();
        assert_eq!(events.next(), None);
        // The client gives a watch up too, later.
        assert!(begun.elapsed() < SOON / 2);
        let refused = TcpStream::connect(&address).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        client.server.up();
        assert_eq!(client.get(&path("a")).code, 200);
    }
}

#[test]
fn a_paused_server_carries_everything_out_when_it_goes_on() {
    let client = Client::admin();
    client.server.pause();
    assert_eq!(client.get("/version").code, 200);
    let (sender, answer) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(client.post(LEASES, &lease("a", json!({}))).code));
        assert!(answer.recv_timeout(SILENCE).is_err());
        assert_eq!(client.server.lease("default", "a"), None);
        client.server.resume();
        assert_eq!(answer.recv_timeout(SOON), Ok(201));
    });
}

#[test]
fn a_paused_server_carries_out_also_what_nobody_waits_for_any_more() {
    let client = Client::admin();
    client.server.pause();
    let body = lease("a", json!({})).to_string();
    let mut stream =
        TcpStream::connect(client.server.url().replace("http://", "")).expect("it listens");
    let head = format!(
        "POST {LEASES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    until(|| client.server.waiting() == 1);
    // The server lets go of the connection: its end of it is closed too.
    stream.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(stream.read(&mut [0; 16]).expect("no reset"), 0);
    client.server.resume();
    until(|| client.server.lease("default", "a").is_some());
}

fn until(met: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !met() {
        assert!(Instant::now() < deadline, "not met after {SOON:?}");
        thread::sleep(Duration::from_millis(2));
    }
}
