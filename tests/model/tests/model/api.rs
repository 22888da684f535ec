//! A client's way to the simulated server: the [`Api`] that the operations use, with what goes wrong on the way.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use lease_model::lease::api::{Api, Changes, Deletion, Fault, Found, LeaseEvent, Tickets, Write};
use lease_model::lease::record::{Lease, Record};
use tokio::sync::oneshot;

use crate::checker::{Event, Passage, Purpose, Sender};
use crate::clock::{SimulatedClock, TrueTime, instant};
use crate::faults::{Verb, unknown};
use crate::server::{Server, version};
use crate::watch::{Subject, Watch};
use crate::world::World;

/// Several servers of one Lease each, watched in one stream.
pub struct Together(pub Vec<SimulatedApi>);

impl Changes for Together {
    fn watch_all(&self, _label: Option<(&str, &str)>) -> LocalBoxStream<'static, LeaseEvent> {
        let each = self.0.iter().map(|one| {
            // Where one ends, all of it does.
            let end = LeaseEvent::Broken(unknown("the watch ended"));
            one.watch_from_now().chain(stream::iter([end]))
        });
        stream::select_all(each).boxed_local()
    }
}

/// A request on its way: what the server does when it gets there.
struct Arrival<T, W> {
    world: Rc<World>,
    at: tokio::time::Instant,
    /// The client has given up, or heard something else, by then.
    late: bool,
    passage: Passage,
    work: Rc<W>,
    answer: Option<oneshot::Sender<Result<T, Fault>>>,
}

impl<T, W: Fn(&mut Server, TrueTime, Passage) -> Result<T, Fault>> Arrival<T, W> {
    async fn happen(self) {
        tokio::time::sleep_until(self.at).await;
        let now = self.world.now();
        let result = {
            let mut server = self.world.server();
            let before = server.history.len();
            let result = (self.work)(&mut server, now, self.passage);
            if self.late && server.history.len() > before {
                server.checker.counts.add(Event::LateWrite);
            }
            result
        };
        self.world.announce();
        if let Some(answer) = self.answer {
            let _ = answer.send(result);
        }
    }
}

/// A client's way to the server.
#[derive(Clone)]
pub struct SimulatedApi {
    world: Rc<World>,
    client: usize,
    name: Rc<str>,
    /// The ticket that it is about; `None` for the Lease itself.
    ticket: Option<Rc<str>>,
    clock: SimulatedClock,
    call: Rc<Cell<(u64, Purpose)>>,
}

impl SimulatedApi {
    pub fn new(world: &Rc<World>, client: usize, name: &str, clock: &SimulatedClock) -> Self {
        Self {
            world: world.clone(),
            client,
            name: name.into(),
            ticket: None,
            clock: clock.clone(),
            call: Rc::new(Cell::new((0, Purpose::Keep))),
        }
    }

    /// The same way to a ticket beside the Lease.
    pub fn to_ticket(&self, name: &str) -> Self {
        Self {
            ticket: Some(name.into()),
            ..self.clone()
        }
    }

    /// All tickets, as they are there when the request arrives.
    pub async fn tickets(&self, limit: Duration) -> Result<Tickets, Fault> {
        self.send(Verb::List, limit, |server, _, _| {
            Ok(Tickets {
                all: server.listed()?,
                resource_version: server.resource_version.to_string(),
            })
        })
        .await
    }

    /// A watch of all tickets.
    pub fn watch_tickets(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent> {
        let from: u64 = resource_version.parse().expect("a resourceVersion");
        let (fault, next) = {
            let server = &mut *self.world.server();
            (server.watched(self.client), server.line.after(from))
        };
        Watch::new(&self.world, self.client, &self.clock, fault, next)
            .of(Subject::Tickets)
            .stream()
    }

    /// What follows is another call of the operations; its number.
    pub fn begin(&self, purpose: Purpose) -> u64 {
        let server = &mut *self.world.server();
        server.calls += 1;
        let call = server.calls;
        self.call.set((call, purpose));
        call
    }

    /// A watch that begins with what is there.
    fn watch_from_now(&self) -> LocalBoxStream<'static, LeaseEvent> {
        let server = &mut *self.world.server();
        let fault = server.watched(self.client);
        let last = server.history.len().saturating_sub(1);
        Watch::new(&self.world, self.client, &self.clock, fault, last).stream()
    }

