//! Merge patches, and what `kubectl label` and `kubectl annotate` send: strategic merge patches of a Lease.

use serde_json::{Map, Value};

/// RFC 7386. In a strategic merge patch, finalizers are added to those that are there, not put in their place.
pub(crate) fn merge(target: &mut Value, patch: &Value, strategic: bool) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Map::new().into();
    }
    let Some(object) = target.as_object_mut() else {
        return;
    };
    for (key, value) in fields {
        match (value, object.get_mut(key)) {
            (Value::Null, _) => {
                object.remove(key);
            }
            (Value::Array(added), Some(Value::Array(list))) if strategic && key == "finalizers" => {
                let new: Vec<Value> = added
                    .iter()
                    .filter(|item| !list.contains(item))
                    .cloned()
                    .collect();
                list.extend(new);
            }
            (_, Some(existing)) => merge(existing, value, strategic),
            (_, None) => {
                let mut fresh = Value::Null;
                merge(&mut fresh, value, strategic);
                object.insert(key.clone(), fresh);
            }
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
            false,
        );
        assert_eq!(target, json!({"a": {"c": 2, "e": {"g": 3}}, "d": [2]}));
    }

    #[test]
    fn a_strategic_patch_adds_finalizers() {
        let mut target = json!({"finalizers": ["a/b"]});
        merge(&mut target, &json!({"finalizers": ["a/b", "c/d"]}), true);
        assert_eq!(target, json!({"finalizers": ["a/b", "c/d"]}));
    }
}
