//! What a contender does next: its role, its leases, how long, with which command and in which surroundings.

use super::calls::Plan;
use super::worker::{Ending, MANNERS, words};
use super::{Choice, JOB, PAIR, POOL, SLOTS, Stage};
use crate::faults::surroundings::{Able, Surroundings};
use crate::history::{Command, Exit, Role};
use std::time::Duration;

/// Among the faults by this name: everybody gives up some time, not one of seven.
pub const GIVES_UP: &str = "timeouts";

/// What a contender contends for, all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Job,
    Pool,
    Pair,
}

impl Group {
    /// About 60 % on the lease, 20 % on the slots, 20 % on the pair.
    pub fn of(contender: u32, contenders: u32) -> Group {
        let slots = (contenders / 5).max(1);
        match contender {
            _ if contender < contenders.saturating_sub(2 * slots).max(1) => Group::Job,
            _ if contender < contenders.saturating_sub(slots) => Group::Pool,
            _ => Group::Pair,
        }
    }

    pub fn leases(self) -> &'static [&'static str] {
        match self {
            Group::Job => &[JOB],
            Group::Pool => &[POOL],
            Group::Pair => &PAIR,
        }
    }
}

/// What is to be called next. `count` is which of its calls it is.
pub fn next(
    stage: &Stage,
    able: &Able,
    random: &mut fastrand::Rng,
    (contender, count): (u32, u32),
) -> Plan {
    let group = Group::of(contender, stage.contenders);
    let holder = format!("c{contender:02}.{count:04}");
    let role = role(group, random);
    let leases = leases((group, role), random);
    let seconds = random.u32(2..=4);
    let mut all = vec![verb(role).to_owned()];
    all.extend(leases.iter().cloned());
    all.extend([
        format!("--holder={holder}"),
        format!("--duration={seconds}s"),
        "--create".to_owned(),
    ]);
    all.extend(flags(role).iter().map(|word| (*word).to_owned()));
    all.extend(more_flags(role, random).into_iter().map(str::to_owned));
    let gives_up = random.u32(0..7) == 0 || stage.choice.names(GIVES_UP);
    let timeout = gives_up.then(|| [0.0, 1.0, 5.0, 15.0][random.usize(0..4)]);
    all.extend(timeout.map(|seconds| format!("--timeout={seconds}s")));
    let (drawn, command_words) = command(stage, random, seconds);
    let clocks = stage.tools.clocks.is_some();
    let choice = &stage.choice;
    let mut surroundings = Surroundings::draw(random, contender, (choice, able), clocks);
    if drawn.manner == "fills-the-pid-space" && role != Role::Acquire {
        surroundings = Surroundings::with_few_pids(choice, able).unwrap_or(surroundings);
    }
    if role == Role::Acquire {
        // How long it has left after that is read from what it wrote.
        surroundings = Surroundings::default();
    }
    Plan {
        contender,
        role,
        holder: Some(holder),
        leases,
        words: all,
        command: (role != Role::Acquire).then_some((drawn, command_words)),
        surroundings,
        timeout,
    }
}

fn role(group: Group, random: &mut fastrand::Rng) -> Role {
    match (group, random.u32(0..100)) {
        (Group::Pool, _) => Role::HoldSlot,
        (_, 0..8) => Role::HoldSteal,
        (_, 8..18) => Role::HoldAgain,
        (Group::Job, 18..32) => Role::Acquire,
        _ => Role::Hold,
    }
}

fn leases((group, role): (Group, Role), random: &mut fastrand::Rng) -> Vec<String> {
    let mut leases: Vec<String> = group.leases().iter().map(|it| (*it).to_owned()).collect();
    if group == Group::Pair {
        random.shuffle(&mut leases);
        // One of them alone, now and then; --steal is of one.
        let alone = random.u32(0..5) == 0 || role == Role::HoldSteal;
        leases.truncate(if alone { 1 } else { 2 });
    }
    leases
}

fn verb(role: Role) -> &'static str {
    match role {
        Role::Hold | Role::HoldSlot | Role::HoldSteal | Role::HoldAgain => "hold",
        Role::Acquire => "acquire",
        Role::Steal | Role::StealNow => "steal",
        Role::Release | Role::ReleaseForce => "release",
        Role::Failover => "failover",
    }
}