    /// One request: `work` is what the server does when it gets there.
    async fn send<T: 'static>(
        &self,
        verb: Verb,
        limit: Duration,
        work: impl Fn(&mut Server, TrueTime, Passage) -> Result<T, Fault> + 'static,
    ) -> Result<T, Fault> {
        self.clock.thawed().await;
        let sent = instant();
        let now = self.world.now();
        let timing = self.world.server().receive(now, self.client, verb, limit);
        let (answer, answered) = oneshot::channel();
        let mut answer = Some(answer);
        let work = Rc::new(work);
        let second_answers = timing.again.is_some_and(|(_, answers)| answers);
        let first = timing.done.map(|at| (at, !second_answers));
        for (at, answers) in first.into_iter().chain(timing.again) {
            let arrival = Arrival {
                world: self.world.clone(),
                at: sent + at,
                late: at > timing.heard,
                passage: Passage {
                    sent: now,
                    astray: at > timing.heard || timing.again.is_some(),
                },
                work: work.clone(),
                answer: answer.take_if(|_| answers),
            };
            tokio::task::spawn_local(arrival.happen());
        }
        drop(answer);
        tokio::time::sleep_until(sent + timing.heard).await;
        let outcome = match timing.instead {
            Some(fault) => Err(fault),
            None => answered
                .await
                .unwrap_or_else(|_| Err(unknown("the connection was closed"))),
        };
        self.clock.thawed().await;
        if let Err(fault) = &outcome {
            self.world.server().checker.reached.heard(fault, verb);
        }
        outcome
    }

    async fn write(
        &self,
        verb: Verb,
        lease: &Lease,
        limit: Duration,
        write: fn(&mut Server, TrueTime, Sender, &str, &Lease) -> Write,
    ) -> Result<Write, Fault> {
        let (call, purpose) = self.call.get();
        let (client, lease, name) = (self.client, lease.clone(), self.name.clone());
        let work = move |server: &mut Server, now, passage| {
            let sender = Sender {
                client,
                call,
                purpose,
                passage,
            };
            Ok(write(server, now, sender, &name, &lease))
        };
        self.send(verb, limit, work).await
    }
}

impl Api for SimulatedApi {
    async fn get(&self, limit: Duration) -> Result<Found, Fault> {
        let ticket = self.ticket.clone();
        self.send(Verb::Get, limit, move |server, now, _| {
            let date = server.reply_date(now);
            Ok(match server.stored(ticket.as_deref()) {
                Some(record) => Found::Lease {
                    record: Record::clone(&record),
                    date,
                },
                None => Found::Absent,
            })
        })
        .await
    }

    async fn create(&self, lease: &Lease, dry_run: bool, limit: Duration) -> Result<Write, Fault> {
        assert!(!dry_run, "nothing here creates with a dry run");
        if self.ticket.is_some() {
            let lease = lease.clone();
            let work = move |server: &mut Server, now, _| server.draw(now, &lease);
            return self.send(Verb::Create, limit, work).await;
        }
        self.write(Verb::Create, lease, limit, Server::post).await
    }

    async fn replace(&self, record: &Record, limit: Duration) -> Result<Write, Fault> {
        if self.ticket.is_some() {
            let record = record.clone();
            let work = move |server: &mut Server, now, _| {
                server.may("update").map(|()| server.change(now, &record))
            };
            return self.send(Verb::Replace, limit, work).await;
        }
        self.write(Verb::Replace, record, limit, Server::put).await
    }

    async fn try_replace(
        &self,
        record: &Record,
        manager: &str,
        limit: Duration,
    ) -> Result<Write, Fault> {
        let (record, manager) = (record.clone(), manager.to_owned());
        let ticket = self.ticket.clone();
        self.send(Verb::DryRun, limit, move |server, now, _| match &ticket {
            Some(_) => server.try_change(now, &manager, &record),
            None => server.dry_run(now, &manager, &record),
        })
        .await
    }

    async fn delete(
        &self,
        record: &Record,
        dry_run: bool,
        limit: Duration,
    ) -> Result<Deletion, Fault> {
        let (record, client) = (record.clone(), self.client);
        let ticket = self.ticket.clone();
        self.send(Verb::Delete, limit, move |server, now, _| match &ticket {
            Some(_) => server.tear(now, client, &record, dry_run),
            None => Ok(server.delete_as(now, &record, dry_run)),
        })
        .await
    }

    fn silent(&self, limit: Duration) -> Fault {
        unknown(&format!("no answer within {limit:?}"))
    }

    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent> {
        if resource_version.is_empty() {
            return self.watch_from_now();
        }
        let from: u64 = resource_version.parse().expect("a resourceVersion");
        if let Some(ticket) = &self.ticket {
            let (fault, next) = {
                let server = &mut *self.world.server();
                (server.watched(self.client), server.line.after(from))
            };
            return Watch::new(&self.world, self.client, &self.clock, fault, next)
                .of(Subject::Ticket(ticket.clone()))
                .stream();
        }
        let server = &mut *self.world.server();
        let fault = server.watched(self.client);
        // The events after `from`; a deletion has no version of its own here, so it goes with what came before.
        let is_known = |event: &Option<Rc<Record>>| {
            event.as_ref().is_some_and(|record| version(record) <= from)
        };
        let known = server.history.iter().rposition(is_known);
        let next = known.map_or(0, |at| at + 1);
        Watch::new(&self.world, self.client, &self.clock, fault, next).stream()
    }

    async fn version(&self, limit: Duration) -> Result<Option<(u32, u32)>, Fault> {
        self.send(Verb::Version, limit, |server, _, _| Ok(server.version))
            .await
    }
}
