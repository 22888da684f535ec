//! Writing what is ours, for as long as it is; and what became of writes without a clear answer.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::api::{Api, Fault};
use super::super::decide::{Ours, OursStep, Seen};
use super::super::evidence::Observation;
use super::super::record::{Lease, Record};
use super::guard::AT_LEAST;
use super::hindsight::Hindsight;
use super::write::{Conflicts, Written};
use super::{End, Limits, OnProgress, Operations, Pause, unsettled, write_limit};
use crate::clock::{Clock, Instant};

/// So many writes without a clear answer are remembered.
const REMEMBERED: usize = 8;

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
    /// One that was answered like this, if it may have been carried out all the same.
    pub(super) fn after(fault: &Fault, written: Record) -> Option<Self> {
        if fault.leaves_outcome_open() {
            Some(Self::Unanswered(written))
        } else if fault.may_hide_success() {
            Some(Self::Refused(written))
        } else {
            None
        }
    }

    pub(super) fn record(&self) -> &Record {
        match self {
            Self::Unanswered(record) | Self::InConflict(record) | Self::Refused(record) => record,
        }
    }

    /// The grant that it was to end, as it was read.
    pub(super) fn before(&self) -> Option<Record> {
        let read = self.record().replaced()?;
        Lease::clone(&read).into_record()
    }

    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Unanswered(_))
    }

    /// Whether what was seen is still the grant that it was for.
    pub(super) fn is_for(&self, seen: &Seen) -> bool {
        let Seen::Lease(seen) = seen else {
            return false;
        };
        let (record, grant) = (seen.record(), self.record().replaced());
        record.resource_version() == self.record().resource_version()
            || grant.is_some_and(|grant| record.same_grant(&grant))
    }

    /// The next grant, where that shows that there was no holder to take it from. After a conflict it may have been somebody else who
    /// had freed it: most are with a change of somebody's.
    pub(super) fn shown_by(&self, seen: &Seen) -> Option<Record> {
        let Seen::Lease(seen) = seen else { return None };
        let record = seen.record();
        let in_conflict = matches!(self, Self::InConflict(_));
        (!in_conflict && record.follows_on(self.record())).then(|| record.clone())
    }

    /// Whether what was seen tells that the grant was ended by somebody else.
    pub(super) fn is_denied_by(&self, seen: &Seen) -> bool {
        matches!(seen, Seen::Lease(seen) if seen.record().denies(self.record()))
    }
}

/// What [`Operations::write_if_ours`] goes by.
pub(super) struct Rules {
    /// What is written over what was seen.
    pub(super) decide: fn(&Ours, &Seen, Timestamp) -> OursStep,
    /// Recognises a release of ours whose reply was lost, or which was answered 409 by something that had sent it twice. Of other
    /// writes it is not known.
    pub(super) done: Option<fn(&Sent, &Seen) -> Option<Record>>,
}

/// What [`Operations::write_if_ours`] has written.
pub(super) struct OursWritten {
    pub(super) written: Written,
    /// When the request was sent that counts.
    pub(super) sent_at: Instant,
    /// The Lease as that request found it.
    pub(super) before: Option<Arc<Lease>>,
}

/// What [`Operations::write_if_ours`] ends with where nothing is known to have been written.
pub(super) struct NotWritten {
    pub(super) end: End,
    /// What decided it, if that was the Lease itself.
    pub(super) seen: Option<Seen>,
}

impl NotWritten {
    pub(super) fn new(end: End, seen: Option<Seen>) -> Box<Self> {
        Box::new(Self { end, seen })
    }
}

/// What was sent and not clearly answered, by one operation.
#[derive(Default)]
pub(super) struct Unclear {
    pub(super) sent: Vec<Sent>,
    /// Whether nothing was read since the last of them.
    pub(super) is_open: bool,
    /// The last fault.
    fault: Option<Fault>,
}

impl Unclear {
    pub(super) fn add(&mut self, sent: Option<Sent>, fault: &Fault) {
        let Some(sent) = sent else { return };
        self.fault = Some(fault.clone());
        self.is_open = true;
        if self.sent.len() == REMEMBERED {
            // The changes are looked through from the first one on.
            self.sent.remove(1);
        }
        self.sent.push(sent);
    }

    /// How it ends where none of it turned out to have been carried out.
    fn end(&self, end: End, rules: &Rules) -> Box<NotWritten> {
        let may_be_done = self.sent.iter().any(Sent::is_unanswered)
            || (rules.done.is_some() && self.is_open && !self.sent.is_empty());
        NotWritten::new(if may_be_done { unsettled(end) } else { end }, None)
    }
}

