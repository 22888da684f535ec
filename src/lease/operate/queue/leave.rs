//! A caller leaves the line: its ticket is deleted, so that nobody waits for it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

use super::super::super::api::{Api, Fault};
use super::super::super::decide::{Ours, Seen};
use super::super::super::record::Record;
use super::super::{Deleted, End, Interrupt, Limits, Operations, Pause};
use super::{LONGEST, Standing, Ticket};
use crate::clock::Clock;

/// How long a caller that ends tries to leave. A ticket that stays expires by itself.
const LEFT_WITHIN: Duration = Duration::from_secs(5);

/// How long after what was granted is over.
const LEFT_AFTER: Duration = Duration::from_secs(1);

/// So often a ticket may change while it is deleted.
const TRIES: u32 = 5;

impl<A: Api, C: Clock> Standing<'_, A, C> {
    /// Leaves, if there is a place. Who insists does not wait for that.
    pub(in super::super) async fn leave(&self, interrupt: &Interrupt) {
        let until = self.line.clock.now() + LEFT_WITHIN;
        tokio::select! {
            biased;
            () = self.delete() => {}
            () = self.line.clock.sleep_until(until) => {}
            _ = interrupt.insisted() => {}
        }
    }

    /// Leaves while `work` goes on, which is what the place was for.
    pub(in super::super) async fn leave_beside<T>(&self, work: impl Future<Output = T>) -> T {
        let (mut work, mut leaving) = (std::pin::pin!(work), std::pin::pin!(self.delete()));
        tokio::select! {
            biased;
            done = &mut work => {
                let until = self.line.clock.now() + LEFT_AFTER;
                tokio::select! {
                    biased;
                    () = leaving => {}
                    () = self.line.clock.sleep_until(until) => {}
                }
                done
            }
            () = &mut leaving => work.await,
        }
    }

    /// Whatever becomes of it, what was granted is not to suffer.
    async fn delete(&self) {
        let deleted = AssertUnwindSafe(self.try_to_delete()).catch_unwind().await;
        if deleted.is_err() {
            log::debug!("a bug: the ticket stays until it expires");
        }
    }

    async fn try_to_delete(&self) {
        let ticket = std::mem::replace(&mut *self.ticket.borrow_mut(), Ticket::None);
        let (operations, mut record) = match ticket {
            Ticket::None => return,
            Ticket::Mine(mine) => {
                let record = mine.grant.record;
                (self.on(record.name()), record)
            }
            // Whether it was created is not known.
            Ticket::Sent(name) => {
                let operations = self.on(&name);
                let seen = operations.read(None, self.line.read_limit).await;
                let Some(record) = self.own(seen.ok(), None) else {
                    return;
                };
                (operations, record)
            }
        };
        // After that the ticket has expired.
        let until = self.line.clock.now() + LONGEST.as_duration();
        let limits = Limits {
            deadline: Some(until),
            // What fails is not repeated before the ticket was given back, too.
            once: true,
            insist: true,
            interrupt: Interrupt::never(),
        };
        let (mut pause, mut changes) = (Pause::default(), 0);
        while self.line.clock.now() < until {
            let end = match operations.delete(&record, false, &limits, &|_| ()).await {
                Ok(Deleted::Done | Deleted::Absent) => return,
                Ok(Deleted::Changed(seen)) => match self.own(Some(seen), Some(record.uid())) {
                    Some(found) if changes < TRIES => {
                        changes += 1;
                        record = found;
                        continue;
                    }
                    Some(_) | None => return,
                },
                Err(end) => end,
            };
            log::debug!("the ticket {} is not deleted: {end:?}", record.name());
            // What stays there keeps nobody waiting meanwhile.
            if record.holder().is_some()
                && let Some(freed) = self.give_back(&operations, &record, &limits).await
            {
                record = freed;
            }
            if !may_pass(&end) {
                return;
            }
            let next = self.line.clock.now() + pause.next(None);
            self.line.clock.sleep_until(next).await;
        }
    }

    /// Where it cannot be deleted: a ticket that nobody holds keeps nobody waiting. The ticket after that.
    async fn give_back(
        &self,
        operations: &Operations<A, C>,
        ticket: &Record,
        limits: &Limits,
    ) -> Option<Record> {
        let ours = Ours::Grant(ticket.clone());
        match operations.release(&ours, true, limits, &|_| ()).await {
            Ok(released) => Some(released.record),
            Err(end) => {
                let name = ticket.name();
                log::debug!("the ticket {name} stays until it expires: {end:?}");
                None
            }
        }
    }

    /// What is there, if that still is the caller's: it holds it, or nobody holds what it has made, of this uid.
    fn own(&self, seen: Option<Seen>, made: Option<&str>) -> Option<Record> {
        let Some(Seen::Lease(seen)) = seen else {
            return None;
        };
        let record = seen.record();
        let own = match record.holder() {
            Some(holder) => holder == self.line.terms.grant.holder.as_str(),
            None => made == Some(record.uid()),
        };
        own.then(|| record.clone())
    }
}

/// Whether what kept a ticket from being deleted may be over soon.
fn may_pass(end: &End) -> bool {
    match end {
        End::Unsettled { end, fault } => {
            fault.as_ref().is_none_or(Fault::is_transient) && may_pass(end)
        }
        End::Fault(fault) => fault.is_transient(),
        _ => true,
    }
}
