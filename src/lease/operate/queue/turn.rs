//! Waits for the caller's turn: who stands before it, whether they still do, and what there is to say of it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::super::api::Api;
use super::super::super::decide::{Now, Obstacle, Rank, Seen, is_due_at};
use super::super::super::evidence::{Observation, Stamps};
use super::super::super::record::Record;
use super::super::{
    End, Hint, Interrupt, OnProgress, Operations, Patience, Pause, Progress, Pruned, Watcher,
};
use super::line::Known;
use super::{Left, Standing, Turn};
use crate::clock::{Clock, Instant};

/// For how long a Lease may stay to be had until whoever waits doubts that somebody before it is alive.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// So many look at all of the line then; those behind them once these had the time to clear it.
const LOOKING_AT_ONCE: usize = 64;

/// How often a place is looked up that nobody has told to be another: so often, and as much less often as there are more.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(15);

/// How long a deletion of another's ticket is tried.
const DELETED_WITHIN: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Watched {
    /// The ticket before the caller's, which has this uid.
    Predecessor(String),
    /// All: there is nobody before it, or what is before it does not take the Lease.
    All,
}

/// What is known of the line, and how more is learned.
struct Look<A, C> {
    known: Known,
    /// Whether what is known was read whole, and nothing was taken off it since.
    whole: bool,
    /// As of which version that was.
    version: String,
    watched: Watched,
    watcher: Watcher,
    predecessor: Option<Operations<A, C>>,
    looked_up: Instant,
}

enum Woken {
    Hint(Hint),
    /// It is time to prove something, or to look up.
    Due,
    /// More is known of the Lease.
    Seen,
}

