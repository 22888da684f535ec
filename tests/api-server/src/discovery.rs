//! Discovery, `/version` and namespaces: enough for kubectl to find Leases and what concerns them.

use serde_json::{Value, json};

use crate::{
    differences::{Behaviour, Difference},
    kind::KINDS,
    path::{Document, VERSIONS},
    state::Inner,
    status::Status,
    store::Namespace,
};

/// A discovery document, as this version of the server has it.
pub(crate) fn document(document: Document, server: &Behaviour) -> Result<Value, Status> {
    match document {
        Document::CoreVersions => {
            Ok(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}))
        }
        Document::CoreResources => Ok(resources("", "v1", server)),
        Document::Groups => {
            let groups: Vec<Value> = VERSIONS
                .iter()
                .filter_map(|(name, _)| group(name, server))
                .collect();
            Ok(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        Document::Group(name) => {
            let mut group = group(name, server).ok_or_else(Status::no_such_resource)?;
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            Ok(group)
        }
        Document::Resources(group, version) if serves(group, version, server) => {
            Ok(resources(group, version, server))
        }
        Document::Resources(..) => Err(Status::no_such_resource()),
    }
}

/// Whether there is anything in this version of the group.
fn serves(group: &str, version: &str, server: &Behaviour) -> bool {
    if group == REVIEWS {
        return version == "v1" || server.does(tells_who(version));
    }
    let kinds = || {
        KINDS
            .iter()
            .filter(|kind| kind.group == group && kind.version == version)
    };
    kinds().next().is_none() || kinds().any(|kind| server.does_all(kind.needs))
}

fn group(name: &str, server: &Behaviour) -> Option<Value> {
    let (_, versions) = VERSIONS.iter().find(|(known, _)| *known == name)?;
    let versions: Vec<Value> = versions
        .iter()
        .filter(|version| serves(name, version, server))
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    let preferred = versions.first()?.clone();
    Some(json!({"name": name, "versions": versions, "preferredVersion": preferred}))
}

fn resources(group: &str, version: &str, server: &Behaviour) -> Value {
    let mut list = Vec::new();
    match (group, version) {
        ("", "v1") => list.push(resource(
            "namespaces",
            "namespace",
            false,
            "Namespace",
            &["ns"],
            &["get", "list"],
        )),
        ("coordination.k8s.io", "v1") => {
            let verbs = [
                "create", "delete", "get", "list", "patch", "update", "watch",
            ];
            list.push(resource("leases", "lease", true, "Lease", &[], &verbs));
        }
        ("authorization.k8s.io", "v1") => {
            for kind in ["SelfSubjectAccessReview", "SelfSubjectRulesReview"] {
                let singular = kind.to_lowercase();
                list.push(resource(
                    &format!("{singular}s"),
                    &singular,
                    false,
                    kind,
                    &[],
                    &["create"],
                ));
            }
        }
        (REVIEWS, version) if server.does(tells_who(version)) => {
            let singular = "selfsubjectreview";
            list.push(resource(
                "selfsubjectreviews",
                singular,
                false,
                "SelfSubjectReview",
                &[],
                &["create"],
            ));
        }
        _ => {}
    }
    let kinds = KINDS.iter().filter(|kind| {
        kind.group == group && kind.version == version && server.does_all(kind.needs)
    });
    for kind in kinds {
        let verbs = [
            "create", "delete", "get", "list", "patch", "update", "watch",
        ];
        list.push(resource(
            kind.plural,
            kind.singular,
            kind.namespaced,
            kind.kind,
            kind.short,
            &verbs,
        ));
        if !kind.status.is_empty() {
            let verbs = ["get", "patch", "update"];
            list.push(resource(
                kind.status,
                "",
                kind.namespaced,
                kind.kind,
                &[],
                &verbs,
            ));
        }
    }
    let of = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": of, "resources": list})
}

fn resource(
    name: &str,
    singular: &str,
    namespaced: bool,
    kind: &str,
    short: &[&str],
    verbs: &[&str],
) -> Value {
    let mut resource = json!({
        "name": name, "singularName": singular, "namespaced": namespaced, "kind": kind, "verbs": verbs,
    });
    if !short.is_empty() {
        resource["shortNames"] = json!(short);
    }
    resource
}

/// Where servers tell who one is.
const REVIEWS: &str = "authentication.k8s.io";

/// What a server does that tells it in this version of the group.
pub(crate) fn tells_who(version: &str) -> Difference {
    match version {
        "v1alpha1" => Difference::SelfSubjectReviewAlpha,
        "v1beta1" => Difference::SelfSubjectReviewBeta,
        _ => Difference::SelfSubjectReview,
    }
}

/// `/version`, as upstream tells it.
pub(crate) fn version(server: &Behaviour) -> Value {
    let (major, minor) = server.version;
    let mut told = json!({
        "major": major.to_string(), "minor": minor.to_string(), "gitVersion": format!("v{major}.{minor}.0"),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.24",
        "compiler": "gc", "platform": "linux/amd64",
    });
    if server.does(Difference::EmulationVersion) {
        for (field, number) in [
            ("emulationMajor", major),
            ("emulationMinor", minor),
            ("minCompatibilityMajor", major),
            ("minCompatibilityMinor", minor.saturating_sub(1)),
        ] {
            told[field] = number.to_string().into();
        }
    }
    told
}

/// One namespace.
pub(crate) fn namespace(inner: &Inner, name: &str) -> Result<Value, Status> {
    let found = inner
        .store
        .namespaces
        .get(name)
        .ok_or_else(|| Status::core_not_found("namespaces", name))?;
    let mut object = namespace_item(name, found);
    object["kind"] = "Namespace".into();
    object["apiVersion"] = "v1".into();
    Ok(object)
}

/// Every namespace.
pub(crate) fn namespaces(inner: &Inner) -> Value {
    let items: Vec<Value> = inner
        .store
        .namespaces
        .iter()
        .map(|(name, namespace)| namespace_item(name, namespace))
        .collect();
    list("NamespaceList", inner, items)
}

fn namespace_item(name: &str, namespace: &Namespace) -> Value {
    json!({
        "metadata": {
            "name": name, "uid": namespace.uid, "resourceVersion": namespace.revision.to_string(),
            "creationTimestamp": namespace.created, "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

fn list(kind: &str, inner: &Inner, items: Vec<Value>) -> Value {
    let version = inner.store.revision().to_string();
    json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
}
