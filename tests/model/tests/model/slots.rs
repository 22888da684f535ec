//! Slots: a server for each, one more holder than there are slots or several, and whatever clocks and requests do.

use std::cell::RefCell;
use std::rc::Rc;

use fastrand::Rng;
use lease_model::clock::Clock;
use lease_model::lease::decide::SlotsTerms;
use lease_model::lease::operate::{
    End, Ended, Grant, Held, Limits, Operations, Progress, SlotEnded, SlotOperations,
};
use lease_model::lease::record::SLOT_OF_LABEL;
use lease_model::lease::values::Slots;
use serde_json::json;
use tokio::task::{JoinHandle, spawn_local};

use crate::actor::{Actor, READ_LIMIT, interrupted, patient};
use crate::api::{SimulatedApi, Together};
use crate::checker::{Counts, Event, Purpose};
use crate::clock::{SimulatedClock, TrueTime, Wall};
use crate::faults::{RequestFault, Verb, WatchFault};
use crate::random::{
    Played, any_wall, one_of, outside_events, play_all, random_limits, randomize, seeds,
};
use crate::stay::Leave;
use crate::world::World;
use crate::{millis, secs, simulate, sleep};

/// How many random pools are played.
const SEEDS: u64 = 60;

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
        let kept = async |_: &_, held: Held<'_>| Ok::<_, ()>(held.answer_for());
        let acquired = self.operations.acquire(terms, limits, &report, kept).await;
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

#[test]
fn of_one_contender_more_than_slots_all_get_in_500_times_and_each_slot_has_one_at_a_time() {
    simulate(7, async {
        let pool = Pool::new(7, 3);
        pool.create_all(5);
        let lives = (0..4).map(|client| {
            let pool = pool.clone();
            spawn_local(async move {
                let contender = Contender::exact(&pool, client, &format!("actor-{client}"));
                for _ in 0..125 {
                    let terms = contender.terms(None);
                    let granted = contender.acquire(&terms, &patient()).await;
                    let (slot, grant) = granted.expect("a slot");
                    assert!(contender.stay(slot, grant, 2.0, Leave::Release).await);
                }
            })
        });
        let lives: Vec<_> = lives.collect();
        for life in lives {
            life.await.expect("it ends");
        }
        assert_eq!(pool.holders(), [None, None, None]);
        assert!(pool.inside.borrow().1 >= 3, "they were never all in use");
        pool.assert_no_violations();
    });
}

#[test]
fn a_slot_whose_holder_is_dead_is_taken_by_proof_while_all_are_waited_for_by_one_watch_each() {
    simulate(3, async {
        let pool = Pool::new(3, 3);
        pool.create_all(6);
        let mut others = Vec::new();
        for client in 0..3 {
            let contender = Contender::exact(&pool, client, &format!("other-{client}"));
            let (slot, grant) = contender
                .acquire(&contender.terms(None), &patient())
                .await
                .expect("one is free");
            // The first of them is silent from now on, the others are renewed.
            let (span, leave) = match client {
                0 => (0.0, Leave::Crash),
                _ => (60.0, Leave::Release),
            };
            others.push((
                slot,
                spawn_local(async move { contender.stay(slot, grant, span, leave).await }),
            ));
        }
        let waiter = Contender::exact(&pool, 9, "waiter").spawn();
        sleep(0.5).await;
        assert!(!waiter.is_finished());
        let (waiter, granted, at) = waiter.await.expect("a result");
        let (slot, _) = granted.expect("a slot");
        assert_eq!(slot, others[0].0);
        let at = at.as_secs_f64();
        assert!((6.0..6.5).contains(&at), "{at}");
        // Their servers are three here; what changed was not asked for.
        assert_eq!(pool.requests(9, Verb::Watch), 3);
        assert_eq!(pool.requests(9, Verb::Get), 3);
        let said = waiter.said.borrow();
        assert!(matches!(said[..], [Progress::Waiting { .. }]), "{said:?}");
        pool.assert_no_violations();
    });
}

#[test]
fn a_grant_whose_reply_is_lost_or_late_is_recognised_and_no_other_slot_is_written_meanwhile() {
    for fault in [
        RequestFault::LostReply,
        RequestFault::LostRequest,
        RequestFault::ResetAfterDone(millis(20)),
        RequestFault::ServerError { done: true },
        RequestFault::DoneThenRefused(0),
        RequestFault::DoneLate {
            done: millis(900),
            reset: Some(millis(3)),
        },
        RequestFault::DoneLate {
            done: secs(7.0),
            reset: None,
        },
    ] {
        for there in [true, false] {
            simulate(5, async {
                let pool = Pool::new(5, 3);
                if there {
                    pool.create_all(15);
                }
                for world in &pool.worlds {
                    for verb in [Verb::Create, Verb::Replace] {
                        world.fail(0, verb, [fault]);
                    }
                }
                let contender = Contender::exact(&pool, 0, "actor");
                let granted = contender.acquire(&contender.terms(None), &patient()).await;
                let (slot, _) = granted.expect("a slot");
                sleep(30.0).await;
                let held: Vec<usize> = (0..3)
                    .filter(|slot| pool.worlds[*slot].holder().is_some())
                    .collect();
                assert_eq!(held, [slot], "{fault:?} {there}");
                pool.assert_no_violations();
            });
        }
    }
}

