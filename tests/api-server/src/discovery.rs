//! Discovery, `/version` and the core group's few objects: enough for kubectl to find Leases.

use serde_json::{Value, json};

use crate::{path::Document, state::Inner, status::Status, store::Namespace};

/// A discovery document.
pub(crate) fn document(document: Document) -> Value {
    let version = json!({"groupVersion": "coordination.k8s.io/v1", "version": "v1"});
    let mut group =
        json!({"name": "coordination.k8s.io", "versions": [version], "preferredVersion": version});
    match document {
        Document::CoreVersions => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        Document::CoreResources => json!({
            "kind": "APIResourceList", "groupVersion": "v1", "resources": [
                {"name": "namespaces", "singularName": "namespace", "namespaced": false, "kind": "Namespace",
                 "verbs": ["get", "list"], "shortNames": ["ns"]},
                {"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod",
                 "verbs": ["get", "list"], "shortNames": ["po"]},
                {"name": "nodes", "singularName": "node", "namespaced": false, "kind": "Node",
                 "verbs": ["get", "list"], "shortNames": ["no"]},
            ],
        }),
        Document::Groups => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}),
        Document::LeaseGroup => {
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            group
        }
        Document::LeaseResources => json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "coordination.k8s.io/v1", "resources": [
                {"name": "leases", "singularName": "lease", "namespaced": true, "kind": "Lease",
                 "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"]},
            ],
        }),
    }
}

/// `/version`, as configured.
pub(crate) fn version((major, minor): (u32, u32)) -> Value {
    json!({
        "major": major.to_string(), "minor": minor.to_string(), "gitVersion": format!("v{major}.{minor}.0"),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.24",
        "compiler": "gc", "platform": "linux/amd64",
    })
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

/// The resources of the core group that exist as empty lists: their plural and kind.
const EMPTY: [(&str, &str); 2] = [("pods", "Pod"), ("nodes", "Node")];

/// Another resource of the core group: it is there, but no object of it is.
pub(crate) fn core(inner: &Inner, resource: &str, name: Option<&str>) -> Result<Value, Status> {
    match (EMPTY.iter().find(|(plural, _)| *plural == resource), name) {
        (None, _) => Err(Status::no_such_resource()),
        (Some(_), Some(name)) => Err(Status::core_not_found(resource, name)),
        (Some((_, kind)), None) => Ok(list(&format!("{kind}List"), inner, Vec::new())),
    }
}

fn list(kind: &str, inner: &Inner, items: Vec<Value>) -> Value {
    let version = inner.store.revision().to_string();
    json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
}
