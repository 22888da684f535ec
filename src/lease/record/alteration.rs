//! What a server stored otherwise than it was sent: an admission webhook, an older server, something in front of it.

use std::fmt;

use serde_json::Value;

use super::Lease;
use super::field::{
    self, DURATION_ANNOTATION, REASON_ANNOTATION, SLOTS_ANNOTATION, STOPPED_ANNOTATION,
    VICTIM_ANNOTATION,
};
use super::read::same_time;

/// The annotations that say something about a grant: a reason that was asked for, what a release must know, and of how many
/// slots it is one.
const ABOUT_GRANTS: [&str; 5] = [
    REASON_ANNOTATION,
    VICTIM_ANNOTATION,
    STOPPED_ANNOTATION,
    DURATION_ANNOTATION,
    SLOTS_ANNOTATION,
];

/// What was stored otherwise than it was sent, as far as it counts. Labels and annotations that were added, defaults, and
/// other ways to write the same time do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// Who holds it.
    pub holder: bool,
    /// What tells this grant from others: uid, acquireTime, transitions.
    pub grant: bool,
    /// A duration in which others may prove it expired sooner than was asked for.
    pub shorter: bool,
    /// No duration at all: it never expires by itself.
    pub endless: bool,
    /// The renewTime: others may not see the renewal.
    pub renewal: bool,
    differences: Vec<String>,
}

impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server stored {} (an admission webhook?)",
            self.differences.join(", ")
        )
    }
}

impl Lease {
    /// What of `sent` this one, the server's answer, has otherwise in the fields that make a grant; and what else of the spec, and
    /// of what is said about the grant, it has not.
    pub fn alteration(&self, sent: &Self) -> Option<Alteration> {
        let (stored_for, sent_for) = (self.duration(), sent.duration());
        let mut found = Alteration {
            holder: self.holder() != sent.holder(),
            grant: (!sent.uid().is_empty() && self.uid() != sent.uid())
                || !same_time(self.acquire_time(), sent.acquire_time())
                || self.transitions() != sent.transitions(),
            shorter: stored_for.is_some_and(|stored| sent_for.is_none_or(|sent| stored < sent)),
            endless: stored_for.is_none() && sent_for.is_some(),
            renewal: !same_time(self.renew_time(), sent.renew_time()),
            differences: Vec::new(),
        };
        if found.holder {
            found.differs(field::HOLDER, text(self.holder()), text(sent.holder()));
        }
        if stored_for != sent_for {
            let shown = |record: &Self| {
                record
                    .object
                    .get("spec")?
                    .get(field::DURATION)
                    .map(Value::to_string)
            };
            found.differs(field::DURATION, shown(self), shown(sent));
        }
        if !sent.uid().is_empty() && self.uid() != sent.uid() {
            found.differs("uid", text(Some(self.uid())), text(Some(sent.uid())));
        }
        if !same_time(self.acquire_time(), sent.acquire_time()) {
            found.differs(
                field::ACQUIRE_TIME,
                text(self.acquire_time()),
                text(sent.acquire_time()),
            );
        }
        if self.transitions() != sent.transitions() {
            let shown = |record: &Self| Some(record.transitions().to_string());
            found.differs(field::TRANSITIONS, shown(self), shown(sent));
        }
        if found.renewal {
            found.differs(
                field::RENEW_TIME,
                text(self.renew_time()),
                text(sent.renew_time()),
            );
        }
        self.compare_rest(sent, &mut found, |place, key| {
            place == "/spec" || (place == "/metadata/annotations" && ABOUT_GRANTS.contains(&key))
        });
        (!found.differences.is_empty()).then_some(found)
    }

    /// Whether this, the answer to the write `sent`, shows nothing of it but what somebody else wrote: a grant with other
    /// times. A proxy that tells a conflict as a success does so; a webhook that changes a holder does not.
    pub fn is_another_write(&self, sent: &Self) -> bool {
        let other = |stored: Option<&str>, sent: Option<&str>| {
            stored.is_some() && sent.is_some() && !same_time(stored, sent)
        };
        self.holder().is_some()
            && other(self.renew_time(), sent.renew_time())
            && (other(self.acquire_time(), sent.acquire_time()) || self.uid() != sent.uid())
            && !sent.uid().is_empty()
    }

