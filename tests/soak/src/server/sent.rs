//! A request of a proxy's record, as the history tells it.

use lease_harness::Request;

use super::clocks::Clocks;
use crate::history::Sent;

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
