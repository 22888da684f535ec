//! Who waits for a Lease in line: its queue's tickets.

use super::StatusArgs;
use super::beside::Answer;
use crate::commands::Session;
use crate::commands::saying::is_unasked;
use crate::lease::evidence::Stamps;
use crate::lease::operate::waiters::waiters;
use crate::lease::report::Row;
use crate::lease::summary::Class;
use crate::lease::values::QueueName;
use crate::server::LeasesClient;

/// Whether somebody may wait in line for such a Lease. For the others nobody is asked.
pub fn has_line(class: Class) -> bool {
    match class {
        Class::Lock => true,
        Class::Node | Class::ApiServer | Class::LeaderElection | Class::Waiter => false,
    }
}

/// Whether what is printed says who waits: that costs a request.
pub fn are_wanted(args: &StatusArgs) -> bool {
    args.shows("waiters") && !is_unasked(&args.output)
}

/// The tickets of a name's queue, as the server has them in memory: it does not look through all that is stored for them.
pub fn tickets(session: &Session, name: &QueueName) -> LeasesClient {
    let queue = session.queue(name);
    let tickets = session.store.aside().leases(queue.selection());
    tickets.remembered()
}

/// Asks for all that stand in line for this name, the first to be served first.
pub async fn of(session: &Session, name: &QueueName, stamps: Stamps) -> Answer<Row> {
    let tickets = tickets(session, name);
    let asked = waiters(&tickets, stamps, session.request_limit);
    Answer::of(asked.await, "waiters")
}
