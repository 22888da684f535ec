//! A watch on the simulated server, with what is wrong with it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::LocalBoxStream;
use lease_model::lease::api::{LeaseEvent, RejectionKind};
use lease_model::lease::record::Record;
use tokio::time::sleep_until;

use crate::clock::{SimulatedClock, TrueTime, instant};
use crate::faults::{Outage, WatchFault, connection_refused, rejected, unknown};
use crate::millis;
use crate::world::World;

/// What is watched.
#[derive(Clone)]
pub enum Subject {
    Lease,
    /// One of those that wait for it.
    Ticket(Rc<str>),
    /// All of them.
    Tickets,
}

/// One watch.
pub struct Watch {
    world: Rc<World>,
    client: usize,
    clock: SimulatedClock,
    of: Subject,
    fault: WatchFault,
    opened: Option<tokio::time::Instant>,
    /// The first change that it has not shown.
    next: usize,
    pending: VecDeque<LeaseEvent>,
    over: bool,
}

impl Watch {
    pub fn new(
        world: &Rc<World>,
        client: usize,
        clock: &SimulatedClock,
        fault: WatchFault,
        next: usize,
    ) -> Self {
        Self {
            world: world.clone(),
            client,
            clock: clock.clone(),
            of: Subject::Lease,
            fault,
            opened: None,
            next,
            pending: VecDeque::new(),
            over: false,
        }
    }

    /// The same of something else.
    pub fn of(self, of: Subject) -> Self {
        Self { of, ..self }
    }

    /// How many changes there were.
    fn changes(&self) -> usize {
        let server = self.world.server();
        match self.of {
            Subject::Lease => server.history.len(),
            Subject::Ticket(_) | Subject::Tickets => server.line.history.len(),
        }
    }

    /// The changes from this one on.
    fn changes_from(&self, from: usize) -> Vec<LeaseEvent> {
        let server = self.world.server();
        let event = |change: &Option<Rc<Record>>| match change {
            Some(record) => LeaseEvent::Lease(Record::clone(record)),
            None => LeaseEvent::Deleted,
        };
        let of_line = || server.line.history[from..].iter();
        match &self.of {
            Subject::Lease => server.history[from..].iter().map(event).collect(),
            Subject::Ticket(name) => of_line()
                .filter(|change| change.name == *name)
                .map(|change| event(&change.record))
                .collect(),
            Subject::Tickets => of_line().map(|change| event(&change.record)).collect(),
        }
    }

    pub fn stream(self) -> LocalBoxStream<'static, LeaseEvent> {
        futures::stream::unfold(self, |mut watch| async {
            let event = watch.event().await?;
            watch.clock.thawed().await;
            Some((event, watch))
        })
        .boxed_local()
    }

    fn random_millis(&self, most: u64) -> Duration {
        millis(self.world.server().rng.u64(1..most))
    }

    fn outage(&self) -> Option<(TrueTime, Outage)> {
        let now = self.world.now();
        self.world.server().plan.outage(now, self.client)
    }

    fn reset(&mut self) -> LeaseEvent {
        self.over = true;
        LeaseEvent::Broken(unknown("the connection was reset"))
    }

    async fn open(&mut self) -> LeaseEvent {
        self.clock.thawed().await;
        tokio::time::sleep(self.random_millis(10)).await;
        let fault = match (self.outage(), self.fault) {
            (Some((_, Outage::Refused)), _) => connection_refused(),
            (Some((until, Outage::BlackHole)), _) => {
                sleep_until(self.world.began + until).await;
                return self.reset();
            }
            (None, WatchFault::NeverOpens) => std::future::pending().await,
            (None, WatchFault::Gone) => rejected(410, "Expired", RejectionKind::Gone),
            (None, WatchFault::Denied) => rejected(403, "Forbidden", RejectionKind::Forbidden),
            (None, _) => {
                self.opened = Some(instant());
                return LeaseEvent::Open;
            }
        };
        self.over = true;
        LeaseEvent::Broken(fault)
    }

    async fn event(&mut self) -> Option<LeaseEvent> {
        if self.over {
            return None;
        }
        let Some(opened) = self.opened else {
            return Some(self.open().await);
        };
        let lasts = match self.fault {
            WatchFault::EndsAfter(span) | WatchFault::BreaksAfter(span) => span,
            _ => Duration::from_secs(290),
        };
        let end = opened + lasts;
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            if instant() >= end {
                self.over = true;
                let breaks = matches!(self.fault, WatchFault::BreaksAfter(_));
                return breaks.then(|| self.reset());
            }
            if let Some((until, _)) = self.outage() {
                sleep_until(self.world.began + until).await;
                let resets = self.world.server().rng.bool();
                if resets {
                    return Some(self.reset());
                }
                continue;
            }
            tokio::select! {
                biased;
                () = self.news() => {}
                () = sleep_until(end) => continue,
                () = tokio::time::sleep(Duration::from_secs(60)) => {
                    if matches!(self.fault, WatchFault::Silent) { continue }
                    return Some(LeaseEvent::Bookmark);
                }
            }
            self.receive().await;
        }
    }

    /// Returns once there is something that it has not shown.
    async fn news(&self) {
        while self.changes() <= self.next {
            self.world.written.notified().await;
        }
    }

    /// Makes events of what is new, as the fault has it.
    async fn receive(&mut self) {
        let mut delay = self.random_millis(10);
        if let WatchFault::Late(most) = self.fault {
            let most = u64::try_from(most.as_millis()).unwrap_or(1);
            delay += self.random_millis(most.max(2));
        }
        tokio::time::sleep(delay).await;
        let mut fresh = self.changes_from(self.next);
        self.next = self.changes();
        let old = self.changes_from(self.next.saturating_sub(4));
        let mut server = self.world.server();
        match self.fault {
            WatchFault::Silent => fresh.clear(),
            WatchFault::Dropping => fresh.retain(|_| server.rng.u8(0..3) > 0),
            WatchFault::Doubling => {
                fresh = (fresh.into_iter())
                    .flat_map(|event| [event.clone(), event])
                    .collect();
            }
            WatchFault::Shuffling => {
                fresh.extend(old);
                server.rng.shuffle(&mut fresh);
            }
            _ => {}
        }
        self.pending = fresh.into();
    }
}
