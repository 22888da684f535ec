//! An actor, which acquires, steals and releases. How it stays inside meanwhile is in `stay.rs`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use lease_model::clock::Clock;
use lease_model::lease::decide::{AcquireTerms, Ours, Seen, StealTerms};
use lease_model::lease::evidence::{Expiry, Observation};
use lease_model::lease::operate::{
    Created, End, Ended, Grant, Held, Interrupt, Limits, Operations, Patience, Progress, Pruned,
    SteppedDown,
};
use lease_model::lease::record::{GrantTerms, Lease, Record, Taken};
use lease_model::lease::values::LeaseDuration;
use tokio::task::{JoinHandle, spawn_local};

use crate::api::SimulatedApi;
use crate::checker::Purpose;
use crate::clock::{SimulatedClock, TrueTime, Wall};
use crate::queue::Place;
use crate::stay::Leave;
use crate::world::World;
use crate::{secs, sleep};

pub const READ_LIMIT: Duration = Duration::from_secs(10);

/// One participant.
#[derive(Clone)]
pub struct Actor {
    pub world: Rc<World>,
    pub client: usize,
    pub name: String,
    pub clock: SimulatedClock,
    pub api: SimulatedApi,
    pub operations: Rc<Operations<SimulatedApi, SimulatedClock>>,
    /// Whether it watches the Lease that it holds.
    pub watches: bool,
    /// How long its command takes to stop once the lease is lost, if its deadline does not come first.
    pub lingers: Duration,
    /// How it stands in line, if it does.
    pub place: Option<Place>,
    /// What it said while it waited, and when.
    pub said: Rc<RefCell<Vec<(Duration, Progress)>>>,
}

impl Actor {
    pub fn new(world: &Rc<World>, client: usize, rate: u64, wall: Wall) -> Self {
        let name = format!("actor-{client}");
        let clock = SimulatedClock::new(world.began, rate, wall, &mut world.server().rng);
        let api = SimulatedApi::new(world, client, &name, &clock);
        Self {
            operations: Rc::new(Operations::new(api.clone(), clock.clone(), READ_LIMIT)),
            world: world.clone(),
            client,
            name,
            clock,
            api,
            watches: true,
            lingers: Duration::ZERO,
            place: None,
            said: Rc::default(),
        }
    }

    /// One with the true time on both clocks.
    pub fn exact(world: &Rc<World>, client: usize) -> Self {
        Self::new(world, client, 1_000_000, Wall::Skewed(0))
    }

    /// A fresh process: nothing is known of the server.
    pub fn restarted(&self) -> Self {
        let operations = Operations::new(self.api.clone(), self.clock.clone(), READ_LIMIT);
        let observed_only = self.world.server().observed_only;
        Self {
            operations: Rc::new(operations.observed_only(observed_only)),
            ..self.clone()
        }
    }

    /// The same one, in the world of another Lease.
    pub fn in_world(&self, world: &Rc<World>) -> Self {
        let api = SimulatedApi::new(world, self.client, &self.name, &self.clock);
        Self {
            api,
            world: world.clone(),
            ..self.clone()
        }
        .restarted()
    }

    pub fn terms(&self, duration: Option<u32>) -> AcquireTerms {
        AcquireTerms {
            ended: None,
            namespace: "default".into(),
            name: "my-lease".into(),
            grant: GrantTerms {
                holder: self.name.parse().expect("a holder"),
                duration: duration.map(LeaseDuration::constant),
                default_duration: LeaseDuration::constant(15),
                reason: None,
                mark: Duration::ZERO,
                manager: Default::default(),
            },
            create: true,
            reenter: false,
            min_duration: None,
            deletes: false,
            ancestors: Vec::new(),
        }
    }

    /// Terms that take the actor's own lease anew.
    pub fn reentering(&self, duration: Option<u32>) -> AcquireTerms {
        let mut terms = self.terms(duration);
        terms.reenter = true;
        terms
    }

    /// Terms of a steal that asks.
    pub fn stealing(&self, duration: Option<u32>) -> StealTerms {
        StealTerms {
            grant: self.terms(duration).grant,
            if_holder: None,
            asks: true,
            waits: true,
            ancestors: Vec::new(),
            taken: Taken::Stolen,
        }
    }

    /// Whatever this actor holds.
    pub fn identity(&self) -> Ours {
        Ours::Identity(self.name.parse().expect("a holder"))
    }

    pub fn within(&self, seconds: f64) -> Limits {
        Limits {
            deadline: Some(self.clock.now() + secs(seconds)),
            ..patient()
        }
    }

