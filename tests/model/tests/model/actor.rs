//! An actor: acquires, stays inside while it renews, leaves; stops by its own clock, as `hold` does.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use crate::api::SimApi;
use crate::checker::Purpose;
use crate::clock::{SimClock, True, Wall};
use crate::server::World;
use crate::{millis, secs};
use lease_model::clock::{Clock, Instant};
use lease_model::lease::decide::{AcquireTerms, Ours, Seen, StealTerms};
use lease_model::lease::evidence::{Expiry, Observation};
use lease_model::lease::operate::{
    End, Ended, Grant, Held, Hint, Interrupt, Limits, Operations, Progress, Renewal, Renewals,
    Shown, Watcher,
};
use lease_model::lease::record::GrantTerms;
use lease_model::lease::values::LeaseDuration;

/// One participant.
#[derive(Clone)]
pub struct Actor {
    pub world: Rc<World>,
    pub client: usize,
    pub name: String,
    pub clock: SimClock,
    pub api: SimApi,
    pub operations: Rc<Operations<SimApi, SimClock>>,
    /// Whether it watches the Lease that it holds.
    pub watches: bool,
    /// What it said while it waited, and when.
    pub said: Rc<RefCell<Vec<(Duration, Progress)>>>,
}

/// How a stay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Release,
    /// The supervisor dies; its command runs on until the watchdog stops it.
    Crash,
}

impl Actor {
    pub fn new(world: &Rc<World>, client: usize, rate: u64, wall: Wall) -> Self {
        let name = format!("actor-{client}");
        let clock = {
            let mut state = world.state.borrow_mut();
            SimClock::new(world.began, rate, wall, &mut state.rng)
        };
        let api = SimApi::new(world, client, &name, &clock);
        Self {
            operations: Rc::new(Operations::new(
                api.clone(),
                clock.clone(),
                Duration::from_secs(10),
            )),
            world: world.clone(),
            client,
            name,
            clock,
            api,
            watches: true,
            said: Rc::default(),
        }
    }

    /// One with the true time on both clocks.
    pub fn exact(world: &Rc<World>, client: usize) -> Self {
        Self::new(world, client, 1_000_000, Wall::Skewed(0))
    }

    /// A fresh process: nothing is known of the server.
    pub fn restarted(&self) -> Self {
        let mut next = self.clone();
        let observed_only = self.world.state.borrow().observed_only;
        next.operations = Rc::new(
            Operations::new(
                self.api.clone(),
                self.clock.clone(),
                Duration::from_secs(10),
            )
            .observed_only(observed_only),
        );
        next
    }

    fn say(&self, progress: Progress) {
        self.said.borrow_mut().push((self.world.now(), progress));
    }

    pub fn terms(&self, duration: Option<u32>) -> AcquireTerms {
        AcquireTerms {
            namespace: "default".into(),
            name: "my-lease".into(),
            grant: GrantTerms {
                holder: self.name.parse().expect("a holder"),
                duration: duration.and_then(|seconds| LeaseDuration::from_secs(seconds.into())),
                default_duration: LeaseDuration::constant(15),
                reason: None,
                mark: Duration::ZERO,
            },
            create: true,
            reenter: false,
            min_duration: None,
            ancestors: Vec::new(),
        }
    }

    /// Waits within `limits`; a failure must leave nothing behind.
    pub async fn acquire(&self, terms: &AcquireTerms, limits: &Limits) -> Result<Grant, End> {
        let call = self.api.begin(Purpose::Acquire);
        let result = self.obtain(terms, limits).await;
        self.api.begin(Purpose::Keep);
        if let Err(end) = &result {
            let settled = !matches!(end, End::Unsettled { .. });
            let stored = self.world.record();
            let now = self.world.now();
            let mut state = self.world.state.borrow_mut();
            state
                .ledger
                .note(now, format!("{} acquire failed: {end:?}", self.name));
            state
                .ledger
                .failed(now, self.client, call, &self.name, stored.as_ref(), settled);
        }
        result
    }

    /// Acquires, and answers for the grant.
    pub async fn obtain(&self, terms: &AcquireTerms, limits: &Limits) -> Result<Grant, End> {
        let report = |said| self.say(said);
        let kept = async |held: Held<'_>| Ok::<_, ()>(held.answer_for());
        let acquired = self.operations.acquire(terms, limits, &report, kept).await;
        acquired.map_err(ungranted)
    }

    pub async fn steal(&self, duration: Option<u32>, limits: &Limits) -> Result<Grant, End> {
        self.api.begin(Purpose::Steal);
        let asks = {
            let mut state = self.world.state.borrow_mut();
            state.ledger.shown.remove(&self.client);
            state.rng.bool()
        };
        let terms = StealTerms {
            grant: self.terms(duration).grant,
            if_holder: None,
            asks,
            waits: true,
        };
        let agree = async |seen: &Observation, _: &Expiry| {
            let ledger = &mut self.world.state.borrow_mut().ledger;
            let before = ledger.shown.insert(self.client, seen.record().clone());
            assert!(asks || before.is_none(), "shown again, with nobody to ask");
            Ok(())
        };
        let stolen = self
            .operations
            .steal(&terms, limits, &|_| (), agree)
            .await?;
        self.api.begin(Purpose::Keep);
        self.world
            .note(format!("{} stole from {:?}", self.name, stolen.victim));
        let patient = Limits {
            deadline: None,
            once: false,
            insist: false,
            interrupt: limits.interrupt.clone(),
        };
        self.operations
            .outlast(stolen, terms.grant.duration, &patient, &|said| {
                self.say(said)
            })
            .await
    }

