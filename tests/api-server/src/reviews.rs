//! What may I do, and who am I: the reviews with which users ask about themselves.

use serde_json::{Value, json};

use crate::{
    access::{self, Attributes},
    differences::Difference,
    discovery,
    http::{Call, Reply},
    options::User,
    path::Review,
    state::State,
    status::{BODY, Cause, Status},
};

/// Answers a review. Everybody who authenticated may ask.
pub(crate) fn answer(state: &State, call: &Call, review: Review) -> Result<Reply, Status> {
    if call.method != "POST" {
        return Err(Status::method_not_allowed());
    }
    // kubectl asks in protobuf, which this server does not read.
    if !matches!(call.content_type.as_str(), "" | "application/json") {
        return Err(Status::unsupported_media_type(BODY));
    }
    let kind = match review {
        Review::Access => "SelfSubjectAccessReview",
        Review::Rules => "SelfSubjectRulesReview",
    };
    let asked: Value = serde_json::from_slice(&call.body).map_err(|error| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {error}"
        ))
    })?;
    let spec = &asked["spec"];
    let status = match review {
        Review::Access => access(&call.user, spec)?,
        Review::Rules => rules(&call.user, spec)?,
    };
    let answer = json!({
        "kind": kind, "apiVersion": "authorization.k8s.io/v1", "metadata": uncreated(state),
        "spec": spec, "status": status,
    });
    Ok(Reply::Json(201, answer.to_string()))
}

/// Tells who asks. Everybody who authenticated may, where the server has this version of it.
pub(crate) fn myself(state: &State, call: &Call, version: &'static str) -> Result<Reply, Status> {
    if call.method != "POST" {
        return Err(Status::method_not_allowed());
    }
    if !state.does(discovery::tells_who(version)) {
        // Nobody is granted what is in no version: who may not do everything is told that first.
        let versions = ["v1", "v1beta1", "v1alpha1"].map(discovery::tells_who);
        if !versions.iter().any(|version| state.does(*version)) {
            call.user.check(&Attributes {
                verb: "create",
                group: "authentication.k8s.io",
                resource: "selfsubjectreviews",
                namespace: None,
                name: None,
            })?;
        }
        return Err(Status::no_such_resource());
    }
    let answer = json!({
        "kind": "SelfSubjectReview", "apiVersion": format!("authentication.k8s.io/{version}"),
        "metadata": uncreated(state),
        "status": {"userInfo": {"username": call.user.name, "groups": call.user.groups}},
    });
    Ok(Reply::Json(201, answer.to_string()))
}

/// The metadata of what is answered and never stored.
fn uncreated(state: &State) -> Value {
    if state.does(Difference::NullCreationTimestamp) {
        json!({"creationTimestamp": null})
    } else {
        json!({})
    }
}

fn access(user: &User, spec: &Value) -> Result<Value, Status> {
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let wrong = |field: &str, value: &Value, why: &str| {
        let cause = Cause::invalid(field, value, why);
        Err(Status::invalid_in("authorization.k8s.io", "", "", &[cause]))
    };
    let text = |value: &'_ Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let allowed = match (resource.is_object(), path.is_object()) {
        (false, false) => {
            return wrong(
                "spec.resourceAttributes",
                &"null".into(),
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            );
        }
        (true, true) => {
            return wrong(
                "spec.nonResourceAttributes",
                path,
                "cannot be specified in combination with resourceAttributes",
            );
        }
        (false, true) => {
            let (verb, path) = (text(path, "verb"), text(path, "path"));
            is_open(&path) || user.check_path(&verb, &path).is_ok()
        }
        (true, false) => {
            let (verb, group) = (text(resource, "verb"), text(resource, "group"));
            let (namespace, name) = (text(resource, "namespace"), text(resource, "name"));
            let mut plural = text(resource, "resource");
            if let Some(part) = resource["subresource"]
                .as_str()
                .filter(|part| !part.is_empty())
            {
                plural = format!("{plural}/{part}");
            }
            user.check(&Attributes {
                verb: &verb,
                group: &group,
                resource: &plural,
                namespace: Some(namespace.as_str()).filter(|text| !text.is_empty()),
                name: Some(name.as_str()).filter(|text| !text.is_empty()),
            })
            .is_ok()
        }
    };
    let mut status = json!({ "allowed": allowed });
    if allowed && !user.is_master() {
        let name = &user.name;
        let reason = format!(
            "RBAC: allowed by ClusterRoleBinding \"{name}\" of ClusterRole \"{name}\" to User \"{name}\""
        );
        status["reason"] = reason.into();
    }
    Ok(status)
}

/// Discovery, health and version are open to everybody who authenticated.
fn is_open(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    matches!(
        first,
        Some("api" | "apis" | "healthz" | "livez" | "readyz" | "version")
    )
}

fn rules(user: &User, spec: &Value) -> Result<Value, Status> {
    let namespace = spec["namespace"]
        .as_str()
        .filter(|namespace| !namespace.is_empty());
    let Some(namespace) = namespace else {
        return Err(Status::bad_request("no namespace on request"));
    };
    let mut rules = vec![json!({
        "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    })];
    if user.is_master() {
        rules.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
    }
    for rule in user
        .rules
        .iter()
        .filter(|rule| rule.holds_in(Some(namespace)))
    {
        let mut told = json!({
            "verbs": rule.verbs, "apiGroups": access::api_groups(&rule.resources), "resources": rule.resources,
        });
        if !rule.names.is_empty() {
            told["resourceNames"] = json!(rule.names);
        }
        rules.push(told);
    }
    let paths = json!([{
        "verbs": ["get"],
        "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz", "/version"],
    }]);
    Ok(json!({"resourceRules": rules, "nonResourceRules": paths, "incomplete": false}))
}
