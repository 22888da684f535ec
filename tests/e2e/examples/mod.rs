//! docs/examples: every file is read, applied where there is a server for it, and what it runs is run.

mod ci;
mod commands;
mod container;
mod manifests;
mod roles;
mod runner;

use lease_harness::{Namespace, Rule};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const RBAC: &str = "rbac.authorization.k8s.io";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/examples")
        .join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of all files of the folder.
fn files() -> Vec<String> {
    let entries = fs::read_dir(path("")).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("the folder can be read").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_str().expect("plain names").to_owned())
        .collect();
    names.sort();
    names
}

/// Those that are Kubernetes manifests; CI configurations end in `.yml`.
fn manifest_files() -> Vec<String> {
    let mut names = files();
    names.retain(|name| name.ends_with(".yaml"));
    assert!(names.len() >= 7, "{names:?}");
    names
}

/// The YAML documents of a file.
#[track_caller]
fn documents(name: &str) -> Vec<Value> {
    let text = text(name);
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap_or_else(|e| panic!("{name}: {e}")))
        .collect()
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().expect("an object has a kind")
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"]
        .as_str()
        .expect("an object has a name")
}

/// A list of strings; an absent one is empty.
fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|text| text.as_str().expect("a string").to_owned())
        .collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What the Role or ClusterRole of a file grants about Leases.
#[track_caller]
fn rules(file: &str) -> Vec<Rule> {
    let mut rules = all_rules(file);
    rules.retain(|rule| rule.resources == ["leases"]);
    rules
}

/// What the Roles and ClusterRoles of a file grant: about Leases and what a subcommand needs beside them, and nothing else.
#[track_caller]
pub(crate) fn all_rules(file: &str) -> Vec<Rule> {
    let all = documents(file);
    let roles = all
        .iter()
        .filter(|object| matches!(kind(object), "Role" | "ClusterRole"));
    let mut granted = Vec::new();
    for role in roles {
        let rules = Rule::of_role(role);
        assert_eq!(rules.len(), items(&role["rules"]).len(), "{file}: {role:#}");
        granted.extend(rules);
    }
    assert!(!granted.is_empty(), "{file} has no role");
    for rule in &granted {
        let [resource] = &rule.resources[..] else {
            panic!("{file}: one rule for each resource: {rule:?}")
        };
        let most: &[&str] = match resource.as_str() {
            "leases" => &["get", "list", "watch", "create", "update", "delete"],
            "leasecandidates" | "nodes" => &["list"],
            "pods" => &["get", "patch"],
            "events" => &["create", "list"],
            _ => &[],
        };
        let known = |verb: &String| most.contains(&verb.as_str());
        assert!(rule.verbs.iter().all(known), "{file}: {rule:?}");
    }
    granted
}

/// The folder of the test, with a script of this name that says who holds what.
fn with_script(ns: &Namespace, name: &str) -> PathBuf {
    let says = "#!/bin/sh\necho \"$0 runs as $KUBECTL_LEASE_HOLDER\"\n";
    let script = ns.script(name, says);
    script.parent().expect("a file is in a folder").to_owned()
}
