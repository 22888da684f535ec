//! A simulated `hold`: the program's machine, and around it a loop like the program's, with a simulated command.

use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use lease_model::clock::{Clock, Instant};
use lease_model::hold::machine::{Effect, Event, Given, Machine, Outcome};
use lease_model::hold::timing::Timing;
use lease_model::lease::api::Fault;
use lease_model::lease::decide::Seen;
use lease_model::lease::evidence::Observation;
use lease_model::lease::operate::{
    Acknowledged, Grant, Hint, Limits, Renewal, Renewals, Returned, Shown, Watcher,
};
use lease_model::lease::record::Record;
use tokio::sync::watch;

use crate::actor::{Actor, READ_LIMIT, patient};
use crate::api::SimulatedApi;
use crate::checker::Event as Counted;
use crate::clock::SimulatedClock;
use crate::job::{Job, Labelling};
use crate::millis;
use crate::watchdog::{Child, News, Order, Start};

/// The signals that only a command can make sense of, from here on.
const FOR_COMMAND: i32 = 10;

type Operations = lease_model::lease::operate::Operations<SimulatedApi, SimulatedClock>;

/// A hold under way.
pub struct Hold<'a> {
    actor: &'a Actor,
    operations: &'a Operations,
    job: Job,
    timing: Timing,
    machine: Machine,
    grant: Grant,
    renewals: Renewals<'a, SimulatedApi, SimulatedClock>,
    watcher: Watcher,
    reads: FuturesUnordered<LocalBoxFuture<'a, (Instant, Result<Seen, Fault>)>>,
    taken: Option<Record>,
    child: Option<Child>,
    begun: bool,
    release: Option<LocalBoxFuture<'a, Option<Returned>>>,
    saying: FuturesUnordered<LocalBoxFuture<'a, Acknowledged>>,
    labelling: Option<LocalBoxFuture<'a, Event>>,
    signals: watch::Receiver<Vec<i32>>,
    signals_seen: usize,
}

enum Happened {
    Event(Event),
    News(News),
    Renewal(Renewal),
    Returned(Option<Returned>),
    StopSaid(Acknowledged),
    Signal(i32),
    Read(Instant, Result<Seen, Fault>),
    Hint(Hint),
}

impl<'a> Hold<'a> {
    pub fn new(
        actor: &'a Actor,
        grant: Grant,
        job: Job,
        signals: watch::Receiver<Vec<i32>>,
    ) -> Self {
        let timing = Timing::new(grant.duration().as_duration(), None, None).expect("it fits");
        let machine = Machine::new(timing, job.command.is_some(), fastrand::f64())
            .labelling(job.label.is_some())
            .detaching(job.detaches);
        Self {
            operations: &actor.operations,
            renewals: Renewals::new(&actor.operations, grant.clone(), None),
            actor,
            job,
            timing,
            machine,
            grant,
            watcher: Watcher::default(),
            reads: FuturesUnordered::new(),
            taken: None,
            child: None,
            begun: false,
            release: None,
            saying: FuturesUnordered::new(),
            labelling: None,
            signals,
            signals_seen: 0,
        }
    }

    /// To its end; what a next grant of this process may replace at once.
    pub async fn run(mut self) -> Option<Record> {
        let sent_at = vec![self.grant.sent_at];
        let mut outcome = self.feed(Event::Acquired { sent_at });
        while outcome.is_none() {
            let happened = self.next().await;
            // A frozen process learns of it late.
            self.actor.clock.thawed().await;
            outcome = self.handle(happened);
        }
        let name = &self.actor.name;
        self.actor.world.note(format!("{name} ends: {outcome:?}"));
        let now = self.actor.clock.now();
        self.grant.replaceable(now).cloned()
    }

    async fn next(&mut self) -> Happened {
        let Self {
            actor,
            machine,
            renewals,
            watcher,
            reads,
            child,
            release,
            saying,
            labelling,
            signals,
            signals_seen,
            grant,
            ..
        } = self;
        let version = grant.record.resource_version();
        tokio::select! {
            biased;
            () = actor.clock.reached(machine.wake_at()) => Happened::Event(Event::Woken),
            news = news(child) => Happened::News(news),
            renewal = renewals.next() => Happened::Renewal(renewal),
            returned = pending(release) => Happened::Returned(returned),
            Some(said) = saying.next() => Happened::StopSaid(said),
            event = pending(labelling) => Happened::Event(event),
            signal = next_signal(signals, signals_seen) => Happened::Signal(signal),
            Some((asked_at, read)) = reads.next() => Happened::Read(asked_at, read),
            hint = watcher.hint(&actor.api, &actor.clock, version), if actor.watches => Happened::Hint(hint),
        }
    }

