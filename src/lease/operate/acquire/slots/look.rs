//! Reads all slots, at first and while they are waited for; what one has learned of the server goes for all.

use futures::StreamExt;
use futures::stream;

use super::super::super::super::api::{Api, Changes};
use super::super::super::super::decide::{Obstacle, Seen};
use super::super::super::{Limits, OnProgress, Operations, Watcher};
use super::{Round, SlotEnd, SlotOperations, about};
use crate::clock::Clock;

/// So many of them are read at the same time.
const READ_AT_ONCE: usize = 8;

impl<A: Api, C: Clock, W: Changes> SlotOperations<A, C, W> {
    /// Reads all of them: the first, and once the server has answered that the others side by side.
    pub(super) async fn read_all(
        &self,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Vec<Seen>, SlotEnd> {
        let first = self.each[0].read_patiently(None, limits, report);
        let mut all = vec![first.await.map_err(about(0))?];
        self.share(&self.each[0]);
        let others = self.each.iter().enumerate().skip(1);
        let reads = others.map(|(slot, one)| async move {
            let read = one.read_patiently(None, limits, report).await;
            read.map_err(about(slot))
        });
        let mut reads = stream::iter(reads).buffered(READ_AT_ONCE);
        while let Some(read) = reads.next().await {
            all.push(read?);
        }
        Ok(all)
    }

    /// The same of what is waited for.
    pub(super) async fn hear_all(
        &self,
        obstacle: &Obstacle,
        watcher: &mut Watcher,
        round: &mut Round<'_>,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<(), SlotEnd> {
        for (slot, one) in self.each.iter().enumerate() {
            let before = round.seen[slot].clone();
            let heard = one.hear(before, obstacle, watcher, limits, report).await;
            round.seen[slot] = heard.map_err(about(slot))?;
        }
        Ok(())
    }

    /// What one has learned of the server goes for all: that it answers, and what its stamps are worth.
    pub(super) fn share(&self, from: &Operations<A, C>) {
        for one in &self.each {
            one.contacted
                .set(from.contacted.get() || one.contacted.get());
            one.stamps.set(from.stamps.get());
        }
    }
}
