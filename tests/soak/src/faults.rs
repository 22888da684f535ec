//! What can be done to those who hold and wait: drawn by seed, one after the other, many at once.

pub mod api;
pub mod people;
pub mod process;
pub mod surroundings;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Scope;
use std::time::Duration;

use self::api::{KINDS, inject};
use crate::cast::Stage;
use crate::cast::calls::Live;
use crate::history::Injected;
use crate::time::At;

/// Between the begin of one and of the next.
const GAP: (f64, f64) = (0.4, 2.6);
/// So many go on at once, and no more: their durations add up.
const AT_ONCE: usize = 8;
/// Whoever works is meant this often, of ten times.
const WORKERS: u32 = 7;
/// Heard of as lately as this, it works.
const LATELY: Duration = Duration::from_millis(250);

/// A family of faults, and how often one of it is drawn.
const FAMILIES: [(&str, u32); 3] = [("api", 9), ("process", 8), ("people", 4)];

/// Draws faults until they are over. Each goes on by itself, and notes itself.
pub fn go_on<'scope>(
    scope: &'scope Scope<'scope, '_>,
    stage: &'scope Stage,
    going: &'scope AtomicUsize,
) {
    let mut random = stage.random(1 << 32);
    let people = people::People::of(stage);
    loop {
        let gap = GAP.0 + (GAP.1 - GAP.0) * random.f64();
        stage.pass(Duration::from_secs_f64(gap), Stage::faults_over);
        while going.load(Ordering::Relaxed) >= AT_ONCE && !stage.faults_over() {
            std::thread::sleep(Duration::from_millis(50));
        }
        if stage.faults_over() {
            return;
        }
        let Some((family, kind)) = draw(stage, &mut random) else {
            // Only what is around calls from their start, or nothing at all.
            return;
        };
        let mut own = random.fork();
        let people = people.clone();
        going.fetch_add(1, Ordering::Relaxed);
        scope.spawn(move || {
            // Also where it panics: the others must not wait for it.
            let _done = Done(going);
            one(stage, &people, (family, kind), &mut own);
        });
    }
}

struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn one(
    stage: &Stage,
    people: &people::People,
    (family, kind): (&'static str, &'static str),
    random: &mut fastrand::Rng,
) {
    match family {
        "api" => {
            let contender = victim(stage, random).map_or(0, |live| live.contender);
            let duration = Duration::from_secs(random.u64(2..=4));
            stage.note_fault(inject(kind, random, &stage.server, contender, duration));
        }
        "process" => process::inject(stage, kind, random),
        _ => people.inject(stage, kind, random),
    }
}

/// A kind of a family, of those that are wanted.
fn draw(stage: &Stage, random: &mut fastrand::Rng) -> Option<(&'static str, &'static str)> {
    let all = |family: &str| match family {
        "api" => KINDS,
        "process" => process::KINDS,
        _ => people::KINDS,
    };
    let wanted = |family: &'static str| {
        let kinds = all(family).iter().copied();
        let kinds: Vec<&str> = kinds
            .filter(|kind| stage.choice.has(family, kind))
            .collect();
        kinds
    };
    let families: Vec<_> = FAMILIES
        .into_iter()
        .map(|(family, weight)| (family, weight, wanted(family)))
        .filter(|(.., kinds)| !kinds.is_empty())
        .collect();
    let sum: u32 = families.iter().map(|(_, weight, _)| weight).sum();
    if sum == 0 {
        return None;
    }
    let mut drawn = random.u32(0..sum);
    for (family, weight, kinds) in families {
        if drawn < weight {
            return Some((family, kinds[random.usize(0..kinds.len())]));
        }
        drawn -= weight;
    }
    None
}

/// Somebody who holds: mostly one whose command works, else any who waits.
pub fn victim(stage: &Stage, random: &mut fastrand::Rng) -> Option<Live> {
    let prefers = random.u32(0..10) < WORKERS;
    let holds = |live: &Live| {
        use crate::history::Role::{Hold, HoldAgain, HoldSlot, HoldSteal};
        matches!(live.role, Hold | HoldAgain | HoldSlot | HoldSteal)
    };
    let all: Vec<Live> = stage.live().into_iter().filter(holds).collect();
    let now = At::now();
    let works = |live: &&Live| {
        let sign = live.holder.as_deref().and_then(|it| stage.sink.sign_of(it));
        sign.is_some_and(|sign| now.since(sign.last) < LATELY)
    };
    let workers: Vec<&Live> = all.iter().filter(works).collect();
    let some = |list: &[&Live], number: usize| list.get(number).map(|live| (*live).clone());
    let number = random.usize(..);
    if prefers && !workers.is_empty() {
        return some(&workers, number % workers.len());
    }
    let all: Vec<&Live> = all.iter().collect();
    (!all.is_empty())
        .then(|| some(&all, number % all.len()))
        .flatten()
}

/// What was done to one call, from `begun` until now.
pub fn done(family: &str, kind: &str, begun: At, live: &Live, detail: String) -> Injected {
    Injected {
        kind: kind.to_owned(),
        family: family.to_owned(),
        begun,
        over: At::now(),
        contenders: vec![live.contender],
        call: Some(live.call),
        lease: live.leases.first().cloned(),
        detail,
    }
}