impl<A: Api, C: Clock> Standing<'_, A, C> {
    /// Sets the gate by who stands before the caller. Never returns while there is a place.
    pub(super) async fn watch_turn(&self, report: OnProgress<'_>) -> Left {
        match self.watch_line(report).await {
            Ok(never) => never,
            Err(left) => left,
        }
    }

    async fn watch_line(&self, report: OnProgress<'_>) -> Result<Left, Left> {
        let clock = &self.line.clock;
        let mut look = Look {
            known: Known::default(),
            whole: false,
            version: String::new(),
            watched: Watched::All,
            watcher: Watcher::polling(clock.now(), None),
            predecessor: None,
            looked_up: clock.now(),
        };
        let mut said = None;
        let mut unproven = BTreeSet::new();
        let mut holders = self.holders();
        let mut faults = Pause::default();
        loop {
            let Some(mine) = self.mine() else {
                return Ok(Left::Overdue);
            };
            let own = Rank::placed(&mine.grant.record, mine.place);
            if !look.whole {
                self.look_up(&mut look).await?;
            }
            let now = clock.now();
            let ahead: Vec<Observation> = look.known.ahead_of(&own).into_iter().cloned().collect();
            if ahead.is_empty() && !look.whole {
                continue;
            }
            if let Some(most) = self
                .line
                .terms
                .most
                .filter(|most| ahead.len() >= *most && said.is_none())
            {
                let waiters = ahead.len();
                let full = Obstacle::LineIsFull { waiters, most };
                return Err(super::in_time(full));
            }
            self.gate.set(match ahead.len() {
                0 => Turn::Until(mine.grant.expires_at()),
                before => Turn::Behind(before),
            });
            if said != Some(ahead.len()) {
                said = Some(ahead.len());
                report(Progress::InLine(ahead.len() + 1));
            }
            let looks_at = self.looks_at_all(&ahead);
            let all = ahead.is_empty() || looks_at.is_some_and(|at| now >= at);
            self.watch(&mut look, &ahead, all);
            let watched = if all {
                &ahead[..]
            } else {
                &ahead[ahead.len() - 1..]
            };
            let due = |seen: &Observation| {
                // The server's stamps were asked about it, and prove nothing.
                let asked = unproven.contains(seen.record().uid());
                let stamps = if asked {
                    Stamps::Untrusted
                } else {
                    self.stamps.get()
                };
                let wall = clock.wall();
                is_due_at(seen, stamps, Now { instant: now, wall })
            };
            let overdue = watched.iter().min_by_key(|seen| due(seen));
            let due = overdue.map(due);
            if let Some(seen) = overdue.filter(|_| due.is_some_and(|due| due <= now)) {
                match self.end_place(seen).await {
                    Ok(ended) => {
                        faults = Pause::default();
                        let uid = seen.record().uid();
                        if ended {
                            look.known.remove(uid);
                        } else {
                            unproven.insert(uid.to_owned());
                        }
                        // Others that have not renewed theirs either are next.
                        look.whole = false;
                    }
                    Err(End::Fault(fault)) => self.after(fault, &mut faults, false).await?,
                    Err(_) => clock.sleep_until(now + faults.next(None)).await,
                }
                continue;
            }
            let waiters = look.known.waiters();
            let up = (!all).then(|| look.looked_up + looked_up_every(waiters));
            let next = [due, up, looks_at.filter(|_| !all)];
            let next = next.into_iter().flatten().min();
            let woken = tokio::select! {
                biased;
                () = clock.reached(next) => Woken::Due,
                () = self.gate.seen() => Woken::Seen,
                hint = self.hint(&mut look) => Woken::Hint(hint),
            };
            match woken {
                Woken::Due => {
                    if up.is_some_and(|up| clock.now() >= up) {
                        look.whole = false;
                    }
                }
                Woken::Seen => {
                    self.owned.notify_one();
                    let present = self.holders();
                    for holder in present.iter().filter(|one| !holders.contains(one)) {
                        look.known.is_served(&own, holder);
                    }
                    holders = present;
                }
                Woken::Hint(Hint::Lease(ticket)) => {
                    if self.is_of_line(&ticket) {
                        look.known.glimpsed(ticket, clock.now());
                    }
                }
                Woken::Hint(Hint::Watching) => {}
                Woken::Hint(Hint::ReadAgain | Hint::Quiet | Hint::Refused) => {
                    self.read_again(&mut look).await?;
                }
            }
        }
    }

    /// Reads all of the line.
    async fn look_up(&self, look: &mut Look<A, C>) -> Result<(), Left> {
        let asked_at = self.line.clock.now();
        let tickets = self.list(false).await?;
        let now = self.line.clock.now();
        look.version.clone_from(&tickets.resource_version);
        look.known.listed(tickets, now);
        look.whole = true;
        look.looked_up = now;
        if look.watched == Watched::All {
            look.watcher.answered(asked_at);
        }
        Ok(())
    }

    /// Reads what the watch may not have shown: the ticket before, or all.
    async fn read_again(&self, look: &mut Look<A, C>) -> Result<(), Left> {
        let Some(predecessor) = &look.predecessor else {
            look.whole = false;
            return Ok(());
        };
        let asked_at = self.line.clock.now();
        match predecessor.read(None, self.line.read_limit).await {
            Ok(Seen::Lease(seen))
                if Watched::Predecessor(seen.record().uid().to_owned()) == look.watched =>
            {
                look.watcher.answered(asked_at);
                look.known
                    .glimpsed(seen.record().clone(), self.line.clock.now());
            }
            // Somebody else may stand before us now.
            Ok(_) => look.whole = false,
            Err(fault) => self.after(fault, &mut Pause::default(), false).await?,
        }
        Ok(())
    }

    /// Watches the ticket before the caller's, or all of them.
    fn watch(&self, look: &mut Look<A, C>, ahead: &[Observation], all: bool) {
        let last = ahead.last().filter(|_| !all).map(Observation::record);
        let next = last.map_or(Watched::All, |last| {
            Watched::Predecessor(last.uid().to_owned())
        });
        let is_new = look.predecessor.is_none() != last.is_none() || next != look.watched;
        if is_new {
            look.predecessor = last.map(|last| self.on(last.name()));
            look.watcher = Watcher::polling(self.line.clock.now(), None);
            look.watched = next;
        }
    }

    async fn hint(&self, look: &mut Look<A, C>) -> Hint {
        let clock = &self.line.clock;
        let Watched::Predecessor(uid) = &look.watched else {
            return look
                .watcher
                .hint_of(|| self.line.queue.watch(&look.version), clock)
                .await;
        };
        let version = look.known.version_of(uid).unwrap_or_default();
        match &look.predecessor {
            Some(one) => look.watcher.hint(&one.api, clock, &version).await,
            None => Hint::ReadAgain,
        }
    }

    /// From when on the caller looks at all who stand before it, since none of them takes what is to be had.
    fn looks_at_all(&self, ahead: &[Observation]) -> Option<Instant> {
        let band = u32::try_from(ahead.len() / LOOKING_AT_ONCE).unwrap_or(u32::MAX);
        let since = self.gate.to_be_had_since()?;
        Some(since + TAKEN_WITHIN + super::LONGEST.as_duration() * band)
    }

    /// Ends the place of somebody who does not renew it, if that is proven; whether it is gone.
    async fn end_place(&self, seen: &Observation) -> Result<bool, End> {
        let operations = self.on(seen.record().name());
        let patience = Patience {
            proof: self.line.clock.now(),
            deletion: DELETED_WITHIN,
            interrupt: Interrupt::never(),
            waiting: Interrupt::never(),
        };
        let pruned = operations.prune(seen.clone(), &patience, &|| (), &|_| ());
        let pruned = pruned.await;
        self.stamps.set(operations.stamps.get());
        log::debug!("the place of {}: {pruned:?}", seen.record().name());
        match pruned? {
            Pruned::Done | Pruned::Absent => Ok(true),
            Pruned::Renewed | Pruned::Unproven(_) => Ok(false),
        }
    }

    fn holders(&self) -> Vec<String> {
        self.gate
            .sight()
            .map(|sight| sight.holders)
            .unwrap_or_default()
    }

    fn is_of_line(&self, ticket: &Record) -> bool {
        ticket.queue_of() == Some(self.line.terms.name.label())
    }
}

fn looked_up_every(waiters: usize) -> Duration {
    let more = u32::try_from(waiters).unwrap_or(u32::MAX);
    let every = LOOKED_UP_EVERY + Duration::from_secs(1) * more;
    every.mul_f64(0.9 + fastrand::f64() / 5.0)
}
