//! Renewing a grant once, for as long as it takes: until it is acknowledged, or a deadline has come.

use super::super::super::api::Api;
use super::super::super::decide::{Loss, Seen};
use super::super::super::evidence::Observation;
use super::super::super::values::LeaseDuration;
use super::super::tenure::Shown;
use super::super::{
    FIRST_PAUSE, Grant, Hint, OnProgress, Operations, Pause, Progress, Watcher, write_limit,
};
use super::{Renewal, Renewals};
use crate::clock::{Clock, Instant};

impl<A: Api, C: Clock> Operations<A, C> {
    /// Renews until it is acknowledged or `deadline` has come.
    ///
    /// # Errors
    /// With how the grant was lost.
    pub async fn renew_until(&self, grant: &Grant, deadline: Instant) -> Result<Grant, Loss> {
        self.renew_for(grant, None, deadline).await
    }

    /// As [`Self::renew_until`]; `duration` is recorded instead of what the Lease has.
    ///
    /// # Errors
    /// With how the grant was lost.
    pub async fn renew_for(
        &self,
        grant: &Grant,
        duration: Option<LeaseDuration>,
        deadline: Instant,
    ) -> Result<Grant, Loss> {
        self.renew_beside(grant, duration, deadline, None).await
    }

    /// As [`Self::renew_until`]; what the watch shows meanwhile counts as well, since a renewal that was stored shows there though
    /// its reply is lost.
    ///
    /// # Errors
    /// With how the grant was lost.
    pub(in super::super) async fn renew_watching(
        &self,
        grant: &Grant,
        deadline: Instant,
        watcher: Option<&mut Watcher>,
        report: OnProgress<'_>,
    ) -> Result<Grant, Loss> {
        let watcher = watcher.map(|watcher| (watcher, report));
        self.renew_beside(grant, None, deadline, watcher).await
    }

    async fn renew_beside(
        &self,
        grant: &Grant,
        duration: Option<LeaseDuration>,
        deadline: Instant,
        mut watcher: Option<(&mut Watcher, OnProgress<'_>)>,
    ) -> Result<Grant, Loss> {
        let mut pause = Pause::default();
        let mut grant = grant.clone();
        if duration.is_some() {
            // Until it is acknowledged the recorded duration is another: `deadline` counts, not this.
            grant.sent_at = self.clock.now();
        }
        let mut renewals = Renewals::new(self, grant.clone(), duration);
        let limit = write_limit(grant.record.duration());
        let mut last = None;
        let mut next = self.clock.now();
        let mut trying = false;
        loop {
            let known = renewals.grant().record.clone();
            let hint = async {
                match &mut watcher {
                    Some((watcher, _)) => self.hint_or_read(watcher, &known).await,
                    None => std::future::pending().await,
                }
            };
            let renewal = tokio::select! {
                biased;
                renewal = renewals.next() => renewal,
                () = self.clock.sleep_until(deadline) => {
                    let last = last.or(Some("nothing was sent in time".to_owned()));
                    return Err(Loss::Deadline { last });
                }
                () = self.clock.sleep_until(next), if !trying => {
                    trying = true;
                    renewals.begin(limit, deadline);
                    continue;
                }
                hint = hint => {
                    match hint {
                        Hint::Lease(record) => {
                            let seen = Seen::Lease(Observation::first(record, self.clock.now(), None));
                            // Whether it is lost the renewal finds out.
                            if renewals.shown(&seen, None) == Shown::Renewed {
                                return Ok(renewals.grant().clone());
                            }
                        }
                        Hint::Refused => tell(&watcher, Progress::Polling),
                        Hint::Watching => tell(&watcher, Progress::Watching),
                        Hint::ReadAgain | Hint::Quiet => {}
                    }
                    continue;
                }
            };
            let fault = match renewal {
                Renewal::Renewed(grant) => return Ok(grant),
                Renewal::Lost(Loss::Deadline { .. }) => return Err(Loss::Deadline { last }),
                Renewal::Lost(loss) => return Err(loss),
                Renewal::Failed(fault) => fault,
            };
            trying = false;
            last = Some(fault.to_string());
            let now = self.clock.now();
            // However long the server asks us to wait, there is another try before the deadline.
            let left = deadline.since(now);
            next = now
                + pause
                    .next(fault.retry_after())
                    .min(left / 3)
                    .max(FIRST_PAUSE);
        }
    }
}

fn tell(watcher: &Option<(&mut Watcher, OnProgress<'_>)>, progress: Progress) {
    if let Some((_, report)) = watcher {
        report(progress);
    }
}
