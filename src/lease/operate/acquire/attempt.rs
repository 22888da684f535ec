//! Writes that were sent to make a grant, and what can be told of them by what is seen later.

use super::super::super::decide::Seen;
use super::super::super::record::{Lease, Record};
use super::super::Grant;
use crate::clock::Instant;

/// A write that makes a grant.
pub(super) enum GrantWrite {
    Create(Lease),
    Replace(Record),
}

impl std::ops::Deref for GrantWrite {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        match self {
            Self::Create(lease) => lease,
            Self::Replace(record) => record,
        }
    }
}

/// A write that was sent, and may have been carried out.
pub(super) struct Attempt {
    pub(super) written: GrantWrite,
    pub(super) sent_at: Instant,
    /// It was to replace a grant of the same identity whose process may still run (`--reenter`).
    pub(super) reenters: bool,
    /// The answer was a no that may hide a success ([`Fault::may_hide_success`](crate::lease::api::Fault::may_hide_success)). It is looked for, and not made impossible: what
    /// is held back on the way for longer than that is among the limits (docs/safety.md).
    pub(super) answered: bool,
    /// The Lease was read since, and showed another grant: only what is held back somewhere can change that.
    pub(super) looked_for: bool,
}

impl Attempt {
    /// The grant that it has made, as it is in `record` now.
    pub(super) fn grant(&self, record: &Record) -> Grant {
        Grant {
            reenters: self.reenters,
            alone_from: (!self.reenters).then_some(self.sent_at),
            ..Grant::new(record.clone(), &self.written, self.sent_at)
        }
    }

    pub(super) fn made(&self, record: &Record) -> bool {
        // The transitions too: with a clock that stands still, an older grant of this identity has the same time.
        record.holder() == self.written.holder()
            && record.acquire_time() == self.written.acquire_time()
            && record.transitions() == self.written.transitions()
    }

    /// Whether the write could still succeed on top of what was seen, however long ago it was sent: what a closed
    /// connection or a proxy holds back has no time limit.
    pub(super) fn may_still_happen(&self, seen: &Seen) -> bool {
        if self.answered {
            return false;
        }
        match (&self.written, seen) {
            (GrantWrite::Create(_), Seen::Absent) => true,
            (GrantWrite::Replace(written), Seen::Lease(seen)) => {
                seen.record().uid() == written.uid()
                    && seen.record().resource_version() == written.resource_version()
            }
            (GrantWrite::Create(_), Seen::Lease(_)) | (GrantWrite::Replace(_), Seen::Absent) => {
                false
            }
        }
    }
}
