//! Queues: actors that stand in line for the Lease, and the laws of that. What is played with them is below.

mod alone;
mod cleaned;
mod disturbed;
mod random;
mod scenarios;
mod troubled;

use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;
use lease_model::lease::api::{Fault, LeaseEvent, Queue, Tickets};
use lease_model::lease::operate::{Line, LineTerms, Progress};
use lease_model::lease::values::QueueName;

use crate::actor::{Actor, READ_LIMIT, Waiter};
use crate::api::SimulatedApi;
use crate::clock::{SimulatedClock, TrueTime};
use crate::world::World;
use crate::{millis, secs};

/// How an actor stands in line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Whether whoever asks for the line panics.
    pub is_broken: bool,
    /// The larger goes first.
    pub priority: i32,
    /// It does not wait behind so many.
    pub most: Option<usize>,
}

/// The tickets of the simulated Lease.
struct SimulatedQueue {
    api: SimulatedApi,
    is_broken: bool,
}

impl Queue<SimulatedApi> for SimulatedQueue {
    fn ticket(&self, name: &str) -> SimulatedApi {
        self.api.to_ticket(name)
    }

    fn list(&self, limit: Duration) -> LocalBoxFuture<'_, Result<Tickets, Fault>> {
        assert!(!self.is_broken, "a bug of the queue");
        self.api.tickets(limit).boxed_local()
    }

    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent> {
        self.api.watch_tickets(resource_version)
    }
}

impl Actor {
    /// Keeps what is said while it waits.
    pub fn say(&self, progress: Progress) {
        self.world.server().checker.reached.said(&progress);
        if matches!(progress, Progress::InLine(_) | Progress::PlaceLost) {
            self.world.note(format!("{} says {progress:?}", self.name));
        }
        if matches!(progress, Progress::NoPlace(_)) {
            self.world.server().line.placeless.insert(self.name.clone());
        }
        self.said.borrow_mut().push((self.world.now(), progress));
    }

    /// The tickets, as it sees them.
    pub fn queue(&self, is_broken: bool) -> impl Queue<SimulatedApi> + use<> {
        SimulatedQueue {
            api: self.api.clone(),
            is_broken,
        }
    }

    /// The line in which it waits, if it does.
    pub fn line(&self) -> Option<Line<SimulatedApi, SimulatedClock>> {
        let place = self.place?;
        let terms = LineTerms {
            name: QueueName::of(&"my-lease".parse().expect("a name")),
            namespace: "default".into(),
            grant: self.terms(None).grant,
            priority: place.priority,
            most: place.most,
        };
        let queue = self.queue(place.is_broken);
        Some(Line::new(
            Box::new(queue),
            self.clock.clone(),
            terms,
            READ_LIMIT,
        ))
    }

    /// The same one, which stands in line.
    fn in_line(self) -> Self {
        self.of_priority(0)
    }

    /// Another process of the same machine, with an identity of its own.
    fn reborn(&self, life: usize) -> Self {
        let name = format!("{}-{life}", self.name);
        Self {
            api: SimulatedApi::new(&self.world, self.client, &name, &self.clock),
            name,
            ..self.clone()
        }
        .restarted()
    }

    fn of_priority(self, priority: i32) -> Self {
        let place = Place {
            priority,
            ..Place::default()
        };
        Self {
            place: Some(place),
            said: Rc::default(),
            ..self
        }
    }

    /// The places that it was told.
    fn places(&self) -> Vec<usize> {
        let said = self.said.borrow();
        let places = said.iter().filter_map(|(_, said)| match said {
            Progress::InLine(place) => Some(*place),
            _ => None,
        });
        places.collect()
    }
}

/// Waits until so many stand in line.
async fn until_they_stand(world: &World, count: usize) {
    while world.server().line.standing().count() != count {
        crate::sleep(0.01).await;
    }
}

/// All of these in line, in their order.
async fn stand_in_order(world: &World, waiters: &[Actor]) -> Vec<Waiter> {
    let mut tasks = Vec::new();
    for waiter in waiters {
        tasks.push(waiter.wait());
        until_they_stand(world, tasks.len()).await;
    }
    tasks
}

/// When whoever is at its turn could have taken the Lease: since it is free, or since its holder's has expired.
fn to_be_had_since(world: &World, renewed: TrueTime) -> Option<TrueTime> {
    let record = world.record()?;
    let Some(duration) = record.duration().filter(|_| record.holder().is_some()) else {
        return Some(renewed);
    };
    // Whose clock runs slower watches for longer.
    let expiry = renewed + duration.as_duration().mul_f64(1.06) + millis(100);
    (world.now() >= expiry).then_some(expiry)
}

/// How long the Lease may be idle while somebody who is alive waits in line.
fn longest_idle(duration: f64) -> Duration {
    secs(duration * 1.06 + 3.0)
}
