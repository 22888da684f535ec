//! Queue: waiters are served in the order in which they came. Each has a ticket, a Lease of its own beside the one that is
//! waited for, and watches who stands before it (docs/design.md, The queue). Nothing that is promised of the Lease rests on it.

mod dead;
mod gate;
mod keep;
mod leave;
pub(super) mod line;
mod trouble;
mod turn;

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{Notify, watch};

use super::super::api::{Api, Fault, Queue, Tickets};
use super::super::decide::Obstacle;
use super::super::record::{GrantTerms, Lease};
use super::super::values::{LeaseDuration, QueueName};
use super::guard::text;
use super::interrupt::WITHDRAWN;
use super::{End, Grant, Limits, OnProgress, Operations, Pause, Progress};
use crate::clock::{Clock, Instant};

pub(super) use gate::Gate;
use gate::Turn;
use line::is_fresh;
use trouble::{ASKED_FOR, SAID_AFTER, Trouble};

/// The queue of a Lease, and how a caller stands in it.
pub struct Line<A, C> {
    queue: Box<dyn Queue<A>>,
    clock: C,
    terms: LineTerms,
    read_limit: Duration,
}

/// How a caller stands in line.
#[derive(Clone, Debug)]
pub struct LineTerms {
    /// For what.
    pub name: QueueName,
    /// Where that is.
    pub namespace: String,
    /// Who, and why.
    pub grant: GrantTerms,
    /// The larger is served first.
    pub priority: i32,
    /// Stand there only if no more would.
    pub most: Option<usize>,
}

/// Nobody else was in line: for so long that needs no second look. A write to the Lease takes milliseconds.
const NOBODY_FOR: Duration = Duration::from_secs(2);

/// The longest that a place is kept for a waiter that does not renew it.
const LONGEST: LeaseDuration = LeaseDuration::constant(15);
/// The shortest: some leases are shorter than what a busy machine takes to renew.
const SHORTEST: LeaseDuration = LeaseDuration::constant(3);

/// A caller's place in line.
pub(super) struct Standing<'l, A, C> {
    line: &'l Line<A, C>,
    /// By which the place and the wish for the Lease tell each other.
    pub(super) gate: Gate,
    ticket: RefCell<Ticket>,
    /// The Lease may be another by now.
    owned: Notify,
    /// The ticket was renewed.
    renewed: Notify,
    /// Since when the server answers, after it did not: others could not renew their tickets either.
    answers_since: Cell<Option<Instant>>,
    /// Whether the line was ever read.
    read: Cell<bool>,
}

/// What there is of a ticket.
#[derive(Clone)]
enum Ticket {
    None,
    /// A creation of this name was sent.
    Sent(String),
    Mine(Box<Mine>),
}

/// The caller's own ticket.
#[derive(Clone)]
struct Mine {
    grant: Grant,
    /// The resourceVersion that it was created with.
    place: u64,
    /// As it was drawn.
    drawn: Lease,
}

/// Why a caller does not stand in line any more.
enum Left {
    /// Its place is another's by now.
    Overdue,
    /// It was first, and others are not to wait until it can take what is to be had.
    Blocks,
    /// Places are not to be had: why.
    NoPlace(Fault),
    /// It is not to wait.
    End(Box<End>),
}

impl<A: Api, C: Clock> Line<A, C> {
    /// The line of this queue. `read_limit` bounds each read (`--request-timeout`).
    pub fn new(queue: Box<dyn Queue<A>>, clock: C, terms: LineTerms, read_limit: Duration) -> Self {
        Self {
            queue,
            clock,
            terms,
            read_limit,
        }
    }

    /// Whether whoever comes now would not have to stand in line, for a dry run.
    ///
    /// # Errors
    /// When others stand there, or it cannot be asked.
    pub async fn try_out(&self) -> Result<(), End> {
        let tickets = match self.queue.list(self.read_limit).await {
            Ok(tickets) => tickets,
            // It would wait without a place.
            Err(fault) if !fault.is_transient() => return Ok(()),
            Err(fault) => return Err(End::Fault(fault)),
        };
        match tickets.waiters() {
            0 => Ok(()),
            waiters => Err(not_in_time(Obstacle::InLine(waiters))),
        }
    }

