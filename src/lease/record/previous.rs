//! From whom a Lease was taken last, by whom and why: kept in an annotation for people. Whether a grant was released is the one thing
//! that is decided by it ([`super::ended`]): what was taken was not.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::field::PREVIOUS_ANNOTATION;
use super::object::Fields;
use super::write::{Edit, micro_time};
use super::{GrantTerms, Lease, Record};

/// The API server refuses an object whose annotations have more bytes, keys included
/// (`TotalAnnotationSizeLimitB` in its `apimachinery/pkg/api/validation`).
const ALL_ANNOTATIONS: usize = 256 * 1024;

/// So many bytes are kept of an identity and of a reason: a grant is not to fail for what is said about the one before.
const LONGEST_IDENTITY: usize = 256;
const LONGEST_REASON: usize = 512;

/// Who held a Lease before it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The holder.
    pub holder: String,
    /// What its `--reason` said.
    pub reason: Option<String>,
    /// Since when it held the Lease, by its own clock.
    pub acquired: Option<Timestamp>,
    /// How the Lease was taken from it.
    pub taken: Taken,
    /// Who took it.
    pub by: String,
    /// What that one's `--reason` said.
    pub because: Option<String>,
    /// When it was taken, by the clock of who took it.
    pub at: Option<Timestamp>,
    /// The transitions since: those of the grant that was made of it.
    pub transitions: i64,
}

/// How a Lease was taken from its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Acquired, because it had expired.
    Expired,
    /// Stolen.
    Stolen,
    /// Taken to hand it over to the next candidate.
    FailedOver,
    /// Released by somebody else.
    ForceReleased,
}

impl Taken {
    const ALL: [Self; 4] = [
        Self::Expired,
        Self::Stolen,
        Self::FailedOver,
        Self::ForceReleased,
    ];

    /// As it is written down.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "Expired",
            Self::Stolen => "Stolen",
            Self::FailedOver => "FailedOver",
            Self::ForceReleased => "ForceReleased",
        }
    }
}

/// From whom the Lease was taken last, as far as that is written down in the object and can be read.
pub fn previous(object: &Value) -> Option<Previous> {
    let annotations = object.pointer("/metadata/annotations")?;
    read(annotations.get(PREVIOUS_ANNOTATION)?.as_str()?)
}

fn read(noted: &str) -> Option<Previous> {
    let noted: Value = serde_json::from_str(noted).ok()?;
    let text = |key: &str| noted[key].as_str().filter(|text| !text.is_empty());
    let owned = |key: &str| text(key).map(str::to_owned);
    let time = |key: &str| text(key).and_then(|text| text.parse().ok());
    Some(Previous {
        holder: owned("holder")?,
        reason: owned("reason"),
        acquired: time("acquireTime"),
        taken: Taken::ALL
            .into_iter()
            .find(|taken| noted["taken"] == taken.word())?,
        by: owned("by")?,
        because: owned("because"),
        at: time("at"),
        transitions: noted["transitions"].as_i64()?,
    })
}

impl Fields<'_> {
    /// From whom the Lease was taken last, as far as it is written down and can be read.
    pub fn previous(&self) -> Option<Previous> {
        read(self.annotation(PREVIOUS_ANNOTATION)?)
    }

    /// The same, if the present grant was taken from it; on a free Lease, the last grant.
    pub fn taken_from(&self) -> Option<Previous> {
        let previous = self.previous()?;
        (previous.transitions == self.transitions()).then_some(previous)
    }
}

impl Lease {
    /// What is to be noted of its holder where it is granted on `terms` at `at`, with so many transitions.
    pub(super) fn noted(
        &self,
        terms: &GrantTerms,
        at: Timestamp,
        transitions: i64,
    ) -> Option<String> {
        let by = terms.holder.as_str();
        // From itself it is not taken: who came before that is still who was.
        self.holder().filter(|holder| *holder != by)?;
        self.noted_as(Taken::Expired, by, terms.reason.as_deref(), at, transitions)
    }

