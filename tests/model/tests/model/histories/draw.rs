//! Draws histories from a seed: what may happen, and how often.

use fastrand::Rng;

use super::{
    ActorChoices, EventChoice, FaultChoice, History, How, Life, ServerChoices, Then, WatchChoice,
    What,
};
use crate::command::Behaviour;
use crate::faults::{Outage, RequestFault, Verb, WatchFault};
use crate::job::{Job, Labelling};
use crate::millis;
use crate::random::{any_wall, one_of};
use crate::stay::Leave;

/// So many requests of each kind and client may go wrong; those after them do not.
const REQUESTS: u64 = 150;

/// The same of a brief history.
const FEW_REQUESTS: u64 = 8;

/// Actors get in again and again, by themselves, on a server of any kind and by a network as bad as any.
pub fn whatever(seed: u64) -> History {
    let rng = &mut Rng::with_seed(seed);
    // Where nobody watches for long, an expiry is proven by stamps.
    let long_pauses = rng.u8(0..4) == 0;
    let calm_from = if long_pauses { 240_000 } else { 30_000 };
    let longest_pause = if long_pauses { 150_000 } else { 1500 };
    let clients = rng.usize(3..=6);
    let life = |rng: &mut Rng, client| {
        let steals = client == 0 && rng.u8(0..3) == 0;
        Life {
            pause: rng.u64(0..longest_pause),
            how: if steals { How::Steal } else { How::Acquire },
            then: stay(rng, 9000),
            ..life(rng)
        }
    };
    let actors = cast(rng, (clients, 10), life, |_| true);
    let events = events(rng, calm_from, |rng| outside(rng, clients));
    drawn(rng, seed, actors, events, calm_from)
}

/// Everybody steals from everybody, and somebody forges the word of who is robbed.
pub fn stealing(seed: u64) -> History {
    let rng = &mut Rng::with_seed(seed);
    let calm_from = 60_000;
    let life = |rng: &mut Rng, _| Life {
        pause: 0,
        how: one_of(
            rng,
            &[
                How::Steal,
                How::Steal,
                How::Steal,
                How::Acquire,
                How::FailOver,
            ],
        ),
        duration: Some(rng.u32(2..4)),
        within: Some(30_000),
        interrupted: None,
        fresh: true,
        then: if rng.u8(0..4) == 0 {
            held(rng)
        } else {
            stay(rng, 5000)
        },
    };
    let actors = cast(rng, (4, 10), life, Rng::bool);
    let events = events(rng, calm_from, |rng| What::ForgeWord { which: rng.u8(..) });
    let mut history = drawn(rng, seed, actors, events, calm_from);
    history.server.duration = 2;
    history
}

/// Supervisors run commands, and whatever can be is frozen or killed. In every third people break the rules.
pub fn holding(seed: u64) -> History {
    let rng = &mut Rng::with_seed(seed);
    let (clients, calm_from) = (rng.usize(2..=3), 20_000);
    let unprotected = rng.u8(0..3) == 0;
    let life = |rng: &mut Rng, _| Life {
        pause: rng.u64(0..500),
        how: one_of(rng, &[How::Acquire, How::Acquire, How::Acquire, How::Steal]),
        duration: Some(one_of(rng, &[2, 2, 3, 4])),
        then: held(rng),
        ..life(rng)
    };
    let actors = cast(rng, (clients, 6), life, |rng| rng.u8(0..4) > 0);
    let events = events(rng, calm_from, |rng| match rng.u8(0..3) {
        0 => outside(rng, clients),
        1 => process(rng, clients),
        _ if unprotected => person(rng),
        _ => process(rng, clients),
    });
    let history = drawn(rng, seed, actors, events, calm_from);
    History {
        unprotected,
        ..history
    }
}

