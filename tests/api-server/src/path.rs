//! Which thing a request's path names.

use crate::query::percent_decode;

/// What a path names. `Unknown` is every path that this server does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Leases {
        namespace: Option<String>,
    },
    Lease {
        namespace: String,
        name: String,
    },
    Namespaces,
    Namespace {
        name: String,
    },
    /// Another resource of the core group, none of which exists here.
    Core {
        resource: String,
        namespace: Option<String>,
        name: Option<String>,
    },
    /// A resource of the group of Leases that is no Lease.
    OtherResource,
    Version,
    Health,
    Discovery(Document),
    Unknown,
}

/// A discovery document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    CoreVersions,
    CoreResources,
    Groups,
    LeaseGroup,
    LeaseResources,
}

impl Target {
    pub fn of(path: &str) -> Self {
        let decoded: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|segment| percent_decode(segment, false))
            .collect();
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["version"] => Self::Version,
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["api"] => Self::Discovery(Document::CoreVersions),
            ["api", "v1"] => Self::Discovery(Document::CoreResources),
            ["apis"] => Self::Discovery(Document::Groups),
            ["apis", "coordination.k8s.io"] => Self::Discovery(Document::LeaseGroup),
            ["apis", "coordination.k8s.io", "v1"] => Self::Discovery(Document::LeaseResources),
            ["apis", "coordination.k8s.io", "v1", rest @ ..] => Self::lease(rest),
            ["api", "v1", rest @ ..] => Self::core(rest),
            _ => Self::Unknown,
        }
    }

    fn lease(rest: &[&str]) -> Self {
        match rest {
            ["leases"] => Self::Leases { namespace: None },
            ["namespaces", namespace, "leases"] => Self::Leases {
                namespace: Some((*namespace).into()),
            },
            ["namespaces", namespace, "leases", name] => Self::Lease {
                namespace: (*namespace).into(),
                name: (*name).into(),
            },
            _ => Self::OtherResource,
        }
    }

    fn core(rest: &[&str]) -> Self {
        let named = |resource: &str, namespace: Option<&str>, name: Option<&str>| Self::Core {
            resource: resource.into(),
            namespace: namespace.map(Into::into),
            name: name.map(Into::into),
        };
        match rest {
            ["namespaces"] => Self::Namespaces,
            ["namespaces", name] => Self::Namespace {
                name: (*name).into(),
            },
            ["namespaces", namespace, resource] => named(resource, Some(namespace), None),
            ["namespaces", namespace, resource, name, ..] => {
                named(resource, Some(namespace), Some(name))
            }
            [resource] => named(resource, None, None),
            [resource, name, ..] => named(resource, None, Some(name)),
            [] => Self::Unknown,
        }
    }
}
