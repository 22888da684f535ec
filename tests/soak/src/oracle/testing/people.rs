//! What those who are no contenders do in a history made by hand, and that it is noted.

use serde_json::{Value, json};

use super::{D, JOB, Scene, ms};

impl Scene {
    pub fn create(&mut self, lease: &str) {
        if !self.history.calls.is_empty() {
            let now = self.history.commits.last().and_then(|last| last.received);
            let now = now.unwrap_or_default().since(ms(0)).as_millis();
            self.noted("recreated", u64::try_from(now).expect("a minute"), lease);
        }
        self.write(1, "admin", lease, |object| {
            *object = json!({
                "metadata": { "name": lease, "uid": format!("uid-{lease}") },
                "spec": { "leaseDurationSeconds": D / 1000, "leaseTransitions": 0 },
            });
        });
    }

    /// Somebody who is no contender writes, and it is noted that they were to.
    pub fn people(&mut self, at: u64, edit: impl FnOnce(&mut Value)) -> u64 {
        let revision = self.write(at, "admin", JOB, edit);
        let last = self.history.commits.last().expect("just written");
        let spec = |object: &Option<Value>, field: &str| {
            let object = object.as_ref();
            object.and_then(|object| object["spec"].get(field).cloned())
        };
        let changed = |field: &str| spec(&last.before, field) != spec(&last.after, field);
        let kind = match &last.after {
            None => "deleted",
            Some(_) if changed("renewTime") => "led-by-another-client",
            Some(_) if changed("holderIdentity") => "holder-blanked",
            Some(after) if changed("leaseDurationSeconds") => {
                match after["spec"]["leaseDurationSeconds"].as_u64() {
                    None => "duration-removed",
                    Some(1) => "duration-shorter",
                    Some(_) => "duration-longer",
                }
            }
            Some(_) => "labelled",
        };
        self.noted(kind, at, JOB);
        revision
    }

    /// Notes that people were to do something.
    pub fn noted(&mut self, kind: &str, at: u64, lease: &str) {
        self.fault("people", kind, at, at + 10).lease = Some(lease.to_owned());
    }
}

/// Nobody's any more, by hand.
pub fn blanked(object: &mut Value) {
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("holderIdentity");
    }
}
