//! What each answer of a server means, over real connections: of the closed set of `lease::api`.

use std::time::Duration;

use lease_harness::lease_api_server::Options;
use lease_harness::{Cluster, Fault as Answer, Match, Namespace, Proxy, lease};
use serde_json::json;

use super::Client;
use crate::lease::api::{Api, Found};
use crate::lease::record::Lease;
use crate::server::{Connection, ConnectionOptions};

const LIMIT: Duration = Duration::from_secs(10);

/// The answers to a read, a replacement and a creation that all meet this.
struct Answers {
    read: String,
    replaced: String,
    created: String,
}

/// A variant with its variants, without what they carry.
fn variant(answer: &impl std::fmt::Debug) -> String {
    let text = format!("{answer:?}");
    let kind = text.split_once("kind: ").map(|(_, rest)| rest);
    let kind = kind.and_then(|kind| kind.split([',', ' ', '}']).next());
    let outer = text.trim_start_matches("Ok(").trim_start_matches("Err(");
    let outer = outer.split(['(', ' ', ')']).next().unwrap_or_default();
    match kind {
        Some(kind) if outer == "Rejected" => kind.to_owned(),
        _ => outer.to_owned(),
    }
}

fn meet(ns: &Namespace, answer: impl Fn() -> Answer) -> Answers {
    ns.delete("job");
    ns.create(&lease("job").duration(60).build());
    let proxy = Proxy::to(ns.cluster());
    let user = ns.user(&["get", "create", "update"]);
    let options = ConnectionOptions {
        kubeconfig: Some(ns.kubeconfig_via(&user, &proxy.url())),
        ..ConnectionOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let connection = Connection::load(&options).await.expect("a kubeconfig");
        let client = Client::new(connection).lease(ns.name(), "job");
        let Ok(Found::Lease { record, .. }) = client.get(LIMIT).await else {
            panic!("it is there");
        };
        proxy.fault(Match::get(), answer(), 1);
        let read = variant(&client.get(LIMIT).await);
        proxy.fault(Match::put(), answer(), 1);
        let replaced = variant(&client.replace(&record, LIMIT).await);
        let fresh = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "job", "namespace": ns.name() }, "spec": {},
        });
        let fresh = Lease::new(fresh).expect("an object");
        proxy.fault(Match::post(), answer(), 1);
        let created = variant(&client.create(&fresh, false, LIMIT).await);
        Answers {
            read,
            replaced,
            created,
        }
    })
}

#[test]
fn every_answer_is_one_of_the_closed_set() {
    let cluster = Cluster::in_process(Options::default());
    let ns = cluster.namespace();
    let status = |code, reason, message| move || Answer::status(code, reason, message);
    let page = |status| {
        move || Answer::Respond {
            status,
            headers: Vec::new(),
            body: "<html><title>no</title></html>".to_owned(),
        }
    };
    let leases = "leases.coordination.k8s.io \"job\" not found";
    let namespaces = "namespaces \"team\" not found";
    let mut wrong = Vec::new();
    let mut check = |title: &str, answers: Answers, expected: [&str; 3]| {
        let found = [answers.read, answers.replaced, answers.created];
        if found != expected {
            wrong.push(format!("{title}: {found:?} instead of {expected:?}"));
        }
    };
    let mut case = |title: &str, answer: &dyn Fn() -> Answer, expected: [&str; 3]| {
        check(title, meet(&ns, answer), expected);
    };
    let alike = |kind: &'static str| [kind; 3];
    let conflict = status(409, "Conflict", "the object has been modified");
    case("409", &conflict, alike("Conflict"));
    let exists = status(409, "AlreadyExists", "leases \"job\" already exists");
    case("409 exists", &exists, ["Conflict", "Conflict", "Exists"]);
    let absent = status(404, "NotFound", leases);
    case("404", &absent, ["Absent", "Absent", "LeaseMissing"]);
    let missing = status(404, "NotFound", namespaces);
    case("404 namespace", &missing, alike("NamespaceMissing"));
    case("404 page", &page(404), alike("NotServed"));
    case("200 page", &page(200), alike("Foreign"));
    case("302 page", &page(302), alike("Foreign"));
    for (code, reason, kind) in [
        (400, "BadRequest", "Invalid"),
        (401, "Unauthorized", "Unauthorized"),
        (403, "Forbidden", "Forbidden"),
        (408, "Timeout", "Unknown"),
        (410, "Expired", "Gone"),
        (413, "RequestEntityTooLarge", "Invalid"),
        (422, "Invalid", "Invalid"),
        (429, "TooManyRequests", "TooManyRequests"),
        (500, "InternalError", "Unknown"),
        (503, "ServiceUnavailable", "Unknown"),
        (504, "Timeout", "Unknown"),
    ] {
        case(reason, &status(code, reason, "no"), alike(kind));
        let done = || Answer::status_after_commit(code, reason, "no");
        case(&format!("{reason}, done"), &done, alike(kind));
    }
    case("dropped", &|| Answer::DropReply, alike("Unknown"));
    case("refused", &|| Answer::Refuse, alike("Unknown"));
    // A cache that mixes up answers.
    let mut neighbour = lease("neighbour").build();
    neighbour["metadata"]["namespace"] = ns.name().into();
    let neighbours = move || Answer::Respond {
        status: 200,
        headers: Vec::new(),
        body: neighbour.to_string(),
    };
    case("of another", &neighbours, alike("Foreign"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}
