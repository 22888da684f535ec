//! Tickets: a waiter's place in the queue of a Lease, which is a Lease of its own beside it.

use serde_json::json;

use super::field::{DURATION, KIND, PLACE_ANNOTATION, PRIORITY_ANNOTATION, QUEUE_OF_LABEL};
use super::object::Fields;
use super::write::Edit;
use super::{Lease, LeaseDuration, Record};
use crate::lease::values::{self, LeaseName, QueueName};

/// The Lease that a ticket is of, as it is there: the server's garbage collector deletes the ticket after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwningLease {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl OwningLease {
    /// This one.
    pub fn of(lease: &Record) -> Self {
        Self {
            name: lease.name().to_owned(),
            uid: lease.uid().to_owned(),
        }
    }
}

/// Where in line a ticket stands, and whether anybody does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// [`Fields::place`]
    pub place: u64,
    /// [`Fields::priority`]
    pub priority: i32,
    /// [`Fields::stands_in_line`]
    pub is_there: bool,
}

impl Fields<'_> {
    /// Where it stands; `None` for what is no ticket.
    pub(super) fn standing(&self) -> Option<Standing> {
        self.queue_of().map(|_| Standing {
            place: self.place(),
            priority: self.priority(),
            is_there: self.stands_in_line(),
        })
    }

    /// What a ticket is waited for with, by its name: the Lease, or the name that slots share. Where the label is too short for
    /// that name, its owner has it, as long as there is one.
    pub fn in_line_for(&self) -> Option<&str> {
        let label = self.queue_of()?;
        if let Some(slots) = label.strip_suffix(values::OF_SLOTS) {
            return Some(slots);
        }
        let owners = self.metadata.owner_references.iter().flatten();
        let mut names = owners.filter_map(|owner| owner.name.as_deref());
        let is_of = |name: &&str| {
            let name = name.parse::<LeaseName>();
            name.is_ok_and(|name| QueueName::of(&name).label() == label)
        };
        Some(names.find(is_of).unwrap_or(label))
    }

    /// Whether it is a ticket, and what stands for the Lease that it is of.
    pub fn queue_of(&self) -> Option<&str> {
        self.label(QUEUE_OF_LABEL)
    }

    /// When it came: the resourceVersion that it was created with, which orders tickets on every API server backed by etcd. Until
    /// that is written down it is the present one.
    pub fn place(&self) -> u64 {
        let version = self.resource_version().parse().unwrap_or(u64::MAX);
        let noted = self.annotation(PLACE_ANNOTATION).map(str::parse);
        // Nothing can have been created later than it was changed.
        noted.and_then(Result::ok).unwrap_or(version).min(version)
    }

    /// Whether that is written down.
    pub fn has_place(&self) -> bool {
        self.annotation(PLACE_ANNOTATION).is_some()
    }

    /// What goes before the place: the larger one is served first.
    pub fn priority(&self) -> i32 {
        let noted = self.annotation(PRIORITY_ANNOTATION).map(str::parse);
        noted.and_then(Result::ok).unwrap_or(0)
    }

    /// Whether somebody stands there: a ticket that was given back, or is being deleted, keeps nobody waiting.
    pub fn stands_in_line(&self) -> bool {
        self.holder().is_some() && !self.is_terminating()
    }
}

impl Lease {
    /// The same as a ticket of the Lease that this label stands for.
    #[must_use]
    pub fn as_ticket(&self, label: &str, priority: i32, owner: Option<&OwningLease>) -> Self {
        self.edited(|ticket| {
            ticket.insert(&["metadata", "labels"], QUEUE_OF_LABEL, label);
            let priority = (priority != 0).then(|| priority.to_string());
            ticket.annotate(PRIORITY_ANNOTATION, priority.as_deref());
            own(ticket, owner);
        })
    }
}

impl Record {
    /// The same ticket with all that makes it one, whatever somebody has made of it: when it came, for how long it stands, and
    /// what it is of.
    #[must_use]
    pub fn with_place(&self, place: u64, duration: LeaseDuration, as_drawn: &Lease) -> Self {
        self.edited(|ticket| {
            ticket.annotate(PLACE_ANNOTATION, Some(&place.to_string()));
            ticket.annotate(
                PRIORITY_ANNOTATION,
                as_drawn.annotation(PRIORITY_ANNOTATION),
            );
            if let Some(label) = as_drawn.queue_of() {
                ticket.insert(&["metadata", "labels"], QUEUE_OF_LABEL, label);
            }
            ticket.insert(&["spec"], DURATION, duration.as_secs());
            let owners = as_drawn.as_json()["metadata"]["ownerReferences"].clone();
            ticket.insert(&["metadata"], "ownerReferences", owners);
        })
    }

    /// As it is judged whether somebody stands there: no ticket lasts for longer than this without a renewal, whatever
    /// somebody has written into it, and none for ever.
    #[must_use]
    pub fn lasting_at_most(self, most: LeaseDuration) -> Self {
        match self.duration() {
            Some(duration) if duration <= most => self,
            Some(_) | None => self.with_duration(most),
        }
    }
}

impl Lease {
    /// The same, which goes when this Lease goes.
    #[must_use]
    pub fn owned_by(&self, owner: &OwningLease) -> Self {
        self.edited(|ticket| own(ticket, Some(owner)))
    }

    /// Whether it goes when this Lease goes.
    pub fn is_owned_by(&self, owner: &OwningLease) -> bool {
        let owners = &self.as_json()["metadata"]["ownerReferences"];
        let owners = owners.as_array().into_iter().flatten();
        owners.map(|one| &one["uid"]).any(|uid| *uid == *owner.uid)
    }
}

