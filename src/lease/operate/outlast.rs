//! Outlast: what is done with a Lease that was stolen, until whoever held it must have stopped.

use std::cell::{RefCell, RefMut};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::super::api::Api;
use super::super::decide::{Seen, Window};
use super::super::record::{Alteration, Record};
use super::super::values::LeaseDuration;
use super::guard::GivingBack;
use super::steal::Stolen;
use super::{End, Grant, Hint, Limits, OnProgress, Operations, Progress, Watcher, unsettled};
use crate::clock::{Clock, Instant};

/// How long a renewal that only looks what has become of the Lease comes after the one before.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What many takeovers that wait at the same time take turns with.
#[derive(Debug)]
pub struct Turns {
    /// Renewals: so many at a time.
    pub(super) renewals: Semaphore,
    /// Watches, each of which keeps a connection: so many. The others hear by their renewals until it is their turn.
    watches: Semaphore,
    window: RefCell<Window>,
    giving_back: RefCell<GivingBack>,
}

impl Turns {
    /// So many renewals, and so many watches, at a time.
    pub fn new(renewals: u16, watches: u16) -> Self {
        Self {
            renewals: Semaphore::new(renewals.into()),
            watches: Semaphore::new(watches.into()),
            window: RefCell::new(Window::new(renewals.into())),
            giving_back: RefCell::default(),
        }
    }

    /// A write took so long, without the wait for its turn.
    pub fn wrote(&self, took: Duration) {
        self.window.borrow_mut().wrote(took);
    }

    /// Until when it is tried to give the next one back.
    pub(super) fn until(&self, now: Instant) -> Instant {
        self.giving_back.borrow_mut().until(now)
    }

    /// How many can be kept.
    pub fn window(&self) -> RefMut<'_, Window> {
        self.window.borrow_mut()
    }
}

