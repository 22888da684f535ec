//! A request of a proxy's record, as the history tells it.

use lease_harness::Request;

use super::clocks::Clocks;
use crate::history::Sent;

/// What the names of tickets have in them: waiters' places in line, on which nothing that is judged here rests.
pub const TICKET: &str = ".waiter-";

/// Whether it is about a ticket, and not about a lease.
pub fn is_of_ticket(request: &Request) -> bool {
    let name = &request.json()["metadata"]["name"];
    request.path.contains(TICKET)
        || request.query.contains("queue%2Dof")
        || name.as_str().is_some_and(|name| name.contains(TICKET))
}

/// See [`Sent`].
pub fn sent(contender: u32, request: Request, clocks: &Clocks) -> Sent {
    let at = clocks.of(request.at);
    Sent {
        contender,
        at,
        answered: request.took.map(|took| at + took),
        body: request.json(),
        method: request.method,
        path: request.path,
        query: request.query,
        upstream_status: request.upstream_status,
        status: request.status,
        fault: request.fault.map(str::to_owned),
    }
}
