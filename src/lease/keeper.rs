//! What a Lease is to somebody who wants it: a lock, one that another tool frees, or none at all, kept by what would not notice
//! that somebody else took it.

use super::record::{Lease, Record};
use super::summary::Class;
use super::values::LeaseName;

/// What keeps a Lease that is not a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// A kubelet, or what stands in for one: the Lease is the heartbeat of the node of this name.
    Node(String),
    /// An API server: the Lease is its identity.
    ApiServer,
    /// The control plane, which elects the holder (`spec.strategy`).
    Election,
    /// etcd-druid, which keeps a member's state or a revision where others have a holder.
    EtcdDruid,
    /// Somebody who waits for another Lease in line.
    Waiter(Box<Ticket>),
}

/// A place in line, which is a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its own name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What is waited for.
    pub of: String,
}

impl Ticket {
    /// What this Lease is, if it is one.
    pub fn of(record: &Lease) -> Option<Self> {
        record.in_line_for().map(|of| Self {
            name: record.name().to_owned(),
            namespace: record.namespace().to_owned(),
            of: of.to_owned(),
        })
    }
}

/// What a Lease is to somebody who wants it while another has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A lock of a person, a script or a tool.
    Lock,
    /// It elects one of several instances of a component.
    Election,
    /// Held by Terraform or OpenTofu, until its own unlock.
    Terraform,
    /// A lock whose transitions cannot be counted any further, so that nobody can take it any more.
    Exhausted,
    /// No lock.
    Kept(Keeper),
}

impl Nature {
    /// Of this Lease as it is now: a grant on a lock of Terraform's is a grant as any other.
    pub fn of(record: &Record) -> Self {
        if let Some(keeper) = Keeper::of(record) {
            return Self::Kept(keeper);
        }
        if record.is_terraforms() && record.holder().is_some() && record.duration().is_none() {
            return Self::Terraform;
        }
        match record.class() {
            Class::LeaderElection => Self::Election,
            _ if record.transitions_are_exhausted() => Self::Exhausted,
            Class::Lock | Class::Node | Class::ApiServer | Class::Waiter => Self::Lock,
        }
    }
}

/// Who has a Lease, and what that Lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The holder.
    pub holder: String,
    /// What it holds.
    pub nature: Nature,
}

impl Other {
    /// Of this Lease; `None` if it is free.
    pub fn of(record: &Record) -> Option<Self> {
        record.holder().map(|holder| Self {
            holder: holder.to_owned(),
            nature: Nature::of(record),
        })
    }
}

impl Keeper {
    /// Of this Lease; `None` for one that whoever may write it may take.
    pub fn of(record: &Record) -> Option<Self> {
        if record.strategy().is_some() {
            return Some(Self::Election);
        }
        // Its own labels (`api/core/v1alpha1` there).
        let druids = ["etcd-member-lease", "etcd-snapshot-lease"];
        let component = record.label("app.kubernetes.io/component");
        if component.is_some_and(|value| druids.contains(&value)) {
            return Some(Self::EtcdDruid);
        }
        match record.class() {
            Class::Node => {
                let owner = record.owning_node();
                // It becomes a word of a command.
                let owner = owner.filter(|name| name.parse::<LeaseName>().is_ok());
                Some(Self::Node(owner.unwrap_or(record.name()).to_owned()))
            }
            Class::ApiServer => Some(Self::ApiServer),
            Class::Waiter => Ticket::of(record).map(Box::new).map(Self::Waiter),
            Class::LeaderElection | Class::Lock => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::lease::values::QueueName;

    fn keeper(namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> Option<Keeper> {
        let mut object = json!({
            "metadata": { "namespace": namespace, "name": name, "uid": "u", "resourceVersion": "7" },
            "spec": { "holderIdentity": format!("{name}_9cbf54e5-1136-44bd-8f9a-1dcd15c346b4") },
        });
        change(&mut object);
        Keeper::of(&Record::new(object).expect("an object"))
    }

    #[test]
    fn heartbeats_identities_and_coordinated_elections_are_told_from_locks() {
        let same = |_: &mut Value| ();
        let node = |name: &str| Some(Keeper::Node(name.to_owned()));
        assert_eq!(keeper("kube-node-lease", "n", same), node("n"));
        let owned = |by: &'static str| {
            move |lease: &mut Value| {
                lease["metadata"]["ownerReferences"] = json!([{ "kind": "Node", "name": by }]);
            }
        };
        assert_eq!(keeper("default", "n", owned("n-1")), node("n-1"));
        assert_eq!(keeper("default", "n", owned("--all")), node("n"));
        for label in ["apiserver.kubernetes.io/identity", "k8s.io/component"] {
            let labelled = |lease: &mut Value| {
                lease["metadata"]["labels"] = json!({ label: "kube-apiserver" });
            };
            assert_eq!(
                keeper("kube-system", "x", labelled),
                Some(Keeper::ApiServer)
            );
        }
        for name in [
            "apiserver-07a5ea9b9b072c4a5f3d1c3702",
            "kube-apiserver-c4vwjftbvpc5os2vvzle4qg27a",
        ] {
            assert_eq!(keeper("kube-system", name, same), Some(Keeper::ApiServer));
            assert_eq!(keeper("default", name, same), None);
        }
        let elected = |lease: &mut Value| lease["spec"]["strategy"] = json!("Other");
        assert_eq!(keeper("default", "x", elected), Some(Keeper::Election));
        let bookkeeping = |lease: &mut Value| {
            lease["metadata"]["labels"] =
                json!({ "app.kubernetes.io/component": "etcd-snapshot-lease" });
        };
        assert_eq!(
            keeper("shoot", "etcd-main-full-snap", bookkeeping),
            Some(Keeper::EtcdDruid)
        );
        let waits = |of: &'static str, owner: &'static str| {
            move |lease: &mut Value| {
                lease["metadata"]["labels"] = json!({ "kubectl-lease/queue-of": of });
                lease["metadata"]["ownerReferences"] = json!([{ "kind": "Lease", "name": owner }]);
            }
        };
        let ticket = |name: &str, of: &str| {
            Some(Keeper::Waiter(Box::new(Ticket {
                name: name.to_owned(),
                namespace: "default".to_owned(),
                of: of.to_owned(),
            })))
        };
        // That of slots is owned by the first of them; a longer name than a label takes is its owner's.
        for (label, owner, of) in [
            ("deploy", "deploy", "deploy"),
            ("pool_slots", "pool-0", "pool"),
        ] {
            let found = keeper("default", "x.waiter-a", waits(label, owner));
            assert_eq!(found, ticket("x.waiter-a", of));
        }
        let long: &'static str =
            "a-name-of-a-lease-that-is-longer-than-a-label-may-ever-be-in-kubernetes";
        let queue = QueueName::of(&long.parse().expect("a name"));
        let label: &'static str = queue.label().to_owned().leak();
        let found = keeper("default", "x.waiter-a", waits(label, long));
        assert_eq!(found, ticket("x.waiter-a", long));
        for name in ["kube-scheduler", "apiserver-backup", "deploy"] {
            assert_eq!(keeper("kube-system", name, same), None, "{name}");
        }
    }
}
