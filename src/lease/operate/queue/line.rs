//! What a caller knows of the others in line: each ticket as it was seen last, and since when it has not changed.

use std::collections::BTreeMap;

use super::super::super::api::Tickets;
use super::super::super::decide::{Rank, ahead_of};
use super::super::super::evidence::Observation;
use super::super::super::record::Record;
use super::LONGEST;
use crate::clock::Instant;

/// The tickets, by uid.
#[derive(Default)]
pub struct Known(BTreeMap<String, Observation>);

impl Known {
    /// All that are there, as a read has it that arrived at `at`.
    pub fn listed(&mut self, tickets: Tickets, at: Instant) {
        let mut before = std::mem::take(&mut self.0);
        for ticket in tickets.all {
            let ticket = ticket.lasting_at_most(LONGEST);
            let uid = ticket.uid().to_owned();
            let seen = match before.remove(&uid) {
                Some(earlier) => earlier.confirmed(ticket, at, None),
                None => Observation::first(ticket, at, None),
            };
            self.0.insert(uid, seen);
        }
    }

    /// The resourceVersion of this one, as it was seen last.
    pub fn version_of(&self, uid: &str) -> Option<String> {
        let seen = self.0.get(uid)?;
        Some(seen.record().resource_version().to_owned())
    }

    /// One as a watch shows it, at `at`.
    pub fn glimpsed(&mut self, ticket: Record, at: Instant) {
        let ticket = ticket.lasting_at_most(LONGEST);
        let uid = ticket.uid().to_owned();
        let seen = match self.0.remove(&uid) {
            Some(earlier) => earlier.and(ticket, at, None),
            None => Observation::first(ticket, at, None),
        };
        self.0.insert(uid, seen);
    }

    /// Those before this one, the first to be served first.
    pub fn ahead_of(&self, own: &Rank) -> Vec<&Observation> {
        ahead_of(own, self.0.values())
    }

    /// How many stand there.
    pub fn waiters(&self) -> usize {
        let all = self.0.values();
        all.filter(|seen| seen.record().stands_in_line()).count()
    }

    /// This one is gone.
    pub fn remove(&mut self, uid: &str) {
        self.0.remove(uid);
    }

    /// Of those before `own`, this holder has what it waited for. It is not looked at again for that, unless it is the last of them,
    /// which is watched.
    pub fn is_served(&mut self, own: &Rank, holder: &str) {
        let ahead = self.ahead_of(own);
        let but_last = ahead.split_last().map_or(&[][..], |(_, others)| others);
        let served = but_last
            .iter()
            .find(|seen| seen.record().holder() == Some(holder));
        if let Some(uid) = served.map(|seen| seen.record().uid().to_owned()) {
            self.remove(&uid);
        }
    }
}
