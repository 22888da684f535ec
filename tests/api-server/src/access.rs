//! Who sends a request, and whether they may: tokens and permissions.

use hyper::{HeaderMap, header::AUTHORIZATION};
use serde_json::json;

use crate::{
    asked::Asked,
    differences::Behaviour,
    impersonation::impersonate,
    options::{Rule, User},
    status::{GROUP, Status},
};

const AUTHENTICATION: &str = "authentication.k8s.io";

/// What is asked for, in the terms of RBAC.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    pub verb: &'a str,
    pub group: &'a str,
    pub resource: &'a str,
    pub namespace: Option<&'a str>,
    /// The object's name, where the request has one: create has none.
    pub name: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    pub fn leases(verb: &'a str, namespace: Option<&'a str>, name: Option<&'a str>) -> Self {
        Self {
            verb,
            group: GROUP,
            resource: "leases",
            namespace,
            name,
        }
    }

    fn forbidden(&self, user: &User) -> Status {
        let Self {
            verb,
            group,
            resource,
            namespace,
            name,
        } = self;
        let mut details = json!({"kind": resource});
        let mut qualified = (*resource).to_owned();
        if !group.is_empty() {
            details["group"] = (*group).into();
            qualified = format!("{resource}.{group}");
        }
        if let Some(name) = name {
            details["name"] = (*name).into();
            qualified.push_str(&format!(" \"{name}\""));
        }
        let place = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{qualified} is forbidden: User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}",
            user.name
        );
        Status::forbidden(details, message)
    }
}

impl User {
    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }

    pub(crate) fn check(&self, wanted: &Attributes<'_>) -> Result<(), Status> {
        let allowed = self.is_master() || self.rules.iter().any(|rule| rule.allows(wanted));
        if allowed {
            Ok(())
        } else {
            Err(wanted.forbidden(self))
        }
    }

    /// A path that is no resource. Discovery is open to everybody who authenticated; the rest to whoever may do all.
    pub(crate) fn check_path(&self, method: &str, path: &str) -> Result<(), Status> {
        let wide = |rule: &Rule| {
            rule.verbs.iter().any(|verb| verb == "*")
                && rule.resources.iter().any(|name| name == "*")
        };
        if self.is_master() || self.rules.iter().any(wide) {
            return Ok(());
        }
        let verb = method.to_ascii_lowercase();
        let message = format!(
            "forbidden: User \"{}\" cannot {verb} path \"{path}\"",
            self.name
        );
        Err(Status::forbidden(json!({}), message))
    }
}

/// The API groups that these resources are in, sorted; `*` for those that this server does not know.
pub fn api_groups(resources: &[String]) -> Vec<&'static str> {
    let mut groups: Vec<_> = resources
        .iter()
        .flat_map(|resource| groups_of(resource))
        .copied()
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn groups_of(resource: &str) -> &'static [&'static str] {
    match resource.split('/').next().unwrap_or_default() {
        "leases" | "leasecandidates" => &[GROUP],
        "events" => &["", "events.k8s.io"],
        "pods" | "namespaces" => &[""],
        // Of the newer group where who is acted as may be so for some verbs only.
        "users" | "groups" | "serviceaccounts" | "nodes" => &["", AUTHENTICATION],
        "uids" | "selfsubjectreviews" => &[AUTHENTICATION],
        _ => &["*"],
    }
}

fn names(list: &[String], word: &str) -> bool {
    list.iter().any(|entry| entry == word || entry == "*")
}

impl Rule {
    /// Whether it says anything about this namespace, or about what is in none.
    pub(crate) fn holds_in(&self, namespace: Option<&str>) -> bool {
        self.namespaces.is_empty() || names(&self.namespaces, namespace.unwrap_or("*"))
    }

    fn allows(&self, wanted: &Attributes<'_>) -> bool {
        let grouped = |resource: &String| {
            resource == "*"
                || (resource == wanted.resource
                    && groups_of(resource)
                        .iter()
                        .any(|group| *group == wanted.group || *group == "*"))
        };
        names(&self.verbs, wanted.verb)
            && self.resources.iter().any(grouped)
            && self.holds_in(wanted.namespace)
            && (self.names.is_empty()
                || wanted
                    .name
                    .is_some_and(|name| self.names.iter().any(|entry| entry == name)))
    }
}

/// The user of a request, after impersonation. Without a token: `None`, which only health and version allow.
pub(crate) fn authenticate(
    users: &[User],
    headers: &HeaderMap,
    path: &str,
    asked: &Asked,
    server: &Behaviour,
) -> Result<Option<User>, Status> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let token = header
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "))
        .map(str::trim);
    let user = users
        .iter()
        .find(|user| Some(user.token.as_str()) == token && !user.token.is_empty())
        .ok_or_else(Status::unauthorized)?;
    impersonate(user, users, headers, path, asked, server).map(Some)
}
