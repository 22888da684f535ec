//! What a hold does about its lease: renewals answered, changes seen, the release.

use std::time::Duration;

use futures::future::FutureExt;

use super::{Hold, Next, Note, Read};
use crate::clock::{Clock, Instant};
use crate::hold::machine::{Event, Given};
use crate::lease::api::Api;
use crate::lease::decide::Seen;
use crate::lease::operate::{ATTEMPT_LIMIT, Interrupt, Limits, Renewal, Returned, Shown, Spoken};

/// So many reads at most are under way: each begun by something that an earlier one may have missed.
const READS: usize = 3;

impl<A: Api, C: Clock> Hold<'_, A, C> {
    /// One try to release, for as long as the grant could last at most.
    pub(super) fn give_back(&mut self) {
        let now = self.operations.clock().now();
        let patience = self.terms.timing.duration.min(Duration::from_secs(5));
        let limits = Limits {
            deadline: Some(
                (self.grant.expires_at())
                    .max(now + Duration::from_secs(1))
                    .min(now + patience),
            ),
            once: false,
            insist: true,
            interrupt: Interrupt::never(),
        };
        self.renewals.stop();
        self.grant = self.renewals.grant().clone();
        let (operations, grant) = (self.operations, self.grant.clone());
        // Stolen from somebody who was not waited for, and nothing was done under it.
        if grant.keeps_others_out() && !self.begun && !self.terms.command.is_empty() {
            self.release = Some(Box::pin(std::future::ready(None)));
            return;
        }
        self.release = Some(Box::pin(async move {
            Some(operations.give_grant_back(&grant, &limits).await)
        }));
    }

    /// What came of the release.
    pub(super) fn returned(&mut self, returned: Option<Returned>) -> Next {
        self.release = None;
        let given = match returned {
            Some(Returned::Freed) => {
                self.report.released = true;
                Given::Freed
            }
            Some(Returned::Lost(loss)) => Given::Lost(loss),
            None => {
                (self.say)(Note::Kept);
                Given::Unknown
            }
            Some(Returned::Unsettled(end)) => {
                (self.say)(Note::NotReleased(end.why()));
                Given::Unknown
            }
        };
        self.feed(Event::Released(given))
    }

    /// Says that nothing runs any more to whoever has taken the lease: of this grant, which is what was acknowledged last.
    pub(super) fn say_stopped(&mut self) {
        let (operations, taken) = (self.operations, self.taken.take());
        let grant = self.renewals.grant().clone();
        self.word = Some(Box::pin(async move {
            operations.say_stopped(&grant, taken).await
        }));
    }

    /// What came of that: nothing that changes how the hold ends.
    pub(super) fn spoken(&mut self, word: &Spoken) -> Next {
        self.word = None;
        match word {
            Spoken::Said => log::debug!("whoever has taken the lease knows that all has stopped"),
            Spoken::Nobody => {}
            Spoken::Unsaid(why) => log::debug!("not said that all has stopped: {why}"),
        }
        self.feed(Event::StoppedSaid)
    }

    pub(super) fn renewed(&mut self, renewal: Renewal) -> Next {
        match renewal {
            Renewal::Renewed(_) => self.acknowledged(),
            Renewal::Lost(loss) => self.feed(Event::RenewalLost(loss)),
            Renewal::Failed(fault) => self.feed(Event::RenewalFailed {
                why: fault.to_string(),
                retry_after: fault.retry_after(),
            }),
        }
    }

    /// A renewal was stored, by its reply or by what was seen.
    fn acknowledged(&mut self) -> Next {
        self.grant = self.renewals.grant().clone();
        self.said_trouble = false;
        let sent_at = self.grant.sent_at;
        let next = self.feed(Event::Renewed { sent_at });
        if self.machine.is_held()
            && let Some(child) = &mut self.child
        {
            child.held(sent_at);
        }
        next
    }

    /// A read, because the watch says that something happened, or ended. Its answer is of use even if it is late.
    pub(super) fn read_again(&mut self) {
        if self.reads.len() >= READS {
            return;
        }
        let limit = (self.terms.timing.duration / 2).min(ATTEMPT_LIMIT);
        let operations = self.operations;
        let asked_at = operations.clock().now();
        let read = async move {
            let seen = operations.read(None, limit).await;
            Read { asked_at, seen }
        };
        self.reads.push(read.boxed_local());
    }

    /// What a watch event shows, or a read that was begun at `asked_at`.
    pub(super) fn seen(&mut self, seen: Seen, asked_at: Option<Instant>) -> Next {
        match self.renewals.shown(&seen, asked_at) {
            Shown::Renewed => self.acknowledged(),
            Shown::Lost(loss) => {
                if let Seen::Lease(found) = &seen {
                    self.taken = Some(found.record().clone());
                }
                self.feed(Event::RecordChanged(loss))
            }
            Shown::Same => {
                // The next renewal goes on top of it, without a conflict.
                self.grant = self.renewals.grant().clone();
                Next::Wait
            }
        }
    }
}
