//! etcd's own history of a real control plane, revision by revision, also of what no audit log tells.

use super::ControlPlane;
use crate::api::Api;
use crate::endpoint::Endpoint;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Far more than etcd needs for a hundred thousand revisions.
const LIMIT: Duration = Duration::from_secs(300);
/// A key behind all of kube-apiserver's: it is written last, and seen last.
const LAST: &str = "/seen-to-here";

/// One write of a key in etcd.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// etcd's revision, which is the object's resourceVersion.
    pub revision: u64,
    /// The key without the prefix that was asked for.
    pub key: String,
    /// What was stored; none for a deletion.
    pub value: Option<Value>,
}

impl ControlPlane {
    /// Every write of the keys that begin with `prefix` (`/registry/leases/default/`), oldest first. What has been
    /// acknowledged before the call is among them.
    ///
    /// # Errors
    ///
    /// When etcd does not answer within five minutes, has compacted its history, or stored something that is no JSON:
    /// this needs [`PlaneOptions::history`](super::PlaneOptions::history).
    pub fn revisions(&self, prefix: &str) -> Result<Vec<Revision>, String> {
        let etcd = format!("http://127.0.0.1:{}", self.etcd_port);
        let etcd = Api::new(Endpoint::new(&etcd, None), "");
        let put = json!({ "key": encode(LAST), "value": "" });
        let put = etcd.call("POST", "/v3/kv/put", Some(&put));
        let put = put.map_err(|error| format!("etcd: {error}"))?;
        let last = number(&put.body["header"]["revision"])
            .ok_or_else(|| format!("etcd: {} {}", put.status, put.body))?;

        let ask = json!({ "create_request": {
            "key": encode(prefix),
            "range_end": encode(&format!("{LAST}\0")),
            "start_revision": "1",
        }});
        let mut found = Vec::new();
        let mut problem = Some("the watch ended before its time".to_owned());
        let deadline = Instant::now() + LIMIT;
        let followed = etcd.follow_call("POST", "/v3/watch", Some(&ask), deadline, |line| {
            match read(line, prefix, last, &mut found) {
                Ok(more) if more => return false,
                Ok(_) => problem = None,
                Err(error) => problem = Some(error),
            }
            true
        });
        followed.map_err(|error| format!("etcd: {error}"))?;
        problem.map_or(Ok(found), |problem| Err(format!("etcd: {problem}")))
    }
}

/// Takes the events of one message; returns whether there are more to come.
fn read(
    message: &Value,
    prefix: &str,
    last: u64,
    found: &mut Vec<Revision>,
) -> Result<bool, String> {
    let result = &message["result"];
    if result.is_null() || result["canceled"] == true {
        return Err(message.to_string());
    }
    let events = result["events"].as_array().map(Vec::as_slice);
    for event in events.unwrap_or_default() {
        let stored = &event["kv"];
        let revision = number(&stored["mod_revision"]).ok_or("an event without a revision")?;
        if revision == last {
            return Ok(false);
        }
        let key = String::from_utf8_lossy(&decode(&stored["key"])?).into_owned();
        let Some(key) = key.strip_prefix(prefix) else {
            continue;
        };
        // What has its default value is left out: PUT is.
        let value = match event["type"].as_str() {
            Some("DELETE") => None,
            _ => Some(
                serde_json::from_slice(&decode(&stored["value"])?)
                    .map_err(|error| format!("{key} at {revision}: {error}"))?,
            ),
        };
        found.push(Revision {
            revision,
            key: key.to_owned(),
            value,
        });
    }
    Ok(true)
}

/// Numbers of 64 bits are strings in etcd's JSON.
fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

fn encode(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn decode(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().unwrap_or_default();
    BASE64_STANDARD
        .decode(text)
        .map_err(|error| error.to_string())
}
