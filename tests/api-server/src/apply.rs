//! Server-side apply of a Lease: what it changes, what it takes from other managers, and what it leaves out.

use serde_json::Value;

use crate::{fields, patch, status::Status};

/// Whether a body of this type is an apply. It is read as JSON, which clients send as YAML.
pub(crate) fn is_apply(content_type: &str) -> bool {
    content_type == "application/apply-patch+yaml"
}

/// `old` with what `manager` applies; what it applied before and does not any more is gone, unless it is another's too.
pub(crate) fn applied(
    old: &Value,
    applied: &Value,
    manager: &str,
    force: bool,
) -> Result<Value, Status> {
    let entries = old["metadata"]["managedFields"].as_array();
    let entries = entries.map(Vec::as_slice).unwrap_or_default();
    let mut conflicts: Vec<(String, String)> = fields::changed(old, applied)
        .iter()
        .filter_map(|path| {
            let other = fields::other_owner(entries, path, manager)?;
            Some((other.to_owned(), path.join("").replace("f:", ".")))
        })
        .collect();
    conflicts.sort();
    if !force && !conflicts.is_empty() {
        return Err(Status::apply_conflict(&conflicts));
    }
    let mut merged = old.clone();
    let named = fields::of(applied);
    let earlier = fields::applied_by(entries, manager);
    for path in earlier.difference(&named) {
        if fields::other_owner(entries, path, manager).is_none() {
            remove(&mut merged, path);
        }
    }
    patch::merge(&mut merged, applied);
    Ok(merged)
}

fn remove(object: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut node = object;
    for key in parents {
        let Some(child) = node.get_mut(key.trim_start_matches("f:")) else {
            return;
        };
        node = child;
    }
    if let Some(map) = node.as_object_mut() {
        map.remove(last.trim_start_matches("f:"));
    }
}
