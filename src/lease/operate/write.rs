//! One write and its answer compared with what was sent; and writing again over conflicts, with pauses, until a deadline.

use std::sync::Arc;
use std::time::Duration;

use super::super::api::{Api, Fault, Rejection, RejectionKind, Write};
use super::super::decide::{Ours, OursStep, Seen};
use super::super::evidence::Observation;
use super::super::record::{Alteration, Lease, Record};
use super::guard::AT_LEAST;
use super::{End, Limits, OnProgress, Operations, Pause, unsettled, write_limit};
use crate::clock::{Clock, Instant};

/// How long the pauses between writes grow while others are always faster.
const LONGEST_CONFLICT: Duration = Duration::from_secs(2);
const FIRST_CONFLICT: Duration = Duration::from_millis(20);

/// How long what came of a refused write is read for.
const LAST_READ: Duration = Duration::from_secs(3);

/// What a write came to.
#[derive(Clone, Debug)]
pub(super) enum Written {
    /// Stored as it was sent.
    Done(Record),
    /// Stored, but not as it was sent.
    Altered(Record, Alteration),
    /// Not stored: something else is there, or so the server says.
    Conflict(Fault),
}

/// A write whose outcome is not certain.
pub(super) enum Sent {
    /// No answer came: it may have happened, or may still happen.
    Unanswered(Record),
    /// The answer was 409. Proxies send a PUT again whose answer they miss: the first may have been carried out, and the
    /// second was in conflict with it.
    InConflict(Record),
    /// The answer was another no, to the second as likely, which has a reason of its own.
    Refused(Record),
}

impl Sent {
    pub(super) fn record(&self) -> &Record {
        match self {
            Self::Unanswered(record) | Self::InConflict(record) | Self::Refused(record) => record,
        }
    }
}

/// What [`Operations::write_if_ours`] has written.
pub(super) struct OursWritten {
    pub(super) written: Written,
    /// When the request was sent that counts.
    pub(super) sent_at: Instant,
    /// The Lease as that request found it.
    pub(super) before: Option<Arc<Lease>>,
}

/// What [`Operations::write_if_ours`] ends with where nothing was written.
pub(super) struct NotWritten {
    pub(super) end: End,
    /// What decided it, if that was the Lease itself.
    pub(super) seen: Option<Seen>,
    /// What was sent before that, if it may have been stored all the same.
    pub(super) sent: Option<Sent>,
}

