//! Field ownership, `managedFields`: which manager last changed which field, stamped by the server's clock.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// The keys from the root to a field, as `fieldsV1` writes them: `f:spec`, `f:renewTime`.
type Path = Vec<String>;
pub(crate) type Fields = BTreeSet<Path>;

/// The manager whose update this is, and when.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub manager: String,
    /// Whole seconds, from the server's clock.
    pub time: String,
    /// Whether changing a field again updates the entry's time.
    pub restamp: bool,
    /// The fields that it applies; `None` for any other write.
    pub applied: Option<Fields>,
}

/// The fields of an object that can be owned.
pub(crate) fn of(object: &Value) -> Fields {
    flatten(object).into_keys().collect()
}

/// The fields that `new` sets to another value than `old` has.
pub(crate) fn changed(old: &Value, new: &Value) -> Fields {
    let before = flatten(old);
    let after = flatten(new).into_iter();
    let other = after.filter(|(path, value)| before.get(path) != Some(value));
    other.map(|(path, _)| path).collect()
}

/// The fields that `manager` has applied.
pub(crate) fn applied_by(entries: &[Value], manager: &str) -> Fields {
    let own = entries.iter().find(|entry| is_of(entry, manager, APPLY));
    own.map(|entry| parse(&entry["fieldsV1"]))
        .unwrap_or_default()
}

/// Whoever owns the field besides what `manager` applies.
pub(crate) fn other_owner<'a>(entries: &'a [Value], path: &Path, manager: &str) -> Option<&'a str> {
    let mut others = entries.iter().filter(|entry| !is_of(entry, manager, APPLY));
    let owner = others.find(|entry| parse(&entry["fieldsV1"]).contains(path));
    owner.and_then(|entry| entry["manager"].as_str())
}

const APPLY: &str = "Apply";
const UPDATE: &str = "Update";

/// The entries of an object after `writer` changed `old` (`None`: created) into `new`. `entries` are those that the
/// object had, or that the client sent.
pub(crate) fn update(
    entries: &[Value],
    old: Option<&Value>,
    new: &Value,
    writer: &Writer,
) -> Vec<Value> {
    let before = old.map(flatten).unwrap_or_default();
    let after = flatten(new);
    let changed: Fields = after
        .iter()
        .filter(|(path, value)| before.get(*path) != Some(value))
        .map(|(path, _)| path.clone())
        .collect();
    let removed: Fields = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .cloned()
        .collect();

    let operation = if writer.applied.is_some() {
        APPLY
    } else {
        UPDATE
    };
    let mut updated: Vec<(Value, Fields)> = Vec::new();
    let mut own: Option<(Value, Fields)> = None;
    for entry in entries {
        let fields = parse(&entry["fieldsV1"]);
        if own.is_none() && is_of(entry, &writer.manager, operation) {
            own = Some((entry.clone(), fields));
        } else {
            let left = fields
                .into_iter()
                .filter(|path| !changed.contains(path) && !removed.contains(path))
                .collect();
            updated.push((entry.clone(), left));
        }
    }
    match own {
        Some((mut entry, fields)) => {
            let kept = fields.iter().filter(|path| !removed.contains(*path));
            let now = match &writer.applied {
                Some(applied) => applied.clone(),
                None => kept.chain(&changed).cloned().collect(),
            };
            // An apply that changes anything stamps its entry on old servers too.
            let stamped = match writer.restamp || writer.applied.is_some() {
                true => !changed.is_empty(),
                false => now != fields,
            };
            if stamped {
                entry["time"] = writer.time.clone().into();
            }
            updated.push((entry, now));
        }
        None => updated.push((
            json!({
                "manager": writer.manager, "operation": operation, "apiVersion": "coordination.k8s.io/v1",
                "time": writer.time, "fieldsType": "FieldsV1",
            }),
            writer.applied.clone().unwrap_or(changed),
        )),
    }
    let mut entries: Vec<Value> = updated
        .into_iter()
        .filter(|(_, fields)| !fields.is_empty())
        .map(|(mut entry, fields)| {
            entry["fieldsV1"] = render(&fields);
            entry
        })
        .collect();
    let order = |entry: &Value| {
        ["operation", "time", "manager"]
            .map(|key| entry[key].as_str().unwrap_or_default().to_owned())
    };
    entries.sort_by_key(order);
    entries
}

fn is_of(entry: &Value, manager: &str, operation: &str) -> bool {
    entry["manager"] == *manager
        && entry["operation"] == *operation
        && entry["apiVersion"] == "coordination.k8s.io/v1"
        && entry["subresource"].as_str().unwrap_or_default().is_empty()
}

