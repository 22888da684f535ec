//! The renewals of one of the leases of a hold, and whether it is lost.

use std::time::Duration;

use super::acknowledgement::Acknowledgement;
use crate::clock::Instant;
use crate::hold::timing::Timing;

/// How one of the leases stands.
#[derive(Debug, Default)]
pub struct Pace {
    /// Before the last acknowledged renewal was sent.
    pub sent_at: Instant,
    /// Whether a renewal is under way.
    pub renewing: bool,
    /// What stood in the way of the last renewal.
    pub last_trouble: Option<String>,
    /// Once it is lost: whether it may still be ours to give back.
    pub lost: Option<bool>,
    /// What is to be said to whoever has taken it.
    pub acknowledgement: Acknowledgement,
    due: Instant,
    failures: u32,
    /// When it was seen last that the next renewal cannot wait.
    hurried: Option<Instant>,
}

impl Pace {
    /// One whose grant was sent then.
    pub fn new(sent_at: Instant, timing: &Timing, jitter: f64) -> Self {
        let mut pace = Self::default();
        pace.acknowledged(sent_at, timing, jitter);
        pace
    }

    /// What was sent then is known to be stored.
    pub fn acknowledged(&mut self, sent_at: Instant, timing: &Timing, jitter: f64) {
        self.sent_at = sent_at;
        let due = sent_at + timing.renewal_due(jitter);
        self.due = match self.hurried {
            // What is to be repaired came after it.
            Some(hurried) if hurried > sent_at => self.due.min(due),
            Some(_) | None => due,
        };
    }

    /// The next renewal is due at once: it repairs what somebody has done to the record. Whoever does that again and again does
    /// not have us write without a pause.
    pub fn hurry(&mut self, now: Instant, timing: &Timing) {
        let before = self.hurried.replace(now);
        let soonest = before.map_or(now, |before| before + timing.renew_every / 4);
        self.due = self.due.min(soonest.max(now));
    }

    /// A renewal sent then was stored. Whichever is under way is not waited for any more.
    pub fn renewed(&mut self, sent_at: Instant, timing: &Timing, jitter: f64) {
        self.renewing = false;
        self.failures = 0;
        self.last_trouble = None;
        if self.lost.is_none() && sent_at > self.sent_at {
            self.acknowledged(sent_at, timing, jitter);
        }
    }

    /// A renewal was not acknowledged.
    pub fn failed(
        &mut self,
        why: &str,
        retry_after: Option<Duration>,
        now: Instant,
        timing: &Timing,
    ) {
        let pause = timing.pause(self.sent_at, now, self.failures, retry_after);
        self.due = now + pause;
        self.failures += 1;
        self.last_trouble = Some(why.to_owned());
    }

    /// Without an acknowledged renewal by then the command is stopped.
    pub fn fence_at(&self, timing: &Timing) -> Instant {
        self.sent_at + timing.renew_deadline
    }

    /// When there is something to do about it at the latest; `None` once it is lost.
    pub fn wake_at(&self, timing: &Timing) -> Option<Instant> {
        let fence = self.fence_at(timing);
        let wake = match self.renewing {
            true => fence,
            false => self.due.min(fence),
        };
        self.lost.is_none().then_some(wake)
    }

    /// Whether a renewal is to be sent.
    pub fn is_due(&self, now: Instant) -> bool {
        self.lost.is_none() && !self.renewing && now >= self.due
    }

    /// Whether it is to be given back: unless somebody else has it, or a renewal under way will tell.
    pub fn is_returnable(&self) -> bool {
        self.lost.unwrap_or(true)
    }

    /// Whether what becomes of it is open until a renewal is over.
    pub fn is_open(&self) -> bool {
        self.lost == Some(false) && self.renewing
    }
}
