//! A watch on the simulated server, well or unwell.

use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::LocalBoxStream;
use tokio::sync::watch;

use super::clock::{SimClock, True, instant};
use super::faults::{Ailment, Outage, refused, rejected};
use super::millis;
use super::server::World;
use crate::lease::api::{Fault, LeaseEvent, RejectionKind};
use crate::lease::record::Record;

/// One watch.
pub struct Watch {
    pub world: Rc<World>,
    pub client: usize,
    pub clock: SimClock,
    pub written: watch::Receiver<usize>,
    pub ailment: Ailment,
    pub opened: Option<tokio::time::Instant>,
    pub next: usize,
    pub pending: Vec<LeaseEvent>,
    pub over: bool,
}

impl Watch {
    pub fn stream(self) -> LocalBoxStream<'static, LeaseEvent> {
        futures::stream::unfold(self, |mut watch| async {
            let change = watch.change().await?;
            watch.clock.thawed().await;
            Some((change, watch))
        })
        .boxed_local()
    }

    fn outage(&self) -> Option<(True, Outage)> {
        let state = self.world.state.borrow();
        state
            .fates
            .outages
            .get(&self.client)
            .copied()
            .filter(|(until, _)| self.world.now() < *until)
    }

    async fn open(&mut self) -> LeaseEvent {
        self.clock.thawed().await;
        let latency = millis(self.world.state.borrow_mut().rng.u64(1..10));
        tokio::time::sleep(latency).await;
        let broken = match self.outage() {
            Some((_, Outage::Refused)) => Some(refused()),
            Some((until, Outage::BlackHole)) => {
                tokio::time::sleep_until(self.world.began + until).await;
                Some(Fault::Unknown("the connection was reset".into()))
            }
            None => match self.ailment {
                Ailment::NeverOpens => std::future::pending().await,
                Ailment::Gone => Some(rejected(410, "Expired", RejectionKind::Gone)),
                Ailment::Denied => Some(rejected(403, "Forbidden", RejectionKind::Forbidden)),
                _ => None,
            },
        };
        match broken {
            Some(fault) => {
                self.over = true;
                LeaseEvent::Broken(fault)
            }
            None => {
                self.opened = Some(instant());
                LeaseEvent::Open
            }
        }
    }

    async fn change(&mut self) -> Option<LeaseEvent> {
        if self.over {
            return None;
        }
        let Some(opened) = self.opened else {
            return Some(self.open().await);
        };
        let end = opened
            + match self.ailment {
                Ailment::EndsAfter(span) | Ailment::BreaksAfter(span) => span,
                _ => Duration::from_secs(290),
            };
        loop {
            if let Some(change) = self.pending.pop() {
                return Some(change);
            }
            if instant() >= end {
                self.over = true;
                return matches!(self.ailment, Ailment::BreaksAfter(_)).then(|| {
                    LeaseEvent::Broken(Fault::Unknown("the connection was reset".into()))
                });
            }
            if let Some((until, _)) = self.outage() {
                tokio::time::sleep_until(self.world.began + until).await;
                if self.world.state.borrow_mut().rng.bool() {
                    self.over = true;
                    return Some(LeaseEvent::Broken(Fault::Unknown(
                        "the connection was reset".into(),
                    )));
                }
                continue;
            }
            let next = self.next;
            tokio::select! {
                biased;
                news = self.written.wait_for(|length| *length > next) => { news.expect("the world goes on"); }
                () = tokio::time::sleep_until(end) => continue,
                () = tokio::time::sleep(Duration::from_secs(60)) => {
                    if matches!(self.ailment, Ailment::Silent) { continue }
                    return Some(LeaseEvent::Bookmark);
                }
            }
            self.deliver().await;
        }
    }

    /// Makes events of what is new, as the ailment has it.
    async fn deliver(&mut self) {
        let mut delay = millis(self.world.state.borrow_mut().rng.u64(1..10));
        if let Ailment::Late(most) = self.ailment {
            let most = u64::try_from(most.as_millis()).unwrap_or(1).max(1);
            delay += millis(self.world.state.borrow_mut().rng.u64(0..most));
        }
        tokio::time::sleep(delay).await;
        let mut state = self.world.state.borrow_mut();
        let change = |event: &Option<Record>| match event {
            Some(record) => LeaseEvent::Lease(record.clone()),
            None => LeaseEvent::Deleted,
        };
        let mut fresh: Vec<LeaseEvent> = state.history[self.next..].iter().map(change).collect();
        self.next = state.history.len();
        match self.ailment {
            Ailment::Silent => fresh.clear(),
            Ailment::Dropping => fresh.retain(|_| state.rng.u8(0..3) > 0),
            Ailment::Doubling => {
                fresh = fresh
                    .into_iter()
                    .flat_map(|change| [change.clone(), change])
                    .collect()
            }
            Ailment::Shuffling => {
                let oldest = state.history.len().saturating_sub(4);
                fresh.extend(state.history[oldest..].iter().map(change));
                state.rng.shuffle(&mut fresh);
            }
            _ => {}
        }
        fresh.reverse();
        self.pending = fresh;
    }
}
