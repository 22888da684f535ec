//! Waits for the caller's turn: who stands before it, whether they still do, and what there is to say of it.

use std::time::Duration;

use super::super::super::api::Api;
use super::super::super::decide::{Obstacle, Rank, Seen};
use super::super::super::evidence::Observation;
use super::super::super::record::Record;
use super::super::{Hint, OnProgress, Operations, Progress, Watcher};
use super::dead::{LOOKING_AT_ONCE, suspected_at};
use super::line::{Known, is_fresh};
use super::{LONGEST, Left, Mine, Standing, Trouble, Turn};
use crate::clock::{Clock, Instant};

/// For how long a Lease may stay to be had until whoever waits doubts that somebody before it is alive.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// How often a place is looked up that nobody has told to be another: so often, and as much less often as there are more.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(15);

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Watched {
    /// The ticket before the caller's, which has this uid.
    Predecessor(String),
    /// All: there is nobody before it, or somebody there may be dead.
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
    /// How many stood before the caller when that was said.
    said: Option<usize>,
    /// Whether it may still be that too many stand there.
    is_full: bool,
    /// Since when it is the caller's turn.
    turn_since: Option<Instant>,
    /// Who holds what is waited for.
    holders: Vec<String>,
    /// With reading the ticket before the caller's.
    reading: Trouble,
    /// With ending places of the dead.
    ending: Trouble,
}

/// What is to be waited for.
struct Until {
    /// Whether all of the line is watched.
    all: bool,
    /// When there is something to do whatever is heard.
    at: Option<Instant>,
}

