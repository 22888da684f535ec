//! What a caller knows of the others in line: each ticket as it was seen last, and since when it has not changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::super::super::api::Tickets;
use super::super::super::decide::{Order, Rank};
use super::super::super::evidence::Observation;
use super::super::super::record::Record;
use super::LONGEST;
use crate::clock::Instant;

/// The tickets, by uid, and the order of those that somebody stands at.
#[derive(Default)]
pub struct Known {
    /// The uid of the caller's own, which is none of them: whatever somebody has made of it, nobody stands before oneself.
    own: Option<String>,
    seen: BTreeMap<String, Observation>,
    order: Order,
    /// Those that were seen to be renewed.
    alive: BTreeSet<String>,
    /// Since when each is known.
    since: BTreeMap<String, Instant>,
}

impl Known {
    /// Nobody yet, but the caller's own ticket.
    pub fn but(own: Option<&str>) -> Self {
        Self {
            own: own.map(str::to_owned),
            ..Self::default()
        }
    }

    /// All that are there, as a read has it that arrived at `at`.
    pub fn listed(&mut self, tickets: Tickets, at: Instant) {
        let mut before = std::mem::take(&mut self.seen);
        self.order = Order::default();
        for ticket in tickets.all {
            let ticket = ticket.lasting_at_most(LONGEST);
            self.came(&ticket, at);
            let seen = match before.remove(ticket.uid()) {
                Some(earlier) => {
                    let renewed = earlier.record().renew_time().map(str::to_owned);
                    self.compared(renewed, earlier.confirmed(ticket, at, None))
                }
                None => Observation::first(ticket, at, None),
            };
            self.insert(seen);
        }
    }

    /// One that was renewed at this time before: what is older than that is no sign of life, and is not kept.
    fn compared(&mut self, renewed: Option<String>, now: Observation) -> Observation {
        if renewed.as_deref() != now.record().renew_time() {
            self.alive.insert(now.record().uid().to_owned());
        }
        now
    }

    fn came(&mut self, ticket: &Record, at: Instant) {
        self.since.entry(ticket.uid().to_owned()).or_insert(at);
    }

    /// Since when this one is known.
    pub fn known_since(&self, ticket: &Record) -> Instant {
        self.since.get(ticket.uid()).copied().unwrap_or_default()
    }

    /// Whether somebody was seen to stand there since it is looked at.
    pub fn is_alive(&self, ticket: &Record) -> bool {
        self.alive.contains(ticket.uid())
    }

    /// Those that somebody stands at, or did.
    pub fn all(&self) -> impl Iterator<Item = &Observation> {
        let all = self.seen.values();
        all.filter(|seen| seen.record().stands_in_line())
    }

    /// The resourceVersion of this one, as it was seen last.
    pub fn version_of(&self, uid: &str) -> Option<String> {
        let seen = self.seen.get(uid)?;
        Some(seen.record().resource_version().to_owned())
    }

    /// One as a watch shows it, at `at`.
    pub fn glimpsed(&mut self, ticket: Record, at: Instant) {
        let ticket = ticket.lasting_at_most(LONGEST);
        self.came(&ticket, at);
        let seen = match self.remove(ticket.uid()) {
            Some(earlier) => {
                let renewed = earlier.record().renew_time().map(str::to_owned);
                self.compared(renewed, earlier.and(ticket, at, None))
            }
            None => Observation::first(ticket, at, None),
        };
        self.insert(seen);
    }

    /// Those before this one, the first to be served first.
    pub fn ahead_of(&self, own: &Rank) -> impl DoubleEndedIterator<Item = &Observation> {
        self.order.before(own).filter_map(|uid| self.seen.get(uid))
    }

    /// How many those are.
    pub fn count_ahead_of(&self, own: &Rank) -> usize {
        self.order.before(own).count()
    }

    /// How many stand there.
    pub fn waiters(&self) -> usize {
        self.order.count()
    }

    /// This one is gone.
    pub fn remove(&mut self, uid: &str) -> Option<Observation> {
        let seen = self.seen.remove(uid)?;
        self.order.remove(seen.record());
        Some(seen)
    }

    fn insert(&mut self, seen: Observation) {
        let uid = seen.record().uid().to_owned();
        if self.own.as_ref() == Some(&uid) {
            return;
        }
        // Who answers with one ticket twice does not make it two.
        self.remove(&uid);
        self.order.insert(seen.record());
        self.seen.insert(uid, seen);
    }

    /// Of those before `own`, this holder has what it waited for. It is not looked at again for that, unless it is the last of them,
    /// which is watched.
    pub fn is_served(&mut self, own: &Rank, holder: &str) {
        let mut but_last = self.ahead_of(own);
        but_last.next_back();
        let served = but_last
            .find(|seen| seen.record().holder() == Some(holder))
            .map(|seen| seen.record().uid().to_owned());
        drop(but_last);
        if let Some(uid) = served {
            self.remove(&uid);
        }
    }
}

/// What a renewal of a ticket may take, and clocks that are right may differ by.
const LATE: SignedDuration = SignedDuration::from_secs(2);