    fn noted_as(
        &self,
        taken: Taken,
        by: &str,
        because: Option<&str>,
        at: Timestamp,
        transitions: i64,
    ) -> Option<String> {
        let mut noted = Map::new();
        let mut note = |key: &str, text: Option<&str>, most: usize| {
            if let Some(text) = text {
                noted.insert(key.to_owned(), beginning(text, most).into());
            }
        };
        note("holder", Some(self.holder()?), LONGEST_IDENTITY);
        note("reason", self.reason(), LONGEST_REASON);
        note("acquireTime", self.acquire_time(), LONGEST_IDENTITY);
        note("taken", Some(taken.word()), LONGEST_IDENTITY);
        note("by", Some(by), LONGEST_IDENTITY);
        note("because", because, LONGEST_REASON);
        noted.insert("at".to_owned(), micro_time(at).into());
        noted.insert("transitions".to_owned(), json!(transitions));
        Some(Value::Object(noted).to_string())
    }
}

impl Record {
    /// The same, with how it was taken from its holder: a grant alone does not tell.
    #[must_use]
    pub fn taken_as(&self, taken: Taken) -> Self {
        let noted = self.annotation(PREVIOUS_ANNOTATION);
        let noted = noted.filter(|_| self.taken_from().is_some());
        let Some(mut noted) = noted.and_then(|text| serde_json::from_str::<Value>(text).ok())
        else {
            return self.clone();
        };
        noted["taken"] = taken.word().into();
        self.annotated(PREVIOUS_ANNOTATION, Some(&noted.to_string()))
    }

    /// The same, with from whom it was taken: the holder of `before`, by somebody who gave a reason for it or not.
    #[must_use]
    pub fn taken_from_holder(
        &self,
        before: &Self,
        taken: Taken,
        by: &str,
        because: Option<&str>,
        at: Timestamp,
    ) -> Self {
        match before.noted_as(taken, by, because, at, self.transitions()) {
            Some(noted) => self.annotated(PREVIOUS_ANNOTATION, Some(&noted)),
            None => self.clone(),
        }
    }
}

impl Edit {
    /// Leaves out what is only for people where the annotations would become too large for the server. Whatever was written, and
    /// in whichever order: what is needed comes first.
    pub(super) fn fit(&mut self) {
        if self.annotations_size() > ALL_ANNOTATIONS {
            self.annotate(PREVIOUS_ANNOTATION, None);
        }
    }
}

