//! Plays a history: what came of it, and which rule was broken first.

use std::rc::Rc;

use lease_model::clock::Clock;
use lease_model::lease::decide::AcquireTerms;
use lease_model::lease::operate::{End, Grant, Limits};
use lease_model::lease::record::Record;
use tokio::task::spawn_local;

use super::events::happen;
use super::{ActorChoices, History, How, Life, Then};
use crate::actor::{Actor, interrupted, patient};
use crate::checker::Counts;
use crate::clock::TrueTime;
use crate::faults::FaultRates;
use crate::process::hold;
use crate::reached::Reached;
use crate::server::Date;
use crate::stay::Leave;
use crate::world::World;
use crate::{millis, secs, simulate, sleep};

/// What came of a history.
pub struct Ended {
    pub counts: Counts,
    pub reached: Reached,
    /// The first violation, and what came before it.
    pub broken: Option<Broken>,
}

/// A rule was broken.
#[derive(Clone, Debug)]
pub struct Broken {
    pub violation: String,
    pub story: String,
}

impl Broken {
    /// When that was, if it can be earlier in a shorter history; an actor without progress is one only at the end.
    pub fn at(&self) -> Option<TrueTime> {
        let at = self.violation.split_whitespace().next()?;
        let is_of_its_time = !self.violation.contains("no progress");
        is_of_its_time.then(|| secs(at.parse().expect("a time")))
    }

    /// The same for all violations of one rule: who it was and when plays no part.
    pub fn rule(&self) -> String {
        let (_, what) = (self.violation.split_once("VIOLATION ")).unwrap_or_default();
        let words = what.split_whitespace().take(6);
        let bare = words.map(|word| word.replace(|c: char| c.is_ascii_digit(), ""));
        bare.collect::<Vec<_>>().join(" ")
    }
}

/// Plays it to its end, or until a rule is broken.
pub fn play(history: &History) -> Ended {
    play_for(history, None)
}

/// The same for so long at most.
pub fn play_for(history: &History, most: Option<TrueTime>) -> Ended {
    let history = history.clone();
    simulate(history.seed, async move {
        let world = World::new(history.seed);
        begin(&world, &history);
        let lives: Vec<_> = (history.actors.iter())
            .map(|choices| (actor(&world, choices), choices.clone()))
            .collect();
        let actors: Rc<[Actor]> = lives.iter().map(|(actor, _)| actor.clone()).collect();
        let mut around = Vec::new();
        for event in history.events.iter().copied() {
            let happens = happen(world.clone(), actors.clone(), event, history.unprotected);
            around.push(spawn_local(happens));
        }
        let calm_from = history.calm_from;
        around.push(spawn_local(calm(world.clone(), calm_from)));
        let lives: Vec<_> = lives
            .into_iter()
            .map(|(actor, choices)| spawn_local(live(actor, choices.lives, calm_from)))
            .collect();
        let all = async {
            for life in lives {
                // In calm each must get in once more: at worst after all the others, each with a crash before it.
                let ended = tokio::time::timeout(millis(calm_from) + secs(600.0), life).await;
                if !matches!(ended, Ok(Ok(()))) && !world.is_broken() {
                    world.violation("an actor makes no progress though nothing fails");
                }
            }
            // What is still under way must not land any more.
            sleep(21.0).await;
        };
        let most = most.unwrap_or(TrueTime::MAX);
        tokio::select! {
            biased;
            () = all => {}
            () = tokio::time::sleep(most) => {}
            () = world.broken() => {}
        }
        around.iter().for_each(|event| event.abort());
        let checker = &world.server().checker;
        let violation = checker.violations.first().cloned();
        Ended {
            counts: checker.counts.clone(),
            reached: checker.reached.clone(),
            broken: violation.map(|violation| Broken {
                violation,
                story: checker.story(),
            }),
        }
    })
}