#[test]
fn who_is_interrupted_with_a_write_on_its_way_leaves_nothing_in_any_slot() {
    for done in [0.3, 4.5, 16.0, 300.0] {
        simulate(6, async {
            let pool = Pool::new(6, 2);
            pool.create_all(15);
            for world in &pool.worlds {
                let late = RequestFault::DoneLate {
                    done: secs(done),
                    reset: None,
                };
                world.fail_replace(0, [late]);
            }
            let contender = Contender::exact(&pool, 0, "actor");
            let limits = interrupted(2, &[1.0]);
            let granted = contender.acquire(&contender.terms(None), &limits).await;
            // Answered in time, it was a grant before the signal.
            let ended = granted.map(|(slot, _)| slot).map_err(|ended| ended.ended);
            assert!(
                done < 1.0 && ended.is_ok()
                    || matches!(ended, Err(Ended::Ungranted(End::Interrupted(2)))),
                "{ended:?}"
            );
            sleep(400.0).await;
            if ended.is_err() {
                assert_eq!(pool.holders(), [None, None]);
            }
            pool.assert_no_violations();
        });
    }
}

#[test]
fn a_slot_that_is_released_is_noticed_whatever_is_wrong_with_the_watch() {
    for (fault, within) in [
        (WatchFault::None, 0.3),
        (WatchFault::Silent, 17.0),
        (WatchFault::NeverOpens, 17.0),
        (WatchFault::Denied, 1.5),
        (WatchFault::Doubling, 0.3),
        (WatchFault::Dropping, 17.0),
        (WatchFault::EndsAfter(millis(200)), 1.5),
        (WatchFault::BreaksAfter(millis(200)), 1.5),
        (WatchFault::Gone, 1.5),
    ] {
        simulate(4, async {
            let pool = Pool::new(4, 3);
            pool.create_all(60);
            for client in 0..3 {
                let contender = Contender::exact(&pool, client, &format!("other-{client}"));
                let terms = contender.terms(None);
                let granted = contender.acquire(&terms, &patient()).await;
                let (slot, grant) = granted.expect("one is free");
                spawn_local(async move {
                    let span = if slot == 1 { 5.0 } else { 50.0 };
                    contender.stay(slot, grant, span, Leave::Release).await
                });
            }
            for world in &pool.worlds {
                world.fail_watches(9, &[fault]);
            }
            let waiter = Contender::exact(&pool, 9, "waiter").spawn();
            let (_, granted, at) = waiter.await.expect("a result");
            assert_eq!(granted.expect("a slot").0, 1);
            let late = at.as_secs_f64() - 5.0;
            assert!((0.0..within).contains(&late), "{fault:?}: {late}");
            pool.assert_no_violations();
        });
    }
}

#[test]
fn of_callers_that_disagree_on_the_number_only_those_of_one_number_ever_get_in() {
    let mut numbers = [0, 0];
    for seed in 0..200 {
        let (winner, alone) = simulate(seed, async {
            let pool = Pool::new(seed, 4);
            randomize(&pool.worlds[0]);
            pool.all_alike();
            let lives = (0..6).map(|client| {
                let pool = pool.clone();
                spawn_local(async move {
                    let world = &pool.worlds[0];
                    let mut rng = world.server().rng.fork();
                    let (count, wall) = (2 + 2 * (client % 2), any_wall(&mut rng));
                    let clock = SimulatedClock::new(world.began, 1_000_000, wall, &mut rng);
                    let mut granted = false;
                    for life in 0..3 {
                        tokio::time::sleep(millis(rng.u64(0..40))).await;
                        let name = format!("actor-{client}-{life}");
                        let one = Contender::of(&pool, count, client, &name, &clock);
                        let limits = one.each[0].within(8.0);
                        if let Ok((slot, grant)) = one.acquire(&one.terms(Some(15)), &limits).await
                        {
                            granted = true;
                            one.stay(slot, grant, 1.0, Leave::Release).await;
                        }
                    }
                    granted.then_some(count)
                })
            });
            let lives: Vec<_> = lives.collect();
            let mut counts = Vec::new();
            for life in lives {
                counts.extend(life.await.expect("it ends"));
            }
            pool.assert_no_violations();
            let first = counts.first().copied();
            (first, counts.iter().all(|count| Some(*count) == first))
        });
        assert!(alone, "both numbers got in, with seed {seed}");
        if let Some(winner) = winner {
            numbers[winner / 2 - 1] += 1;
        }
    }
    assert!(numbers.iter().all(|won| *won > 40), "{numbers:?}");
}

