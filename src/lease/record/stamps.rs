//! The API server's stamps in a Lease: which manager changed what and when by the server's clock, `metadata.managedFields`.

use jiff::Timestamp;
use serde_json::Value;

use super::Record;
use crate::lease::api::FIELD_MANAGER;

/// The reason's annotation in `fieldsV1`.
const REASON_FIELD: &str = "f:kubectl-lease/reason";

impl Record {
    /// A time by the API server's own clock at which the present grant was alive: its last renewal was no earlier. It is
    /// the time of the managedFields entry that owns `spec.renewTime`, if all that its manager writes restarts everybody's
    /// observation: a label of the same manager could have stamped it later. Servers before 1.25 leave it too old.
    pub fn alive_stamp(&self) -> Option<Timestamp> {
        const SIGNS_OF_LIFE: [&str; 6] = [
            ".",
            "f:holderIdentity",
            "f:leaseDurationSeconds",
            "f:acquireTime",
            "f:renewTime",
            "f:leaseTransitions",
        ];
        self.managed_fields()
            .filter(|entry| entry.get("operation").and_then(Value::as_str) == Some("Update"))
            .filter(|entry| entry.pointer("/fieldsV1/f:spec/f:renewTime").is_some())
            // The server's own name for what was there before it began to track: stamped with that moment.
            .filter(|entry| {
                entry.get("manager").and_then(Value::as_str) != Some("before-first-apply")
            })
            .filter(|entry| {
                // Each write of ours to a held Lease is a grant or a renewal.
                let ours = entry.get("manager").and_then(Value::as_str) == Some(FIELD_MANAGER);
                let fields = entry.get("fieldsV1").and_then(Value::as_object);
                ours || fields.is_some_and(|fields| {
                    fields.len() == 1
                        && (fields["f:spec"].as_object().into_iter().flatten())
                            .all(|(field, _)| SIGNS_OF_LIFE.contains(&field.as_str()))
                })
            })
            .find_map(stamp)
    }

    /// When the API server itself, by its own clock, last saw anything in the spec change: the newest time of the
    /// managedFields entries that own a field of it, whoever their manager. `None` if there is no such entry, or one of
    /// them whose time cannot be read: it could be the newest.
    pub fn spec_stamp(&self) -> Option<Timestamp> {
        self.managed_fields()
            .filter(|entry| entry.pointer("/fieldsV1/f:spec").is_some())
            .map(stamp)
            .collect::<Option<Vec<Timestamp>>>()?
            .into_iter()
            .max()
    }

    /// The time that the server gives the write of `sent` over `read`, of which this is the reply: that of `manager`'s
    /// entry, if it owns every field of the spec that the write changes. `None` if this is no reply to that write.
    pub fn stamp_of_write(&self, read: &Self, sent: &Self, manager: &str) -> Option<Timestamp> {
        let about_it = self.uid() == sent.uid()
            && self.holder() == sent.holder()
            && self.transitions() == sent.transitions();
        let before = read.0.get("spec").and_then(Value::as_object);
        let changed: Vec<&String> = (sent.0.get("spec")?.as_object()?.iter())
            .filter(|(key, value)| before.and_then(|before| before.get(*key)) != Some(value))
            .map(|(key, _)| key)
            .collect();
        if !about_it || changed.is_empty() {
            return None;
        }
        self.managed_fields()
            .filter(|entry| {
                let text = |field: &str| entry.get(field).and_then(Value::as_str);
                text("manager") == Some(manager)
                    && text("operation") == Some("Update")
                    && text("subresource").is_none_or(str::is_empty)
            })
            .find(|entry| {
                let owned = entry.pointer("/fieldsV1/f:spec").and_then(Value::as_object);
                owned.is_some_and(|owned| {
                    (changed.iter()).all(|key| owned.contains_key(&format!("f:{key}")))
                })
            })
            .and_then(stamp)
    }

    /// Whether the annotation with the reason is the present holder's: whoever wrote the holder wrote the reason too, as
    /// each grant of ours does. Another client that takes over leaves it behind. Where nobody is known to have written
    /// one of them, it cannot be told, and it is.
    pub(super) fn reason_is_the_holders(&self) -> bool {
        let managers = |owns: &[&str]| -> Vec<&str> {
            let owned = |entry: &&Value| {
                let fields = entry.get("fieldsV1");
                let found = (owns.iter()).try_fold(fields, |at, key| Some(at?.get(*key)));
                found.flatten().is_some()
            };
            let entries = self.managed_fields().filter(owned);
            entries
                .filter_map(|entry| entry.get("manager")?.as_str())
                .collect()
        };
        let of_reason = managers(&["f:metadata", "f:annotations", REASON_FIELD]);
        let of_holder = managers(&["f:spec", "f:holderIdentity"]);
        let told = !of_reason.is_empty() && !of_holder.is_empty();
        let same = || of_reason.iter().any(|manager| of_holder.contains(manager));
        self.holder().is_some() && (!told || same())
    }

