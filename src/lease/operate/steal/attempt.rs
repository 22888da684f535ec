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
}

impl Attempt {
    /// Whether it may have been carried out before this was seen: the grants are counted.
    pub(super) fn may_have_happened(&self, seen: &Seen) -> bool {
        let Seen::Lease(seen) = seen else { return true };
        let (record, written) = (seen.record(), &self.written);
        let before = written.replaced();
        let (base, ours) = (
            before.map_or(0, |it| it.transitions()),
            written.transitions(),
        );
        record.uid() != written.uid()
            // Somebody has set them back, or counts no grants.
            || record.transitions() < base
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
