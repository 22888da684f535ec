//! What a hold does about its lease: renewals answered, changes seen, the release.

use std::time::Duration;

use super::super::machine::Event;
use super::Hold;
use crate::clock::Clock;
use crate::lease::api::Api;
use crate::lease::decide::{Ours, Seen};
use crate::lease::operate::{End, Interrupt, Limits, Renewal};

impl<A: Api, C: Clock> Hold<'_, A, C> {
    /// One try to release, for as long as the grant could last at most.
    pub(super) fn give_back(&mut self) {
        let now = self.operations.clock().now();
        let patience = self.order.timing.duration.min(Duration::from_secs(5));
        let limits = Limits {
            deadline: Some(
                (self.grant.expires_at())
                    .max(now + Duration::from_secs(1))
                    .min(now + patience),
            ),
            once: false,
            interrupt: Interrupt::never(),
        };
        self.renewal = None;
        let (operations, ours) = (self.operations, Ours::Grant(self.grant.record.clone()));
        self.release = Some(Box::pin(async move {
            match operations.release(&ours, &limits, &|_| ()).await {
                Ok(_) => Some(true),
                // Not ours any more.
                Err(End::Refused(_)) => Some(false),
                Err(_) => None,
            }
        }));
    }

    pub(super) async fn renewed(&mut self, renewal: Renewal) -> bool {
        match renewal {
            Renewal::Renewed(grant) => {
                let sent_at = grant.sent_at;
                self.grant = grant;
                self.said_trouble = false;
                let done = self.feed(Event::Renewed { sent_at }).await;
                if let Some(child) = &mut self.child {
                    child.held(sent_at);
                }
                done
            }
            Renewal::Lost(loss) => self.feed(Event::RecordChanged(loss)).await,
            Renewal::Failed(fault) => {
                let retry_after = fault.retry_after();
                self.feed(Event::RenewalFailed {
                    why: fault.to_string(),
                    retry_after,
                })
                .await
            }
        }
    }

    /// A read, because the watch says that something happened, or ended.
    pub(super) fn read_again(&mut self) {
        if self.reading.is_none() {
            let (operations, limit) = (self.operations, self.order.timing.attempt);
            self.reading = Some(Box::pin(async move { operations.read(None, limit).await }));
        }
    }

    /// What a watch event or a read shows.
    pub(super) async fn seen(&mut self, seen: Seen) -> bool {
        if let Seen::Lease(found) = &seen
            && found.record().older_than(&self.grant.record)
        {
            return false;
        }
        match self.grant.lost(&seen) {
            Some(loss) => self.feed(Event::RecordChanged(loss)).await,
            None => {
                if let Seen::Lease(seen) = seen
                    && self.renewal.is_none()
                {
                    // The next renewal goes on top of it, without a conflict.
                    self.grant.record = seen.record().clone();
                }
                false
            }
        }
    }
}