    /// As [`Self::alteration`], and the labels and the other annotations that were asked for as well.
    pub fn alteration_of_all(&self, sent: &Self) -> Option<Alteration> {
        let grant = self.alteration(sent);
        let mut found = grant.unwrap_or(Alteration {
            holder: false,
            grant: false,
            shorter: false,
            endless: false,
            renewal: false,
            differences: Vec::new(),
        });
        self.compare_rest(sent, &mut found, |place, key| {
            place != "/spec" && !(place == "/metadata/annotations" && ABOUT_GRANTS.contains(&key))
        });
        (!found.differences.is_empty()).then_some(found)
    }

    /// Compares what `counts`, by its place and its key, beside the fields that make a grant.
    fn compare_rest(
        &self,
        sent: &Self,
        found: &mut Alteration,
        counts: impl Fn(&str, &str) -> bool,
    ) {
        let places = [
            ("/spec", ""),
            ("/metadata/labels", "label "),
            ("/metadata/annotations", "annotation "),
        ];
        for (place, kind) in places {
            let asked = sent.object.pointer(place).and_then(Value::as_object);
            let stored = self.object.pointer(place).and_then(Value::as_object);
            for (key, value) in asked.into_iter().flatten() {
                let there = stored.and_then(|stored| stored.get(key));
                // What is null is not there.
                let same = there.unwrap_or(&Value::Null) == value;
                if same
                    || (place == "/spec" && field::OF_GRANT.contains(&key.as_str()))
                    || !counts(place, key)
                {
                    continue;
                }
                let field = format!("{kind}{key}");
                found.differs(&field, there.map(Value::to_string), Some(value.to_string()));
            }
        }
    }
}