/// Two or three actors for some seconds, which is soon played: thousands of these find what takes few things to go wrong.
pub fn brief(seed: u64) -> History {
    let rng = &mut Rng::with_seed(seed);
    let (clients, calm_from) = (rng.usize(2..=3), 5000);
    let life = |rng: &mut Rng, _| Life {
        pause: rng.u64(0..1000),
        how: one_of(
            rng,
            &[
                How::Acquire,
                How::Acquire,
                How::Acquire,
                How::Steal,
                How::FailOver,
            ],
        ),
        duration: Some(one_of(rng, &[1, 2, 2, 3])),
        then: if rng.bool() {
            held(rng)
        } else {
            stay(rng, 2000)
        },
        ..life(rng)
    };
    let actors = cast(rng, (clients, 2), life, Rng::bool);
    let events = events(rng, calm_from, |rng| match rng.bool() {
        true => outside(rng, clients),
        false => process(rng, clients),
    });
    let history = drawn(rng, seed, actors, events, calm_from);
    History {
        faults: faults(rng, clients, FEW_REQUESTS),
        ..history
    }
}

/// So many actors with so many lives each.
fn cast(
    rng: &mut Rng,
    (clients, lives): (usize, usize),
    life: impl Fn(&mut Rng, usize) -> Life,
    watches: impl Fn(&mut Rng) -> bool,
) -> Vec<ActorChoices> {
    let one = |client| {
        let lives = (0..lives).map(|_| life(rng, client)).collect();
        ActorChoices {
            lives,
            watches: watches(rng),
            ..actor(rng, client)
        }
    };
    (0..clients).map(one).collect()
}

fn drawn(
    rng: &mut Rng,
    seed: u64,
    actors: Vec<ActorChoices>,
    events: Vec<EventChoice>,
    calm_from: u64,
) -> History {
    let faults = faults(rng, actors.len(), REQUESTS);
    let watches = watches(rng, actors.len());
    History {
        seed,
        server: server(rng),
        actors,
        faults,
        watches,
        events,
        calm_from,
        unprotected: false,
    }
}

fn server(rng: &mut Rng) -> ServerChoices {
    let (version, restamps) = match rng.u8(0..6) {
        0..3 => (Some((1, 25 + rng.u32(0..9))), true),
        3 => (None, true),
        _ => (Some((1, rng.u32(18..25))), false),
    };
    let observed_only = rng.u8(0..6) == 0;
    let apart = match observed_only {
        true => 86_400_000,
        false => one_of(rng, &[1, 1000, 30_000]),
    };
    ServerChoices {
        duration: one_of(rng, &[0, 5]),
        version,
        restamps,
        date: match rng.u8(0..5) {
            0 => None,
            1 => Some(rng.i64(-60..=60)),
            2 => Some(rng.i64(-900_000_000..=900_000_000)),
            _ => Some(0),
        },
        skew: rng.u64(0..=apart),
        refuses_dry_run: rng.u8(0..5) == 0,
        observed_only,
        latency: one_of(rng, &[3, 20, 150, 600]),
        late: one_of(rng, &[0, 0, 400, 1200]),
        wrong: None,
    }
}

fn actor(rng: &mut Rng, client: usize) -> ActorChoices {
    ActorChoices {
        client,
        rate: rng.u64(975_000..=1_025_000),
        wall: any_wall(rng),
        watches: true,
        lingers: rng.u64(0..2000),
        lives: Vec::new(),
    }
}

/// Every second life has a deadline, every fourth is interrupted.
fn life(rng: &mut Rng) -> Life {
    Life {
        pause: 0,
        how: How::Acquire,
        duration: one_of(rng, &[None, Some(2), Some(3), Some(6), Some(12)]),
        within: rng.bool().then(|| rng.u64(0..9000)),
        interrupted: (rng.u8(0..4) == 0).then(|| rng.u64(0..9000)),
        fresh: rng.bool(),
        then: Then::Stay {
            span: 0,
            leave: Leave::Release,
        },
    }
}

fn stay(rng: &mut Rng, longest: u64) -> Then {
    let leaves = [Leave::Crash, Leave::Release, Leave::Release, Leave::Release];
    Then::Stay {
        span: rng.u64(0..longest),
        leave: one_of(rng, &leaves),
    }
}