/// Every field that can be owned, with its value. What the server itself sets is owned by nobody.
fn flatten(object: &Value) -> BTreeMap<Path, Value> {
    let mut flat = BTreeMap::new();
    let mut add = |path: &[&str], value: &Value| {
        flat.insert(
            path.iter().map(|key| (*key).to_owned()).collect::<Path>(),
            value.clone(),
        );
    };
    let metadata = &object["metadata"];
    for field in ["labels", "annotations"] {
        let Some(map) = metadata[field].as_object() else {
            continue;
        };
        let field = format!("f:{field}");
        add(&["f:metadata", &field], &Value::Null);
        for (key, value) in map {
            add(&["f:metadata", &field, &format!("f:{key}")], value);
        }
    }
    for (field, key) in [("finalizers", None), ("ownerReferences", Some("uid"))] {
        let Some(list) = metadata[field].as_array() else {
            continue;
        };
        let field = format!("f:{field}");
        add(&["f:metadata", &field], &Value::Null);
        for item in list {
            let name = match key {
                None => format!("v:{item}"),
                Some(key) => format!("k:{}", json!({ key: item[key] })),
            };
            add(&["f:metadata", &field, &name], item);
        }
    }
    if let Some(prefix) = metadata.get("generateName") {
        add(&["f:metadata", "f:generateName"], prefix);
    }
    for (key, value) in object["spec"].as_object().into_iter().flatten() {
        add(&["f:spec", &format!("f:{key}")], value);
    }
    flat
}

/// The fields of a `fieldsV1`: a key without children is a field, and so is the parent of a `.`.
fn parse(fields: &Value) -> Fields {
    fn walk(value: &Value, path: &mut Path, found: &mut Fields) {
        for (key, child) in value.as_object().into_iter().flatten() {
            if key == "." {
                found.insert(path.clone());
                continue;
            }
            path.push(key.clone());
            if child.as_object().is_none_or(Map::is_empty) {
                found.insert(path.clone());
            } else {
                walk(child, path, found);
            }
            path.pop();
        }
    }
    let mut found = Fields::new();
    walk(fields, &mut Path::new(), &mut found);
    found
}

/// The reverse of [`parse`]. A path sorts before those that it begins, so a parent is always there already.
fn render(fields: &Fields) -> Value {
    let mut root = Map::new();
    let mut owned = Fields::new();
    for path in fields {
        let mut node = &mut root;
        for (depth, key) in path.iter().enumerate() {
            if owned.contains(&path[..depth]) {
                node.insert(".".into(), json!({}));
            }
            let child = node.entry(key.clone()).or_insert_with(|| json!({}));
            node = match child {
                Value::Object(map) => map,
                _ => break,
            };
        }
        owned.insert(path.clone());
    }
    Value::Object(root)
}

#[cfg(test)]
mod tests {
    use super::{Writer, parse, render, update};
    use serde_json::{Value, json};

    fn writer(manager: &str, time: &str, restamp: bool) -> Writer {
        Writer {
            manager: manager.into(),
            time: time.into(),
            restamp,
            applied: None,
        }
    }

    fn lease(holder: &str, renewed: &str) -> Value {
        json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": holder, "renewTime": renewed}})
    }

    #[test]
    fn fields_survive_being_parsed_and_rendered() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}, "f:finalizers": {".": {}, "v:\"x\"": {}}},
            "f:spec": {"f:holderIdentity": {}}});
        assert_eq!(render(&parse(&fields)), fields);
    }

    #[test]
    fn ownership_moves_to_the_last_manager_that_changed_the_value() {
        let (first, second) = (lease("x", "1"), lease("x", "2"));
        let created = update(&[], None, &first, &writer("a", "T1", true));
        assert_eq!(
            created[0]["fieldsV1"],
            json!({"f:spec": {"f:holderIdentity": {}, "f:renewTime": {}}})
        );
        let renewed = update(&created, Some(&first), &second, &writer("b", "T2", true));
        assert_eq!(
            renewed[0]["fieldsV1"],
            json!({"f:spec": {"f:holderIdentity": {}}})
        );
        assert_eq!(renewed[0]["time"], "T1");
        assert_eq!(
            renewed[1]["fieldsV1"],
            json!({"f:spec": {"f:renewTime": {}}})
        );
        assert_eq!(
            (renewed[1]["manager"].as_str(), renewed[1]["time"].as_str()),
            (Some("b"), Some("T2"))
        );
    }

    #[test]
    fn a_renewal_restamps_the_time_only_on_servers_that_do() {
        let (first, second) = (lease("x", "1"), lease("x", "2"));
        for (restamp, time) in [(true, "T2"), (false, "T1")] {
            let created = update(&[], None, &first, &writer("a", "T1", restamp));
            let renewed = update(&created, Some(&first), &second, &writer("a", "T2", restamp));
            assert_eq!(renewed[0]["time"], time);
        }
    }

    #[test]
    fn an_entry_whose_set_of_fields_changed_is_restamped_by_old_servers_too() {
        let first = lease("x", "1");
        let mut second = first.clone();
        second["spec"]["leaseTransitions"] = 1.into();
        let created = update(&[], None, &first, &writer("a", "T1", false));
        let updated = update(&created, Some(&first), &second, &writer("a", "T2", false));
        assert_eq!(updated[0]["time"], "T2");
    }

    #[test]
    fn an_entry_that_owns_nothing_any_more_is_gone() {
        let (first, second) = (lease("x", "1"), lease("y", "2"));
        let created = update(&[], None, &first, &writer("a", "T1", true));
        let taken = update(&created, Some(&first), &second, &writer("b", "T2", true));
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0]["manager"], "b");
    }
}
