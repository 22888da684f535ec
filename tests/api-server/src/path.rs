//! Which thing a request's path names.

use crate::{kind::Kind, query::percent_decode};

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
    /// An object of another kind, or the collection of them.
    Object {
        kind: &'static Kind,
        namespace: Option<String>,
        name: Option<String>,
        /// Its `status` alone.
        status: bool,
    },
    /// A question about the permissions of who asks it.
    Review(Review),
    /// The question who one is, in this version of the API.
    Myself(&'static str),
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

/// What is asked about one's own permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    Access,
    Rules,
}

/// A discovery document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    CoreVersions,
    CoreResources,
    Groups,
    Group(&'static str),
    Resources(&'static str, &'static str),
}

/// The API groups that have a name, each with its versions, the preferred one first.
pub(crate) const VERSIONS: [(&str, &[&str]); 4] = [
    (
        "coordination.k8s.io",
        &["v1", "v1beta1", "v1alpha2", "v1alpha1"],
    ),
    ("events.k8s.io", &["v1"]),
    ("authentication.k8s.io", &["v1", "v1beta1", "v1alpha1"]),
    ("authorization.k8s.io", &["v1"]),
];

fn known(group: &str, version: &str) -> Option<(&'static str, &'static str)> {
    let (group, versions) = VERSIONS.iter().find(|(known, _)| *known == group)?;
    let version = versions.iter().find(|known| **known == version)?;
    Some((group, version))
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
            ["apis", group] => match VERSIONS.iter().find(|(known, _)| known == group) {
                Some((group, _)) => Self::Discovery(Document::Group(group)),
                None => Self::Unknown,
            },
            ["apis", group, version] => match known(group, version) {
                Some((group, version)) => Self::Discovery(Document::Resources(group, version)),
                None => Self::Unknown,
            },
            [
                "apis",
                "authorization.k8s.io",
                "v1",
                "selfsubjectaccessreviews",
            ] => Self::Review(Review::Access),
            [
                "apis",
                "authorization.k8s.io",
                "v1",
                "selfsubjectrulesreviews",
            ] => Self::Review(Review::Rules),
            [
                "apis",
                "authentication.k8s.io",
                version,
                "selfsubjectreviews",
            ] => match known("authentication.k8s.io", version) {
                Some((_, version)) => Self::Myself(version),
                None => Self::Unknown,
            },
            ["apis", "coordination.k8s.io", "v1", rest @ ..] => Self::lease(rest),
            ["apis", group, version, rest @ ..] => {
                Self::object(group, version, rest).unwrap_or(Self::Unknown)
            }
            ["api", "v1", rest @ ..] => {
                Self::object("", "v1", rest).unwrap_or_else(|| Self::core(rest))
            }
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

    fn object(group: &str, version: &str, rest: &[&str]) -> Option<Self> {
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let kind = Kind::find(group, version, rest.first()?)?;
        let (name, status) = match rest {
            [_] => (None, false),
            [_, name] => (Some(*name), false),
            [_, name, "status"] if !kind.status.is_empty() => (Some(*name), true),
            _ => return None,
        };
        // Objects of a namespace are listed in all of them, and nothing else; a node is in none.
        let exists = match namespace {
            Some(_) => kind.namespaced,
            None => !kind.namespaced || name.is_none(),
        };
        exists.then(|| Self::Object {
            kind,
            namespace: namespace.map(Into::into),
            name: name.map(Into::into),
            status,
        })
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