fn held(rng: &mut Rng) -> Then {
    let behaviour = Behaviour {
        starts: rng.u8(0..12) > 0,
        runs: rng.u64(0..6000),
        obeys: (rng.u8(0..3) > 0).then(|| rng.u64(0..300)),
        leaves: one_of(rng, &[0, 0, 3000]),
    };
    let label = Labelling {
        set_after: rng.u64(0..800),
        sets: rng.u8(0..5) > 0,
        clear_after: rng.u64(0..2000),
    };
    Then::Hold(Job {
        command: (rng.u8(0..6) > 0).then_some(behaviour),
        until: rng.u64(0..6000),
        label: (rng.u8(0..4) == 0).then_some(label),
        detaches: rng.u8(0..6) == 0,
    })
}

fn faults(rng: &mut Rng, clients: usize, requests: u64) -> Vec<FaultChoice> {
    let of_thousand = one_of(rng, &[0, 20, 100, 300]);
    let verbs = [
        Verb::Get,
        Verb::Create,
        Verb::Replace,
        Verb::DryRun,
        Verb::Version,
    ];
    let mut faults = Vec::new();
    for client in 0..clients {
        for verb in verbs {
            let wrong = (1..=requests).filter(|_| rng.u32(0..1000) < of_thousand);
            for nth in wrong.collect::<Vec<_>>() {
                let fault = RequestFault::random(rng, millis(2000));
                faults.push(FaultChoice {
                    client,
                    verb,
                    nth,
                    fault,
                });
            }
        }
    }
    faults
}

fn watches(rng: &mut Rng, clients: usize) -> Vec<WatchChoice> {
    let of_hundred = one_of(rng, &[0, 30, 100]);
    let all = (0..clients).flat_map(|client| (1..=30).map(move |nth| (client, nth)));
    let wrong: Vec<_> = all.filter(|_| rng.u32(0..100) < of_hundred).collect();
    let choices = wrong.into_iter().map(|(client, nth)| WatchChoice {
        client,
        nth,
        fault: WatchFault::random(rng),
    });
    choices.collect()
}

fn events(rng: &mut Rng, until: u64, what: impl Fn(&mut Rng) -> What) -> Vec<EventChoice> {
    let (mut at, mut events) = (0, Vec::new());
    loop {
        at += rng.u64(10..3000);
        if at >= until {
            return events;
        }
        let what = what(rng);
        events.push(EventChoice { at, what });
    }
}

/// What happens around the actors.
fn outside(rng: &mut Rng, clients: usize) -> What {
    let client = rng.usize(0..clients);
    let span = rng.u64(50..12_000);
    match rng.u8(0..12) {
        which @ 0..=2 => What::CutOff {
            client: (which > 0).then_some(client),
            span,
            outage: one_of(rng, &[Outage::Refused, Outage::BlackHole]),
        },
        3 | 4 => What::Freeze { client, span },
        5 => What::Delete,
        6 | 7 => What::Claim,
        8 => What::EditLabels { times: 12 },
        _ => What::EditLabels { times: 1 },
    }
}

/// What happens to a process.
fn process(rng: &mut Rng, clients: usize) -> What {
    let client = rng.usize(0..clients);
    let span = rng.u64(50..6000);
    match rng.u8(0..8) {
        0 | 1 => What::Freeze { client, span },
        2 => What::FreezeWatchdog { client, span },
        3 => What::Kill { client },
        4 => What::KillWatchdog { client },
        _ => What::Signal {
            client,
            signal: one_of(rng, &[2, 15, 1, 10]),
        },
    }
}

/// What a person does to a lease that is held.
fn person(rng: &mut Rng) -> What {
    match rng.u8(0..5) {
        0 => What::Blank,
        1 => What::Delete,
        2 => What::EditDuration { seconds: None },
        3 => What::EditDuration { seconds: Some(1) },
        _ => What::EditDuration { seconds: Some(60) },
    }
}
