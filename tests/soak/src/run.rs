//! The course of a soak: everybody is started, faults are drawn until the time is over, and all of it becomes a history.

pub mod build;
pub mod interrupt;

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::cast::sink::Sink;
use crate::cast::tools::Tools;
use crate::cast::{Choice, JOB, PAIR, POOL, SLOTS, Stage, contender, left, pulse};
use crate::faults::people::PEOPLE;
use crate::faults::{process, surroundings::Able};
use crate::history::{Contended, History, Leftover, Run, Sent};
use crate::server::Server;
use crate::time::At;

pub use interrupt::interrupted;

/// The longest duration that is recorded, and what the next grant may take after it, twice: I5 can be seen.
const CALM: Duration = Duration::from_secs(4 + 10);
/// Those who hold end by themselves, and those who wait get their turn.
const GENTLE: Duration = Duration::from_secs(20);
/// Whoever was asked to end has ended by then.
const FIRM: Duration = Duration::from_secs(30);
/// What is under way when the faults end is over by then: a stop of all, and a failover.
const UNDER_WAY: Duration = Duration::from_secs(60);
/// What a killed supervisor leaves is gone by then.
const DYING: Duration = Duration::from_secs(10);

/// What is asked for.
pub struct Course {
    pub seed: u64,
    pub contenders: u32,
    /// From the first start to the last.
    pub length: Duration,
    pub choice: Choice,
    pub binary: PathBuf,
    /// The library of clocks, where there is one.
    pub clocks: Option<PathBuf>,
}

impl Course {
    /// All of it, with `say` told how it goes.
    ///
    /// # Errors
    ///
    /// When something that it stands on cannot be made: a folder, a socket, a copy of a program.
    pub fn run(&self, say: &(dyn Fn(&str) + Sync)) -> std::io::Result<History> {
        let users = self.contenders + PEOPLE;
        let server = Server::start(users);
        let tools = Tools::gather(&server, users, &self.binary, self.clocks.as_deref())?;
        let sink = Sink::start(&tools.folder, &left::every_lease())?;
        let (able, not) = Able::find(&tools);
        if tools.clocks.is_none() && self.choice.has("surroundings", "clocks") {
            say("skipped: clocks (their library cannot be built for this system)");
        }
        for kind in not {
            say(&format!(
                "skipped: {kind} (not to be had on this machine, or by this user)"
            ));
        }
        let (contenders, name) = (self.contenders, server.name());
        say(&format!("{contenders} contenders on {name}"));
        let wanted = (self.seed, self.contenders);
        let stage = Stage::new(wanted, self.choice.clone(), server, tools, sink);
        let mut run = Run {
            seed: self.seed,
            contenders: self.contenders,
            server: stage.server.name().to_owned(),
            started: At::now(),
            leases: contended(),
            wall_offset: wall_offset(),
            ..Run::default()
        };
        let sent = Mutex::new(Vec::new());
        let mut behind = self.play(&stage, &able, &mut run, &sent, say);
        stage.hear_all_out();
        behind.extend(left::behind(&stage));
        let (work, overlaps) = stage.sink.heard();
        let mut requests = sent.into_inner().unwrap_or_default();
        requests.extend(stage.server.drain());
        requests.sort_by_key(|sent: &Sent| sent.at);
        Ok(History {
            run,
            calls: stage.calls(),
            commits: stage.server.commits(),
            requests,
            work,
            overlaps,
            faults: stage.faults(),
            left: behind,
        })
    }

