//! Learns that the Lease may have changed: by a watch, or by reading now and then while a watch says nothing or cannot be had.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::LocalBoxStream;

use super::super::api::{Api, LeaseEvent, WATCH_OPENING};
use super::super::record::Record;
use super::reconnect::Reconnect;
use crate::clock::{Clock, Instant};

/// How often to read while changes cannot be watched.
const POLL: Duration = Duration::from_secs(1);

/// A server sends a bookmark about every minute; a longer silence means a dead connection.
const SILENCE: Duration = Duration::from_secs(90);

/// A watch is silent while nothing changes, and when its connection hangs: after so long without a word, bookmarks
/// included, whoever learns of changes in no other way asks which it is.
const QUIET: Duration = Duration::from_secs(15);

/// Before a wait ends it is asked once more, so long before, so that what is said then is known...
const BEFORE_THE_END: Duration = Duration::from_secs(3);

/// ...unless something was heard so shortly before that.
const FRESH: Duration = Duration::from_secs(4);

/// What the watcher has to say. A hint, never proof: watches can be late, and end unseen.
#[derive(Clone, Debug)]
pub enum Hint {
    /// The Lease was seen like this.
    Lease(Record),
    /// Something may have changed: read.
    ReadAgain,
    /// The watch has said nothing for a while: read, to learn whether its connection hangs.
    Quiet,
    /// Watching is refused, and will be tried again; said once.
    Refused,
    /// After that: watching works.
    Watching,
}

/// A watch on one Lease that survives its own end. It is tried again for as long as it is asked for hints, after pauses
/// that grow.
#[derive(Default)]
pub struct Watcher {
    state: State,
    reconnect: Reconnect,
    /// Whether to have the Lease read while there is no watch, or one that says nothing.
    polls: bool,
    /// How many Leases are read each time that it has them read.
    leases: u32,
    /// When the wait ends.
    deadline: Option<Instant>,
    /// When the server was last heard, by the watch or, where it was told, by a read.
    heard: Instant,
    /// When it was last asked because nothing was heard.
    asked: Instant,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Paused {
        watch_at: Instant,
        read_at: Instant,
    },
    Open {
        events: LocalBoxStream<'static, LeaseEvent>,
        asked_at: Instant,
        silent_at: Instant,
    },
}

impl Watcher {
    /// One for whoever learns of changes in no other way, until `deadline`: while there is no watch, it has the Lease read
    /// every second; while the watch says nothing, every 15 s and shortly before the deadline. The Lease was read at `heard`.
    pub fn polling(heard: Instant, deadline: Option<Instant>) -> Self {
        Self {
            polls: true,
            deadline,
            heard,
            asked: heard,
            ..Self::default()
        }
    }

    /// The same of so many Leases, which are read less often the more there are.
    #[must_use]
    pub fn of_many(self, leases: u32) -> Self {
        Self { leases, ..self }
    }

    /// When the server was last heard: what is known is as of then, or newer.
    pub fn heard_at(&self) -> Instant {
        self.heard
    }

    /// The server has answered what was asked at `asked_at`.
    pub fn answered(&mut self, asked_at: Instant) {
        self.heard = self.heard.max(asked_at);
    }

    /// When to ask, should nothing be heard until then.
    fn quiet_at(&self) -> Option<Instant> {
        let since = self.heard.max(self.asked);
        let last = self.deadline.map(|deadline| {
            let last = deadline - BEFORE_THE_END;
            // Not again for the end once that was done, and not where something was heard just before it.
            (last.since(since) >= FRESH).then_some(last)
        });
        let regular = since + QUIET;
        let at = last.flatten().map_or(regular, |last| last.min(regular));
        self.polls.then_some(at)
    }

    /// The next hint; changes are those after `resource_version`. May be dropped and called again.
    pub async fn hint<A: Api, C: Clock>(
        &mut self,
        api: &A,
        clock: &C,
        resource_version: &str,
    ) -> Hint {
        self.hint_of(|| api.watch(resource_version), clock).await
    }

    /// The same of a watch that is opened like this.
    pub async fn hint_of<C: Clock>(
        &mut self,
        open: impl Fn() -> LocalBoxStream<'static, LeaseEvent>,
        clock: &C,
    ) -> Hint {
        loop {
            let quiet_at = self.quiet_at();
            match &mut self.state {
                State::Paused { watch_at, read_at } => {
                    let (watch_at, next_read) = (*watch_at, *read_at);
                    if self.polls && next_read < watch_at {
                        clock.sleep_until(next_read).await;
                        *read_at = clock.now() + poll(self.leases);
                        return Hint::ReadAgain;
                    }
                    clock.sleep_until(watch_at).await;
                    self.state = State::Closed;
                    if self.polls {
                        return Hint::ReadAgain;
                    }
                }
                State::Closed => {
                    self.state = State::Open {
                        events: open(),
                        asked_at: clock.now(),
                        silent_at: clock.now() + WATCH_OPENING,
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
                        () = clock.reached(quiet_at) => {
                            self.asked = clock.now();
                            return Hint::Quiet;
                        }
                    };
                    if !matches!(event, Some(LeaseEvent::Broken(_)) | None) {
                        self.heard = clock.now();
                    }
                    match event {
                        Some(LeaseEvent::Open | LeaseEvent::Bookmark) => {
                            *silent_at = clock.now() + SILENCE;
                            if std::mem::take(&mut self.reconnect.said_refused) {
                                return Hint::Watching;
                            }
                        }
                        Some(LeaseEvent::Lease(record)) => {
                            *silent_at = clock.now() + SILENCE;
                            return Hint::Lease(record);
                        }
                        Some(LeaseEvent::Deleted) => {
                            *silent_at = clock.now() + SILENCE;
                            return Hint::ReadAgain;
                        }
                        Some(LeaseEvent::Broken(fault)) if self.reconnect.is_refusal(&fault) => {
                            self.ended(asked_at, clock.now(), true);
                            if !std::mem::replace(&mut self.reconnect.said_refused, true) {
                                return Hint::Refused;
                            }
                        }
                        Some(LeaseEvent::Broken(_)) | None => {
                            self.ended(asked_at, clock.now(), false);
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

    fn ended(&mut self, asked_at: Instant, now: Instant, refused: bool) {
        let pause = self.reconnect.pause(now.since(asked_at), refused);
        self.state = match pause.is_zero() {
            true => State::Closed,
            false => State::Paused {
                watch_at: now + pause,
                read_at: now + poll(self.leases),
            },
        };
    }
}

/// Of many Leases, at most so many are read in the time of one poll.
const AT_ONCE: u32 = 4;

fn poll(leases: u32) -> Duration {
    let span = POLL * leases.div_ceil(AT_ONCE).max(1);
    span.mul_f64(0.9 + fastrand::f64() / 5.0)
}