impl Alteration {
    fn differs(&mut self, field: &str, stored: Option<String>, sent: Option<String>) {
        let stored =
            stored.map_or_else(|| format!("no {field}"), |value| format!("{field} {value}"));
        let sent = sent.unwrap_or_else(|| "none".to_owned());
        self.differences.push(format!("{stored} instead of {sent}"));
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(|value| format!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lease::testing::held;

    type Edit = fn(&mut Value);

    fn stored(change: impl FnOnce(&mut Value)) -> Option<Alteration> {
        let sent = held("me", 6);
        sent.with(change).alteration(&sent)
    }

    #[test]
    fn what_is_added_or_written_otherwise_is_no_alteration() {
        let same = stored(|object| {
            object["metadata"]["labels"] = json!({ "team": "a" });
            object["metadata"]["finalizers"] = json!([]);
            object["metadata"]["annotations"] = json!({ "seen": "yes" });
            object["metadata"]["resourceVersion"] = json!("8");
            object["spec"]["renewTime"] = json!("2020-01-01T01:00:00+01:00");
            object["spec"]["acquireTime"] = json!("2020-01-01T00:00:00Z");
            object["spec"]["more"] = json!(1);
        });
        assert_eq!(same, None);
    }

    #[test]
    fn every_field_that_makes_a_grant_is_compared_and_named() {
        let (sent, duration) = (held("me", 6), "leaseDurationSeconds");
        for (field, value, named) in [
            ("holderIdentity", json!("us"), "holderIdentity \"us\""),
            ("holderIdentity", json!(""), "no holderIdentity"),
            (duration, json!(2), "leaseDurationSeconds 2"),
            (duration, json!(null), "leaseDurationSeconds null"),
            ("leaseTransitions", json!(0), "leaseTransitions 0"),
            ("acquireTime", json!("then"), "acquireTime \"then\""),
            ("renewTime", json!(null), "no renewTime"),
        ] {
            let named = format!("{named} instead of {}", sent.as_json()["spec"][field]);
            let found = sent.with_spec(field, value).alteration(&sent);
            let found = found.expect("an alteration").to_string();
            assert!(found.contains(&named), "{named:?} is not in: {found}");
        }
        let edits: [(Edit, &str); 2] = [
            (|o| o["metadata"]["uid"] = json!("other"), "uid \"other\""),
            (|o| o["spec"] = json!({}), "no holderIdentity instead of"),
        ];
        for (edit, named) in edits {
            let found = stored(edit).expect("an alteration").to_string();
            assert!(found.contains(named), "{named:?} is not in: {found}");
        }
    }

    #[test]
    fn a_victim_that_is_not_stored_is_named() {
        let sent = held("me", 6).with_victim(Some("other"));
        let found = held("me", 6).alteration(&sent).expect("an alteration");
        assert!(!(found.holder || found.grant || found.renewal || found.shorter || found.endless));
        assert!(
            found
                .to_string()
                .contains("no annotation kubectl-lease/victim instead of"),
            "{found}"
        );
        assert_eq!(sent.alteration(&held("me", 6)), None);
    }

    #[test]
    fn a_grant_of_somebody_else_is_no_alteration_of_ours() {
        let sent = held("me", 6);
        let edits: [(Edit, bool); 5] = [
            (
                |object| {
                    object["spec"]["holderIdentity"] = json!("other");
                    object["spec"]["acquireTime"] = json!("2020-01-01T00:00:03Z");
                    object["spec"]["renewTime"] = json!("2020-01-01T00:00:04Z");
                },
                true,
            ),
            // What a webhook does to ours.
            (|o| o["spec"]["holderIdentity"] = json!("other"), false),
            (
                |o| o["spec"]["renewTime"] = json!("2020-01-01T00:00:04Z"),
                false,
            ),
            (|o| o["spec"] = json!({}), false),
            (|_| (), false),
        ];
        for (edit, is_another) in edits {
            let stored = sent.with(edit);
            assert_eq!(stored.is_another_write(&sent), is_another, "{stored:?}");
        }
    }

    #[test]
    fn a_shorter_duration_is_told_from_a_longer_one_and_from_none() {
        let shorter = |seconds: Value| {
            let found = stored(|object| object["spec"]["leaseDurationSeconds"] = seconds);
            found.map(|found| (found.shorter, found.endless))
        };
        assert_eq!(shorter(json!(2)), Some((true, false)));
        assert_eq!(shorter(json!(60)), Some((false, false)));
        assert_eq!(shorter(json!(null)), Some((false, true)));
    }

    #[test]
    fn what_the_server_drops_beside_the_grant_is_named_and_leaves_it_a_grant() {
        let sent = held("me", 6)
            .with_spec("strategy", json!("OldestEmulationVersion"))
            .with_spec("preferredHolder", Value::Null)
            .with_reason(Some("night run"))
            .with_metadata(&[("a".to_owned(), "b".to_owned())], &[]);
        let stored = held("me", 6);
        let found = stored.alteration(&sent).expect("an alteration");
        assert_eq!(
            found.to_string(),
            "the server stored no strategy instead of \"OldestEmulationVersion\", \
             no annotation kubectl-lease/reason instead of \"night run\" (an admission webhook?)"
        );
        assert!(!(found.holder || found.grant || found.shorter || found.endless || found.renewal));
    }

    #[test]
    fn of_a_lease_that_is_created_everything_asked_for_is_compared() {
        let sent = held("", 6)
            .with_spec("strategy", json!("OldestEmulationVersion"))
            .with_metadata(&[("a".to_owned(), "b".to_owned())], &[]);
        let stored = held("", 6);
        let found = stored.alteration_of_all(&sent).expect("an alteration");
        assert_eq!(
            found.to_string(),
            "the server stored no strategy instead of \"OldestEmulationVersion\", no label a instead of \"b\" \
             (an admission webhook?)"
        );
        assert_eq!(sent.alteration_of_all(&sent), None);
    }
}
