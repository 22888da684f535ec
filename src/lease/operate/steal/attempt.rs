//! A takeover that was sent, and whether it has happened or may still happen.

use super::super::super::decide::Seen;
use super::super::super::record::Record;
use super::victims::Victim;
use crate::clock::Instant;

/// A write that was sent, and may have been carried out.
pub(super) struct Attempt {
    pub(super) written: Record,
    pub(super) sent_at: Instant,
    pub(super) victim: Option<Victim>,
    /// The answer was a no that may hide a success ([`super::super::super::api::Fault::may_hide_success`]). It is looked for, and not
    /// made impossible.
    pub(super) answered: bool,
    /// The answer was that the Lease is not there.
    pub(super) was_absent: bool,
}

impl Attempt {
    /// Whether it may have been carried out before this was seen: the grants are counted.
    pub(super) fn may_have_happened(&self, seen: &Seen) -> bool {
        let there = match seen {
            Seen::Lease(seen) => Some(seen.record()).filter(|it| it.uid() == self.written.uid()),
            Seen::Absent => None,
        };
        let Some(record) = there else {
            // It was deleted: after the write, unless the answer says that it was before.
            return !self.was_absent;
        };
        let written = &self.written;
        let (base, ours) = (
            written.replaced().map_or(0, |it| it.transitions()),
            written.transitions(),
        );
        // Somebody has set them back, or counts no grants.
        record.transitions() < base
            || record.transitions() > ours
            || (record.transitions() == ours && !record.is_instead_of(written))
            || (self.victim.as_ref()).is_some_and(|it| record.notes_what(written, &it.replaced))
    }

    /// On top of anything else than what it replaces it cannot happen any more.
    pub(super) fn may_happen(&self, seen: &Seen) -> bool {
        let (base, answered) = (self.written.resource_version(), self.answered);
        matches!(seen, Seen::Lease(seen) if !answered && seen.record().resource_version() == base)
    }
}