/// The beginning of a text, of at most so many bytes, with an ellipsis where something is left out.
pub fn beginning(text: &str, most: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(ELLIPSIS.len());
    let end = (0..=room).rev().find(|end| text.is_char_boundary(*end));
    format!("{}{ELLIPSIS}", &text[..end.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::testing::{free, held, wall};
    use crate::lease::values::LeaseDuration;

    const NOW: &str = "2026-05-05T05:05:05.123456Z";

    fn terms(holder: &str, reason: Option<&str>) -> GrantTerms {
        GrantTerms {
            holder: holder.parse().expect("a holder"),
            duration: None,
            default_duration: LeaseDuration::constant(60),
            reason: reason.map(str::to_owned),
            mark: std::time::Duration::ZERO,
            manager: crate::lease::values::Manager::default(),
        }
    }

    fn granted(before: &Record, holder: &str, reason: Option<&str>) -> Record {
        let granted = before.granted(&terms(holder, reason), wall(NOW));
        granted.expect("countable")
    }

    fn reasoned(before: &Record, reason: &str) -> Record {
        before.with(|object| {
            object["metadata"]["annotations"] = json!({ "kubectl-lease/reason": reason });
            object["metadata"]["managedFields"] = json!([{
                "manager": "kubectl-lease", "operation": "Update", "time": NOW, "fieldsV1": {
                    "f:metadata": { "f:annotations": { "f:kubectl-lease/reason": {} } },
                    "f:spec": { "f:holderIdentity": {} },
                },
            }]);
        })
    }

    #[test]
    fn from_whom_and_why_it_was_taken_is_kept_through_renewals_the_release_and_later_grants() {
        let before = reasoned(&held("ada", 60), "nightly");
        let stolen = granted(&before, "bob", Some("stuck")).taken_as(Taken::Stolen);
        let wanted = Previous {
            holder: "ada".to_owned(),
            reason: Some("nightly".to_owned()),
            acquired: Some(wall("2020-01-01T00:00:00Z")),
            taken: Taken::Stolen,
            by: "bob".to_owned(),
            because: Some("stuck".to_owned()),
            at: Some(wall(NOW)),
            transitions: 5,
        };
        assert_eq!(stolen.taken_from().as_ref(), Some(&wanted));
        let released = stolen.renewed(wall(NOW)).released(wall(NOW));
        assert_eq!(released.taken_from().as_ref(), Some(&wanted));
        let next = granted(&released, "eve", None);
        assert_eq!(next.previous().as_ref(), Some(&wanted));
        assert_eq!(next.taken_from(), None);
        let taken = granted(&next, "ada", None).taken_from();
        let taken = taken.map(|taken| (taken.holder, taken.taken, taken.because));
        assert_eq!(taken, Some(("eve".to_owned(), Taken::Expired, None)));
    }

    #[test]
    fn a_free_lease_is_taken_from_nobody_and_ones_own_not_from_oneself() {
        assert_eq!(granted(&free(60), "me", None).previous(), None);
        assert_eq!(
            granted(&free(60), "me", None).taken_as(Taken::Stolen),
            granted(&free(60), "me", None)
        );
        assert_eq!(granted(&held("me", 60), "me", None).previous(), None);
        let stolen = granted(&held("ada", 60), "me", None);
        let again = granted(&stolen, "me", None).previous();
        assert_eq!(again, stolen.previous());
        let forced = held("ada", 60);
        let freed = forced.released(wall(NOW)).taken_from_holder(
            &forced,
            Taken::ForceReleased,
            "bob",
            None,
            wall(NOW),
        );
        let taken = freed.taken_from().map(|taken| (taken.holder, taken.by));
        assert_eq!(taken, Some(("ada".to_owned(), "bob".to_owned())));
    }

    #[test]
    fn what_is_long_is_cut_and_what_does_not_fit_is_left_out() {
        let long = "ü".repeat(5000);
        let taken = granted(&held(&long, 60), "me", Some(&long)).taken_from();
        let taken = taken.expect("it was taken");
        assert!(taken.holder.len() <= LONGEST_IDENTITY && taken.holder.ends_with("ü…"));
        let because = taken.because.expect("a reason");
        assert!(because.len() <= LONGEST_REASON && because.ends_with("ü…"));
        let full = held("ada", 60).with(|object| {
            let much = "x".repeat(ALL_ANNOTATIONS - 100);
            object["metadata"]["annotations"] = json!({ "much": much });
        });
        assert_eq!(granted(&full, "me", None).previous(), None);
        let roomy = held("ada", 60).with(|object| {
            object["metadata"]["annotations"] = json!({ "much": "x".repeat(260_000) });
        });
        assert!(granted(&roomy, "me", None).previous().is_some());
    }

    /// What the API server counts.
    fn size(record: &Record) -> usize {
        let object = record.as_json().clone();
        let all = object["metadata"]["annotations"].as_object().cloned();
        let all = all.into_iter().flatten();
        all.map(|(key, text)| key.len() + text.as_str().map_or(0, str::len))
            .sum()
    }

    #[test]
    fn whatever_is_added_later_is_what_is_for_people_left_out_for_it_and_nothing_else() {
        let roomy = granted(&held("ada", 60), "me", None);
        let noted = size(&roomy);
        for room in [noted - 1, noted, noted + 10, noted + 100] {
            let full = held("ada", 60).with(|object| {
                let much = "x".repeat(ALL_ANNOTATIONS - "much".len() - room);
                object["metadata"]["annotations"] = json!({ "much": much });
            });
            let taken = granted(&full, "me", None);
            assert_eq!(taken.previous().is_some(), noted <= room, "{room}");
            let robbed = taken.taken_as(Taken::Stolen).with_victim(Some("ada"));
            for written in [taken, robbed.clone(), robbed.with_stopped(&full)] {
                assert!(size(&written) <= ALL_ANNOTATIONS, "{room}");
            }
            assert_eq!(robbed.victim(), Some("ada"), "{room}");
            assert_eq!(robbed.previous().is_some(), room > noted + 50, "{room}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_nothing_and_an_annotation_like_any_other() {
        for text in [
            "",
            "{}",
            "[1]",
            r#"{"holder":"a","taken":"Eaten","by":"b"}"#,
        ] {
            let record = held("me", 60).with(|object| {
                object["metadata"]["annotations"] = json!({ PREVIOUS_ANNOTATION: text });
            });
            assert_eq!(record.previous(), None, "{text}");
            assert_eq!(record.annotations().count(), 1, "{text}");
        }
        let taken = granted(&held("ada", 60), "me", None);
        assert_eq!(taken.annotations().count(), 0);
    }
}
