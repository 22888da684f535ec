//! The leases of a hold: each with its grant, its renewals, its watch, and the reads that the watch led to.

use futures::future::{FutureExt, LocalBoxFuture, select_all};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::clock::{Clock, Instant};
use crate::lease::api::{Api, Fault};
use crate::lease::decide::Seen;
use crate::lease::operate::{Grant, Hint, Operations, Renewal, Renewals, Watcher};
use crate::lease::record::Record;

/// One of them.
pub struct Kept<'a, A, C> {
    pub operations: &'a Operations<A, C>,
    pub grant: Grant,
    pub renewals: Renewals<'a, A, C>,
    pub reads: FuturesUnordered<LocalBoxFuture<'a, Read>>,
    /// What was seen last of a grant that somebody has put on top of ours.
    pub taken: Option<Record>,
    /// Whether it was said that it could not be renewed.
    pub said_trouble: bool,
    watcher: Watcher,
}

/// A read that is over.
pub struct Read {
    pub asked_at: Instant,
    pub seen: Result<Seen, Fault>,
}

/// What was learned of a lease, other than by renewing it.
pub enum Learned {
    Read(Read),
    Hint(Hint),
}

impl<'a, A: Api, C: Clock> Kept<'a, A, C> {
    pub fn new(operations: &'a Operations<A, C>, grant: Grant) -> Self {
        Self {
            operations,
            renewals: Renewals::new(operations, grant.clone(), None),
            grant,
            reads: FuturesUnordered::new(),
            taken: None,
            said_trouble: false,
            watcher: Watcher::default(),
        }
    }
}

/// What becomes next of the renewals, and what is learned next, each with the number of its lease. Both may be dropped and asked
/// for again.
pub fn next<'k, A: Api, C: Clock>(
    kept: &'k mut [Kept<'_, A, C>],
) -> (
    impl Future<Output = (usize, Renewal)> + use<'k, A, C>,
    impl Future<Output = (usize, Learned)> + use<'k, A, C>,
) {
    let (mut renewals, mut learned) = (Vec::new(), Vec::new());
    for one in kept {
        let Kept {
            operations,
            grant,
            renewals: all,
            reads,
            watcher,
            ..
        } = one;
        renewals.push(all.next().boxed_local());
        learned.push(
            async move {
                let (api, clock) = (operations.api(), operations.clock());
                tokio::select! {
                    biased;
                    Some(read) = reads.next() => Learned::Read(read),
                    hint = watcher.hint(api, clock, grant.record.resource_version()) => Learned::Hint(hint),
                }
            }
            .boxed_local(),
        );
    }
    (first(renewals), first(learned))
}

async fn first<T>(all: Vec<LocalBoxFuture<'_, T>>) -> (usize, T) {
    let (outcome, number, _) = select_all(all).await;
    (number, outcome)
}