    fn handle(&mut self, happened: Happened) -> Option<Outcome> {
        match happened {
            Happened::Event(event) => {
                if !matches!(event, Event::Woken) {
                    self.labelling = None;
                }
                self.feed(event)
            }
            Happened::Signal(FOR_COMMAND) => self.feed(Event::SignalForCommand(FOR_COMMAND)),
            Happened::Signal(signal) => self.feed(Event::Signal(signal)),
            Happened::News(news) => {
                if matches!(news, News::NotStarted | News::Gone | News::Detached) {
                    self.child = None;
                }
                self.feed(match news {
                    News::NotStarted => Event::NotStarted,
                    News::Ended(ended) => Event::ChildExited(ended),
                    News::Fenced => Event::Fenced,
                    News::Gone => Event::TreeGone,
                    News::Detached => Event::Detached,
                    News::WatchdogDied => Event::WatchdogDied,
                })
            }
            Happened::Renewal(Renewal::Renewed(_)) => self.acknowledged(),
            Happened::Renewal(Renewal::Lost(loss)) => self.feed(Event::RenewalLost(loss)),
            Happened::Renewal(Renewal::Failed(fault)) => self.feed(Event::RenewalFailed {
                why: fault.to_string(),
                retry_after: fault.retry_after(),
            }),
            Happened::Returned(returned) => self.returned(returned),
            Happened::StopSaid(said) => {
                (self.actor.world.server().checker.reached).acknowledged(&said);
                self.feed(Event::StoppedSaid)
            }
            Happened::Read(asked_at, Ok(seen)) => self.seen(seen, Some(asked_at)),
            Happened::Hint(Hint::Lease(record)) => {
                let at = self.actor.clock.now();
                let seen = Observation::first(record, at, None);
                self.seen(Seen::Lease(seen), None)
            }
            Happened::Hint(Hint::ReadAgain | Hint::Quiet) => {
                self.read_again();
                None
            }
            Happened::Read(_, Err(_)) | Happened::Hint(Hint::Refused | Hint::Watching) => None,
        }
    }

    fn feed(&mut self, event: Event) -> Option<Outcome> {
        let now = self.actor.clock.now();
        let (state, tree) = self.machine.stands();
        let state = state.clone();
        let effects = self.machine.handle(event.clone(), now);
        {
            let world = &self.actor.world;
            (world.server().checker.reached).machine((&state, tree), &event, &effects);
            if !effects.is_empty() {
                let name = &self.actor.name;
                world.note(format!(
                    "{name} {state:?}, {tree:?}: {event:?}: {effects:?}"
                ));
            }
        }
        effects.into_iter().find_map(|effect| self.perform(effect))
    }

    fn perform(&mut self, effect: Effect) -> Option<Outcome> {
        match effect {
            Effect::Start => self.start(),
            Effect::Renew(_, limit) => {
                let until = self.grant.sent_at + self.timing.renew_deadline;
                self.renewals.begin(limit, until);
            }
            Effect::Forward(signal) => self.tell(Order::Forward(signal)),
            Effect::StopTree => self.tell(Order::Stop),
            Effect::KillTree => {
                if let Some(child) = &self.child {
                    child.kill();
                }
            }
            Effect::SetLabel => self.label(|label| match label.sets {
                true => (label.set_after, Event::LabelSet),
                false => (label.set_after, Event::LabelNotSet),
            }),
            Effect::ClearLabel => self.label(|label| (label.clear_after, Event::LabelOff)),
            Effect::LeaveLabel => self.labelling = None,
            Effect::Release(_) => self.give_back(),
            Effect::SayStopped(_) => {
                let (operations, taken) = (self.operations, self.taken.take());
                let grant = self.renewals.grant().clone();
                let said = async move { operations.say_stopped(&grant, taken).await };
                self.saying.push(said.boxed_local());
            }
            Effect::SayLost(..) => self.actor.world.server().checker.counts.add(Counted::Loss),
            Effect::SayRenewalFailed(..) | Effect::SayUnkilled => {}
            Effect::Finish(outcome) => return Some(outcome),
        }
        None
    }

    fn tell(&self, order: Order) {
        if let Some(child) = &self.child {
            child.tell(order);
        }
    }

    fn label(&mut self, what: impl FnOnce(Labelling) -> (u64, Event)) {
        let Some(label) = self.job.label else { return };
        let (after, event) = what(label);
        let clock = self.actor.clock.clone();
        let labelled = async move {
            clock.sleep_until(clock.now() + millis(after)).await;
            event
        };
        self.labelling = Some(labelled.boxed_local());
    }

