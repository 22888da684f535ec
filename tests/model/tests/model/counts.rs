//! What happens in a simulation, in numbers.

use std::collections::BTreeMap;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Grant,
    Takeover,
    Steal,
    Release,
    Freed,
    Renewal,
    Loss,
    Stay,
    Request,
    RequestFault,
    /// A write that was stored after its sender had been told something else.
    LateWrite,
    FailedAcquire,
    DryRun,
    Acknowledge,
}

/// What happened, in numbers.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<Event, u64>);

impl Counts {
    pub fn of(&self, event: Event) -> u64 {
        self.0.get(&event).copied().unwrap_or(0)
    }

    pub fn add(&mut self, event: Event) {
        *self.0.entry(event).or_default() += 1;
    }

    pub fn add_all(&mut self, other: &Self) {
        for (event, count) in &other.0 {
            *self.0.entry(*event).or_default() += count;
        }
    }
}
