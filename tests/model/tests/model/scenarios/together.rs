//! Several Leases together, each in a world of its own, under one clock for each actor: all or none, nobody inside beside
//! another, no ghosts, and nobody waits for ever.

use std::rc::Rc;
use std::time::Duration;

use lease_model::clock::Clock;
use lease_model::lease::operate::together::{Missed, NotAll, Part, acquire_all};
use lease_model::lease::operate::{End, Fate, Grant, Held, Limits, Progress};
use tokio::task::spawn_local;

use crate::actor::{Actor, interrupted, patient};
use crate::checker::{Counts, Event, Purpose};
use crate::clock::TrueTime;
use crate::random::{one_of, outside_events, random_actors, random_limits, randomize};
use crate::stay::Leave;
use crate::world::World;
use crate::{millis, secs, simulate, sleep};

const LEASES: usize = 3;
const SEEDS: u64 = 40;

/// Acquires all of the Leases of these worlds, as one actor; a failure must leave nothing behind.
async fn acquire(
    actors: &[Actor],
    duration: Option<u32>,
    limits: &Limits,
) -> Result<Vec<Grant>, NotAll<()>> {
    let calls: Vec<u64> = actors
        .iter()
        .map(|actor| actor.api.begin(Purpose::Acquire))
        .collect();
    let terms: Vec<_> = actors.iter().map(|actor| actor.terms(duration)).collect();
    let report = |actor: &Actor, progress: Progress| {
        actor.said.borrow_mut().push((actor.world.now(), progress));
    };
    let reports: Vec<_> = actors
        .iter()
        .map(|actor| move |progress| report(actor, progress))
        .collect();
    let all = actors.iter().zip(&terms).zip(&reports);
    let parts: Vec<_> = all
        .map(|((actor, terms), report)| Part {
            line: None,
            operations: &*actor.operations,
            terms,
            report,
        })
        .collect();
    let kept = async |held: Held<'_>| Ok::<_, ()>(held.answer_for());
    let acquired = acquire_all(&parts, limits, kept).await;
    for actor in actors {
        actor.api.begin(Purpose::Keep);
    }
    if let Err(NotAll { why, fates }) = &acquired {
        for (number, (actor, call)) in actors.iter().zip(calls).enumerate() {
            actor
                .world
                .note(format!("{} acquire failed: {why:?}, {fates:?}", actor.name));
            let open = matches!(why, Missed::Ungranted(at, End::Unsettled { .. } | End::Kept(_)) if *at == number);
            let held = |fate: &Fate| matches!(fate, Fate::Open(_) | Fate::Kept | Fate::Shields);
            let held = fates.iter().any(|(of, fate)| *of == number && held(fate));
            let (stored, now) = (actor.world.record(), actor.world.now());
            let checker = &mut actor.world.server().checker;
            let call = (actor.client, call);
            checker.failed(now, call, &actor.name, stored.as_ref(), !open && !held);
        }
    }
    acquired
}

/// Stays inside all of them for `span`; whether it was to the end.
async fn stay(actors: &[Actor], grants: Vec<Grant>, span: Duration, leave: Leave) -> bool {
    let stays = actors.iter().cloned().zip(grants);
    let stays: Vec<_> = stays
        .map(|(actor, grant)| spawn_local(async move { actor.stay(grant, span, leave).await }))
        .collect();
    let mut whole = true;
    for stay in stays {
        whole &= stay.await.expect("no stay panics");
    }
    whole
}

fn worlds(seed: u64) -> Vec<Rc<World>> {
    (0..LEASES as u64)
        .map(|n| World::new(seed * 10 + n))
        .collect()
}