/// Where the Lease is gone for now, the ticket stays nobody's: it is not to be deleted with one that was.
fn own(ticket: &mut Edit, owner: Option<&OwningLease>) {
    let [(_, version), (_, kind)] = KIND;
    let owners = owner.map_or_else(
        || json!([]),
        |owner| json!([{ "apiVersion": version, "kind": kind, "name": owner.name, "uid": owner.uid }]),
    );
    ticket.insert(&["metadata"], "ownerReferences", owners);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ticket(version: &str, annotations: serde_json::Value) -> Record {
        Record::new(json!({
            "metadata": {
                "namespace": "d", "name": "x.waiter-a", "uid": "u", "resourceVersion": version,
                "labels": { QUEUE_OF_LABEL: "x" }, "annotations": annotations,
            },
            "spec": { "holderIdentity": "ada", "leaseDurationSeconds": 15 },
        }))
        .expect("a ticket")
    }

    #[test]
    fn a_place_is_the_version_of_the_creation_and_never_later_than_the_present_one() {
        assert_eq!(ticket("70", json!({})).place(), 70);
        for (noted, place) in [
            ("7", 7),
            ("70", 70),
            ("71", 70),
            ("", 70),
            ("x", 70),
            ("-1", 70),
        ] {
            let found = ticket("70", json!({ PLACE_ANNOTATION: noted }));
            assert_eq!(found.place(), place, "{noted:?}");
        }
        let drawn =
            Lease::fresh("d", "x.waiter-a", LeaseDuration::constant(5)).as_ticket("x", 0, None);
        let kept = ticket("70", json!({})).with_place(69, LeaseDuration::constant(5), &drawn);
        assert_eq!((kept.place(), kept.has_place()), (69, true));
        assert_eq!(kept.resource_version(), "70");
    }

    #[test]
    fn a_priority_that_is_no_number_is_none() {
        for (noted, priority) in [
            ("5", 5),
            ("-5", -5),
            ("", 0),
            ("high", 0),
            ("99999999999", 0),
        ] {
            let found = ticket("70", json!({ PRIORITY_ANNOTATION: noted }));
            assert_eq!(found.priority(), priority, "{noted:?}");
        }
    }

    #[test]
    fn a_ticket_names_its_lease_and_what_it_is_owned_by() {
        let fresh = Lease::fresh(
            "d",
            "x.waiter-a",
            crate::lease::values::LeaseDuration::SHORTEST,
        );
        let owner = OwningLease {
            name: "x".to_owned(),
            uid: "u-7".to_owned(),
        };
        let made = fresh.as_ticket("x", 0, Some(&owner));
        assert_eq!(made.queue_of(), Some("x"));
        assert_eq!(made.owner().as_deref(), Some("Lease/x"));
        assert_eq!(
            made.as_json()["metadata"]["ownerReferences"][0]["uid"],
            "u-7"
        );
        assert!(made.is_owned_by(&owner) && !fresh.is_owned_by(&owner));
        assert_eq!(made.priority(), 0);
        assert_eq!(fresh.as_ticket("x", -3, None).priority(), -3);
        assert_eq!(fresh.as_ticket("x", -3, None).owner(), None);
        assert_eq!(fresh.queue_of(), None);
    }

    #[test]
    fn nobody_stands_there_once_it_is_given_back() {
        let stands = |edit: &dyn Fn(&mut serde_json::Value)| {
            let mut object = ticket("70", json!({})).as_json().clone();
            edit(&mut object);
            Record::new(object).expect("a ticket").stands_in_line()
        };
        assert!(stands(&|_| ()));
        assert!(!stands(
            &|ticket| ticket["spec"]["holderIdentity"] = json!("")
        ));
        assert!(!stands(
            &|ticket| ticket["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z")
        ));
    }

    #[test]
    fn no_ticket_lasts_for_long_whatever_is_written_into_it() {
        let most = LeaseDuration::constant(15);
        for (written, lasts) in [
            (json!(3), 3),
            (json!(15), 15),
            (json!(16), 15),
            (json!(i32::MAX), 15),
            (json!(null), 15),
        ] {
            let mut object = ticket("70", json!({})).as_json().clone();
            object["spec"]["leaseDurationSeconds"] = written.clone();
            let found = Record::new(object).expect("a ticket").lasting_at_most(most);
            assert_eq!(
                found.duration(),
                Some(LeaseDuration::constant(lasts)),
                "{written}"
            );
            assert_eq!((found.uid(), found.resource_version()), ("u", "70"));
        }
    }

    #[test]
    fn a_renewal_restores_what_makes_it_a_ticket() {
        let drawn =
            Lease::fresh("d", "x.waiter-a", LeaseDuration::constant(5)).as_ticket("x", 3, None);
        let mut object = ticket(
            "70",
            json!({ PRIORITY_ANNOTATION: "-9", PLACE_ANNOTATION: "1" }),
        )
        .as_json()
        .clone();
        object["metadata"]["labels"] = json!({ QUEUE_OF_LABEL: "y", "team": "a" });
        object["spec"]["leaseDurationSeconds"] = json!(3600);
        let edited = Record::new(object).expect("a ticket");
        let found = edited.with_place(42, LeaseDuration::constant(5), &drawn);
        assert_eq!(
            (found.queue_of(), found.priority(), found.place()),
            (Some("x"), 3, 42)
        );
        assert_eq!(found.duration(), Some(LeaseDuration::constant(5)));
        assert_eq!(found.label("team"), Some("a"));
    }
}