    /// Acquires, and answers for the grant.
    pub async fn obtain(&self, terms: &AcquireTerms, limits: &Limits) -> Result<Grant, End> {
        let report = |said| self.say(said);
        let kept = async |held: Held<'_>| Ok::<_, ()>(held.answer_for().remove(0));
        let acquired = (self.operations)
            .acquire(terms, self.line().as_ref(), limits, &report, kept)
            .await;
        acquired.map_err(ungranted)
    }

    /// The same; a failure must leave nothing behind.
    pub async fn acquire(&self, terms: &AcquireTerms, limits: &Limits) -> Result<Grant, End> {
        let call = self.api.begin(Purpose::Acquire);
        let result = self.obtain(terms, limits).await;
        self.api.begin(Purpose::Keep);
        (self.world.server().checker.reached).ended("acquire", result.as_ref().err());
        if let Err(end) = &result {
            self.world
                .note(format!("{} acquire failed: {end:?}", self.name));
            let settled = !matches!(end, End::Unsettled { .. } | End::Kept(_));
            let (stored, now) = (self.world.record(), self.world.now());
            let checker = &mut self.world.server().checker;
            checker.failed(
                now,
                (self.client, call),
                &self.name,
                stored.as_ref(),
                settled,
            );
        }
        result
    }

    /// Takes the free Lease.
    pub async fn take(&self, duration: Option<u32>) -> Grant {
        let taken = self.acquire(&self.terms(duration), &patient()).await;
        taken.expect("it is free")
    }

    /// Creates a Lease, with a holder unless that is empty.
    pub async fn create(&self, holder: &str, limits: &Limits) -> Result<Created<()>, End> {
        self.api.begin(Purpose::Outsider);
        let fresh = Lease::fresh("default", "my-lease", LeaseDuration::constant(60));
        let mut object = fresh.as_json().clone();
        if !holder.is_empty() {
            object["spec"]["holderIdentity"] = holder.into();
        }
        let lease = Lease::new(object).expect("a lease");
        let kept = async |_: Held<'_>| Ok(());
        let created = self.operations.create(&lease, limits, &|_| (), kept).await;
        created.map_err(ungranted)
    }

    /// Acquires in the background.
    pub fn spawn_acquire(&self, terms: AcquireTerms, limits: Limits) -> Waiter {
        let actor = self.clone();
        Waiter(spawn_local(async move {
            let result = actor.acquire(&terms, &limits).await;
            (result, actor.world.now())
        }))
    }

    /// The same, for as long as it takes.
    pub fn wait(&self) -> Waiter {
        self.spawn_acquire(self.terms(None), patient())
    }

    /// The same, for so many seconds at most.
    pub fn wait_for(&self, seconds: f64) -> Waiter {
        self.spawn_acquire(self.terms(None), self.within(seconds))
    }

    /// Takes the Lease over with nobody to ask, or somebody who says yes; waits until the victim must have stopped.
    pub async fn steal(&self, duration: Option<u32>, limits: &Limits) -> Result<Grant, End> {
        self.api.begin(Purpose::Steal);
        let asks = {
            let server = &mut *self.world.server();
            server.checker.shown.remove(&self.client);
            server.rng.bool()
        };
        let terms = StealTerms {
            asks,
            ..self.stealing(duration)
        };
        let agree = async |seen: &Observation, _: &Expiry| {
            let checker = &mut self.world.server().checker;
            checker.reached.decided("steal: ask");
            let shown = &mut checker.shown;
            let before = shown.insert(self.client, seen.record().clone());
            assert!(asks || before.is_none(), "shown again, with nobody to ask");
            Ok(())
        };
        let operations = &self.operations;
        let stolen = operations.steal(&terms, limits, &|_| (), agree).await;
        (self.world.server().checker.reached).ended("steal", stolen.as_ref().err());
        let stolen = stolen?;
        self.api.begin(Purpose::Keep);
        self.world
            .note(format!("{} stole from {:?}", self.name, stolen.victim));
        let limits = Limits {
            interrupt: limits.interrupt.clone(),
            ..patient()
        };
        let report = |said| self.say(said);
        operations
            .outlast(stolen, terms.grant.duration, &limits, &report)
            .await
    }

    /// Has its holder step down for whoever is next.
    pub async fn fail_over(&self, limits: &Limits) -> Result<SteppedDown, End> {
        self.api.begin(Purpose::Steal);
        let agree = async |seen: &Observation, _: &Expiry| {
            let shown = &mut self.world.server().checker.shown;
            shown.insert(self.client, seen.record().clone());
            Ok(())
        };
        let operations = &self.operations;
        let terms = StealTerms {
            taken: Taken::FailedOver,
            ..self.stealing(None)
        };
        let stolen = operations.steal(&terms, limits, &|_| (), agree).await?;
        self.api.begin(Purpose::Keep);
        operations.step_down(stolen, limits, &|_| ()).await
    }

