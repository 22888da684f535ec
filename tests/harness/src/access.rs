//! Users and what they may do, said once for both servers.

use serde_json::{Value, json};
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

    /// The same in every namespace.
    #[must_use]
    pub fn everywhere(mut self) -> Rule {
        self.everywhere = true;
        self
    }

    /// As a rule of an RBAC role.
    pub(crate) fn rbac(&self) -> Value {
        let mut rule = json!({
            "apiGroups": ["", "coordination.k8s.io"],
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
pub(crate) fn parts(rules: &[Value]) -> BTreeSet<(String, String, String)> {
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
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

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
