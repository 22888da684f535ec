//! What kind of use a Lease has, as far as a list can tell.

use std::collections::BTreeMap;

use super::{Meta, Spec, Text, managed, record};

/// What kind of use a Lease has, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A kubelet's heartbeat.
    Node,
    /// An API server's identity.
    ApiServer,
    /// Elects one of several instances of a component.
    LeaderElection,
    /// A lock of a person, a script or a tool.
    Lock,
}

/// From the namespace, the owner, labels, who wrote the holder, and the holder's form: the surest sign first.
pub fn of(meta: &Meta<'_>, spec: &Spec<'_>) -> Class {
    let label = |key: &str| label_of(meta.labels.as_ref(), key);
    let owned_by = |kind: &str| {
        let mut owners = meta.owner_references.iter().flatten();
        owners.any(|owner| owner.kind.as_ref().is_some_and(|text| text.0 == kind))
    };
    let holder = spec.holder_identity.as_ref().map_or("", |text| &*text.0);
    // Whoever else wrote something of it, a person with kubectl say, does not make it what it is.
    let ours = || {
        managed::is_ours(meta, !holder.is_empty())
            || record::is_our_grant(
                |key| label_of(meta.annotations.as_ref(), key),
                spec.lease_transitions.unwrap_or(0),
                holder,
            )
    };
    // Hosts and Pods, of which each runs one instance, have no such name; accounts on a host do.
    let may_be_an_instance = !holder.is_empty() && !holder.contains('@');
    if meta
        .namespace
        .as_ref()
        .is_some_and(|name| name.0 == "kube-node-lease")
        || owned_by("Node")
    {
        Class::Node
    } else if label("apiserver.kubernetes.io/identity").is_some()
        || label("k8s.io/component") == Some("kube-apiserver")
        || named_as_an_api_server(meta, spec)
    {
        Class::ApiServer
    } else if spec.strategy.is_some() {
        Class::LeaderElection
    } else if label("app.kubernetes.io/managed-by") == Some("terraform") || ours() {
        Class::Lock
    } else if may_be_an_instance
        && (instance(holder).is_some() || managed::renewed_by_its_program(meta))
    {
        Class::LeaderElection
    } else {
        Class::Lock
    }
}

fn label_of<'a>(all: Option<&'a BTreeMap<Text<'_>, Text<'_>>>, key: &str) -> Option<&'a str> {
    all?.get(key).map(|value| value.0.as_ref())
}

/// An API server names its own Lease, and itself after it, whatever became of the labels: `apiserver-<hash>`, before Kubernetes
/// 1.26 `kube-apiserver-<hash>`, held as `<name>_<uuid>`.
fn named_as_an_api_server(meta: &Meta<'_>, spec: &Spec<'_>) -> bool {
    let text = |text: &'_ Option<Text<'_>>, is: &dyn Fn(&str) -> bool| {
        text.as_ref().is_some_and(|text| is(&text.0))
    };
    text(&meta.namespace, &|namespace| namespace == "kube-system")
        && text(&meta.name, &|name| {
            let hash =
                (name.strip_prefix("apiserver-")).or_else(|| name.strip_prefix("kube-apiserver-"));
            hash.is_some_and(|hash| hash.len() > 16)
                && text(&spec.holder_identity, &|holder| {
                    instance(holder) == Some(name)
                })
        })
}

/// `name_<uuid>` is how client-go's callers name one run of one instance: the name.
pub fn instance(holder: &str) -> Option<&str> {
    let (name, id) = holder.rsplit_once('_')?;
    (!name.is_empty() && uuid::Uuid::try_parse(id).is_ok()).then_some(name)
}