    fn managed_fields(&self) -> impl Iterator<Item = &Value> {
        self.0
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
}

/// The time of a managedFields entry: whole seconds, by the server's clock.
fn stamp(entry: &Value) -> Option<Timestamp> {
    entry.get("time")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::record::GrantTerms;
    use crate::lease::testing::{held, wall};
    use crate::lease::values::LeaseDuration;
    use serde_json::json;

    /// A read, a takeover and the reply to it with one entry of managedFields, changed by `edit`.
    fn reply(edit: impl FnOnce(&mut Value)) -> (Record, Record, Record) {
        let read = held("x", 15);
        let terms = GrantTerms {
            holder: "me".parse().expect("a holder"),
            duration: None,
            default_duration: LeaseDuration::constant(60),
            reason: None,
            mark: std::time::Duration::ZERO,
        };
        let sent = read
            .granted(&terms, wall("2026-01-01T00:00:00Z"))
            .expect("a grant");
        let mut reply = sent.as_json().clone();
        reply["metadata"]["managedFields"] = json!([{
            "manager": "other", "operation": "Update", "time": "2026-01-01T00:00:00Z",
            "fieldsV1": { "f:spec": { "f:leaseDurationSeconds": {} } },
        }, {
            "manager": "kubectl-lease", "operation": "Update", "time": "2026-01-01T01:00:00Z",
            "fieldsV1": { "f:spec": { "f:acquireTime": {}, "f:holderIdentity": {}, "f:leaseTransitions": {}, "f:renewTime": {} } },
        }]);
        edit(&mut reply);
        (read, sent, Record::new(reply).expect("an object"))
    }

    #[test]
    fn the_stamp_of_a_write_is_that_of_our_own_entry_in_the_reply_to_it() {
        let stamp = |edit: fn(&mut Value)| {
            let (read, sent, reply) = reply(edit);
            reply.stamp_of_write(&read, &sent, "kubectl-lease")
        };
        assert_eq!(stamp(|_| ()), Some(wall("2026-01-01T01:00:00Z")));
        let others: [fn(&mut Value); 9] = [
            |reply| reply["metadata"]["uid"] = json!("another"),
            |reply| reply["spec"]["holderIdentity"] = json!("prefix-me"),
            |reply| reply["spec"]["leaseTransitions"] = json!(4),
            |reply| reply["metadata"]["managedFields"][1]["manager"] = json!("kubectl"),
            |reply| reply["metadata"]["managedFields"][1]["operation"] = json!("Apply"),
            |reply| reply["metadata"]["managedFields"][1]["subresource"] = json!("status"),
            |reply| reply["metadata"]["managedFields"][1]["time"] = json!("now"),
            |reply| reply["metadata"]["managedFields"] = Value::Null,
            // Not stamped by this write: it does not own what this write changes.
            |reply| {
                reply["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"] =
                    json!({ "f:renewTime": {}, "f:holderIdentity": {} });
            },
        ];
        for other in others {
            assert_eq!(stamp(other), None);
        }
        let (read, _, reply) = reply(|_| ());
        assert_eq!(
            reply.stamp_of_write(&read, &read, "kubectl-lease"),
            None,
            "a write that changes nothing is not stamped"
        );
    }

    #[test]
    fn only_what_restarts_everybodys_observation_is_a_sign_of_life() {
        let stamped = |edit: fn(&mut Value)| {
            let mut object = held("me", 15).as_json().clone();
            object["metadata"]["managedFields"] = json!([{
                "manager": "other", "operation": "Update", "time": "2026-01-01T00:00:00Z",
                "fieldsV1": { "f:spec": { "f:renewTime": {}, "f:holderIdentity": {} } },
            }]);
            edit(&mut object["metadata"]["managedFields"]);
            Record::new(object).expect("an object").alive_stamp()
        };
        let time = Some(wall("2026-01-01T00:00:00Z"));
        assert_eq!(stamped(|_| ()), time);
        // An annotation is written with a grant by us, and at any time by others.
        let label: fn(&mut Value) =
            |entries| entries[0]["fieldsV1"]["f:metadata"] = json!({ "f:annotations": {} });
        assert_eq!(stamped(label), None);
        assert_eq!(
            stamped(|entries| {
                entries[0]["fieldsV1"]["f:metadata"] = json!({ "f:annotations": {} });
                entries[0]["manager"] = json!("kubectl-lease");
            }),
            time
        );
        let others: [fn(&mut Value); 6] = [
            |entries| entries[0]["manager"] = json!("before-first-apply"),
            |entries| entries[0]["operation"] = json!("Apply"),
            |entries| entries[0]["fieldsV1"] = json!({ "f:spec": { "f:holderIdentity": {} } }),
            |entries| entries[0]["fieldsV1"]["f:spec"]["f:preferredHolder"] = json!({}),
            |entries| entries[0]["time"] = json!("now"),
            |entries| *entries = Value::Null,
        ];
        for other in others {
            assert_eq!(stamped(other), None);
        }
    }
}
