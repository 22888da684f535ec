//! What a template finds in a document, and its text.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::slice::Slice;
use super::{Filter, Part, Step, Template, go};
use crate::words::shown;

/// Values of the document, and texts and numbers of the template.
type Found<'a> = Vec<Cow<'a, Value>>;

impl Template {
    /// The text for a document; what is not there is empty. On a terminal what could change its state is escaped; a
    /// script gets every character.
    ///
    /// # Errors
    /// As kubectl: an index that is out of range, an index of what is no list, a comparison of what cannot be compared.
    pub fn render(&self, document: &Value, on_terminal: bool) -> Result<String, String> {
        let mut out = String::new();
        each(&self.parts, document, self.strict, &mut |found, literal| {
            let texts: Vec<String> = found.iter().map(|value| go::printed(value)).collect();
            let text = texts.join(" ");
            if on_terminal && !literal {
                out.push_str(&shown::value(&text));
            } else {
                out.push_str(&text);
            }
        })?;
        Ok(out)
    }

    /// What each action finds, as one list each.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn lists(&self, document: &Value) -> Result<Vec<Value>, String> {
        let mut lists = Vec::new();
        each(&self.parts, document, self.strict, &mut |found, _| {
            lists.push(found.into_iter().map(Cow::into_owned).collect());
        })?;
        Ok(lists)
    }

    /// All that is found.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn values(&self, document: &Value) -> Result<Vec<Value>, String> {
        let mut values = Vec::new();
        each(&self.parts, document, self.strict, &mut |found, _| {
            values.extend(found.into_iter().map(Cow::into_owned));
        })?;
        Ok(values)
    }
}

/// Hands on what each part finds, and whether that is the template's own text.
fn each(
    parts: &[Part],
    document: &Value,
    strict: bool,
    take: &mut impl FnMut(Found<'_>, bool),
) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(text) => take(vec![Cow::Owned(Value::String(text.clone()))], true),
            Part::Action(steps) => {
                let literal = matches!(steps.last(), Some(Step::Text(_)));
                take(walk(vec![Cow::Borrowed(document)], steps, strict)?, literal);
            }
            Part::Range(steps, inner) => {
                for item in walk(vec![Cow::Borrowed(document)], steps, strict)? {
                    each(inner, &item, strict, take)?;
                }
            }
        }
    }
    Ok(())
}

/// Each step begins with what the one before has found.
fn walk<'a>(mut found: Found<'a>, steps: &[Step], strict: bool) -> Result<Found<'a>, String> {
    for step in steps {
        found = match step {
            Step::Text(text) => vec![Cow::Owned(Value::String(text.clone()))],
            Step::Integer(number) => constant(&found, &Value::from(*number)),
            Step::Float(number) => constant(&found, &Value::from(*number)),
            Step::Bool(value) => constant(&found, &Value::from(*value)),
            Step::Field(name) => {
                let all: Found<'a> = found
                    .iter()
                    .filter_map(|value| field(value, name))
                    .collect();
                // As kubectl: of nothing, nothing is missing.
                if strict && all.is_empty() && !found.is_empty() {
                    return Err(format!("{name} is not found"));
                }
                all
            }
            Step::Wildcard => found.iter().flat_map(children).collect(),
            Step::Recursive => {
                let mut all = Vec::new();
                for value in found {
                    descend(value, &mut all);
                }
                all
            }
            Step::Slice(slice) => {
                let mut all = Vec::new();
                for value in found.iter().filter(|value| !value.is_null()) {
                    all.extend(sliced(value, *slice)?);
                }
                all
            }
            Step::Union(members) => {
                let mut all = Vec::new();
                for member in members {
                    all.extend(walk(found.clone(), member, strict)?);
                }
                all
            }
            Step::Filter(filter) => {
                let mut all = Vec::new();
                for value in &found {
                    all.extend(filtered(value, filter, strict)?);
                }
                all
            }
        };
    }
    Ok(found)
}

fn constant<'a>(found: &Found<'a>, value: &Value) -> Found<'a> {
    found.iter().map(|_| Cow::Owned(value.clone())).collect()
}

fn field<'a>(value: &Cow<'a, Value>, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.as_object()?.get(name).cloned().map(Cow::Owned),
    }
}

/// The items of a list, or the values of an object.
fn children<'a>(value: &Cow<'a, Value>) -> Found<'a> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(fields)) => fields.values().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(items)) => items.iter().cloned().map(Cow::Owned).collect(),
        Cow::Owned(Value::Object(fields)) => fields.values().cloned().map(Cow::Owned).collect(),
        Cow::Borrowed(_) | Cow::Owned(_) => Vec::new(),
    }
}

