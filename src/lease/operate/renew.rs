//! Renew: keeps a grant, and says exactly when it is lost.

mod until;

use std::sync::Arc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};

use super::super::api::{Api, Fault};
use super::super::decide::{self, Loss, Ours, Seen};
use super::super::record::{Lease, Record};
use super::super::values::LeaseDuration;
use super::ours::{OursWritten, Rules};
use super::tenure::{Shown, Tenure};
use super::write::Written;
use super::{End, Grant, Limits, OnProgress, Operations};
use crate::clock::{Clock, Instant};

/// How one renewal ended.
#[derive(Clone, Debug)]
pub enum Renewal {
    /// Acknowledged: held until the grant's `expires_at`.
    Renewed(Grant),
    /// The grant is over.
    Lost(Loss),
    /// No answer that decides anything; try again while there is time.
    Failed(Fault),
}

/// What a renewal without a grant made.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// The record after it.
    pub record: Record,
    /// The Lease as the renewal found it.
    pub before: Option<Arc<Lease>>,
    /// When others may prove it expired, unless it is renewed again; `None` if it has no duration.
    pub expires_at: Option<Instant>,
}

/// So many writes one attempt sends over edits that come in between, before it counts as failed and is followed by a pause.
const WRITES_IN_A_ROW: u32 = 3;

/// An attempt is listened to for so many times as long as it may take: the requests of a long outage must not pile up.
const LISTENED_TO: u32 = 6;

/// The renewals of one grant under way: the present attempt, and those whose time is up. These are listened to as well:
/// however late a reply is, it counts from when its request was sent. A request whose connection is closed may still be
/// carried out, or be given up by the server half-way; neither is of use.
pub struct Renewals<'a, A, C> {
    operations: &'a Operations<A, C>,
    tenure: Tenure,
    under_way: FuturesUnordered<LocalBoxFuture<'a, Reply>>,
    present: Option<Attempt>,
    attempts: u64,
    /// The longest that a reply to a renewal that was stored took lately.
    slowest: Duration,
}

#[derive(Clone, Debug)]
struct Attempt {
    number: u64,
    begun: Instant,
    limit: Duration,
    /// No request of it is listened to for longer.
    until: Instant,
    writes: u32,
}

struct Reply {
    attempt: u64,
    until: Instant,
    sent_at: Instant,
    /// What was written.
    written: Record,
    answer: Answer,
}

enum Answer {
    Write(Result<Written, Fault>),
    /// A read after a conflict, and what the server said about that.
    Read(Result<Seen, Fault>, Fault),
}

impl<'a, A: Api, C: Clock> Renewals<'a, A, C> {
    /// The renewals of `grant`; `duration` is what they record instead of what they find.
    pub fn new(
        operations: &'a Operations<A, C>,
        grant: Grant,
        duration: Option<LeaseDuration>,
    ) -> Self {
        Self {
            operations,
            tenure: Tenure::new(grant, duration),
            under_way: FuturesUnordered::new(),
            present: None,
            attempts: 0,
            slowest: Duration::ZERO,
        }
    }

    /// The grant: the newest record of it, and when the newest renewal that counts was sent.
    pub fn grant(&self) -> &Grant {
        self.tenure.grant()
    }

    /// Begins an attempt. After `limit` without an answer it has failed, though it is listened to until `until`; a
    /// server that has been slow lately gets longer.
    pub fn begin(&mut self, limit: Duration, until: Instant) {
        let now = self.operations.clock.now();
        let left = until.since(now);
        let limit = limit
            .min(self.operations.read_limit)
            .max((self.slowest * 2).min(left / 2));
        self.attempts += 1;
        self.present = Some(Attempt {
            number: self.attempts,
            begun: now,
            limit,
            until: until.min(now + limit * LISTENED_TO),
            writes: 0,
        });
        self.write();
    }

    /// What becomes of them next; for ever pending while none is under way. May be dropped and called again.
    pub async fn next(&mut self) -> Renewal {
        loop {
            let time_up = self.present.as_ref().map(|all| all.begun + all.limit);
            let reply = tokio::select! {
                biased;
                Some(reply) = self.under_way.next() => reply,
                () = self.operations.clock.reached(time_up) => {
                    let limit = self.present.take().map_or(Duration::ZERO, |present| present.limit);
                    return Renewal::Failed(self.operations.api.silent(limit));
                }
            };
            if let Some(renewal) = self.hear(reply) {
                return renewal;
            }
        }
    }

    /// What a watch shows of the Lease, or a read that was begun at `asked_at`.
    pub fn shown(&mut self, seen: &Seen, asked_at: Option<Instant>) -> Shown {
        let shown = self
            .tenure
            .shown(seen, asked_at, self.operations.clock.now());
        if shown == Shown::Renewed {
            self.present = None;
        }
        shown
    }

    /// Nothing more is listened to.
    pub fn stop(&mut self) {
        self.under_way = FuturesUnordered::new();
        self.present = None;
    }

    fn write(&mut self) {
        let operations = self.operations;
        let Some(present) = &mut self.present else {
            return;
        };
        present.writes += 1;
        let (attempt, until) = (present.number, present.until);
        let sent_at = operations.clock.now();
        let written = self.tenure.next(operations.clock.wall(), sent_at);
        let request = async move {
            let answer = operations
                .replace_within(&written, until.since(sent_at))
                .await;
            Reply {
                attempt,
                until,
                sent_at,
                written,
                answer: Answer::Write(answer),
            }
        };
        self.under_way.push(request.boxed_local());
    }

