//! One write and its answer compared with what was sent; and writing again over conflicts, with pauses, until a deadline.

use std::time::Duration;

use super::super::api::{Api, Fault, Rejection, RejectionKind, Write};
use super::super::decide::Seen;
use super::super::record::{Alteration, Lease, Record};
use super::{End, Limits, OnProgress, Operations, Pause};
use crate::clock::Clock;

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
