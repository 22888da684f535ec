//! What the API refuses in a Lease's `spec`, in its own words.

use serde_json::Value;

use crate::{names, status::Cause};

/// Everything wrong with a spec.
pub(crate) fn spec(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if spec["leaseDurationSeconds"]
        .as_i64()
        .is_some_and(|seconds| seconds <= 0)
    {
        let value = &spec["leaseDurationSeconds"];
        causes.push(Cause::invalid(
            "spec.leaseDurationSeconds",
            value,
            "must be greater than 0",
        ));
    }
    if spec["leaseTransitions"]
        .as_i64()
        .is_some_and(|transitions| transitions < 0)
    {
        causes.push(Cause::invalid(
            "spec.leaseTransitions",
            &spec["leaseTransitions"],
            "must be greater than or equal to 0",
        ));
    }
    if let Some(strategy) = spec["strategy"].as_str() {
        causes.extend(self::strategy(strategy));
    }
    let text = |field: &str| spec[field].as_str().unwrap_or_default();
    if !text("preferredHolder").is_empty() && text("strategy").is_empty() {
        causes.push(Cause::forbidden(
            "spec.preferredHolder",
            "may only be specified if `strategy` is defined",
        ));
    }
    causes
}

/// A strategy of Kubernetes' own, or somebody else's with a domain of theirs. The field is named twice, as upstream has it.
fn strategy(strategy: &str) -> Vec<Cause> {
    let field = "spec.strategy.strategy";
    if strategy.contains('/') {
        return names::qualified(field, strategy);
    }
    let known = "OldestEmulationVersion";
    if strategy == known {
        return Vec::new();
    }
    vec![Cause {
        field: field.into(),
        reason: "FieldValueNotSupported",
        message: format!("Unsupported value: {strategy:?}: supported values: {known:?}"),
    }]
}
