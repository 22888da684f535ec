//! Who is on the stage: contenders, their commands, the sink that hears of them, thieves and other clients.

pub mod calls;
pub mod contender;
pub mod draws;
pub mod foreign;
pub mod left;
pub mod processes;
pub mod pulse;
pub mod section;
pub mod sink;
pub mod tools;
pub mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lease_harness::Running;

use self::calls::Live;
use self::sink::Sink;
use self::tools::Tools;
use crate::history::{Call, Injected};
use crate::server::Server;
use crate::time::At;

/// The lease that most contend for.
pub const JOB: &str = "job";
/// The base name of the slots.
pub const POOL: &str = "pool";
/// How many slots there are.
pub const SLOTS: u32 = 2;
/// Two leases that are held together, and sometimes alone.
pub const PAIR: [&str; 2] = ["left", "right"];

/// Waiting is cheap: nobody looks more often.
const LOOK: Duration = Duration::from_millis(25);

/// What everybody on it shares.
pub struct Stage {
    pub seed: u64,
    /// Those who hold; people come after them.
    pub contenders: u32,
    pub choice: Choice,
    pub server: Server,
    pub tools: Tools,
    pub sink: Sink,
    calls: Mutex<Vec<Call>>,
    live: Mutex<BTreeMap<u32, Live>>,
    graves: Mutex<Vec<(At, u32, Arc<Running>)>>,
    /// Processes of ended calls, with the call, that were told of.
    forgotten: Mutex<std::collections::BTreeSet<(u32, u32)>>,
    faults: Mutex<Vec<Injected>>,
    faults_over: AtomicBool,
    starts_over: AtomicBool,
}

/// Which faults are wanted: all, or those of these kinds and families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice(pub Vec<String>);

impl Choice {
    /// Whether this kind is wanted.
    pub fn has(&self, family: &str, kind: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|word| word == family || word == kind)
    }

    /// Whether this kind is asked for by its name.
    pub fn names(&self, kind: &str) -> bool {
        self.0.iter().any(|word| word == kind)
    }
}

impl Stage {
    pub fn new(
        (seed, contenders): (u64, u32),
        choice: Choice,
        server: Server,
        tools: Tools,
        sink: Sink,
    ) -> Stage {
        Stage {
            seed,
            contenders,
            choice,
            server,
            tools,
            sink,
            calls: Mutex::default(),
            live: Mutex::default(),
            graves: Mutex::default(),
            forgotten: Mutex::default(),
            faults: Mutex::default(),
            faults_over: AtomicBool::new(false),
            starts_over: AtomicBool::new(false),
        }
    }

    /// Draws of one's own, by the seed and who one is.
    pub fn random(&self, whose: u64) -> fastrand::Rng {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let part = random.u64(..);
        fastrand::Rng::with_seed(part ^ whose.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn end_faults(&self) {
        self.faults_over.store(true, Ordering::Relaxed);
    }

    /// Nobody is started from now on, and nothing is done to anybody.
    pub fn end_starts(&self) {
        self.end_faults();
        self.starts_over.store(true, Ordering::Relaxed);
    }

    pub fn faults_over(&self) -> bool {
        self.faults_over.load(Ordering::Relaxed) || crate::run::interrupted()
    }

    pub fn starts_over(&self) -> bool {
        self.starts_over.load(Ordering::Relaxed) || crate::run::interrupted()
    }

    /// Passes this time, unless `over` before.
    pub fn pass(&self, time: Duration, over: impl Fn(&Stage) -> bool) {
        let end = At::now() + time;
        while !over(self) {
            let left = end.since(At::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(2 * LOOK));
        }
    }

    pub fn note_fault(&self, fault: Injected) {
        lock(&self.faults).push(fault);
    }

    /// What was done so far, by its begin.
    pub fn faults(&self) -> Vec<Injected> {
        let mut faults = lock(&self.faults).clone();
        faults.sort_by_key(|fault| fault.begun);
        faults
    }

    /// Every process of the tool so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }
}

/// A panic of one is told where it happened; it must not hide what the others know.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_of_kinds_and_families_and_none_is_all() {
        let all = Choice::default();
        assert!(all.has("process", "supervisor-killed"));
        let some = Choice(vec!["api".to_owned(), "supervisor-killed".to_owned()]);
        assert!(some.has("api", "put-refused") && some.has("process", "supervisor-killed"));
        assert!(!some.has("process", "watchdog-killed"));
    }
}