/// Whether a ticket's last renewal is no older than it may be, and of no time to come, by clocks that may be wrong: that proves
/// nothing, and is so of the dead for seconds at most. Where it is not, only watching tells whether somebody still stands there.
pub fn is_fresh(ticket: &Record, wall: Timestamp) -> bool {
    let renewed = ticket.renew_time().and_then(|time| time.parse().ok());
    let lasts = ticket.duration().map_or(LONGEST, |all| all.min(LONGEST));
    renewed.is_some_and(|renewed: Timestamp| {
        let lasts = SignedDuration::from_secs(lasts.as_secs().into());
        (-LATE..=lasts + LATE).contains(&wall.duration_since(renewed))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(seconds))
    }

    /// Of this number, as it was written `version`th, where it stands at `place`; of nobody where it was given back.
    fn ticket(number: u8, version: u64, place: u64, holder: Option<&str>) -> Record {
        let record = Record::new(json!({
            "metadata": {
                "namespace": "d", "name": number.to_string(), "uid": number.to_string(), "resourceVersion": version.to_string(),
                "labels": { "kubectl-lease/queue-of": "x" }, "annotations": { "kubectl-lease/place": place.to_string() },
            },
            "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z" },
        }));
        record.expect("a ticket")
    }

    fn all(tickets: impl IntoIterator<Item = Record>) -> Tickets {
        Tickets {
            all: tickets.into_iter().collect(),
            resource_version: "99".to_owned(),
        }
    }

    fn names(known: &Known, own: &Rank) -> Vec<String> {
        let ahead = known.ahead_of(own);
        ahead.map(|seen| seen.record().name().to_owned()).collect()
    }

    #[test]
    fn of_two_of_one_identity_the_first_is_served_and_the_last_before_the_caller_stays() {
        let mut known = Known::default();
        let holders = ["ada", "bob", "ada", "eve"];
        let tickets = (1..)
            .zip(holders)
            .map(|(number, holder)| ticket(number, 50, number.into(), Some(holder)));
        known.listed(all(tickets), at(0));
        let own = Rank::of(&ticket(9, 50, 9, Some("me")));
        known.is_served(&own, "ada");
        assert_eq!(names(&known, &own), ["2", "3", "4"]);
        known.is_served(&own, "eve");
        known.is_served(&own, "nobody");
        assert_eq!(names(&known, &own), ["2", "3", "4"]);
    }

    /// Each of these seconds ago, by clocks of which one may be wrong.
    #[test]
    fn a_renewal_of_long_ago_and_one_of_a_time_to_come_are_both_to_be_watched() {
        let renewed = "2026-01-01T00:00:00Z".parse::<Timestamp>().expect("a time");
        let ticket = ticket(1, 50, 1, Some("ada"));
        for (ago, fresh) in [
            (-3600, false),
            (-3, false),
            (-1, true),
            (16, true),
            (18, false),
        ] {
            let wall = renewed + SignedDuration::from_secs(ago);
            assert_eq!(is_fresh(&ticket, wall), fresh, "{ago}");
        }
    }

    #[test]
    fn what_a_watch_tells_again_is_no_sign_of_life() {
        let renewed = |version, second: u32| {
            let ticket = ticket(1, version, 1, Some("ada"));
            let mut object = ticket.as_json().clone();
            object["spec"]["renewTime"] = json!(format!("2026-01-01T00:00:{second:02}.000000Z"));
            Record::new(object).expect("a ticket")
        };
        let mut known = Known::default();
        known.listed(all([renewed(50, 20)]), at(0));
        known.glimpsed(renewed(40, 10), at(1));
        assert!(!known.is_alive(&renewed(50, 20)));
        known.glimpsed(renewed(60, 25), at(2));
        assert!(known.is_alive(&renewed(60, 25)));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Listed(Vec<(u8, u64, u64, bool)>),
        Glimpsed(u8, u64, u64, bool),
        Removed(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let one = (0..6u8, 10..20u64, 1..9u64, any::<bool>());
        prop_oneof![
            proptest::collection::vec(one.clone(), 0..7).prop_map(Step::Listed),
            one.prop_map(|(number, version, place, held)| Step::Glimpsed(
                number, version, place, held
            )),
            (0..6u8).prop_map(Step::Removed),
        ]
    }

    proptest! {
        /// Whatever is listed, a ticket twice in one answer too, watched and taken off.
        #[test]
        fn the_order_is_that_of_the_tickets_as_they_were_seen_last(steps in proptest::collection::vec(step(), 1..30)) {
            let mut known = Known::default();
            for (second, step) in (0..).zip(steps) {
                let of = |(number, version, place, held): (u8, u64, u64, bool)| {
                    ticket(number, version, place, held.then_some("me"))
                };
                match step {
                    Step::Listed(tickets) => known.listed(all(tickets.into_iter().map(of)), at(second)),
                    Step::Glimpsed(number, version, place, held) => {
                        known.glimpsed(of((number, version, place, held)), at(second));
                    }
                    Step::Removed(number) => drop(known.remove(&number.to_string())),
                }
                let standing = known.seen.values().filter(|seen| seen.record().stands_in_line());
                let mut wanted: Vec<Rank> = standing.map(|seen| Rank::of(seen.record())).collect();
                wanted.sort();
                let last = Rank::placed(&ticket(9, 99, 99, Some("me")), 99);
                let found: Vec<Rank> = known.ahead_of(&last).map(|seen| Rank::of(seen.record())).collect();
                prop_assert_eq!(&found, &wanted);
                prop_assert_eq!(known.waiters(), wanted.len());
                prop_assert_eq!(known.count_ahead_of(&last), wanted.len());
            }
        }
    }
}
