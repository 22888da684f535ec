//! Every Lease as last seen, the server's clock going on, and what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::super::evidence::Stamps;
use super::super::super::report::{self, Row, State};
use super::super::super::summary::Summary;
use crate::clock::Instant;

/// A rate of transitions says something only after this long.
const LONG_ENOUGH: Duration = Duration::from_secs(300);

/// The Leases.
#[derive(Debug, Default)]
pub struct Board {
    leases: BTreeMap<Key, Entry>,
    clock: Option<(Timestamp, Instant)>,
    stamps: Stamps,
}

/// Namespace and name.
type Key = (String, String);

fn key(lease: &Summary) -> Key {
    (lease.namespace.clone(), lease.name.clone())
}

#[derive(Debug)]
struct Entry {
    lease: Summary,
    state: State,
    watched_since: Instant,
    transitions_then: i64,
}

impl Board {
    /// The server's time at an instant of ours; it goes on by our monotonic clock, and so does the last one that was told.
    pub fn set_clock(&mut self, date: Option<Timestamp>, at: Instant, stamps: Stamps) {
        self.clock = date.map(|date| (date, at)).or(self.clock);
        if stamps != Stamps::Unknown {
            self.stamps = stamps;
        }
    }

    /// Whether it is known what the server's stamps are worth.
    pub fn knows_stamps(&self) -> bool {
        self.stamps != Stamps::Unknown
    }

    /// The server's time at an instant, before or after the one at which it was told.
    pub fn date(&self, instant: Instant) -> Option<Timestamp> {
        let (date, at) = self.clock?;
        let passed = SignedDuration::try_from(instant.since(at)).ok()?;
        let before = SignedDuration::try_from(at.since(instant)).ok()?;
        date.checked_add(passed).ok()?.checked_sub(before).ok()
    }

    fn row(&self, lease: &Summary, now: Instant) -> Row {
        Row::new(lease.clone(), self.date(now), self.stamps)
    }

    /// A Lease was added or modified; renewals alone are no change.
    pub fn put(&mut self, lease: Summary, now: Instant) -> Option<Row> {
        let row = self.row(&lease, now);
        let key = key(&lease);
        let before = self.leases.get(&key);
        let same_object = before.filter(|before| before.lease.uid == lease.uid);
        let changed = same_object.is_none_or(|before| {
            before.state != row.condition.state || !same_but_renewed(&before.lease, &lease)
        });
        let (watched_since, transitions_then) = match same_object {
            Some(before) => (before.watched_since, before.transitions_then),
            None => (now, lease.transitions),
        };
        let entry = Entry {
            state: row.condition.state,
            lease,
            watched_since,
            transitions_then,
        };
        self.leases.insert(key, entry);
        changed.then_some(row)
    }

    /// A Lease was deleted.
    pub fn remove(&mut self, lease: &Summary, now: Instant) -> Option<Row> {
        self.forget(&key(lease), now)
    }

    fn forget(&mut self, key: &Key, now: Instant) -> Option<Row> {
        let gone = self.leases.remove(key)?;
        let mut row = self.row(&gone.lease, now);
        row.condition.state = State::Deleted;
        Some(row)
    }

    /// A new list: says what is different from what was known.
    pub fn replace(&mut self, leases: Vec<Summary>, now: Instant) -> Vec<Row> {
        let mut gone: BTreeSet<Key> = self.leases.keys().cloned().collect();
        let mut changes = Vec::new();
        for lease in leases {
            gone.remove(&key(&lease));
            changes.extend(self.put(lease, now));
        }
        changes.extend(gone.iter().filter_map(|key| self.forget(key, now)));
        changes
    }

    /// Whether time alone changes a state by `now`.
    pub fn is_due(&self, now: Instant) -> bool {
        let date = self.date(now);
        let state = |entry: &Entry| report::of(&entry.lease, date, self.stamps).state;
        (self.leases.values()).any(|entry| state(entry) != entry.state)
    }

    /// Whether these Leases are known as they are, and where they are `all` no others.
    pub fn agrees(&self, leases: &[Summary], all: bool) -> bool {
        let known = |lease: &Summary| {
            self.leases.get(&key(lease)).is_some_and(|known| {
                known.lease.uid == lease.uid
                    && known.lease.resource_version == lease.resource_version
            })
        };
        (!all || leases.len() == self.leases.len()) && leases.iter().all(known)
    }

    /// Time alone makes a holder's lease expire; `now` is when the server was last heard, for silence proves nothing.
    pub fn tick(&mut self, now: Instant) -> Vec<Row> {
        let date = self.date(now);
        let stamps = self.stamps;
        let mut changes = Vec::new();
        for entry in self.leases.values_mut() {
            let condition = report::of(&entry.lease, date, stamps);
            if condition.state != entry.state {
                entry.state = condition.state;
                changes.push(Row {
                    condition,
                    lease: entry.lease.clone(),
                    date,
                });
            }
        }
        changes
    }

    /// Every Lease by namespace and name. One whose state would be another by now is as it was when the server was last
    /// `heard`.
    pub fn rows(&self, now: Instant, heard: Instant) -> impl Iterator<Item = Row> + '_ {
        self.leases.values().map(move |entry| {
            let row = self.row(&entry.lease, now);
            if row.condition.state == entry.state {
                row
            } else {
                self.row(&entry.lease, heard)
            }
        })
    }

    /// The transitions an hour of one Lease, where it was watched long enough.
    pub fn rate(&self, lease: &Summary, now: Instant) -> Option<f64> {
        let entry = self.leases.get(&key(lease))?;
        let watched = now.since(entry.watched_since);
        let transitions = entry
            .lease
            .transitions
            .saturating_sub(entry.transitions_then);
        (watched >= LONG_ENOUGH).then(|| transitions as f64 * 3600.0 / watched.as_secs_f64())
    }
}