/// An object that repeats fields of its own spec beside it, as a status does with a Lease's times, without these: on the way
/// through all levels kubectl meets each once.
fn without_repeated(value: Cow<'_, Value>) -> Cow<'_, Value> {
    let repeated: Vec<String> = match value.as_object() {
        Some(fields) => {
            let spec = fields.get("spec").and_then(Value::as_object);
            let names = spec.into_iter().flat_map(serde_json::Map::keys);
            names
                .filter(|name| fields.contains_key(*name))
                .cloned()
                .collect()
        }
        None => Vec::new(),
    };
    if repeated.is_empty() {
        return value;
    }
    let mut value = value.into_owned();
    if let Some(fields) = value.as_object_mut() {
        for name in repeated {
            fields.remove(&name);
        }
    }
    Cow::Owned(value)
}

/// A value and what is in it on every level, as far as anything can be in it: texts count (Go indexes them), numbers do not.
fn descend<'a>(value: Cow<'a, Value>, all: &mut Found<'a>) {
    let value = without_repeated(value);
    let inner = children(&value);
    if !inner.is_empty() || value.as_str().is_some_and(|text| !text.is_empty()) {
        all.push(value);
    }
    for value in inner {
        descend(value, all);
    }
}

fn items<'v>(value: &'v Value, and: &str) -> Result<&'v [Value], String> {
    let kind = match value {
        Value::Array(items) => return Ok(items),
        Value::Object(_) => "an object",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    Err(format!("{kind} is not array or slice{and}"))
}

fn sliced<'a>(value: &Cow<'a, Value>, slice: Slice) -> Result<Found<'a>, String> {
    let length = i64::try_from(items(value, "")?.len()).unwrap_or(i64::MAX);
    let mut from = slice.from.unwrap_or(0);
    let mut to = slice.to.unwrap_or(length);
    if from < 0 {
        from += length;
    }
    if to < 0 || to == 0 && slice.one {
        to += length;
    }
    if from == to {
        return Ok(Vec::new());
    }
    let outside = |index| format!("array index out of bounds: index {index}, length {length}");
    if !(0..length).contains(&from) {
        return Err(outside(from));
    }
    if !(0..=length).contains(&to) {
        return Err(outside(to.saturating_sub(1)));
    }
    if from > to {
        return Err(format!(
            "starting index {from} is greater than ending index {to}"
        ));
    }
    let step = slice.step.unwrap_or(1);
    let step = usize::try_from(step).ok().filter(|step| *step > 0);
    let step = step.ok_or_else(|| "step must be > 0".to_owned())?;
    let span = |index| usize::try_from(index).unwrap_or_default();
    let all = children(value).into_iter();
    Ok(all.take(span(to)).skip(span(from)).step_by(step).collect())
}

fn filtered<'a>(
    value: &Cow<'a, Value>,
    filter: &Filter,
    strict: bool,
) -> Result<Found<'a>, String> {
    items(value, " and cannot be filtered")?;
    let mut passed = Vec::new();
    for item in children(value) {
        let begin = || vec![item.clone()];
        let passes = match &filter.right {
            // Asks whether it is there.
            None => !walk(begin(), &filter.left, false)?.is_empty(),
            Some((operator, right)) => {
                let left = walk(begin(), &filter.left, strict)?;
                match (left.as_slice(), walk(begin(), right, strict)?.as_slice()) {
                    ([], _) | (_, []) => false,
                    ([left], [right]) => compare(left, operator, right)?,
                    (_, _) => return Err("can only compare one element at a time".to_owned()),
                }
            }
        };
        if passes {
            passed.push(item);
        }
    }
    Ok(passed)
}

fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, String> {
    let ordering = match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) if operator == "==" || operator == "!=" => {
            Some(left.cmp(right))
        }
        // kubectl refuses to compare a whole number with another one; spans in seconds are both.
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            (_, _) => left
                .as_f64()
                .zip(right.as_f64())
                .and_then(|(left, right)| left.partial_cmp(&right)),
        },
        (_, _) => None,
    };
    let ordering = ordering.ok_or_else(|| "incompatible types for comparison".to_owned())?;
    Ok(match operator {
        "==" => ordering == Ordering::Equal,
        "!=" => ordering != Ordering::Equal,
        "<" => ordering == Ordering::Less,
        "<=" => ordering != Ordering::Greater,
        ">" => ordering == Ordering::Greater,
        _ => ordering != Ordering::Less,
    })
}