    /// A conflict that nothing known explains: what is there now?
    fn read(&mut self, reply: Reply, fault: Fault) {
        let operations = self.operations;
        let asked_at = operations.clock.now();
        let request = async move {
            let seen = operations.read(None, reply.until.since(asked_at)).await;
            Reply {
                sent_at: asked_at,
                answer: Answer::Read(seen, fault),
                ..reply
            }
        };
        self.under_way.push(request.boxed_local());
    }

    fn hear(&mut self, mut reply: Reply) -> Option<Renewal> {
        let now = self.operations.clock.now();
        let is_present = (self.present.as_ref()).is_some_and(|all| all.number == reply.attempt);
        let expires_at = self.tenure.grant().expires_at();
        let outcome = match std::mem::replace(&mut reply.answer, Answer::nothing()) {
            Answer::Write(Ok(Written::Done(stored))) => {
                self.slowest = now.since(reply.sent_at).max(self.slowest / 2);
                match self.tenure.stored(stored, reply.sent_at, now) {
                    // Known before the reply came.
                    Shown::Same if !is_present => return None,
                    Shown::Same | Shown::Renewed => Renewal::Renewed(self.tenure.grant().clone()),
                    Shown::Lost(loss) => Renewal::Lost(loss),
                }
            }
            Answer::Write(Ok(Written::Altered(stored, alteration))) => {
                let granted = self.tenure.grant().duration();
                let shortened = stored.duration().is_some_and(|stored| stored < granted);
                let lost = alteration.holder || alteration.grant || shortened;
                if lost {
                    self.tenure.altered(stored, now);
                    Renewal::Lost(Loss::Altered(alteration.to_string()))
                } else if alteration.renewal {
                    // Others see no sign of life, or not the one by which we know it.
                    self.tenure.altered(stored, now);
                    Renewal::Failed(Fault::NotStored(alteration.to_string()))
                } else {
                    // A longer duration, or none: nobody comes in any sooner.
                    let _ = self.tenure.stored(stored, reply.sent_at, now);
                    Renewal::Renewed(self.tenure.grant().clone())
                }
            }
            Answer::Write(Ok(Written::Conflict(fault))) => {
                if self.tenure.is_beyond(&reply.written) {
                    return self.again(is_present, fault);
                }
                self.read(reply, fault);
                return None;
            }
            Answer::Read(Ok(seen), fault) => {
                match self.tenure.shown(&seen, Some(reply.sent_at), now) {
                    Shown::Renewed => Renewal::Renewed(self.tenure.grant().clone()),
                    Shown::Lost(loss) => Renewal::Lost(loss),
                    Shown::Same if self.tenure.is_beyond(&reply.written) => {
                        return self.again(is_present, fault);
                    }
                    // Nobody changed anything: the server refuses for a reason of its own.
                    Shown::Same => Renewal::Failed(fault),
                }
            }
            Answer::Write(Err(fault)) | Answer::Read(Err(fault), _) => Renewal::Failed(fault),
        };
        match outcome {
            Renewal::Failed(_) if !is_present => return None,
            // An answer that comes after the deadline is lost all the same.
            Renewal::Renewed(_) if now >= expires_at => {
                self.present = None;
                return Some(Renewal::Lost(Loss::Deadline { last: None }));
            }
            Renewal::Failed(_) | Renewal::Renewed(_) | Renewal::Lost(_) => self.present = None,
        }
        Some(outcome)
    }

    /// The Lease was edited in between: once more, on top of that.
    fn again(&mut self, is_present: bool, fault: Fault) -> Option<Renewal> {
        if !is_present {
            return None;
        }
        match &self.present {
            Some(present) if present.writes < WRITES_IN_A_ROW => {
                self.write();
                None
            }
            Some(_) | None => {
                self.present = None;
                Some(Renewal::Failed(fault))
            }
        }
    }
}

impl Answer {
    fn nothing() -> Self {
        Self::Write(Err(Fault::NotStored(String::new())))
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Renews whatever grant `ours` has, as scripts do that know their identity but not the record. What was renewed is
    /// held from when the request was sent.
    ///
    /// # Errors
    /// When it is not ours, or the API server cannot be asked within the limits, or answered so late that the time may
    /// be over by now.
    pub async fn renew_ours(
        &self,
        ours: &Ours,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Renewed, End> {
        let rules = Rules {
            decide: decide::renew_ours,
            done: None,
        };
        let OursWritten {
            written,
            sent_at,
            before,
        } = self
            .write_if_ours(ours, &rules, limits, report)
            .await
            .map_err(|nothing| nothing.end)?;
        let record = match written {
            Written::Done(record) => record,
            Written::Altered(_, found) if found.holder || found.grant || found.shorter => {
                return Err(End::Lost(Loss::Altered(found.to_string())));
            }
            // Others see no renewal; what was granted is still ours until it expires.
            Written::Altered(_, found) if found.renewal => {
                return Err(End::Fault(Fault::NotStored(found.to_string())));
            }
            Written::Altered(record, _) => record,
            Written::Conflict(fault) => return Err(End::Fault(fault)),
        };
        let expires_at = (record.duration()).map(|duration| sent_at + duration.as_duration());
        if expires_at.is_some_and(|at| self.clock.now() >= at) {
            return Err(End::Lost(Loss::Deadline { last: None }));
        }
        Ok(Renewed {
            record,
            before,
            expires_at,
        })
    }
}
