//! Tells a write that says that an earlier grant has stopped from all others.

use lease_model::lease::record::Record;
use serde_json::Value;

/// What a Lease says of an earlier grant.
pub fn word(record: &Record) -> &Value {
    &record.as_json()["metadata"]["annotations"]["kubectl-lease/stopped"]
}

/// Whether nothing differs but annotations, and what the server itself writes.
pub fn same_beside_words(one: &Record, other: &Record) -> bool {
    let (one, other) = (one.as_json(), other.as_json());
    let own = ["annotations", "resourceVersion", "managedFields"];
    same_but_for(&["metadata"], one, other)
        && same_but_for(&own, &one["metadata"], &other["metadata"])
}

/// Whether two objects have the same fields, whatever is in these.
fn same_but_for(these: &[&str], one: &Value, other: &Value) -> bool {
    fn others<'v>(of: &'v Value, these: &[&str]) -> impl Iterator<Item = (&'v String, &'v Value)> {
        let fields = of.as_object().into_iter().flatten();
        fields.filter(move |(field, _)| !these.contains(&field.as_str()))
    }
    others(one, these).eq(others(other, these))
}
