//! The handle: TLS, the clock, the record of requests, seeding, and stopping.

use std::{net::TcpStream, sync::Arc};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use lease_api_server::Options;
use serde_json::{Value, json};

use crate::client::{Client, LEASES, path};

#[test]
fn tls_is_the_default_and_its_authority_is_in_the_kubeconfig() {
    let client = Client::with(Options::default());
    assert!(client.server.url().starts_with("https://127.0.0.1:"));
    assert_eq!(client.get(LEASES).code, 200);
    let kubeconfig = client.server.kubeconfig("admin", "kube-system");
    for part in [
        "certificate-authority-data: LS0t",
        "token: \"admin-token\"",
        "namespace: \"kube-system\"",
        &client.server.url(),
    ] {
        assert!(kubeconfig.contains(part), "{part} is not in {kubeconfig}");
    }
}

#[test]
fn the_date_header_is_the_servers_clock() {
    let client = Client::with(Options {
        tls: false,
        clock_offset: SignedDuration::from_hours(-5),
        ..Options::default()
    });
    let answer = client.get(LEASES);
    let date = answer
        .headers
        .get("date")
        .and_then(|date| date.to_str().ok())
        .expect("a Date");
    let date = rfc2822::DateTimeParser::new()
        .parse_timestamp(date.replace("GMT", "+0000"))
        .expect("an HTTP-date");
    let behind = Timestamp::now().duration_since(date);
    assert!(
        (SignedDuration::from_hours(5)..SignedDuration::from_mins(301)).contains(&behind),
        "{behind}"
    );
    let client = Client::with(Options {
        tls: false,
        date_header: false,
        ..Options::default()
    });
    assert_eq!(client.get(LEASES).headers.get("date"), None);
}

#[test]
fn every_request_is_recorded() {
    let client = Client::admin();
    client.create("a", json!({"holderIdentity": "x"}));
    client.get(&format!("{}?resourceVersion=0", path("b")));
    client.token("wrong").get("/version");
    let requests = client.server.requests();
    let told: Vec<_> = requests
        .iter()
        .map(|r| {
            (
                r.method.as_str(),
                r.query.as_str(),
                r.user.as_deref(),
                r.status,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("POST", "", Some("admin"), 201),
            ("GET", "resourceVersion=0", Some("admin"), 404),
            ("GET", "", None, 401)
        ]
    );
    assert_eq!(
        (requests[0].path.as_str(), requests[0].user_agent.as_str()),
        (LEASES, "tester/1.0 (test)")
    );
    assert_eq!(
        (&requests[0].body["spec"], &requests[1].body),
        (&json!({"holderIdentity": "x"}), &Value::Null)
    );
    assert!(requests[0].at <= requests[1].at);
    client.server.clear_requests();
    assert!(client.server.requests().is_empty());
}

#[test]
fn a_seeded_lease_is_stored_as_it_is() {
    let client = Client::admin();
    let seeded = client.server.seed(json!({
        "metadata": {"name": "a", "uid": "u", "creationTimestamp": "2020-01-01T00:00:00Z", "resourceVersion": "5000"},
        "spec": {"leaseDurationSeconds": -1, "unknown": true},
    }));
    assert_eq!(
        seeded["spec"],
        json!({"leaseDurationSeconds": -1, "unknown": true})
    );
    assert_eq!(
        (
            &seeded["metadata"]["uid"],
            &seeded["metadata"]["resourceVersion"]
        ),
        (&json!("u"), &json!("5000"))
    );
    assert_eq!(client.get(&path("a")).body, seeded);
    assert_eq!(client.server.lease("default", "a"), Some(seeded));
    let next = client
        .server
        .seed(json!({"metadata": {"name": "b", "resourceVersion": "7"}}));
    assert_eq!(next["metadata"]["resourceVersion"], "5001");
}

#[test]
fn dropping_the_handle_stops_the_server_and_ends_its_watches() {
    let client = Client::admin();
    let address = client.server.url().replace("http://", "");
    let mut events = client.watch("");
    let server = Arc::clone(&client.server);
    drop(client);
    drop(Arc::into_inner(server).expect("the last handle"));
    assert_eq!(events.next(), None);
    assert!(TcpStream::connect(address).is_err());
}