impl NotWritten {
    pub(super) fn new(end: End, seen: Option<Seen>) -> Box<Self> {
        let sent = None;
        Box::new(Self { end, seen, sent })
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// PUT. An answer of 200 whose resourceVersion is no newer has stored nothing, and an answer that is not what was sent is
    /// told from one that is (docs/design.md, Writes).
    pub(super) async fn replace(&self, record: &Record, limit: Duration) -> Result<Written, Fault> {
        self.replace_within(record, limit.min(self.read_limit))
            .await
    }

    /// The same where somebody else looks after the time it takes: `--request-timeout` does not bound it.
    pub(super) async fn replace_within(
        &self,
        record: &Record,
        limit: Duration,
    ) -> Result<Written, Fault> {
        let answer = self.api.replace(record, limit).await?;
        self.contacted.set(true);
        Ok(compared(record, answer, Lease::alteration))
    }

    /// POST, compared likewise by `alteration`.
    pub(super) async fn post(
        &self,
        lease: &Lease,
        alteration: fn(&Lease, &Lease) -> Option<Alteration>,
        limit: Duration,
    ) -> Result<Written, Fault> {
        let limit = limit.min(self.read_limit);
        let answer = self.api.create(lease, false, limit).await?;
        self.contacted.set(true);
        Ok(compared(lease, answer, alteration))
    }

    /// Writes what `decide` makes of the Lease for as long as it is ours; conflicts and unknown outcomes are resolved by
    /// reading again. `done` recognises a write of ours whose reply was lost, or which was answered 409 by something that
    /// had sent it twice.
    pub(super) async fn write_if_ours(
        &self,
        ours: &Ours,
        limits: &Limits,
        report: OnProgress<'_>,
        decide: fn(&Ours, &Seen, jiff::Timestamp) -> OursStep,
        done: fn(&Sent, &Seen) -> Option<Record>,
    ) -> Result<OursWritten, Box<NotWritten>> {
        let mut pause = Pause::default();
        let mut conflicts = Conflicts::default();
        let mut sent: Option<Sent> = None;
        let end = |end, sent: &Option<Sent>| match sent {
            Some(Sent::Unanswered(_)) => NotWritten::new(unsettled(end), None),
            Some(Sent::InConflict(_) | Sent::Refused(_)) | None => NotWritten::new(end, None),
        };
        let mut sent_at = self.clock.now();
        let mut seen = match ours {
            // Known, and the PUT finds out if it has changed.
            Ours::Grant(grant) => {
                Seen::Lease(Observation::first(grant.clone(), self.clock.now(), None))
            }
            Ours::Identity(_) | Ours::Within(..) | Ours::Exported { .. } => self
                .read_patiently(None, limits, report)
                .await
                .map_err(|end| NotWritten::new(end, None))?,
        };
        loop {
            if let Some(sent) = &sent
                && let Some(record) = done(sent, &seen)
            {
                return Ok(OursWritten {
                    written: Written::Done(record),
                    sent_at,
                    before: sent.record().replaced(),
                });
            }
            let record = match decide(ours, &seen, self.clock.wall()) {
                OursStep::Replace(record) => record,
                OursStep::Refuse(refusal) => {
                    return Err(Box::new(NotWritten {
                        end: End::Refused(refusal),
                        seen: Some(seen),
                        sent,
                    }));
                }
            };
            sent_at = self.clock.now();
            let mut limit = write_limit(record.duration());
            if let Some(deadline) = limits.deadline.filter(|_| limits.insist) {
                // Whoever insists has only so much time for it, and other Leases to give back then.
                limit = limit.min(deadline.since(sent_at).max(AT_LEAST));
            }
            let trouble = match self.replace(&record, limit).await {
                Ok(Written::Conflict(fault)) => {
                    let base = record.resource_version();
                    let settled = conflicts.settle(self, base, fault, limits, report).await;
                    if !matches!(sent, Some(Sent::Unanswered(_))) {
                        sent = Some(Sent::InConflict(record));
                    }
                    settled
                }
                Ok(written) => {
                    return Ok(OursWritten {
                        written,
                        sent_at,
                        before: record.replaced(),
                    });
                }
                Err(fault) => {
                    if fault.leaves_outcome_open() {
                        sent = Some(Sent::Unanswered(record));
                    } else if fault.may_hide_success() && !matches!(sent, Some(Sent::Unanswered(_)))
                    {
                        sent = Some(Sent::Refused(record));
                    }
                    self.pause_after(fault, &mut pause, limits, report).await
                }
            };
            if let Err(ended) = trouble {
                // A refusal is the end, unless it was not the answer to the write that happened.
                if let Some(refused @ (Sent::InConflict(_) | Sent::Refused(_))) = &sent
                    && matches!(ended, End::Fault(_) | End::TimedOut { .. })
                    && let Ok(seen) = self.last_read(limits).await
                    && let Some(record) = done(refused, &seen)
                {
                    return Ok(OursWritten {
                        written: Written::Done(record),
                        sent_at,
                        before: refused.record().replaced(),
                    });
                }
                return Err(end(ended, &sent));
            }
            let read = self.read_patiently(Some(seen), limits, report).await;
            seen = read.map_err(|ended| end(ended, &sent))?;
        }
    }

    /// What is there after all else: read for a moment, over faults that pass, unless that is interrupted.
    pub(super) async fn last_read(&self, limits: &Limits) -> Result<Seen, End> {
        let moment = Limits {
            deadline: Some(self.clock.now() + LAST_READ),
            once: false,
            insist: true,
            interrupt: limits.interrupt.clone(),
        };
        self.read_patiently(None, &moment, &|_| ()).await
    }
}

/// The conflicts that one operation has met in a row, and what they ask for.
#[derive(Default)]
pub(super) struct Conflicts {
    moved: u32,
    stuck: Pause,
    /// The resourceVersion of the last write that was in conflict.
    base: Option<String>,
    /// So many conflicts in a row were on top of the same one as the one before.
    unmoved: u32,
}

impl Conflicts {
    /// Others left room: what follows is a new row.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }

