//! Places whose waiters do not renew them any more: who ends them, and when.

use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use super::super::super::api::{Api, Deletion, Fault};
use super::super::super::decide::Rank;
use super::super::super::evidence::Observation;
use super::super::{OnProgress, write_limit};
use super::line::Known;
use super::{LONGEST, Left, Mine, Standing, Trouble};
use crate::clock::{Clock, Instant};

/// A renewal that is later by so much is missing.
const LATE: Duration = Duration::from_millis(1500);

/// So many places of the dead are ended at the same time.
const ENDED_AT_ONCE: usize = 16;

/// So many look at all of the line where somebody in it may be dead. Of those behind them somebody notices who stands right behind
/// the dead.
pub(super) const LOOKING_AT_ONCE: usize = 64;

impl<A: Api, C: Clock> Standing<'_, A, C> {
    /// When this place will have been watched for as long as it lasts. The time in which the server did not answer is not counted:
    /// nobody could renew a ticket then.
    pub(super) fn due(&self, ticket: &Observation) -> Option<Instant> {
        let due = ticket.observed_expiry()?;
        let since = self.answers_since.get();
        Some(since.map_or(due, |since| due.max(since + lasts(ticket))))
    }

    /// The places before the caller's whose waiters do not renew them any more, and when one of those that are suspected of that will
    /// have ended. Those before somebody who lives are that one's to end, once it has been there for long enough to know: one of a
    /// higher priority comes in between after others have begun to watch.
    pub(super) fn dead(
        &self,
        known: &Known,
        own: &Rank,
        mine: &Mine,
        now: Instant,
    ) -> (Vec<Observation>, Option<Instant>) {
        let (mut dead, mut next) = (Vec::new(), None);
        if !mine.is_renewed(now) {
            return (dead, next);
        }
        // Since when the one that was there first of those who live between.
        let mut between: Option<Instant> = None;
        for seen in known.ahead_of(own).rev().take(LOOKING_AT_ONCE) {
            let is_ours = between.is_none_or(|since| suspected_at(seen) <= since);
            match self.due(seen) {
                Some(due) if is_ours && due <= now => dead.push(seen.clone()),
                Some(due) if is_ours && between.is_some() => {
                    next = next.into_iter().chain([due]).min()
                }
                Some(_) | None => {
                    let since = known.known_since(seen.record());
                    if now >= since + lasts(seen) {
                        break;
                    }
                    between = between.into_iter().chain([since]).min();
                }
            }
        }
        (dead, next)
    }

    /// Ends these places. A renewal in between keeps one.
    pub(super) async fn end_places(
        &self,
        dead: &[Observation],
        trouble: &mut Trouble,
        report: OnProgress<'_>,
    ) -> Result<(), Left> {
        let mut waiting = dead.iter();
        let mut ending: FuturesUnordered<_> = (waiting.by_ref().take(ENDED_AT_ONCE))
            .map(|seen| self.end_place(seen))
            .collect();
        let mut refused = None;
        while let Some(ended) = ending.next().await {
            refused = ended.err().or(refused);
            ending.extend(waiting.next().map(|seen| self.end_place(seen)));
        }
        match refused {
            None => Ok(()),
            Some(fault) => self.after(fault, trouble, false, report).await,
        }
    }

    async fn end_place(&self, seen: &Observation) -> Result<(), Fault> {
        let record = seen.record();
        log::debug!("the place of {} has ended", record.name());
        let operations = self.on(record.name());
        let limit = write_limit(record.duration()).min(self.line.read_limit);
        match operations.api.delete(record, false, limit).await? {
            Deletion::Done | Deletion::Absent => Ok(()),
            // It was renewed or edited; or the server refuses for a reason of its own, and would again at once.
            Deletion::Conflict(rejection) => Err(Fault::Rejected(rejection)),
        }
    }
}

/// How long a place lasts without a renewal.
pub(super) fn lasts(ticket: &Observation) -> Duration {
    let duration = ticket.record().duration();
    duration.unwrap_or(LONGEST).as_duration()
}

/// From when on a renewal of it is missing.
pub(super) fn suspected_at(ticket: &Observation) -> Instant {
    let lasts = lasts(ticket);
    let expiry = ticket.observed_expiry().unwrap_or_default();
    expiry - lasts + lasts / 3 + LATE
}
