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
    /// times, or a Lease that somebody else has freed. A proxy that tells a conflict as a success does so; a webhook that changes a
    /// holder does not.
    pub fn is_another_write(&self, sent: &Self) -> bool {
        if self.holder().is_none() && sent.holder().is_none() && !sent.uid().is_empty() {
            return self.uid() != sent.uid()
                || self.transitions() != sent.transitions()
                || self.denies(sent);
        }
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
#[path = "alteration_tests.rs"]
mod tests;
