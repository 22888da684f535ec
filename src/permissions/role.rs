//! The smallest Role that grants some permissions, and what binds it to who asked: objects to be applied as they are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Permission, Resource};
use crate::words::named;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Where permissions are granted.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The namespace; `None` for all of them.
    pub namespace: Option<&'a str>,
    /// The Leases, where it is about some of them alone; none for all.
    pub leases: &'a [String],
}

/// The Role that grants exactly these, and its binding to `user` where that is known; a ClusterRole for all namespaces, and for what
/// is in none. Nothing where nothing is to be granted.
pub fn granting(missing: &[Permission], scope: Scope<'_>, user: Option<&str>) -> Vec<Value> {
    let is_here = |one: &Permission| scope.namespace.is_none() || one.resource.is_namespaced();
    let (here, elsewhere): (Vec<Permission>, Vec<Permission>) =
        missing.iter().partition(|one| is_here(one));
    let cluster = Scope {
        namespace: None,
        leases: &[],
    };
    [
        one_role(&here, scope, user),
        one_role(&elsewhere, cluster, user),
    ]
    .concat()
}

fn one_role(missing: &[Permission], scope: Scope<'_>, user: Option<&str>) -> Vec<Value> {
    if missing.is_empty() {
        return Vec::new();
    }
    let (prefix, place) = match scope.namespace {
        Some(namespace) => ("", Some(namespace)),
        None => ("Cluster", None),
    };
    let metadata = |name: &str| match place {
        Some(namespace) => json!({ "name": name, "namespace": namespace }),
        None => json!({ "name": name }),
    };
    let name = name(missing, scope.leases);
    let role = json!({
        "apiVersion": format!("{RBAC}/v1"),
        "kind": format!("{prefix}Role"),
        "metadata": metadata(&name),
        "rules": rules(missing, scope.leases),
    });
    let binding = user.map(|user| {
        json!({
            "apiVersion": format!("{RBAC}/v1"),
            "kind": format!("{prefix}RoleBinding"),
            "metadata": metadata(&format!("{name}:{}", of(user))),
            "roleRef": { "apiGroup": RBAC, "kind": format!("{prefix}Role"), "name": name },
            "subjects": [subject(user)],
        })
    });
    [Some(role), binding].into_iter().flatten().collect()
}

/// One rule for each resource, and for what a name narrows.
fn rules(missing: &[Permission], leases: &[String]) -> Vec<Value> {
    let mut rules: BTreeMap<(Resource, bool), Vec<&str>> = BTreeMap::new();
    for permission in missing {
        let narrowed = !leases.is_empty() && permission.takes_a_name();
        // The same objects to RBAC.
        let resource = match permission.resource {
            Resource::Tickets => Resource::Leases,
            other => other,
        };
        let verbs = rules.entry((resource, !narrowed)).or_default();
        if !verbs.contains(&permission.verb) {
            verbs.push(permission.verb);
        }
    }
    let rules = rules.into_iter().map(|((resource, whole), verbs)| {
        let (group, plural) = resource.names();
        let mut rule = json!({ "apiGroups": [group], "resources": [plural], "verbs": verbs });
        if !whole {
            rule["resourceNames"] = json!(leases);
        }
        rule
    });
    rules.collect()
}

/// What it grants is its name, so that no role of this form takes the place of another that grants more.
fn name(missing: &[Permission], leases: &[String]) -> String {
    let mut words: Vec<String> = Vec::new();
    for permission in missing {
        let word = permission.words().replace(' ', "-");
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let of: String = leases.iter().map(|lease| format!(":{lease}")).collect();
    format!("lease-{}{of}", words.join("-"))
}

fn account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:")?.split_once(':')
}

/// A part of a name that RBAC takes, another for each user.
fn of(user: &str) -> String {
    match account(user) {
        // Neither name has a `+`.
        Some((namespace, account)) => format!("{}+{}", named(namespace), named(account)),
        None => named(user),
    }
}

