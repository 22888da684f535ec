//! A grant that the server stored otherwise than it was sent: kept where it will do, else given back.

use super::super::super::api::Api;
use super::super::super::decide::{AcquireTerms, Seen};
use super::super::super::record::{Alteration, Lease};
use super::super::release::Returned;
use super::super::{
    ATTEMPT_LIMIT, End, Grant, Interrupt, Limits, OnProgress, Operations, Progress,
};
use crate::clock::Clock;

impl AcquireTerms {
    /// Whether what was stored, which differs so from what was sent, is no grant on these terms.
    pub(in super::super) fn refuses(&self, stored: &Lease, found: &Alteration) -> bool {
        let least = self.min_duration.or(self.grant.duration);
        let short =
            (stored.duration()).is_none_or(|stored| least.is_some_and(|least| stored < least));
        found.holder || found.grant || found.renewal || found.endless || short
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// What the server stored instead of what was sent: a grant of another duration that will do, or none at all, and
    /// then what was stored is given back.
    pub(super) async fn as_stored(
        &self,
        grant: Grant,
        written: &Lease,
        found: &Alteration,
        terms: &AcquireTerms,
        report: OnProgress<'_>,
    ) -> Result<Grant, End> {
        if !terms.refuses(&grant.record, found) {
            report(Progress::Altered(found.to_string()));
            return Ok(grant);
        }
        if grant.keeps_others_out(self.clock.now()) {
            return Err(End::Kept(Box::new(End::Altered {
                what: found.to_string(),
                left: grant.record.holder().map(str::to_owned),
            })));
        }
        Err(self.undo(grant, written, found).await)
    }

    /// Gives back what the server stored in place of the grant that `written` is. The answer may be about somebody else's
    /// write, so that what is there is read, and given back only if it is ours.
    pub(in super::super) async fn undo(
        &self,
        stored: Grant,
        written: &Lease,
        found: &Alteration,
    ) -> End {
        let limits = Limits {
            deadline: Some(self.clock.now() + ATTEMPT_LIMIT),
            once: false,
            insist: true,
            interrupt: Interrupt::never(),
        };
        let left = match self.read_patiently(None, &limits, &|_| ()).await {
            Ok(Seen::Lease(there)) => {
                let there = there.record();
                let as_answered = there.resource_version() == stored.record.resource_version();
                let ours = as_answered || there.is_of_write(written);
                let holder = there.holder().filter(|_| ours).map(str::to_owned);
                let there = Grant {
                    record: there.clone(),
                    ..stored
                };
                match holder {
                    Some(holder) => match self.give_grant_back(&there, &limits, &|_| ()).await {
                        Returned::Unsettled(_) => Some(holder),
                        Returned::Freed(_) | Returned::Lost(_) => None,
                    },
                    None => None,
                }
            }
            Ok(Seen::Absent) => None,
            Err(_) => stored.record.holder().map(str::to_owned),
        };
        End::Altered {
            what: found.to_string(),
            left,
        }
    }
}
