//! Release: frees what is ours, and nothing else.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::api::Api;
use super::super::decide::{self, Loss, Ours, OursStep, Seen};
use super::super::record::{Lease, Record};
use super::ours::{NotWritten, OursWritten, Rules, Sent};
use super::write::Written;
use super::{End, Grant, Limits, OnProgress, Operations};
use crate::clock::Clock;

/// The Lease is free.
#[derive(Clone, Debug)]
pub struct Released {
    /// The record after it was freed, by us or, if our reply was lost, by whoever came next.
    pub record: Record,
    /// The Lease as the release found it.
    pub before: Option<Arc<Lease>>,
}

/// What came of giving a grant back.
#[derive(Clone, Debug)]
pub enum Returned {
    /// The Lease is free: the record as [`Released`] has it.
    Freed(Record),
    /// The grant was over before: this is how it ended. Nothing was written.
    Lost(Loss),
    /// Nobody knows whether it is free, or it is not.
    Unsettled(End),
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Releases what is ours, though not from beside whoever it was stolen from, but for `now`.
    ///
    /// # Errors
    /// When it is not ours (nothing is written), or the API server cannot be asked within the limits.
    pub async fn release(
        &self,
        ours: &Ours,
        now: bool,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Released, End> {
        let decide = if now {
            decide::release
        } else {
            decide::release_ours
        };
        let freed = self.free(ours, decide, limits, report).await;
        freed.map_err(|nothing| nothing.end)
    }

    /// Gives a grant back, and finds out how it ended if it is over.
    pub async fn give_grant_back(
        &self,
        grant: &Grant,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Returned {
        let ours = Ours::Grant(grant.record.clone());
        match self.free(&ours, decide::release, limits, report).await {
            Ok(released) => Returned::Freed(released.record),
            Err(nothing) => match nothing.seen {
                Some(seen) => Returned::Lost(grant.lost(&seen).unwrap_or(Loss::Released)),
                None => Returned::Unsettled(nothing.end),
            },
        }
    }

    async fn free(
        &self,
        ours: &Ours,
        decide: fn(&Ours, &Seen, Timestamp) -> OursStep,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Released, Box<NotWritten>> {
        let rules = Rules {
            decide,
            done: Some(freed),
        };
        let OursWritten {
            written, before, ..
        } = self.write_if_ours(ours, &rules, limits, report).await?;
        match written {
            Written::Done(record) => Ok(Released { record, before }),
            Written::Altered(record, found) => match record.holder() {
                // Free is free, whatever else was stored.
                None => Ok(Released { record, before }),
                Some(holder) => {
                    let end = End::Altered {
                        what: found.to_string(),
                        left: Some(holder.to_owned()),
                    };
                    Err(NotWritten::new(end, None))
                }
            },
            Written::Conflict(fault) => Err(NotWritten::new(End::Fault(fault), None)),
        }
    }
}

/// A release of ours whose outcome was not certain, where the Lease is as it left it. Where it is not, that proves nothing: the
/// changes in between may ([`Operations::told`]).
pub(super) fn freed(sent: &Sent, seen: &Seen) -> Option<Record> {
    let Seen::Lease(seen) = seen else { return None };
    let record = seen.record();
    record.shows(sent.record()).then(|| record.clone())
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