fn same_but_renewed(before: &Summary, after: &Summary) -> bool {
    let renewed = Summary {
        renewed: after.renewed,
        left_behind: after.left_behind,
        stamp: after.stamp,
        renew_stamp: after.renew_stamp,
        resource_version: after.resource_version.clone(),
        object: after.object.clone(),
        ..before.clone()
    };
    renewed == *after && same_metadata(before, after)
}

/// Labels and annotations, where objects are printed.
fn same_metadata(before: &Summary, after: &Summary) -> bool {
    let shown = |lease: &Summary| {
        let metadata = &lease.object.as_ref()?["metadata"];
        Some((metadata["labels"].clone(), metadata["annotations"].clone()))
    };
    shown(before) == shown(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::summary;
    use crate::lease::testing::{at, wall};

    fn lease(name: &str, holder: &str, minute_and_second: &str, transitions: i64) -> Summary {
        let body = serde_json::json!({
            "metadata": { "namespace": "n", "name": name, "uid": "u" },
            "spec": {
                "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": transitions,
                "renewTime": format!("2026-01-01T00:{minute_and_second}.000000Z"),
            },
        });
        summary::one(body.to_string().as_bytes()).expect("a lease")
    }

    /// With one lease that `x` renewed at 100 s.
    fn board() -> Board {
        let mut board = Board::default();
        let date = Some(wall("2026-01-01T00:00:00Z"));
        board.set_clock(date, at(100.0), Stamps::Unknown);
        let changes = board.replace(vec![lease("a", "x", "00:00", 1)], at(100.0));
        assert_eq!(changes.len(), 1);
        board
    }

    #[test]
    fn a_renewal_alone_is_no_change_and_a_new_holder_is() {
        let mut board = board();
        let renewed = board.put(lease("a", "x", "00:05", 1), at(105.0));
        assert!(renewed.is_none());
        let taken = board.put(lease("a", "y", "00:06", 2), at(106.0));
        assert!(taken.is_some());
    }

    #[test]
    fn a_lease_expires_by_the_passing_of_time_and_is_said_once() {
        let mut board = board();
        assert!(board.tick(at(114.0)).is_empty());
        let changes = board.tick(at(115.0));
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].condition.state, State::Expired);
        assert!(board.tick(at(116.0)).is_empty());
        let alive_again = board.put(lease("a", "x", "00:16", 1), at(116.0));
        assert!(alive_again.is_some());
    }

    #[test]
    fn a_new_list_says_only_what_is_different() {
        let mut board = board();
        let same = lease("a", "x", "00:05", 1);
        assert!(board.replace(vec![same.clone()], at(105.0)).is_empty());
        let changes = board.replace(vec![lease("b", "", "00:00", 0)], at(106.0));
        let said: Vec<(&str, State)> = changes
            .iter()
            .map(|row| (row.lease.name.as_str(), row.condition.state))
            .collect();
        assert_eq!(said, [("b", State::Free), ("a", State::Deleted)]);
    }

    #[test]
    fn transitions_an_hour_show_after_five_minutes_of_watching() {
        let mut board = board();
        let _ = board.put(lease("a", "y", "05:00", 11), at(380.0));
        let rate = |board: &Board, now: f64| {
            let row = board.rows(at(now), at(now)).next()?;
            board.rate(&row.lease, at(now))
        };
        assert_eq!(rate(&board, 399.0), None);
        assert_eq!(rate(&board, 400.0), Some(120.0));
    }

    #[test]
    fn what_is_due_is_shown_as_it_was_until_the_server_is_heard() {
        let mut board = board();
        assert!(!board.is_due(at(114.0)) && board.is_due(at(115.0)));
        assert!(board.tick(at(112.0)).is_empty());
        let state = |board: &Board| {
            let mut rows = board.rows(at(120.0), at(112.0));
            rows.next().map(|row| row.condition.state)
        };
        assert_eq!(state(&board), Some(State::Held));
        assert_eq!(board.tick(at(115.0)).len(), 1);
        assert!(!board.is_due(at(120.0)));
        assert_eq!(state(&board), Some(State::Expired));
    }

    #[test]
    fn an_answer_agrees_where_it_shows_the_same_versions() {
        let mut board = Board::default();
        let lease = |name: &str, version: &str| Summary {
            resource_version: version.to_owned(),
            ..lease(name, "x", "00:00", 1)
        };
        let _ = board.replace(vec![lease("a", "1"), lease("b", "2")], at(100.0));
        assert!(board.agrees(&[lease("a", "1"), lease("b", "2")], true));
        assert!(!board.agrees(&[lease("a", "1"), lease("b", "3")], true));
        assert!(board.agrees(&[lease("a", "1")], false));
        assert!(!board.agrees(&[lease("a", "1")], true), "b is gone");
        assert!(!board.agrees(&[lease("c", "1")], false));
        let mut anew = lease("a", "1");
        anew.uid = "other".to_owned();
        assert!(!board.agrees(&[anew], false));
    }
}
