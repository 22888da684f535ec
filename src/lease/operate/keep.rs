//! Keep: renews a Lease that was taken for as long as something else is waited for, and then begins with its full time.

use std::time::Duration;

use super::super::api::Api;
use super::super::values::LeaseDuration;
use super::guard::with_fate;
use super::outlast::Turns;
use super::{End, Fate, Grant, Interrupt, Limits, OnProgress, Operations, Watcher};
use crate::clock::Clock;

impl<A: Api, C: Clock> Operations<A, C> {
    /// Keeps a grant renewed until `over`. Of many that are kept at once each waits for its turn to renew: so many requests at
    /// the same time would wait for each other anyway, on connections that are made for them.
    ///
    /// # Errors
    /// When it is lost meanwhile: what still stands as ours is given back, if nobody may run beside it. Or a signal ends the
    /// wait: then the Lease stays held.
    pub async fn keep_until(
        &self,
        grant: &mut Grant,
        over: impl Future<Output = ()>,
        turns: &Turns,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        let mut over = std::pin::pin!(over);
        loop {
            let due = grant.sent_at + grant.duration().as_duration() / 3;
            tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                () = &mut over => return Ok(()),
                () = self.clock.sleep_until(due) => {}
            }
            let renewed = self
                .renew_in_turn(grant, Some(turns), None, limits, report)
                .await;
            self.or_given_back(grant, renewed, limits).await?;
        }
    }

    /// Renews a grant once, in its turn: while others are before it, it is not the server that is silent.
    ///
    /// # Errors
    /// As [`Self::keep_until`].
    pub(super) async fn renew_in_turn(
        &self,
        grant: &Grant,
        turns: Option<&Turns>,
        watcher: Option<&mut Watcher>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Grant, End> {
        let turn = async {
            match turns {
                // Nobody closes it.
                Some(turns) => turns.renewals.acquire().await.ok(),
                None => None,
            }
        };
        let _turn = tokio::select! {
            biased;
            signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
            turn = turn => turn,
        };
        let begun = self.clock.now();
        // Of many, what the watch of each comes to is not said.
        let quiet: OnProgress<'_> = &|_| ();
        let said = if turns.is_none() { report } else { quiet };
        let renewal = self.renew_watching(grant, grant.expires_at(), watcher, said);
        let renewed = tokio::select! {
            biased;
            signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
            renewed = self.audibly(grant.sent_at, report, renewal) => renewed,
        };
        if let Some(turns) = turns {
            turns.wrote(self.clock.now().since(begun));
        }
        renewed.map_err(End::Lost)
    }

    /// Records the duration asked for, and that nobody runs any more whom the Lease was stolen from. Whoever has the grant then
    /// begins with its full time.
    ///
    /// # Errors
    /// As [`Self::keep_until`].
    pub async fn begin_in_full(
        &self,
        grant: &mut Grant,
        duration: Option<LeaseDuration>,
        limits: &Limits,
    ) -> Result<(), End> {
        // Until it is acknowledged the recorded duration is the longer one. That nobody else runs is recorded too.
        let other = duration.filter(|asked| Some(*asked) != grant.record.duration());
        let shielding =
            (grant.record.victim().is_some()).then(|| duration.unwrap_or(grant.duration()));
        if let Some(asked) = other.or(shielding) {
            let until = grant.expires_at();
            let renewed = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                renewed = self.renew_for(grant, Some(asked), until) => renewed.map_err(End::Lost),
            };
            self.or_given_back(grant, renewed, limits).await?;
        }
        // The caller begins with a full duration.
        if self.clock.now().since(grant.sent_at) > Duration::from_secs(1) {
            let renewed = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                renewed = self.renew_until(grant, grant.expires_at()) => renewed.map_err(End::Lost),
            };
            self.or_given_back(grant, renewed, limits).await?;
        }
        grant.awaits = false;
        Ok(())
    }

    /// What becomes of one of many that are kept, where a signal was the end: it is given back in its turn if nobody may run beside
    /// it, else it stays held.
    pub async fn give_back_in_turn(
        &self,
        grant: &Grant,
        end: End,
        turns: &Turns,
        interrupt: &Interrupt,
    ) -> End {
        with_fate(end, self.give_up_in_turn(grant, turns, interrupt).await)
    }

    /// The same of one that was handed out to nobody.
    pub async fn give_up_in_turn(
        &self,
        grant: &Grant,
        turns: &Turns,
        interrupt: &Interrupt,
    ) -> Fate {
        // Nobody closes it.
        let _turn = turns.renewals.acquire().await.ok();
        let until = turns.until(self.clock.now());
        self.free_alone(grant, interrupt, until).await
    }

    async fn or_given_back(
        &self,
        grant: &mut Grant,
        renewed: Result<Grant, End>,
        limits: &Limits,
    ) -> Result<(), End> {
        match renewed {
            Ok(renewed) => {
                *grant = renewed;
                Ok(())
            }
            Err(end) => Err(self.lost_unused(grant, end, &limits.interrupt).await),
        }
    }
}