    /// Everybody on the stage, from the first start to the last end. Says who did not end.
    fn play(
        &self,
        stage: &Stage,
        able: &Able,
        run: &mut Run,
        sent: &Mutex<Vec<Sent>>,
        say: &(dyn Fn(&str) + Sync),
    ) -> Vec<Leftover> {
        let (going, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (going, ended) = (&going, &ended);
        std::thread::scope(|scope| {
            for number in 0..self.contenders {
                scope.spawn(move || {
                    let _all = EndAll(stage);
                    contender::contend(stage, able, number);
                });
            }
            scope.spawn(move || pulse::tick(stage, || ended.load(Ordering::Relaxed)));
            let house = scope.spawn(move || keep_house(stage, sent, ended, say));
            scope.spawn(move || {
                let _all = EndAll(stage);
                crate::faults::go_on(scope, stage, going);
            });
            let faults = self.length.saturating_sub(CALM);
            stage.pass(faults, Stage::starts_over);
            stage.end_faults();
            wait(UNDER_WAY, || going.load(Ordering::Relaxed) == 0);
            run.faults_ended = At::now();
            say("no more faults");
            stage.pass(CALM, Stage::starts_over);
            stage.end_starts();
            run.starts_ended = At::now();
            let mut behind = see_off(stage, say);
            run.ended = At::now();
            ended.store(true, Ordering::Relaxed);
            behind.extend(house.join().unwrap_or_else(|panic| resume_unwind(panic)));
            behind
        })
    }
}

/// A thread that panics ends the soak, so that the panic is seen.
struct EndAll<'a>(&'a Stage);

impl Drop for EndAll<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end_starts();
        }
    }
}

fn contended() -> Vec<Contended> {
    let lease = |name: &str| Contended {
        name: name.to_owned(),
        slots: 0,
    };
    let mut all: Vec<Contended> = [JOB].into_iter().chain(PAIR).map(lease).collect();
    all.push(Contended {
        name: POOL.to_owned(),
        slots: SLOTS,
    });
    all
}

/// Collects what must not pile up, and says how it goes; returns what was left behind by then.
fn keep_house(
    stage: &Stage,
    sent: &Mutex<Vec<Sent>>,
    ended: &AtomicBool,
    say: &(dyn Fn(&str) + Sync),
) -> Vec<Leftover> {
    let (started, mut rounds, mut behind) = (At::now(), 0_u32, Vec::new());
    while !ended.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(500));
        rounds += 1;
        let drained = stage.server.drain();
        sent.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend(drained);
        if rounds.is_multiple_of(4) {
            behind.extend(stage.look_at_graves());
        }
        if rounds.is_multiple_of(60) {
            let (calls, faults) = (stage.calls().len(), stage.faults().len());
            let overlaps = stage.sink.heard().1.len();
            let seconds = At::now().since(started).as_secs();
            say(&format!(
                "{seconds} s: {calls} calls, {faults} faults, {overlaps} overlaps"
            ));
        }
    }
    behind
}

/// Waits until all have ended, asks those who have not, and ends those who do not listen. Says which.
fn see_off(stage: &Stage, say: &(dyn Fn(&str) + Sync)) -> Vec<Leftover> {
    let nobody = || stage.live().is_empty();
    if !interrupted() {
        wait(GENTLE, nobody);
    }
    for live in stage.live() {
        process::asked_to_end(stage, &live, "the soak is over");
    }
    wait(FIRM, nobody);
    let mut left = Vec::new();
    for live in stage.live() {
        say(&format!("call {} had to be killed", live.call));
        left.push(Leftover {
            kind: "process".to_owned(),
            what: format!("call {} did not end within {FIRM:?} after TERM", live.call),
            call: Some(live.call),
        });
        live.kill();
    }
    wait(DYING, nobody);
    wait(DYING, || crate::cast::processes::marked().is_empty());
    left
}

/// Until it is so, or the time is over.
fn wait(most: Duration, so: impl Fn() -> bool) {
    let end = At::now() + most;
    while !so() && At::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The wall clock less the hardware's, now, in nanoseconds.
#[allow(clippy::disallowed_methods, reason = "for the timestamps of servers")]
pub fn wall_offset() -> i64 {
    let (now, wall) = (At::now(), std::time::SystemTime::now());
    let wall = wall
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let wall = i64::try_from(wall.as_nanos()).unwrap_or(i64::MAX);
    wall - i64::try_from(now.0).unwrap_or_default()
}
