//! The kinds of objects that this server keeps beside Leases: their names, versions and selectable fields.

use crate::differences::Difference;

/// A kind of object, in one version of its API group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// "" is the core group.
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub kind: &'static str,
    pub short: &'static [&'static str],
    pub namespaced: bool,
    /// Only servers that do all of this have it.
    pub needs: &'static [Difference],
    /// Where it is kept: two versions of one kind share one.
    pub storage: Storage,
    /// The subresource with which its status is written; "" where it has none.
    pub status: &'static str,
    /// Whether PUT makes the object that is not there yet.
    pub create_by_update: bool,
    /// Whether PUT without a resourceVersion replaces whatever is there.
    pub unconditional_update: bool,
    /// Field selectors, each with the JSON pointer of the field in the stored object.
    pub fields: &'static [(&'static str, &'static str)],
}

/// What is stored, whatever version it is asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Storage {
    Pods,
    Nodes,
    /// In the shape of `events.k8s.io/v1`.
    Events,
    LeaseCandidates,
}

const CANDIDATE: Kind = Kind {
    group: "coordination.k8s.io",
    version: "v1beta1",
    plural: "leasecandidates",
    singular: "leasecandidate",
    kind: "LeaseCandidate",
    short: &[],
    namespaced: true,
    needs: &[
        Difference::CoordinatedElections,
        Difference::CandidatesBeta1,
    ],
    storage: Storage::LeaseCandidates,
    status: "",
    create_by_update: false,
    unconditional_update: false,
    fields: &[
        ("metadata.name", "/metadata/name"),
        ("metadata.namespace", "/metadata/namespace"),
    ],
};

const EVENT: Kind = Kind {
    group: "events.k8s.io",
    version: "v1",
    plural: "events",
    singular: "event",
    kind: "Event",
    short: &["ev"],
    namespaced: true,
    needs: &[Difference::Events],
    storage: Storage::Events,
    status: "",
    create_by_update: true,
    unconditional_update: true,
    fields: &[
        ("metadata.name", "/metadata/name"),
        ("metadata.namespace", "/metadata/namespace"),
        ("regarding.kind", "/regarding/kind"),
        ("regarding.namespace", "/regarding/namespace"),
        ("regarding.name", "/regarding/name"),
        ("regarding.uid", "/regarding/uid"),
        ("regarding.apiVersion", "/regarding/apiVersion"),
        ("regarding.resourceVersion", "/regarding/resourceVersion"),
        ("regarding.fieldPath", "/regarding/fieldPath"),
        ("reason", "/reason"),
        ("reportingController", "/reportingController"),
        ("type", "/type"),
    ],
};

/// Every kind, in every version.
pub(crate) const KINDS: [Kind; 7] = [
    Kind {
        group: "",
        version: "v1",
        plural: "pods",
        singular: "pod",
        kind: "Pod",
        short: &["po"],
        namespaced: true,
        needs: &[],
        storage: Storage::Pods,
        status: "pods/status",
        create_by_update: false,
        unconditional_update: true,
        fields: &[
            ("metadata.name", "/metadata/name"),
            ("metadata.namespace", "/metadata/namespace"),
            ("spec.nodeName", "/spec/nodeName"),
            ("spec.restartPolicy", "/spec/restartPolicy"),
            ("spec.schedulerName", "/spec/schedulerName"),
            ("spec.serviceAccountName", "/spec/serviceAccountName"),
            ("status.phase", "/status/phase"),
            ("status.podIP", "/status/podIP"),
            ("status.nominatedNodeName", "/status/nominatedNodeName"),
        ],
    },
    Kind {
        group: "",
        version: "v1",
        plural: "nodes",
        singular: "node",
        kind: "Node",
        short: &["no"],
        namespaced: false,
        needs: &[],
        storage: Storage::Nodes,
        status: "nodes/status",
        create_by_update: false,
        unconditional_update: true,
        fields: &[("metadata.name", "/metadata/name")],
    },
    // The older face of the same events.
    Kind {
        group: "",
        needs: &[],
        fields: &[
            ("metadata.name", "/metadata/name"),
            ("metadata.namespace", "/metadata/namespace"),
            ("involvedObject.kind", "/regarding/kind"),
            ("involvedObject.namespace", "/regarding/namespace"),
            ("involvedObject.name", "/regarding/name"),
            ("involvedObject.uid", "/regarding/uid"),
            ("involvedObject.apiVersion", "/regarding/apiVersion"),
            (
                "involvedObject.resourceVersion",
                "/regarding/resourceVersion",
            ),
            ("involvedObject.fieldPath", "/regarding/fieldPath"),
            ("reason", "/reason"),
            ("reportingComponent", "/reportingController"),
            ("source", "/reportingController"),
            ("type", "/type"),
        ],
        ..EVENT
    },
    EVENT,
    CANDIDATE,
    Kind {
        version: "v1alpha2",
        needs: &[
            Difference::CoordinatedElections,
            Difference::CandidatesAlpha2,
        ],
        ..CANDIDATE
    },
    Kind {
        version: "v1alpha1",
        needs: &[
            Difference::CoordinatedElections,
            Difference::CandidatesAlpha1,
        ],
        ..CANDIDATE
    },
];

impl Kind {
    /// The kind that a path names.
    pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    /// The `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The group that some messages name beside the kind. Events of either group are the core group's inside.
    pub fn inner_group(&self) -> &'static str {
        if self.storage == Storage::Events {
            ""
        } else {
            self.group
        }
    }
}