    pub(super) fn standing(&self) -> Standing<'_, A, C> {
        Standing {
            line: self,
            gate: Gate::default(),
            ticket: RefCell::new(Ticket::None),
            owned: Notify::new(),
            renewed: Notify::new(),
            answers_since: Cell::new(None),
            read: Cell::new(false),
        }
    }
}

impl<A: Api, C: Clock> Standing<'_, A, C> {
    /// Does `obtaining`, which goes by the gate and ends where `withdraw` says so, and stands in line meanwhile.
    ///
    /// # Errors
    /// That of `obtaining`; or that the line is too long.
    pub(super) async fn during<T>(
        &self,
        obtaining: impl Future<Output = Result<T, End>>,
        withdraw: &watch::Sender<bool>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<T, End> {
        let mut obtaining = std::pin::pin!(obtaining);
        let end = tokio::select! {
            biased;
            obtained = &mut obtaining => return obtained,
            end = self.stand(limits, report) => end,
        };
        // It is not broken off: a write of it may be under way.
        let _ = withdraw.send(true);
        obtaining.await.map_err(|ended| instead(ended, end))
    }

    /// Stands in line until that is of no use. Never returns while the Lease may still be had.
    async fn stand(&self, limits: &Limits, report: OnProgress<'_>) -> End {
        let clock = &self.line.clock;
        let mut losses = Pause::default();
        loop {
            let began = clock.now();
            // A bug here must not cost what was granted meanwhile: the line promises nothing of the Lease.
            let standing = AssertUnwindSafe(self.stand_once(limits, report));
            let left = standing.catch_unwind().await.unwrap_or_else(|panic| {
                let why = text(panic.as_ref());
                Left::NoPlace(Fault::Unknown(format!("a bug, please report it: {why}")))
            });
            let said = match left {
                Left::Overdue => Progress::PlaceLost,
                Left::Blocks => Progress::PlaceGivenUp,
                Left::NoPlace(fault) => {
                    report(Progress::NoPlace(fault));
                    self.gate.set(Turn::Anybody);
                    self.leave(&limits.interrupt).await;
                    return std::future::pending().await;
                }
                Left::End(end) => return *end,
            };
            self.gate.set(Turn::Unknown);
            report(said);
            // It may be there all the same, as somebody has made it.
            self.leave(&limits.interrupt).await;
            if clock.now().since(began) >= LONGEST.as_duration() {
                losses = Pause::default();
            }
            // Somebody may delete them again and again, or change what is written.
            clock.sleep_until(clock.now() + losses.next(None)).await;
        }
    }

    /// One place in line, from the first look to its end.
    async fn stand_once(&self, limits: &Limits, report: OnProgress<'_>) -> Left {
        let left = async {
            self.until_it_takes_a_place(limits, report).await?;
            self.draw(limits, report).await?;
            tokio::select! {
                biased;
                left = self.keep() => Err(left),
                left = self.watch_turn(report) => Err(left),
            }
        };
        match left.await {
            Ok(never) => never,
            Err(left) => left,
        }
    }

    /// While nobody stands in line and the Lease is to be had, no ticket is needed: returns once one is.
    async fn until_it_takes_a_place(
        &self,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), Left> {
        let most = self.line.terms.most;
        loop {
            let Some(sight) = self.gate.sight() else {
                self.gate.seen().await;
                continue;
            };
            if !sight.to_be_had && (most.is_none() || limits.once) {
                return Ok(());
            }
            let tickets = self.list(limits.once, report).await?;
            let waiters = tickets.waiters();
            if sight.to_be_had && waiters == 0 {
                let until = self.line.clock.now() + NOBODY_FOR;
                self.gate.set(Turn::Until(until));
                tokio::select! {
                    biased;
                    () = self.line.clock.sleep_until(until) => {}
                    () = self.gate.seen() => {}
                }
                self.gate.set(Turn::Unknown);
                continue;
            }
            let wall = self.line.clock.wall();
            let standing = tickets.all.iter().filter(|one| one.stands_in_line());
            let fresh = standing.filter(|one| is_fresh(one, wall)).count();
            let obstacle = match most {
                _ if limits.once => Obstacle::InLine(waiters),
                // Of the others it is watched, in line, whether they still stand there.
                Some(most) if fresh >= most => Obstacle::LineIsFull { waiters, most },
                _ => return Ok(()),
            };
            return Err(in_time(obstacle));
        }
    }

    /// All tickets, as they are now.
    async fn list(&self, once: bool, report: OnProgress<'_>) -> Result<Tickets, Left> {
        let mut trouble = Trouble::since(self.line.clock.now());
        loop {
            let limit = trouble
                .limit(self.line.clock.now())
                .min(self.line.read_limit);
            let fault = match self.line.queue.list(limit).await {
                Ok(tickets) => {
                    self.read.set(true);
                    trouble.over(report);
                    return Ok(tickets);
                }
                Err(fault) => fault,
            };
            self.after(fault, &mut trouble, once, report).await?;
        }
    }

    /// Pauses after a fault that may pass. Whoever cannot read the line, or write its ticket, while the server answers it
    /// otherwise must not keep others waiting for ever: it goes on without a place.
    async fn after(
        &self,
        fault: Fault,
        trouble: &mut Trouble,
        once: bool,
        report: OnProgress<'_>,
    ) -> Result<(), Left> {
        let clock = &self.line.clock;
        let now = clock.now();
        let since = *trouble.since.get_or_insert(now);
        // What was allowed before may be so again: a server that starts knows nobody for a moment.
        if !fault.is_transient() && !self.read.get() {
            return Err(Left::NoPlace(fault));
        }
        if once {
            return Err(Left::End(Box::new(End::Fault(fault))));
        }
        // A server that is not reached at all is away for everybody.
        let is_heard = match self.mine() {
            Some(mine) => mine.grant.sent_at > since,
            None => !matches!(fault, Fault::NotSent(_)),
        };
        if now.since(since) >= LONGEST.as_duration() && is_heard {
            return Err(Left::NoPlace(fault));
        }
        if !trouble.said && now.since(since) >= SAID_AFTER {
            trouble.said = true;
            report(Progress::Retrying(fault.clone()));
        }
        let wait = trouble.pause.next(fault.retry_after());
        clock.sleep_until(now + wait).await;
        Ok(())
    }

    fn mine(&self) -> Option<Mine> {
        match &*self.ticket.borrow() {
            Ticket::Mine(mine) => Some(Mine::clone(mine)),
            Ticket::None | Ticket::Sent(_) => None,
        }
    }

    /// The operations on the ticket of this name.
    fn on(&self, name: &str) -> Operations<A, C> {
        let (api, clock) = (self.line.queue.ticket(name), self.line.clock.clone());
        let operations = Operations::new(api, clock, self.line.read_limit);
        operations.contacted.set(true);
        operations
    }
}

/// Not acquired in time, for the line.
fn in_time(obstacle: Obstacle) -> Left {
    Left::End(Box::new(not_in_time(obstacle)))
}

fn not_in_time(obstacle: Obstacle) -> End {
    End::TimedOut {
        obstacle: Some(obstacle),
        at_most: None,
        fault: None,
        since: None,
    }
}

/// How what was withdrawn ended, where it ended for this.
fn instead(ended: End, end: End) -> End {
    match ended {
        End::Interrupted(WITHDRAWN) => end,
        End::Unsettled { end: inner, fault } => End::Unsettled {
            end: Box::new(instead(*inner, end)),
            fault,
        },
        End::Kept(inner) => End::Kept(Box::new(instead(*inner, end))),
        ended => ended,
    }
}
