//! How a deletion is to be done: `DeleteOptions`, from the body or the query, and its preconditions.

use serde_json::Value;

use crate::{
    http::Call,
    refusal::Subject,
    status::{Cause, Status},
};

/// What a DELETE asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    uid: Option<String>,
    version: Option<String>,
    pub dry_run: bool,
    pub grace: Option<i64>,
}

const POLICIES: [&str; 3] = ["Foreground", "Background", "Orphan"];

impl Deletion {
    /// Reads them from the body. Only a request without one has them in its query: with a body, `?dryRun=All` deletes.
    pub fn of(call: &Call) -> Result<Self, Status> {
        if call.body.is_empty() {
            let policy = call.query.get("propagationPolicy");
            known_policy(policy.filter(|policy| !policy.is_empty()))?;
            return Ok(Self {
                dry_run: call.query.dry_run("DeleteOptions")?,
                grace: call
                    .query
                    .get("gracePeriodSeconds")
                    .and_then(|text| text.parse().ok()),
                ..Self::default()
            });
        }
        let body: Value = serde_json::from_slice(&call.body).map_err(|error| {
            Status::internal(format!(
                "couldn't get version/kind; json parse error: {error}"
            ))
        })?;
        let kind = body["kind"].as_str().unwrap_or("DeleteOptions");
        if !body.is_object() || kind != "DeleteOptions" {
            let version = body["apiVersion"].as_str().unwrap_or_default();
            return Err(Status::internal(format!(
                "no kind \"{kind}\" is registered for version \"{version}\" in scheme \
                 \"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27\""
            )));
        }
        known_policy(body["propagationPolicy"].as_str())?;
        Ok(Self {
            uid: text(&body, "uid")?,
            version: text(&body, "resourceVersion")?,
            dry_run: dry_run(&body["dryRun"])?,
            grace: body["gracePeriodSeconds"].as_i64(),
        })
    }

    /// Refuses to delete another object, or another state of it, than the one that is meant.
    pub fn check(&self, subject: &Subject<'_>, object: &Value) -> Result<(), Status> {
        let stored = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let (uid, version) = (stored("uid"), stored("resourceVersion"));
        if let Some(wanted) = self.uid.as_deref().filter(|wanted| *wanted != uid) {
            return Err(subject.precondition(&format!(
                "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). \
                 The object might have been deleted and then recreated"
            )));
        }
        if let Some(wanted) = self.version.as_deref().filter(|wanted| *wanted != version) {
            return Err(subject.precondition(&format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
                 ({version}). The object might have been modified"
            )));
        }
        Ok(())
    }
}

fn text(body: &Value, field: &str) -> Result<Option<String>, Status> {
    match &body["preconditions"][field] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => Err(Status::internal(format!(
            "v1.DeleteOptions.Preconditions: v1.Preconditions.{field}: ReadString: expects \" or n, but found {other}"
        ))),
    }
}

fn dry_run(asked: &Value) -> Result<bool, Status> {
    let asked = asked.as_array().map(Vec::as_slice).unwrap_or_default();
    if asked.iter().any(|value| value != "All") {
        let told: Vec<String> = asked.iter().map(Value::to_string).collect();
        return Err(unsupported(
            "dryRun",
            format!(
                "Unsupported value: []string{{{}}}: supported values: \"All\"",
                told.join(", ")
            ),
        ));
    }
    Ok(!asked.is_empty())
}

fn known_policy(policy: Option<&str>) -> Result<(), Status> {
    match policy.filter(|policy| !POLICIES.contains(policy)) {
        None => Ok(()),
        Some(other) => Err(unsupported(
            "propagationPolicy",
            format!(
                "Unsupported value: \"{other}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            ),
        )),
    }
}

fn unsupported(field: &str, message: String) -> Status {
    let reason = "FieldValueNotSupported";
    let field = field.to_owned();
    Status::invalid_options(
        "DeleteOptions",
        Cause {
            field,
            reason,
            message,
        },
    )
}
