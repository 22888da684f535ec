//! The API's error answers: `Status` objects in the wording of a real server.

use serde_json::{Value, json};

use crate::refusal::Subject;

/// The API group of Leases.
pub(crate) const GROUP: &str = "coordination.k8s.io";

/// What is said of a body that is no JSON.
pub(crate) const BODY: &str = "the body of the request was in an unknown format - accepted media types include: application/json";

/// A failure, as the API tells it.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub code: u16,
    reason: &'static str,
    pub message: String,
    details: Value,
    metadata: Value,
}

/// One field that is wrong: the field, the machine-readable reason and the message without the field's name.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub field: String,
    pub reason: &'static str,
    pub message: String,
}

impl Cause {
    /// `Invalid value: <value as Go prints it>: <why>`.
    pub fn invalid(field: impl Into<String>, value: &Value, why: impl AsRef<str>) -> Self {
        let message = format!("Invalid value: {value}: {}", why.as_ref());
        Self {
            field: field.into(),
            reason: "FieldValueInvalid",
            message,
        }
    }

    pub fn required(field: impl Into<String>, why: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueRequired",
            message: format!("Required value: {why}"),
        }
    }

    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
        }
    }
}

impl Status {
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
            metadata: json!({}),
        }
    }

    /// A failure with details of its own.
    pub fn about(code: u16, reason: &'static str, message: String, details: Value) -> Self {
        Self::new(code, reason, message).details(details)
    }

    fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The same failure with a token to go on with a list, inconsistently.
    pub fn with_continue(mut self, token: String) -> Self {
        self.metadata = json!({ "continue": token });
        self
    }

    /// The same failure with another message.
    pub fn worded(mut self, message: String) -> Self {
        self.message = message;
        self
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// An admission webhook whose side effects do not allow a dry run, or a policy against it.
    pub fn no_dry_run(code: u16) -> Self {
        let reason = match code {
            400 => "BadRequest",
            403 => "Forbidden",
            _ => "InternalError",
        };
        let message = "admission webhook \"side.effects.example\" does not support dry run";
        Self::new(code, reason, message)
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// The path exists on no API server of this kind.
    pub fn no_such_resource() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .details(json!({}))
    }

    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).details(json!({}))
    }

    pub fn lease_not_found(name: &str) -> Self {
        Subject::lease(name).not_found()
    }

    /// An object of the core group that does not exist: a namespace, a pod, a node.
    pub fn core_not_found(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} \"{name}\" not found"))
            .details(json!({"name": name, "kind": resource}))
    }

    pub fn already_exists(name: &str) -> Self {
        Subject::lease(name).already_exists()
    }

    /// The write expected another object than the one that is there.
    pub fn conflict(name: &str, why: &str) -> Self {
        Subject::lease(name).conflict(why)
    }

    /// An apply would take fields from other managers, each of whom owns some.
    pub fn apply_conflict(fields: &[(String, String)]) -> Self {
        let mut message = match fields.len() {
            1 => "Apply failed with 1 conflict: ".to_owned(),
            count => format!("Apply failed with {count} conflicts: "),
        };
        let of_each = fields
            .chunk_by(|(one, _), (next, _)| one == next)
            .map(|run| {
                let with = format!("with \"{}\" using {GROUP}/v1:", run[0].0);
                match run {
                    [(_, field)] => format!("conflict {with} {field}"),
                    several => several
                        .iter()
                        .fold(format!("conflicts {with}"), |text, (_, field)| {
                            format!("{text}\n- {field}")
                        }),
                }
            });
        message.push_str(&of_each.collect::<Vec<_>>().join("\n"));
        Self::new(409, "Conflict", message)
    }

    /// Fields of a Lease are wrong. `kind` is `Lease`, or `leases` where the real server says so.
    pub fn invalid(kind: &str, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_in(GROUP, kind, name, causes)
    }

    /// Query parameters are wrong: `kind` is `CreateOptions`, `UpdateOptions`, …
    pub fn invalid_options(kind: &str, cause: Cause) -> Self {
        Self::invalid_in("meta.k8s.io", kind, "", &[cause])
    }

    pub fn invalid_in(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let told: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let mut qualified = kind.to_owned();
        let told = if told.len() == 1 {
            told.concat()
        } else {
            format!("[{}]", told.join(", "))
        };
        let list: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let mut details = json!({"kind": kind, "causes": list});
        if !group.is_empty() {
            details["group"] = group.into();
            qualified = format!("{kind}.{group}");
        }
        if !name.is_empty() {
            details["name"] = name.into();
        }
        Self::new(
            422,
            "Invalid",
            format!("{qualified} \"{name}\" is invalid: {told}"),
        )
        .details(details)
    }

    pub fn forbidden(details: Value, message: String) -> Self {
        Self::new(403, "Forbidden", message).details(details)
    }

    /// Deleted, which is a success and a Status too.
    pub fn deleted(group: &str, plural: &str, name: &str, uid: &str) -> Value {
        let mut details = json!({"name": name, "kind": plural, "uid": uid});
        if !group.is_empty() {
            details["group"] = group.into();
        }
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
    }

    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A read wants a state that this server has not seen yet.
    pub fn too_large_version(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        Self::new(504, "Timeout", message).details(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }))
    }

    pub fn unsupported_media_type(message: &str) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// An error without a reason, as the server answers for what it did not foresee.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            body["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            body["details"] = self.details.clone();
        }
        body
    }
}