/// Three free Leases of `duration` seconds and three actors whose clocks are exact.
fn scenario<T>(duration: u32, script: impl AsyncFnOnce(Vec<Rc<World>>, [Vec<Actor>; 3]) -> T) -> T {
    simulate(1, async {
        let worlds = worlds(1);
        worlds.iter().for_each(|world| world.create(duration));
        let actors = [0, 1, 2].map(|client| {
            let actor = Actor::exact(&worlds[0], client);
            worlds.iter().map(|world| actor.in_world(world)).collect()
        });
        let result = script(worlds.clone(), actors).await;
        worlds.iter().for_each(|world| world.assert_no_violations());
        result
    })
}

fn holders(worlds: &[Rc<World>]) -> Vec<String> {
    let all = worlds.iter().map(|world| world.holder());
    all.map(Option::unwrap_or_default).collect()
}

#[test]
fn what_is_held_is_renewed_for_as_long_as_another_is_waited_for_and_is_fresh_at_the_end() {
    scenario(5, async |worlds, [me, other, _]| {
        let taken = other[1].take(Some(5)).await;
        let _holding = other[1].hold(taken, 100.0);
        let (mine, started) = (me.clone(), worlds[0].now());
        let waits = spawn_local(async move { acquire(&mine, None, &patient()).await });
        sleep(60.0).await;
        assert_eq!(holders(&worlds), ["actor-0", "actor-1", ""]);
        let grants = waits.await.expect("no panic").expect("all");
        let waited = worlds[0].now() - started;
        assert!(waited > secs(100.0) && waited < secs(106.0), "{waited:?}");
        let now = me[0].clock.now();
        assert!(
            grants
                .iter()
                .all(|grant| now.since(grant.sent_at) < secs(0.6))
        );
        // The grant of the first is the one that it began with.
        let transitions = worlds[0].record().map(|record| record.transitions());
        assert_eq!(transitions, Some(1));
        assert!(stay(&me, grants, secs(1.0), Leave::Release).await);
        assert_eq!(holders(&worlds), ["", "", ""]);
    });
}

#[test]
fn a_dead_holder_of_all_is_waited_for_once_and_one_that_still_renews_is_not_cut_short() {
    scenario(5, async |worlds, [me, dead, alive]| {
        let _first = dead[0].take(Some(5)).await;
        let _second = dead[1].take(Some(5)).await;
        let taken = alive[2].take(Some(5)).await;
        let holding = alive[2].hold(taken, 8.0);
        let started = worlds[0].now();
        let acquire = spawn_local(async move { acquire(&me, None, &patient()).await });
        sleep(6.5).await;
        assert_eq!(holders(&worlds), ["actor-0", "actor-0", "actor-2"]);
        let grants = acquire.await.expect("no panic").expect("all");
        let waited = worlds[0].now() - started;
        assert!(waited > secs(8.0) && waited < secs(13.5), "{waited:?}");
        assert_eq!(grants.len(), LEASES);
        drop(holding);
    });
}

#[test]
fn at_whatever_time_a_signal_comes_nothing_is_left_held() {
    // The first requests take a few milliseconds each.
    let while_asking = (0..60).map(|step| f64::from(step) / 500.0);
    let while_waiting = (0..20).map(|step| f64::from(step) / 5.0);
    for after in while_asking.chain(while_waiting) {
        scenario(5, async |worlds, [me, other, _]| {
            let taken = other[2].take(Some(5)).await;
            let _holding = other[2].hold(taken, 1.5);
            let limits = interrupted(2, &[after]);
            let acquired = acquire(&me, None, &limits).await;
            let ended = acquired.map_err(|not| not.why);
            assert!(
                matches!(ended, Err(Missed::Ungranted(_, End::Interrupted(2)))),
                "{after}: {ended:?}"
            );
            assert_eq!(holders(&worlds)[..2], ["", ""]);
        });
    }
}

#[test]
fn whoever_names_them_in_one_order_is_never_both_inside_nor_stuck_whatever_clocks_and_requests_do()
{
    let mut total = Counts::default();
    let mut again = 0;
    for seed in 0..SEEDS {
        let (counts, lost) = play(seed);
        total.add_all(&counts);
        again += lost;
    }
    assert!(total.of(Event::Grant) > SEEDS * 20, "{total:?}");
    assert!(total.of(Event::Takeover) > SEEDS / 2, "{total:?}");
    assert!(
        again > 5,
        "hardly one was lost while another was waited for: {again}, {total:?}"
    );
}

