//! Create: a Lease that is not there yet, which may be a grant from the start.

use super::super::api::{Api, Fault, Found};
use super::super::decide::Seen;
use super::super::record::Record;
use super::write::Written;
use super::{
    End, Ended, Grant, Held, Limits, OnProgress, Operations, Pause, unsettled, write_limit,
};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created<T> {
    /// Created, and what was made of it.
    New(T),
    /// A Lease of this name was there before.
    Exists,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Creates the Lease and hands it to `then` as it was stored. A record that names a holder is a grant: it is kept
    /// only if `then` ends well.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked within the limits, or stores something else, or when `then` fails.
    pub async fn create<T, E>(
        &self,
        terms: &CreateTerms,
        limits: &Limits,
        report: OnProgress<'_>,
        then: impl AsyncFnOnce(Held<'_>) -> Result<T, E>,
    ) -> Result<Created<T>, Ended<E>> {
        let stored = self
            .store(terms, limits, report)
            .await
            .map_err(Ended::Ungranted)?;
        match stored {
            Created::Exists => Ok(Created::Exists),
            Created::New(grant) => self
                .hand_out(&grant, !terms.dry_run, &limits.interrupt, then)
                .await
                .map(Created::New),
        }
    }

    async fn store(
        &self,
        terms: &CreateTerms,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Created<Grant>, End> {
        let mut pause = Pause::default();
        let mut unknown = false;
        // It was refused, as far as the answer goes.
        let mut refused = false;
        // A grant is told from others by its times; a free Lease is like any other.
        let may_be_ours = terms.record.holder().is_some() && !terms.dry_run;
        let mut sent_at = self.clock.now();
        loop {
            if !unknown {
                // Else the Lease that is there may be the first of those whose outcome is not known.
                sent_at = self.clock.now();
            }
            let limit = write_limit(None);
            let fault = match self.post(&terms.record, terms.dry_run, true, limit).await {
                Ok(Written::Done(record)) => {
                    return Ok(Created::New(Grant::new(record, &terms.record, sent_at)));
                }
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
                    return Err(self.undo(grant, &terms.record, &found).await);
                }
                Ok(Written::Conflict(fault @ Fault::NotStored(_))) => fault,
                Ok(Written::Conflict(_)) if !unknown && !refused && !may_be_ours => {
                    return Ok(Created::Exists);
                }
                // A reply was lost before, or something on the way sent it twice: is the one that is there ours?
                Ok(Written::Conflict(fault)) => {
                    match self.api.get(limit.min(self.read_limit)).await {
                        Ok(Found::Lease { record, .. })
                            if record.alteration_of_all(&terms.record).is_none() =>
                        {
                            return Ok(Created::New(Grant::new(record, &terms.record, sent_at)));
                        }
                        Ok(Found::Lease { .. }) => return Ok(Created::Exists),
                        // Whoever may only create cannot look.
                        Err(_) if !unknown => return Ok(Created::Exists),
                        Ok(Found::Absent) => fault,
                        Err(fault) => fault,
                    }
                }
                Err(fault) => {
                    // A page in place of the first answer comes from no API server at all.
                    let sent = matches!(fault, Fault::Unknown(_)) || self.contacted.get();
                    unknown |= sent && fault.leaves_outcome_open() && !terms.dry_run;
                    refused |= fault.may_hide_success() && !terms.dry_run;
                    if may_be_ours && fault.may_hide_success() {
                        match self.last_read(limits).await {
                            Ok(Seen::Lease(seen))
                                if seen.record().alteration_of_all(&terms.record).is_none() =>
                            {
                                let record = seen.record().clone();
                                return Ok(Created::New(Grant::new(
                                    record,
                                    &terms.record,
                                    sent_at,
                                )));
                            }
                            Ok(_) => {}
                            Err(End::Fault(read))
                                if read.is_of_credentials() && fault.is_of_credentials() => {}
                            Err(_) => unknown = true,
                        }
                    }
                    fault
                }
            };
            let paused = self.pause_after(fault, &mut pause, limits, report).await;
            paused.map_err(|end| if unknown { unsettled(end) } else { end })?;
        }
    }
}