#[test]
fn no_second_slot_is_written_while_a_write_to_the_first_may_still_be_carried_out() {
    simulate(8, async {
        let pool = Pool::new(8, 2);
        pool.create_all(3);
        let contender = Contender::exact(&pool, 0, "actor");
        let holder = "actor".parse().expect("a holder");
        let order: Vec<usize> = pool.slots.order(&holder).collect();
        // The one that it would rather have is a dead holder's, and expires while the write to the other hangs.
        let times = ["acquireTime", "renewTime"];
        for time in times {
            pool.worlds[order[0]].edit_spec(time, "2026-01-01T00:00:00.000000Z");
        }
        pool.worlds[order[0]].edit_spec("holderIdentity", "dead");
        let late = RequestFault::DoneLate {
            done: secs(8.0),
            reset: Some(secs(4.0)),
        };
        pool.worlds[order[1]].fail_replace(0, [late]);
        let terms = contender.terms(Some(15));
        let granted = contender.acquire(&terms, &patient()).await;
        let (slot, _) = granted.expect("a slot");
        sleep(9.0).await;
        let all = pool.worlds.iter();
        let own = all.filter(|world| world.holder().as_deref() == Some("actor"));
        assert_eq!((slot, own.count()), (order[1], 1));
        pool.assert_no_violations();
    });
}

#[test]
fn there_are_never_more_inside_than_slots_and_never_one_in_two_whatever_clocks_and_requests_do() {
    let asked = seeds();
    let total = play_all(asked.clone().unwrap_or(0..SEEDS), play);
    let (grants, takeovers) = (total.of(Event::Grant), total.of(Event::Takeover));
    assert!(
        asked.is_some() || (grants > SEEDS * 5 && takeovers > SEEDS),
        "hardly anything happened: {total:?}"
    );
}

/// Plays a seed; the story is what went wrong.
fn play(seed: u64) -> Played {
    simulate(seed, async move {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(1..=4);
        let contenders = count + rng.usize(1..=2);
        let pool = Pool::new(seed, count);
        randomize(&pool.worlds[0]);
        pool.all_alike();
        for slot in 0..count {
            // Some are there, and of those the first is always one.
            if slot == 0 || rng.bool() {
                pool.create(slot, 5);
            }
        }
        let faults_end = secs(30.0);
        let clocks: Vec<SimulatedClock> = (0..contenders)
            .map(|_| {
                let (rate, wall) = (rng.u64(975_000..=1_025_000), any_wall(&mut rng));
                SimulatedClock::new(pool.worlds[0].began, rate, wall, &mut rng)
            })
            .collect();
        let mut outside = Vec::new();
        for (slot, world) in pool.worlds.iter().enumerate() {
            let actors = clocks.iter().enumerate().map(|(client, clock)| {
                let contender = Contender::new(&pool, client, "outside", clock);
                contender.each[slot].clone()
            });
            let events = outside_events(world.clone(), actors.collect(), faults_end);
            outside.push(spawn_local(events));
        }
        let lives: Vec<_> = (clocks.iter().enumerate())
            .map(|(client, clock)| {
                let rng = rng.fork();
                spawn_local(live(pool.clone(), client, clock.clone(), rng, faults_end))
            })
            .collect();
        for life in lives {
            let ended = tokio::time::timeout(secs(600.0), life).await;
            if !matches!(ended, Ok(Ok(()))) {
                pool.worlds[0].violation("an actor makes no progress though nothing fails");
            }
        }
        outside.iter().for_each(|events| events.abort());
        sleep(20.0).await;
        let mut counts = Counts::default();
        let mut result = Ok(());
        for world in &pool.worlds {
            let checker = &world.server().checker;
            counts.add_all(&checker.counts);
            if !checker.violations.is_empty() {
                result = Err(checker.story());
            }
        }
        (seed, counts, result)
    })
}

/// Gets in again and again, each time as another process; once more after the faults, and then it is content.
async fn live(
    pool: Rc<Pool>,
    client: usize,
    clock: SimulatedClock,
    mut rng: Rng,
    faults_end: TrueTime,
) {
    for life in 0.. {
        let calm = pool.worlds[0].now() >= faults_end;
        let pause = millis(rng.u64(0..1500));
        clock.sleep_until(clock.now() + pause).await;
        // Each process has an identity of its own, and some come again as themselves.
        let is_new = rng.u8(0..3) > 0;
        let name = match is_new {
            true => format!("actor-{client}-{life}"),
            false => format!("actor-{client}"),
        };
        let contender = Contender::new(&pool, client, &name, &clock);
        let duration = one_of(&mut rng, &[None, Some(2), Some(3), Some(6), Some(12)]);
        let leaves = [Leave::Crash, Leave::Release, Leave::Release, Leave::Release];
        let (limits, span, leave) = match calm {
            true => (patient(), 0.5, Leave::Release),
            false => (
                random_limits(&contender.each[0], &mut rng),
                rng.f64() * 9.0,
                one_of(&mut rng, &leaves),
            ),
        };
        let granted = contender.acquire(&contender.terms(duration), &limits).await;
        if let Ok((slot, grant)) = granted {
            for (other, world) in pool.worlds.iter().enumerate() {
                if other != slot && is_new {
                    let holder = world.holder();
                    if holder.as_deref() == Some(&name) {
                        world.violation(format!("{name} has slots {slot} and {other}"));
                    }
                }
            }
            if contender.stay(slot, grant, span, leave).await && calm {
                return;
            }
        }
    }
}
