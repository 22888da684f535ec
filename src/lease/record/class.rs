//! What kind of use a Lease has, as far as it can be told.

use super::object::Fields;
use crate::lease::values::LeaseName;

/// What kind of use a Lease has, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A kubelet's heartbeat.
    Node,
    /// An API server's identity.
    ApiServer,
    /// Elects one of several instances of a component.
    LeaderElection,
    /// A place in the queue of another Lease.
    Waiter,
    /// A lock of a person, a script or a tool.
    Lock,
}

impl Fields<'_> {
    /// From the namespace, the owner, labels, who wrote the holder, and the holder's form: the surest sign first.
    pub fn class(&self) -> Class {
        // Whoever else wrote something of it, a person with kubectl say, does not make it what it is.
        let ours = || self.is_ours() || self.is_our_grant();
        // Hosts and Pods, of which each runs one instance, have no such name; accounts on a host do.
        let run = || instance(self.holder()?).filter(|name| !name.contains('@'));
        if self.queue_of().is_some() {
            Class::Waiter
        } else if self.namespace() == "kube-node-lease" || self.is_owned_by_node() {
            Class::Node
        } else if self.label("apiserver.kubernetes.io/identity").is_some()
            || self.label("k8s.io/component") == Some("kube-apiserver")
            || self.is_named_as_an_api_server()
        {
            Class::ApiServer
        } else if self.strategy().is_some() {
            Class::LeaderElection
        } else if self.label("app.kubernetes.io/managed-by") == Some("terraform") || ours() {
            Class::Lock
        } else if run().is_some() || self.is_elected() {
            Class::LeaderElection
        } else {
            Class::Lock
        }
    }

    /// Elections write who leads, since when, and renewals, as one program. Locks of other tools may do so too: their holders
    /// have no names that a Deployment makes, and their Leases are not named after the program.
    fn is_elected(&self) -> bool {
        let holder = self.holder().unwrap_or_default();
        may_be_an_objects_name(holder)
            && self.is_renewed_by_program(|program| {
                is_of_a_deployment(holder) || share_a_word(self.name(), program)
            })
    }

    /// An API server names its own Lease, and itself after it, whatever became of the labels: `apiserver-<hash>`, before
    /// Kubernetes 1.26 `kube-apiserver-<hash>`, held as `<name>_<uuid>`.
    fn is_named_as_an_api_server(&self) -> bool {
        let name = self.name();
        let hash =
            (name.strip_prefix("apiserver-")).or_else(|| name.strip_prefix("kube-apiserver-"));
        self.namespace() == "kube-system"
            && hash.is_some_and(|hash| hash.len() > 16)
            && self.holder().and_then(instance) == Some(name)
    }
}

/// Whether a name has the parts that a ReplicaSet and its Pod add: `autoscaler-6d8f7c9b5-x2x9k`, and perhaps more behind them.
fn is_of_a_deployment(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').skip(1).collect();
    let has_digit = |part: &str| part.contains(|c: char| c.is_ascii_digit());
    parts.windows(2).any(|parts| match parts {
        [set, pod] => (6..=10).contains(&set.len()) && has_digit(set) && pod.len() == 5,
        _ => false,
    })
}

fn share_a_word(lease: &str, program: &str) -> bool {
    let words = |text: &'_ str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let long = words.filter(|word| word.len() > 3);
        long.map(str::to_ascii_lowercase).collect()
    };
    let of_program = words(program);
    words(lease).iter().any(|word| of_program.contains(word))
}

/// `name_<uuid>` is how client-go's callers name one run of one instance: the name.
pub fn instance(holder: &str) -> Option<&str> {
    let (name, id) = holder.rsplit_once('_')?;
    (!name.is_empty() && uuid::Uuid::try_parse(id).is_ok()).then_some(name)
}

/// Whether an identity looks like the name of a Pod or a Node: `$POD_NAME`, kured and many elections write such ones. One plain
/// word is more likely a person's, or a script's.
pub fn may_be_an_objects_name(holder: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
    holder.contains(is_part) && holder.parse::<LeaseName>().is_ok()
}
