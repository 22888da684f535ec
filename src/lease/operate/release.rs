//! Release: frees what is ours, and nothing else.

use super::super::api::Api;
use super::super::decide::{self, Ours, Seen};
use super::super::record::Record;
use super::{End, Limits, Operations, Report};
use crate::clock::Clock;

/// The Lease is free.
#[derive(Clone, Debug)]
pub struct Released {
    /// The record after it was freed, by us or, if our reply was lost, by whoever came next.
    pub record: Record,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Releases what is ours.
    ///
    /// # Errors
    /// When it is not ours (nothing is written), or the API server cannot be asked within the limits.
    pub async fn release(
        &self,
        ours: &Ours,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Released, End> {
        self.write_if_ours(ours, limits, report, decide::release, freed)
            .await
            .map(|record| Released { record })
    }
}

/// A release of ours whose reply was lost: the Lease is free, or somebody has taken it since.
fn freed(written: &Record, seen: &Seen) -> Option<Record> {
    match seen {
        Seen::Absent => None,
        Seen::Lease(seen) => {
            let record = seen.record();
            let ended = record.uid() == written.uid()
                && (record.holder().is_none() || record.transitions() > written.transitions());
            ended.then(|| record.clone())
        }
    }
}
