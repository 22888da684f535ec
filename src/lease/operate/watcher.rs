//! Learns that the Lease may have changed: by a watch, or by reading now and then where a watch cannot be had.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::LocalBoxStream;

use super::super::api::{Api, Change, Fault};
use super::super::record::Record;
use crate::clock::{Clock, Instant};

/// How often to read where changes cannot be watched.
const POLL: Duration = Duration::from_secs(1);

/// A server answers a watch at once, and sends a bookmark about every minute; a longer silence means a dead connection.
const OPENING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(90);

/// A watch that did not last so long has failed, however it ended: some proxies open every watch and end it at once.
const STEADY: Duration = Duration::from_secs(5);

/// What the watcher has to say. A hint, never proof (design section 4, rule 6).
#[derive(Clone, Debug)]
pub enum Hint {
    /// The Lease was seen like this.
    Lease(Record),
    /// Something may have changed: read.
    ReadAgain,
    /// As `ReadAgain`, and from now on there are only such hints, because watching is not allowed.
    Denied,
}

/// A watch on one Lease that survives its own end.
#[derive(Default)]
pub struct Watcher {
    state: State,
    failures: u32,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Paused(Instant),
    Open {
        events: LocalBoxStream<'static, Change>,
        asked_at: Instant,
        silent_at: Instant,
    },
    Denied,
}

impl Watcher {
    /// The next hint; changes are those after `resource_version`. May be dropped and called again.
    pub async fn hint<A: Api, C: Clock>(
        &mut self,
        api: &A,
        clock: &C,
        resource_version: &str,
    ) -> Hint {
        loop {
            match &mut self.state {
                State::Denied => {
                    let jitter = 0.9 + fastrand::f64() / 5.0;
                    clock.sleep_until(clock.now() + POLL.mul_f64(jitter)).await;
                    return Hint::ReadAgain;
                }
                State::Paused(until) => {
                    let until = *until;
                    clock.sleep_until(until).await;
                    self.state = State::Closed;
                    return Hint::ReadAgain;
                }
                State::Closed => {
                    self.state = State::Open {
                        events: api.watch(resource_version),
                        asked_at: clock.now(),
                        silent_at: clock.now() + OPENING,
                    };
                }
                State::Open {
                    events,
                    asked_at,
                    silent_at,
                } => {
                    let asked_at = *asked_at;
                    let event = tokio::select! {
                        biased;
                        event = events.next() => event,
                        () = clock.sleep_until(*silent_at) => None,
                    };
                    match event {
                        Some(Change::Open | Change::Bookmark) => {
                            *silent_at = clock.now() + SILENCE;
                        }
                        Some(Change::Lease(record)) => {
                            *silent_at = clock.now() + SILENCE;
                            return Hint::Lease(record);
                        }
                        Some(Change::Deleted) => {
                            *silent_at = clock.now() + SILENCE;
                            return Hint::ReadAgain;
                        }
                        Some(Change::Broken(fault)) if refused(&fault) => {
                            self.state = State::Denied;
                            return Hint::Denied;
                        }
                        Some(Change::Broken(_)) | None => {
                            self.ended(asked_at, clock.now());
                            return Hint::ReadAgain;
                        }
                    }
                }
            }
        }
    }

    /// The watch missed something that a read has shown: the next hint comes from a new one.
    pub fn distrust(&mut self) {
        if matches!(self.state, State::Open { .. }) {
            self.state = State::Closed;
        }
    }

    fn ended(&mut self, asked_at: Instant, now: Instant) {
        if now.since(asked_at) >= STEADY {
            self.failures = 0;
        }
        // The first failure is followed by a new watch at once (a connection that broke, a 410), more of them by pauses.
        self.state = match self.failures {
            0 => State::Closed,
            more => State::Paused(now + POLL * more.min(5)),
        };
        self.failures += 1;
    }
}

/// Whether the server will not have us watch; too many requests and a version that is gone pass.
fn refused(fault: &Fault) -> bool {
    matches!(fault, Fault::Rejected(rejection) if ![401, 410, 429].contains(&rejection.code))
}
