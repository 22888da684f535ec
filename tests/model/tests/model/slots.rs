//! Slots: so many servers of a Lease each, and processes that want any one of them. What is played with them is below.

mod random;
mod scenarios;

use std::cell::RefCell;
use std::rc::Rc;

use lease_model::lease::decide::SlotsTerms;
use lease_model::lease::operate::{
    End, Ended, Grant, Held, Limits, Operations, Progress, SlotEnded, SlotOperations,
};
use lease_model::lease::record::SLOT_OF_LABEL;
use lease_model::lease::values::Slots;
use serde_json::json;
use tokio::task::{JoinHandle, spawn_local};

use crate::actor::{Actor, READ_LIMIT, patient};
use crate::api::{SimulatedApi, Together};
use crate::checker::Purpose;
use crate::clock::{SimulatedClock, TrueTime, Wall};
use crate::faults::Verb;
use crate::secs;
use crate::stay::Leave;
use crate::world::World;

/// So many slots, each on a server of its own; their clocks and their networks are alike.
struct Pool {
    worlds: Vec<Rc<World>>,
    slots: Slots,
    /// How many are inside, and how many at most were at once.
    inside: RefCell<(usize, usize)>,
}

fn slots(count: usize) -> Slots {
    let name = "pool".parse().expect("a name");
    let slots = Slots::new(&name, count.to_string().parse().expect("a count"));
    slots.expect("slots")
}

impl Pool {
    fn new(seed: u64, count: usize) -> Rc<Self> {
        let seeds = (0..count as u64).map(|slot| seed * 1000 + slot);
        Rc::new(Self {
            worlds: seeds.map(World::new).collect(),
            slots: slots(count),
            inside: RefCell::default(),
        })
    }

    /// Makes this slot, free.
    fn create(&self, slot: usize, duration: u32) {
        let metadata = json!({
            "namespace": "default", "name": self.slots.each()[slot].as_str(),
            "labels": { "kept": "yes", SLOT_OF_LABEL: "pool" }, "finalizers": [],
            "annotations": { "kubectl-lease/slots": self.slots.count().to_string() },
        });
        self.worlds[slot].create_with(metadata, duration);
    }

    /// The same of all.
    fn create_all(&self, duration: u32) {
        (0..self.worlds.len()).for_each(|slot| self.create(slot, duration));
    }

    fn holders(&self) -> Vec<Option<String>> {
        self.worlds.iter().map(|world| world.holder()).collect()
    }

    /// The first slot's faults are those of all: one network leads to them.
    fn all_alike(&self) {
        let (first, others) = self.worlds.split_first().expect("a slot");
        for other in others {
            let (from, to) = (&*first.server(), &mut *other.server());
            (to.version, to.restamps, to.date) = (from.version, from.restamps, from.date);
            (to.skew, to.refuses_dry_run) = (from.skew, from.refuses_dry_run);
            to.observed_only = from.observed_only;
            to.plan.rates = from.plan.rates;
        }
    }

    fn assert_no_violations(&self) {
        self.worlds
            .iter()
            .for_each(|world| world.assert_no_violations());
    }

    fn requests(&self, client: usize, verb: Verb) -> u64 {
        let all = self.worlds.iter();
        all.map(|world| world.requests(client, verb)).sum()
    }
}

/// The slot and the grant.
type Granted = Result<(usize, Grant), SlotEnded<()>>;

/// A process that wants one of them.
struct Contender {
    pool: Rc<Pool>,
    /// How many there are, as it takes it.
    slots: Slots,
    /// It at each of them.
    each: Vec<Actor>,
    operations: SlotOperations<SimulatedApi, SimulatedClock, Together>,
    said: RefCell<Vec<Progress>>,
}

impl Contender {
    /// A fresh process of this name.
    fn new(pool: &Rc<Pool>, client: usize, name: &str, clock: &SimulatedClock) -> Self {
        Self::of(pool, pool.worlds.len(), client, name, clock)
    }

