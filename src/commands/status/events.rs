//! The Events about one Lease.

use super::StatusArgs;
use super::beside::Answer;
use crate::commands::Session;
use crate::lease::events::Recorded;
use crate::lease::operate::events;
use crate::lease::values::LeaseName;

/// So many are shown.
pub const MOST: usize = 10;

/// Asks for all about the Leases of a name, if they are wanted.
pub async fn about(session: &Session, name: &LeaseName, args: &StatusArgs) -> Answer<Recorded> {
    // They cost a request.
    if args.no_events || !args.shows("events") {
        return Answer::Nothing;
    }
    let (store, limit) = (session.store.aside(), session.request_limit);
    let asked = events::about(&store, &session.namespace, name.as_str(), limit);
    Answer::of(asked.await, "Events")
}
