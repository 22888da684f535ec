//! Leases that are no locks: what of Kubernetes keeps one for itself, and would not notice that somebody else took it.

use super::record::Record;
use super::summary::{self, Class};

/// What keeps a Lease that is no lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// A kubelet, or what stands in for one: the Lease is a node's heartbeat.
    Node,
    /// An API server: the Lease is its identity.
    ApiServer,
    /// The control plane, which elects the holder (`spec.strategy`).
    Election,
}

impl Keeper {
    /// Of this Lease; `None` for one that whoever may write it may take.
    pub fn of(record: &Record) -> Option<Self> {
        if record.strategy().is_some() {
            return Some(Self::Election);
        }
        match summary::of(record).ok()?.class {
            Class::Node => Some(Self::Node),
            Class::ApiServer => Some(Self::ApiServer),
            Class::LeaderElection | Class::Lock => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn keeper(namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> Option<Keeper> {
        let mut object = json!({
            "metadata": { "namespace": namespace, "name": name },
            "spec": { "holderIdentity": format!("{name}_9cbf54e5-1136-44bd-8f9a-1dcd15c346b4") },
        });
        change(&mut object);
        Keeper::of(&Record::new(object).expect("an object"))
    }

    #[test]
    fn heartbeats_identities_and_coordinated_elections_are_told_from_locks() {
        let same = |_: &mut Value| ();
        assert_eq!(keeper("kube-node-lease", "n", same), Some(Keeper::Node));
        let owned = |lease: &mut Value| {
            lease["metadata"]["ownerReferences"] = json!([{ "kind": "Node", "name": "n" }]);
        };
        assert_eq!(keeper("default", "n", owned), Some(Keeper::Node));
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
        for name in ["kube-scheduler", "apiserver-backup", "deploy"] {
            assert_eq!(keeper("kube-system", name, same), None, "{name}");
        }
    }
}