/// Plays a seed; what happened, and how often a lease was lost while another was waited for.
fn play(seed: u64) -> (Counts, usize) {
    simulate(seed, async move {
        let worlds = worlds(seed);
        worlds.iter().for_each(|world| randomize(world));
        let actors: Vec<Vec<Actor>> = random_actors(&worlds[0])
            .iter()
            .map(|actor| worlds.iter().map(|world| actor.in_world(world)).collect())
            .collect();
        let faults_end = secs(30.0);
        let outside: Vec<_> = (worlds.iter().enumerate())
            .map(|(number, world)| {
                let here = actors.iter().map(|actor| actor[number].clone()).collect();
                spawn_local(outside_events(world.clone(), here, faults_end))
            })
            .collect();
        let lives: Vec<_> = (actors.iter())
            .map(|actor| spawn_local(live(actor.clone(), faults_end)))
            .collect();
        for life in lives {
            let ended = tokio::time::timeout(secs(900.0), life).await;
            assert!(
                matches!(ended, Ok(Ok(()))),
                "seed {seed}: {}",
                stories(&worlds)
            );
        }
        outside.iter().for_each(|outside| outside.abort());
        // What is still under way must not land any more.
        sleep(20.0).await;
        let mut counts = Counts::default();
        for world in &worlds {
            let checker = &world.server().checker;
            assert!(
                checker.violations.is_empty(),
                "seed {seed}: {}",
                checker.story()
            );
            counts.add_all(&checker.counts);
        }
        let said = actors.iter().flatten().map(|actor| {
            let said = actor.said.borrow();
            let lost = said
                .iter()
                .filter(|(_, said)| matches!(said, Progress::LostAgain(_)));
            lost.count()
        });
        (counts, said.sum())
    })
}

fn stories(worlds: &[Rc<World>]) -> String {
    let all = worlds.iter().map(|world| world.server().checker.story());
    all.collect::<Vec<_>>().join("\n---\n")
}

/// Gets into some of them again and again; once more into all after the faults, and then it is content.
async fn live(mut actors: Vec<Actor>, faults_end: TrueTime) {
    loop {
        let calm = actors[0].world.now() >= faults_end;
        let mut rng = actors[0].world.server().rng.fork();
        let pause = millis(rng.u64(0..1500));
        let clock = actors[0].clock.clone();
        clock.sleep_until(clock.now() + pause).await;
        actors = actors.iter().map(Actor::restarted).collect();
        let duration = one_of(&mut rng, &[None, Some(2), Some(3), Some(6), Some(12)]);
        if calm {
            if let Ok(grants) = acquire(&actors, duration, &patient()).await
                && stay(&actors, grants, millis(300), Leave::Release).await
            {
                return;
            }
            continue;
        }
        let (limits, span) = (
            random_limits(&actors[0], &mut rng),
            millis(rng.u64(0..6000)),
        );
        let leave = one_of(&mut rng, &[Leave::Crash, Leave::Release, Leave::Release]);
        // Only one of them steals.
        let robbed = rng.usize(0..LEASES);
        if actors[0].client == 0 && rng.bool() && actors[robbed].world.record().is_some() {
            if let Ok(grant) = actors[robbed].steal(duration, &limits).await {
                actors[robbed].stay(grant, span, leave).await;
            }
            continue;
        }
        let some: Vec<Actor> = actors
            .iter()
            .filter(|_| rng.u8(0..4) > 0)
            .cloned()
            .collect();
        if !some.is_empty()
            && let Ok(grants) = acquire(&some, duration, &limits).await
        {
            stay(&some, grants, span, leave).await;
        }
    }
}
