//! What a hold does about its leases: renewals sent and answered, changes seen, the releases.

use std::time::Duration;

use futures::future::FutureExt;

use super::kept::{Learned, Read};
use super::{Hold, Next, Note};
use crate::clock::{Clock, Instant};
use crate::hold::machine::{Event, Given};
use crate::lease::api::Api;
use crate::lease::decide::Seen;
use crate::lease::evidence::Observation;
use crate::lease::operate::{
    ATTEMPT_LIMIT, Acknowledged, End, Hint, Interrupt, Limits, Renewal, Returned, Shown,
};

/// So many reads of a lease at most are under way: each begun by something that an earlier one may have missed.
const READS: usize = 3;

impl<A: Api, C: Clock> Hold<'_, A, C> {
    /// Sends a renewal.
    pub(super) fn renew(&mut self, lease: usize, limit: Duration) {
        let kept = &mut self.kept[lease];
        let until = kept.grant.sent_at + self.terms.timing.renew_deadline;
        kept.renewals.begin(limit, until);
    }

    /// Says that one was not acknowledged, unless that was said.
    pub(super) fn say_failed(&mut self, lease: usize, why: String, now: Instant) {
        let kept = &mut self.kept[lease];
        if !std::mem::replace(&mut kept.said_trouble, true) {
            let left = (kept.grant.sent_at + self.terms.timing.renew_deadline).since(now);
            (self.say)(Some(lease), Note::RenewalFailed { why, left });
        }
    }

    /// One try to release, for as long as the grant could last at most.
    pub(super) fn give_back(&mut self, lease: usize) {
        let now = self.clock.now();
        let patience = self.terms.timing.duration.min(Duration::from_secs(5));
        let kept = &mut self.kept[lease];
        let limits = Limits {
            deadline: Some(
                (kept.grant.expires_at())
                    .max(now + Duration::from_secs(1))
                    .min(now + patience),
            ),
            once: false,
            insist: true,
            interrupt: Interrupt::never(),
        };
        kept.renewals.stop();
        kept.grant = kept.renewals.grant().clone();
        let (operations, grant) = (kept.operations, kept.grant.clone());
        let unused = !self.begun && !self.terms.command.is_empty();
        // Stolen from somebody who was not waited for: a third one must not come in beside it. Where nothing tells for how long it
        // may run, it is given back once the command has run.
        if grant.is_beside_another(now) || unused && grant.keeps_others_out(now) {
            self.release = Some(Box::pin(std::future::ready((lease, None))));
            return;
        }
        self.release = Some(Box::pin(async move {
            let returned = operations.give_grant_back(&grant, &limits, &|_| ()).await;
            (lease, Some(returned))
        }));
    }

    /// What came of the release.
    pub(super) fn returned(&mut self, lease: usize, returned: Option<Returned>) -> Next {
        self.release = None;
        let given = match returned {
            Some(Returned::Freed(_)) => {
                self.report.released.push(lease);
                Given::Freed
            }
            Some(Returned::Lost(loss)) => Given::Lost(loss),
            None => {
                (self.say)(Some(lease), Note::Kept);
                Given::Unknown
            }
            Some(Returned::Unsettled(end)) => {
                let why = end.why();
                let is_open = matches!(end, End::Unsettled { .. });
                (self.say)(Some(lease), Note::NotReleased { why, is_open });
                Given::Unknown
            }
        };
        self.feed_of(lease, Event::Released(given))
    }

    /// Says that nothing runs any more to whoever has taken the lease: of this grant, which is what was acknowledged last.
    pub(super) fn say_stopped(&mut self, lease: usize) {
        let kept = &mut self.kept[lease];
        let (operations, taken) = (kept.operations, kept.taken.take());
        let grant = kept.renewals.grant().clone();
        let said = async move { (lease, operations.say_stopped(&grant, taken).await) };
        self.acknowledgements.push(said.boxed_local());
    }

    /// What came of that: nothing that changes how the hold ends.
    pub(super) fn stop_said(&mut self, lease: usize, said: &Acknowledged) -> Next {
        match said {
            Acknowledged::Said => {
                log::debug!("whoever has taken the lease knows that all has stopped")
            }
            Acknowledged::Nobody => {}
            Acknowledged::Unsaid(why) => log::debug!("not said that all has stopped: {why}"),
        }
        self.feed_of(lease, Event::StoppedSaid)
    }

    pub(super) fn renewed(&mut self, lease: usize, renewal: Renewal) -> Next {
        match renewal {
            Renewal::Renewed(_) => self.acknowledged(lease),
            Renewal::Lost(loss) => self.feed_of(lease, Event::RenewalLost(loss)),
            Renewal::Failed(fault) => {
                let failed = Event::RenewalFailed {
                    why: fault.to_string(),
                    retry_after: fault.retry_after(),
                };
                self.feed_of(lease, failed)
            }
        }
    }

    /// A renewal was stored, by its reply or by what was seen.
    fn acknowledged(&mut self, lease: usize) -> Next {
        let kept = &mut self.kept[lease];
        kept.grant = kept.renewals.grant().clone();
        kept.said_trouble = false;
        let sent_at = kept.grant.sent_at;
        let next = self.feed_of(lease, Event::Renewed { sent_at });
        if self.machine.is_held()
            && let Some(child) = &mut self.child
        {
            child.held(self.machine.sent_at());
        }
        next
    }

    /// What a watch or a read brought.
    pub(super) fn learned(&mut self, lease: usize, learned: Learned) -> Next {
        match learned {
            Learned::Read(Read { seen, asked_at }) => match seen {
                Ok(seen) => self.seen(lease, seen, Some(asked_at)),
                // The next renewal finds out.
                Err(_) => Next::Wait,
            },
            Learned::Hint(Hint::Lease(record)) => {
                let at = self.clock.now();
                self.seen(
                    lease,
                    Seen::Lease(Observation::first(record, at, None)),
                    None,
                )
            }
            Learned::Hint(Hint::ReadAgain | Hint::Quiet) => {
                self.read_again(lease);
                Next::Wait
            }
            // Meanwhile the renewals notice a loss too, within D/3.
            Learned::Hint(Hint::Refused) => self.say_of(lease, Note::Unwatched),
            Learned::Hint(Hint::Watching) => self.say_of(lease, Note::Watched),
        }
    }

    fn say_of(&self, lease: usize, note: Note) -> Next {
        (self.say)(Some(lease), note);
        Next::Wait
    }

    /// A read, because the watch says that something happened, or ended. Its answer is of use even if it is late.
    fn read_again(&mut self, lease: usize) {
        let kept = &mut self.kept[lease];
        if kept.reads.len() >= READS {
            return;
        }
        let limit = (self.terms.timing.duration / 2).min(ATTEMPT_LIMIT);
        let operations = kept.operations;
        let asked_at = self.clock.now();
        let read = async move {
            let seen = operations.read(None, limit).await;
            Read { asked_at, seen }
        };
        kept.reads.push(read.boxed_local());
    }

    /// What a watch event shows, or a read that was begun at `asked_at`.
    fn seen(&mut self, lease: usize, seen: Seen, asked_at: Option<Instant>) -> Next {
        let kept = &mut self.kept[lease];
        let had_duration = kept.grant.record.duration().is_some();
        let next = match kept.renewals.shown(&seen, asked_at) {
            Shown::Renewed => self.acknowledged(lease),
            Shown::Lost(loss) => {
                if let Seen::Lease(found) = &seen {
                    kept.taken = Some(found.record().clone());
                }
                return self.feed_of(lease, Event::RecordChanged(loss));
            }
            Shown::Same => {
                // The next renewal goes on top of it, without a conflict.
                kept.grant = kept.renewals.grant().clone();
                Next::Wait
            }
        };
        let has_duration = self.kept[lease].grant.record.duration().is_some();
        match (next, had_duration && !has_duration) {
            (Next::Wait, true) => self.feed_of(lease, Event::DurationGone),
            (next, _) => next,
        }
    }
}