    /// Takes it over and does not wait for the victim.
    pub async fn steal_now(&self, duration: Option<u32>) -> Grant {
        self.api.begin(Purpose::Steal);
        let terms = StealTerms {
            waits: false,
            ..self.stealing(duration)
        };
        let agree = async |_: &_, _: &_| Ok(());
        let operations = &self.operations;
        let stolen = operations.steal(&terms, &patient(), &|_| (), agree).await;
        self.api.begin(Purpose::Keep);
        stolen.expect("stolen").grant
    }

    /// Says that nothing of it runs any more, as far as it may, to whoever has robbed it.
    pub async fn say_stopped(&self, grant: &Grant, shown: Option<Record>) {
        self.api.begin(Purpose::Acknowledge);
        let said = self.operations.say_stopped(grant, shown).await;
        self.api.begin(Purpose::Keep);
        (self.world.server().checker.reached).acknowledged(&said);
        self.world
            .note(format!("{} has stopped: {said:?}", self.name));
    }

    /// Deletes the Lease as it is now, if its holder is proven to be gone, in so many seconds at most.
    pub async fn prune(&self, seconds: f64) -> Result<Pruned, End> {
        self.api.begin(Purpose::Outsider);
        let Ok(Seen::Lease(seen)) = self.operations.read(None, READ_LIMIT).await else {
            return Ok(Pruned::Absent);
        };
        let patience = Patience {
            proof: self.clock.now() + secs(seconds),
            deletion: secs(30.0),
            interrupt: Interrupt::never(),
            waiting: Interrupt::never(),
        };
        let report = |said| self.say(said);
        (self.operations.prune(seen, &patience, &|| (), &report)).await
    }

    /// Holds on as long as it is renewed, for so many seconds, and then is silent.
    pub fn hold(&self, grant: Grant, seconds: f64) -> JoinHandle<bool> {
        self.spawn_stay(grant, seconds, Leave::Crash)
    }

    /// [`Self::stay`] in the background.
    pub fn spawn_stay(&self, grant: Grant, seconds: f64, leave: Leave) -> JoinHandle<bool> {
        let actor = self.clone();
        spawn_local(async move { actor.stay(grant, secs(seconds), leave).await })
    }

    /// Releases if it still can.
    pub async fn release(&self, grant: Grant) {
        self.api.begin(Purpose::Keep);
        let limits = Limits {
            insist: true,
            ..self.within(10.0)
        };
        let ours = Ours::Grant(grant.record.clone());
        let operations = &self.operations;
        let result = operations.release(&ours, false, &limits, &|_| ()).await;
        (self.world.server().checker.reached).ended("release", result.as_ref().err());
        let robbed = matches!(result, Err(End::Refused(_)));
        let ended = result.map_or_else(|end| format!("{end:?}"), |_| "yes".into());
        self.world.note(format!("{} released: {ended}", self.name));
        if robbed {
            self.say_stopped(&grant, None).await;
        }
    }
}

/// An acquire in the background.
pub struct Waiter(JoinHandle<(Result<Grant, End>, TrueTime)>);

impl Waiter {
    /// How it ended, and when.
    pub async fn ended(self) -> (Result<Grant, End>, TrueTime) {
        self.0.await.expect("a result")
    }

    /// The grant, and when it was.
    pub async fn granted(self) -> (Grant, TrueTime) {
        let (result, at) = self.ended().await;
        (result.expect("a grant"), at)
    }

    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Why nothing was granted.
fn ungranted(ended: Ended<()>) -> End {
    match ended {
        Ended::Ungranted(end) => end,
        Ended::GivenUp { .. } => panic!("{ended:?}"),
    }
}

/// No limits.
pub fn patient() -> Limits {
    Limits {
        deadline: None,
        once: false,
        insist: false,
        interrupt: Interrupt::never(),
    }
}

/// One try.
pub fn once() -> Limits {
    let once = true;
    Limits { once, ..patient() }
}

/// No limits but a signal, which arrives again after each of these pauses, in seconds.
pub fn interrupted(signal: i32, pauses: &[f64]) -> Limits {
    let (sender, receiver) = tokio::sync::watch::channel(Vec::new());
    let pauses = pauses.to_vec();
    spawn_local(async move {
        for pause in pauses {
            sleep(pause).await;
            sender.send_modify(|all| all.push(signal));
        }
    });
    Limits {
        interrupt: Interrupt::new(receiver),
        ..patient()
    }
}
