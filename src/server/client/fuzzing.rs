//! What servers answer: the lines of a watch, cut anywhere, and the answers that are no success.

use std::convert::Infallible;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::StreamBody;
use hyper::body::Frame;
use kube::config::Kubeconfig;
use serde_json::Value;

use super::body::{Most, lines};
use super::lease::told;
use super::{Client, date, numbers, rejection};
use crate::lease::api::{Fault, LeaseEvent};
use crate::lease::record::Keep;
use crate::server::kubeconfig::resolve;
use crate::server::ready::Ready;
use crate::server::{Connection, ConnectionOptions};

const SERVER: &str = "http://server.example:6443";

thread_local! {
    static STORE: Client = Client::new(connection());
}

/// One that nothing is ever sent by.
fn connection() -> Connection {
    let options = ConnectionOptions {
        server: Some(SERVER.to_owned()),
        ..ConnectionOptions::default()
    };
    let resolved = resolve(Kubeconfig::default(), &options);
    let ready = resolved.and_then(|resolved| Ready::resolved(resolved, &options));
    let connection = ready.and_then(|ready| Connection::of(ready, &options));
    connection.unwrap_or_else(|error| panic!("{:?}", error.lines()))
}

/// The size of the pieces, and what a watch says in them.
pub fn watch(input: &[u8]) {
    let Some((size, body)) = input.split_first() else {
        return;
    };
    let size = usize::from(*size) + 1;
    let found = cut(body, size, Most::LEASE);
    let all: Vec<&[u8]> = match body.strip_suffix(b"\n") {
        _ if body.is_empty() => Vec::new(),
        Some(whole) => whole.split(|byte| *byte == b'\n').collect(),
        None => body.split(|byte| *byte == b'\n').collect(),
    };
    let read = found
        .iter()
        .map(|line| line.as_deref().expect("none is too long"));
    assert!(read.eq(all), "in pieces of {size}");
    let few = Most {
        bytes: 100,
        what: "a test",
    };
    for line in cut(body, size, few) {
        match line {
            // One piece more is there before it is counted.
            Ok(line) => assert!(line.len() <= few.bytes + size),
            Err(fault) => assert!(matches!(fault, Fault::Foreign { .. })),
        }
    }
    STORE.with(|store| {
        found
            .into_iter()
            .flatten()
            .for_each(|line| event(store, &line))
    });
}

/// The lines of a body that comes in pieces of this size.
fn cut(body: &[u8], size: usize, most: Most) -> Vec<Result<Bytes, Fault>> {
    let pieces: Vec<Bytes> = body.chunks(size).map(Bytes::copy_from_slice).collect();
    let frames = pieces
        .into_iter()
        .map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let body = StreamBody::new(stream::iter(frames));
    let all = lines(body, most, SERVER.to_owned())
        .collect()
        .now_or_never();
    all.expect("all of it is there")
}

fn event(store: &Client, line: &[u8]) {
    let told = told(store, line, |lease| lease.name() == "job");
    let whole: Value = serde_json::from_slice(line).unwrap_or_default();
    match told {
        Ok(Some(LeaseEvent::Lease(record))) => {
            assert_eq!(record.name(), "job");
            assert_eq!(record.as_json(), &whole["object"]);
            // Whoever follows many Leases takes it for the same.
            let object = whole["object"].to_string();
            let facts = Keep::Facts.one(object.as_bytes()).expect("it is a Lease");
            assert_eq!(facts, Keep::Facts.of(&record));
        }
        Ok(Some(LeaseEvent::Deleted)) => assert_eq!(whole["type"], "DELETED"),
        Ok(_) => {}
        Err(fault) => drop(fault.to_string()),
    }
}

/// A status, what a header says, a NUL, and the body of an answer.
pub fn answer(input: &[u8]) {
    let Some((&[high, low], rest)) = input.split_first_chunk() else {
        return;
    };
    let end = rest
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(rest.len());
    let (said, body) = rest.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let status = StatusCode::from_u16(u16::from_be_bytes([high, low])).unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(said) {
        for name in [header::LOCATION, header::RETRY_AFTER, header::DATE] {
            headers.insert(name, value.clone());
        }
    }
    let _ = date(&headers);
    let read: Value = serde_json::from_slice(body).unwrap_or_default();
    let _ = numbers(&read);
    STORE.with(|store| {
        let connection = &store.connection;
        for fault in [
            rejection(status, &headers, body, connection),
            store.foreign(body, "a Lease"),
        ] {
            let said = fault.to_string();
            // A message is the server's own; a page is cut.
            let message = read["message"].as_str().map_or(0, str::len);
            assert!(
                said.len() < 2_000 + 4 * (message + end + read["kind"].to_string().len()),
                "{said}"
            );
            let _ = (
                fault.retry_after(),
                fault.is_transient(),
                fault.may_hide_success(),
            );
            let _ = (fault.is_of_credentials(), fault.leaves_outcome_open());
        }
    });
}