impl<A: Api, C: Clock> Standing<'_, A, C> {
    /// Sets the gate by who stands before the caller. Never returns while there is a place.
    pub(super) async fn watch_turn(&self, report: OnProgress<'_>) -> Left {
        let now = self.line.clock.now();
        let mut look = Look {
            known: Known::but(self.mine().as_ref().map(|mine| mine.grant.record.uid())),
            whole: false,
            version: String::new(),
            watched: Watched::All,
            watcher: Watcher::polling(now, None),
            predecessor: None,
            looked_up: now,
            said: None,
            is_full: self.line.terms.most.is_some(),
            turn_since: None,
            holders: self.holders(),
            reading: Trouble::default(),
            ending: Trouble::default(),
        };
        loop {
            if let Err(left) = self.look_on(&mut look, report).await {
                return left;
            }
        }
    }

    /// Looks, says what has changed, does what there is to do, and waits for more.
    async fn look_on(&self, look: &mut Look<A, C>, report: OnProgress<'_>) -> Result<(), Left> {
        let is_new = !look.whole;
        if is_new {
            self.look_up(look, report).await?;
        }
        let Some(mine) = self.mine() else {
            return Err(Left::Overdue);
        };
        let own = Rank::placed(&mine.grant.record, mine.place);
        let before = look.known.count_ahead_of(&own);
        let last = look.known.ahead_of(&own).next_back().cloned();
        let now = self.line.clock.now();
        if let Some(most) = self.line.terms.most.filter(|_| look.is_full) {
            let wall = self.line.clock.wall();
            let stands = |seen: &&Observation| {
                look.known.is_alive(seen.record()) || is_fresh(seen.record(), wall)
            };
            let waiters = look.known.ahead_of(&own).filter(stands).count();
            if waiters >= most {
                return Err(super::in_time(Obstacle::LineIsFull { waiters, most }));
            }
            look.is_full = before >= most;
        }
        let (dead, next_dead) = self.dead(&look.known, &own, &mine, now);
        if !dead.is_empty() {
            self.end_places(&dead, &mut look.ending, report).await?;
            look.whole = false;
            return Ok(());
        }
        look.ending.over(report);
        self.gate.set(match before {
            0 => Turn::Until(mine.grant.expires_at()),
            _ => Turn::Behind(before),
        });
        if look.said.replace(before) != Some(before) {
            report(Progress::InLine(before + 1));
        }
        let turn_since = look.turn_since.take().unwrap_or(now);
        look.turn_since = last.is_none().then_some(turn_since);
        if self.blocks(look, &mine, now) {
            return Err(Left::Blocks);
        }
        let mut until = self.next_look(look, last.as_ref().map(|last| (last, before)), now);
        until.at = until.at.into_iter().chain(next_dead).min();
        let began = self.watch(look, last.as_ref(), until.all);
        if began && look.watched == Watched::All && !is_new {
            // From an old version on it would show all that has happened since, and nothing that is so by now.
            look.whole = false;
            return Ok(());
        }
        tokio::select! {
            biased;
            () = self.line.clock.reached(until.at) => {
                let waiters = look.known.waiters();
                if !until.all && self.line.clock.now().since(look.looked_up) >= looked_up_every(waiters) {
                    look.whole = false;
                }
                Ok(())
            }
            () = self.renewed.notified() => Ok(()),
            () = self.gate.seen() => {
                self.owned.notify_one();
                let present = self.holders();
                for holder in present.iter().filter(|one| !look.holders.contains(one)) {
                    look.known.is_served(&own, holder);
                }
                look.holders = present;
                Ok(())
            }
            hint = self.hint(look) => self.heard(look, hint, report).await,
        }
    }

    async fn heard(
        &self,
        look: &mut Look<A, C>,
        hint: Hint,
        report: OnProgress<'_>,
    ) -> Result<(), Left> {
        match hint {
            Hint::Lease(ticket) if self.is_of_line(&ticket) => {
                // What could not be read for a moment is heard again: two such moments are no time in between.
                look.reading.over(report);
                look.known.glimpsed(ticket, self.line.clock.now());
                Ok(())
            }
            // It was taken out of this line.
            Hint::Lease(ticket) => {
                look.known.remove(ticket.uid());
                look.whole = false;
                Ok(())
            }
            Hint::Watching => Ok(()),
            Hint::ReadAgain | Hint::Quiet | Hint::Refused => self.read_again(look, report).await,
        }
    }

    /// Reads all of the line.
    async fn look_up(&self, look: &mut Look<A, C>, report: OnProgress<'_>) -> Result<(), Left> {
        let asked_at = self.line.clock.now();
        let tickets = self.list(false, report).await?;
        let now = self.line.clock.now();
        look.version.clone_from(&tickets.resource_version);
        look.known.listed(tickets, now);
        look.reading.over(report);
        look.whole = true;
        look.looked_up = now;
        if look.watched == Watched::All {
            look.watcher.answered(asked_at);
        }
        Ok(())
    }

    /// Reads what the watch may not have shown: the ticket before, or all.
    async fn read_again(&self, look: &mut Look<A, C>, report: OnProgress<'_>) -> Result<(), Left> {
        let Some(predecessor) = &look.predecessor else {
            look.whole = false;
            return Ok(());
        };
        let asked_at = self.line.clock.now();
        match predecessor.read(None, self.line.read_limit).await {
            Ok(Seen::Lease(seen))
                if Watched::Predecessor(seen.record().uid().to_owned()) == look.watched
                    && self.is_of_line(seen.record()) =>
            {
                look.watcher.answered(asked_at);
                let now = self.line.clock.now();
                look.known.glimpsed(seen.record().clone(), now);
                look.reading.over(report);
            }
            // Somebody else may stand before us now.
            Ok(_) => look.whole = false,
            Err(fault) => self.after(fault, &mut look.reading, false, report).await?,
        }
        Ok(())
    }

    /// Watches the ticket before the caller's, or all of them. Whether that is another watch than before.
    fn watch(&self, look: &mut Look<A, C>, last: Option<&Observation>, all: bool) -> bool {
        let last = last.filter(|_| !all).map(Observation::record);
        let next = last.map_or(Watched::All, |last| {
            Watched::Predecessor(last.uid().to_owned())
        });
        let is_new = look.predecessor.is_none() != last.is_none() || next != look.watched;
        if is_new {
            look.predecessor = last.map(|last| self.on(last.name()));
            look.watcher = Watcher::polling(self.line.clock.now(), None);
            look.watched = next;
        }
        is_new
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

    /// What is watched, and until when at most, behind the last of so many.
    fn next_look(
        &self,
        look: &Look<A, C>,
        behind: Option<(&Observation, usize)>,
        now: Instant,
    ) -> Until {
        let Some((last, before)) = behind else {
            let blocks_at = self
                .gate
                .to_be_had_since()
                .map(|since| since + LONGEST.as_duration());
            return Until {
                all: true,
                at: blocks_at.filter(|at| *at > now),
            };
        };
        let few = before <= LOOKING_AT_ONCE;
        let untaken = self.gate.to_be_had_since().filter(|_| few);
        let doubted = untaken.map(|since| since + TAKEN_WITHIN);
        let looks_at_all = [doubted, Some(suspected_at(last))];
        let looks_at_all = looks_at_all.into_iter().flatten().min();
        let all = looks_at_all.is_some_and(|at| now >= at);
        let up = look.looked_up + looked_up_every(look.known.waiters());
        let next = if all {
            None
        } else {
            looks_at_all.into_iter().chain([up]).min()
        };
        let due = self.due(last).filter(|at| *at > now);
        Until {
            all,
            at: next.into_iter().chain(due).min(),
        }
    }

    /// Whether the caller is first, and for long has not taken what is to be had, though the server answers it: others are not
    /// to wait for that.
    fn blocks(&self, look: &Look<A, C>, mine: &Mine, now: Instant) -> bool {
        // With nobody else there nobody waits for that.
        let since = self.idle_since(look).filter(|_| look.known.waiters() > 0);
        since.is_some_and(|since| {
            now.since(since) >= LONGEST.as_duration()
                && mine.grant.sent_at.since(since) >= LONGEST.as_duration() / 3
        })
    }

    /// Since when it is the caller's turn, it could have what it waits for, and the server answers.
    fn idle_since(&self, look: &Look<A, C>) -> Option<Instant> {
        let since = self.gate.to_be_had_since()?.max(look.turn_since?);
        Some(
            self.answers_since
                .get()
                .map_or(since, |answers| answers.max(since)),
        )
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
    LOOKED_UP_EVERY + Duration::from_secs(1) * more
}