    /// One that takes there to be so many.
    fn of(
        pool: &Rc<Pool>,
        count: usize,
        client: usize,
        name: &str,
        clock: &SimulatedClock,
    ) -> Self {
        let each = pool.worlds.iter().take(count).map(|world| {
            let api = SimulatedApi::new(world, client, name, clock);
            Actor {
                operations: Rc::new(Operations::new(api.clone(), clock.clone(), READ_LIMIT)),
                world: world.clone(),
                client,
                name: name.to_owned(),
                clock: clock.clone(),
                api,
                watches: true,
                said: Rc::default(),
                lingers: std::time::Duration::ZERO,
                place: None,
            }
        });
        let each: Vec<Actor> = each.collect();
        let apis = each.iter().map(|actor| actor.api.clone()).collect();
        let operations = each.iter().map(|actor| {
            let observed_only = actor.world.server().observed_only;
            let operations = Operations::new(actor.api.clone(), clock.clone(), READ_LIMIT);
            operations.observed_only(observed_only)
        });
        Self {
            operations: SlotOperations::new(operations.collect(), Together(apis)),
            slots: slots(count),
            pool: pool.clone(),
            each,
            said: RefCell::default(),
        }
    }

    /// One with the true time on both clocks.
    fn exact(pool: &Rc<Pool>, client: usize, name: &str) -> Self {
        let world = &pool.worlds[0];
        let wall = Wall::Skewed(0);
        let clock = SimulatedClock::new(world.began, 1_000_000, wall, &mut world.server().rng);
        Self::new(pool, client, name, &clock)
    }

    fn terms(&self, duration: Option<u32>) -> SlotsTerms {
        SlotsTerms {
            slots: self.slots.clone(),
            each: self.each[0].terms(duration),
        }
    }

    /// Acquires one; all others must stay as if nothing had been sent to them.
    async fn acquire(&self, terms: &SlotsTerms, limits: &Limits) -> Granted {
        let begin = |purpose| -> Vec<u64> {
            let all = self.each.iter();
            all.map(|actor| actor.api.begin(purpose)).collect()
        };
        let calls = begin(Purpose::Acquire);
        let report = |said| self.said.borrow_mut().push(said);
        let kept = async |_: &_, held: Held<'_>| Ok::<_, ()>(held.answer_for().remove(0));
        let acquired = (self.operations)
            .acquire(terms, None, limits, &report, kept)
            .await;
        begin(Purpose::Keep);
        let granted = acquired.map(|grant| {
            let slot = self.pool.slots.index_of(grant.record.name());
            (slot.expect("a slot"), grant)
        });
        let (had, open) = match &granted {
            Ok((slot, _)) => (Some(*slot), None),
            Err(SlotEnded { slot, ended }) => {
                self.each[0]
                    .world
                    .note(format!("{} failed: {ended:?}", self.each[0].name));
                let is_open = matches!(
                    ended,
                    Ended::Ungranted(End::Unsettled { .. } | End::Kept(_))
                );
                (None, is_open.then_some(*slot))
            }
        };
        for (slot, actor) in self.each.iter().enumerate() {
            if had == Some(slot) {
                continue;
            }
            let settled = open.is_none_or(|open| open.is_some_and(|open| open != slot));
            let (stored, now) = (actor.world.record(), actor.world.now());
            let checker = &mut actor.world.server().checker;
            let call = (actor.client, calls[slot]);
            checker.failed(now, call, &actor.name, stored.as_ref(), settled);
        }
        granted
    }

    async fn stay(&self, slot: usize, grant: Grant, seconds: f64, leave: Leave) -> bool {
        {
            let mut inside = self.pool.inside.borrow_mut();
            inside.0 += 1;
            inside.1 = inside.1.max(inside.0);
        }
        let stayed = self.each[slot].stay(grant, secs(seconds), leave).await;
        self.pool.inside.borrow_mut().0 -= 1;
        stayed
    }

    /// Acquires in the background, and says when it did.
    fn spawn(self) -> JoinHandle<(Self, Granted, TrueTime)> {
        spawn_local(async move {
            let result = self.acquire(&self.terms(None), &patient()).await;
            let now = self.each[0].world.now();
            (self, result, now)
        })
    }
}
