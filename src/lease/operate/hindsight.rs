//! What became of a release without a clear answer, where somebody has the Lease since: the changes after the version that it was for
//! tell. Only one write can be stored over a version.

use std::time::Duration;

use futures::StreamExt;

use super::super::api::{Api, LeaseEvent};
use super::super::decide::Seen;
use super::super::evidence::Observation;
use super::super::record::Record;
use super::release::freed;
use super::write::Sent;
use super::{Limits, Operations};
use crate::clock::Clock;

/// How long is looked: a server shows at once what has been.
const LOOK: Duration = Duration::from_secs(1);

impl<A: Api, C: Clock> Operations<A, C> {
    /// The Lease as this release left it, if a watch still shows that. `None` where nothing tells: it was not stored, or nobody
    /// may watch, or it was too long ago.
    pub(super) async fn looked_back(&self, written: Record, limits: &Limits) -> Option<Record> {
        let mut changes = self.api.watch(written.resource_version());
        let until = self.clock.now() + LOOK;
        // Only what shows our own hand.
        let sent = Sent::InConflict(written);
        let written = sent.record();
        loop {
            let change = tokio::select! {
                biased;
                _ = limits.interrupt.arrived() => return None,
                () = self.clock.sleep_until(until) => return None,
                change = changes.next() => change?,
            };
            let record = match change {
                LeaseEvent::Open | LeaseEvent::Bookmark => continue,
                LeaseEvent::Lease(record) => record,
                LeaseEvent::Deleted | LeaseEvent::Broken(_) => return None,
            };
            // What was before may be told again.
            let goes_on =
                record.uid() == written.uid() && record.transitions() == written.transitions();
            let seen = Seen::Lease(Observation::first(record, self.clock.now(), None));
            match freed(&sent, &seen) {
                Some(free) => return Some(free),
                None if goes_on => {}
                None => return None,
            }
        }
    }
}