    /// Waits before the Lease is read and written again, after a write on top of `base` was in conflict.
    ///
    /// Where the Lease has changed meanwhile others were faster, and may be again: the first time there is no pause, and
    /// then they grow. Where it has not changed since the write before, the server says no for a reason of its own,
    /// and that is a fault like any other.
    ///
    /// # Errors
    /// When another try is not worth it, or its time is over.
    pub(super) async fn settle<A: Api, C: Clock>(
        &mut self,
        operations: &Operations<A, C>,
        base: &str,
        fault: Fault,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), End> {
        let unmoved = self.base.replace(base.to_owned()).as_deref() == Some(base);
        self.unmoved = if unmoved { self.unmoved + 1 } else { 0 };
        if unmoved && !(limits.once && self.unmoved < ONCE_UNMOVED) {
            return operations
                .pause_after(fault, &mut self.stuck, limits, report)
                .await;
        }
        let now = operations.clock.now();
        let over = limits.deadline.is_some_and(|deadline| now >= deadline)
            || (limits.once && self.moved >= ONCE);
        if over {
            return Err(End::timed_out(Some(fault)));
        }
        let doubled = FIRST_CONFLICT
            .saturating_mul(1 << self.moved.min(10))
            .min(LONGEST_CONFLICT);
        self.moved += 1;
        if self.moved == 1 {
            return Ok(());
        }
        let until = now + doubled.mul_f64(0.5 + fastrand::f64() / 2.0);
        tokio::select! {
            biased;
            signal = limits.interrupt.arrived() => Err(End::Interrupted(signal)),
            () = operations.clock.reached(limits.deadline.filter(|_| !limits.once)) => Err(End::timed_out(Some(fault))),
            () = operations.clock.sleep_until(until) => Ok(()),
        }
    }
}

/// So often who tries once only tries again over others' edits, and where nothing is known to have changed.
const ONCE: u32 = 5;
const ONCE_UNMOVED: u32 = 2;

fn compared(
    sent: &Lease,
    answer: Write,
    alteration: fn(&Lease, &Lease) -> Option<Alteration>,
) -> Written {
    match answer {
        Write::Done(stored) => {
            let version = stored.resource_version().to_owned();
            let before = sent.resource_version();
            let is_newer = version != before && !stored.older_than(sent);
            let Some(stored) = stored.into_record().filter(|_| is_newer) else {
                return Written::Conflict(Fault::NotStored(format!(
                    "the server answered that the write is done and stored nothing (resourceVersion {version:?} after {before:?})"
                )));
            };
            if stored.is_another_write(sent) {
                // What is there may be somebody else's: it is looked at again, and never given back for ours.
                return Written::Conflict(Fault::NotStored(format!(
                    "the server answered that the write is done, and showed another one, by {:?}",
                    stored.holder().unwrap_or_default()
                )));
            }
            match alteration(&stored, sent) {
                Some(found) => Written::Altered(stored, found),
                None => Written::Done(stored),
            }
        }
        Write::Conflict(rejection) | Write::Exists(rejection) | Write::Absent(rejection) => {
            Written::Conflict(conflict(rejection))
        }
    }
}

/// A conflict as a fault, with the server's own words.
pub(super) fn conflict(rejection: Rejection) -> Fault {
    Fault::Rejected(Rejection {
        kind: RejectionKind::Conflict,
        ..rejection
    })
}
