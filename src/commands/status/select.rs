//! Which rows of a list are shown, and in which order.

use std::cmp::{Ordering, Reverse};

use jiff::SignedDuration;
use serde_json::Value;
use wildmatch::WildMatch;

use crate::cli::{ClassArg, SortBy, StateArg, StatusArgs};
use crate::error::Error;
use crate::jsonpath::Template;
use crate::lease::report::{Row, State};
use crate::lease::summary::Class;
use crate::lease::values::slot_index;
use crate::output::document::failed;
use crate::output::status::document;

/// Whether a row is asked for.
pub fn wanted(row: &Row, args: &StatusArgs) -> bool {
    (!args.slots || slot(row, args).is_some())
        && one_of(&args.state, |state| is_state(row.condition.state, state))
        && is_of(row, &args.class)
        && (is_line_shown(args) || row.lease.class != Class::Waiter)
        && (args.holder.as_ref()).is_none_or(|pattern| is_held_by(row, pattern))
}

/// Whether places in line are shown as Leases of their own. In a list they are none, unless they are asked for.
pub fn is_line_shown(args: &StatusArgs) -> bool {
    args.class.contains(&ClassArg::Waiter)
}

/// Whether its holder matches.
pub fn is_held_by(row: &Row, pattern: &str) -> bool {
    let holder = row.lease.holder.as_deref();
    holder.is_some_and(|holder| WildMatch::new(pattern).matches(holder))
}

/// Whether a row is of one of these classes, where any are asked for.
pub fn is_of(row: &Row, classes: &[ClassArg]) -> bool {
    one_of(classes, |class| is_class(row.lease.class, class))
}

/// Which slot of the one that was named it is, by its name.
pub fn slot(row: &Row, args: &StatusArgs) -> Option<usize> {
    slot_index(args.names.first()?.as_str(), &row.lease.name)
}

/// Whether it is one of those asked for, where any are.
pub fn one_of<T: Copy>(asked: &[T], is: impl Fn(T) -> bool) -> bool {
    asked.is_empty() || asked.iter().any(|one| is(*one))
}

/// Whether this is the state that is asked for.
pub fn is_state(state: State, asked: StateArg) -> bool {
    match asked {
        StateArg::Held => matches!(state, State::Held | State::HeldWithoutExpiry),
        StateArg::Expired => state == State::Expired,
        StateArg::Free => state == State::Free,
        StateArg::Terminating => state == State::Terminating,
    }
}

fn is_class(class: Class, asked: ClassArg) -> bool {
    match asked {
        ClassArg::Node => class == Class::Node,
        ClassArg::ApiServer => class == Class::ApiServer,
        ClassArg::Election => class == Class::LeaderElection,
        ClassArg::Waiter => class == Class::Waiter,
        ClassArg::Lock => class == Class::Lock,
    }
}

/// Sorts rows; the server's own order is by name.
///
/// # Errors
/// When nothing has the path to sort by.
pub fn sort(rows: &mut [Row], by: &SortBy) -> Result<(), Error> {
    match by {
        SortBy::Name => rows.sort_by(|a, b| {
            (&a.lease.namespace, &a.lease.name).cmp(&(&b.lease.namespace, &b.lease.name))
        }),
        SortBy::Renewed => rows
            .sort_by_key(|row| Reverse(row.condition.renewed_ago.unwrap_or(SignedDuration::MIN))),
        SortBy::Expires => {
            rows.sort_by_key(|row| row.condition.expires_in.unwrap_or(SignedDuration::MAX))
        }
        SortBy::Transitions => rows.sort_by_key(|row| Reverse(row.lease.transitions)),
        SortBy::Age => rows.sort_by_key(|row| Reverse(row.age())),
        SortBy::Path(path) => return sort_by_path(rows, path),
    }
    Ok(())
}

fn sort_by_path(rows: &mut [Row], path: &Template) -> Result<(), Error> {
    let key = |row: &Row| {
        let found = path.values(&document::for_templates(row));
        Ok(found.map_err(failed)?.into_iter().next())
    };
    let keys = rows
        .iter()
        .map(key)
        .collect::<Result<Vec<Option<Value>>, Error>>()?;
    if !rows.is_empty() && keys.iter().all(Option::is_none) {
        return Err(Error::Local("no lease has the path to sort by".to_owned()));
    }
    let mut sorted: Vec<(Option<Value>, Row)> =
        keys.into_iter().zip(rows.iter().cloned()).collect();
    sorted.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => ordering(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    for (place, (_, row)) in rows.iter_mut().zip(sorted) {
        *place = row;
    }
    Ok(())
}

/// Numbers by their size, and so texts that are quantities, as kubectl: `9` before `10`, `10Mi` before `9Gi`.
fn ordering(a: &Value, b: &Value) -> Ordering {
    let by_size = |a: Option<f64>, b: Option<f64>| a.zip(b).and_then(|(a, b)| a.partial_cmp(&b));
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            by_size(a.as_f64(), b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => {
            by_size(quantity(a), quantity(b)).unwrap_or_else(|| a.cmp(b))
        }
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

/// What Kubernetes takes for a quantity.
fn quantity(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)? {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_quantities_are_ordered_by_their_size_and_others_by_their_bytes() {
        let mut texts =
            ["x10", "9Gi", "10Mi", "b-9", "b-10", "X9", "500m", "10", "9"].map(Value::from);
        texts.sort_by(ordering);
        let expected = ["500m", "9", "10", "10Mi", "9Gi", "X9", "b-10", "b-9", "x10"];
        assert_eq!(texts, expected.map(Value::from));
        assert_eq!(ordering(&9.into(), &10.into()), Ordering::Less);
    }

    #[test]
    fn holder_patterns_match_as_a_shells() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("ci-*", "ci-7", true),
            ("ci-?", "ci-7", true),
            ("ci-?", "ci-17", false),
            ("*@host", "me@host", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("me", "me2", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(
                WildMatch::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
