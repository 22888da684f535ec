//! Direct access to the Pods, Events and LeaseCandidates of a test's namespace, as a user who may do everything.

use super::Namespace;
use crate::api::Answer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Between two looks at what cannot be watched on both servers.
const POLL: Duration = Duration::from_millis(10);

/// A Pod with one container, which nobody runs: there is no kubelet.
pub fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": { "containers": [{ "name": "main", "image": "example.com/none" }] },
    })
}

impl Namespace {
    /// Creates a [`pod`] of this name and returns it as stored.
    pub fn create_pod(&self, name: &str) -> Value {
        self.create_pod_as(&pod(name))
    }

    /// Creates this Pod and returns it as stored. Its status is the server's: `Pending`.
    pub fn create_pod_as(&self, pod: &Value) -> Value {
        done(self.call("POST", &self.pod_path(""), Some(pod)), "POST")
    }

    /// The Pod, or `None` when there is none.
    pub fn pod(&self, name: &str) -> Option<Value> {
        let answer = self.call("GET", &self.pod_path(name), None);
        (answer.status != 404).then(|| done(answer, "GET"))
    }

    /// The value of a Pod's label; `None` where the Pod or the label is absent.
    pub fn pod_label(&self, name: &str, key: &str) -> Option<String> {
        let pod = self.pod(name)?;
        let value = pod["metadata"]["labels"].get(key)?.as_str()?;
        Some(value.to_owned())
    }

    /// Changes a Pod by a merge patch and returns it as stored.
    pub fn patch_pod(&self, name: &str, patch: &Value) -> Value {
        done(
            self.call("PATCH", &self.pod_path(name), Some(patch)),
            "PATCH",
        )
    }

    /// Sets a Pod's phase: `Running`, `Succeeded`, `Failed`.
    pub fn set_pod_phase(&self, name: &str, phase: &str) -> Value {
        let patch = json!({ "status": { "phase": phase } });
        let path = format!("{}/status", self.pod_path(name));
        done(self.call("PATCH", &path, Some(&patch)), "PATCH")
    }

    /// Deletes a Pod at once; it may be absent already.
    pub fn delete_pod(&self, name: &str) {
        let now = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0 });
        let answer = self.call("DELETE", &self.pod_path(name), Some(&now));
        assert!(
            matches!(answer.status, 200 | 404),
            "DELETE {name}: {} {}",
            answer.status,
            answer.body
        );
    }

    /// Waits until the Pod is as `wanted`, which is shown `None` when there is none. Returns it as it is then.
    ///
    /// # Panics
    ///
    /// When that does not happen within `timeout`: with the last state seen.
    #[track_caller]
    pub fn wait_pod(
        &self,
        name: &str,
        wanted: impl Fn(Option<&Value>) -> bool,
        timeout: Duration,
    ) -> Option<Value> {
        let deadline = Instant::now() + timeout;
        loop {
            let pod = self.pod(name);
            if wanted(pod.as_ref()) {
                return pod;
            }
            assert!(
                Instant::now() < deadline,
                "not seen within {timeout:?}; the last state of Pod {name}:\n{:#}",
                pod.unwrap_or_default()
            );
            std::thread::sleep(POLL);
        }
    }

    /// The Events (`events.k8s.io/v1`) about the Lease of this name, oldest first.
    pub fn events(&self, lease: &str) -> Vec<Value> {
        let path = format!(
            "/apis/events.k8s.io/v1/namespaces/{}/events\
             ?fieldSelector=regarding.kind%3DLease%2Cregarding.name%3D{lease}",
            self.name
        );
        let list = done(self.call("GET", &path, None), "GET");
        let mut events = list["items"].as_array().cloned().unwrap_or_default();
        // An Event is written once: the order of the versions is that of the writes.
        let version = |event: &Value| {
            let text = event["metadata"]["resourceVersion"].as_str();
            text.and_then(|text| text.parse::<u64>().ok())
        };
        events.sort_by_key(version);
        events
    }

    /// The reasons of the Events about the Lease of this name, oldest first.
    pub fn event_reasons(&self, lease: &str) -> Vec<String> {
        let reason = |event: &Value| event["reason"].as_str().unwrap_or_default().to_owned();
        self.events(lease).iter().map(reason).collect()
    }

    /// Waits for an Event about the Lease with this reason: they are written beside what they tell of. Returns it.
    ///
    /// # Panics
    ///
    /// When there is none within `timeout`: with those that there are.
    #[track_caller]
    pub fn wait_event(&self, lease: &str, reason: &str, timeout: Duration) -> Value {
        let deadline = Instant::now() + timeout;
        loop {
            let events = self.events(lease);
            if let Some(found) = events.iter().find(|event| event["reason"] == reason) {
                return found.clone();
            }
            assert!(
                Instant::now() < deadline,
                "no Event {reason} about Lease {lease} within {timeout:?}, but {events:#?}"
            );
            std::thread::sleep(POLL);
        }
    }

    /// Creates a LeaseCandidate (`coordination.k8s.io/v1beta1`) for the Lease. Only the in-process server has them.
    pub fn create_candidate(&self, name: &str, lease: &str) -> Value {
        let candidate = json!({
            "apiVersion": "coordination.k8s.io/v1beta1",
            "kind": "LeaseCandidate",
            "metadata": { "name": name },
            "spec": {
                "leaseName": lease, "binaryVersion": "1.33.0", "emulationVersion": "1.33.0",
                "strategy": "OldestEmulationVersion",
            },
        });
        let path = format!(
            "/apis/coordination.k8s.io/v1beta1/namespaces/{}/leasecandidates",
            self.name
        );
        done(self.call("POST", &path, Some(&candidate)), "POST")
    }

    fn pod_path(&self, name: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/pods/{name}", self.name);
        path.trim_end_matches('/').to_owned()
    }
}

fn done(answer: Answer, method: &str) -> Value {
    assert!(
        matches!(answer.status, 200 | 201),
        "{method}: {} {}",
        answer.status,
        answer.body
    );
    answer.body
}
