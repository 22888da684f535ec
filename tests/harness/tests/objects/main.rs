//! The objects beside Leases, and the finer points of a Lease, asked of the server that the suite runs on: both answer
//! alike.

mod events;
mod leases;
mod permissions;
mod pods;

use lease_harness::{Answer, Namespace};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn admin(ns: &Namespace, method: &str, path: &str, body: &Value) -> Answer {
    let body = Some(body).filter(|body| !body.is_null());
    let answer = ns.cluster().admin().call(method, path, body);
    answer.expect("the server answers")
}

fn said(answer: &Answer) -> (u16, &str, &str) {
    let text = |field: &str| answer.body[field].as_str().unwrap_or_default();
    (answer.status, text("reason"), text("message"))
}

fn lease_path(ns: &Namespace, name: &str) -> String {
    format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}",
        ns.name()
    )
}

fn events_path(ns: &Namespace) -> String {
    format!("/apis/events.k8s.io/v1/namespaces/{}/events", ns.name())
}

fn event(ns: &Namespace, name: &str) -> Value {
    json!({
        "metadata": { "name": name }, "eventTime": "2026-01-01T00:00:00.123456Z",
        "regarding": {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "namespace": ns.name(), "name": "job", "uid": "u",
        },
        "reportingController": "kubectl-lease", "reportingInstance": "host", "action": "Acquire",
        "reason": "LeaseAcquired", "type": "Normal", "note": "taken",
    })
}