    fn start(&mut self) {
        let Some(behaviour) = self.job.command else {
            return;
        };
        let clock = self.actor.clock.of_another_process();
        let child = Child::start(Start {
            world: self.actor.world.clone(),
            client: self.actor.client,
            clock: clock.clone(),
            token: self.grant.fencing_token.clone(),
            timing: self.timing,
            sent_at: self.machine.sent_at(),
            behaviour,
            detaches: self.job.detaches,
        });
        self.begun = behaviour.starts;
        let mut processes = self.actor.world.processes.borrow_mut();
        if let Some(processes) = processes.get_mut(&self.actor.client) {
            processes.watchdog = Some((child.watchdog.clone(), clock));
        }
        drop(processes);
        self.child = Some(child);
    }

    fn give_back(&mut self) {
        let now = self.actor.clock.now();
        let patience = self.timing.duration.min(Duration::from_secs(5));
        let limits = Limits {
            deadline: Some(
                (self.grant.expires_at())
                    .max(now + Duration::from_secs(1))
                    .min(now + patience),
            ),
            insist: true,
            ..patient()
        };
        self.renewals.stop();
        self.grant = self.renewals.grant().clone();
        let (operations, grant) = (self.operations, self.grant.clone());
        let unused = !self.begun && self.job.command.is_some();
        if grant.is_beside_another(now) || unused && grant.keeps_others_out(now) {
            self.release = Some(std::future::ready(None).boxed_local());
            return;
        }
        let returned = async move {
            let returned = operations.give_grant_back(&grant, &limits, &|_| ()).await;
            Some(returned)
        };
        self.release = Some(returned.boxed_local());
    }

    fn returned(&mut self, returned: Option<Returned>) -> Option<Outcome> {
        self.release = None;
        let given = match returned {
            Some(Returned::Freed(_)) => Given::Freed,
            Some(Returned::Lost(loss)) => {
                (self.actor.world.server().checker.reached).lost("at its release", &loss);
                Given::Lost(loss)
            }
            Some(Returned::Unsettled(_)) | None => Given::Unknown,
        };
        self.feed(Event::Released(given))
    }

    /// A renewal was stored, by its reply or by what was seen.
    fn acknowledged(&mut self) -> Option<Outcome> {
        self.grant = self.renewals.grant().clone();
        let sent_at = self.grant.sent_at;
        let outcome = self.feed(Event::Renewed { sent_at });
        if self.machine.is_held() {
            let sent_at = self.machine.sent_at();
            let deadline = self.actor.clock.true_at(sent_at + self.timing.dead_after);
            (self.actor.world.server().checker).prolong(self.actor.client, deadline);
            self.tell(Order::Held(sent_at));
        }
        outcome
    }

    fn read_again(&mut self) {
        if self.reads.len() >= 3 {
            return;
        }
        let limit = (self.timing.duration / 2).min(READ_LIMIT);
        let (operations, asked_at) = (self.operations, self.actor.clock.now());
        let read = async move { (asked_at, operations.read(None, limit).await) };
        self.reads.push(read.boxed_local());
    }

    /// What a watch event shows, or a read that was begun at `asked_at`.
    fn seen(&mut self, seen: Seen, asked_at: Option<Instant>) -> Option<Outcome> {
        let had_duration = self.grant.record.duration().is_some();
        let outcome = match self.renewals.shown(&seen, asked_at) {
            Shown::Renewed => self.acknowledged(),
            Shown::Lost(loss) => {
                if let Seen::Lease(found) = &seen {
                    self.taken = Some(found.record().clone());
                }
                return self.feed(Event::RecordChanged(loss));
            }
            Shown::Same => {
                self.grant = self.renewals.grant().clone();
                None
            }
        };
        let has_duration = self.grant.record.duration().is_some();
        match outcome {
            None if had_duration && !has_duration => self.feed(Event::DurationGone),
            outcome => outcome,
        }
    }
}

async fn news(child: &mut Option<Child>) -> News {
    match child {
        Some(child) => child.news().await,
        None => std::future::pending().await,
    }
}

async fn pending<T>(future: &mut Option<LocalBoxFuture<'_, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn next_signal(signals: &mut watch::Receiver<Vec<i32>>, seen: &mut usize) -> i32 {
    match signals.wait_for(|all| all.len() > *seen).await {
        Ok(all) => {
            let signal = all[*seen];
            *seen += 1;
            signal
        }
        Err(_) => std::future::pending().await,
    }
}