fn begin(world: &World, history: &History) {
    let choices = &history.server;
    {
        let server = &mut *world.server();
        server.version = choices.version;
        server.restamps = choices.restamps;
        server.date = choices.date.map_or(Date::Missing, Date::Off);
        server.skew = millis(choices.skew);
        server.refuses_dry_run = choices.refuses_dry_run;
        server.observed_only = choices.observed_only;
        server.wrong = choices.wrong;
        server.checker.holders_are_fair_game = history.unprotected;
        server.plan.rates = FaultRates {
            latency: choices.latency.max(1),
            late: choices.late,
            ..FaultRates::default()
        };
        let faults = history.faults.iter();
        let faults = faults.map(|one| ((one.client, one.verb, one.nth), one.fault));
        server.plan.numbered = faults.collect();
        let watches = history.watches.iter();
        let watches = watches.map(|one| ((one.client, one.nth), one.fault));
        server.plan.numbered_watches = watches.collect();
    }
    if choices.duration > 0 {
        world.create(choices.duration);
    }
}

fn actor(world: &Rc<World>, choices: &ActorChoices) -> Actor {
    Actor {
        watches: choices.watches,
        lingers: millis(choices.lingers),
        ..Actor::new(world, choices.client, choices.rate, choices.wall)
    }
}

async fn calm(world: Rc<World>, from: u64) {
    tokio::time::sleep(millis(from)).await;
    if world.recorded_secs().is_none() {
        // What has no duration never expires, and its holder may be dead.
        world.edit_spec("leaseDurationSeconds", 5);
    }
    let plan = &mut world.server().plan;
    plan.numbered.clear();
    plan.numbered_watches.clear();
    plan.outages.clear();
    plan.rates.late = 0;
}

/// Lives these, and once more when nothing fails any more.
async fn live(actor: Actor, lives: Vec<Life>, calm_from: u64) {
    let mut ended = None;
    let world = actor.world.clone();
    for life in lives {
        if world.now() >= millis(calm_from) || world.is_broken() {
            break;
        }
        ended = once(&actor, life, ended).await.1;
    }
    let left = millis(calm_from).saturating_sub(world.now());
    tokio::time::sleep(left).await;
    let last = Life {
        pause: 0,
        how: How::Acquire,
        duration: None,
        within: None,
        interrupted: None,
        fresh: true,
        then: Then::Stay {
            span: 500,
            leave: Leave::Release,
        },
    };
    while !world.is_broken() && !once(&actor, last, None).await.0 {}
}

/// Whether it was inside to the end, and the grant that a next life of this process can replace at once.
async fn once(actor: &Actor, life: Life, ended: Option<Record>) -> (bool, Option<Record>) {
    let clock = &actor.clock;
    clock.sleep_until(clock.now() + millis(life.pause)).await;
    let actor = &actor.restarted();
    let limits = Limits {
        deadline: life.within.map(|span| actor.clock.now() + millis(span)),
        once: life.within.is_some_and(|span| span < 500),
        ..match life.interrupted {
            Some(after) => interrupted(2, &[millis(after).as_secs_f64()]),
            None => patient(),
        }
    };
    let granted = get_in(actor, life, ended.filter(|_| !life.fresh), &limits).await;
    let Ok(grant) = granted else {
        return (false, None);
    };
    match life.then {
        Then::Stay { span, leave } => {
            let record = grant.record.clone();
            let stayed = actor.stay(grant, millis(span), leave).await;
            let lives_on = !(stayed && leave == Leave::Crash);
            (stayed, lives_on.then_some(record))
        }
        Then::Hold(job) => {
            let held = hold(actor, grant, job).await;
            (held.is_some(), held.flatten())
        }
    }
}

async fn get_in(
    actor: &Actor,
    life: Life,
    ended: Option<Record>,
    limits: &Limits,
) -> Result<Grant, Option<End>> {
    let how = match actor.world.record() {
        Some(_) => life.how,
        None => How::Acquire,
    };
    match how {
        How::Acquire => {
            let terms = AcquireTerms {
                ended,
                ..actor.terms(life.duration)
            };
            actor.acquire(&terms, limits).await.map_err(Some)
        }
        How::Steal => actor.steal(life.duration, limits).await.map_err(Some),
        How::FailOver => {
            // Whoever is next finds it free.
            let stepped_down = actor.fail_over(limits).await;
            Err(stepped_down.err())
        }
    }
}