impl Stolen {
    /// The grant of whoever does not wait. As long as the victim may still run, it is not given back by itself: that would
    /// let a third one in beside both.
    pub fn without_waiting(self) -> Grant {
        Grant {
            // Nothing tells for how long; else it is known from when on nobody runs beside it.
            reenters: self.alone_from().is_none(),
            ..self.grant
        }
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Hands a Lease out that was taken only if most of its time is left. Where the answer was slow, or this process did not
    /// run meanwhile, a renewal that succeeds proves that nobody has taken it since.
    pub(super) async fn in_hand(&self, stolen: Stolen, limits: &Limits) -> Result<Stolen, End> {
        let now = self.clock.now();
        let grant = &stolen.grant;
        if now.since(grant.sent_at) < grant.duration().as_duration() / 2 {
            return Ok(stolen);
        }
        let fresh = Grant {
            sent_at: now,
            ..grant.clone()
        };
        let grant = tokio::select! {
            biased;
            signal = limits.interrupt.arrived() => return Err(unsettled(End::Interrupted(signal))),
            renewed = self.renew_until(&fresh, fresh.expires_at()) => renewed.map_err(End::Lost),
        };
        match grant {
            Ok(grant) => Ok(Stolen { grant, ..stolen }),
            Err(end) => Err(self
                .lost_unused(&stolen.grant, end, &limits.interrupt)
                .await),
        }
    }

    /// What the server stored instead of what was sent: a grant whose duration is the server's, or none at all. What is no
    /// grant is given back once the victim must have stopped: sooner, somebody could come in beside it.
    pub(super) async fn stolen_as_stored(
        &self,
        stolen: Stolen,
        sent: &Record,
        found: Alteration,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Stolen, End> {
        let what = found.to_string();
        if !(found.holder || found.grant || found.renewal || found.endless || found.shorter) {
            report(Progress::Altered(what));
            return Ok(stolen);
        }
        let stored = &stolen.grant.record;
        let Some(holder) = stored.holder().map(str::to_owned) else {
            return Err(End::Altered { what, left: None });
        };
        let left = Some(holder.clone());
        let shields = stored.duration().is_none() || stored.duration() >= sent.duration();
        let now = self.clock.now();
        let stops = stolen.stops();
        if !stolen.untold().is_empty() || (stops > now && !shields) {
            // It expires by itself, or never does: a person has to decide.
            return Err(End::Altered { what, left });
        }
        if let Some(victim) = stolen.awaited(now).map(str::to_owned) {
            let wait = stops.since(now);
            report(Progress::Outlasting { victim, wait });
        }
        tokio::select! {
            biased;
            _ = limits.interrupt.arrived() => return Err(End::Altered { what, left }),
            () = self.clock.sleep_until(stops) => {}
        }
        Err(self.undo(stolen.grant, sent, &found).await)
    }

    /// Keeps a stolen Lease renewed until its victim must have stopped, or says that it has, and then records the duration asked
    /// for.
    ///
    /// # Errors
    /// When it is lost meanwhile, or a signal ends it. What still stands as ours is given back then if the victim must have stopped.
    /// Else it stays held ([`End::Kept`]): freeing it would let somebody else in beside the victim.
    pub async fn outlast(
        &self,
        mut stolen: Stolen,
        duration: Option<LeaseDuration>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Grant, End> {
        let outlasted = async {
            if let Err(end) = self.wait_until_alone(&mut stolen, limits, report).await {
                let grant = &stolen.grant;
                return Err(self.lost_unused(grant, end, &limits.interrupt).await);
            }
            let grant = &mut stolen.grant;
            self.begin_in_full(grant, duration, limits).await
        };
        match outlasted.await {
            Ok(()) => Ok(stolen.grant),
            Err(end @ End::Interrupted(_)) => {
                let giving = self.give_back_alone(&stolen.grant, end, &limits.interrupt);
                Err(giving.await)
            }
            Err(end) => Err(end),
        }
    }

    /// The first half of it: nobody runs any more whom it was stolen from, as far as anything tells.
    ///
    /// # Errors
    /// When it is lost meanwhile, or a signal ends it. Nothing is given back.
    pub(super) async fn wait_until_alone(
        &self,
        stolen: &mut Stolen,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        let now = self.clock.now();
        if let Some(victim) = stolen.awaited(now).map(str::to_owned) {
            let wait = stolen.stops().since(now);
            report(Progress::Outlasting { victim, wait });
        }
        self.wait_for_victims(stolen, None, limits, report).await
    }

    /// The same as one of many, which say together what they wait for.
    ///
    /// # Errors
    /// When it is lost meanwhile: what still stands as ours is given back as by [`Self::outlast`]. Or a signal ends it.
    pub async fn wait_in_turn(
        &self,
        stolen: &mut Stolen,
        turns: &Turns,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        let waited = self.wait_for_victims(stolen, Some(turns), limits, report);
        match waited.await {
            Ok(()) => Ok(()),
            Err(end) => Err(self
                .lost_unused(&stolen.grant, end, &limits.interrupt)
                .await),
        }
    }

    async fn wait_for_victims(
        &self,
        stolen: &mut Stolen,
        turns: Option<&Turns>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        let must_stop = stolen.stops();
        let awaited = stolen.awaited(self.clock.now()).map(str::to_owned);
        self.until_stopped(stolen, turns, limits, report).await?;
        if let Some(victim) = awaited
            && stolen.stops() < must_stop
        {
            report(Progress::Stopped(victim));
        }
        stolen.grant.alone_from = stolen.alone_from().map(|_| self.clock.now());
        Ok(())
    }

    /// Renews until all victims must have stopped. That they acknowledge it is seen by a watch at once, where that cannot be had
    /// by a read a second, and by the renewals, which write on top of it. A watch can be late and say nothing; what it shows was
    /// stored, and stays true. Of those of whom nothing tells that is not awaited.
    async fn until_stopped(
        &self,
        stolen: &mut Stolen,
        turns: Option<&Turns>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        let mut watcher = Watcher::polling(self.clock.now(), None);
        let mut watches = None;
        let mut looked_at = None;
        let mut look = false;
        loop {
            let now = self.clock.now();
            stolen.hear(&stolen.grant.record.clone(), now);
            let stops = stolen.stops();
            if stops <= now {
                return Ok(());
            }
            let grant = &stolen.grant;
            // However it was learned: a renewal records it again.
            let looks = look || !grant.is_kept_by(&grant.record);
            let regular = grant.sent_at + grant.duration().as_duration() / 3;
            let due = match (looks, looked_at) {
                (true, Some(at)) => regular.min(at + LOOK_AGAIN),
                (true, None) => now,
                (false, _) => regular,
            };
            if watches.is_none() {
                watches = turns.and_then(|turns| turns.watches.try_acquire().ok());
            }
            let may_watch = turns.is_none() || watches.is_some();
            let hint = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                () = self.clock.sleep_until(stops.min(due)) => None,
                hint = self.hint_or_read(&mut watcher, &grant.record), if may_watch => Some(hint),
            };
            match hint {
                // Watches replay their past.
                Some(Hint::Lease(record)) if record.older_than(&grant.record) => {}
                Some(Hint::Lease(record)) if record.same_grant(&grant.record) => {
                    stolen.grant.record = record;
                }
                // Lost, perhaps: the next renewal finds out, and is not waited for.
                Some(Hint::Lease(_) | Hint::ReadAgain) => look = true,
                // Of many that is not said of each.
                Some(Hint::Refused) if turns.is_none() => report(Progress::Polling),
                Some(Hint::Watching) if turns.is_none() => report(Progress::Watching),
                // The renewals find out too.
                Some(Hint::Refused | Hint::Watching | Hint::Quiet) => {}
                None if self.clock.now() >= due => {
                    (look, looked_at) = (false, Some(self.clock.now()));
                    let heard = may_watch.then_some(&mut watcher);
                    let renewal = self.renew_in_turn(grant, turns, heard, limits, report);
                    stolen.grant = renewal.await?;
                }
                None => {}
            }
        }
    }

    /// The next hint about our grant; what is to be read is read. May be dropped and called again.
    pub(super) async fn hint_or_read(&self, watcher: &mut Watcher, ours: &Record) -> Hint {
        let version = ours.resource_version();
        let hint = watcher.hint(&self.api, &self.clock, version).await;
        if !matches!(hint, Hint::ReadAgain) {
            return hint;
        }
        match self.read(None, self.read_limit).await {
            Ok(Seen::Lease(found)) => Hint::Lease(found.record().clone()),
            Ok(Seen::Absent) => Hint::ReadAgain,
            // The renewals have to do with it.
            Err(_) => Hint::Quiet,
        }
    }
}
