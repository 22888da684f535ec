//! The manifests of docs/examples: whole in themselves, and taken by a real API server field by field.

use super::{RBAC, documents, files, items, kind, manifest_files, name, strings, text};
use crate::support::{SOON, shared};
use lease_harness::{Api, Namespace};
use serde_json::{Value, json};
use std::time::Instant;

/// The real server if that is what the suite runs on: the in-process one knows Leases only.
fn real() -> Option<Namespace> {
    let ns = shared().namespace();
    if !ns.cluster().is_real() {
        println!("SKIPPED: the in-process server knows no kinds but Lease");
        return None;
    }
    Some(ns)
}

/// Where objects of this kind are created.
fn collection(ns: &Namespace, object: &Value) -> String {
    let version = object["apiVersion"].as_str().expect("an API version");
    let root = if version == "v1" { "/api" } else { "/apis" };
    let plural = format!("{}s", kind(object).to_lowercase());
    let scope = if kind(object).starts_with("Cluster") {
        String::new()
    } else {
        format!("namespaces/{}/", ns.name())
    };
    format!("{root}/{version}/{scope}{plural}")
}

/// The object as this server knows it: CronJob came to batch/v1 with Kubernetes 1.21, unchanged.
fn as_served(admin: &Api, mut object: Value) -> Value {
    if kind(&object) == "CronJob" {
        let served = admin.call("GET", "/apis/batch/v1", None);
        let served = served.expect("the server answers").body;
        let known = items(&served["resources"]);
        if !known.iter().any(|resource| resource["kind"] == "CronJob") {
            object["apiVersion"] = "batch/v1beta1".into();
        }
    }
    object
}

/// The first field of `sent` that is not in `stored`: servers before 1.25 drop what they do not know in silence.
fn dropped(sent: &Value, stored: &Value, at: &str) -> Option<String> {
    match (sent, stored) {
        (Value::Object(fields), Value::Object(_)) => fields
            .iter()
            .find_map(|(key, value)| dropped(value, &stored[key], &format!("{at}.{key}"))),
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => ours
            .iter()
            .zip(theirs)
            .find_map(|(one, other)| dropped(one, other, &format!("{at}[]"))),
        _ => (sent != stored).then(|| format!("{at}: sent {sent}, stored {stored}")),
    }
}

fn create(ns: &Namespace, object: &Value, query: &str) -> Value {
    let path = collection(ns, object) + query;
    let answer = ns.cluster().admin().call("POST", &path, Some(object));
    let answer = answer.expect("the server answers");
    assert_eq!(answer.status, 201, "{path}: {:#}", answer.body);
    answer.body
}

#[test]
fn a_server_takes_every_manifest_whole_and_the_accounts_may_what_their_roles_say() {
    let Some(ns) = real() else { return };
    for file in manifest_files() {
        for object in documents(&file) {
            let object = as_served(ns.cluster().admin(), object);
            let stored = create(&ns, &object, "?dryRun=All&fieldValidation=Strict");
            assert_eq!(dropped(&object, &stored, ""), None, "{file}");
        }
    }
    let mut accounts = 0;
    for file in manifest_files() {
        let all = documents(&file);
        let Some(account) = all.iter().find(|object| kind(object) == "ServiceAccount") else {
            continue;
        };
        accounts += 1;
        let bound = |object: &&Value| matches!(kind(object), "Role" | "RoleBinding");
        for object in all.iter().filter(bound) {
            create(&ns, object, "");
        }
        let lease = lease_of(&file);
        // The binding reaches the authorizer by a watch.
        let start = Instant::now();
        while !allowed(&ns, name(account), "update", &lease) {
            assert!(start.elapsed() < SOON, "{file}: the role is not in effect");
        }
        for (verb, lease, expected) in [
            ("get", lease.as_str(), true),
            ("watch", &lease, true),
            ("get", "another", false),
            ("update", "another", false),
            ("list", "", false),
            ("delete", &lease, false),
        ] {
            let found = allowed(&ns, name(account), verb, lease);
            assert_eq!(found, expected, "{file}: {verb} {lease}");
        }
    }
    assert_eq!(accounts, 3);
}

/// The one lease that the Role of a file is about.
fn lease_of(file: &str) -> String {
    let rules = super::rules(file);
    let mut names = rules.into_iter().flat_map(|rule| rule.names);
    names.next().expect("a rule for one name")
}

fn allowed(ns: &Namespace, account: &str, verb: &str, lease: &str) -> bool {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": format!("system:serviceaccount:{}:{account}", ns.name()),
            "resourceAttributes": {
                "namespace": ns.name(), "group": "coordination.k8s.io", "resource": "leases",
                "verb": verb, "name": lease,
            },
        },
    });
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer = ns.cluster().admin().call("POST", path, Some(&review));
    answer.expect("the server answers").body["status"]["allowed"] == true
}

#[test]
fn every_file_is_linked_and_whole_in_itself_and_every_container_runs_without_privileges() {
    let index = text("README.md");
    let links = index.split("](").skip(1);
    let mut linked: Vec<&str> = links.filter_map(|rest| rest.split(')').next()).collect();
    linked.sort_unstable();
    let mut there = files();
    there.retain(|name| name != "README.md");
    assert_eq!(linked, there);
    for file in files().iter().filter(|name| *name != "README.md") {
        let all = documents(file);
        assert!(!all.is_empty(), "{file}");
        for document in all {
            assert!(document.is_object(), "{file}: {document}");
        }
    }
    for file in manifest_files() {
        let all = documents(&file);
        let there =
            |of: &Value, called: &Value| all.iter().any(|o| o["kind"] == *of && name(o) == called);
        for object in &all {
            assert_eq!(object["metadata"]["namespace"], Value::Null, "{file}");
            if kind(object).ends_with("Binding") {
                let role = &object["roleRef"];
                assert_eq!(role["apiGroup"], RBAC, "{file}");
                assert!(there(&role["kind"], &role["name"]), "{file}: {role}");
            }
            for subject in items(&object["subjects"]) {
                let known = subject["kind"] != "ServiceAccount"
                    || there(&subject["kind"], &subject["name"]);
                assert!(known, "{file}: {subject}");
            }
            if let Some(pod) = pod(object) {
                let account = &pod["serviceAccountName"];
                assert!(
                    there(&"ServiceAccount".into(), account),
                    "{file}: {account}"
                );
                let volumes: Vec<&Value> =
                    items(&pod["volumes"]).iter().map(|v| &v["name"]).collect();
                for mount in containers(pod).flat_map(|one| items(&one["volumeMounts"])) {
                    assert!(volumes.contains(&&mount["name"]), "{file}: {mount}");
                }
            }
        }
    }
    let mut seen = 0;
    for file in manifest_files() {
        let all = documents(&file);
        for pod in all.iter().filter_map(pod) {
            let context = &pod["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{file}");
            assert_eq!(
                context["seccompProfile"]["type"], "RuntimeDefault",
                "{file}"
            );
            for container in containers(pod) {
                seen += 1;
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{file}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{file}");
                assert_eq!(strings(&context["capabilities"]["drop"]), ["ALL"], "{file}");
            }
        }
    }
    assert!(seen >= 3, "{seen}");
}

/// The pod that an object makes, if it makes any.
pub(super) fn pod(object: &Value) -> Option<&Value> {
    let spec = match kind(object) {
        "CronJob" => &object["spec"]["jobTemplate"]["spec"],
        "Deployment" => &object["spec"],
        _ => return None,
    };
    Some(&spec["template"]["spec"])
}

pub(super) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let all = [&pod["initContainers"], &pod["containers"]];
    all.into_iter().flat_map(items)
}
