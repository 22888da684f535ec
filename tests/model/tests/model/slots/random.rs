//! Random simulations of slots, each from a seed: one contender more than there are slots, or several, and callers that
//! disagree.

use std::rc::Rc;

use fastrand::Rng;
use lease_model::clock::Clock;
use tokio::task::spawn_local;

use super::{Contender, Pool};
use crate::actor::patient;
use crate::checker::{Counts, Event};
use crate::clock::{SimulatedClock, TrueTime};
use crate::random::{
    Played, any_wall, one_of, outside_events, play_all, random_limits, randomize, seeds,
};
use crate::stay::Leave;
use crate::{millis, secs, simulate, sleep};

/// How many random pools are played.
const SEEDS: u64 = 60;

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
