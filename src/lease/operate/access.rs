//! What whoever asks may do, and who that is, by the API server.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::api::{Fault, Objects, RejectionKind};

/// A permission that is asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The verb.
    pub verb: &'static str,
    /// The API group of the resource.
    pub group: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// In which namespace; `None` for all of them, or where there is none.
    pub namespace: Option<String>,
    /// On which object; `None` for any.
    pub name: Option<String>,
}

/// Whether it is allowed (SelfSubjectAccessReview).
///
/// # Errors
/// As every request.
pub async fn is_allowed(
    api: &impl Objects,
    question: &Question,
    limit: Duration,
) -> Result<bool, Fault> {
    let mut asked = json!({
        "verb": question.verb, "group": question.group, "resource": question.resource,
    });
    for (field, value) in [("namespace", &question.namespace), ("name", &question.name)] {
        if let Some(value) = value {
            asked[field] = json!(value);
        }
    }
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": asked },
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = api.post(path, &review, limit).await?;
    let status = &answer["status"];
    if let Some(error) = status["evaluationError"].as_str() {
        log::debug!("{question:?}: {error}");
    }
    match status["allowed"].as_bool() {
        Some(allowed) => Ok(allowed && status["denied"] != true),
        None => Err(Fault::Unknown(
            "the answer does not say whether it is allowed".to_owned(),
        )),
    }
}

/// Who asks, as the server knows them (SelfSubjectReview, of Kubernetes 1.26 and newer); `None` where it does not tell.
pub async fn user(api: &impl Objects, limit: Duration) -> Option<String> {
    for version in ["v1", "v1beta1", "v1alpha1"] {
        let review = json!({
            "apiVersion": format!("authentication.k8s.io/{version}"),
            "kind": "SelfSubjectReview",
        });
        let path = format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews");
        match api.post(&path, &review, limit).await {
            Ok(answer) => return named(&answer["status"]["userInfo"]["username"]),
            Err(fault) if is_absent(&fault) => {}
            Err(_) => return None,
        }
    }
    None
}

fn named(user: &Value) -> Option<String> {
    let user = user.as_str().filter(|user| !user.is_empty());
    user.map(str::to_owned)
}

fn is_absent(fault: &Fault) -> bool {
    matches!(
        fault.rejected(),
        Some(
            RejectionKind::NotServed
                | RejectionKind::LeaseMissing
                | RejectionKind::NamespaceMissing
        )
    )
}

/// What the server says to a request that it refuses: older ones name there who asked. Whatever is asked, nothing is stored.
/// `None` where it is allowed, or nobody answers.
pub async fn refusal(api: &impl Objects, namespace: &str, limit: Duration) -> Option<String> {
    // Hardly anybody who uses Leases may patch them, and nothing comes of a dry run.
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/x?dryRun=All");
    let nothing = json!({});
    match api.patch(&path, &nothing, limit).await {
        Err(Fault::Rejected(rejection)) if rejection.kind == RejectionKind::Forbidden => {
            Some(rejection.message)
        }
        Ok(_) | Err(_) => None,
    }
}
