//! A caller's own ticket: it is drawn, and renewed for as long as the caller waits.

use std::time::Duration;

use super::super::super::api::{Api, Fault, RejectionKind};
use super::super::super::decide::{Loss, Seen};
use super::super::super::record::{GrantTerms, Lease, OwningLease, Record};
use super::super::write::Written;
use super::super::{Created, End, Grant, Limits, OnProgress, Operations, write_limit};
use super::{ASKED_FOR, LONGEST, Left, Mine, SHORTEST, Standing, Ticket, Trouble};
use crate::clock::{Clock, Instant};

/// How long a creation is tried before the line is looked at again.
const DRAWN_WITHIN: Duration = Duration::from_secs(10);

/// A place that nobody could renew in time is given up after so long of refusals and nothing else.
const REFUSED_FOR: Duration = Duration::from_secs(5);
const ASKED_EVERY: Duration = Duration::from_secs(1);

impl<A: Api, C: Clock> Standing<'_, A, C> {
    /// Draws a ticket. Whoever may not delete or renew it does not get one: nobody else would get past it before it expires.
    pub(super) async fn draw(&self, limits: &Limits, report: OnProgress<'_>) -> Result<(), Left> {
        let mut trouble = Trouble::since(self.line.clock.now());
        loop {
            let name = self.line.terms.name.some_ticket();
            let operations = self.on(&name);
            let ticket = self.blank(&name);
            self.may_delete(&operations, &ticket).await?;
            *self.ticket.borrow_mut() = Ticket::Sent(name.clone());
            let limit = trouble.limit(self.line.clock.now());
            let within = self.until(limit.min(DRAWN_WITHIN), limits);
            match operations.store(&ticket, &within, &|_| ()).await {
                Ok(Created::New(grant)) => {
                    trouble.over(report);
                    let place = grant.record.place();
                    let mine = Mine {
                        grant,
                        place,
                        drawn: ticket,
                    };
                    return self.mark(&operations, mine).await;
                }
                // Chance has it that somebody has this name.
                Ok(Created::Exists) => {}
                Err(end) => {
                    let fault = fault_of(end)?;
                    self.leave(&limits.interrupt).await;
                    // In an outage nobody gets a place, which is no reason to go without one.
                    if self.line.queue.list(self.line.read_limit).await.is_err() {
                        trouble.since = Some(self.line.clock.now());
                    }
                    self.after(fault, &mut trouble, limits.once, report).await?;
                }
            }
        }
    }

    /// Asks before there is one: a server says that what is not there may not be deleted before it says that it is not there.
    async fn may_delete(&self, operations: &Operations<A, C>, ticket: &Lease) -> Result<(), Left> {
        let Some(as_if) = ticket.as_if_stored() else {
            return Ok(());
        };
        let limit = write_limit(ticket.duration()).min(self.line.read_limit);
        match operations.api.delete(&as_if, true, limit).await {
            Err(fault) if is_forbidden(&fault) => Err(Left::NoPlace(fault)),
            _ => Ok(()),
        }
    }

    /// Writes down when it came, at once and not with the first renewal: an edit of it by somebody else would make it a later
    /// place. What becomes of it the renewals find out, unless it is not allowed.
    async fn mark(&self, operations: &Operations<A, C>, mine: Mine) -> Result<(), Left> {
        let record = mine.placed(None);
        self.set(mine.clone());
        match self
            .try_renewing(operations, record, mine, LONGEST.as_duration())
            .await
        {
            Err(fault) if is_forbidden(&fault) => Err(Left::NoPlace(fault)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Renews the ticket once.
    ///
    /// # Errors
    /// With what stood in the way; not where somebody has changed it.
    async fn try_renewing(
        &self,
        operations: &Operations<A, C>,
        record: Record,
        mine: Mine,
        limit: Duration,
    ) -> Result<(), Fault> {
        let asked_at = self.line.clock.now();
        let record = record.renewed(self.line.clock.wall());
        let limit = write_limit(record.duration()).min(limit);
        match operations.replace(&record, limit).await? {
            Written::Done(record) => {
                let grant = Grant {
                    record,
                    sent_at: asked_at,
                    ..mine.grant.clone()
                };
                self.set(Mine { grant, ..mine });
                Ok(())
            }
            Written::Altered(..) => Ok(()),
            Written::Conflict(fault) => {
                match operations
                    .read(None, limit.min(self.line.read_limit))
                    .await?
                {
                    // Nobody has: the server refuses for a reason of its own.
                    Seen::Lease(seen)
                        if seen.record().resource_version() == record.resource_version() =>
                    {
                        Err(fault)
                    }
                    Seen::Lease(_) | Seen::Absent => Ok(()),
                }
            }
        }
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

    /// Keeps the ticket renewed. Returns once the place is lost, or may not be kept any more.
    pub(super) async fn keep(&self) -> Left {
        loop {
            let Some(mine) = self.mine() else {
                return Left::Overdue;
            };
            let duration = mine.grant.duration().as_duration();
            if mine.grant.record.has_place() {
                tokio::select! {
                    biased;
                    () = self.line.clock.sleep_until(mine.grant.sent_at + duration / 3) => {}
                    () = self.owner_changed(&mine.grant) => {}
                }
            }
            let sight = self.gate.sight();
            let owner = sight.and_then(|sight| sight.owner);
            let now = self.line.clock.now();
            let asked = Grant {
                record: mine.placed(owner.as_ref()),
                // However old it is: a renewal that is stored proves that the place is still there.
                sent_at: now,
                ..mine.grant.clone()
            };
            let operations = self.on(asked.record.name());
            // A place that could not be renewed in time may still be there; others are not kept from it for long.
            let until = mine.grant.expires_at().max(now + REFUSED_FOR);
            match operations
                .renew_until(&asked, until.min(asked.expires_at()))
                .await
            {
                Ok(grant) => {
                    if grant.sent_at.since(mine.grant.sent_at) > duration * 2 / 3 {
                        let now = self.line.clock.now();
                        self.answers_since.set(Some(now));
                    }
                    self.gate.extend(grant.expires_at());
                    self.set(Mine { grant, ..mine });
                    self.renewed.notify_one();
                }
                // Nobody could be asked, and others could not either, it may be; or it was refused all the while.
                Err(Loss::Deadline { .. }) => {
                    if let Err(fault) = self.is_refused(&operations, asked.record, mine).await {
                        return Left::NoPlace(fault);
                    }
                }
                Err(loss) => {
                    log::debug!("the place in line is lost: {loss:?}");
                    return Left::Overdue;
                }
            }
        }
    }

    /// Whether renewing fails for longer than by a server that starts, and knows nobody for a moment, though it answers otherwise: in
    /// an outage nobody could renew a place.
    ///
    /// # Errors
    /// With what stood in the way.
    async fn is_refused(
        &self,
        operations: &Operations<A, C>,
        record: Record,
        mine: Mine,
    ) -> Result<(), Fault> {
        let clock = &self.line.clock;
        let begun = clock.now();
        loop {
            // Soon: where it hangs, what is sent next may get through.
            let asking = self.try_renewing(operations, record.clone(), mine.clone(), ASKED_FOR);
            let Err(fault) = asking.await else {
                return Ok(());
            };
            let limit = ASKED_FOR.min(self.line.read_limit);
            if !is_forbidden(&fault) && self.line.queue.list(limit).await.is_err() {
                return Ok(());
            }
            if clock.now().since(begun) >= REFUSED_FOR {
                return Err(fault);
            }
            clock.sleep_until(clock.now() + ASKED_EVERY).await;
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
    fn until(&self, within: Duration, limits: &Limits) -> Limits {
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

impl Mine {
    /// With all that makes it a ticket, of this Lease.
    fn placed(&self, owner: Option<&OwningLease>) -> Record {
        let duration = self.grant.duration();
        let drawn = match owner {
            Some(owner) => self.drawn.owned_by(owner),
            None => self.drawn.clone(),
        };
        self.grant.record.with_place(self.place, duration, &drawn)
    }

    /// Whether it was renewed lately. Else others may have been kept from that by the same.
    pub(super) fn is_renewed(&self, now: Instant) -> bool {
        let duration = self.grant.duration().as_duration();
        now < self.grant.sent_at + duration * 2 / 3
    }
}

fn is_forbidden(fault: &Fault) -> bool {
    fault.rejected() == Some(RejectionKind::Forbidden)
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
