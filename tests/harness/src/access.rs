//! Users and what they may do, said once for both servers.

use lease_api_server::api_groups;
use serde_json::Value;
#[cfg(unix)]
use serde_json::json;
#[cfg(unix)]
use std::collections::BTreeSet;

/// A user with a bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name the server knows the user by.
    pub name: String,
    /// The bearer token.
    pub token: String,
}

/// One permission. An empty list of `names` means every name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `*`.
    pub verbs: Vec<String>,
    /// Plural resource names, such as `leases`.
    pub resources: Vec<String>,
    /// Only these objects; for `create` the API server cannot know the name.
    pub names: Vec<String>,
    /// In all namespaces, not only in the test's own.
    pub everywhere: bool,
}

impl Rule {
    /// These verbs on leases in the test's namespace.
    pub fn leases(verbs: &[&str]) -> Rule {
        Rule {
            verbs: owned(verbs),
            resources: vec!["leases".into()],
            names: Vec::new(),
            everywhere: false,
        }
    }

    /// The same for objects of these names only.
    #[must_use]
    pub fn named(mut self, names: &[&str]) -> Rule {
        self.names = owned(names);
        self
    }

    /// The same for other resources.
    #[must_use]
    pub fn on(mut self, resources: &[&str]) -> Rule {
        self.resources = owned(resources);
        self
    }

    /// The rules of a Role or ClusterRole, as the tool prints them, for [`user_with`](crate::Namespace::user_with).
    /// Resources that its API groups do not have are left out: they grant nothing.
    pub fn of_role(role: &Value) -> Vec<Rule> {
        let rules = role["rules"].as_array().map(Vec::as_slice);
        let everywhere = role["kind"] == "ClusterRole";
        let convert = |rule: &Value| {
            let groups = texts(&rule["apiGroups"]);
            let mut resources = texts(&rule["resources"]);
            resources.retain(|resource| {
                let own = api_groups(std::slice::from_ref(resource));
                own.iter()
                    .any(|own| groups.iter().any(|group| group == own || group == "*"))
            });
            Rule {
                verbs: texts(&rule["verbs"]),
                resources,
                names: texts(&rule["resourceNames"]),
                everywhere,
            }
        };
        let rules = rules.unwrap_or_default().iter().map(convert);
        rules.filter(|rule| !rule.resources.is_empty()).collect()
    }

    /// The same in every namespace.
    #[must_use]
    pub fn everywhere(mut self) -> Rule {
        self.everywhere = true;
        self
    }

    /// As a rule of an RBAC role.
    #[cfg(unix)]
    pub(crate) fn rbac(&self) -> Value {
        let mut rule = json!({
            "apiGroups": api_groups(&self.resources),
            "resources": self.resources,
            "verbs": self.verbs,
        });
        if !self.names.is_empty() {
            rule["resourceNames"] = json!(self.names);
        }
        rule
    }
}

/// RBAC rules as comparable parts, however the server groups them.
#[cfg(unix)]
pub(crate) fn parts(rules: &[Value]) -> BTreeSet<(String, String, String)> {
    let mut parts = BTreeSet::new();
    for rule in rules {
        let mut names = texts(&rule["resourceNames"]);
        if names.is_empty() {
            names.push(String::new());
        }
        for verb in texts(&rule["verbs"]) {
            for resource in texts(&rule["resources"]) {
                parts.extend(
                    names
                        .iter()
                        .map(|name| (verb.clone(), resource.clone(), name.clone())),
                );
            }
        }
    }
    parts
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
