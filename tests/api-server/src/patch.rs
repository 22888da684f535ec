//! JSON merge patches, which `kubectl label` and `kubectl annotate` send.

use serde_json::{Map, Value};

/// Whether a body of this type is taken for a merge patch. What a strategic one says besides is about lists.
pub(crate) fn is_merge(content_type: &str) -> bool {
    matches!(
        content_type,
        "application/merge-patch+json" | "application/strategic-merge-patch+json"
    )
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Map::new().into();
    }
    for (key, value) in fields {
        match (value, target.as_object_mut()) {
            (Value::Null, Some(object)) => drop(object.remove(key)),
            _ => merge(&mut target[key], value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use serde_json::json;

    #[test]
    fn null_removes_and_objects_are_merged() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(
            &mut target,
            &json!({"a": {"b": null, "e": {"f": null, "g": 3}}, "d": [2]}),
        );
        assert_eq!(target, json!({"a": {"c": 2, "e": {"g": 3}}, "d": [2]}));
    }
}
