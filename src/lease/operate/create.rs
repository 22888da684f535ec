//! Create: a Lease that is not there yet.

use super::super::api::{Api, Fault, Found, Write};
use super::super::record::Record;
use super::{End, Limits, Operations, Pause, Report, unsettled, write_limit};
use crate::clock::Clock;

/// What to create, and how.
#[derive(Clone, Debug)]
pub struct CreateTerms {
    /// The whole record.
    pub record: Record,
    /// Let the server check it and store nothing.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Created {
    /// Created, as stored.
    New(Record),
    /// A Lease of this name was there before.
    Exists,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Creates the Lease.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked within the limits.
    pub async fn create(
        &self,
        terms: &CreateTerms,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Created, End> {
        let mut pause = Pause::default();
        let mut unknown = false;
        loop {
            let limit = write_limit(None).min(self.read_limit);
            let fault = match self.api.create(&terms.record, terms.dry_run, limit).await {
                Ok(Write::Done(record)) => return Ok(Created::New(record)),
                Ok(Write::Exists | Write::Conflict | Write::Absent) if !unknown => {
                    return Ok(Created::Exists);
                }
                // A reply was lost before: is the one that is there ours?
                Ok(Write::Exists | Write::Conflict | Write::Absent) => {
                    match self.api.get(limit).await {
                        Ok(Found::Lease { record, .. }) if record.holds_all_of(&terms.record) => {
                            return Ok(Created::New(record));
                        }
                        Ok(Found::Lease { .. }) => return Ok(Created::Exists),
                        Ok(Found::Absent) => continue,
                        Err(fault) => fault,
                    }
                }
                Err(fault) => {
                    unknown |= matches!(fault, Fault::Unknown(_)) && !terms.dry_run;
                    fault
                }
            };
            let paused = self.pause_after(fault, &mut pause, limits, report).await;
            paused.map_err(|end| if unknown { unsettled(end) } else { end })?;
        }
    }
}
