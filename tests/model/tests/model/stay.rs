//! An actor's stay inside the critical section: it renews, watches and stops by its own clock, as `hold` does.

use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use lease_model::clock::{Clock, Instant};
use lease_model::lease::decide::Seen;
use lease_model::lease::evidence::Observation;
use lease_model::lease::operate::{Grant, Hint, Renewal, Renewals, Shown, Watcher};
use lease_model::lease::record::Record;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::checker::Event;
use crate::clock::TrueTime;
use crate::millis;

fn record_of(seen: &Seen) -> Option<Record> {
    match seen {
        Seen::Lease(seen) => Some(seen.record().clone()),
        Seen::Absent => None,
    }
}

/// How a stay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leave {
    Release,
    /// The supervisor dies; its command runs on until the watchdog stops it.
    Crash,
}

impl Actor {
    /// When the command must be dead, as `hold` has it.
    pub fn deadline(grant: &Grant) -> Instant {
        grant.sent_at + grant.duration().as_duration().mul_f64(0.95)
    }

    fn true_deadline(&self, grant: &Grant) -> TrueTime {
        self.clock.true_at(Self::deadline(grant))
    }

    /// Stays inside for `span`, renewing; whether it was inside to the end.
    pub async fn stay(&self, grant: Grant, span: Duration, leave: Leave) -> bool {
        if self.clock.now() >= Self::deadline(&grant) {
            // Frozen since the answer: the command is never started.
            self.world
                .note(format!("{} woke up too late to begin", self.name));
            self.release(grant).await;
            return false;
        }
        let (now, until) = (self.world.now(), self.true_deadline(&grant));
        (self.world.server().checker).enter(now, self.client, &grant.fencing_token, until);
        let end = self.clock.now() + span;
        let third = grant.duration().as_duration() / 3;
        let limit = (third / 2).max(millis(300));
        let mut due = grant.sent_at + third;
        let mut trying = false;
        let operations = &*self.operations;
        let mut renewals = Renewals::new(operations, grant, None);
        let mut watcher = Watcher::default();
        let mut reads = FuturesUnordered::new();
        let mut last_seen = None;
        loop {
            let grant = renewals.grant().clone();
            let deadline = Self::deadline(&grant);
            let wake = if trying { end } else { end.min(due) };
            let shown = tokio::select! {
                biased;
                () = self.clock.sleep_until(wake.min(deadline)) => Shown::Same,
                renewal = renewals.next() => {
                    trying = false;
                    match renewal {
                        Renewal::Renewed(_) => Shown::Renewed,
                        Renewal::Lost(loss) => Shown::Lost(loss),
                        Renewal::Failed(_) => {
                            due = self.clock.now() + millis(200);
                            Shown::Same
                        }
                    }
                }
                Some((asked_at, read)) = reads.next() => match read {
                    Ok(seen) => {
                        last_seen = record_of(&seen);
                        renewals.shown(&seen, Some(asked_at))
                    }
                    Err(_) => Shown::Same,
                },
                hint = watcher.hint(&self.api, &self.clock, grant.record.resource_version()), if self.watches => {
                    match hint {
                        Hint::Lease(record) => {
                            last_seen = Some(record.clone());
                            let seen = Observation::first(record, self.clock.now(), None);
                            renewals.shown(&Seen::Lease(seen), None)
                        }
                        Hint::ReadAgain | Hint::Quiet => {
                            let asked_at = self.clock.now();
                            reads.push(async move { (asked_at, operations.read(None, third).await) });
                            Shown::Same
                        }
                        Hint::Refused | Hint::Watching => Shown::Same,
                    }
                }
            };
            let now = self.clock.now();
            if now >= deadline {
                self.leave("its deadline");
                renewals.stop();
                self.release(renewals.grant().clone()).await;
                return false;
            }
            match shown {
                Shown::Renewed => {
                    trying = false;
                    let next = renewals.grant();
                    let (now, until) = (self.world.now(), self.true_deadline(next));
                    (self.world.server().checker).extend(now, self.client, until);
                    due = next.sent_at + third;
                }
                Shown::Lost(loss) => {
                    self.world.server().checker.counts.add(Event::Loss);
                    (self.world.server().checker.reached).lost("while inside", &loss);
                    self.world
                        .note(format!("{} is robbed: {loss:?}", self.name));
                    let gone = (self.clock.now() + self.lingers).min(deadline);
                    self.clock.sleep_until(gone).await;
                    self.leave(&format!("lost: {loss:?}"));
                    self.say_stopped(renewals.grant(), last_seen).await;
                    return false;
                }
                Shown::Same => {}
            }
            if now >= end {
                renewals.stop();
                match leave {
                    Leave::Release => {
                        self.leave("done");
                        self.release(renewals.grant().clone()).await;
                    }
                    Leave::Crash => {
                        self.world.note(format!("{} crashes", self.name));
                        self.clock.sleep_until(deadline).await;
                        self.leave("crashed");
                    }
                }
                return true;
            }
            if !trying && now >= due {
                trying = true;
                renewals.begin(limit, Self::deadline(renewals.grant()));
            }
        }
    }

    fn leave(&self, why: &str) {
        let now = self.world.now();
        self.world.server().checker.leave(now, self.client, why);
    }
}
