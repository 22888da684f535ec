//! A caller's own ticket: it is drawn, and renewed for as long as the caller waits.

use super::super::super::api::{Api, Fault, RejectionKind};
use super::super::super::decide::Loss;
use super::super::super::record::{GrantTerms, Lease};
use super::super::{Created, End, Grant, Limits, Pause};
use super::{LONGEST, Left, Mine, SHORTEST, Standing, Ticket};
use crate::clock::Clock;

/// How long a creation is tried before the line is looked at again.
const DRAWN_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

impl<A: Api, C: Clock> Standing<'_, A, C> {
    /// Draws a ticket. Whoever may not delete it does not get one: nobody else would get past it before it expires.
    pub(super) async fn draw(&self, limits: &Limits) -> Result<(), Left> {
        let mut pause = Pause::default();
        loop {
            let name = self.line.terms.name.some_ticket();
            let ticket = self.blank(&name);
            *self.ticket.borrow_mut() = Ticket::Sent(name.clone());
            let operations = self.on(&name);
            let within = self.until(DRAWN_WITHIN, limits);
            match operations.store(&ticket, &within, &|_| ()).await {
                Ok(Created::New(grant)) => {
                    let place = grant.record.place();
                    self.set(Mine { grant, place });
                    break;
                }
                // Chance has it that somebody has this name.
                Ok(Created::Exists) => {}
                Err(end) => {
                    let fault = fault_of(end)?;
                    self.leave(&limits.interrupt).await;
                    self.after(fault, &mut pause, limits.once).await?;
                }
            }
        }
        self.may_be_deleted(limits).await
    }

    /// What a ticket has from the start.
    fn blank(&self, name: &str) -> Lease {
        let (line, terms) = (self.line, &self.line.terms);
        let sight = self.gate.sight();
        let of_grant = sight.as_ref().map_or(LONGEST, |sight| sight.duration);
        let duration = of_grant.clamp(SHORTEST, LONGEST);
        let grant = GrantTerms {
            duration: Some(duration),
            ..terms.grant.clone()
        };
        let fresh = Lease::fresh(&terms.namespace, name, duration);
        let owner = sight.and_then(|sight| sight.owner);
        // A fresh one has transitions to spare.
        let granted = fresh.granted(&grant, line.clock.wall()).unwrap_or(fresh);
        granted.as_ticket(terms.name.label(), terms.priority, owner.as_ref())
    }

    async fn may_be_deleted(&self, limits: &Limits) -> Result<(), Left> {
        let Some(mine) = self.mine() else {
            return Ok(());
        };
        let operations = self.on(mine.grant.record.name());
        let once = Limits {
            once: true,
            ..limits.clone()
        };
        let tried = operations.delete(&mine.grant.record, true, &once, &|_| ());
        match tried.await {
            Err(End::Fault(fault)) if fault.rejected() == Some(RejectionKind::Forbidden) => {
                Err(Left::NoPlace(fault))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the ticket renewed. Returns once the place is lost.
    pub(super) async fn keep(&self) {
        loop {
            let Some(mine) = self.mine() else { return };
            let sight = self.gate.sight();
            let owner = sight.and_then(|sight| sight.owner);
            let due = mine.grant.sent_at + mine.grant.duration().as_duration() / 3;
            // Written at once, and not with the first renewal: an edit of it by somebody else would make it a later place.
            if mine.grant.record.has_place() {
                tokio::select! {
                    biased;
                    () = self.line.clock.sleep_until(due) => {}
                    () = self.owner_changed(&mine.grant) => {}
                }
            }
            let now = self.line.clock.now();
            let record = mine.grant.record.with_place(mine.place, owner.as_ref());
            let asked = Grant {
                record,
                // However old it is: a renewal that is stored proves that the place is still there.
                sent_at: now,
                ..mine.grant
            };
            let operations = self.on(asked.record.name());
            match operations.renew_until(&asked, asked.expires_at()).await {
                Ok(grant) => {
                    self.gate.extend(grant.expires_at());
                    self.set(Mine {
                        grant,
                        place: mine.place,
                    });
                }
                // Nobody could be asked. Others could not either, it may be.
                Err(Loss::Deadline { .. }) => {}
                Err(loss) => {
                    log::debug!("the place in line is lost: {loss:?}");
                    return;
                }
            }
        }
    }

    /// Returns once the ticket is to be of another Lease, which was made in place of the one before.
    async fn owner_changed(&self, grant: &Grant) {
        loop {
            let sight = self.gate.sight();
            let owner = sight.and_then(|sight| sight.owner);
            if owner.is_some_and(|owner| !grant.record.is_owned_by(&owner)) {
                return;
            }
            self.owned.notified().await;
        }
    }

    fn set(&self, mine: Mine) {
        *self.ticket.borrow_mut() = Ticket::Mine(Box::new(mine));
    }

    /// The same limits, for so long at most.
    fn until(&self, within: std::time::Duration, limits: &Limits) -> Limits {
        let until = self.line.clock.now() + within;
        Limits {
            deadline: Some(
                limits
                    .deadline
                    .map_or(until, |deadline| deadline.min(until)),
            ),
            ..limits.clone()
        }
    }
}

/// What stood in the way of a ticket.
fn fault_of(end: End) -> Result<Fault, Left> {
    match end {
        End::Fault(fault)
        | End::TimedOut {
            fault: Some(fault), ..
        } => Ok(fault),
        End::Unsettled {
            fault: Some(fault), ..
        } => Ok(fault),
        End::Unsettled { end, fault: None } => fault_of(*end),
        End::Altered { what, .. } => Ok(Fault::NotStored(what)),
        end => Err(Left::End(Box::new(end))),
    }
}
