//! Which objects of a cluster show that a holder is there, and when their absence says that it is gone. What is not known is not
//! gone.

use super::record::Record;
use super::report::{Row, State};
use super::summary::{Class, instance, may_be_an_objects_name};
use super::values::LeaseName;

/// What tells whether a holder is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Nothing does: nobody holds it, or somebody who may be anywhere.
    Unknown,
    /// It is gone: it was its own object, and that has ended.
    Gone,
    /// It is gone unless there is a Node of this name.
    Node(String),
    /// It is gone unless there is a Pod or a Node of this name.
    PodOrNode(String),
}

/// Of a Lease that stands in a list with its object.
pub fn of(row: &Row) -> Whereabouts {
    let lease = &row.lease;
    let Some(holder) = lease.holder.as_deref() else {
        return Whereabouts::Unknown;
    };
    let expired = match row.condition.state {
        State::Expired => true,
        State::HeldWithoutExpiry => false,
        // Somebody renews it: control planes run in clusters of their own, and elect their leaders in this one.
        State::Held | State::Free | State::Terminating | State::Deleted => {
            return Whereabouts::Unknown;
        }
    };
    match lease.class {
        Class::Node | Class::ApiServer if !expired => Whereabouts::Unknown,
        // It holds its own Lease, which says that it lives; no other object does.
        Class::ApiServer => Whereabouts::Gone,
        Class::Node => {
            let object = lease.object.as_deref().cloned();
            let record = object.and_then(|object| Record::new(object).ok());
            let owner = record.as_ref().and_then(|record| record.owning_node());
            named(owner.unwrap_or(&lease.name), Whereabouts::Node)
        }
        Class::LeaderElection | Class::Lock | Class::Waiter => match instance(holder) {
            Some(name) => named(name, Whereabouts::PodOrNode),
            None if is_generated(holder) => named(holder, Whereabouts::PodOrNode),
            // It may be a user's name, or a job's of some other system. Elections are held by programs.
            None if expired
                && lease.class == Class::LeaderElection
                && may_be_an_objects_name(holder) =>
            {
                named(holder, Whereabouts::PodOrNode)
            }
            None => Whereabouts::Unknown,
        },
    }
}

fn named(name: &str, object: fn(String) -> Whereabouts) -> Whereabouts {
    match name.parse::<LeaseName>() {
        Ok(_) => object(name.to_owned()),
        // No object has such a name: an account on a host, say.
        Err(_) => Whereabouts::Unknown,
    }
}

/// Whether a name ends in what Kubernetes adds to the names it makes: five characters of an alphabet of its own
/// (k8s.io/apimachinery/pkg/util/rand), in which no words and few numbers can be written.
pub fn is_generated(name: &str) -> bool {
    const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";
    let Some((base, suffix)) = name.rsplit_once('-') else {
        return false;
    };
    !base.is_empty()
        && suffix.len() == 5
        && suffix.chars().all(|c| ALPHABET.contains(c))
        && suffix.chars().any(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::lease::evidence::Stamps;
    use crate::lease::record::Keep;
    use crate::lease::testing::{held, wall};

    const UUID: &str = "2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10";
    const ALIVE: &str = "2020-01-01T00:00:05Z";
    const DEAD: &str = "2020-01-02T00:00:00Z";

    fn at(date: &str, holder: &str, edit: impl FnOnce(&mut Value)) -> Whereabouts {
        let record = held(holder, 15).with(edit);
        let lease = Keep::ObjectsWhole.of(&record);
        of(&Row::new(lease, Some(wall(date)), Stamps::Unknown))
    }

    fn same(_: &mut Value) {}

    fn endless(lease: &mut Value) {
        lease["spec"]["leaseDurationSeconds"] = Value::Null;
    }

    #[test]
    fn an_identity_that_names_an_object_for_sure_is_looked_for_where_nobody_renews() {
        let of_name = |name: &str| Whereabouts::PodOrNode(name.to_owned());
        for (holder, expected) in [
            (format!("web-0_{UUID}"), of_name("web-0")),
            (format!("laptop_{UUID}"), of_name("laptop")),
            (
                "web-6d8f7c9b5-x2x9k".to_owned(),
                of_name("web-6d8f7c9b5-x2x9k"),
            ),
            ("kured-bz4t7".to_owned(), of_name("kured-bz4t7")),
            // A person on a host, one of many jobs, words and numbers.
            (format!("ada@laptop_{UUID}"), Whereabouts::Unknown),
            ("ada@laptop".to_owned(), Whereabouts::Unknown),
            ("ci-7".to_owned(), Whereabouts::Unknown),
            ("build-24567".to_owned(), Whereabouts::Unknown),
            ("kured-abcde".to_owned(), Whereabouts::Unknown),
            ("me".to_owned(), Whereabouts::Unknown),
            (format!("no name_{UUID}"), Whereabouts::Unknown),
            (String::new(), Whereabouts::Unknown),
        ] {
            assert_eq!(at(DEAD, &holder, same), expected, "{holder}");
            assert_eq!(at(DEAD, &holder, endless), expected, "{holder}");
            assert_eq!(at(ALIVE, &holder, same), Whereabouts::Unknown, "{holder}");
        }
    }

    #[test]
    fn what_is_being_deleted_is_left_alone() {
        let terminating = |lease: &mut Value| lease["metadata"]["deletionTimestamp"] = json!(DEAD);
        assert_eq!(
            at(DEAD, &format!("web-0_{UUID}"), terminating),
            Whereabouts::Unknown
        );
    }

    #[test]
    fn a_heartbeat_or_an_identity_that_goes_on_needs_no_object() {
        let node = |lease: &mut Value| {
            lease["metadata"]["ownerReferences"] = json!([{ "kind": "Node", "name": "node-1" }]);
        };
        let unowned = |lease: &mut Value| {
            lease["metadata"]["namespace"] = json!("kube-node-lease");
        };
        let server = |lease: &mut Value| {
            lease["metadata"]["labels"] = json!({ "k8s.io/component": "kube-apiserver" });
        };
        let of_node = |name: &str| Whereabouts::Node(name.to_owned());
        assert_eq!(at(ALIVE, "node-1", node), Whereabouts::Unknown);
        assert_eq!(at(DEAD, "node-1", node), of_node("node-1"));
        assert_eq!(at(DEAD, "whoever", unowned), of_node("my-lease"));
        assert_eq!(at(ALIVE, "x", server), Whereabouts::Unknown);
        assert_eq!(at(DEAD, "x", server), Whereabouts::Gone);
    }

    #[test]
    fn a_plain_name_is_looked_for_only_where_an_election_has_ended() {
        let elected = |lease: &mut Value| {
            lease["spec"]["strategy"] = json!("OldestEmulationVersion");
        };
        let of_name = Whereabouts::PodOrNode("worker-9".to_owned());
        assert_eq!(at(DEAD, "worker-9", elected), of_name);
        assert_eq!(at(ALIVE, "worker-9", elected), Whereabouts::Unknown);
        assert_eq!(at(DEAD, "worker-9", same), Whereabouts::Unknown);
    }
}
