//! Acting as somebody else: the headers that ask for it, and the permissions that it takes.

use hyper::HeaderMap;

use crate::{
    access::Attributes,
    asked::Asked,
    differences::{Behaviour, Difference},
    options::User,
    status::Status,
};

const AUTHENTICATION: &str = "authentication.k8s.io";
const MASTERS: &str = "system:masters";

/// Who is to be acted as.
struct Wanted {
    name: String,
    groups: Vec<String>,
    uids: Vec<String>,
}

/// A way to act as somebody: the verb that it takes, and where users and groups are resources for it.
struct Way {
    verb: String,
    group: &'static str,
}

/// The user that a request of `user` acts as, who is `user` where nobody else is named.
pub(crate) fn impersonate(
    user: &User,
    users: &[User],
    headers: &HeaderMap,
    path: &str,
    asked: &Asked,
    server: &Behaviour,
) -> Result<User, Status> {
    let all = |name: &str| -> Vec<String> {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect()
    };
    let mut wanted = Wanted {
        name: all("impersonate-user")
            .into_iter()
            .next()
            .unwrap_or_default(),
        groups: all("impersonate-group"),
        uids: all("impersonate-uid"),
    };
    if !server.does(Difference::ImpersonateUid) {
        wanted.uids.clear();
    }
    if wanted.name.is_empty() {
        return match wanted.groups.first().or(wanted.uids.first()) {
            None => Ok(user.clone()),
            Some(other) => Err(wanted.nobody(other, path, server)),
        };
    }
    wanted.check(user, asked, server)?;
    let mut acting = users
        .iter()
        .find(|known| known.name == wanted.name)
        .cloned()
        .unwrap_or_default();
    acting.name = wanted.name;
    // As on a real server: the groups that are asked for, not those that the user has of their own.
    acting.groups = wanted.groups;
    Ok(acting)
}

impl Wanted {
    fn nobody(&self, other: &str, path: &str, server: &Behaviour) -> Status {
        if server.does(Difference::ConstrainedImpersonation) {
            let groups: Vec<String> = (self.groups.iter())
                .map(|group| format!("{group:?}"))
                .collect();
            let uid = self.uids.first().map(String::as_str).unwrap_or_default();
            return Status::bad_request(format!(
                "requested &user.DefaultInfo{{Name:\"\", UID:{uid:?}, Groups:[]string{{{}}}, \
                 Extra:map[string][]string(nil)}} without impersonating a user name",
                groups.join(", ")
            ));
        }
        Status::internal(format!(
            "Internal Server Error: \"{path}\": requested [{{Group  {other}    }}] without impersonating a user"
        ))
    }

    /// What is granted for some verbs only is looked at first, and where nothing is granted, what is missing of that is told.
    fn check(&self, user: &User, asked: &Asked, server: &Behaviour) -> Result<(), Status> {
        let for_all = || {
            let way = Way {
                verb: "impersonate".to_owned(),
                group: "",
            };
            self.check_each(user, &way)
        };
        let constrained = server.does(Difference::ConstrainedImpersonation);
        let Some(mode) = self.mode().filter(|_| constrained) else {
            return for_all();
        };
        let for_some = || {
            asked.check_on(user, mode)?;
            let way = Way {
                verb: format!("impersonate:{mode}"),
                group: AUTHENTICATION,
            };
            self.check_each(user, &way)
        };
        for_some().or_else(|first| for_all().map_err(|_| first))
    }

    /// How a permission for some verbs only calls somebody of this kind. Nodes and service accounts have the groups that
    /// they have, and no others.
    fn mode(&self) -> Option<&'static str> {
        let alone = self.groups.is_empty() && self.uids.is_empty();
        match (self.node(), self.account()) {
            (None, None) => Some("user-info"),
            (Some(_), _) if alone => Some("arbitrary-node"),
            (_, Some(_)) if alone => Some("serviceaccount"),
            _ => None,
        }
    }

    fn node(&self) -> Option<&str> {
        self.name.strip_prefix("system:node:")
    }

    fn account(&self) -> Option<(&str, &str)> {
        self.name
            .strip_prefix("system:serviceaccount:")?
            .split_once(':')
    }

    fn check_each(&self, user: &User, way: &Way) -> Result<(), Status> {
        let may = |group, resource, namespace, name: &str| {
            user.check(&Attributes {
                verb: &way.verb,
                group,
                resource,
                namespace,
                name: Some(name),
            })
        };
        let for_some = way.group == AUTHENTICATION;
        match (self.node(), self.account()) {
            (Some(node), _) if for_some => may(way.group, "nodes", None, node)?,
            (_, Some((namespace, account))) => {
                may(way.group, "serviceaccounts", Some(namespace), account)?;
            }
            _ => may(way.group, "users", None, &self.name)?,
        }
        for uid in &self.uids {
            may(AUTHENTICATION, "uids", None, uid)?;
        }
        for group in &self.groups {
            may(way.group, "groups", None, group)?;
        }
        if for_some && self.groups.iter().any(|group| group == MASTERS) {
            return Err(Status::forbidden(
                serde_json::json!({"group": AUTHENTICATION, "kind": "groups", "name": MASTERS}),
                format!(
                    "groups.{AUTHENTICATION} \"{MASTERS}\" is forbidden: User \"{}\" cannot {} resource \"groups\" in API \
                     group \"{AUTHENTICATION}\" at the cluster scope: impersonating the {MASTERS} group is not allowed",
                    user.name, way.verb
                ),
            ));
        }
        Ok(())
    }
}
