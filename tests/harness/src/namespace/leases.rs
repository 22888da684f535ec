//! Direct access to the Leases of a test's namespace, as a user who may do everything.

use super::Namespace;
use crate::api::Answer;
use serde_json::Value;
use std::time::{Duration, Instant};

impl Namespace {
    /// The Lease, or `None` when there is none.
    pub fn get(&self, name: &str) -> Option<Value> {
        let answer = self.call("GET", &self.path(name), None);
        (answer.status != 404).then(|| expect(answer, "GET"))
    }

    /// Creates a Lease and returns it as stored.
    pub fn create(&self, lease: &Value) -> Value {
        expect(self.call("POST", &self.path(""), Some(lease)), "POST")
    }

    /// Replaces a Lease.
    ///
    /// # Errors
    ///
    /// The status and body of an answer that is not a success.
    pub fn replace(&self, lease: &Value) -> Result<Value, (u16, Value)> {
        let name = lease["metadata"]["name"]
            .as_str()
            .expect("the Lease has a name");
        let answer = self.call("PUT", &self.path(name), Some(lease));
        if matches!(answer.status, 200 | 201) {
            Ok(answer.body)
        } else {
            Err((answer.status, answer.body))
        }
    }

    /// Reads a Lease, changes it and writes it back, again after each conflict. Returns it as stored.
    pub fn edit(&self, name: &str, change: impl Fn(&mut Value)) -> Value {
        loop {
            let mut lease = self.get(name).expect("the Lease to edit exists");
            change(&mut lease);
            match self.replace(&lease) {
                Ok(stored) => return stored,
                Err((409, _)) => {}
                Err((status, body)) => panic!("edit of {name}: {status} {body}"),
            }
        }
    }

    /// Deletes a Lease; it may be absent already.
    pub fn delete(&self, name: &str) {
        let answer = self.call("DELETE", &self.path(name), None);
        assert!(
            matches!(answer.status, 200 | 202 | 404),
            "DELETE {name}: {} {}",
            answer.status,
            answer.body
        );
    }

    /// The Lease's holder; `None` when it is free or absent.
    pub fn holder(&self, name: &str) -> Option<String> {
        let lease = self.get(name)?;
        let holder = lease["spec"]["holderIdentity"].as_str()?;
        (!holder.is_empty()).then(|| holder.to_owned())
    }

    /// Waits until the Lease exists and is as `wanted`: every state it passes through is seen. Returns it.
    ///
    /// # Panics
    ///
    /// When that does not happen within `timeout`: with the last state seen.
    #[track_caller]
    pub fn wait_until(
        &self,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
        timeout: Duration,
    ) -> Value {
        let mut found = None;
        self.observe(name, timeout, |state| {
            found = state.filter(|lease| wanted(lease)).cloned();
            found.is_some()
        });
        found.expect("observe returns only when something was found")
    }

    /// Shows `seen` the present state and each later one, until it returns true.
    #[track_caller]
    fn observe(&self, name: &str, timeout: Duration, mut seen: impl FnMut(Option<&Value>) -> bool) {
        let deadline = Instant::now() + timeout;
        let mut last = None;
        while Instant::now() < deadline {
            let only = format!("fieldSelector=metadata.name%3D{name}");
            let Ok(list) =
                self.cluster
                    .admin()
                    .call("GET", &format!("{}?{only}", self.path("")), None)
            else {
                // An outage that the test itself made.
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            last = list.body["items"].get(0).cloned();
            if seen(last.as_ref()) {
                return;
            }
            let version = list.body["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default();
            let watch = format!(
                "{}?watch=true&resourceVersion={version}&{only}",
                self.path("")
            );
            let mut done = false;
            let _ = self.cluster.admin().follow(&watch, deadline, |event| {
                match event["type"].as_str() {
                    Some("ADDED" | "MODIFIED") => last = Some(event["object"].clone()),
                    Some("DELETED") => last = None,
                    _ => return true,
                }
                done = seen(last.as_ref());
                done
            });
            if done {
                return;
            }
        }
        panic!(
            "not seen within {timeout:?}; the last state of Lease {name}:\n{:#}",
            last.unwrap_or_default()
        );
    }

    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.cluster.admin().call(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn path(&self, name: &str) -> String {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}",
            self.name
        );
        path.trim_end_matches('/').to_owned()
    }
}

fn expect(answer: Answer, method: &str) -> Value {
    assert!(
        matches!(answer.status, 200 | 201),
        "{method}: {} {}",
        answer.status,
        answer.body
    );
    answer.body
}
