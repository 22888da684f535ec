//! Create: a Lease that is not there yet.

use super::super::api::{Api, Fault, Found};
use super::super::record::Record;
use super::write::Written;
use super::{End, Grant, Limits, Operations, Pause, Report, unsettled, write_limit};
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
    /// When the server refuses or cannot be asked within the limits, or stores something else.
    pub async fn create(
        &self,
        terms: &CreateTerms,
        limits: &Limits,
        report: Report<'_>,
    ) -> Result<Created, End> {
        let mut pause = Pause::default();
        let mut unknown = false;
        loop {
            let limit = write_limit(None);
            let fault = match self.post(&terms.record, terms.dry_run, true, limit).await {
                Ok(Written::Done(record)) => return Ok(Created::New(record)),
                Ok(Written::Altered(stored, found)) => {
                    // The Lease is there, and is not what was asked for. Nobody is to hold it who was not asked for.
                    let end = End::Altered {
                        what: found.to_string(),
                        left: None,
                    };
                    if terms.dry_run {
                        return Err(end);
                    }
                    let grant = Grant::new(stored, &terms.record, self.clock.now());
                    return Err(self.undo(grant, &found).await);
                }
                Ok(Written::Conflict(fault @ Fault::NotStored(_))) => fault,
                Ok(Written::Conflict(_)) if !unknown => return Ok(Created::Exists),
                // A reply was lost before: is the one that is there ours?
                Ok(Written::Conflict(fault)) => {
                    match self.api.get(limit.min(self.read_limit)).await {
                        Ok(Found::Lease { record, .. })
                            if record.alteration_of_all(&terms.record).is_none() =>
                        {
                            return Ok(Created::New(record));
                        }
                        Ok(Found::Lease { .. }) => return Ok(Created::Exists),
                        Ok(Found::Absent) => fault,
                        Err(fault) => fault,
                    }
                }
                Err(fault) => {
                    // A page in place of the first answer comes from no API server at all.
                    let sent = matches!(fault, Fault::Unknown(_)) || self.contacted.get();
                    unknown |= sent && fault.leaves_outcome_open() && !terms.dry_run;
                    fault
                }
            };
            let paused = self.pause_after(fault, &mut pause, limits, report).await;
            paused.map_err(|end| if unknown { unsettled(end) } else { end })?;
        }
    }
}