fn subject(user: &str) -> Value {
    match account(user) {
        Some((namespace, name)) => {
            json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
        }
        None => json!({ "apiGroup": RBAC, "kind": "User", "name": user }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(verb: &'static str, resource: Resource) -> Permission {
        Permission { resource, verb }
    }

    #[test]
    fn what_is_in_no_namespace_is_granted_by_a_cluster_role_of_its_own() {
        let missing = [
            permission("delete", Resource::Leases),
            permission("list", Resource::Nodes),
        ];
        let mut scope = Scope {
            namespace: Some("kube-node-lease"),
            leases: &["n-1".to_owned()],
        };
        let granted = granting(&missing, scope, Some("ada"));
        let told = |object: &Value| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            format!("{} {name}", object["kind"].as_str().unwrap_or_default())
        };
        let told: Vec<String> = granted.iter().map(told).collect();
        assert_eq!(
            told,
            [
                "Role lease-delete:n-1",
                "RoleBinding lease-delete:n-1:ada",
                "ClusterRole lease-list-nodes",
                "ClusterRoleBinding lease-list-nodes:ada",
            ]
        );
        assert_eq!(granted[2]["rules"][0]["resources"], json!(["nodes"]));
        scope.namespace = None;
        assert_eq!(granting(&missing, scope, Some("ada")).len(), 2);
    }

    #[test]
    fn a_role_names_the_lease_wherever_rbac_knows_it_and_grants_nothing_else() {
        let missing = [
            permission("get", Resource::Leases),
            permission("create", Resource::Leases),
            permission("update", Resource::Leases),
            permission("get", Resource::Leases),
        ];
        let scope = Scope {
            namespace: Some("n"),
            leases: &["job".to_owned()],
        };
        let objects = granting(&missing, scope, Some("system:serviceaccount:ci:bot"));
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": { "name": "lease-get-create-update:job", "namespace": "n" },
            "rules": [
                {
                    "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                    "resourceNames": ["job"], "verbs": ["get", "update"],
                },
                { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
            ],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": { "name": "lease-get-create-update:job:ci+bot", "namespace": "n" },
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "Role",
                "name": "lease-get-create-update:job",
            },
            "subjects": [{ "kind": "ServiceAccount", "namespace": "ci", "name": "bot" }],
        });
        assert_eq!(objects, [role, binding]);
    }

    #[test]
    fn tickets_are_leases_of_any_name() {
        let missing = [
            permission("get", Resource::Leases),
            permission("create", Resource::Tickets),
            permission("get", Resource::Tickets),
        ];
        let verbs = |leases: &[String]| {
            let scope = Scope {
                namespace: Some("n"),
                leases,
            };
            let role = &granting(&missing, scope, None)[0];
            let rules = role["rules"].as_array().cloned().unwrap_or_default();
            let told = rules.iter().map(|rule| {
                assert_eq!(rule["resources"], json!(["leases"]));
                (rule["resourceNames"].clone(), rule["verbs"].clone())
            });
            told.collect::<Vec<_>>()
        };
        let whole = (Value::Null, json!(["create", "get"]));
        let one = (json!(["job"]), json!(["get"]));
        assert_eq!(verbs(&["job".to_owned()]), [one, whole]);
        assert_eq!(verbs(&[]), [(Value::Null, json!(["get", "create"]))]);
    }

    #[test]
    fn without_a_namespace_it_is_a_cluster_role_and_without_a_user_it_is_bound_by_nobody() {
        let missing = [permission("list", Resource::Leases)];
        let scope = Scope {
            namespace: None,
            leases: &[],
        };
        let objects = granting(&missing, scope, Some("o'neill"));
        assert_eq!(objects[0]["kind"], "ClusterRole");
        assert_eq!(objects[1]["kind"], "ClusterRoleBinding");
        assert_eq!(objects[1]["metadata"]["name"], "lease-list:o_27neill");
        assert_eq!(objects[1]["subjects"][0]["name"], "o'neill");
        assert_eq!(granting(&missing, scope, None).len(), 1);
        assert_eq!(granting(&[], scope, Some("x")), [Value::Null; 0]);
    }
}