/// What comes next.
enum Next {
    /// It is written.
    Write(Record),
    /// One of those that were sent was carried out.
    Done {
        record: Record,
        before: Option<Arc<Lease>>,
    },
    /// Nothing more is written.
    End(Box<NotWritten>),
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Writes what the rules make of the Lease for as long as it is ours; conflicts and unknown outcomes are resolved by
    /// reading again.
    pub(super) async fn write_if_ours(
        &self,
        ours: &Ours,
        rules: &Rules,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<OursWritten, Box<NotWritten>> {
        let mut pause = Pause::default();
        let mut conflicts = Conflicts::default();
        let mut unclear = Unclear::default();
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
        let done = |record, before, sent_at| OursWritten {
            written: Written::Done(record),
            sent_at,
            before,
        };
        loop {
            let record = match self.next(ours, &seen, rules, &unclear, limits).await {
                Next::Write(record) => record,
                Next::Done { record, before } => return Ok(done(record, before, sent_at)),
                Next::End(end) => return Err(end),
            };
            sent_at = self.clock.now();
            let mut limit = write_limit(record.duration());
            if let Some(deadline) = limits.deadline.filter(|_| limits.insist) {
                // Whoever insists has only so much time for it, and other Leases to give back then.
                limit = limit.min(deadline.since(sent_at).max(AT_LEAST));
            }
            let trouble = match self.replace(&record, limit).await {
                Ok(Written::Conflict(fault)) => {
                    let base = record.resource_version().to_owned();
                    unclear.add(Some(Sent::InConflict(record)), &fault);
                    let settled = conflicts.settle(self, &base, fault, limits, report);
                    settled.await
                }
                Ok(written) => {
                    return Ok(OursWritten {
                        written,
                        sent_at,
                        before: record.replaced(),
                    });
                }
                Err(fault) => {
                    unclear.add(Sent::after(&fault, record), &fault);
                    self.pause_after(fault, &mut pause, limits, report).await
                }
            };
            if let Err(ended) = trouble {
                // A refusal is the end, unless it was not the answer to the write that happened. Whoever has tried for as long as
                // there was time has read before.
                let all_unanswered = unclear.sent.iter().all(Sent::is_unanswered);
                if !unclear.sent.is_empty()
                    && (limits.once || !all_unanswered)
                    && matches!(ended, End::Fault(_) | End::TimedOut { .. })
                    && let Ok(seen) = self.last_read(limits).await
                {
                    unclear.is_open = false;
                    match self.next(ours, &seen, rules, &unclear, limits).await {
                        Next::Done { record, before } => return Ok(done(record, before, sent_at)),
                        Next::End(end) => return Err(end),
                        Next::Write(_) => {}
                    }
                }
                return Err(unclear.end(ended, rules));
            }
            let read = self.read_patiently(Some(seen), limits, report).await;
            seen = read.map_err(|ended| unclear.end(ended, rules))?;
            unclear.is_open = false;
        }
    }

    async fn next(
        &self,
        ours: &Ours,
        seen: &Seen,
        rules: &Rules,
        unclear: &Unclear,
        limits: &Limits,
    ) -> Next {
        let sent = &unclear.sent;
        let known = |sent: &Sent| {
            let record = rules.done.and_then(|done| done(sent, seen))?;
            let before = sent.record().replaced();
            Some(Next::Done { record, before })
        };
        if let Some(done) = sent.iter().find_map(known) {
            return done;
        }
        let step = (rules.decide)(ours, seen, self.clock.wall());
        let goes_on = sent.iter().all(|sent| sent.is_for(seen));
        let told = match rules.done {
            Some(_) if !goes_on => self.told(sent, seen, limits).await,
            Some(_) | None => Ok(Hindsight::Never),
        };
        // Of a refusal it is most likely what it says.
        let is_open = sent.iter().any(Sent::is_unanswered);
        match (told, step) {
            (Ok(Hindsight::Stored(number, record)), _) => Next::Done {
                before: sent[number].record().replaced(),
                record,
            },
            (Ok(Hindsight::Never), OursStep::Replace(record)) => Next::Write(record),
            (Ok(Hindsight::Unknown), OursStep::Refuse(refusal)) if is_open => {
                let end = End::Unsettled {
                    end: Box::new(End::Refused(refusal)),
                    fault: None,
                };
                Next::End(NotWritten::new(end, Some(seen.clone())))
            }
            (Ok(Hindsight::Never | Hindsight::Unknown), OursStep::Refuse(refusal)) => {
                Next::End(NotWritten::new(End::Refused(refusal), Some(seen.clone())))
            }
            // A newer grant of the same identity: it was not to be ended, if the one before was.
            (Ok(Hindsight::Unknown), OursStep::Replace(_)) => {
                let fault = unclear.fault.clone();
                let end = fault.map_or_else(|| End::timed_out(None), End::Fault);
                Next::End(NotWritten::new(unsettled(end), None))
            }
            (Err(interrupted), _) => Next::End(NotWritten::new(unsettled(interrupted), None)),
        }
    }

    /// Whether one of these was carried out, where another state has followed: what is there may deny it; else the changes tell.
    pub(super) async fn told(
        &self,
        sent: &[Sent],
        seen: &Seen,
        limits: &Limits,
    ) -> Result<Hindsight, End> {
        if sent.iter().all(|sent| sent.is_denied_by(seen)) {
            return Ok(Hindsight::Never);
        }
        let written: Vec<&Record> = sent.iter().map(Sent::record).collect();
        let version = match seen {
            Seen::Lease(seen) => Some(seen.record().resource_version()),
            Seen::Absent => None,
        };
        let told = self.looked_back(&written, version, limits).await?;
        let mut all = sent.iter().enumerate();
        let shown = all.find_map(|(number, sent)| Some((number, sent.shown_by(seen)?)));
        Ok(match (told, shown) {
            (Hindsight::Unknown, Some((number, record))) => Hindsight::Stored(number, record),
            (told, _) => told,
        })
    }
}