fn flags(role: Role) -> &'static [&'static str] {
    match role {
        Role::HoldSlot => {
            const { assert!(SLOTS == 2) };
            &["--slots=2"]
        }
        Role::HoldSteal => &["--steal", "--yes"],
        Role::HoldAgain => &["--again", "--max-restarts=4"],
        Role::Acquire => &["-o", "env"],
        _ => &[],
    }
}

fn more_flags(role: Role, random: &mut fastrand::Rng) -> Vec<&'static str> {
    let mut words = Vec::new();
    let holds = !matches!(role, Role::Acquire);
    let (draw, now) = (random.u32(0..24), random.u32(0..8) == 0);
    match draw {
        0 | 1 => words.push("--proof=observed"),
        2 | 3 if holds => words.push("--kill-after=200ms"),
        4 if holds => words.push("--on-lost=INT"),
        5 if holds => words.push("--on-lost=KILL"),
        6 | 7 => words.push("--no-events"),
        8..=15 if role != Role::HoldSteal => words.push("--queue"),
        _ => {}
    }
    if role == Role::HoldSteal && now {
        words.push("--now");
    }
    words
}

/// What hold runs, for how long, and how it ends.
fn command(stage: &Stage, random: &mut fastrand::Rng, seconds: u32) -> (Command, Vec<String>) {
    let manner = manner(random, &stage.choice);
    // Most of it short: the third power of a draw.
    let part = random.f64().powi(3);
    let (short, long) = (50.0 + 2_950.0 * part, (2.0 + 1.2 * random.f64()) * 1e3);
    let works = match random.u32(0..25) {
        0 => Duration::from_secs_f64(long * f64::from(seconds) / 1e3),
        _ => Duration::from_secs_f64(short / 1e3),
    };
    let (code, signal) = (random.i32(1..=119), random.i32(34..=64));
    let exit = match manner {
        "exits-with-a-code" => Exit::Code(code),
        "dies-by-a-real-time-signal" => Exit::Signal(signal),
        _ => Exit::Code(0),
    };
    let (sink, locks) = (stage.sink.socket(), stage.sink.locks());
    let words = words(sink, locks, manner, works, Ending(exit));
    let command = Command {
        manner: manner.to_owned(),
        works: u64::try_from(works.as_millis()).unwrap_or(u64::MAX),
        exit,
    };
    (command, words)
}

fn manner(random: &mut fastrand::Rng, choice: &Choice) -> &'static str {
    let kind = |manner: &str| format!("command-{manner}");
    let named: Vec<_> = MANNERS
        .iter()
        .filter(|(it, _)| choice.names(&kind(it)))
        .collect();
    // Where some are asked for by name there are no others but the plain one, every second time.
    if !named.is_empty() && random.bool() {
        return named[random.usize(0..named.len())].0;
    }
    let all: u32 = MANNERS.iter().map(|(_, weight)| weight).sum();
    let mut drawn = random.u32(0..all);
    for (manner, weight) in MANNERS {
        if drawn < *weight {
            return if choice.has("process", &kind(manner)) {
                manner
            } else {
                "plain"
            };
        }
        drawn -= weight;
    }
    "plain"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_25_contenders_15_are_on_the_lease_5_on_the_slots_and_5_on_the_pair() {
        let count = |group| (0..25).filter(|it| Group::of(*it, 25) == group).count();
        assert_eq!(
            [Group::Job, Group::Pool, Group::Pair].map(count),
            [15, 5, 5]
        );
        assert_eq!(Group::of(0, 1), Group::Job);
        assert_eq!(Group::of(2, 3), Group::Pair);
    }

    #[test]
    fn every_manner_is_drawn() {
        let mut random = fastrand::Rng::with_seed(7);
        let drawn: std::collections::BTreeSet<_> = (0..2_000)
            .map(|_| manner(&mut random, &Choice::default()))
            .collect();
        assert_eq!(drawn.len(), MANNERS.len());
        let choice = Choice(vec!["command-ignores-term".to_owned()]);
        let named = (0..200)
            .filter(|_| manner(&mut random, &choice) == "ignores-term")
            .count();
        assert!(named > 60, "{named}");
    }
}
