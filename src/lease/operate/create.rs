//! Create: a Lease that is not there yet, which may be a grant from the start.

use super::super::api::{Api, Fault, Found, Write};
use super::super::decide::Seen;
use super::super::record::Lease;
use super::write::Written;
use super::{
    End, Ended, Grant, Held, Limits, OnProgress, Operations, Pause, unsettled, write_limit,
};
use crate::clock::Clock;

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
        lease: &Lease,
        limits: &Limits,
        report: OnProgress<'_>,
        then: impl AsyncFnOnce(Held<'_>) -> Result<T, E>,
    ) -> Result<Created<T>, Ended<E>> {
        let stored = self
            .store(lease, limits, report)
            .await
            .map_err(Ended::Ungranted)?;
        match stored {
            Created::Exists => Ok(Created::Exists),
            Created::New(grant) => self
                .hand_out(&grant, &limits.interrupt, then)
                .await
                .map(Created::New),
        }
    }

    /// Lets the server check the creation of the Lease and store nothing: as it would be stored.
    ///
    /// # Errors
    /// As of [`Operations::create`].
    pub async fn try_create(
        &self,
        lease: &Lease,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Created<Lease>, End> {
        let mut pause = Pause::default();
        let limit = write_limit(None).min(self.read_limit);
        loop {
            let fault = match self.api.create(lease, true, limit).await {
                Ok(answer) => {
                    self.contacted.set(true);
                    let Write::Done(stored) = answer else {
                        return Ok(Created::Exists);
                    };
                    return match stored.alteration_of_all(lease) {
                        Some(found) => Err(End::Altered {
                            what: found.to_string(),
                            left: None,
                        }),
                        None => Ok(Created::New(stored)),
                    };
                }
                Err(fault) => fault,
            };
            self.pause_after(fault, &mut pause, limits, report).await?;
        }
    }

    pub(super) async fn store(
        &self,
        lease: &Lease,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Created<Grant>, End> {
        let mut pause = Pause::default();
        let mut unknown = false;
        // It was refused, as far as the answer goes.
        let mut refused = false;
        // A grant is told from others by its times; a free Lease is like any other.
        let may_be_ours = lease.holder().is_some();
        let mut sent_at = self.clock.now();
        loop {
            if !unknown {
                // Else the Lease that is there may be the first of those whose outcome is not known.
                sent_at = self.clock.now();
            }
            let limit = write_limit(None);
            let fault = match self.post(lease, Lease::alteration_of_all, limit).await {
                Ok(Written::Done(record)) => {
                    return Ok(Created::New(Grant::new(record, lease, sent_at)));
                }
                Ok(Written::Altered(stored, found)) => {
                    // The Lease is there, and is not what was asked for. Nobody is to hold it who was not asked for.
                    let grant = Grant::new(stored, lease, self.clock.now());
                    return Err(self.undo(grant, lease, &found).await);
                }
                Ok(Written::Conflict(fault @ Fault::NotStored(_))) => fault,
                Ok(Written::Conflict(_)) if !unknown && !refused && !may_be_ours => {
                    return Ok(Created::Exists);
                }
                // A reply was lost before, or something on the way sent it twice: is the one that is there ours?
                Ok(Written::Conflict(fault)) => {
                    match self.api.get(limit.min(self.read_limit)).await {
                        Ok(Found::Lease { record, .. })
                            if record.alteration_of_all(lease).is_none() =>
                        {
                            return Ok(Created::New(Grant::new(record, lease, sent_at)));
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
                    unknown |= sent && fault.leaves_outcome_open();
                    refused |= fault.may_hide_success();
                    if may_be_ours && fault.may_hide_success() {
                        match self.last_read(limits).await {
                            Ok(Seen::Lease(seen))
                                if seen.record().alteration_of_all(lease).is_none() =>
                            {
                                let record = seen.record().clone();
                                return Ok(Created::New(Grant::new(record, lease, sent_at)));
                            }
                            Ok(_) => {}
                            Err(End::Fault(read))
                                if read.is_of_credentials()
                                    && fault.is_of_credentials()
                                    && !self.contacted.get() => {}
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
