//! A client's way to the simulated server: the [`Api`] that the operations use, with what befalls each request.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::stream::LocalBoxStream;
use tokio::sync::oneshot;

use super::clock::{SimClock, True, instant};
use super::faults::{Ailment, Verb};
use super::ledger::{Purpose, Sender};
use super::server::{State, World, version};
use super::watch::Watch;
use crate::lease::api::{Api, Fault, Found, LeaseEvent, Write};
use crate::lease::record::{Lease, Record};

/// A client's way to the server.
#[derive(Clone)]
pub struct SimApi {
    world: Rc<World>,
    client: usize,
    name: Rc<str>,
    clock: SimClock,
    call: Rc<Cell<(u64, Purpose)>>,
}

impl SimApi {
    pub fn new(world: &Rc<World>, client: usize, name: &str, clock: &SimClock) -> Self {
        Self {
            world: world.clone(),
            client,
            name: name.into(),
            clock: clock.clone(),
            call: Rc::new(Cell::new((0, Purpose::Keep))),
        }
    }

    /// What follows is another call of the operations; its number.
    pub fn begin(&self, purpose: Purpose) -> u64 {
        let (call, _) = self.call.get();
        self.call.set((call + 1, purpose));
        call + 1
    }

    /// One request: `work` is what the server does when it gets there.
    async fn send<T: 'static>(
        &self,
        verb: Verb,
        limit: Duration,
        work: impl FnOnce(&mut State, True) -> Result<T, Fault> + 'static,
    ) -> Result<T, Fault> {
        self.clock.thawed().await;
        let sent = instant();
        let course = {
            let mut state = self.world.state.borrow_mut();
            *state.requests.entry((self.client, verb)).or_default() += 1;
            state.ledger.totals.requests += 1;
            state.course(self.world.now(), self.client, verb, limit)
        };
        let (answer, answered) = oneshot::channel();
        if let Some(done) = course.done {
            let world = self.world.clone();
            let late = done > course.heard;
            tokio::task::spawn_local(async move {
                tokio::time::sleep_until(sent + done).await;
                let now = world.now();
                let result = {
                    let mut state = world.state.borrow_mut();
                    let before = state.history.len();
                    let result = work(&mut state, now);
                    state.ledger.totals.late_commits +=
                        u64::from(late && state.history.len() > before);
                    result
                };
                world.announce();
                let _ = answer.send(result);
            });
        }
        tokio::time::sleep_until(sent + course.heard).await;
        let outcome = match course.instead {
            Some(fault) => Err(fault),
            None => answered
                .await
                .unwrap_or_else(|_| Err(Fault::Unknown("the connection was closed".into()))),
        };
        self.clock.thawed().await;
        outcome
    }

    async fn write(&self, verb: Verb, lease: &Lease, limit: Duration) -> Result<Write, Fault> {
        let (call, purpose) = self.call.get();
        let sender = Sender {
            client: self.client,
            call,
            purpose,
        };
        let (lease, name) = (lease.clone(), self.name.clone());
        self.send(verb, limit, move |state, now| {
            Ok(match verb {
                Verb::Create => state.post(now, sender, &name, &lease),
                Verb::Replace | Verb::DryRun | Verb::Get | Verb::Watch | Verb::Version => {
                    state.put(now, sender, &name, &lease)
                }
            })
        })
        .await
    }
}

impl Api for SimApi {
    async fn get(&self, limit: Duration) -> Result<Found, Fault> {
        self.send(Verb::Get, limit, |state, now| {
            let date = state.reply_date(now);
            Ok(match &state.object {
                Some(record) => Found::Lease {
                    record: record.clone(),
                    date,
                },
                None => Found::Absent,
            })
        })
        .await
    }

    async fn create(&self, lease: &Lease, dry_run: bool, limit: Duration) -> Result<Write, Fault> {
        assert!(!dry_run, "the model has no dry run");
        self.write(Verb::Create, lease, limit).await
    }

    async fn replace(&self, record: &Record, limit: Duration) -> Result<Write, Fault> {
        self.write(Verb::Replace, record, limit).await
    }

    async fn try_replace(
        &self,
        record: &Record,
        manager: &'static str,
        limit: Duration,
    ) -> Result<Write, Fault> {
        let record = record.clone();
        self.send(Verb::DryRun, limit, move |state, now| {
            state.dry_run(now, manager, &record)
        })
        .await
    }

    fn silent(&self, limit: Duration) -> Fault {
        Fault::Unknown(format!("no answer within {limit:?}"))
    }

    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent> {
        let from: u64 = resource_version.parse().expect("a resourceVersion");
        let mut state = self.world.state.borrow_mut();
        *state
            .requests
            .entry((self.client, Verb::Watch))
            .or_default() += 1;
        state.ledger.totals.requests += 1;
        let sick = state
            .fates
            .weather
            .as_ref()
            .map_or(0, |weather| weather.sick_watches);
        let scripted = state.fates.ailments.get_mut(&self.client).and_then(|left| {
            if left.len() > 1 {
                Some(left.remove(0))
            } else {
                left.first().copied()
            }
        });
        let ailment = scripted.unwrap_or_else(|| {
            if state.rng.u32(0..100) < sick {
                Ailment::any(&mut state.rng)
            } else {
                Ailment::Well
            }
        });
        // The events after `from`; a deletion has no version of its own here, so it goes with what came before.
        let next = state
            .history
            .iter()
            .rposition(|event| event.as_ref().is_some_and(|record| version(record) <= from))
            .map_or(0, |at| at + 1);
        Watch {
            world: self.world.clone(),
            client: self.client,
            clock: self.clock.clone(),
            written: self.world.written.subscribe(),
            ailment,
            opened: None,
            next,
            pending: Vec::new(),
            over: false,
        }
        .stream()
    }

    async fn version(&self, limit: Duration) -> Result<Option<(u32, u32)>, Fault> {
        self.send(Verb::Version, limit, |state, _| Ok(state.version))
            .await
    }
}
