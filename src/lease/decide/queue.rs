//! Who comes first among those that stand in line.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::record::{Record, Standing};
use super::super::report::Row;

/// Where a ticket stands: the smallest is served first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    priority: Reverse<i32>,
    place: u64,
    /// Two that were created as the same version are two servers' doing; the order is the same for all who look.
    uid: String,
}

impl Rank {
    /// That of this ticket.
    pub fn of(ticket: &Record) -> Self {
        Self {
            priority: Reverse(ticket.priority()),
            place: ticket.place(),
            uid: ticket.uid().to_owned(),
        }
    }

    /// That of a ticket which was created as this version, whatever its record says by now.
    pub fn placed(ticket: &Record, place: u64) -> Self {
        Self {
            place,
            ..Self::of(ticket)
        }
    }
}

/// The tickets that somebody stands at, the first to be served first: a report, in which an expired one is one too, since it is
/// served before the others until that is proven.
pub fn in_line(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let ranked = rows.filter_map(|row| {
        let Standing {
            place,
            priority,
            is_there,
        } = row.lease.standing?;
        let rank = Rank {
            priority: Reverse(priority),
            place,
            uid: row.lease.uid.clone(),
        };
        is_there.then_some((rank, row))
    });
    let mut ranked: Vec<(Rank, Row)> = ranked.collect();
    ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
    ranked.into_iter().map(|(_, row)| row).collect()
}

/// The tickets that somebody stands at, by their uids, in the order in which they are served. It is kept and not made anew with
/// each look: of a line of five hundred everyone looks whenever the lease, its own ticket or the one before it changes.
#[derive(Default)]
pub struct Order(BTreeSet<Rank>);

impl Order {
    /// This one too, if somebody stands there.
    pub fn insert(&mut self, ticket: &Record) {
        if ticket.stands_in_line() {
            self.0.insert(Rank::of(ticket));
        }
    }

    /// Without this one, as it was inserted.
    pub fn remove(&mut self, ticket: &Record) {
        self.0.remove(&Rank::of(ticket));
    }

    /// Those that stand before this one, the first to be served first.
    pub fn before(&self, own: &Rank) -> impl DoubleEndedIterator<Item = &str> {
        self.0.range(..own).map(|rank| rank.uid.as_str())
    }

    /// How many stand there.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::clock::Instant;
    use crate::lease::evidence::{Observation, Stamps};
    use crate::lease::record::Keep;

    fn at(millis: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(millis))
    }

    fn ticket(name: &str, version: u64, place: Option<u64>, priority: i32) -> Observation {
        let mut annotations = json!({ "kubectl-lease/priority": priority.to_string() });
        if let Some(place) = place {
            annotations["kubectl-lease/place"] = json!(place.to_string());
        }
        let record = Record::new(json!({
            "metadata": {
                "namespace": "d", "name": name, "uid": name, "resourceVersion": version.to_string(),
                "labels": { "kubectl-lease/queue-of": "x" }, "annotations": annotations,
            },
            "spec": { "holderIdentity": name, "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z" },
        }));
        Observation::first(record.expect("a ticket"), at(0), None)
    }

    fn order(own: &Observation, all: &[Observation]) -> Vec<String> {
        let own = Rank::of(own.record());
        let mut order = Order::default();
        all.iter().for_each(|seen| order.insert(seen.record()));
        order.before(&own).map(str::to_owned).collect()
    }

    #[test]
    fn whoever_came_first_is_served_first_however_often_a_ticket_was_renewed() {
        let all = [
            ticket("third", 50, None, 0),
            ticket("first", 90, Some(10), 0),
            ticket("second", 70, Some(20), 0),
        ];
        assert_eq!(order(&all[0], &all), ["first", "second"]);
        assert_eq!(order(&all[1], &all), [""; 0]);
        assert_eq!(order(&all[2], &all), ["first"]);
    }

    #[test]
    fn a_higher_priority_goes_before_and_among_equals_the_place_counts() {
        let all = [
            ticket("usual", 1, None, 0),
            ticket("late and urgent", 9, None, 5),
            ticket("urgent", 4, None, 5),
            ticket("patient", 2, None, -1),
        ];
        assert_eq!(order(&all[3], &all), ["urgent", "late and urgent", "usual"]);
        assert_eq!(order(&all[1], &all), ["urgent"]);
        assert_eq!(order(&all[2], &all), [""; 0]);
    }

    #[test]
    fn a_place_that_was_given_back_keeps_nobody_waiting() {
        let (first, second) = (ticket("first", 1, None, 0), ticket("second", 2, None, 0));
        let mut object = first.record().as_json().clone();
        object["spec"]["holderIdentity"] = json!(null);
        let gone = Observation::first(Record::new(object).expect("a ticket"), at(0), None);
        assert_eq!(order(&second, &[first, second.clone()]), ["first"]);
        assert_eq!(order(&second, &[gone, second.clone()]), [""; 0]);
    }

    #[test]
    fn a_report_has_all_that_stand_there_in_the_order_in_which_they_are_served() {
        let mut gone = ticket("gone", 3, None, 9).record().as_json().clone();
        gone["spec"]["holderIdentity"] = json!(null);
        let mut lock = ticket("lock", 3, None, 0).record().as_json().clone();
        lock["metadata"]["labels"] = json!({});
        let all = [
            ticket("late and urgent", 90, Some(9), 5),
            ticket("usual", 70, Some(1), 0),
            ticket("urgent", 4, None, 5),
        ];
        let all = all.map(|ticket| ticket.record().as_json().clone());
        let rows = all.into_iter().chain([gone, lock]).map(|object| {
            let record = Record::new(object).expect("a ticket");
            Row::new(Keep::Facts.of(&record), None, Stamps::Untrusted)
        });
        let told: Vec<String> = in_line(rows)
            .into_iter()
            .map(|row| row.lease.name)
            .collect();
        assert_eq!(told, ["urgent", "late and urgent", "usual"]);
    }
}
