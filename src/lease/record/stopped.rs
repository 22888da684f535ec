//! A robbed holder's acknowledgement that it has stopped: how it is written into the Lease, and whose it is.

use super::Record;
use super::field::STOPPED_ANNOTATION;
use super::object::Fields;
use super::read::same_time;

impl Fields<'_> {
    /// Whether the holder of exactly this grant has said here that nothing of it runs any more, and never will again.
    ///
    /// It names the uid, the transitions and the acquireTime, because each can come again without the others: the
    /// transitions in a Lease that was deleted and made anew, the times by a clock that stands still. It counts only in the
    /// Lease that it names.
    pub fn says_stopped(&self, grant: &Fields<'_>) -> bool {
        let Some((transitions, acquired, uid)) = self.stopped() else {
            return false;
        };
        !uid.is_empty()
            && uid == grant.uid()
            && uid == self.uid()
            && transitions == grant.transitions()
            && grant.acquire_time().is_some()
            && same_time(Some(acquired), grant.acquire_time())
    }

    /// Whether this is the grant directly on top of that one, made by somebody who waits until its holder must have stopped.
    pub fn waits_for(&self, grant: &Fields<'_>) -> bool {
        self.uid() == grant.uid()
            && self.holder().is_some()
            && grant.transitions().checked_add(1) == Some(self.transitions())
            && self.victim().is_some()
            && self.victim() == grant.holder()
    }

    fn stopped(&self) -> Option<(i64, &str, &str)> {
        let mut parts = self.annotation(STOPPED_ANNOTATION)?.split(' ');
        let text = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some(text)
    }
}

impl Record {
    /// The same, and the acknowledgement of the holder of `grant` that it has stopped. Nothing else is touched: who holds the Lease now,
    /// and for how long, is as it was read.
    #[must_use]
    pub fn with_stopped(&self, grant: &Fields<'_>) -> Self {
        let acquired = grant.acquire_time().unwrap_or_default();
        let text = format!("{} {acquired} {}", grant.transitions(), grant.uid());
        self.annotated(STOPPED_ANNOTATION, Some(&text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lease::testing::held;

    #[test]
    fn an_acknowledgement_is_about_the_grant_that_it_names_and_about_no_other() {
        let ours = held("me", 6);
        let taken = held("thief", 6).with_spec("leaseTransitions", json!(5));
        assert!(!taken.says_stopped(&ours), "nobody has said anything");
        let said = taken.with_stopped(&ours);
        assert!(said.says_stopped(&ours));
        assert!(!said.says_stopped(&taken), "the thief has not stopped");
        let later = |text: &str| json!(format!("2020-01-01T00:00:00.00000{text}"));
        for (field, value) in [
            ("leaseTransitions", json!(3)),
            ("acquireTime", later("1Z")),
            ("acquireTime", json!(null)),
        ] {
            assert!(!said.says_stopped(&ours.with_spec(field, value)));
        }
        let recreated = |record: &Record| record.with(|o| o["metadata"]["uid"] = json!("uid-2"));
        assert!(!said.says_stopped(&recreated(&ours)));
        assert!(!recreated(&said).says_stopped(&ours), "kept by a copy");
        // However the same time is written.
        let same = ours.with_spec("acquireTime", json!("2020-01-01T01:00:00+01:00"));
        assert!(said.says_stopped(&same));
    }

    #[test]
    fn an_acknowledgement_touches_nothing_but_itself() {
        let (ours, taken) = (held("me", 6), held("thief", 6).with_victim(Some("me")));
        let said = taken.with_stopped(&ours);
        let without = said.with(|object| {
            let annotations = object["metadata"]["annotations"].as_object_mut();
            annotations.map(|all| all.remove(STOPPED_ANNOTATION));
        });
        assert_eq!(without, taken);
        assert_eq!(said.observed_record(), taken.observed_record());
        assert_eq!(said.victim(), Some("me"));
        for text in [
            "",
            "4",
            "4 x",
            "4 2020-01-01T00:00:00Z",
            "x y z",
            "4 2020-01-01T00:00:00Z uid-1 more",
        ] {
            let forged = taken.annotated(STOPPED_ANNOTATION, Some(text));
            assert!(!forged.says_stopped(&ours), "{text:?}");
        }
    }

    #[test]
    fn the_next_grant_and_a_release_and_the_end_of_the_wait_remove_it() {
        let said = held("thief", 6).with_stopped(&held("me", 6));
        let terms = crate::lease::record::GrantTerms {
            holder: "next".parse().expect("a holder"),
            duration: None,
            default_duration: crate::lease::values::LeaseDuration::SHORTEST,
            reason: None,
            mark: std::time::Duration::ZERO,
            manager: crate::lease::values::Manager::default(),
        };
        let at = jiff::Timestamp::UNIX_EPOCH;
        let granted = said.granted(&terms, at).expect("a grant");
        for record in [granted, said.released(at), said.with_victim(None)] {
            assert_eq!(record.annotation(STOPPED_ANNOTATION), None);
        }
        assert!(said.renewed(at).says_stopped(&held("me", 6)));
    }
}
