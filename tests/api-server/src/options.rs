//! What a server is started with: its version, clock, namespaces, users and their permissions.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use crate::differences::Difference;

/// How to start an [`ApiServer`](crate::ApiServer). The default is a current server with TLS and one user, `admin`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Serve HTTPS with a certificate of its own authority; else plain HTTP.
    pub tls: bool,
    /// Major and minor version, told by `/version`. It decides what of [`TABLE`](crate::TABLE) the server does.
    pub version: (u32, u32),
    /// What it does or does not, whatever its version. By default the feature gate CoordinatedLeaderElection is on, which
    /// no version does by itself: see [`Options::of_kubernetes`].
    pub switched: BTreeMap<Difference, bool>,
    /// What `/version` tells instead of the version as upstream tells it: vendors have their own ways, and some proxies too.
    pub version_told: Option<Value>,
    /// The server's clock minus the real one.
    pub clock_offset: SignedDuration,
    /// Whether answers carry a `Date` header.
    pub date_header: bool,
    /// What a proxy in front makes of `Date`: this much off the server's own clock.
    pub date_offset: SignedDuration,
    /// The status with which a write of a Lease with `dryRun` is refused, as admission webhooks and policies do; `None` allows it.
    pub refuse_dry_run: Option<u16>,
    /// The namespaces that exist.
    pub namespaces: Vec<String>,
    /// Who may authenticate, and what they may do.
    pub users: Vec<User>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls: true,
            version: (1, 33),
            switched: BTreeMap::from([(Difference::CoordinatedElections, true)]),
            version_told: None,
            clock_offset: SignedDuration::ZERO,
            date_header: true,
            date_offset: SignedDuration::ZERO,
            refuse_dry_run: None,
            namespaces: ["default", "kube-system", "kube-public", "kube-node-lease"]
                .map(String::from)
                .to_vec(),
            users: vec![User::admin()],
        }
    }
}

impl Options {
    /// A server of this minor version of Kubernetes 1, as it is where nobody has switched anything.
    pub fn of_kubernetes(minor: u32) -> Self {
        Self {
            version: (1, minor),
            switched: BTreeMap::new(),
            ..Self::default()
        }
    }

    /// The same, but for this, which it does or does not.
    #[must_use]
    pub fn but(mut self, difference: Difference, does: bool) -> Self {
        self.switched.insert(difference, does);
        self
    }
}

/// Someone who authenticates with a bearer token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user name, as it appears in messages.
    pub name: String,
    /// The bearer token.
    pub token: String,
    /// Groups; `system:masters` may do anything, as on a real server. Other groups grant nothing.
    pub groups: Vec<String>,
    /// What the user may do: a request is allowed if any rule allows it.
    pub rules: Vec<Rule>,
}

impl User {
    /// The user `admin`, with the token `admin-token`, who may do everything.
    pub fn admin() -> Self {
        Self::new("admin", vec![Rule::everything()])
    }

    /// A user with the token `<name>-token` and these rules.
    pub fn new(name: &str, rules: Vec<Rule>) -> Self {
        Self {
            name: name.into(),
            token: format!("{name}-token"),
            groups: Vec::new(),
            rules,
        }
    }
}

/// A permission, in the terms of a Role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `impersonate`, or `*`.
    pub verbs: Vec<String>,
    /// `leases`, `namespaces`, `users`, …, or `*`.
    pub resources: Vec<String>,
    /// The namespaces it holds in. Empty or `*`: all of them, and requests at the cluster scope.
    pub namespaces: Vec<String>,
    /// The object names it holds for; empty: all. As in RBAC, a rule with names never allows create.
    pub names: Vec<String>,
}

impl Rule {
    /// Everything, everywhere.
    pub fn everything() -> Self {
        Self::new(&["*"], &["*"])
    }

    /// These verbs on Leases in every namespace.
    pub fn leases(verbs: &[&str]) -> Self {
        Self::new(verbs, &["leases"])
    }

    /// These verbs on these resources in every namespace.
    pub fn new(verbs: &[&str], resources: &[&str]) -> Self {
        let owned = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Self {
            verbs: owned(verbs),
            resources: owned(resources),
            namespaces: Vec::new(),
            names: Vec::new(),
        }
    }

    /// The same rule, in this namespace only.
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespaces.push(namespace.into());
        self
    }

    /// The same rule, for the object of this name only.
    pub fn named(mut self, name: &str) -> Self {
        self.names.push(name.into());
        self
    }
}