    /// When the command must be dead, as `hold` has it.
    pub fn deadline(grant: &Grant) -> Instant {
        grant.sent_at + grant.duration().as_duration().mul_f64(0.95)
    }

    fn true_deadline(&self, grant: &Grant) -> True {
        self.clock.true_at(Self::deadline(grant))
    }

    /// Stays inside for `span`, renewing; whether it was inside to the end.
    pub async fn stay(&self, grant: Grant, span: Duration, leave: Leave) -> bool {
        let ours = |grant: &Grant| Ours::Grant(grant.record.clone());
        if self.clock.now() >= Self::deadline(&grant) {
            // Frozen since the answer: the command is never started.
            self.world
                .note(format!("{} woke up too late to begin", self.name));
            self.let_go(&ours(&grant)).await;
            return false;
        }
        let inside = |grant: &Grant| self.true_deadline(grant);
        let now = self.world.now();
        self.world.state.borrow_mut().ledger.enter(
            now,
            self.client,
            &grant.fencing_token,
            inside(&grant),
        );
        let end = self.clock.now() + span;
        let third = grant.duration().as_duration() / 3;
        let limit = (third / 2).max(millis(300));
        let mut due = grant.sent_at + third;
        let mut trying = false;
        let operations = &*self.operations;
        let mut renewals = Renewals::new(operations, grant, None);
        let mut watcher = Watcher::default();
        let mut reads = FuturesUnordered::new();
        loop {
            let grant = renewals.grant().clone();
            let deadline = Self::deadline(&grant);
            let wake = if trying { end } else { end.min(due) };
            let shown = tokio::select! {
                biased;
                () = self.clock.sleep_until(wake.min(deadline)) => Shown::Same,
                renewal = renewals.next() => {
                    trying = false;
                    match renewal {
                        Renewal::Renewed(_) => Shown::Renewed,
                        Renewal::Lost(loss) => Shown::Lost(loss),
                        Renewal::Failed(_) => {
                            due = self.clock.now() + millis(200);
                            Shown::Same
                        }
                    }
                }
                Some((asked_at, read)) = reads.next() => match read {
                    Ok(seen) => renewals.shown(&seen, Some(asked_at)),
                    Err(_) => Shown::Same,
                },
                hint = watcher.hint(&self.api, &self.clock, grant.record.resource_version()), if self.watches => {
                    match hint {
                        Hint::Lease(record) => {
                            let seen = Observation::first(record, self.clock.now(), None);
                            renewals.shown(&Seen::Lease(seen), None)
                        }
                        Hint::ReadAgain | Hint::Quiet => {
                            let asked_at = self.clock.now();
                            reads.push(async move { (asked_at, operations.read(None, third).await) });
                            Shown::Same
                        }
                        Hint::Refused | Hint::Watching => Shown::Same,
                    }
                }
            };
            let now = self.clock.now();
            if now >= deadline {
                self.leave("its deadline");
                renewals.stop();
                self.let_go(&ours(renewals.grant())).await;
                return false;
            }
            match shown {
                Shown::Renewed => {
                    trying = false;
                    let next = renewals.grant();
                    let (now, until) = (self.world.now(), inside(next));
                    let mut state = self.world.state.borrow_mut();
                    state.ledger.extend(now, self.client, until);
                    due = next.sent_at + third;
                }
                Shown::Lost(loss) => {
                    self.world.state.borrow_mut().ledger.totals.losses += 1;
                    self.leave(&format!("lost: {loss:?}"));
                    return false;
                }
                Shown::Same => {}
            }
            if now >= end {
                match leave {
                    Leave::Release => {
                        self.leave("done");
                        renewals.stop();
                        self.let_go(&ours(renewals.grant())).await;
                    }
                    Leave::Crash => {
                        self.world.note(format!("{} crashes", self.name));
                        renewals.stop();
                        self.clock.sleep_until(deadline).await;
                        self.leave("crashed");
                    }
                }
                return true;
            }
            if !trying && now >= due {
                trying = true;
                renewals.begin(limit, Self::deadline(renewals.grant()));
            }
        }
    }

    fn leave(&self, why: &str) {
        let now = self.world.now();
        self.world
            .state
            .borrow_mut()
            .ledger
            .leave(now, self.client, why);
    }

    /// Releases if it still can.
    pub async fn let_go(&self, ours: &Ours) {
        self.api.begin(Purpose::Keep);
        let limits = Limits {
            deadline: Some(self.clock.now() + secs(10.0)),
            insist: true,
            ..patient()
        };
        let result = self.operations.release(ours, false, &limits, &|_| ()).await;
        self.world.note(format!(
            "{} released: {}",
            self.name,
            result.map_or_else(|end| format!("{end:?}"), |_| "yes".into())
        ));
    }
}

/// Why nothing was granted.
pub fn ungranted(ended: Ended<()>) -> End {
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

/// A Ctrl-C that can be pressed.
pub fn interruptible() -> (watch::Sender<Vec<i32>>, Interrupt) {
    let (sender, receiver) = watch::channel(Vec::new());
    (sender, Interrupt::new(receiver))
}
