//! What the server's own stamps are worth, and its stamp of now by a dry run.

use super::super::api::{Api, Write};
use super::super::evidence::{Observation, Stamps};
use super::super::record::Record;
use super::{Limits, Operations, write_limit};
use crate::clock::Clock;

/// So many dry runs in a row may conflict: more are a webhook's doing, and watching proves the expiry too.
const CONFLICTS: u32 = 5;

/// What became of a dry run.
pub(super) enum TriedOut {
    /// This is known now.
    Known(Observation),
    /// The Lease is not what it was: read it.
    Changed,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// The same operations, which believe no stamps if `only`: nothing but our own watching proves an expiry.
    #[must_use]
    pub fn observed_only(self, only: bool) -> Self {
        if only {
            self.stamps.set(Stamps::Untrusted);
        }
        self
    }

    /// The same operations, which know from elsewhere what this server's stamps are worth, unless none are believed.
    #[must_use]
    pub fn knowing(self, stamps: Stamps) -> Self {
        if self.stamps.get() == Stamps::Unknown {
            self.stamps.set(stamps);
        }
        self
    }

    /// Finds out what the server's stamps are worth.
    pub(super) async fn ask_version(&self, limits: &Limits) {
        let limit = self.clip(self.read_limit, limits);
        let version = self.api.version(limit).await;
        self.stamps.set(Stamps::by_version(version));
    }

    /// A dry run of `takeover`, which is a write over `seen`, for the server's own stamp of now. Where it cannot be had,
    /// stamps prove nothing from now on: a dry run that is refused stays so, and one that gets no answer is not worth a
    /// second try, as our own watching goes on meanwhile.
    pub(super) async fn try_out(
        &self,
        seen: &Observation,
        takeover: &Record,
        limits: &Limits,
    ) -> TriedOut {
        let limit = write_limit(takeover.duration()).min(self.read_limit);
        let limit = self.clip(limit, limits);
        let manager = self.api.manager();
        let stamp = match self.api.try_replace(takeover, manager, limit).await {
            Ok(Write::Done(reply)) => reply.stamp_of_write(seen.record(), takeover, manager),
            Ok(Write::Conflict(_) | Write::Absent(_) | Write::Exists(_)) => {
                let conflicts = self.conflicting_dry_runs.get() + 1;
                self.conflicting_dry_runs.set(conflicts);
                if conflicts >= CONFLICTS {
                    self.stamps.set(Stamps::Untrusted);
                }
                return TriedOut::Changed;
            }
            Err(fault) => {
                log::debug!("no dry run: {fault}");
                None
            }
        };
        TriedOut::Known(match stamp {
            Some(stamp) => {
                self.conflicting_dry_runs.set(0);
                log::debug!("stamped {stamp}: the server's own time");
                seen.clone().told(stamp, self.clock.now())
            }
            None => {
                self.stamps.set(Stamps::Untrusted);
                seen.clone()
            }
        })
    }
}
