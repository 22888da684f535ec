//! How a grant has ended, as far as what follows it tells: whether a release without a clear answer was carried out.

use super::field::REGRANTED_ANNOTATION;
use super::object::Fields;
use super::previous::{Previous, Taken};
use super::read::same_time;

impl Fields<'_> {
    /// Whether what is written here says that the very grant that `release` was to end was taken from its holder, or ended by somebody
    /// else: then it was not released by that. A release leaves all that tells a grant but its holder.
    pub fn denies(&self, release: &Fields<'_>) -> bool {
        let next = release.transitions().checked_add(1);
        let follows = next == Some(self.transitions()) && self.holder().is_some();
        self.uid() == release.uid()
            && ((follows && (self.victim().is_some() || self.is_regranted()))
                || (self.previous()).is_some_and(|noted| noted.denies(release)))
    }

    /// Whether this free Lease is what `release` has made of it: it has the time that was written. Others can free it too.
    pub fn shows(&self, release: &Fields<'_>) -> bool {
        self.uid() == release.uid()
            && self.holder().is_none()
            && self.transitions() == release.transitions()
            && (release.renew_time()).is_some_and(|time| self.renewed_at(time))
            && !self.denies(release)
    }

    /// Whether the present grant shows that the one before it was over by the time that `release` could have been carried out: it was
    /// made by this program, which notes from whom it takes what is held.
    pub fn follows_on(&self, release: &Fields<'_>) -> bool {
        self.uid() == release.uid()
            && self.holder().is_some()
            && release.transitions().checked_add(1) == Some(self.transitions())
            && self.is_ours()
            && !self.denies(release)
    }

    /// Whether the last grant has the place of the one that `written` was to make: this program made it, which counts each. Not all
    /// clients do.
    pub fn is_instead_of(&self, written: &Fields<'_>) -> bool {
        self.uid() == written.uid()
            && self.transitions() == written.transitions()
            && !same_time(self.acquire_time(), written.acquire_time())
            && self.is_acquired_by_us()
    }

    /// Whether the note is here that `written` was to leave over `before`: then it was carried out, whatever else has been since.
    pub fn notes_what(&self, written: &Fields<'_>, before: &Fields<'_>) -> bool {
        let noted = written.previous();
        self.uid() == written.uid()
            && noted.is_some()
            && noted == self.previous()
            && noted != before.previous()
    }

    /// Whether it is noted here that the very grant that `written` was to make was taken from its holder, or ended by somebody else.
    pub fn follows_takeover(&self, written: &Fields<'_>) -> bool {
        let noted = self.previous();
        self.uid() == written.uid() && noted.is_some_and(|noted| noted.denies(written))
    }

    /// Whether the present grant was put on top of one of the same identity.
    fn is_regranted(&self) -> bool {
        let noted = self.annotation(REGRANTED_ANNOTATION);
        noted.and_then(|text| text.parse().ok()) == Some(self.transitions())
    }
}

impl Previous {
    /// Whether it is about the grant that this was to end, and not what this was to write itself.
    fn denies(&self, release: &Fields<'_>) -> bool {
        let is_ours = release.previous().is_some_and(|ours| {
            (ours.taken, &ours.by, ours.transitions) == (self.taken, &self.by, self.transitions)
        });
        let ended = release.transitions();
        let transitions = match self.taken {
            Taken::ForceReleased => Some(ended),
            Taken::Expired | Taken::Stolen | Taken::FailedOver => ended.checked_add(1),
        };
        let acquired = self.acquired.map(|time| time.to_string());
        !is_ours
            && transitions == Some(self.transitions)
            && same_time(acquired.as_deref(), release.acquire_time())
    }
}

#[cfg(test)]
#[path = "denied_tests.rs"]
mod denied_tests;
