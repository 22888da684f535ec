//! What became of releases without a clear answer, where the Lease has gone on since: the changes after the version that the first
//! was for tell. Only one write can be stored over a version.

use std::time::Duration;

use futures::StreamExt;

use super::super::api::{Api, LeaseEvent};
use super::super::record::Record;
use super::{End, Limits, Operations, Pause};
use crate::clock::{Clock, Instant};

/// How long is looked: a server that answers at all shows at once what has been.
const LOOK: Duration = Duration::from_secs(3);

/// What the changes tell.
#[derive(Debug)]
pub(super) enum Hindsight {
    /// This one of them was carried out: the Lease as it left it.
    Stored(usize, Record),
    /// None was: the grant ended otherwise.
    Never,
    /// Nobody may watch, or it was too long ago, or the server does not answer.
    Unknown,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Whether one of these releases, the first of them sent first, was carried out before the Lease was at `version`, if it is there.
    ///
    /// # Errors
    /// When a signal came meanwhile.
    pub(super) async fn looked_back(
        &self,
        written: &[&Record],
        version: Option<&str>,
        limits: &Limits,
    ) -> Result<Hindsight, End> {
        let until = self.clock.now() + LOOK;
        let mut pause = Pause::default();
        loop {
            if let Some(told) = self.look_once(written, version, until, limits).await? {
                return Ok(told);
            }
            let next = self.clock.now() + pause.next(None);
            tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                () = self.clock.sleep_until(next.min(until)) => {}
            }
        }
    }

    /// One watch; `None` where it broke, and another one may tell.
    async fn look_once(
        &self,
        written: &[&Record],
        version: Option<&str>,
        until: Instant,
        limits: &Limits,
    ) -> Result<Option<Hindsight>, End> {
        let Some(first) = written.first() else {
            return Ok(Some(Hindsight::Never));
        };
        let mut changes = self.api.watch(first.resource_version());
        loop {
            let change = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                () = self.clock.sleep_until(until) => return Ok(Some(Hindsight::Unknown)),
                change = changes.next() => change,
            };
            let record = match change {
                Some(LeaseEvent::Open | LeaseEvent::Bookmark) => continue,
                Some(LeaseEvent::Lease(record)) => record,
                Some(LeaseEvent::Deleted) => return Ok(Some(Hindsight::Never)),
                Some(LeaseEvent::Broken(fault)) if !fault.is_transient() => {
                    return Ok(Some(Hindsight::Unknown));
                }
                Some(LeaseEvent::Broken(_)) | None => return Ok(None),
            };
            if let Some(number) = written.iter().position(|written| record.shows(written)) {
                return Ok(Some(Hindsight::Stored(number, record)));
            }
            // What was before may be told again.
            let goes_on = written.iter().any(|written| {
                record.uid() == written.uid() && record.transitions() <= written.transitions()
            });
            let is_last = version == Some(record.resource_version());
            if !goes_on || is_last || written.iter().all(|written| record.denies(written)) {
                return Ok(Some(Hindsight::Never));
            }
        }
    }
}
